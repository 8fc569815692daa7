"""Runs the command: in a process of its own, as a shell would, or in this one, which is quicker and says the same."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

from typer import Typer
from typer.main import get_command
from typer.testing import CliRunner, Result

from expunge.__main__ import whole_application
from expunge.cli.terminal import output

_NO_APPLICATION = Typer()
"""Stands where the runner would make the command out of an application."""


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON object of the answer."""
        lines = self.out.splitlines()
        assert len(lines) == 1, self.out
        return json.loads(lines[0])

    @property
    def lines(self) -> list[Any]:
        return [json.loads(line) for line in self.out.splitlines()]


@cache
def _whole_command() -> Any:
    """The command line, made once for a process of tests: that takes ten times as long as a small command."""
    return get_command(whole_application())


def invoke(*arguments: str | Path, typed: str | bytes | None = None, env: dict[str, str] | None = None) -> Result:
    """Run the command in this process, and return the runner's result."""
    with patch("typer.testing._get_command", lambda _: _whole_command()):
        return CliRunner().invoke(_NO_APPLICATION, [str(each) for each in arguments], input=typed, env={"NO_COLOR": "1", **(env or {})})


def expunge(*arguments: str | Path, cwd: Path | None = None, env: dict[str, str] | None = None) -> Ran:
    """In this process; nobody is at a terminal."""
    output.stdout.cache_clear()
    output.stderr.cache_clear()
    with contextlib.chdir(cwd or Path.cwd()):
        done = invoke(*arguments, env=env)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return Ran(done.exit_code, done.stdout, done.stderr)


def in_a_process(*arguments: str | Path, cwd: Path | None = None, env: dict[str, str] | None = None) -> Ran:
    """As a shell would."""
    command = [sys.executable, "-m", "expunge", *map(str, arguments)]
    environment = {**os.environ, "COLUMNS": "200", "NO_COLOR": "1", **(env or {})}
    done = subprocess.run(command, cwd=cwd, env=environment, input="", capture_output=True, text=True, timeout=600, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    return Ran(done.returncode, done.stdout, done.stderr)
