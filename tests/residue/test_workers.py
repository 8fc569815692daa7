"""A scan that is shared finds the same, in the same order, however many take part and wherever files are cut; who dies is no silence."""

from __future__ import annotations

import gzip
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from expunge.core.evidence.traces import Traces
from expunge.core.values.copy import RawSource
from expunge.errors import CouldNotLook
from expunge.ports.scanner import Scanned
from expunge.residue.scanning import helper_pool, scan_units
from expunge.residue.scanning.scanner import ResidueScanner
from expunge.servers.processes import wait_until
from tests.residue.planting import text_traces

CUT = 1 << 16
SAID = [f"sentence {number * 7919} that nobody else has said" for number in range(40)]


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are cut small, and helpers are called for next to nothing."""
    monkeypatch.setattr(scan_units, "SIZE", CUT)
    monkeypatch.setattr(helper_pool, "WORTH", 1)


def share(folder: Path, traces: Traces, processes: int) -> Scanned:
    return ResidueScanner(processes=processes).scan([RawSource(folder, "data")], traces)


def seen_texts(scanned: Scanned, traces: Traces) -> int:
    plain = {index for index, each in enumerate(traces.traces) if each.form == "utf-8"}
    return len(scanned.seen & plain)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A large file with a sentence across every cut, a compressed one that goes on over many cuts, and small ones."""
    rng = random.Random(1)
    large = bytearray(rng.randbytes(12 * CUT + 777))
    for number in range(1, 12):
        at = number * CUT - 1 - (number * 4)
        large[at : at + len(SAID[number])] = SAID[number].encode()
    (tmp_path / "large").write_bytes(large)
    hidden = b"".join(rng.randbytes(CUT) + each.encode() for each in SAID[12:20])
    (tmp_path / "packed").write_bytes(rng.randbytes(CUT + 11) + gzip.compress(hidden, 1))
    for number in range(20, 40):
        (tmp_path / f"small-{number}").write_bytes(b".." + SAID[number].encode())
    return tmp_path


@pytest.mark.usefixtures("eager")
def test_any_number_of_processes_finds_the_same(folder: Path) -> None:
    traces = text_traces(*SAID, budget=60)
    alone = share(folder, traces, 1)
    assert seen_texts(alone, traces) >= 39
    assert {each.hidden.partition("@")[0] for each in alone.found} >= {"plain", "gzip"}
    for processes in (2, 3):
        assert share(folder, traces, processes) == alone


@pytest.mark.usefixtures("eager")
def test_a_cut_changes_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    traces = text_traces(*SAID, budget=60)
    cut = share(folder, traces, 2)
    monkeypatch.setattr(scan_units, "SIZE", 1 << 30)
    whole = share(folder, traces, 1)
    assert cut.seen == whole.seen
    places = [(each.path, each.offset, each.hidden, each.trace.digest) for each in whole.found]
    assert sorted(places) == sorted((each.path, each.offset, each.hidden, each.trace.digest) for each in cut.found)
    assert cut.coverage == whole.coverage


@pytest.mark.usefixtures("eager")
def test_a_helper_that_dies_at_work_is_an_error(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Slow(scan_units.UnitScanner):
        def take(self, unit: scan_units.ScanUnit) -> scan_units.UnitResult:
            time.sleep(0.5)
            return super().take(unit)

    monkeypatch.setattr(helper_pool, "UnitScanner", Slow)
    monkeypatch.setattr(helper_pool, "_PROGRAM", "import os, pickle, time; os.write(1, pickle.dumps('ready')); time.sleep(0.1)")
    with pytest.raises(CouldNotLook, match="ended before it was done"):
        share(folder, text_traces(SAID[1]), 2)


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("program", ["import os; os._exit(3)", "print('hello')", "nonsense"])
def test_a_helper_that_cannot_begin_is_done_without(folder: Path, monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    traces = text_traces(*SAID, budget=60)
    alone = share(folder, traces, 1)
    monkeypatch.setattr(helper_pool, "_PROGRAM", program)
    assert share(folder, traces, 3) == alone
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")
    assert share(folder, traces, 3) == alone


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[subprocess.Popen[bytes]]:
    """Every helper that was started."""
    noted: list[subprocess.Popen[bytes]] = []

    class Noted(subprocess.Popen):
        def __init__(self, *args: object, **others: object) -> None:
            super().__init__(*args, **others)
            noted.append(self)

    monkeypatch.setattr(helper_pool.subprocess, "Popen", Noted)
    return noted


def scan_until(scanner: ResidueScanner, folder: Path, traces: Traces, helped: Callable[[], bool]) -> Scanned:
    """The last of as many scans as it takes: a helper of which nobody knows when it is ready may miss the first."""
    until = time.monotonic() + 120
    while time.monotonic() < until:
        found = scanner.scan([RawSource(folder, "data")], traces)
        if helped():
            return found
        time.sleep(0.05)
    pytest.fail("no helper was ever ready")


@pytest.mark.usefixtures("eager")
def test_helpers_are_asked_again_with_other_traces_and_end_with_the_scanner(folder: Path, started: list[subprocess.Popen[bytes]]) -> None:
    scanner = ResidueScanner(processes=3)
    helpers = scanner._helpers
    for said in (SAID[1], SAID[15], SAID[30]):
        traces = text_traces(said)
        found = scan_until(scanner, folder, traces, lambda: len(helpers._idle) == 2)
        assert found == share(folder, traces, 1)
    assert len(started) == 2
    assert all(each.poll() is None for each in started)
    scanner.close()
    assert all(each.returncode is not None for each in started)
    assert scan_until(scanner, folder, traces, lambda: len(helpers._idle) == 2) == found
    del scanner
    assert len(started) == 4
    assert all(each.returncode is not None for each in started)


def test_a_glance_at_a_large_file_has_helpers_ready_for_the_scan_of_all_of_it(
    tmp_path: Path, started: list[subprocess.Popen[bytes]]
) -> None:
    scanner, traces = ResidueScanner(processes=3), text_traces(*SAID, budget=60)
    small, large = tmp_path / "small", tmp_path / "large"
    small.write_bytes(SAID[1].encode())
    with large.open("wb") as file:
        file.write(SAID[1].encode())
        file.truncate(helper_pool.WORTH)
    seen = scanner.glance({small: [(0, 100)]}, traces).seen
    assert seen
    assert started == []
    for _ in range(2):
        assert scanner.glance({large: [(0, 100)]}, traces).seen == seen
        assert len(started) == len(scanner._helpers._idle) == 2
    scanner.close()
    assert all(each.returncode is not None for each in started)


@pytest.mark.usefixtures("eager")
def test_a_helper_that_died_while_it_waited_is_replaced(folder: Path, started: list[subprocess.Popen[bytes]]) -> None:
    scanner, traces = ResidueScanner(processes=2), text_traces(*SAID, budget=60)
    found = scan_until(scanner, folder, traces, lambda: bool(scanner._helpers._idle))
    started[0].kill()
    started[0].wait()
    assert scan_until(scanner, folder, traces, lambda: bool(scanner._helpers._idle)) == found
    assert len(started) == 2
    assert started[1].poll() is None
    scanner.close()


@pytest.mark.usefixtures("eager")
def test_nobody_waits_for_ever(folder: Path, started: list[subprocess.Popen[bytes]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(helper_pool, "IDLE_S", 0.01)
    scanner = ResidueScanner(processes=2)
    scanner.scan([RawSource(folder, "data")], text_traces(SAID[1]))
    # A small scan may be over before its helper was started.
    assert wait_until(lambda: bool(started), 60)
    assert started[0].wait(60) is not None
    scanner.close()


@pytest.mark.usefixtures("eager")
def test_what_is_missing_is_an_error_whoever_takes_part(folder: Path) -> None:
    sources = [RawSource(folder, "data"), RawSource(folder / "gone", "data")]
    with pytest.raises(CouldNotLook, match="missing"):
        ResidueScanner(processes=3).scan(sources, text_traces(SAID[1]))


def test_a_small_scan_calls_nobody(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")
    monkeypatch.setattr(helper_pool.threading.Thread, "start", lambda _: pytest.fail("a helper was called"))
    assert share(folder, text_traces(*SAID, budget=60), 8).found


def test_files_that_are_read_one_after_the_other_stay_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan_units, "SIZE", CUT)
    names = ["000000010000000000000001", "000000010000000000000002", "16385", "16385.1", "16386", "notes"]
    for name in names:
        (tmp_path / name).write_bytes(b"." * CUT * 3)
    made = scan_units.divide(scan_units.walk([(tmp_path, True)], lambda _: None), sliced=True)
    together = [[each.entry.path.name for each in unit.parts] for unit in made]
    assert together[:3] == [names[:2], names[2:4], names[4:5]]
    assert len(together) == 3 + 3
