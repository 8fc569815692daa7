"""What a run of the suite notes down: durations, and both results of a test that was disturbed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
DISTURBED = """
import pathlib, subprocess, sys, time

def test_of_two():
    seen = pathlib.Path(__file__).with_name("seen")
    again = seen.exists()
    seen.touch()
    assert again, "somebody was there"

def test_that_takes_its_time():
    time.sleep(0.2)

def test_that_works():
    subprocess.run([sys.executable, "-c", "import time\\nwhile time.process_time() < 0.3: pass"], check=True)

def test_that_is_broken():
    assert 1 == 2, "broken"
"""


def run(folder: Path, *arguments: str) -> str:
    return ran(folder, *arguments).stdout


def ran(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.notes", "-o", f"cache_dir={folder / 'cache'}", *arguments, str(folder)]
    paths = os.pathsep.join((str(ROOT), os.environ.get("PYTHONPATH", "")))
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": paths, "PYTEST_ADDOPTS": ""}
    )


def test_durations_are_noted_and_both_results_of_a_disturbed_test_are_told(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").touch()
    (tmp_path / "test_it.py").write_text(DISTURBED)
    notes = tmp_path / "notes"
    first = run(tmp_path, f"--notes={notes}", "-n", "2")
    assert "the 10 slowest tests" in first
    assert "the 40 dearest files" in first
    durations, processor = (_noted(notes / name) for name in ("durations.tsv", "processor.tsv"))
    assert durations["test_it.py::test_that_takes_its_time"] >= 0.2
    assert next(iter(processor)) == "test_it.py::test_that_works"
    assert processor["test_it.py::test_that_works"] >= 0.2, "a system may count in ticks, and less than the process itself"
    failed = notes / "failed.json"
    assert set(json.loads(failed.read_text())) == {"test_it.py::test_of_two", "test_it.py::test_that_is_broken"}

    again = run(tmp_path, f"--notes={notes}", f"--beside={failed}", "--last-failed")
    told = again.partition("tests that failed beside others, and the same alone")[2]
    assert "test_it.py::test_of_two\n  beside others  failed: AssertionError: somebody was there" in told
    assert "(call)\n  alone          passed\n" in told
    assert "test_it.py::test_that_is_broken\n  beside others  failed: AssertionError: broken" in told
    assert "  alone          failed: AssertionError: broken" in told
    assert again.rstrip().splitlines()[-1].startswith("1 failed, 1 passed")
    assert len(json.loads(failed.read_text())) == 2, "the notes of the first run stay"


def _noted(path: Path) -> dict[str, float]:
    return {name: float(seconds) for seconds, name in (line.split("\t") for line in path.read_text().splitlines())}


@pytest.mark.parametrize(
    ("again", "status"),
    [
        ("def test_one(): pass", pytest.ExitCode.OK),
        ("import pytest\ndef test_one(): pytest.skip('not now')", pytest.ExitCode.TESTS_FAILED),
        ("import pytest\n@pytest.mark.skip\ndef test_one(): pass", pytest.ExitCode.TESTS_FAILED),
        ("def test_other(): pass", pytest.ExitCode.TESTS_FAILED),
    ],
    ids=["passes", "skips", "is skipped", "is gone"],
)
def test_a_repeated_run_is_good_only_when_each_test_passes(tmp_path: Path, again: str, status: int) -> None:
    (tmp_path / "pytest.ini").touch()
    (tmp_path / "test_it.py").write_text(again)
    failed = tmp_path / "failed.json"
    failed.write_text(json.dumps({"test_it.py::test_one": "failed: broken (call)"}))
    assert ran(tmp_path, f"--notes={tmp_path / 'notes'}", f"--beside={failed}").returncode == status


def test_a_file_that_could_not_be_imported_is_noted_and_is_not_repeated_by_its_tests(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").touch()
    (tmp_path / "test_it.py").write_text("import nowhere_to_be_found")
    notes = tmp_path / "notes"
    run(tmp_path, f"--notes={notes}")
    assert set(json.loads((notes / "failed.json").read_text())) == {"test_it.py"}
    (tmp_path / "test_it.py").write_text("def test_one(): pass")
    again = ran(tmp_path, f"--notes={notes}", f"--beside={notes / 'failed.json'}")
    assert again.returncode == pytest.ExitCode.TESTS_FAILED
    assert "test_it.py\n  beside others  failed:" in again.stdout


def test_the_table_adds_durations_up(tmp_path: Path) -> None:
    (tmp_path / "durations.tsv").write_text("2.500\ttests/core/test_a.py::test_one[x]\n1.000\ttests/core/test_b.py::test_two\n")
    done = subprocess.run(
        [sys.executable, "-m", "tests.notes", str(tmp_path / "durations.tsv")], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "| `tests/core` | 4 |" in done.stdout
    assert "| `tests/core/test_a.py` | 2 |" in done.stdout
