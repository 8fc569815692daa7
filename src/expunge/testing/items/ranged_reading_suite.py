"""Promises about parts of items: they are read by the person to whom the item belongs, and of one state of it alone."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from expunge.core.datamap.datamap import Dataset
from expunge.core.values.copy import Copy
from expunge.errors import ItemGone, UsageError
from expunge.ports.optional.ranged_reading import MOST_AT_ONCE, ItemState, RangedReading
from expunge.ports.store import Store
from expunge.testing.harness import locate_all
from expunge.testing.items.item_listing_suite import ItemListingSuite
from expunge.testing.people import people, person

_PART = 7
"""Bytes of one read: few, so that content takes several."""


class RangedReadingSuite(ItemListingSuite):
    """Promises of :class:`expunge.ports.optional.ranged_reading.RangedReading`."""

    @abstractmethod
    def put(self, folder: Path, key: str, data: bytes) -> None:
        """Replace the content of an item in the ordinary way of such a store."""

    def test_parts_put_together_are_the_item(self, folder: Path) -> None:
        """Byte for byte as an export has it."""
        self.write(folder, people(2))
        with self.opened(folder) as (store, datasets):
            assert isinstance(store, RangedReading)
            for dataset, copy in self.copies(store, datasets):
                whole = sorted(b"".join(item.chunks) for item in store.export(dataset, copy))
                read = []
                for key in copy.keys:
                    state = store.state_of(dataset, copy, key)
                    ends = [*range(0, state.size, max(1, state.size // _PART)), state.size]
                    parts = [store.read_range(dataset, copy, key, state, *pair) for pair in pairwise(ends)]
                    read.append(b"".join(parts))
                assert sorted(read) == whole

    def test_nothing_is_read_of_an_item_of_another_person(self, folder: Path) -> None:
        """By no copy whose selector does not mean it, whatever keys that has."""
        first, second = people(2)
        self.write(folder, [first, second])
        with self.opened(folder) as (store, datasets):
            assert isinstance(store, RangedReading)
            for dataset, copy, key, state in self.items(store, datasets):
                for asked in (person("stranger"), *(each for each in (first, second) if each.pseudonym != copy.subject)):
                    others = locate_all(store, datasets, [asked])[dataset.name]
                    for other in [*others, replace(copy, selector=None)]:
                        claimed = replace(other, keys=(key,))
                        with pytest.raises(ItemGone):
                            store.state_of(dataset, claimed, key)
                        with pytest.raises(ItemGone):
                            store.read_range(dataset, claimed, key, state, 0, 1)

    def test_a_key_that_leads_elsewhere_is_refused(self, folder: Path) -> None:
        """Also where it would lead back to an item of the same person."""
        self.write(folder, people(2))
        with self.opened(folder) as (store, datasets):
            assert isinstance(store, RangedReading)
            for dataset, copy, key, state in self.items(store, datasets):
                head, _, tail = key.rpartition("/")
                middle = "/".join([*key.split("/")[:-2], "..", tail])
                for hostile in (
                    middle,
                    f"{head}/../{tail}",
                    f"../{key}",
                    f"/{key}",
                    f"{head}//{tail}",
                    f"{key}/",
                    f"{key}\0",
                    "",
                    "..",
                    f"./{key}",
                ):
                    with pytest.raises(ItemGone):
                        store.state_of(dataset, copy, hostile)
                    with pytest.raises(ItemGone):
                        store.read_range(dataset, copy, hostile, state, 0, 1)

    def test_a_range_beyond_the_item_is_refused(self, folder: Path) -> None:
        """And one of more bytes than a read has."""
        self.write(folder, people(1))
        with self.opened(folder) as (store, datasets):
            assert isinstance(store, RangedReading)
            for dataset, copy, key, state in self.items(store, datasets):
                for first, last in ((-1, 1), (2, 1), (0, state.size + 1), (state.size + 1, state.size + 1)):
                    with pytest.raises(UsageError):
                        store.read_range(dataset, copy, key, state, first, last)
                large = ItemState(MOST_AT_ONCE + 1, state.version)
                with pytest.raises(UsageError):
                    store.read_range(dataset, copy, key, large, 0, MOST_AT_ONCE + 1)
                assert store.read_range(dataset, copy, key, state, state.size, state.size) == b""

    def test_an_item_that_was_replaced_gives_no_further_byte(self, folder: Path) -> None:
        """Of the new content neither: a player would take the two for one."""
        self.write(folder, people(1))
        with self.opened(folder) as (store, datasets):
            assert isinstance(store, RangedReading)
            for dataset, copy, key, state in self.items(store, datasets):
                self.put(folder, key, b"quite another content" * (state.size // 21 + 1))
                with pytest.raises(ItemGone):
                    store.read_range(dataset, copy, key, state, 0, 1)
                assert store.state_of(dataset, copy, key) != state

    def items(self, store: Store, datasets: tuple[Dataset, ...]) -> Iterator[tuple[Dataset, Copy, str, ItemState]]:
        """Yield each item of a few people, with its state."""
        assert isinstance(store, RangedReading)
        for dataset, copy in self.copies(store, datasets):
            yield from ((dataset, copy, key, store.state_of(dataset, copy, key)) for key in copy.keys)
