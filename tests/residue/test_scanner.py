"""Every file is looked at, what is no file is said, and names count as content."""

from __future__ import annotations

import gzip
import os
import random
import socket
import tempfile
from pathlib import Path

import pytest

from expunge.core.values.copy import RawSource
from expunge.core.values.ids import Pseudonym
from expunge.errors import CouldNotLook
from expunge.residue.matching.session import SMALL
from expunge.residue.scanning.scanner import ResidueScanner, scan
from expunge.residue.take.tracer import Collector
from tests.residue.planting import KEY, MARY, SENTENCE, found_in, look, text_traces, traces_of, ways

TRACES = text_traces(SENTENCE)
WHOLE = text_traces("kt9-quiet-river-0417-zebra", budget=1)
ONE = b"kt9-quiet-river-0417-zebra"


def test_a_finding_says_file_offset_and_way(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / ".hidden").write_bytes(b"....." + ONE)
    (only,) = scan([tmp_path], WHOLE)
    assert (only.path, only.offset, only.hidden) == (tmp_path / "a" / ".hidden", 5, "plain")
    assert only.trace.subject == MARY


def test_a_finding_in_decoded_content_says_where_it_lies_in_what_the_outermost_container_decodes_to(tmp_path: Path) -> None:
    twice = gzip.compress(b"." * 70 + gzip.compress(b"." * 9 + ONE))
    (tmp_path / "a").write_bytes(b"....." + gzip.compress(b"." * 300 + ONE))
    (tmp_path / "b").write_bytes(twice)
    assert {(each.path.name, each.offset, each.inner) for each in scan([tmp_path], WHOLE)} == {("a", 5, 300), ("b", 0, 70)}


@pytest.mark.parametrize("size", [100, SMALL - 1, SMALL, SMALL + 1, 1 << 20, (1 << 20) + 5, 3 << 20])
def test_every_place_of_a_file_is_looked_at(tmp_path: Path, size: int) -> None:
    rng = random.Random(size)
    edges = [0, size - len(ONE), *(edge + shift for edge in (SMALL, 1 << 17, 1 << 20, 2 << 20) for shift in range(-30, 5, 6))]
    for at in [each for each in edges if 0 <= each <= size - len(ONE)]:
        data = bytearray(rng.randbytes(size))
        data[at : at + len(ONE)] = ONE
        (tmp_path / "f").write_bytes(data)
        assert [(each.offset, each.hidden) for each in found_in(tmp_path, WHOLE)] == [(at, "plain")]


def test_small_files_side_by_side_are_told_apart(tmp_path: Path) -> None:
    for number in range(300):
        (tmp_path / f"{number:03}").write_bytes(b"x" * number + (ONE if number % 3 == 0 else b"nothing"))
    hits = found_in(tmp_path, WHOLE)
    assert {(each.path.name, each.offset) for each in hits} == {(f"{number:03}", number) for number in range(0, 300, 3)}


def test_a_window_that_only_two_files_make_together_is_none(tmp_path: Path) -> None:
    (tmp_path / "1").write_bytes(ONE[:12])
    (tmp_path / "2").write_bytes(ONE[12:])
    assert not found_in(tmp_path, WHOLE)


def test_names_of_files_folders_and_links_are_looked_at(tmp_path: Path) -> None:
    def fill(tracer: Collector) -> None:
        tracer.name(MARY, "recordings", "profile-7Q2x-morning.flac")
        tracer.text(MARY, "recordings", "profile", "household-blueberry")

    traces = traces_of(fill)
    (tmp_path / "household-blueberry").mkdir()
    (tmp_path / "profile-7Q2x-morning.flac.bak").write_bytes(b"")
    (tmp_path / "plain").symlink_to("/nowhere/household-blueberry/x")
    seen = look(tmp_path, traces)
    assert {(each.path.name, each.hidden) for each in seen.found if each.trace.form == "utf-8"} == {
        ("household-blueberry", "file name"),
        ("profile-7Q2x-morning.flac.bak", "file name"),
        ("plain", "file name"),
    }
    assert dict(seen.coverage.skipped) == {"symlink": 1}


def test_names_above_the_source_are_not_the_stores(tmp_path: Path) -> None:
    folder = tmp_path / ONE.decode()
    folder.mkdir()
    (folder / "f").write_bytes(b"nothing here")
    assert not found_in(folder, WHOLE)


def test_what_is_no_file_is_said_and_never_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with tempfile.TemporaryDirectory(dir="/tmp") as short, socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{short}/s")
        Path(short, "loop").symlink_to(short)
        os.mkfifo(f"{short}/pipe")
        Path(short, "f").write_bytes(ONE)
        seen = look(Path(short), WHOLE)
    assert dict(seen.coverage.skipped) == {"fifo": 1, "socket": 1, "symlink": 1}
    assert len(seen.found) == 1
    assert seen.coverage.files == 1
    assert seen.coverage.bytes == len(ONE)


@pytest.mark.skipif(not Path("/dev/null").is_char_device(), reason="no device to look at")
def test_a_device_is_said() -> None:
    assert dict(look(Path("/dev/null"), WHOLE).coverage.skipped) == {"device": 1}


def test_a_link_as_source_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "f").write_bytes(ONE)
    (tmp_path / "link").symlink_to("real")
    assert [each.path for each in found_in(tmp_path / "link", WHOLE)] == [tmp_path / "link" / "f"]


def test_a_missing_place_of_data_is_an_error_and_a_missing_journal_is_not(tmp_path: Path) -> None:
    (tmp_path / "db").write_bytes(ONE)
    scanner = ResidueScanner()
    with pytest.raises(CouldNotLook):
        scanner.scan([RawSource(tmp_path / "gone", "data")], WHOLE)
    with pytest.raises(CouldNotLook):
        list(scan([tmp_path / "gone"], WHOLE))
    seen = scanner.scan([RawSource(tmp_path / "db", "data"), RawSource(tmp_path / "db-wal", "journal")], WHOLE)
    assert dict(seen.coverage.skipped) == {"vanished": 1}
    assert seen.seen


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read_is_said_or_an_error(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(ONE)
    (tmp_path / "f").chmod(0)
    assert dict(look(tmp_path, WHOLE).coverage.skipped) == {"permission": 1}
    tmp_path.chmod(0)
    try:
        with pytest.raises(CouldNotLook):
            look(tmp_path, WHOLE)
    finally:
        tmp_path.chmod(0o700)


def test_a_file_that_cannot_be_opened_or_read_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "f").write_bytes(ONE)
    (tmp_path / "g").write_bytes(ONE)
    real_open, real_read = os.open, os.pread

    def guarded_open(path: os.PathLike[str], *rest: int) -> int:
        if Path(path).name == "f":
            raise PermissionError(13, "no")
        return real_open(path, *rest)

    def failing_read(descriptor: int, size: int, offset: int) -> bytes:
        raise OSError(5, "bad disk")

    monkeypatch.setattr(os, "open", guarded_open)
    assert dict(look(tmp_path, WHOLE).coverage.skipped) == {"permission": 1}
    monkeypatch.setattr(os, "open", real_open)
    monkeypatch.setattr(os, "pread", failing_read)
    assert dict(look(tmp_path, WHOLE).coverage.skipped) == {"unreadable": 2}
    monkeypatch.setattr(os, "pread", real_read)


def test_a_file_under_two_sources_is_read_once(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(ONE)
    seen = ResidueScanner().scan([RawSource(tmp_path, "data"), RawSource(tmp_path / "f", "data")], WHOLE)
    assert seen.coverage.files == 1
    assert len(seen.found) == 1


def test_places_are_capped_and_what_was_seen_is_not(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes((ONE + b"..") * 1000)
    traces = text_traces("kt9-quiet-river-0417-zebra", "another-long-string-0418", budget=2)
    (tmp_path / "g").write_bytes(b"another-long-string-0418")
    seen = ResidueScanner(per_trace=3).scan([RawSource(tmp_path, "data")], traces)
    plain = [each for each in seen.found if each.trace.form == "utf-8"]
    assert len(plain) == 4
    assert {index for index, each in enumerate(traces.traces) if each.form == "utf-8"} <= seen.seen


def test_who_asks_for_no_place_is_told_what_was_seen(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"..".join([ONE] * 3))
    scanner, sources = ResidueScanner(), [RawSource(tmp_path, "data")]
    some, none = scanner.scan(sources, WHOLE), scanner.scan(sources, WHOLE, 0)
    assert len(some.found) == 3
    assert (none.found, none.seen, none.coverage) == ((), some.seen, some.coverage)
    assert none.seen


def test_a_scan_changes_no_times(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(ONE)
    before = (tmp_path / "f").stat().st_mtime_ns
    look(tmp_path, WHOLE)
    assert (tmp_path / "f").stat().st_mtime_ns == before


def test_strange_names_do_no_harm(tmp_path: Path) -> None:
    strange = os.fsdecode(b"\xff\xfe'quoted\" \n new line.txt")
    (tmp_path / strange).write_bytes(ONE)

    def fill(tracer: Collector) -> None:
        tracer.name(MARY, "d", strange)

    assert any(each.hidden == "file name" for each in found_in(tmp_path, traces_of(fill)))
    assert ways(tmp_path, WHOLE) == {"plain"}


def test_no_trace_at_all_is_looked_for_without_harm(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(ONE)
    seen = look(tmp_path, ResidueScanner().tracer(KEY, budget=1).traces())
    assert seen.seen == frozenset()
    assert seen.coverage.files == 1


def test_two_people_with_one_window_are_both_seen(tmp_path: Path) -> None:
    def fill(tracer: Collector) -> None:
        tracer.text(MARY, "d", "f", "Blackberry Lane 12")
        tracer.text(Pseudonym("tom"), "d", "f", "Blackberry Lane 12")

    traces = traces_of(fill, budget=1)
    (tmp_path / "f").write_bytes(b"Blackberry Lane 12")
    assert look(tmp_path, traces).seen == {0, 1}


def test_a_glance_sees_what_lies_in_the_stretches_and_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_bytes(b"." * 9000 + ONE + b"." * 9000)
    (seen,) = {index for index, each in enumerate(WHOLE.traces) if each.form == "utf-8"}
    scanner = ResidueScanner()
    assert scanner.glance({file: [(0, 50), (8900, 9100)]}, WHOLE).seen == {seen}
    assert scanner.glance({file: [(0, 9010), (9020, 20_000)]}, WHOLE).seen == frozenset(), "cut in two"
    assert scanner.glance({file: [(0, 9010), (9010, 20_000)]}, WHOLE).seen == frozenset(), "stretches do not run into one another"
    assert scanner.glance({file: [(19_000, 30_000)], tmp_path / "gone": [(0, 100)]}, WHOLE).seen == frozenset()
    assert scanner.glance({}, WHOLE).seen == frozenset()
    scanner.close()


def test_stretches_that_touch_are_one(tmp_path: Path) -> None:
    tracer = ResidueScanner().tracer(KEY, budget=1)
    tracer.lies(tmp_path, [(8192, 16384), (0, 8192)])
    tracer.lies(tmp_path, [(32768, 40960), (8192, 16384), (36864, 38000), (50_000, 50_000)])
    tracer.lies(tmp_path / "b", [(5, 5)])
    assert tracer.lying() == {tmp_path: ((0, 16384), (32768, 40960))}


def test_places_are_counted_up_to_a_number_and_windows_can_be_left_out(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes((ONE + b".") * 30)
    (tmp_path / "b").write_bytes(ONE)
    (seen,) = {index for index, each in enumerate(WHOLE.traces) if each.form == "utf-8"}
    sources = [RawSource(tmp_path, "data")]
    scanner = ResidueScanner()
    assert scanner.scan(sources, WHOLE, 0, counted=100).counts == {seen: 31}
    assert scanner.scan(sources, WHOLE, 0, counted=17).counts == {seen: 17}
    assert scanner.scan(sources, WHOLE, 0).counts == {}
    assert seen not in scanner.scan(sources, WHOLE, without={seen}).seen


def test_a_glance_counts_in_a_sample_of_the_file_too(tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_bytes((ONE + b"." * 4000) * 2000)
    (seen,) = {index for index, each in enumerate(WHOLE.traces) if each.form == "utf-8"}
    scanner = ResidueScanner()
    assert scanner.glance({file: [(0, 5000)]}, WHOLE, counted=1000).counts[seen] > 100
    assert scanner.glance({file: [(0, 5000)]}, WHOLE).counts == {}
