"""Promises about faults: killed half-way, reply lost, disk full, no rights, concurrent processes, damaged files."""

from __future__ import annotations

import shutil
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from expunge.core.values.copy import Finding
from expunge.core.values.outcome import Outcome, Reason, Unable
from expunge.errors import CouldNotLook, StoreUnavailable
from expunge.faults import ReplyLost, arm, record
from expunge.testing.forked import RunningChild, alongside
from expunge.testing.harness import KEY, PATIENCE, StoreHarness, erase_all, locate_all
from expunge.testing.people import Person, people, person

MOST = 500
"""People whom another process adds at most."""
FIRST = "first"
at_passes = pytest.mark.parametrize("nth", [FIRST, "last"])
"""A test for the first and one for the last pass of each failpoint."""


class StoreFaults(StoreHarness):
    """A store under faults."""

    def _passed(self, tmp_path: Path) -> list[tuple[str, int]]:
        """Every failpoint that erasing and purging two people passes, with how often."""
        dry = tmp_path / "dry"
        dry.mkdir()
        self.write(dry, people(5))
        located = self.locate(dry, people(2))
        with record() as names:
            self.erase(dry, located)
            self.purge(dry)
        assert names, "a store that passes no failpoint writes without expunge.durable"
        return sorted({name: names.count(name) for name in names}.items())

    def _each_time(self, tmp_path: Path, nth: str, ending: str, spoil: Callable[[Path, str, int], None]) -> None:
        """Run ``spoil`` for the first or the last pass of each failpoint, on a store as it was written each time, then finish the order."""
        crowd = people(5)
        points = [(name, passes) for name, passes in self._passed(tmp_path) if name.endswith(ending) and (nth == FIRST or passes > 1)]
        for (name, passes), (folder, usual, before) in zip(points, self._written(tmp_path, crowd), strict=False):
            spoil(folder, name, 1 if nth == FIRST else passes)
            during = dict(self.read(folder))
            assert {each.id: during.get(each.id) for each in crowd[2:]} == {each.id: before[each.id] for each in crowd[2:]}, name
            self.forget(folder, crowd[:2])
            assert self.remaining(folder, crowd[:2]) == 0, name
            assert dict(self.read(folder)) == {each.id: before[each.id] for each in crowd[2:]}, name
            assert self.residue(folder, crowd[:2]) == [], name
            with self.opened(folder) as (store, _):
                assert set(store.check(())) <= usual, f"something is left over after dying at {name}"

    def _written(self, tmp_path: Path, crowd: Sequence[Person]) -> Iterator[tuple[Path, set[Finding], dict[str, bytes]]]:
        """Yield stores that were written and not touched, without end, each with its findings and what a reader gets.

        A store that is nothing but its folder is written and looked at once, and then the folder is put back as it was.
        """
        for number in count():
            folder = tmp_path / f"estate-{number}"
            folder.mkdir()
            self.write(folder, crowd)
            copied = list(self.places(folder)) == [folder]
            if copied:
                shutil.copytree(folder, tmp_path / "kept", symlinks=True)
            with self.opened(folder) as (store, _):
                usual = set(store.check(()))
            before = dict(self.read(folder))
            while copied:
                yield folder, usual, before
                shutil.rmtree(folder)
                shutil.copytree(tmp_path / "kept", folder, symlinks=True)
            yield folder, usual, before

    def _order(self, folder: Path) -> list[Outcome]:
        with self.opened(folder) as (store, datasets):
            located = locate_all(store, datasets, people(2))
            return [*erase_all(store, datasets, located, KEY), store.purge(datasets, KEY)]

    @at_passes
    def test_killed_at_every_failpoint_and_resumed(self, tmp_path: Path, nth: str) -> None:
        """SIGKILL at each failpoint: bystanders are intact at once, and the resumed order ends as if nothing had happened."""

        def spoil(folder: Path, name: str, at: int) -> None:
            assert self.begin(partial(self._die, folder, name, at)).wait().killed_by == signal.SIGKILL, name

        self._each_time(tmp_path, nth, "", spoil)

    def _die(self, folder: Path, name: str, nth: int) -> None:
        with arm(name, "kill", nth):
            self._order(folder)

    @at_passes
    def test_reply_lost_is_settled_by_a_probe(self, tmp_path: Path, nth: str) -> None:
        """The act happened and its answer did not arrive: ``ReplyLost`` comes out, a probe reports the rest, and the rest is done again."""

        def spoil(folder: Path, name: str, at: int) -> None:
            lost = False
            try:
                with arm(name, "lost", at):
                    self._order(folder)
            except ReplyLost:
                lost = True
            assert lost, f"{name}: a lost reply was taken for an answer"
            seen = set(self.read(folder)) & {each.id for each in people(2)}
            assert not seen or self.remaining(folder, people(2)), f"{name}: a reader sees what the probe does not"

        self._each_time(tmp_path, nth, ":after", spoil)

    @at_passes
    def test_disk_full_is_an_answer(self, tmp_path: Path, nth: str) -> None:
        """ENOSPC at each failpoint: an ``Unable`` that says so comes back, nothing is lost, and with room again the order ends."""

        def spoil(folder: Path, name: str, at: int) -> None:
            with arm(name, "full", at):
                outcomes = self._order(folder)
            assert any(isinstance(outcome, Unable) and outcome.reason is Reason.DISK_FULL for outcome in outcomes), (name, outcomes)

        self._each_time(tmp_path, nth, ":before", spoil)

    def test_without_rights_nothing_happens_and_it_is_said(self, public_folder: Path) -> None:
        """A user who may only read gets a warning beforehand and ``Unable(permission)`` from the act. No byte changes."""
        crowd = people(4)
        self.write(public_folder, crowd)
        before = self.state(public_folder)

        ended = self.deprived(public_folder, partial(self._attempt, public_folder, crowd[0]))
        assert self.state(public_folder) == before
        if StoreUnavailable.__name__ in ended.error or CouldNotLook.__name__ in ended.error:
            return
        warned, outcomes = ended.returned()
        assert Reason.PERMISSION in {each.reason for each in warned}
        assert outcomes
        assert all(isinstance(outcome, Unable) and outcome.reason is Reason.PERMISSION for outcome in outcomes), outcomes
        assert not any(mark in repr((warned, outcomes)) for mark in (*crowd[0].marks, crowd[0].id))

    def _attempt(self, folder: Path, one: Person) -> tuple[list[Unable], list[Outcome]]:
        with self.opened(folder) as (store, datasets):
            located = locate_all(store, datasets, [one])
            warned = [each for dataset in datasets for each in store.preflight(dataset, located[dataset.name])]
            return warned, erase_all(store, datasets, located, KEY)

    def test_others_write_meanwhile_and_lose_nothing(self, folder: Path) -> None:
        """While people are erased one after the other, another process keeps adding people: every one of them is there at the end."""
        crowd = people(12)
        self.write(folder, crowd)
        with self._alongside(folder, partial(self._write_on, folder)) as child:
            for one in crowd[:6]:
                self.forget(folder, [one])
            _stop(folder).touch()
            added = child.wait().returned()
        assert added
        assert set(self.read(folder)) == {each.id for each in crowd[6:]} | set(added)
        self.forget(folder, crowd[:6])
        assert self.residue(folder, crowd[:6]) == []

    def _write_on(self, folder: Path) -> list[str]:
        added: list[str] = []
        for _ in _until_stopped(folder):
            one = person(f"newcomer-{len(added)}")
            self.write(folder, [one])
            added.append(one.id)
            if len(added) == MOST:
                break
        return added

    def test_others_read_meanwhile_and_see_everybody_else_whole(self, folder: Path) -> None:
        """A reader at work sees bystanders, identical, at every moment."""
        crowd = people(10)
        self.write(folder, crowd)
        expected = {one: data for one, data in self.read(folder).items() if one in {each.id for each in crowd[5:]}}
        with self._alongside(folder, partial(self._read_on, folder, expected)) as child:
            for one in crowd[:5]:
                self.forget(folder, [one])
            _stop(folder).touch()
            assert child.wait().returned() >= 1
        assert dict(self.read(folder)) == expected

    def _read_on(self, folder: Path, expected: dict[str, bytes]) -> int:
        times = 0
        for _ in _until_stopped(folder):
            seen = self.read(folder)
            assert {one: seen.get(one) for one in expected} == expected
            times += 1
        return times

    @contextmanager
    def _alongside(self, folder: Path, work: Callable[[], Any]) -> Iterator[RunningChild]:
        """A block that begins when another process is at work."""
        with alongside(work, self.begin) as child:
            deadline = time.monotonic() + PATIENCE
            while not _begun(folder).exists():
                assert time.monotonic() < deadline, "the other process has not begun"
                time.sleep(0.005)
            yield child

    def test_damage_is_named_and_never_reads_as_done(self, folder: Path) -> None:
        """Unreadable data is reported: by an exception that blames the place, a finding, or an ``Unable``; never by silence."""
        crowd = people(4)
        self.write(folder, crowd)
        located = self.locate(folder, crowd[:1])
        if not self.spoil(folder, crowd[0]):
            pytest.skip("nothing in this store can be damaged without its noticing")
        with self.opened(folder) as (store, _):
            assert list(store.check(()))
        said: list[Any] = []
        try:
            said = [each for each in self.erase(folder, located) if isinstance(each, Unable)]
        except (CouldNotLook, StoreUnavailable) as error:
            said = [error]
        assert said
        assert not any(mark in str(said) for mark in (*crowd[0].marks, crowd[0].id))

    def test_nothing_of_ours_is_left_behind(self, folder: Path) -> None:
        """After an order the store holds no file that it did not hold before."""
        self.write(folder, people(5))
        self.forget(folder, people(1))  # whatever a first use creates
        before = set(self.state(folder))
        self.write(folder, people(1))
        self.forget(folder, people(1))
        assert set(self.state(folder)) - before == set()


def _begun(folder: Path) -> Path:
    return folder.parent / "begun"


def _stop(folder: Path) -> Path:
    return folder.parent / "stop"


def _until_stopped(folder: Path) -> Iterator[None]:
    """Rounds of another process, until it is told to stop.

    Busy, but after each with a pause as long as the round: a store may answer ``locked`` for as long as somebody never lets go.
    """
    while not _stop(folder).exists():
        since = time.monotonic()
        try:
            yield
        finally:
            # After a failure too: nobody has to wait for it then.
            _begun(folder).touch()
        time.sleep(max(0.002, time.monotonic() - since))
