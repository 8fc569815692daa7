"""Promises about erasing: the subject goes, bystanders stay, the depth is as claimed, and doing it again is harmless."""

from __future__ import annotations

from pathlib import Path

import pytest

from expunge.core.datamap.grounding import Grounding
from expunge.core.values.ids import IdempotencyKey
from expunge.core.values.outcome import Absent, Erased, Unable
from expunge.testing.harness import KEY, StoreHarness
from expunge.testing.people import AWKWARD, people, person
from expunge.testing.plain_search import search, snapshot


class StoreErasing(StoreHarness):
    """Erasing from a store."""

    def test_erases_one_and_leaves_everybody_else_identical(self, folder: Path) -> None:
        """The person is gone from what an ordinary reader gets; everyone else reads exactly as before."""
        crowd = people(8)
        self.write(folder, crowd)
        before = dict(self.read(folder))
        outcomes = self.erase(folder, self.locate(folder, crowd[3:4]))
        assert outcomes
        assert all(isinstance(outcome, Erased) for outcome in outcomes)
        del before[crowd[3].id]
        assert dict(self.read(folder)) == before
        assert not isinstance(self.purge(folder), Unable)
        assert dict(self.read(folder)) == before
        assert self.remaining(folder, crowd[3:4]) == 0

    def test_erasing_twice_under_one_key_is_absent(self, folder: Path) -> None:
        """The same call again finds nothing to do and says so, before and after the purge."""
        crowd = people(4)
        self.write(folder, crowd)
        located = self.locate(folder, crowd[:2])
        self.erase(folder, located, KEY)
        after = dict(self.read(folder))
        assert all(isinstance(each, Absent) for each in self.erase(folder, located, KEY))
        self.purge(folder)
        assert all(isinstance(each, Absent) for each in self.erase(folder, located, KEY))
        assert not isinstance(self.purge(folder), Unable)
        assert dict(self.read(folder)) == after

    def test_a_second_order_finds_data_that_came_back(self, folder: Path) -> None:
        """Data that came back after an order goes with the next one."""
        crowd = people(3)
        self.write(folder, crowd)
        self.forget(folder, crowd[:1])
        self.write(folder, crowd[:1])
        outcomes = self.erase(folder, self.locate(folder, crowd[:1]), IdempotencyKey("conformance-2"))
        assert outcomes
        assert all(isinstance(outcome, Erased) for outcome in outcomes)
        self.purge(folder)
        assert set(self.read(folder)) == {each.id for each in crowd[1:]}

    @pytest.mark.parametrize("at_once", ["several", "one"])
    def test_awkward_identifiers_are_erased_and_only_they(self, folder: Path, at_once: str) -> None:
        """A few at once, or one after the other, every awkward identifier goes and the rest stay."""
        left = [person(f"awkward-{number}", id=text) for number, text in enumerate(AWKWARD) if self.sayable(text)]
        self.write(folder, left)
        expected = dict(self.read(folder))
        assert set(expected) == {each.id for each in left}
        # Every seventh together, so that those that look alike part.
        rounds = [[one] for one in reversed(left)] if at_once == "one" else [left[start::7] for start in range(7)]
        for gone in filter(None, rounds):
            self.forget(folder, gone)
            for one in gone:
                del expected[one.id]
            assert dict(self.read(folder)) == expected, [one.id for one in gone]
            assert self.residue(folder, gone) == []

    def test_a_batch_goes_in_one_call(self, folder: Path) -> None:
        """``crowd`` subjects in one call: all gone, all answered, all bystanders identical."""
        crowd = people(self.crowd + 60)
        gone, stay = crowd[: self.crowd], crowd[self.crowd :]
        self.write(folder, crowd)
        before = dict(self.read(folder))
        outcomes = self.erase(folder, self.locate(folder, gone))
        assert len(outcomes) >= self.crowd
        assert all(isinstance(outcome, Erased) for outcome in outcomes)
        self.purge(folder)
        assert dict(self.read(folder)) == {each.id: before[each.id] for each in stay}

    def test_scrubbed_means_that_a_plain_search_finds_nothing(self, folder: Path) -> None:
        """A store that claims ``scrubbed`` leaves no trace in any file that ``raw`` lists. The same search found it before."""
        crowd = people(30)
        self.write(folder, crowd)
        with self.opened(folder) as (store, _):
            claimed = store.capabilities.grounding
            sources = [each.path for each in store.raw()]
        if claimed < Grounding.SCRUBBED:
            pytest.skip("claims less than scrubbed, and says why in out_of_scope")
        one, other = crowd[:2]
        theirs, others = self.visible(folder, one), self.visible(folder, other)
        assert theirs
        for mark in theirs:
            assert search(sources, [mark]), "the search cannot see what is there: it would prove nothing"
        self.forget(folder, [one])
        assert self.residue(folder, [one]) == search(self.places(folder), theirs) == []
        for mark in others:
            assert search(sources, [mark])

    def test_deleted_earlier_by_others_goes_too(self, folder: Path) -> None:
        """Two orders, one purge: items that the first erased without a purge are made physical by the second's purge."""
        crowd = people(10)
        self.write(folder, crowd)
        self.erase(folder, self.locate(folder, crowd[:1]))
        self.erase(folder, self.locate(folder, crowd[1:2]), IdempotencyKey("conformance-2"))
        assert not isinstance(self.purge(folder), Unable)
        assert self.residue(folder, crowd[:2]) == []

    def test_raw_lists_every_file_that_work_changes(self, folder: Path) -> None:
        """Every file that an ordinary workload or an erasure creates or changes lies at or under a source that ``raw`` names."""
        self.write(folder, people(5))
        before = self._files(folder)
        with self.opened(folder) as (store, _):
            sources = [each.path.resolve() for each in store.raw()]
            if not sources and store.capabilities.grounding < Grounding.SCRUBBED:
                pytest.skip("its disks are out of reach, and it claims no more")
        self.write(folder, people(5, prefix="more"))
        self.erase(folder, self.locate(folder, people(2)))
        self.purge(folder)
        after = self._files(folder)
        changed = {path for path in {*before, *after} if before.get(path) != after.get(path) and not path.is_dir()}
        assert changed
        with self.opened(folder) as (store, _):
            sources += [each.path.resolve() for each in store.raw()]
        outside = [path for path in changed if not any(path.resolve().is_relative_to(source) for source in sources)]
        assert outside == []

    def _files(self, folder: Path) -> dict[Path, tuple[int, int, str]]:
        return {path: seen for place in self.places(folder) for path, seen in snapshot(place).items()}

    def test_someone_in_the_way_is_said_and_then_it_works(self, folder: Path) -> None:
        """While another process obstructs, erase or purge answers ``Unable``. Afterwards the same order ends clean."""
        crowd = people(6)
        self.write(folder, crowd)
        block = self.obstruct(folder, crowd[0])
        if block is None:
            pytest.skip("nobody can stand in the way of this store")
        with block:
            outcomes = [*self.erase(folder, self.locate(folder, crowd[:1])), self.purge(folder)]
            assert any(isinstance(outcome, Unable) for outcome in outcomes), outcomes
        self.forget(folder, crowd[:1])
        assert self.residue(folder, crowd[:1]) == []
        assert set(self.read(folder)) == {each.id for each in crowd[1:]}
