"""Promises about places: the live row that lies in certain bytes of a store is read by its place, and no other."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from expunge.core.datamap.datamap import Dataset
from expunge.core.values.copy import Copy
from expunge.ports.optional.placing import DecodedReader, LayoutStore, LiveRows, Lying, PlaceReader, PlacingStore
from expunge.ports.store import Store
from expunge.residue.placing.reader import open_reader
from expunge.testing.harness import StoreHarness, locate_all
from expunge.testing.people import Person, people
from expunge.testing.store_reading import Listener


def words(one: Person) -> list[bytes]:
    """Return bytes that are this person's alone, of each sort of content."""
    return [*(mark.encode() for mark in one.marks), one.blob[:32]]


def places_of(data: bytes, one: Person) -> Iterator[tuple[int, bytes]]:
    """Yield every place of a person's words, by a plain search."""
    for word in words(one):
        at = data.find(word)
        while at >= 0:
            yield at, word
            at = data.find(word, at + 1)


def rows_of(found: Mapping[str, Mapping[Path, Sequence[tuple[LiveRows, bytes]]]], relation: str) -> list[LiveRows]:
    """Return the rows of a relation among all that were found, by person and file."""
    return [rows for files in found.values() for lying in files.values() for rows, _ in lying if rows.relation == relation]


class PlacingSuite(StoreHarness):
    """Promises of :class:`expunge.ports.optional.placing.PlacingStore`, for stores whose files a reader of places knows.

    Subclass it beside :class:`expunge.testing.StoreSuite`, with the same hooks.
    """

    def lying(self, folder: Path, crowd: Sequence[Person]) -> dict[str, dict[Path, list[tuple[LiveRows, bytes]]]]:
        """Return person -> file -> the live rows at each place of the person's words, with the word that is there."""
        found: dict[str, dict[Path, list[tuple[LiveRows, bytes]]]] = {one.id: {} for one in crowd}
        with self.opened(folder) as (store, datasets):
            for top in self.places(folder):
                for path in sorted(each for each in top.rglob("*") if each.is_file()) if top.is_dir() else [top]:
                    for reader in self._readers(store, datasets, path):
                        with closing(reader):
                            for one in crowd:
                                lying = [(reader.at(at, len(word)), word) for at, word in places_of(path.read_bytes(), one)]
                                lying += list(self._lying_in_content(reader, path, one))
                                found[one.id].setdefault(path, []).extend(
                                    (rows, word) for rows, word in lying if isinstance(rows, LiveRows)
                                )
        return found

    def contents(self, path: Path) -> Iterator[tuple[int, bytes]]:  # noqa: ARG002 - for overriders
        """Yield (place in the file, decoded content) of each container that the store itself reads, such as a gzip member."""
        yield from ()

    def _lying_in_content(self, reader: PlaceReader, path: Path, one: Person) -> Iterator[tuple[Lying, bytes]]:
        for container, content in self.contents(path):
            assert isinstance(reader, DecodedReader)
            for at, word in places_of(content, one):
                yield reader.at_decoded(container, "", at, len(word)), word

    @staticmethod
    def _readers(store: Store, datasets: Sequence[Dataset], path: Path) -> Iterator[PlaceReader]:
        """The reader of a file, or those of the datasets that say how it holds items."""
        if isinstance(store, LayoutStore) and isinstance(store, PlacingStore):
            layouts = dict.fromkeys(store.layout(dataset) for dataset in datasets if store.holds(dataset, path))
            readers = [open_reader(path, layout) for layout in layouts]
        else:
            readers = [open_reader(path)]
        yield from (reader for reader in readers if reader is not None)

    def test_a_row_is_read_by_its_place(self, folder: Path) -> None:
        """Each place of somebody who stays leads to a row that holds what is there, as a bystander's copy; in every dataset to some."""
        crowd = people(6)
        self.write(folder, crowd)
        self.forget(folder, crowd[:2])
        found = self.lying(folder, crowd)
        with self.opened(folder) as (store, datasets):
            placing = self.placing(store)
            read: set[str] = set()
            for one in crowd[2:]:
                for path, lying in found[one.id].items():
                    for dataset in (dataset for dataset in datasets if placing.holds(dataset, path)):
                        read |= self._read_by_place(store, dataset, lying)
            assert read == {dataset.name for dataset in datasets}
        assert not any(lying for one in crowd[:2] for lying in found[one.id].values())

    def _read_by_place(self, store: Store, dataset: Dataset, lying: Sequence[tuple[LiveRows, bytes]]) -> set[str]:
        copies = list(self.placing(store).nominated(dataset, [rows for rows, _ in lying], ()))
        assert len({copy.subject for _, copy in copies}) == len(copies)
        whole = list(store.bystanders(dataset, (), None))
        for index, copy in copies:
            assert copy.dataset == dataset.name
            assert copy.items == len(copy.keys) == 1
            assert set(dataset.follow) <= set(copy.links)
            match = copy.selector.match if copy.selector else None
            same = next(
                each for each in whole if self.has(each, copy.keys[0]) and (each.selector.match if each.selector else None) == match
            )
            assert all(values <= same.links[name] for name, values in copy.links.items())
            heard = Listener()
            store.trace(dataset, [copy], heard)
            assert lying[index][1] in heard.everything(copy.subject)
        return {dataset.name} if copies else set()

    def test_what_is_erased_or_gone_is_not_read(self, folder: Path) -> None:
        """Rows of the order, rows that are gone and rows of other tables yield nothing."""
        crowd = people(4)
        self.write(folder, crowd)
        found = self.lying(folder, crowd)
        erased, stays = ([rows for lying in found[one.id].values() for rows, _ in lying] for one in crowd[:2])
        strangers = [LiveRows("no table of this name", rows.rows) for rows in stays]
        indexes: set[int] = set()
        with self.opened(folder) as (store, datasets):
            located = locate_all(store, datasets, crowd[:1])
            for dataset in datasets:
                answers = self.placing(store).nominated(dataset, [*erased, *strangers, *stays], located[dataset.name])
                indexes |= {index for index, _ in answers}
        first = len(erased) + len(strangers)
        assert indexes == set(range(first, first + len(stays)))
        self.forget(folder, crowd[:1])
        with self.opened(folder) as (store, datasets):
            for dataset in datasets:
                copies = [copy for _, copy in self.placing(store).nominated(dataset, erased, ())]
                heard = Listener()
                store.trace(dataset, copies, heard)
                # the number of a row that is gone may be another person's by now
                assert not any(word in heard.everything(copy.subject) for copy in copies for word in words(crowd[0]))

    def test_a_copy_of_the_files_holds_nothing(self, folder: Path, tmp_path: Path) -> None:
        """Rows lie in the store's own files only, not in a copy of them beside it."""
        self.write(folder, people(3))
        found = self.lying(folder, people(3))
        files = {path for lying in found.values() for path, rows in lying.items() if rows}
        with self.opened(folder) as (store, datasets):
            for path in files:
                assert any(self.placing(store).holds(dataset, path) for dataset in datasets)
                other = tmp_path / "elsewhere" / path.name
                other.parent.mkdir(exist_ok=True)
                shutil.copy(path, other)
                beside = shutil.copy(path, path.with_name(f"{path.name}.copy"))
                assert not any(self.placing(store).holds(dataset, copy) for dataset in datasets for copy in (other, Path(beside)))

    def test_rows_lie_in_relations(self, folder: Path) -> None:
        """Each row is one of a relation of its dataset; a relation of another name is of no dataset."""
        crowd = people(3)
        self.write(folder, crowd)
        found = self.lying(folder, crowd)
        named = {(path, rows.relation) for lying in found.values() for path, places in lying.items() for rows, _ in places}
        with self.opened(folder) as (store, datasets):
            placing = self.placing(store)
            for dataset in datasets:
                related = {relation for _, relation in named if placing.relates(dataset, relation)}
                rows = {each for _, each in named if any(True for _ in placing.nominated(dataset, rows_of(found, each), ()))}
                assert related == rows != set()
                assert not placing.relates(dataset, "no relation of this name")

    def has(self, copy: Copy, key: str) -> bool:
        """Return whether a bystander's copy has the item that the key of a nominated copy names."""
        return key in copy.keys

    @staticmethod
    def placing(store: Store) -> PlacingStore:
        """Return the store as one that reads rows by their place."""
        if not isinstance(store, PlacingStore):
            pytest.fail("the store reads no row by its place")
        return store
