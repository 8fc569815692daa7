"""The item that lies at a place of a file: the file itself, a line, a record of a table in text, an entry of a list in a JSON document.

Written apart from the reader with which records are erased. Of a file of any size only the places of some records are kept in memory.
"""

from __future__ import annotations

import csv
import io
import re
from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol, TypeAlias

import numpy as np

from expunge.ports.optional.placing import ANY_RECORD, FILE_NAME, WHOLE_FILE, CannotTell, FileLayout, LiveRows, Lying, NothingLive
from expunge.residue.placing.file_content import DamagedContent, Stretch, TextUnits
from expunge.residue.placing.json_entries import entry_places

DAMAGED = CannotTell("damaged file")
UNREADABLE = CannotTell("unreadable file")
_Places: TypeAlias = Callable[[TextUnits], list[Stretch]]
"""Returns the stretches of the content that a question is about."""
_APART = 1 << 16
"""Units after which the place of a record is kept."""
_KEPT = 8
"""Stretches between kept places of which all records are known at a time."""
_DELIMITERS = b",;\t|"
_PEEKED = 1 << 16
_FEED, _RETURN, _QUOTE = b"\n", b"\r", b'"'


class WholeFilePlaces:
    """A file that is one item, whatever lies in it."""

    def __init__(self, path: Path, layout: FileLayout) -> None:
        """Take the place of a file or folder, which is not opened."""
        self._relation = _relation(path, layout)

    def at(self, offset: int, length: int) -> Lying:  # noqa: ARG002 - it is the same everywhere
        """Nominate the file."""
        return LiveRows(self._relation, (WHOLE_FILE,))

    def at_decoded(self, offset: int, hidden: str, inner: int, length: int) -> Lying:  # noqa: ARG002 - it is the same everywhere
        """Nominate the file."""
        return LiveRows(self._relation, (WHOLE_FILE,))

    def at_name(self) -> Lying:
        """Nominate all to which the name belongs."""
        return LiveRows(self._relation, (FILE_NAME,))

    def at_beside(self) -> Lying:
        """Nominate the file."""
        return LiveRows(self._relation, (WHOLE_FILE,))

    def close(self) -> None:
        """Nothing is open."""


class RecordFilePlaces:
    """A file of records of many people. It is opened, and its records are counted, at the first question about its content.

    A record that has moved since is named wrongly, which explains nothing; an answer that names no record is given only by a count as new
    as the file.
    """

    def __init__(self, path: Path, layout: FileLayout, content: Callable[[], int] | None = None) -> None:
        """Take the place of a file; ``content`` opens the bytes of what is no file of this machine."""
        self._path = path
        self._layout = layout
        self._content = content
        self._relation = _relation(path, layout)
        self._text: TextUnits | None = None
        self._records: _Records | None = None
        self._counted: tuple[int, ...] = ()

    def at(self, offset: int, length: int) -> Lying:
        """Nominate the record that holds the whole stretch; of a compressed file, each record with these bytes."""
        return self._answer(lambda text: text.content.places(offset, length))

    def at_decoded(self, offset: int, hidden: str, inner: int, length: int) -> Lying:  # noqa: ARG002 - of one compressed stream
        """Nominate the record that holds a stretch of decoded content."""
        return self._answer(lambda text: text.content.inside(offset, inner, length))

    def at_name(self) -> Lying:
        """Nominate all to which the name belongs."""
        return LiveRows(self._relation, (FILE_NAME,))

    def close(self) -> None:
        """Close the file."""
        if self._text is not None:
            self._text.close()
        self._text = self._records = None

    def _answer(self, places: _Places) -> Lying:
        try:
            lying = self._lying(places)
            if isinstance(lying, NothingLive) and self._changed():
                self.close()
                lying = self._lying(places)
        except DamagedContent:
            return DAMAGED
        except FileNotFoundError:
            return NothingLive("file that is gone")
        except OSError:
            return UNREADABLE
        return lying

    def _changed(self) -> bool:
        try:
            status = self._path.stat(follow_symlinks=False)
        except OSError:
            return False
        return self._counted != (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)

    def _lying(self, places: _Places) -> Lying:
        if self._text is None:
            self._text = TextUnits(self._path, self._layout.encoding, self._content)
        if self._records is None:
            self._counted = self._text.identity()
            self._records = _records(self._text, self._layout)
        width = self._text.width
        rows: dict[str, None] = {}
        why = "compressed bytes"
        for start, end in places(self._text):
            row = self._records.row(start // width, (end + width - 1) // width)
            if row is None:
                why = "border of records"
            else:
                rows[row] = None
        return LiveRows(self._relation, tuple(rows)) if rows else NothingLive(why)


class _Records(Protocol):
    """The records of one file."""

    def row(self, start: int, end: int) -> str | None:
        """Return the number of the record that holds all units of a stretch; None where none does."""
        ...


def _records(text: TextUnits, layout: FileLayout) -> _Records:
    if layout.form == "json":
        return _Entries(text, layout.records)
    return _TableLines(text, layout.fields) if layout.form == "csv" else _Lines(text)


class _Lines:
    """Records that are lines: the first record of about every 64 KiB is known by its place, the others are found from there."""

    def __init__(self, text: TextUnits) -> None:
        self._text = text
        self._starts = array("Q", [0])
        self._numbers = array("Q", [1])
        self._stretches: dict[int, tuple[Sequence[int], Sequence[int]]] = {}
        self._size = self._count()

    def row(self, start: int, end: int) -> str | None:
        """See :class:`_Records`."""
        if end > self._size:
            return None
        number = bisect_right(self._starts, start) - 1
        starts, numbers = self._stretch(number)
        at = bisect_right(starts, start) - 1
        after = starts[at + 1] if at + 1 < len(starts) else self._end(number)
        return str(numbers[at]) if end <= after else None

    def _end(self, number: int) -> int:
        return self._starts[number + 1] if number + 1 < len(self._starts) else self._size

    def _stretch(self, number: int) -> tuple[Sequence[int], Sequence[int]]:
        if number not in self._stretches:
            if len(self._stretches) >= _KEPT:
                self._stretches.clear()
            start = self._starts[number]
            units = self._text.stretch(start, self._end(number))
            self._stretches[number] = self._divided(units, start, self._numbers[number])
        return self._stretches[number]

    def _keep(self, start: int, number: int) -> None:
        self._starts.append(start)
        self._numbers.append(number)

    def _count(self) -> int:
        """Keep the places of some records; return the size of the text."""
        begun, line = 0, 1
        for units in self._text.all():
            ends = _feeds(units)
            at = 0
            while (at := int(np.searchsorted(ends, self._starts[-1] + _APART - 1 - begun))) < len(ends):
                self._keep(begun + int(ends[at]) + 1, line + at + 1)
            begun += len(units)
            line += len(ends)
        return begun

    def _divided(self, units: bytes, start: int, number: int) -> tuple[Sequence[int], Sequence[int]]:
        """Return where the records of a stretch begin, and their numbers."""
        begins = [start, *(start + int(end) + 1 for end in _feeds(units))]
        return begins, range(number, number + len(begins))


class _TableLines(_Lines):
    """Records of a table in text: lines, joined where a quoted field holds line ends."""

    def __init__(self, text: TextUnits, fields: Sequence[str]) -> None:
        head = text.stretch(0, _PEEKED)
        self._line_end = _RETURN if _RETURN in head and _FEED not in head else _FEED
        self._mark = text.mark
        self._delimiter = re.compile(b"[" + re.escape(_DELIMITERS) + b"]")
        delimiter = _delimiter(text, self._header_end(head), fields)
        self._delimiter = re.compile(re.escape(delimiter) if delimiter else self._delimiter.pattern)
        super().__init__(text)

    def _header_end(self, head: bytes) -> int:
        at, inside = 0, False
        for line in _lines(iter([head]), self._line_end):
            inside = self._open_after(line[self._mark :] if not at else line, inside=inside)
            at += len(line)
            if not inside:
                break
        return at

    def _count(self) -> int:
        at, number, inside = 0, 1, False
        for line in _lines(self._text.all(), self._line_end):
            if not inside and at - self._starts[-1] >= _APART:
                self._keep(at, number)
            inside = self._open_after(line if at else line[self._mark :], inside=inside)
            at += len(line)
            number += 1
        return at

    def _divided(self, units: bytes, start: int, number: int) -> tuple[Sequence[int], Sequence[int]]:
        begins, numbers, at, inside = [], [], start, False
        for line in _lines(iter([units]), self._line_end):
            if not inside:
                begins.append(at)
                numbers.append(number)
            inside = self._open_after(line if at else line[self._mark :], inside=inside)
            at += len(line)
            number += 1
        return begins or [start], numbers or [number]

    def _open_after(self, line: bytes, *, inside: bool) -> bool:
        """Return whether a quoted field goes on after a line. A quote opens a field only as its first character."""
        if _QUOTE not in line:
            return inside
        at = 0
        while True:
            if not inside and line.startswith(_QUOTE, at):
                inside, at = True, at + 1
            while inside:
                at = line.find(_QUOTE, at) + 1
                if not at:
                    return True
                if line.startswith(_QUOTE, at):
                    at += 1
                else:
                    inside = False
            following = self._delimiter.search(line, at)
            if following is None:
                return False
            at = following.end()


class _Entries:
    """Entries of the lists in a JSON document, numbered as they stand. What lies around the lists belongs to all entries together."""

    def __init__(self, text: TextUnits, records: str) -> None:
        units = b"".join(text.all())
        self._size = len(units)
        found = entry_places(units[text.mark :], records, lambda start, end: text.text(start + text.mark, end + text.mark))
        self._starts = array("Q")
        self._ends = array("Q")
        for start, end in found:
            self._starts.append(start + text.mark)
            self._ends.append(end + text.mark)

    def row(self, start: int, end: int) -> str | None:
        """See :class:`_Records`."""
        at = bisect_right(self._starts, start) - 1
        if at >= 0 and start < self._ends[at]:
            return str(at + 1) if end <= self._ends[at] else None
        following = self._starts[at + 1] if at + 1 < len(self._starts) else self._size
        return ANY_RECORD if end <= following else None


def _relation(path: Path, layout: FileLayout) -> str:
    with suppress(ValueError):
        return path.relative_to(layout.root).as_posix()
    return ""


def _feeds(units: bytes) -> np.ndarray:
    return np.flatnonzero(np.frombuffer(units, np.uint8) == ord(_FEED))


def _lines(chunks: Iterator[bytes], end: bytes) -> Iterator[bytes]:
    """The lines of a text, each with its end."""
    held: list[bytes] = []
    for chunk in chunks:
        *whole, rest = chunk.split(end)
        for line in whole:
            yield b"".join([*held, line, end])
            held = []
        held.append(rest)
    last = b"".join(held)
    if last:
        yield last


def _delimiter(text: TextUnits, end: int, fields: Sequence[str]) -> bytes:
    """The delimiter of which a header has one of the fields, or without fields the only one that divides it; empty where none does."""
    header = text.text(text.mark, end)
    found: list[str] = []
    for delimiter in _DELIMITERS.decode():
        with suppress(csv.Error):
            rows = list(csv.reader(io.StringIO(header, newline=""), delimiter=delimiter, strict=True))
            if any(field in row for row in rows for field in fields) or (not fields and any(len(row) > 1 for row in rows)):
                found.append(delimiter)
    return found[0].encode() if found and (fields or len(found) == 1) else b""
