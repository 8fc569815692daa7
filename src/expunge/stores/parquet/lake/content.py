"""Hand over the content of a lake: as JSON lines for a subject's export, as content for a tracer."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from expunge.core.values.copy import Copy, Item, Selector
from expunge.core.values.ids import Pseudonym
from expunge.errors import CouldNotLook
from expunge.ports.scanner import Tracer
from expunge.stores.arrow.damage import readable
from expunge.stores.arrow.row_match import Targets, first_rows, groups_of, owned_rows, read
from expunge.stores.arrow.row_values import Row, names_of, python_rows, spoken, trace_row
from expunge.stores.arrow.values import Numbers
from expunge.stores.parquet.lake.copy_keys import named
from expunge.stores.parquet.lake.lake_files import Lake, LakeLayout, LakeName, is_column
from expunge.stores.parquet.lake.row_members import LeavingElements, leaving
from expunge.stores.tree.folder_layout import WantedValues
from expunge.stores.tree.interface import NameTrouble
from expunge.stores.tree.record_files import Unreadable
from expunge.stores.tree.template_walk import Bindings

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_NOTHING: Bindings = {}
_MAGIC = 4
"""Bytes with which every file begins."""


class LakeContent:
    """Reads of one dataset's copies."""

    def __init__(self, lake: Lake, layout: LakeLayout) -> None:
        self._lake = lake
        self._layout = layout
        self._name = layout.dataset.name

    # --- export ---------------------------------------------------------------------------------

    def export(self, copy: Copy) -> Iterator[Item]:
        """Yield one item a file: the subject's rows as JSON objects, with the fields of the file's name in addition."""
        whole_shared = {named(key).file for key in copy.shared}
        for file, asked in _asking(copy).items():
            if not file.endswith("/"):
                whole = any(each.whole for each in asked)
                yield Item(f"{_archived(file)}.rows.jsonl", self._lines(file, copy, whole=whole), "application/jsonl", file in whole_shared)

    def _lines(self, key: str, copy: Copy, *, whole: bool) -> Iterator[bytes]:
        bindings = self._bindings(key)
        try:
            for row, _ in self._rows(key, _asking(copy).get(key, []), whole=copy if whole else None):
                plain = {**{name: value for name, value in bindings.items() if name not in row}, **row}
                yield json.dumps(spoken(plain), ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n"
        except (OSError, Unreadable) as error:
            message = f"dataset {self._name}: a file cannot be read"
            raise CouldNotLook(message, help="`expunge check` names it; run again once it can be read") from error

    # --- trace ----------------------------------------------------------------------------------

    def trace(self, copies: Sequence[Copy], tracer: Tracer) -> None:
        """Each file is read once for all subjects that have rows in it, once more for each that owns it whole."""
        sharing: dict[str, list[_Asked]] = {}
        placed: dict[str, list[Copy]] = {}
        for copy in copies:
            if len(copy.keys) == 1 and (about := named(copy.keys[0])).place is not None:
                placed.setdefault(about.file, []).append(copy)
                continue
            for file, asked in _asking(copy).items():
                if any(each.whole for each in asked):
                    self._trace_file(copy, file, tracer)
                else:
                    sharing.setdefault(file, []).extend(asked)
        for file, rows in placed.items():
            with suppress(OSError, Unreadable):
                self._trace_places(file, rows, tracer)
        selectors = {copy.subject: copy.selector for copy in copies}
        for file, together in sharing.items():
            # What cannot be read can be neither traced nor erased: erase and check say so.
            with suppress(OSError, Unreadable):
                for row, subjects in self._rows(file, together):
                    stays = self._leaving(row, [selectors.get(subject) for subject in subjects]) is not None
                    for subject in subjects:
                        self._trace_own(row, subject, self._leaving(row, [selectors.get(subject)]) if stays else None, tracer)

    def _trace_places(self, key: str, copies: Sequence[Copy], tracer: Tracer) -> None:
        """Trace single rows of the present version of a file, by their places."""
        asked = [(named(copy.keys[0]), copy.subject) for copy in copies]
        wanted: dict[int, list[Pseudonym]] = {}
        stretches: dict[tuple[int, int], list[Pseudonym]] = {}
        for about, subject in asked:
            if about.place is not None:
                wanted.setdefault(about.place, []).append(subject)
            if about.by_name:
                self._trace_name(key, subject, tracer)
            if about.stretch is not None:
                stretches.setdefault(about.stretch, []).append(subject)
        part = next((state for state in self._lake.states(key) if not (state.is_link or state.older)), None)
        if part is None:
            return
        if stretches:
            with self._lake.bytes_of(part) as content:
                for (first, last), subjects in stretches.items():
                    content.seek(first)
                    data = content.read(last - first)
                    for subject in subjects:
                        tracer.blob(subject, self._name, "content", io.BytesIO(data))
        with self._lake.opened(part) as file:
            starts, rows = first_rows(file), np.array(sorted(wanted), np.int64)
            for group in groups_of(starts, rows):
                here = rows[(rows >= starts[group]) & (rows < starts[group + 1])]
                table = read(file, [group], None)
                with readable():
                    taken = table.take(pa.array(here - starts[group]))
                for number, row in zip(here.tolist(), python_rows(taken), strict=True):
                    for subject in wanted[number]:
                        trace_row(self._name, subject, row, tracer)

    def _trace_name(self, key: str, subject: Pseudonym, tracer: Tracer) -> None:
        """Trace what the names of a file and its folders say of each of its rows: all where they name a subject, else values of columns."""
        found = self._layout.template_of(key)
        if found is None:
            return
        template, readings = found
        whole = bool(template.placeholders & {*self._layout.dataset.subject_fields})
        for part, segment in zip(key.split("/"), template.segments, strict=False):
            if segment.placeholders and (whole or is_column(segment)):
                tracer.name(subject, self._name, part)
                for placeholder in segment.placeholders:
                    for value in sorted({reading[placeholder] for reading in readings if placeholder in reading}):
                        tracer.text(subject, self._name, placeholder, value)

    def _leaving(self, row: Row, selectors: Sequence[Selector | None]) -> LeavingElements | None:
        """Return the elements that leave a row together with some people; None where the row goes as a whole."""
        dataset, match = self._layout.dataset, dict[str, frozenset[str]]()
        if not dataset.members:
            return None
        for selector in selectors:
            if selector is None or selector.every:
                return None
            for name, values in selector.match.items():
                match[name] = match.get(name, frozenset()) | values
        # Where members cannot be taken out, erase says so.
        with suppress(NameTrouble):
            return leaving(row, dataset.subject_fields, match)
        return None

    def _trace_own(self, row: Row, subject: Pseudonym, rest: LeavingElements | None, tracer: Tracer) -> None:
        """Trace a row, or the elements alone that leave it."""
        if rest is None:
            trace_row(self._name, subject, row, tracer)
            return
        for (column, _), element in zip(_numbered(rest), rest.gone, strict=True):
            trace_row(self._name, subject, element if isinstance(element, dict) else {column: element}, tracer)

    def _trace_file(self, copy: Copy, key: str, tracer: Tracer) -> None:
        found = self._layout.template_of(key)
        if found is None:
            return
        template, readings = found
        for part, segment in zip(key.rstrip("/").split("/"), template.segments, strict=False):
            if segment.placeholders:
                tracer.name(copy.subject, self._name, part)
        for placeholder, value in sorted({pair for reading in readings for pair in reading.items()}):
            tracer.text(copy.subject, self._name, placeholder, value)
        if key.endswith("/"):
            return
        try:
            for state in self._lake.states(key):
                if not state.is_link:
                    with self._lake.bytes_of(state) as file:
                        # Why not the rest: what writers put behind the pages is much the same in every file.
                        end = self._end_of_pages(state)
                        file.read(_MAGIC if end <= state.size else 0)
                        tracer.blob(copy.subject, self._name, "content", io.BufferedReader(_UpTo(file, end - _MAGIC)))
        except FileNotFoundError:
            return
        except (OSError, Unreadable) as error:
            message = f"dataset {self._name}: a file cannot be read"
            raise CouldNotLook(message, help="`expunge check` names it") from error
        # A damaged file is no obstacle here: it goes as a whole, and all of it was traced as bytes.
        with suppress(OSError, Unreadable):
            for row, _ in self._rows(key, [], whole=copy):
                trace_row(self._name, copy.subject, row, tracer)

    def _end_of_pages(self, part: LakeName) -> int:
        """Where the last page of a file ends; where the file ends, if its footer cannot be read."""
        try:
            with self._lake.opened(part) as file:
                groups = [file.metadata.row_group(number) for number in range(file.metadata.num_row_groups)]
                chunks = [group.column(number) for group in groups for number in range(group.num_columns)]
                starts = [(chunk.dictionary_page_offset or chunk.data_page_offset, chunk.data_page_offset, chunk) for chunk in chunks]
                return max((min(first, data) + chunk.total_compressed_size for first, data, chunk in starts), default=0)
        except (OSError, Unreadable):
            return part.size + _MAGIC

    # --- schema ---------------------------------------------------------------------------------

    def field_names(self) -> Iterator[str]:
        """Yield the names of the columns of the first file, nested ones too. A file that cannot be read names none."""
        for template in self._layout.templates:
            files = (part for part in self._lake.parts(template, lambda _: True) if not (part.is_link or part.key.endswith("/")))
            for part in islice(files, 1):
                with suppress(OSError, Unreadable), self._lake.opened(part) as file:
                    yield from names_of(file.schema_arrow)

    # --- reading --------------------------------------------------------------------------------

    def _rows(self, key: str, asked: Sequence[_Asked], whole: Copy | None = None) -> Iterator[tuple[Row, list[Pseudonym]]]:
        """Rows of a file with whose they are; all of them for a copy that it is whole."""
        for part in self._lake.states(key):
            if not part.is_link:
                yield from self._rows_of(part, asked, whole)

    def _rows_of(self, part: LakeName, asked: Sequence[_Asked], whole: Copy | None) -> Iterator[tuple[Row, list[Pseudonym]]]:
        with self._lake.opened(part) as file:
            if whole is not None:
                for group in range(file.metadata.num_row_groups):
                    for row in python_rows(read(file, [group], None)):
                        yield row, [whole.subject]
                return
            for group, at, owners in self._owned(part.key, file, asked):
                table = read(file, [group], None)
                with readable():
                    taken = table.take(pa.array(at))
                yield from zip(python_rows(taken), owners, strict=True)

    def _owned(self, key: str, file: pq.ParquetFile, asked: Sequence[_Asked]) -> Iterator[tuple[int, Numbers, list[list[Pseudonym]]]]:
        """Row group by row group: the rows in it that are somebody's, and whose."""
        selectors = [(each.copy.selector, each.shared) for each in asked if each.copy.selector]
        targets = Targets(selector for selector, _ in selectors)
        of_shared = np.array([shared for _, shared in selectors], np.bool_)
        found = self._layout.template_of(key)
        columns = self._layout.columns(found[0], targets.fields) if found else ()
        starts = first_rows(file)
        says = self._layout.says(key, WantedValues(targets.selectors))
        for owned in owned_rows(file, targets, columns, says):
            take = owned.shared == of_shared[owned.owners]
            rows, owners = owned.rows[take], owned.owners[take]
            groups = np.searchsorted(starts, rows, side="right") - 1
            for group in np.unique(groups).tolist():
                here = groups == group
                at, back = np.unique(rows[here] - starts[group], return_inverse=True)
                whose: list[list[Pseudonym]] = [[] for _ in at]
                for place, owner in zip(back.tolist(), owners[here].tolist(), strict=True):
                    whose[place].append(selectors[owner][0].subject)
                yield group, at, whose

    def _bindings(self, key: str) -> Bindings:
        found = self._layout.template_of(key)
        return found[1][0] if found else _NOTHING


class _UpTo(io.RawIOBase):
    """The next bytes of a file, up to a number of them."""

    def __init__(self, file: BinaryIO, count: int) -> None:
        self._file = file
        self._left = max(0, count)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        data = self._file.read(min(len(view), self._left))
        self._left -= len(data)
        view[: len(data)] = data
        return len(data)


def _numbered(rest: LeavingElements) -> Iterator[tuple[str, int]]:
    for column, numbers in rest.places.items():
        for number in sorted(numbers):
            yield column, number


@dataclass(frozen=True)
class _Asked:
    """What one key of a copy asks for of one file."""

    copy: Copy
    whole: bool
    shared: bool
    """Rows that others are in as well; the other rows when it is false."""


def _asking(copy: Copy) -> dict[str, list[_Asked]]:
    """File -> what the copy's keys ask for of it."""
    files: dict[str, list[_Asked]] = {}
    for key in copy.keys:
        about = named(key)
        files.setdefault(about.file, []).append(_Asked(copy, about.whole, about.shared))
    return files


def _archived(key: str) -> str:
    """A key as a name that every archive can hold: bytes that are no UTF-8 are spelt out."""
    return key.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
