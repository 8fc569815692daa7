"""Read rows of a lake that a place in a file's bytes was said to belong to.

The nomination comes from raw pages and may be wrong. Here only normal reads count: a row that is gone, or erased, is not read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from expunge.core.values.copy import Copy
from expunge.core.values.ids import Pseudonym
from expunge.ports.optional.placing import FILE_NAME
from expunge.stores.arrow.row_match import first_rows, read, stretches
from expunge.stores.arrow.values import Numbers, leaves, pieces, texts
from expunge.stores.parquet.lake.bystanders import LakeBystanders
from expunge.stores.parquet.lake.copy_keys import NAME, PLACE
from expunge.stores.parquet.lake.lake_files import Lake, LakeLayout, rows_of, unescaped
from expunge.stores.tree.record_files import Unreadable

_FILES = 20
"""Files below a folder that are asked about its name."""
_SPREAD = 20
"""Rows of a file that are read for what its name says of all of them."""
_SAME = 50
"""Rows of a file that are read because a value of theirs stands in its name."""
_SHORTEST = 4
"""Letters of such a value."""
_ROW = re.compile(r"\d{1,18}(:\d{1,18}-\d{1,18})?", re.ASCII)
"""A row, and a stretch of the file that belongs to it."""


class LakeNominations:
    """Rows of one dataset by their places."""

    def __init__(self, lake: Lake, layout: LakeLayout, erased: Sequence[Copy]) -> None:
        self._lake = lake
        self._layout = layout
        self._bystanders = LakeBystanders(lake, layout, erased, None)
        self._number = 0

    def copies(self, places: Sequence[tuple[str | None, Sequence[str]]]) -> Iterator[tuple[int, Copy]]:
        """Yield (index into ``places``, copy of one row) for every row that a bystander has.

        Args:
            places: key of a file or folder, None for one of another store, and rows in it. Raises OSError.
        """
        files: dict[tuple[str, str], dict[int, dict[int, None]]] = {}
        for index, (key, rows) in enumerate(places):
            if key is None:
                continue
            for row in rows:
                if row == FILE_NAME:
                    yield from self._by_name(index, key)
                elif _ROW.fullmatch(row):
                    number, colon, stretch = row.partition(":")
                    files.setdefault((key, colon + stretch), {}).setdefault(int(number), {})[index] = None
        for (key, ending), indexes in files.items():
            for found, copy in self._rows(key, np.array(sorted(indexes), np.int64), ending):
                for index in indexes[found]:
                    yield index, self._named(copy)

    def every(self) -> Iterator[Copy]:
        """Yield each row of a dataset about nobody, under a name of its own. Raises OSError."""
        for template in self._layout.templates:
            for part in self._lake.parts(template, lambda _: True):
                if not part.key.endswith("/") and not part.is_link:
                    yield from (self._named(copy) for _, copy in self._rows(part.key, np.arange(rows_of(self._lake, part)), ""))

    def _rows(self, key: str, wanted: Numbers, ending: str) -> Iterator[tuple[int, Copy]]:
        dataset = self._layout.dataset
        try:
            for found in self._bystanders.among(key, wanted):
                selector = found.selector
                name = f"{key}#{PLACE}{found.row}{ending}"
                yield found.row, Copy(dataset.name, selector.subject, (name,), 1, 0, found.links, selector, lasting=False)
        except (FileNotFoundError, Unreadable):
            return

    def _named(self, copy: Copy) -> Copy:
        subject = Pseudonym(f"control-{self._number}")
        self._number += 1
        assert copy.selector is not None
        selector = replace(copy.selector, subject=subject)
        return Copy(copy.dataset, subject, copy.keys, 1, 0, copy.links, selector, lasting=False)

    # --- names ------------------------------------------------------------------------------------

    def _by_name(self, index: int, key: str) -> Iterator[tuple[int, Copy]]:
        """Some rows of a file, or of files below a folder, with what the names say of them."""
        name = key.rstrip("/").rpartition("/")[2]
        for file in islice(self._below(key), _FILES) if key.endswith("/") else (key,):
            try:
                wanted = self._with_value_in(file, name)
            except (FileNotFoundError, Unreadable):
                continue
            for _, copy in self._rows(file, wanted, NAME):
                yield index, self._named(copy)

    def _below(self, folder: str) -> Iterator[str]:
        for template in self._layout.templates:
            names = folder.rstrip("/").split("/")
            if not template.folder_readings(folder):
                continue
            said = [unescaped(template, reading) for reading in template.folder_readings(folder)]
            for part in self._lake.parts(template, lambda way, said=said: any(_agrees(way, reading) for reading in said)):  # type: ignore[misc]
                if not part.key.endswith("/") and not part.is_link and part.key.split("/")[: len(names)] == names:
                    yield part.key

    def _with_value_in(self, key: str, name: str) -> Numbers:
        """Return rows with a value that stands in a name, or in which the name stands, and some spread over the file."""
        state = next((each for each in self._lake.states(key) if not (each.is_link or each.older)), None)
        if state is None:
            return np.empty(0, np.int64)
        stem = name.rpartition("=")[2].removesuffix(".parquet")
        with self._lake.opened(state) as file:
            starts = first_rows(file)
            rows = [np.linspace(0, max(0, starts[-1] - 1), _SPREAD).astype(np.int64)]
            for batch in islice(stretches(file, range(file.metadata.num_row_groups)), 1):
                for leaf in leaves(file.schema_arrow):
                    table = read(file, batch, [leaf])
                    for values, at in pieces(table, leaf):
                        if not _is_bytes(values.type):
                            here = _standing_in(texts(values), name, stem)
                            rows.append((here if at is None else at[here]) + starts[batch[0]])
            found: Numbers = np.unique(np.concatenate(rows))
            inside: Numbers = found[found < starts[-1]]
            return inside


def _agrees(way: dict[str, str], reading: dict[str, str]) -> bool:
    return all(reading.get(name, text) == text for name, text in way.items())


def _is_bytes(kind: pa.DataType) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind))


def _standing_in(values: pa.Array, name: str, stem: str) -> Numbers:
    """Return the first rows of values that stand in a name, or in which its stem stands."""
    size = pc.utf8_length(values)
    short = pc.and_(pc.greater_equal(size, _SHORTEST), pc.less_equal(size, len(name)))
    inside = [value for value in pc.unique(values.filter(short)).to_pylist() if value is not None and value in name]
    found = pc.is_in(values, value_set=pa.array(inside, values.type))
    if len(stem) >= _SHORTEST:
        found = pc.or_(found, pc.fill_null(pc.match_substring(values, stem), False))  # noqa: FBT003
    rows: Numbers = np.flatnonzero(found.to_numpy(zero_copy_only=False))[:_SAME].astype(np.int64)
    return rows
