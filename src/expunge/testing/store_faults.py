"""Promises about bad days: killed half-way, reply lost, disk full, no rights, others at work, damaged files."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from expunge.core.outcome import Outcome, Reason, Unable
from expunge.errors import CouldNotLook, StoreUnavailable
from expunge.faults import ReplyLost, arm, record
from expunge.testing.forked import alongside, in_child
from expunge.testing.harness import KEY, StoreHarness, erase_all, locate_all
from expunge.testing.people import people, person


class Faults(StoreHarness):
    """A store on bad days."""

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

    def _each_time(self, tmp_path: Path, ending: str, spoil: Callable[[Path, str, int], None]) -> None:
        """Run ``spoil`` once for the first and once for the last pass of each failpoint, on a fresh store each, then finish the order."""
        crowd = people(5)
        for name, passes in self._passed(tmp_path):
            if not name.endswith(ending):
                continue
            for nth in sorted({1, passes}):
                folder = tmp_path / f"{name}@{nth}".replace(":", "-")
                folder.mkdir()
                self.write(folder, crowd)
                with self.opened(folder) as (store, _):
                    usual = set(store.check(()))
                before = dict(self.read(folder))
                spoil(folder, name, nth)
                during = dict(self.read(folder))
                assert {each.id: during.get(each.id) for each in crowd[2:]} == {each.id: before[each.id] for each in crowd[2:]}, name
                self.forget(folder, crowd[:2])
                assert self.remaining(folder, crowd[:2]) == 0, name
                assert dict(self.read(folder)) == {each.id: before[each.id] for each in crowd[2:]}, name
                assert self.residue(folder, crowd[:2]) == [], name
                with self.opened(folder) as (store, _):
                    assert set(store.check(())) <= usual, f"something is left over after dying at {name}"

    def _order(self, folder: Path) -> list[Outcome]:
        with self.opened(folder) as (store, datasets):
            located = locate_all(store, datasets, people(2))
            return [*erase_all(store, datasets, located, KEY), store.purge(datasets, KEY)]

    def test_killed_at_every_failpoint_and_resumed(self, tmp_path: Path) -> None:
        """SIGKILL at each failpoint: everybody else is intact at once, and the resumed order ends as if nothing had happened."""

        def spoil(folder: Path, name: str, nth: int) -> None:
            def die() -> None:
                with arm(name, "kill", nth):
                    self._order(folder)

            assert in_child(die).killed_by == signal.SIGKILL, name

        self._each_time(tmp_path, "", spoil)

    def test_reply_lost_is_settled_by_a_probe(self, tmp_path: Path) -> None:
        """The act happened and its answer did not arrive: ``ReplyLost`` comes out, a probe says what is left, the rest is done again."""

        def spoil(folder: Path, name: str, nth: int) -> None:
            lost = False
            try:
                with arm(name, "lost", nth):
                    self._order(folder)
            except ReplyLost:
                lost = True
            assert lost, f"{name}: a lost reply was taken for an answer"
            seen = set(self.read(folder)) & {each.id for each in people(2)}
            assert not seen or self.remaining(folder, people(2)), f"{name}: a reader sees what the probe does not"

        self._each_time(tmp_path, ":after", spoil)

    def test_disk_full_is_an_answer(self, tmp_path: Path) -> None:
        """ENOSPC at each failpoint: an ``Unable`` that says so comes back, nothing is lost, and with room again the order ends."""

        def spoil(folder: Path, name: str, nth: int) -> None:
            with arm(name, "full", nth):
                outcomes = self._order(folder)
            assert any(isinstance(each, Unable) and each.reason is Reason.DISK_FULL for each in outcomes), (name, outcomes)

        self._each_time(tmp_path, ":before", spoil)

    def test_without_rights_nothing_happens_and_it_is_said(self, public_folder: Path) -> None:
        """Somebody who may only read gets a warning beforehand and ``Unable(permission)`` from the act; no byte changes."""
        crowd = people(4)
        self.write(public_folder, crowd)
        before = self.state(public_folder)

        def attempt() -> tuple[list[Unable], list[Outcome]]:
            with self.opened(public_folder) as (store, datasets):
                located = locate_all(store, datasets, crowd[:1])
                warned = [each for dataset in datasets for each in store.preflight(dataset, located[dataset.name])]
                return warned, erase_all(store, datasets, located, KEY)

        ended = self.deprived(public_folder, attempt)
        assert self.state(public_folder) == before
        if StoreUnavailable.__name__ in ended.error or CouldNotLook.__name__ in ended.error:
            return
        warned, outcomes = ended.returned()
        assert Reason.PERMISSION in {each.reason for each in warned}
        assert outcomes
        assert all(isinstance(each, Unable) and each.reason is Reason.PERMISSION for each in outcomes), outcomes
        assert not any(mark in repr((warned, outcomes)) for mark in (*crowd[0].marks, crowd[0].id))

    def test_others_write_meanwhile_and_lose_nothing(self, folder: Path) -> None:
        """While people are erased one after the other, another process keeps adding people: every one of them is there at the end."""
        crowd = people(12)
        self.write(folder, crowd)
        stop = folder.parent / "stop"

        def writer() -> list[str]:
            added: list[str] = []
            while not stop.exists() and len(added) < 500:
                one = person(f"newcomer-{len(added)}")
                self.write(folder, [one])
                added.append(one.id)
                # Busy, but not without a pause: a store may answer ``locked`` for as long as somebody never lets go.
                time.sleep(0.005)
            return added

        with alongside(writer) as child:
            for one in crowd[:6]:
                self.forget(folder, [one])
            stop.touch()
            added = child.wait().returned()
        assert added
        assert set(self.read(folder)) == {each.id for each in crowd[6:]} | set(added)
        self.forget(folder, crowd[:6])
        assert self.residue(folder, crowd[:6]) == []

    def test_others_read_meanwhile_and_see_everybody_else_whole(self, folder: Path) -> None:
        """A reader at work sees those who stay, identical, at every moment."""
        crowd = people(10)
        self.write(folder, crowd)
        expected = {one: data for one, data in self.read(folder).items() if one in {each.id for each in crowd[5:]}}
        stop = folder.parent / "stop"

        def reader() -> int:
            times = 0
            while not stop.exists():
                seen = self.read(folder)
                assert {one: seen.get(one) for one in expected} == expected
                times += 1
                time.sleep(0.002)
            return times

        with alongside(reader) as child:
            for one in crowd[:5]:
                self.forget(folder, [one])
            stop.touch()
            assert child.wait().returned() >= 1
        assert dict(self.read(folder)) == expected

    def test_damage_is_named_and_never_reads_as_done(self, folder: Path) -> None:
        """What cannot be read is said: by an exception that blames the place, a finding, or an ``Unable``; never by silence."""
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
