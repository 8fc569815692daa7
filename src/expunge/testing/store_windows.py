"""Promises about time: only items in a time window go, for every spelling of the time; ages are counted as windows would."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from expunge.core.datamap.datamap import ByField, Dataset, StoreSpec
from expunge.core.values.copy import Copy, Selector
from expunge.core.values.ids import IdempotencyKey, Pseudonym
from expunge.core.values.outcome import Absent, Erased
from expunge.core.values.scope import Window
from expunge.core.values.timestamps import moment
from expunge.ports.store import Store
from expunge.testing.harness import Opener
from expunge.testing.people import Person, person
from expunge.testing.store_reading import Listener

CLASS = Pseudonym("class")
KEY = IdempotencyKey("windows-1")
NOON = datetime(2024, 3, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class Dated:
    """One item that a store is to hold."""

    name: str
    """All items of a test have another one: letters and digits."""
    owner: Person = field(repr=False)
    when: object
    """An aware datetime, or text as it is to be stored; None where the item has no time."""


class WindowSuite(ABC):
    """The suite for one dataset whose items have a time: a subclass declares it, and writes and reads it as the outside world does.

    ``write`` gives each item its name, its owner's ``id`` as subject and ``text`` as content.
    """

    store: Opener
    """The class under test."""
    field = "recorded_at"
    """Where the time of an item stands."""
    named = "name"
    """Where the name of an item stands."""
    step = SECOND
    """How finely the store tells times apart: a day for dates."""
    zones = True
    """Whether times can be stored with an offset (text, timestamptz)."""
    texts = True
    """Whether anything can be stored in the place of a time (text, files' names)."""
    none = True
    """Whether an item can be without one."""
    purges = True
    """Whether erasures are made physical as well: one of several ways to spell a time is enough."""

    @abstractmethod
    def declare(self, folder: Path) -> tuple[StoreSpec, Dataset]:
        """Return the store inside ``folder`` and the one dataset; its subject is one field."""

    @abstractmethod
    def write(self, folder: Path, items: Sequence[Dated]) -> None:
        """Add items in the ordinary way; the first call creates the store."""

    @abstractmethod
    def read(self, folder: Path) -> Mapping[str, bytes]:
        """Name of an item -> all that an ordinary reader gets of it."""

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        """An empty folder that will hold the store and nothing else."""
        made = tmp_path / "estate"
        made.mkdir()
        return made

    # --- verbs -----------------------------------------------------------------------------------

    @contextmanager
    def _opened(self, folder: Path) -> Iterator[tuple[Store, Dataset]]:
        spec, dataset = self.declare(folder)
        with closing(type(self).store(spec, (dataset,))) as store:
            yield store, dataset

    def _window(self, since: datetime | None = None, until: datetime | None = None) -> Window:
        return Window(self.field, since, until)

    def _subject(self, folder: Path) -> str:
        subject = self.declare(folder)[1].subject
        assert isinstance(subject, ByField)
        (name,) = subject.fields.values()
        return name

    def _every(self, window: Window | None, **more: Any) -> Selector:
        return Selector(CLASS, {}, every=True, where=window, **more)

    def _goes(self, folder: Path, selector: Selector) -> set[str]:
        """Erase what a selector finds, all the way; the names that went. Everything else must read as it did before."""
        before = dict(self.read(folder))
        with self._opened(folder) as (store, dataset):
            copies = list(store.locate(dataset, [selector]))
            assert store.preflight(dataset, copies) == ()
            expected = sum(copy.items for copy in copies)
            store.cost({dataset.name: copies})
            outcomes = store.erase(dataset, copies, KEY)
            assert set(outcomes) == {copy.subject for copy in copies}
            assert all(isinstance(outcome, Erased) for outcome in outcomes.values()), outcomes
            again = store.erase(dataset, copies, KEY)
            assert all(isinstance(each, Absent) for each in again.values()), again
            if self.purges:
                assert isinstance(store.purge([dataset], KEY), Erased | Absent)
            left = list(store.probe(dataset, copies or [Copy(dataset.name, selector.subject, (), 0, selector=selector)]))
            assert [each.items for each in left] == [0] * len(left), left
            assert not any(each.could_not for each in left)
            assert list(store.locate(dataset, [selector])) == []
        after = dict(self.read(folder))
        assert after == {name: data for name, data in before.items() if name in after}
        gone = set(before) - set(after)
        assert len(gone) == expected
        return gone

    # --- promises --------------------------------------------------------------------------------

    def test_only_what_lies_in_the_window_goes(self, folder: Path) -> None:
        """Half-open to the step: the bound itself is outside at the end and inside at the beginning."""
        one, other = person("one"), person("other")
        self.write(
            folder,
            [
                Dated("long-ago", one, NOON - timedelta(days=900)),
                Dated("just-before", other, self._at(NOON) - self.step),
                Dated("on-the-dot", one, self._at(NOON)),
                Dated("just-after", other, self._at(NOON) + self.step),
            ],
        )
        cut = self._at(NOON)
        assert self._goes(folder, self._every(self._window(until=cut))) == {"long-ago", "just-before"}
        assert self._goes(folder, self._every(self._window(since=cut, until=cut + self.step))) == {"on-the-dot"}
        assert self._goes(folder, self._every(self._window(since=cut))) == {"just-after"}

    def _at(self, when: datetime) -> datetime:
        """A moment that the store can hold."""
        return when.replace(hour=0) if self.step > SECOND else when

    def test_spared_people_keep_theirs(self, folder: Path) -> None:
        """A whole hold: the held person's items stay although they are as old as the others."""
        held, others = person("held"), [person("a"), person("b")]
        day = NOON - timedelta(days=40)
        self.write(folder, [Dated("held", held, day), *(Dated(f"n{number}", one, day) for number, one in enumerate(others))])
        spare = {self._subject(folder): frozenset({held.id})}
        assert self._goes(folder, self._every(self._window(until=NOON), spare=spare)) == {"n0", "n1"}

    def test_a_person_loses_what_lies_in_the_window_only(self, folder: Path) -> None:
        """With values to match, the window narrows what is found of that person."""
        one, other = person("one"), person("other")
        old, new = NOON - timedelta(days=40), NOON + timedelta(days=40)
        self.write(folder, [Dated("a", one, old), Dated("b", one, new), Dated("c", other, old)])
        match = {self._subject(folder): frozenset({one.id})}
        assert self._goes(folder, Selector(one.pseudonym, match, where=self._window(until=NOON))) == {"a"}

    def test_only_the_named_items_of_a_person_go(self, folder: Path) -> None:
        """Named by a field beside the person's: other items of the person stay, and so do named items of other people."""
        one, other = person("one"), person("other")
        day = NOON - timedelta(days=40)
        again = Person(one.id, one.email, person("later").text, one.blob)
        self.write(folder, [Dated("a", one, day), Dated("b", again, day), Dated("c", other, day)])
        match = {self._subject(folder): frozenset({one.id})}
        named = Selector(one.pseudonym, match, only={self.named: frozenset({"a", "c"})})
        going, staying = Listener(), Listener()
        with self._opened(folder) as (store, dataset):
            assert list(store.locate(dataset, [replace(named, only={self.named: frozenset({"none"})})])) == []
            copies = list(store.locate(dataset, [named]))
            store.trace(dataset, copies, going)
            store.trace(dataset, list(store.bystanders(dataset, copies, None)), staying)
        heard = b"".join(map(staying.everything, staying.heard))
        assert _mark(one) in going.everything(one.pseudonym)
        assert _mark(again) not in going.everything(one.pseudonym)
        assert _mark(one) not in heard
        assert _mark(again) in heard
        assert self._goes(folder, named) == {"a"}
        assert self._goes(folder, replace(named, only={}, spare=named.only)) == {"b"}

    def test_an_item_without_a_readable_time_is_in_no_window(self, folder: Path) -> None:
        """No time, a word, nothing, a date that there is not, a number that may be anything: never erased by age."""
        one = person("one")
        doubtful = ["soon", "2024-02-30", "20240230", "0", "202402291200", "2024"] if self.texts else []
        items = [Dated(f"doubt{number}", one, text) for number, text in enumerate(doubtful)]
        items += [Dated("none", one, None)] if self.none else []
        self.write(folder, [*items, Dated("dated", one, NOON - timedelta(days=9))])
        assert self._goes(folder, self._every(self._window(until=datetime(2200, 1, 1, tzinfo=UTC)))) == {"dated"}
        with self._opened(folder) as (store, dataset):
            assert store.ages(dataset, self.field, [NOON]).undated == len(items)

    def test_leap_days_zones_and_clock_changes(self, folder: Path) -> None:
        """29 February is a day; an hour that comes twice is told apart by its offset; without one, UTC is meant."""
        one = person("one")
        items = [Dated("leap", one, datetime(2024, 2, 29, tzinfo=UTC)), Dated("march", one, datetime(2024, 3, 1, tzinfo=UTC))]
        if self.zones:
            items += [
                Dated("summer", one, "2026-10-25T02:30:00+02:00"),
                Dated("winter", one, "2026-10-25T02:30:00+01:00"),
                Dated("zulu", one, "2026-10-25T01:00:00Z"),
            ]
        self.write(folder, items)
        assert self._goes(folder, self._every(self._window(until=datetime(2024, 3, 1, tzinfo=UTC)))) == {"leap"}
        gone = self._goes(folder, self._every(self._window(until=datetime(2026, 10, 25, 1, tzinfo=UTC))))
        assert gone == {"march", "summer"} & {item.name for item in items}

    def test_every_item_without_a_window_means_all(self, folder: Path) -> None:
        """Items that are destroyed as a whole need no time."""
        self.write(folder, [Dated("a", person("one"), NOON), Dated("b", person("two"), None if self.none else NOON)])
        assert self._goes(folder, self._every(None)) == {"a", "b"}
        with self._opened(folder) as (store, dataset):
            assert list(store.locate(dataset, [Selector(CLASS, {})])) == [], "a match that was narrowed to nothing finds nothing"

    def test_traces_hear_what_goes_and_bystanders_are_what_stays(self, folder: Path) -> None:
        """Content of the window under the class's name; of one person, the old under it and the new among those who stay."""
        both, stays = person("both"), person("stays")
        goes = person("goes")
        old, new = NOON - timedelta(days=40), NOON + timedelta(days=40)
        # The same owner twice, with other content: what is told apart is the time, not the person.
        again = Person(both.id, stays.email, person("later").text, both.blob)
        self.write(folder, [Dated("a", both, old), Dated("b", again, new), Dated("c", goes, old), Dated("d", stays, new)])
        going, staying = Listener(), Listener()
        with self._opened(folder) as (store, dataset):
            copies = list(store.locate(dataset, [self._every(self._window(until=NOON))]))
            store.trace(dataset, copies, going)
            controls = list(store.bystanders(dataset, copies, None))
            store.trace(dataset, controls, staying)
            few = list(store.bystanders(dataset, copies, 1))
            exported = b"".join(chunk for copy in copies for item in store.export(dataset, copy) for chunk in item.chunks)
        assert {each.subject for each in few} == {"control-0"}
        heard = b"".join(map(staying.everything, staying.heard))
        assert set(going.heard) == {CLASS}
        for gone in (both, goes):
            assert _mark(gone) in going.everything(CLASS)
            assert _mark(gone) in exported
            assert _mark(gone) not in heard
        for left in (again, stays):
            assert _mark(left) in heard
            assert _mark(left) not in going.everything(CLASS)
            assert _mark(left) not in exported

    def test_a_probe_sees_what_came_into_the_window_later(self, folder: Path) -> None:
        """Old items that arrive after an expiry are seen; new ones are none of its business."""
        one = person("one")
        self.write(folder, [Dated("a", one, NOON - timedelta(days=40)), Dated("b", one, NOON + timedelta(days=40))])
        selector = self._every(self._window(until=NOON))
        with self._opened(folder) as (store, dataset):
            copies = list(store.locate(dataset, [selector]))
            store.erase(dataset, copies, KEY)
        self.write(folder, [Dated("c", one, NOON - timedelta(days=50))])
        with self._opened(folder) as (store, dataset):
            (seen,) = store.probe(dataset, copies)
        assert seen.items == 1

    def test_ages_count_as_windows_would(self, folder: Path) -> None:
        """Each bucket has as many items as a selector with the same window finds."""
        one, other = person("one"), person("other")
        first = self._at(NOON)
        edges = [first - timedelta(days=100), first - timedelta(days=30), first]
        days = (-400, -100, -99, -30, -1, 0, 5)
        items = [Dated(f"n{number}", (one, other)[number % 2], first + timedelta(days=each)) for number, each in enumerate(days)]
        self.write(folder, items)
        with self._opened(folder) as (store, dataset):
            ages = store.ages(dataset, self.field, edges)
            assert ages.items == (1, 2, 2, 2)
            assert all(ages.bytes)
            for at, (since, until) in enumerate(zip([None, *edges], [*edges, None], strict=True)):
                found = list(store.locate(dataset, [self._every(self._window(since, until))]))
                assert sum(each.items for each in found) == ages.items[at]

    def test_spans_say_when_each_person_was_there_last(self, folder: Path) -> None:
        """For each value of the subject's field: how many items, the oldest and the newest time."""
        one, other = person("one"), person("other")
        first = self._at(NOON)
        self.write(folder, [Dated("a", one, first), Dated("b", one, first + timedelta(days=3)), Dated("c", other, first)])
        with self._opened(folder) as (store, dataset):
            spans = {span.value: span for span in store.spans(dataset, self._subject(folder), self.field)}
        assert set(spans) == {one.id, other.id}
        assert (spans[one.id].items, spans[one.id].first, spans[one.id].last) == (2, first, first + timedelta(days=3))
        assert (spans[other.id].items, spans[other.id].last) == (1, first)


def _mark(one: Person) -> bytes:
    """A stretch of the text that is this person's alone and spelt alike everywhere."""
    return one.marks[1].encode()


def typed(when: object) -> datetime | None:
    """Return the value of an item's time in a column of instants."""
    return moment(when)
