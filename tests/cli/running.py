"""Runs the command: in a process of its own, as a shell would, or in this one, which is quicker and says the same."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from expunge.__main__ import whole_application
from expunge.cli.terminal import output


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


def expunge(*arguments: str | Path, cwd: Path | None = None, env: dict[str, str] | None = None) -> Ran:
    """In this process; nobody is at a terminal."""
    output.stdout.cache_clear()
    output.stderr.cache_clear()
    with contextlib.chdir(cwd or Path.cwd()):
        done = CliRunner().invoke(whole_application(), [str(each) for each in arguments], env={"NO_COLOR": "1", **(env or {})})
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
