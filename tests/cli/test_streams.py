"""Where the answer goes: into a closed stream, a full device, a terminal without the letters, a pipe that nobody reads."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli import world
from tests.cli.running import expunge

FULL = Path("/dev/full")


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("company")
    world.make(folder)
    assert expunge("init", cwd=folder).code == 0
    return folder


def _shell(line: str, *, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """The line, with the command as ``$EXPUNGE``."""
    environment = {**os.environ, "EXPUNGE": f"{sys.executable} -m expunge", **env}
    done = subprocess.run(["bash", "-c", line], cwd=cwd, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    assert "Exception ignored" not in done.stderr, done.stderr
    return done


@pytest.mark.parametrize("arguments", ["status", "status --json", "--help"])
def test_a_closed_output_is_no_failure(company: Path, arguments: str) -> None:
    assert _shell(f"$EXPUNGE {arguments} >&-", cwd=company).returncode == 0


def test_a_file_of_ours_does_not_come_to_lie_under_a_closed_stream(company: Path) -> None:
    done = _shell("$EXPUNGE doctor >&- 2>&- <&-; $EXPUNGE log verify --json", cwd=company)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("{")


@pytest.mark.skipif(not FULL.exists(), reason="no /dev/full here")
@pytest.mark.parametrize("arguments", ["status", "status --json", "--help"])
def test_a_full_device_is_said_once(company: Path, arguments: str) -> None:
    done = _shell(f"$EXPUNGE {arguments} >/dev/full", cwd=company)
    assert done.returncode == 1
    assert "No space left" in done.stderr


def test_letters_that_a_terminal_lacks_are_written_as_escapes(company: Path) -> None:
    done = _shell("$EXPUNGE map show", cwd=company, PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert done.returncode == 0, done.stderr
    assert "voice" in done.stdout


def test_a_reader_that_goes_away_is_no_defect(company: Path) -> None:
    done = _shell("$EXPUNGE --help | head -c 1", cwd=company)
    assert done.stderr == ""
