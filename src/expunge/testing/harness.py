"""The hooks that a conformance suite needs from the author of a store, and the helpers that its tests are written in."""

from __future__ import annotations

import shutil
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import pytest

from expunge.core.datamap.datamap import ByField, Dataset, StoreSpec, Through
from expunge.core.values.copy import Copy, Selector
from expunge.core.values.ids import IdempotencyKey, Pseudonym
from expunge.core.values.outcome import RETRYABLE, Absent, Erased, Outcome, Unable
from expunge.ports.store import Store
from expunge.testing import forked, fresh
from expunge.testing.forked import ChildExit, RunningChild, without_rights
from expunge.testing.people import Person, holds
from expunge.testing.plain_search import search, snapshot

KEY = IdempotencyKey("conformance-1")
PATIENCE = 120.0
"""Seconds after which what should happen never will: a busy machine takes its time, and only a defect takes so long."""


class Opener(Protocol):
    """A store's class, or anything that is called like one."""

    def __call__(self, spec: StoreSpec, datasets: tuple[Dataset, ...], /) -> Store: ...  # noqa: D102


class StoreHarness(ABC):
    """The base class for a store under test: it opens the store, and writes and reads it as the outside world does.

    ``write``, ``read`` and ``plant`` play the company whose store it is: they use the ordinary means of that technology, never the class
    under test, and close every handle before they return (some tests fork).
    """

    store: Opener
    """The class under test."""
    unsayable = ""
    """Characters that an identifier in this store can never hold (``"/\\0"`` in a file name)."""
    unsayable_whole: tuple[str, ...] = ()
    """Whole identifiers that it cannot hold, though their characters are fine (``"."``)."""
    crowd = 1000
    """How many subjects the batch test erases in one call."""
    forks = True
    """Whether the store's library can be used in a fork of a process that used it. Where it cannot, children come of a fresh interpreter:
    the class is found there by its module's name, and what its objects hold must be picklable."""

    # --- to be written by whoever brings a store -------------------------------------------------

    @abstractmethod
    def declare(self, folder: Path) -> tuple[StoreSpec, Sequence[Dataset]]:
        """Return the store inside ``folder`` (empty, made by the suite) and its datasets. Nothing is created yet.

        Every field of a ``ByField`` rule is matched with ``Person.id``, whatever its identity kind. ``follow`` need not be filled in.
        """

    @abstractmethod
    def write(self, folder: Path, people: Sequence[Person]) -> None:
        """Add people in the ordinary way; the first call creates the store.

        Every dataset gets something of each person, and ``email``, ``text`` and ``blob`` of each are stored somewhere (the blob as it
        is, in hex or in base64).
        """

    @abstractmethod
    def read(self, folder: Path) -> Mapping[str, bytes]:
        """Person id -> all that an ordinary reader gets of that person, in a stable form: rows by value, files by byte.

        Must not fail while others write.
        """

    @abstractmethod
    def plant(self, folder: Path, person: Person) -> None:
        """Put data of the person inside the store where no dataset declares it (a backup table, a stray file)."""

    # --- to be overridden where it makes sense ---------------------------------------------------

    def obstruct(self, folder: Path, person: Person) -> AbstractContextManager[object] | None:  # noqa: ARG002 - for overriders
        """Return a block during which another process prevents the person's erasure from becoming physical; None where that is impossible.

        For instance a reader in the middle of its work. Inside the block ``erase`` or ``purge`` must answer ``Unable``.
        """
        return None

    def spoil(self, folder: Path, person: Person) -> bool:  # noqa: ARG002 - for overriders
        """Damage the place where the person's data lies so that it cannot be read (a torn gzip); False where that cannot be."""
        return False

    def places(self, folder: Path) -> Sequence[Path]:
        """Folders and files in which the store's bytes can lie: searched for residue, watched for changes.

        For a store that is not a folder: what its server keeps of the store that ``folder`` stands for, journals and logs included.
        """
        return [folder]

    def visible(self, folder: Path, person: Person) -> Sequence[str | bytes]:  # noqa: ARG002 - for overriders
        """Return what a plain search of the store's bytes sees of a person who is there.

        Where content lies sealed, that is none of it: then the wrapped keys of the person's items, as they lie there now.
        """
        return (*person.marks, *self.long_id(person))

    def heard(self, folder: Path, data: bytes, person: Person) -> bool:  # noqa: ARG002 - for overriders
        """Return whether a trace of a person who stays handed over what it has to: all of their content.

        Where content lies sealed, what is visible of it: nothing of theirs is opened.
        """
        return holds(data, person)

    def state(self, folder: Path) -> Mapping[Any, Any]:
        """Return the store as it is, in a form in which any change shows, by the names of its parts (files, tables).

        For a store that is not a folder: the content of its schema, and each row with every value that the server changes when the row is
        touched.
        """
        return snapshot(folder)

    def deprived(self, folder: Path, function: Callable[[], Any]) -> ChildExit:
        """Run ``function`` as a user who may read the store but change nothing in it. Return its result or error."""
        return without_rights(folder, function, self.begin)

    # --- fixtures --------------------------------------------------------------------------------

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        """An empty folder that will hold the store and nothing else."""
        made = tmp_path / "estate"
        made.mkdir()
        return made

    @pytest.fixture
    def public_folder(self) -> Iterator[Path]:
        """The same, but reachable for other users of this machine."""
        top = Path(tempfile.mkdtemp(prefix="conformance-"))
        top.chmod(0o755)
        made = top / "estate"
        made.mkdir(mode=0o755)
        yield made
        shutil.rmtree(top)

    # --- verbs -----------------------------------------------------------------------------------

    def begin(self, function: Callable[[], Any]) -> RunningChild:
        """Start ``function`` in another process."""
        return forked.start(function) if self.forks else fresh.start(function)

    @contextmanager
    def opened(self, folder: Path) -> Iterator[tuple[Store, tuple[Dataset, ...]]]:
        """The store under test, opened afresh and closed at the end."""
        spec, declared = self.declare(folder)
        datasets = followed(declared)
        with closing(type(self).store(spec, datasets)) as store:
            yield store, datasets

    def sayable(self, identifier: str) -> bool:
        """Return whether the store can hold this identifier at all."""
        return identifier not in self.unsayable_whole and not any(letter in identifier for letter in self.unsayable)

    def locate(self, folder: Path, people: Sequence[Person]) -> dict[str, list[Copy]]:
        """Return dataset name -> the copies of the people."""
        with self.opened(folder) as (store, datasets):
            return locate_all(store, datasets, people)

    def erase(self, folder: Path, copies: Mapping[str, Sequence[Copy]], key: IdempotencyKey = KEY) -> list[Outcome]:
        """Erase located copies, dependents first. Return all outcomes."""
        with self.opened(folder) as (store, datasets):
            return erase_all(store, datasets, copies, key)

    def purge(self, folder: Path, key: IdempotencyKey = KEY) -> Outcome:
        """Make it physical."""
        with self.opened(folder) as (store, datasets):
            return store.purge(datasets, key)

    def forget(self, folder: Path, people: Sequence[Person], key: IdempotencyKey = KEY) -> None:
        """Locate, erase and purge, repeating while another process is in the way, as an engine would. Fails the test if it never works."""
        deadline = time.monotonic() + PATIENCE
        while True:
            outcomes = self.erase(folder, self.locate(folder, people), key)
            outcomes.append(self.purge(folder, key))
            stuck = [outcome for outcome in outcomes if isinstance(outcome, Unable) and outcome.reason in RETRYABLE]
            if not stuck:
                assert all(isinstance(outcome, Erased | Absent) for outcome in outcomes), outcomes
                return
            assert time.monotonic() < deadline, stuck
            time.sleep(0.05)

    def remaining(self, folder: Path, people: Sequence[Person]) -> int:
        """Return the number of items that a probe, opened for it alone, still sees of the people, found anew."""
        with self.opened(folder) as (store, datasets):
            located = locate_all(store, datasets, people)
            return sum(seen.items for dataset in datasets for seen in store.probe(dataset, located[dataset.name]))

    def residue(self, folder: Path, people: Sequence[Person]) -> list[str]:
        """Return the places where a plain byte search of every byte of the store still finds the people."""
        return search(self.places(folder), [mark for person in people for mark in (*person.marks, *self.long_id(person))])

    @staticmethod
    def long_id(person: Person) -> tuple[str, ...]:
        """Return the identifier, if it is long enough to be no other person's by chance."""
        return (person.id,) if len(person.id) >= 16 else ()


def followed(declared: Sequence[Dataset]) -> tuple[Dataset, ...]:
    """Return the datasets with ``follow`` filled in from each other's ``through``."""
    via: dict[str, set[str]] = {each.name: set(each.follow) for each in declared}
    for each in declared:
        for name, link in each.subject.ways if isinstance(each.subject, Through) else ():
            via[name].add(link)
    return tuple(replace(each, follow=tuple(sorted(via[each.name]))) for each in declared)


def upstream_first(datasets: Sequence[Dataset]) -> list[Dataset]:
    """Return the datasets, each after the dataset that it is found through."""
    ordered: list[Dataset] = []
    left = list(datasets)
    while left:
        done = {each.name for each in ordered}
        ready = [each for each in left if not isinstance(each.subject, Through) or done.issuperset(each.subject.sources)]
        assert ready, "datasets found through one another in a circle"
        ordered += ready
        left = [each for each in left if each not in ready]
    return ordered


def locate_all(store: Store, datasets: Sequence[Dataset], people: Sequence[Person]) -> dict[str, list[Copy]]:
    """Locate the people in every dataset, following ``through`` as the engine does."""
    located: dict[str, list[Copy]] = {}
    for dataset in upstream_first(datasets):
        if isinstance(dataset.subject, ByField):
            fields = dataset.subject_fields
            selectors = [Selector(person.pseudonym, {name: frozenset({person.id}) for name in fields}) for person in people]
        elif isinstance(dataset.subject, Through):
            values: dict[Pseudonym, frozenset[str]] = {}
            for name, link in dataset.subject.ways:
                for each in located[name]:
                    values[each.subject] = values.get(each.subject, frozenset()) | each.links.get(link, frozenset())
            selectors = [Selector(subject, {dataset.subject.via: held}) for subject, held in values.items() if held]
        else:
            selectors = []
        located[dataset.name] = list(store.locate(dataset, selectors)) if selectors else []
    return located


def erase_all(store: Store, datasets: Sequence[Dataset], copies: Mapping[str, Sequence[Copy]], key: IdempotencyKey) -> list[Outcome]:
    """Erase dependents before the datasets they are found through. Every subject must get its answer."""
    outcomes: list[Outcome] = []
    for dataset in reversed(upstream_first(datasets)):
        wanted = copies.get(dataset.name, ())
        if wanted:
            answers = store.erase(dataset, wanted, key)
            assert set(answers) == {each.subject for each in wanted}, "an outcome for every subject, and for nobody else"
            outcomes += answers.values()
    return outcomes
