"""Files with records of many subjects: JSON lines and CSV, one JSON object a file, or a list inside one; plain or gzip or zstd.

Files in UTF-16, Latin-1 and Windows-1252 are read as if they were UTF-8 (:mod:`expunge.stores.tree.encodings`). Records are kept as raw
bytes, and parsed beside. A rewrite copies the raw bytes of the records that stay. Files of many records are streamed, but for JSON
documents: memory grows with the longest record only.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import zlib
from collections.abc import Callable, Container, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import count
from secrets import token_hex
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, TypeAlias, cast

import zstandard

from expunge.stores.tables.json_members import ITSELF, list_spans, scalar
from expunge.stores.tree.encodings import UndecodableText, utf8_of

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

Value: TypeAlias = "bool | int | float | str | list[Value] | dict[str, Value] | None"

BOM = b"\xef\xbb\xbf"
_DELIMITERS = ",;\t|"
_NONE = "\x1f"
"""The delimiter of a file with one column: it stands in no text."""
_QUOTE = ord('"')
_LINE_LIMIT = 1 << 30
_AT_ONCE, _LINES_AT_ONCE = 1 << 16, 256
"""Bytes and lines of JSON that are parsed together."""
csv.field_size_limit(_LINE_LIMIT)


DAMAGED = (EOFError, gzip.BadGzipFile, zlib.error, zstandard.ZstdError)
"""Errors of reading compressed data that is damaged."""


class Unreadable(Exception):
    """The file cannot be understood; the text says where, without any content."""

    encoding = False
    """True when its bytes are not of the encoding in which it was read."""

    @classmethod
    def undecodable(cls, message: str) -> Unreadable:
        """Return the error for bytes that are not of the encoding."""
        error = cls(message)
        error.encoding = True
        return error


class FileRecord(NamedTuple):
    """One record of a file. Not a dataclass, because a lake has millions, each of which is read several times an order."""

    raw: bytes
    """Exactly as it lies in the (decompressed) file, line end included."""
    value: Value
    """Parsed; None for what is no record: a header, a blank line."""
    number: int
    """Line on which it starts, from 1."""
    lead: bytes | None = None
    """What separates an entry of a JSON list from the one before it, and is no part of ``raw``; None for what is no such entry."""
    codec: str = "utf-8"
    """Python's codec for ``raw``."""

    def __repr__(self) -> str:
        """What a log may show: no content."""
        return f"{type(self).__name__}(number={self.number!r}, codec={self.codec!r})"

    @property
    def size(self) -> int:
        """Bytes in the (decompressed) file."""
        return len(self.raw) + len(self.lead or b"")

    def texts(self, name: str) -> frozenset[str]:
        """All texts that a field has, dots leading into objects, lists giving every element."""
        value = self.value
        if type(value) is dict and name != ITSELF and type(text := value.get(name)) is str and "." not in name:
            # Why apart: nearly every field that says whose a record is is a text at its top.
            return frozenset((text,))
        return frozenset(_texts(value, name))


# --- compression ---------------------------------------------------------------------------------


@contextmanager
def decoded(file: BinaryIO, name: str) -> Iterator[BinaryIO]:
    """Read ``file`` without its compression, which the end of ``name`` tells; all members or frames of it."""
    if name.endswith(".gz"):
        with gzip.GzipFile(fileobj=file, mode="rb") as plain:
            yield cast("BinaryIO", io.BufferedReader(cast("io.RawIOBase", plain), 1 << 18))
    elif name.endswith(".zst"):
        yield cast("BinaryIO", io.BufferedReader(_ZstdFrames(file), 1 << 18))
    else:
        yield file


@contextmanager
def encoded(file: BinaryIO, name: str) -> Iterator[BinaryIO]:
    """Write to ``file`` with the compression that ``name`` tells; neither name nor time go into its header."""
    if name.endswith(".gz"):
        with gzip.GzipFile(filename="", fileobj=file, mode="wb", mtime=0, compresslevel=6) as packed:
            # Why a buffer: lines are written one by one, and each would be compressed by a call of its own.
            buffer = io.BufferedWriter(cast("io.RawIOBase", packed), 1 << 18)
            try:
                yield cast("BinaryIO", buffer)
            finally:
                buffer.flush()
    elif name.endswith(".zst"):
        with zstandard.ZstdCompressor().stream_writer(file, closefd=False) as frames:
            yield cast("BinaryIO", frames)
    else:
        yield file


class _ZstdFrames(io.RawIOBase):
    """All zstd frames of a file, one after the other; unlike the library's reader it notices when the last one is cut off."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._frame: zstandard.ZstdDecompressionObj | None = None
        self._packed = self._plain = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        while not self._plain:
            if not self._packed:
                self._packed = self._file.read(1 << 17)
            if not self._packed:
                if self._frame is not None:
                    raise EOFError
                return 0
            if self._frame is None:
                self._frame = zstandard.ZstdDecompressor().decompressobj()
            self._plain = self._frame.decompress(self._packed)
            self._packed = self._frame.unused_data
            if self._frame.eof:
                self._frame = None
        count = min(len(view), len(self._plain))
        view[:count] = self._plain[:count]
        self._plain = self._plain[count:]
        return count


# --- formats -------------------------------------------------------------------------------------


def records(
    file: BinaryIO,
    name: str,
    layout: str,
    fields: Sequence[str],
    *,
    listed: str = "",
    encoding: str = "",
    only: Container[int] | None = None,
    told: Callable[[BinaryIO], BinaryIO] | None = None,
) -> Iterator[FileRecord]:
    """Every record of an open file, in order, with nothing left out: leads and raw bytes joined are the file.

    Args:
        file: as it lies on disk.
        name: its name, for the compression.
        layout: ``jsonl``, ``csv`` or ``json``.
        fields: the fields that the caller will ask for; a CSV file must have one of them in its header. Where there are none,
            one delimiter alone may divide the header.
        listed: for ``json``, the field whose lists hold the records; empty where the file is one record.
        encoding: as the map says it; empty for UTF-8, and UTF-16 with a byte order mark.
        only: numbers of the records that are parsed, where not all are; the others of a ``csv`` file have no value then, and those of a
            ``jsonl`` file are passed over.
        told: takes the stream without its compression, and returns one with the same bytes.

    Raises:
        Unreadable: when bytes, compression or syntax are damaged; what was yielded before is sound.
    """
    try:
        with decoded(file, name) as plain:
            text, codec = utf8_of(plain if told is None else told(plain), encoding)
            found = _json_list(text, listed) if listed and layout == "json" else _LAYOUTS[layout](text, fields, only)
            yield from found if codec == "utf-8" else (_as_written(record, codec) for record in found)
    except UndecodableText as error:
        raise Unreadable.undecodable(str(error)) from error
    except DAMAGED as error:
        message = "the compressed data is damaged or cut off"
        raise Unreadable(message) from error


def _json_lines(file: BinaryIO, fields: Sequence[str], only: Container[int] | None) -> Iterator[FileRecord]:
    tails = ends_of(fields)
    if only is not None:
        # Why apart: of a file with many records few are asked for, and each would pass through several hands.
        for number, raw in enumerate(_lines(file, b"\n"), 1):
            if number in only:
                yield json_line(raw.removeprefix(BOM) if number == 1 else raw, number, tails)
        return
    number = 1
    for lines in _together(_lines(file, b"\n")):
        if number == 1 and lines[0].startswith(BOM):
            # Why apart: the mark is the file's, and stays when the first record goes.
            yield FileRecord(BOM, None, 1)
            lines[0] = lines[0].removeprefix(BOM)
        values = _values(lines, tails)
        if values is not None:
            yield from map(FileRecord, lines, values, count(number))
        else:
            yield from (json_line(raw, at, tails) for at, raw in enumerate(lines, number))
        number += len(lines)


def ends_of(fields: Sequence[str]) -> list[bytes]:
    """Return the last parts of the names of fields, as JSON writes them."""
    return [json.dumps(name.rsplit(".", 1)[-1]).encode() for name in fields]


def json_line(raw: bytes, number: int, tails: Sequence[bytes]) -> FileRecord:
    """Return the record of one line; ``tails`` are those of :func:`ends_of`. Raises Unreadable."""
    if not raw.strip():
        return FileRecord(raw, None, number)
    return FileRecord(raw, _parse_json(raw, f"line {number}", every=_says_twice(raw, tails)), number)


def _says_twice(raw: bytes, tails: Sequence[bytes]) -> bool:
    """Whether a key may stand twice, or be spelt with escapes, which would hide one of its values from an ordinary parser."""
    return b"\\u" in raw or any(raw.count(tail) > 1 for tail in tails)


def _values(lines: Sequence[bytes], tails: Sequence[bytes]) -> list[Value] | None:
    """The values of some lines, parsed as one list, which takes half the time; None where each has to be looked at by itself."""
    if len(lines) < 2:
        return None
    text = _MARKED.join(lines)
    if b"\\u" in text or any(line.count(tail) > 1 for tail in tails for line in lines):
        return None
    try:
        found = cast("list[Value]", json.loads(f"[{text.decode()}]"))
    except (ValueError, RecursionError):
        return None
    # Why marks: a line with two values, or half a one, shifts them. Each line is exactly one value where they alternate.
    marks = len(lines) - 1
    return found[::2] if len(found) == 2 * marks + 1 and found[1::2] == [_MARK] * marks else None


_MARK = token_hex(8)
"""Stands in no file."""
_MARKED = b',"%b",' % _MARK.encode()


def _together(lines: Iterator[bytes]) -> Iterator[list[bytes]]:
    """Yield lines, some hundred at a time, and no more than fit into little memory but for a single one."""
    some: list[bytes] = []
    size = 0
    for line in lines:
        if some and (size + len(line) > _AT_ONCE or len(some) >= _LINES_AT_ONCE):
            yield some
            some, size = [], 0
        some.append(line)
        size += len(line)
    if some:
        yield some


def _json_object(file: BinaryIO, fields: Sequence[str], only: Container[int] | None) -> Iterator[FileRecord]:  # noqa: ARG001 - one signature for all layouts
    raw = file.read()
    value = _parse_json(raw.removeprefix(BOM), "the file", every=True)
    if not isinstance(value, dict):
        message = "the file holds no JSON object; one object a file is expected"
        raise Unreadable(message)
    yield FileRecord(raw, value, 1)


def _json_list(file: BinaryIO, listed: str) -> Iterator[FileRecord]:
    raw = file.read()
    try:
        text = raw.decode("utf-8")
        lists = list_spans(text, listed)
    except UnicodeDecodeError as error:
        message = "the file is not UTF-8"
        raise Unreadable.undecodable(message) from error
    except ValueError as error:
        message = "the file is not JSON"
        raise Unreadable(message) from error
    if not lists:
        message = f"the file holds no list of records at {listed}"
        raise Unreadable(message)
    at, line = 0, 1
    for elements in lists:
        for number, (start, end) in enumerate(elements):
            between = text[at:start]
            if not number:
                yield FileRecord(between.encode(), None, line)
            line += between.count("\n")
            entry = text[start:end].encode()
            value = _parse_json(entry, f"the entry on line {line}", every=True)
            yield FileRecord(entry, value, line, between.encode() if number else b"")
            line += text.count("\n", start, end)
            at = end
    yield FileRecord(text[at:].encode(), None, line)


def _as_written(record: FileRecord, codec: str) -> FileRecord:
    """A record in the encoding of its file."""
    lead = None if record.lead is None else record.lead.decode().encode(codec)
    return record._replace(raw=record.raw.decode().encode(codec), lead=lead, codec=codec)


def _parse_json(text: bytes, where: str, *, every: bool) -> Value:
    try:
        return cast("Value", json.loads(text.decode("utf-8"), object_pairs_hook=_merged)) if every else _loads(text.decode("utf-8"))
    except UnicodeDecodeError as error:
        message = f"{where} is not UTF-8"
        raise Unreadable.undecodable(message) from error
    except (ValueError, RecursionError) as error:
        message = f"{where} is not JSON"
        raise Unreadable(message) from error


_DECODER = json.JSONDecoder()


def _loads(text: str) -> Value:
    """``json.loads`` without what it asks about its arguments, which takes as long as a short line does."""
    text = text.strip(" \t\n\r")
    value, end = _DECODER.raw_decode(text)
    if end != len(text):
        message = "more than one value"
        raise ValueError(message)
    return cast("Value", value)


def _merged(pairs: list[tuple[str, Value]]) -> Value:
    """An object in which a key that stands twice has all its values, as a list."""
    merged: dict[str, Value] = {}
    for key, value in pairs:
        merged[key] = [merged[key], value] if key in merged else value
    return merged


def _csv(file: BinaryIO, fields: Sequence[str], only: Container[int] | None) -> Iterator[FileRecord]:
    rows = _Rows(file)
    header: list[str] = []
    asked = -1
    for number, raw in rows:
        if not header:
            header, rows.delimiters = _header(raw.removeprefix(BOM), fields)
            asked = max((at for at, name in enumerate(header) if name in fields), default=-1)
            yield FileRecord(raw, None, number)
            continue
        if only is not None and number not in only:
            yield FileRecord(raw, None, number)
            continue
        row = _parse_row(raw, rows.delimiters, number)
        if row and len(row) <= asked:
            message = f"line {number} has fewer columns than the header"
            raise Unreadable(message)
        # Why none: where no column is known, a row with more values than the header may have been divided wrongly.
        told = bool(row) and (bool(fields) or len(row) <= len(header))
        yield FileRecord(raw, _merged(list(zip(header, row, strict=False))) if told else None, number)


def _header(raw: bytes, fields: Sequence[str]) -> tuple[list[str], str]:
    if not fields:
        return _only_header(raw)
    for delimiter in _DELIMITERS:
        with suppress(csv.Error):
            for row in _rows(raw, delimiter, 1):
                if any(name in row for name in fields):
                    return row, delimiter
    message = "the first line has no column by which a subject can be found"
    raise Unreadable(message)


def _only_header(raw: bytes) -> tuple[list[str], str]:
    """Return the columns and the delimiter of a header where no column is known: one column, or one delimiter that divides it."""
    read: list[tuple[list[str], str]] = []
    for delimiter in _DELIMITERS:
        with suppress(csv.Error):
            read += [(row, delimiter) for row in _rows(raw, delimiter, 1)]
    several = [(row, delimiter) for row, delimiter in read if len(row) > 1]
    if len(several) > 1 or not read:
        message = "the first line can be read with more than one delimiter"
        raise Unreadable(message)
    return several[0] if several else (read[0][0], _NONE)


def _parse_row(raw: bytes, delimiter: str, number: int) -> list[str]:
    try:
        rows = _rows(raw, delimiter, number)
    except csv.Error as error:
        message = f"line {number} is not CSV"
        raise Unreadable(message) from error
    if len(rows) > 1:
        message = f"line {number} holds a line break outside quotes"
        raise Unreadable(message)
    return rows[0] if rows else []


def _rows(raw: bytes, delimiter: str, number: int) -> list[list[str]]:
    try:
        return list(csv.reader(io.StringIO(raw.decode("utf-8"), newline=""), delimiter=delimiter, strict=True))
    except UnicodeDecodeError as error:
        message = f"line {number} is not UTF-8"
        raise Unreadable.undecodable(message) from error


class _Rows:
    """Physical lines of CSV joined where a quoted field spans them: (line number, raw bytes)."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.delimiters = _DELIMITERS
        """All that come into question; the one in use once the header is known."""

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        start = self._file.peek(1 << 16) if isinstance(self._file, io.BufferedReader) else b""
        end = b"\r" if b"\r" in start and b"\n" not in start else b"\n"
        held: list[bytes] = []
        began, inside = 1, False
        for number, line in enumerate(_lines(self._file, end), 1):
            if not held:
                began = number
            held.append(line)
            inside = self._open_at_end(line.removeprefix(BOM) if number == 1 else line, inside=inside)
            if not inside:
                yield began, b"".join(held)
                held = []
        if held:
            message = f"the quote opened on line {began} is never closed"
            raise Unreadable(message)

    def _open_at_end(self, line: bytes, *, inside: bool) -> bool:
        """Whether a quoted field is still open after ``line``. A quote opens only at the start of a field, as in RFC 4180."""
        if b'"' not in line:
            return inside
        delimiters = self.delimiters.encode()
        at, fresh = 0, not inside
        while at < len(line):
            if inside:
                at = line.find(b'"', at)
                if at < 0:
                    return True
                if line[at + 1 : at + 2] == b'"':
                    at += 1
                else:
                    inside = False
                fresh = False
            else:
                inside = fresh and line[at] == _QUOTE
                fresh = line[at] in delimiters
            at += 1
        return inside


def _lines(file: BinaryIO, end: bytes) -> Iterator[bytes]:
    if end == b"\n":
        yield from file
        return
    held = b""
    while chunk := file.read(1 << 16):
        *whole, held = (held + chunk).split(end)
        for line in whole:
            yield line + end
    if held:
        yield held


def _texts(value: Value, name: str) -> Iterator[str]:
    if name == ITSELF:
        yield from _scalars(value)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each, name)
    elif isinstance(value, dict):
        if name in value:
            yield from _scalars(value[name])
        head, dot, rest = name.partition(".")
        if dot and head in value:
            yield from _texts(value[head], rest)


def _scalars(value: Value) -> Iterator[str]:
    if isinstance(value, list):
        for each in value:
            yield from _scalars(each)
    elif (text := scalar(value)) is not None:
        yield text


_Layout: TypeAlias = Callable[[BinaryIO, Sequence[str], "Container[int] | None"], Iterator[FileRecord]]
_LAYOUTS: dict[str, _Layout] = {"jsonl": _json_lines, "csv": _csv, "json": _json_object}
FORMATS = frozenset(_LAYOUTS)
"""The words that a map may write under ``format:``."""
