"""Notes of a run of the whole suite, for ``scripts/test``: how long each test took, and which were disturbed by others beside them.

``-p tests.notes --notes=FOLDER`` writes ``durations.tsv``, ``processor.tsv`` and ``failed.json`` into the folder, each failure at once into
``failures.txt``, and prints the slowest tests and files. Seconds of a processor are those of the process of the tests and of its children
that have ended: they say more than a duration where other work takes the processor away.
A run with ``--beside=FAILED.json`` repeats the tests that failed there, alone, prints both results, and fails unless each of them passes.
``python -m tests.notes FILE.tsv`` prints the table of CONTRIBUTING.md.
"""

from __future__ import annotations

import json
import os
import sys
from collections import defaultdict
from collections.abc import Generator, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

SLOWEST = 10
SLOWEST_FILES = 40
PASSED = "passed"


class Notes:
    """What the process that collects the reports of all workers writes down."""

    def __init__(self, folder: Path, beside: Mapping[str, str]) -> None:
        self.folder = folder
        self.beside = beside
        self.seconds: dict[str, float] = defaultdict(float)
        self.processor: dict[str, float] = defaultdict(float)
        self.results: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.seconds[report.nodeid] += report.duration
        self.processor[report.nodeid] += getattr(report, "processor", 0.0)
        if report.failed:
            self.results[report.nodeid] = f"failed: {_first_line(report)}"
            # Why at once: a long run that is broken off has told what it found.
            self.folder.mkdir(parents=True, exist_ok=True)
            with (self.folder / "failures.txt").open("a") as found:
                found.write(f"{report.nodeid}\t{_first_line(report)}\n")
        elif report.when == "call" and report.passed:
            self.results.setdefault(report.nodeid, PASSED)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.results[report.nodeid] = f"failed: {_first_line(report)}"

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if self.beside:
            terminalreporter.section("tests that failed beside others, and the same alone")
            for name, first in self.beside.items():
                terminalreporter.line(f"{name}\n  beside others  {first}\n  alone          {self.results.get(name, 'not run')}")
            return
        terminalreporter.section(f"the {SLOWEST} slowest tests; all are in {self.folder / 'durations.tsv'}")
        for name, seconds in slowest(self.seconds, SLOWEST):
            terminalreporter.line(f"{seconds:7.2f} s  {name}")
        files, processor = (sums(lines)[1] for lines in (_lines(self.seconds), _lines(self.processor)))
        whole = f"{sum(files.values()):.0f} s in all, {sum(processor.values()):.0f} s of a processor"
        terminalreporter.section(f"the {SLOWEST_FILES} dearest files, of {whole}")
        for name, seconds in slowest(processor, SLOWEST_FILES):
            terminalreporter.line(f"{files[name]:7.0f} s {seconds:7.0f} s of a processor  {name}")

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.beside:
            # A test that is skipped or gone, or a file that could not be imported, has shown nothing.
            if session.exitstatus == pytest.ExitCode.OK and any(self.results.get(name) != PASSED for name in self.beside):
                session.exitstatus = pytest.ExitCode.TESTS_FAILED
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        for file, seconds in (("durations.tsv", self.seconds), ("processor.tsv", self.processor)):
            (self.folder / file).write_text("".join(_lines(seconds)), encoding="utf-8")
        failed = {name: result for name, result in self.results.items() if result != PASSED}
        (self.folder / "failed.json").write_text(json.dumps(failed, indent=1), encoding="utf-8")


class Meter:
    """Adds to each report the seconds of a processor since the one before."""

    def __init__(self) -> None:
        self._before = 0.0

    def pytest_collection_finish(self) -> None:
        self._before = _processor_s()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        before, self._before = self._before, _processor_s()
        report.processor = self._before - before
        return report


def _processor_s() -> float:
    """Return the seconds that this process and its children that have ended had a processor."""
    return sum(os.times()[:4])


def slowest(seconds: Mapping[str, float], count: int | None) -> list[tuple[str, float]]:
    """Sort by duration, the slowest first."""
    return sorted(seconds.items(), key=lambda pair: -pair[1])[:count]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--notes", type=Path, help="folder for the durations and the failed tests of this run")
    parser.addoption("--beside", type=Path, help="failed.json of an earlier run, whose tests are repeated")


def pytest_configure(config: pytest.Config) -> None:
    folder, beside = config.getoption("notes"), config.getoption("beside")
    if folder is None:
        return
    config.pluginmanager.register(Meter())
    if hasattr(config, "workerinput"):
        return
    config.pluginmanager.register(Notes(folder, json.loads(beside.read_text("utf-8")) if beside else {}))


def _first_line(report: pytest.TestReport | pytest.CollectReport) -> str:
    crash = getattr(report.longrepr, "reprcrash", None)
    text = str(crash.message if crash is not None else report.longrepr)
    return f"{text.splitlines()[0] if text else 'no message'} ({report.when})"


def _lines(seconds: Mapping[str, float]) -> Iterable[str]:
    return (f"{each:.3f}\t{name}\n" for name, each in slowest(seconds, None))


def sums(lines: Iterable[str]) -> tuple[dict[str, float], dict[str, float]]:
    """Add durations up by folder and by file."""
    folders: dict[str, float] = defaultdict(float)
    files: dict[str, float] = defaultdict(float)
    for line in lines:
        seconds, _, name = line.rstrip("\n").partition("\t")
        file = name.partition("::")[0]
        files[file] += float(seconds)
        folders["/".join(file.split("/")[:2])] += float(seconds)
    return folders, files


def main(path: Path) -> None:
    with path.open(encoding="utf-8") as lines:
        folders, files = sums(lines)
    for title, parts, count in (("folder", folders, None), ("file", files, 20)):
        print(f"| {title} | seconds |\n| --- | ---: |")
        for name, seconds in slowest(parts, count):
            print(f"| `{name}` | {seconds:.0f} |")
        print()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
