"""Tell which words are identifiers of people who are there: a longer one than an erased person's is another person's.

People choose some of their identifiers. A name that a customer chose may be another customer's sentence; :class:`NamingColumns` tells a
column of names from one of sentences.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

from expunge.core.datamap.person import Person
from expunge.core.values.copy import Copy, Selector
from expunge.core.values.ids import Pseudonym
from expunge.engine.kernel import store_calls
from expunge.engine.kernel.context import OpenPlaces
from expunge.engine.subjects import spellings
from expunge.ports.scanner import Stretch

_SAMPLE = 50
"""Rows of people who stay of which it is asked whether a column names people."""


class LivingIdentifiers:
    """The identifiers of people who stay, asked for word by word, in every spelling; each word once."""

    def __init__(self, context: OpenPlaces, erased: Iterable[Person]) -> None:
        """Leave out the identifiers of the erased people, whose rows may still be there."""
        self._context = context
        self._known: dict[str, bool] = {value: False for person in erased for _, value in person.in_unicode_forms().identifiers()}

    def any(self, words: Collection[str]) -> bool:
        """Return whether one of some words is an identifier of a person who stays. Raises as ``locate`` of the stores."""
        asked = [word for word in words if word not in self._known]
        if asked:
            living = self._among(asked)
            self._known.update((word, word in living) for word in asked)
        return any(self._known[word] for word in words)

    def among(self, words: Collection[str]) -> frozenset[str]:
        """Return those of some words that are identifiers of people who stay. Raises as ``locate`` of the stores."""
        self.any(words)
        return frozenset(word for word in words if self._known[word])

    def _among(self, words: Collection[str]) -> frozenset[str]:
        found: set[str] = set()
        names = {Pseudonym(f"word-{number}"): word for number, word in enumerate(words)}
        for identity in self._context.data_map.identities.values():
            home = self._context.data_map.datasets[identity.dataset]
            for field in (identity.key, *identity.also):
                selectors = tuple(Selector(name, {field: frozenset({word})}) for name, word in names.items())
                wide = spellings.widened(self._context, home, selectors)
                copies = store_calls.locate(self._context.open_store(home.store), home, wide)
                found.update(names[copy.subject] for copy in copies if copy.items)
        return frozenset(found)


class NamingColumns:
    """Tells which columns name people, by the values that rows of people who stay have there; each column once."""

    def __init__(self, context: OpenPlaces, stays: LivingIdentifiers, erased: Mapping[str, Sequence[Copy]]) -> None:
        """Take the identifiers of people who stay, and the erased people's copies by dataset."""
        self._context, self._stays, self._erased = context, stays, erased
        self._known: dict[tuple[str, str], bool] = {}

    def names_people(self, dataset: str, field: str) -> bool:
        """Return whether at least half of a column's texts are identifiers of people who stay; not if it has none. Raises as stores do."""
        known = self._known.get((dataset, field))
        if known is None:
            known = self._known[dataset, field] = self._asked(dataset, field)
        return known

    def _asked(self, name: str, field: str) -> bool:
        dataset = self._context.data_map.datasets.get(name)
        if dataset is None:
            return False
        opened, texts = self._context.open_store(dataset.store), _TextsOf(field)
        rows = tuple(store_calls.bystanders(opened, dataset, self._erased.get(name, ()), _SAMPLE))
        if rows:
            store_calls.trace(opened, dataset, rows, texts)
        return bool(texts.found) and 2 * len(self._stays.among(texts.found)) >= len(texts.found)


class _TextsOf:
    """Takes the texts of one field."""

    def __init__(self, field: str) -> None:
        self._field = field
        self.found: set[str] = set()

    def text(self, subject: Pseudonym, dataset: str, field: str, value: str) -> None:  # noqa: ARG002 - the port's
        if field == self._field and value.strip():
            self.found.add(value)

    def number(self, subject: Pseudonym, dataset: str, field: str, value: float) -> None:
        """No text."""

    def vector(self, subject: Pseudonym, dataset: str, field: str, value: Sequence[float]) -> None:
        """No text."""

    def blob(self, subject: Pseudonym, dataset: str, field: str, stream: BinaryIO) -> None:
        """No text."""

    def name(self, subject: Pseudonym, dataset: str, value: str) -> None:
        """No text of a column."""

    def lies(self, path: Path, stretches: Sequence[Stretch]) -> None:
        """Of no use here."""
