"""Read the items to which a place in the bytes of a folder was said to belong.

The nomination comes from raw bytes and may be wrong. Here only normal reads count: an item that is gone, or erased, is not read.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from datetime import datetime
from itertools import count, islice
from typing import BinaryIO, TypeAlias

from expunge.core.datamap.datamap import AboutNobody, remakes
from expunge.core.values.copy import Copy, Selector
from expunge.core.values.ids import Pseudonym
from expunge.ports.optional.placing import ANY_RECORD, FILE_NAME, WHOLE_FILE, LiveRows
from expunge.stores.tree.folder_layout import FolderLayout, NameFacts, WantedValues
from expunge.stores.tree.interface import Tree
from expunge.stores.tree.record_files import FileRecord, Unreadable
from expunge.stores.tree.template_walk import Bindings

_Values: TypeAlias = Mapping[str, frozenset[str]]
MOST_NAMED = 1_000
"""Items that are read at most to explain the name of a file or folder. One is enough, if it leads to a person."""
_NUMBERED = frozenset({"jsonl", "csv"})
"""Formats whose records are named by the line on which they begin."""


@dataclass(frozen=True)
class PlacedCopy(Copy):
    """One item of a file that holds more than it: a record, or the name alone."""

    row: str = ""
    """As in :attr:`LiveRows.rows`."""
    name: str = ""
    """The name, where the item's name alone, or that of a folder above it, is meant."""
    version: str = ""
    """Of an older version of an object, where one is meant."""


class NominatedItems:
    """The items of bystanders in one dataset, by the places of their bytes."""

    def __init__(self, tree: Tree, layout: FolderLayout, modified: Callable[[str], datetime | None], erased: Sequence[Copy]) -> None:
        """Take the people whose items are not read.

        Args:
            tree: where the files are.
            layout: of the dataset.
            modified: returns the time at which a file was last written.
            erased: copies of those people.
        """
        self._tree = tree
        self._layout = layout
        self._modified = modified
        self._gone = {key for copy in erased for key in copy.keys}
        self._leaving = WantedValues(copy.selector for copy in erased if copy.selector)
        self._fields = layout.dataset.subject_fields
        self._about_nobody = layout.inside and isinstance(layout.dataset.subject, AboutNobody)

    def copies(self, rows: Sequence[LiveRows]) -> Iterator[tuple[int, Copy]]:
        """Yield (index into ``rows``, copy of one item), each under a name of its own. Raises OSError when a folder cannot be listed."""
        asked: dict[str, dict[str, list[int]]] = {}
        for index, lying in enumerate(rows):
            for row in lying.rows:
                asked.setdefault(lying.relation, {}).setdefault(row, []).append(index)
        number = 0
        for key, wanted in asked.items():
            for row, copy in self._at(key, wanted.keys()):
                for index in wanted[row]:
                    yield index, replace(copy, subject=Pseudonym(f"control-{number}"))
                    number += 1

    def every(self) -> Iterator[Copy]:
        """Yield each record of a dataset about nobody, under a name of its own; none of files that cannot be read. Raises OSError."""
        numbers = count()
        for template in self._layout.templates if self._about_nobody else ():
            for found in self._tree.walk(template, lambda _: True, {}):
                with suppress(OSError, Unreadable):
                    for row, record in numbered(self._tree, self._layout, found.key, (), None) if not found.is_folder else ():
                        if record.value is not None:
                            copy = self._copy(found.key, {}, record.size)
                            yield _placed(replace(copy, subject=Pseudonym(f"control-{next(numbers)}")), row)

    def _at(self, key: str, rows: Collection[str], above: str = "") -> Iterator[tuple[str, Copy]]:
        found = self._layout.template_of(key)
        if found is None:
            if FILE_NAME in rows:
                found_below = (named for below in self._below(key) for named in self._at(below, {FILE_NAME}, key))
                yield from islice(found_below, MOST_NAMED)
            return
        name = (above or key).rpartition("/")[2]
        template, readings = found
        says = self._leaving.says(readings, lambda: self._modified(key), inside=self._layout.inside)
        named = [name for name in self._fields if name in template.placeholders]
        if key in self._gone and (says.whole or (named and not says.part)):
            return
        spoken = {name: frozenset({value}) for name, value in readings[0].items()} if named else {}
        recorded = self._layout.recorded(template, self._fields)
        if says.part or (recorded and not named) or self._about_nobody:
            if not self._tree.is_link(key):
                for row, record in self._records(key, rows, recorded, says, spoken):
                    yield row, replace(record, name=name) if row == FILE_NAME else record
        elif named or remakes(self._layout.dataset):
            copy = self._copy(key, spoken)
            for row in rows:
                if row == FILE_NAME:
                    yield row, _placed(copy, row, name)
                elif not self._tree.is_link(key):
                    yield row, copy

    def _records(
        self, key: str, rows: Collection[str], recorded: Sequence[str], says: NameFacts, spoken: _Values
    ) -> Iterator[tuple[str, PlacedCopy]]:
        dataset = self._layout.dataset
        shared = [row for row in (ANY_RECORD, FILE_NAME) if row in rows]
        asked = (*recorded, *dataset.follow, *self._layout.beside(self._leaving))
        named = 0
        with suppress(OSError, Unreadable):
            for row, record in numbered(self._tree, self._layout, key, asked, None if shared else rows):
                if record.value is None or (row not in rows and not shared):
                    continue
                values = {name: record.texts(name) for name in (*recorded, *dataset.follow)} | dict(spoken)
                if self._leaving.in_record(record, recorded, says):
                    continue
                copy = _placed(self._copy(key, values, record.size), row)
                if row in rows:
                    yield row, copy
                if not (spoken or any(values[name] for name in recorded)):
                    # It is about nobody, and has no part in what belongs to all the people of the file.
                    continue
                if ANY_RECORD in shared:
                    yield ANY_RECORD, copy
                if FILE_NAME in shared and named < MOST_NAMED:
                    named += 1
                    yield FILE_NAME, _placed(copy, FILE_NAME)
                if shared == [FILE_NAME] == list(rows) and named == MOST_NAMED:
                    return

    def _below(self, folder: str) -> Iterator[str]:
        """The keys of all files below a folder: each of them has it in its name."""
        for template in self._layout.templates:
            for reading in template.folder_readings(f"{folder}/"):
                for found in self._tree.walk(template, _leading(reading), {}):
                    if found.key.startswith(f"{folder}/") and not found.is_folder:
                        yield found.key

    def _copy(self, key: str, values: _Values, size: int = 0) -> Copy:
        dataset = self._layout.dataset
        match = {name: values[name] for name in self._fields if values.get(name)}
        links = {name: values.get(name, frozenset()) for name in dataset.follow}
        # Why no selector where a dataset is made anew: its items are nobody's, and each is one whole.
        selector = Selector(Pseudonym("control"), match) if self._fields else None
        lasting = not self._layout.many_in_a_file
        return Copy(dataset.name, Pseudonym("control"), (key,), 1, size, links=links, selector=selector, lasting=lasting)


def numbered(
    tree: Tree, layout: FolderLayout, key: str, fields: Sequence[str], rows: Collection[str] | None
) -> Iterator[tuple[str, FileRecord]]:
    """Yield the records of a file's present content, by the names that :attr:`LiveRows.rows` gives them.

    Args:
        tree: where the file is.
        layout: of its dataset.
        key: of the file.
        fields: that the caller will ask for.
        rows: the records that are wanted, where others need not be parsed.

    Raises:
        OSError, Unreadable: when the file cannot be read.
    """
    form = layout.dataset.format
    only = {int(row) for row in rows if row.isdecimal()} if rows is not None and form in _NUMBERED else None
    for state in islice(tree.states(key), 1):
        with state.open() as file:
            yield from _numbered(layout, file, key, fields, only)


def _numbered(
    layout: FolderLayout, file: BinaryIO, key: str, fields: Sequence[str], only: Collection[int] | None
) -> Iterator[tuple[str, FileRecord]]:
    entry = 0
    for record in layout.read(file, key, fields, only):
        if layout.dataset.format in _NUMBERED:
            yield str(record.number), record
        elif not layout.dataset.records:
            yield WHOLE_FILE, record
        elif record.lead is not None:
            entry += 1
            yield str(entry), record


def _leading(reading: Bindings) -> Callable[[Bindings], bool]:
    """Whether a path can lead through a folder that was read so."""
    return lambda way: all(way.get(name, value) == value for name, value in reading.items())


def _placed(copy: Copy, row: str, name: str = "") -> PlacedCopy:
    return PlacedCopy(**{each.name: getattr(copy, each.name) for each in fields(Copy)}, row=row, name=name)
