"""Runs a test in a process of its own, for what a library that another test loaded would disturb."""

from __future__ import annotations

import functools
import inspect
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

_INSIDE = "EXPUNGE_TEST_IN_FRESH_PROCESS"


def in_fresh_process(test: Callable[..., None]) -> Callable[..., None]:
    """Run a test by a pytest of its own: libraries that start threads in every forked child stay away from it."""
    here = f"{Path(inspect.getfile(test))}::{test.__name__}"

    @functools.wraps(test)
    def apart(*arguments: Any, **named: Any) -> None:
        if os.environ.get(_INSIDE):
            test(*arguments, **named)
            return
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-m", "", here]
        done = subprocess.run(command, env=os.environ | {_INSIDE: "1"}, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stdout
        assert "1 passed" in done.stdout or "1 skipped" in done.stdout, done.stdout

    return apart
