"""Promises about listed items: names, sizes and times of one person's items, without their content."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from expunge import clock
from expunge.core.datamap.datamap import Dataset
from expunge.core.values.copy import Copy
from expunge.ports.optional.item_listing import ItemListing
from expunge.ports.store import Store
from expunge.testing.harness import StoreHarness, locate_all
from expunge.testing.people import people


class ItemListingSuite(StoreHarness):
    """Promises of :class:`expunge.ports.optional.item_listing.ItemListing`. Subclass it beside ``StoreSuite``, with the same hooks."""

    def test_lists_the_items_of_one_person_with_size_and_time(self, folder: Path) -> None:
        """The sizes are those of an export; the times are of today; names say whose the items are."""
        crowd = people(3)
        # A store dates its items by its own clock, or by that of the file system.
        (folder / "begun").touch()
        begun = datetime.fromtimestamp((folder / "begun").stat().st_mtime, UTC)
        self.write(folder, crowd)
        with self.opened(folder) as (store, datasets):
            assert isinstance(store, ItemListing)
            for dataset, copy in self.copies(store, datasets):
                found = {each.key: each for each in store.listed(dataset, copy)}
                assert set(found) == set(copy.keys)
                sizes = sorted(sum(map(len, item.chunks)) for item in store.export(dataset, copy))
                assert sorted(each.size for each in found.values()) == sizes
                for each in found.values():
                    assert each.modified is None or min(abs(each.modified - at) for at in (begun, clock.now())) < timedelta(days=1)
                    assert copy.selector is not None
                    assert any(each.fields[name] & values for name, values in copy.selector.match.items() if name in each.fields)

    def test_lists_no_item_that_the_copy_does_not_have(self, folder: Path) -> None:
        """Neither of others nor, of the same person, one that was taken out of the copy."""
        self.write(folder, people(2))
        with self.opened(folder) as (store, datasets):
            assert isinstance(store, ItemListing)
            for dataset, copy in self.copies(store, datasets):
                assert not list(store.listed(dataset, copy.without(copy.keys)))
                assert not list(store.listed(dataset, replace(copy, selector=None)))

    def test_its_repr_shows_no_name(self, folder: Path) -> None:
        """A log of a listed item names nobody."""
        (one,) = people(1)
        self.write(folder, [one])
        with self.opened(folder) as (store, datasets):
            assert isinstance(store, ItemListing)
            shown = [repr(each) for dataset, copy in self.copies(store, datasets) for each in store.listed(dataset, copy)]
        assert shown
        assert not any(one.id in each for each in shown)

    def copies(self, store: Store, datasets: tuple[Dataset, ...]) -> Iterator[tuple[Dataset, Copy]]:
        """Yield the copies of a few people, each with its dataset."""
        located = locate_all(store, datasets, people(2))
        for dataset in datasets:
            yield from ((dataset, copy) for copy in located[dataset.name])
