"""The conformance suite of the journal port."""

# ruff: noqa: D102 - the name of a story says what it shows
from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal, Protocol

import pytest

from expunge import faults
from expunge.errors import Busy, Conflict, ExpungeError, StateCorrupt, UsageError
from expunge.ports.journal import Journal
from expunge.testing.forked import RunningChild, in_child, start

AWKWARD_EVENTS = (b"", b"\0", b"\xff\xfe not utf-8", b"'; DROP TABLE events; --", bytes(range(256)) * 256)


class OpenJournal(Journal, Protocol):
    """A journal whose handles can be let go, so that another process can use the place."""

    def close(self) -> None:
        """Let go of every handle; the journal must not be used after it, but for opening it anew."""
        ...


class JournalSuite:
    """Subclass it, say where a journal may be made and how to open it; run it with pytest.

    ::

        class TestOurJournal(JournalSuite):
            failpoints = ("journal.commit:before", "journal.commit:after")

            def place(self, folder): return f"sqlite:///{folder}/state.db"
            def open(self, place): return open_journal(place)
            def damage(self, place, stream, position, how): ...
    """

    failpoints: tuple[str, ...] = ()
    """Every failpoint that an append passes."""

    def place(self, folder: Path) -> str:
        """Return a place for a fresh journal: a folder's file, or a new database of a server."""
        raise NotImplementedError

    def open(self, place: str) -> OpenJournal:
        """Open the journal at a place, making it at first; called in children too."""
        raise NotImplementedError

    def damage(self, place: str, stream: str, position: int, how: Literal["changed", "gone"]) -> None:
        """Change one byte of a stored event, or remove it, as a person with access to the disk could."""
        raise NotImplementedError

    @contextmanager
    def opened(self, place: str) -> Iterator[OpenJournal]:
        """A journal for the length of a block."""
        journal = self.open(place)
        try:
            yield journal
        finally:
            journal.close()

    def contents(self, place: str, stream: str) -> list[bytes]:
        """Return all events of a stream, as a fresh reader sees them."""
        with self.opened(place) as journal:
            events = list(journal.read(stream))
            assert journal.length(stream) == len(events)
        return events

    # ---- one process -------------------------------------------------------------------------------------------

    def test_a_stream_that_does_not_exist_is_empty(self, tmp_path: Path) -> None:
        with self.opened(self.place(tmp_path)) as journal:
            assert journal.length("ord-a") == 0
            assert list(journal.read("ord-a")) == []
            assert list(journal.streams()) == []

    def test_events_come_back_in_order_after_reopening(self, tmp_path: Path) -> None:
        place = self.place(tmp_path)
        with self.opened(place) as journal:
            assert journal.append("ord-a", 0, [b"1", b"2"]) == 2
            assert journal.append("ord-a", 2, [b"3"]) == 3
        with self.opened(place) as journal:
            assert list(journal.read("ord-a")) == [b"1", b"2", b"3"]
            assert list(journal.read("ord-a", 1)) == [b"2", b"3"]
            assert list(journal.read("ord-a", 3)) == []

    @pytest.mark.parametrize("event", AWKWARD_EVENTS)
    def test_any_bytes_come_back_as_they_were(self, tmp_path: Path, event: bytes) -> None:
        place = self.place(tmp_path)
        with self.opened(place) as journal:
            journal.append("ord-a", 0, [event, event])
        assert self.contents(place, "ord-a") == [event, event]

    def test_streams_do_not_mix_and_are_listed_in_order_of_creation(self, tmp_path: Path) -> None:
        with self.opened(self.place(tmp_path)) as journal:
            journal.append("ord-b", 0, [b"b0"])
            journal.append("ord-a", 0, [b"a0"])
            journal.append("ord-b", 1, [b"b1"])
            assert list(journal.streams()) == ["ord-b", "ord-a"]
            assert list(journal.read("ord-a")) == [b"a0"]
            assert list(journal.read("ord-b")) == [b"b0", b"b1"]

    def test_many_streams_are_read_at_once_each_from_its_own_position(self, tmp_path: Path) -> None:
        names = [f"ord-{at}" for at in range(450)]
        with self.opened(self.place(tmp_path)) as journal:
            journal.append_all([(name, 0, [name.encode(), b"1", b"2"]) for name in names])
            assert journal.lengths() == dict.fromkeys(names, 3)
            assert journal.read_all(dict.fromkeys(names, 0)) == {name: [name.encode(), b"1", b"2"] for name in names}
            starts = {"ord-7": 3, "ord-none": 0, "ord-8": 2, "ord-9": 1, "ord-10": 9}
            assert journal.read_all(starts) == {"ord-7": [], "ord-none": [], "ord-8": [b"2"], "ord-9": [b"1", b"2"], "ord-10": []}
            assert journal.read_all({}) == {}

    def test_a_block_within_a_block_commits_with_it_or_not_at_all(self, tmp_path: Path) -> None:
        place = self.place(tmp_path)
        with self.opened(place) as journal:
            journal.append("ord-a", 0, [b"0"])
            with suppress(ZeroDivisionError), journal.atomically():
                with journal.atomically():
                    journal.append("ord-a", 1, [b"lost"])
                raise ZeroDivisionError
            with journal.atomically():
                with pytest.raises(Conflict):
                    journal.append_all([("ord-a", 1, [b"lost"]), ("ord-b", 3, [b"lost"])])
                with journal.atomically():
                    journal.append("ord-a", 1, [b"1"])
        assert self.contents(place, "ord-a") == [b"0", b"1"]
        assert self.contents(place, "ord-b") == []

    def test_appending_nothing_changes_nothing(self, tmp_path: Path) -> None:
        with self.opened(self.place(tmp_path)) as journal:
            assert journal.append("ord-a", 0, []) == 0
            assert journal.length("ord-a") == 0

    @pytest.mark.parametrize("expected", [0, 1, 3])
    def test_who_expects_another_length_writes_nothing(self, tmp_path: Path, expected: int) -> None:
        place = self.place(tmp_path)
        with self.opened(place) as journal:
            journal.append("ord-a", 0, [b"1", b"2"])
            with pytest.raises(Conflict):
                journal.append("ord-a", expected, [b"lost"])
            assert journal.append("ord-a", 2, [b"3"]) == 3
        assert self.contents(place, "ord-a") == [b"1", b"2", b"3"]

    @pytest.mark.parametrize("name", ["", "Ann", "ann@example.com", "../up", "a b", "x" * 65, "ord-a\n"])
    def test_a_name_that_could_be_a_person_is_refused_without_repeating_it(self, tmp_path: Path, name: str) -> None:
        with self.opened(self.place(tmp_path)) as journal:
            uses: tuple[Callable[[], object], ...] = (
                lambda: journal.append(name, 0, [b"1"]),
                lambda: list(journal.read(name)),
                lambda: journal.read_all({name: 0}),
                lambda: journal.length(name),
            )
            for use in uses:
                with pytest.raises(UsageError) as caught:
                    use()
                assert not name or name not in str(caught.value)

    def test_many_events_at_once_and_page_by_page(self, tmp_path: Path) -> None:
        events = [str(at).encode() for at in range(2_345)]
        place = self.place(tmp_path)
        with self.opened(place) as journal:
            journal.append("ord-a", 0, events)
        assert self.contents(place, "ord-a") == events

    # ---- damage ------------------------------------------------------------------------------------------------

    @pytest.mark.parametrize("how", ["changed", "gone"])
    @pytest.mark.parametrize("position", [0, 1, 2])
    def test_damage_is_noticed_by_readers(self, tmp_path: Path, position: int, how: Literal["changed", "gone"]) -> None:
        place = self.place(tmp_path)
        with self.opened(place) as journal:
            journal.append("ord-a", 0, [b"one", b"two", b"three"])
        self.damage(place, "ord-a", position, how)
        with self.opened(place) as journal:
            with pytest.raises(StateCorrupt):
                list(journal.read("ord-a"))
            with pytest.raises(StateCorrupt):
                journal.read_all({"ord-a": 0})

    @pytest.mark.parametrize("how", ["changed", "gone"])
    def test_nothing_is_appended_to_a_damaged_end(self, tmp_path: Path, how: Literal["changed", "gone"]) -> None:
        place = self.place(tmp_path)
        with self.opened(place) as journal:
            journal.append("ord-a", 0, [b"one", b"two", b"three"])
        self.damage(place, "ord-a", 2, how)
        with self.opened(place) as journal:
            with pytest.raises(StateCorrupt):
                journal.append("ord-a", 3, [b"four"])
            assert journal.length("ord-a") == 3

    # ---- crashes and full disks --------------------------------------------------------------------------------

    def test_killed_at_each_point_an_append_is_there_as_a_whole_or_not_at_all(self, tmp_path: Path) -> None:
        assert self.failpoints, "name the failpoints that an append passes"
        for number, point in enumerate(self.failpoints):
            folder = tmp_path / str(number)
            folder.mkdir()
            place = self.place(folder)
            with self.opened(place) as journal:
                journal.append("ord-a", 0, [b"before"])
            ended = in_child(lambda place=place, point=point: self._append_armed(place, point, "kill"))  # type: ignore[misc]
            assert ended.killed_by == 9, f"{point} was not passed"
            self._whole_or_nothing(place, point)

    @pytest.mark.parametrize("action", ["full", "fail"])
    def test_a_disk_that_says_no_at_each_point_leaves_the_append_whole_or_not_there(self, tmp_path: Path, action: str) -> None:
        for number, point in enumerate(self.failpoints):
            folder = tmp_path / str(number)
            folder.mkdir()
            place = self.place(folder)
            with self.opened(place) as journal:
                journal.append("ord-a", 0, [b"before"])
            with pytest.raises(ExpungeError):
                self._append_armed(place, point, action)
            self._whole_or_nothing(place, point)

    def test_a_lost_reply_is_settled_by_reading(self, tmp_path: Path) -> None:
        point = self.failpoints[-1]
        place = self.place(tmp_path)
        with self.opened(place) as journal, faults.arm(point, "lost"), pytest.raises(faults.ReplyLost):
            journal.append("ord-a", 0, [b"1"])
        with self.opened(place) as journal:
            assert list(journal.read("ord-a")) == [b"1"]
            with pytest.raises(Conflict):
                journal.append("ord-a", 0, [b"1"])

    def _append_armed(self, place: str, point: str, action: str) -> None:
        with self.opened(place) as journal, faults.arm(point, action):
            journal.append("ord-a", 1, [b"x", b"y", b"z"])

    def _whole_or_nothing(self, place: str, point: str) -> None:
        events = self.contents(place, "ord-a")
        assert events in ([b"before"], [b"before", b"x", b"y", b"z"]), point
        with self.opened(place) as journal:
            journal.append("ord-a", len(events), [b"after"])
        assert self.contents(place, "ord-a") == [*events, b"after"]

    # ---- several processes -------------------------------------------------------------------------------------

    def test_two_processes_that_append_at_once_lose_nothing_and_repeat_nothing(self, tmp_path: Path) -> None:
        place = self.place(tmp_path)
        self.open(place).close()
        writers: list[RunningChild] = [start(self._writer(place, name)) for name in ("a", "b")]
        for writer in writers:
            writer.wait().returned()
        shared = self.contents(place, "shared")
        assert sorted(shared) == sorted(f"{name}{at}".encode() for name in "ab" for at in range(150))
        for name in "ab":
            own = [event for event in shared if event.startswith(name.encode())]
            assert own == [f"{name}{at}".encode() for at in range(150)]
            assert self.contents(place, f"own-{name}") == own

    def _writer(self, place: str, name: str) -> Callable[[], None]:
        def write() -> None:
            with self.opened(place) as journal:
                for at in range(150):
                    event = f"{name}{at}".encode()
                    journal.append(f"own-{name}", at, [event])
                    while not self._appended(journal, event):
                        pass

        return write

    def _appended(self, journal: Journal, event: bytes) -> bool:
        try:
            journal.append("shared", journal.length("shared"), [event])
        except Conflict:
            return False
        return True

    def test_a_reader_sees_whole_appends_while_another_process_writes(self, tmp_path: Path) -> None:
        place = self.place(tmp_path)
        self.open(place).close()

        def write() -> None:
            with self.opened(place) as journal:
                for at in range(100):
                    journal.append("ord-a", at * 7, [b"%d" % at] * 7)

        writer = start(write)
        with self.opened(place) as journal:
            seen = 0
            while seen < 700:
                events = list(journal.read("ord-a"))
                assert len(events) % 7 == 0
                assert len(events) >= seen
                seen = len(events)
        writer.wait().returned()

    # ---- two rights --------------------------------------------------------------------------------------------

    def test_whoever_changes_does_not_wait_for_whoever_runs(self, tmp_path: Path) -> None:
        place = self.place(tmp_path)
        self.open(place).close()

        def change() -> float:
            with self.opened(place) as journal:
                began = time.monotonic()
                with journal.changing():
                    journal.append("shared", journal.length("shared"), [b"said during a run"])
                with pytest.raises(Busy), journal.exclusive(wait=0):
                    pass
                return time.monotonic() - began

        with self.opened(place) as journal, journal.exclusive():
            assert in_child(change).returned() < 1
        assert self.contents(place, "shared") == [b"said during a run"]

    def test_changes_of_several_processes_come_one_after_another(self, tmp_path: Path) -> None:
        """Each reads, thinks and appends; none of them has to decide anew, because nobody comes in between."""
        place = self.place(tmp_path)
        self.open(place).close()

        def count() -> None:
            with self.opened(place) as journal:
                for _ in range(10):
                    with journal.changing(), journal.changing():
                        known = list(journal.read("shared"))
                        time.sleep(0.002)
                        journal.append("shared", len(known), [b"%d" % len(known)])

        children = [start(count) for _ in range(3)]
        for child in children:
            child.wait().returned()
        assert self.contents(place, "shared") == [b"%d" % at for at in range(30)]

    def test_the_right_to_change_dies_with_its_holder(self, tmp_path: Path) -> None:
        place = self.place(tmp_path)
        self.open(place).close()

        def change(point: str) -> None:
            with self.opened(place) as journal, faults.arm(point, "kill"), journal.changing():
                journal.append("shared", journal.length("shared"), [point.encode()])

        for point in ("journal.changing:after", "journal.changed:after"):
            assert in_child(lambda point=point: change(point)).killed_by == signal.SIGKILL  # type: ignore[misc]
            with self.opened(place) as journal, journal.changing():
                pass
        assert self.contents(place, "shared") == [b"journal.changed:after"], "what was appended before the end stands"

    def test_the_right_to_run_comes_first_and_both_before_a_transaction(self, tmp_path: Path) -> None:
        with self.opened(self.place(tmp_path)) as journal:
            with journal.exclusive(), journal.changing():
                pass
            with journal.changing(), pytest.raises(RuntimeError), journal.exclusive():
                pass
            with journal.atomically(), pytest.raises(RuntimeError), journal.changing():
                pass
            with journal.changing(), journal.atomically(), journal.changing():
                journal.append("shared", 0, [b"1"])
            assert journal.length("shared") == 1
