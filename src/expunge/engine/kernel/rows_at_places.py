"""Read live rows by their places, many at a time, each under a name of its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import count, islice
from typing import TypeVar

from expunge.core.datamap.datamap import Dataset
from expunge.core.values.copy import Copy
from expunge.core.values.ids import Pseudonym
from expunge.engine.kernel import store_calls
from expunge.ports.optional.placing import LiveRows, PlacingStore
from expunge.ports.scanner import Tracer
from expunge.ports.store import Store

BATCH = 5_000
"""Rows that are read together."""
_Place = TypeVar("_Place")


class RowsAtPlaces:
    """Reads rows of some stores."""

    def __init__(self, stores: Mapping[str, Store]) -> None:
        self._stores = stores
        self._numbers = count(1)

    def nominated(self, dataset: Dataset, rows: Sequence[LiveRows], erased: Sequence[Copy]) -> Iterator[tuple[int, Copy]]:
        """Yield (index into ``rows``, copy of one live row) without the rows in ``erased``; none where the store reads no places."""
        opened = self._stores[dataset.store]
        for begin in range(0, len(rows) if isinstance(opened, PlacingStore) else 0, BATCH):
            assert isinstance(opened, PlacingStore)
            for index, copy in opened.nominated(dataset, rows[begin : begin + BATCH], erased):
                yield begin + index, self.named(copy)

    def named(self, copy: Copy) -> Copy:
        """Return a copy under a name that no other one has."""
        return replace(copy, subject=Pseudonym(f"control-{next(self._numbers)}"))

    def trace(self, dataset: Dataset, rows: Iterable[tuple[_Place, Copy]], tracer: Tracer) -> dict[Pseudonym, _Place]:
        """Hand the content of rows to the tracer; return where each of them lies."""
        at: dict[Pseudonym, _Place] = {}
        left = iter(rows)
        while batch := list(islice(left, BATCH)):
            at.update((row.subject, place) for place, row in batch)
            store_calls.trace(self._stores[dataset.store], dataset, [row for _, row in batch], tracer)
        return at
