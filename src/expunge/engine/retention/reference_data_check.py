"""Hold reference data against what the map says of it: columns that exist, and lists whose values are short and stand there once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from expunge.core.datamap.datamap import Dataset, ReferenceData
from expunge.core.values.copy import Finding, FindingKind
from expunge.core.values.ids import Pseudonym
from expunge.engine.kernel import store_calls
from expunge.engine.kernel.context import OpenPlaces
from expunge.ports.scanner import Stretch

LONGEST = 32
"""Bytes of a value on a list: up to so many, a value is traced as a whole."""
_BATCH = 2_000
_SAMPLE = 200
"""Copies of people that are enough to tell whether a column of theirs exists."""


def findings(context: OpenPlaces, dataset: Dataset) -> Iterator[Finding]:
    """Yield what does not fit in a dataset. Raises as ``locate`` of the stores."""
    if isinstance(dataset.subject, ReferenceData) and dataset.subject.vocabulary:
        yield from _of_one(context, dataset, dataset.subject)


def _of_one(context: OpenPlaces, dataset: Dataset, rule: ReferenceData) -> Iterator[Finding]:
    listed = _values(context, dataset, rule.vocabulary, None)
    for column, sources in rule.vocabulary.items():
        values = listed.by_column.get(column, Counter())
        twice = sum(1 for each in values.values() if each > 1)
        long = sum(1 for each in values if len(each.encode(errors="replace")) > LONGEST)
        if listed.rows and not values:
            yield _finding(dataset, f"no row has a text in {column}, of which the map says that it is a list of values")
        if twice:
            yield _finding(dataset, f"{column} is no list: values that stand in more than one row: {twice}")
        if long:
            yield _finding(dataset, f"{column}: values of more than {LONGEST} bytes, which explain nothing: {long}")
        for name, field in sources:
            source = context.data_map.datasets[name]
            held = _values(context, source, {field}, _SAMPLE)
            if held.rows and not held.by_column:
                yield _finding(dataset, f"vocabulary.{column}: no row of {name} has a text in {field}")


def _finding(dataset: Dataset, what: str) -> Finding:
    mend = "correct `vocabulary:`, or leave it out"
    return Finding(FindingKind.SUBJECT_PATH, dataset.store, dataset.table or dataset.name, f"dataset {dataset.name}: {what}", mend)


def _values(context: OpenPlaces, dataset: Dataset, columns: Collection[str], most: int | None) -> _Columns:
    store = context.open_store(dataset.store)
    found, copies = _Columns(columns), iter(store_calls.bystanders(store, dataset, (), most))
    while batch := list(islice(copies, _BATCH)):
        found.rows += len(batch)
        store_calls.trace(store, dataset, batch, found)
    return found


class _Columns:
    """Takes the content of rows, and counts the texts of some columns."""

    def __init__(self, columns: Iterable[str]) -> None:
        self._columns = frozenset(columns)
        self.by_column: dict[str, Counter[str]] = {}
        self.rows = 0

    def text(self, subject: Pseudonym, dataset: str, field: str, value: str) -> None:  # noqa: ARG002 - the port's shape
        if field in self._columns:
            self.by_column.setdefault(field, Counter())[value] += 1

    def number(self, subject: Pseudonym, dataset: str, field: str, value: float) -> None:
        """No text."""

    def vector(self, subject: Pseudonym, dataset: str, field: str, value: Sequence[float]) -> None:
        """No text."""

    def blob(self, subject: Pseudonym, dataset: str, field: str, stream: BinaryIO) -> None:
        """No text."""

    def name(self, subject: Pseudonym, dataset: str, value: str) -> None:
        """No text of a column."""

    def lies(self, path: Path, stretches: Sequence[Stretch]) -> None:
        """Places are not asked for."""
