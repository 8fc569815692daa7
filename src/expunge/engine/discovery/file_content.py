"""Read a part of a file for signs of people: its text, its records by field, the media in it; archives member by member."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
import lzma
import re
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, nullcontext
from dataclasses import dataclass, field
from typing import BinaryIO, cast

WINDOW = 1 << 18
"""Bytes of one stretch of a file that are read as text."""
_WINDOWS = 4
_MEMBERS = 500
"""Members of an archive that are looked at."""
_RECORDS = 2_000
_BETWEEN = re.compile(r"[^\w@.+-]+")
_ZIP = (b"PK\3\4", b"PK\5\6")
_PACKED: dict[bytes, Callable[[BinaryIO], BinaryIO]] = {
    b"\x1f\x8b": lambda file: cast("BinaryIO", gzip.GzipFile(fileobj=file)),
    b"BZh": lambda file: cast("BinaryIO", bz2.BZ2File(file)),
    b"\xfd7zXZ\0": lambda file: cast("BinaryIO", lzma.LZMAFile(file)),  # noqa: SIM115 - closed by who asks
}
_CLOSED = {
    b"7z\xbc\xaf\x27\x1c": "7z archives",
    b"Rar!": "RAR archives",
    b"\x28\xb5\x2f\xfd": "zstd archives",
    b"\x04\x22\x4d\x18": "LZ4 archives",
    b"PGDMP": "dumps of PostgreSQL in its own format",
    b"%PDF-": "PDF documents",
}
_OF_ARCHIVES = (zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError)
_BROKEN = (OSError, EOFError, ValueError, RuntimeError, NotImplementedError, *_OF_ARCHIVES)
"""What the standard library raises for archives that are cut or damaged, need a password (RuntimeError), or are packed in a way that it
does not know (NotImplementedError)."""


@dataclass(frozen=True)
class ContentPart:
    """A stretch of a file, or of a member of an archive."""

    head: bool
    """Whether it begins where the file or member does."""
    data: bytes = field(repr=False)
    name: str = field(default="", repr=False)
    """Of the member."""

    @property
    def text(self) -> str:
        """The stretch as text, in the encoding that it seems to have; bytes that are no text become blanks."""
        if self.data[:2] in {b"\xff\xfe", b"\xfe\xff"}:
            return self.data.decode("utf-16", "replace")
        try:
            return self.data.decode("utf-8")
        except UnicodeDecodeError as error:
            return self.data.decode("utf-8" if error.start >= len(self.data) - 4 else "latin-1", "replace")

    @property
    def words(self) -> str:
        """The words between bytes that no text has, as of pickles and caches; of text nothing more than the text."""
        return self.text if self.is_text else _BETWEEN.sub(" ", self.data.decode("utf-8", "replace"))

    @property
    def is_text(self) -> bool:
        """Whether it has no byte that no text has."""
        return b"\0" not in self.data or self.data[:2] in {b"\xff\xfe", b"\xfe\xff"}


class NotOpened(Exception):
    """The content is of a format that this look does not open; the message says which, in words."""


def parts(file: BinaryIO, size: int) -> Iterator[ContentPart]:
    """Yield stretches of a file: from its beginning, and from places spread over it. Raises OSError, NotOpened."""
    head = file.read(WINDOW)
    for magic, what in _CLOSED.items():
        if head.startswith(magic):
            raise NotOpened(what)
    if head.startswith((*_ZIP, *_PACKED)) or head[257:262] == b"ustar":
        file.seek(0)
        yield from _members(file, head)
        return
    yield ContentPart(head=True, data=head)
    for number in range(1, _WINDOWS if size > len(head) else 1):
        file.seek(max(len(head), (size - WINDOW) * number // (_WINDOWS - 1)))
        if data := file.read(WINDOW):
            yield ContentPart(head=False, data=data)


def _members(file: BinaryIO, head: bytes) -> Iterator[ContentPart]:
    try:
        if head.startswith(b"PK"):
            with zipfile.ZipFile(file) as archive:
                for each in archive.infolist()[:_MEMBERS]:
                    if not each.is_dir():
                        with archive.open(each) as member:
                            yield ContentPart(head=True, data=member.read(WINDOW), name=each.filename)
            return
        opener = next((each for magic, each in _PACKED.items() if head.startswith(magic)), None)
        with closing(opener(file)) if opener is not None else nullcontext(file) as plain:
            first = plain.read(WINDOW)
            if first[257:262] != b"ustar":
                yield ContentPart(head=True, data=first)
                return
            plain.seek(0)
            with tarfile.open(fileobj=plain, mode="r:") as tape:
                for number, info in enumerate(tape):
                    if number >= _MEMBERS:
                        return
                    if info.isfile() and (content := tape.extractfile(info)) is not None:
                        yield ContentPart(head=True, data=content.read(WINDOW), name=info.name)
    except _BROKEN:
        message = "archives that are damaged, or have a password"
        raise NotOpened(message) from None


def fields(text: str) -> Mapping[str, frozenset[str]]:
    """Return the fields of records in a text, each with its values: lines of JSON, a JSON document, or a table with commas."""
    lines = text.splitlines()
    begins = text.lstrip()[:1]
    if begins in {"{", "["}:
        return _of_json(text, lines)
    found: dict[str, set[str]] = {}
    try:
        sign = max(",;\t", key=lines[0].count) if lines else ","
        if not lines or lines[0].count(sign) == 0:
            return {}
        for number, row in enumerate(csv.DictReader(io.StringIO("\n".join(lines[: _RECORDS + 1])), delimiter=sign)):
            if number >= _RECORDS:
                break
            for name, value in row.items():
                if isinstance(name, str) and isinstance(value, str) and value:
                    found.setdefault(name, set()).add(value)
    except csv.Error:
        return {}
    return {name: frozenset(values) for name, values in found.items()}


def _of_json(text: str, lines: list[str]) -> Mapping[str, frozenset[str]]:
    records: list[object] = []
    try:
        whole = json.loads(text)
        records = whole if isinstance(whole, list) else [whole]
    except (ValueError, RecursionError):
        for line in lines[:_RECORDS]:
            try:
                records.append(json.loads(line))
            except (ValueError, RecursionError):
                continue
    found: dict[str, set[str]] = {}
    for record in records[:_RECORDS]:
        for name, value in record.items() if isinstance(record, dict) else ():
            if isinstance(value, str | int | float) and not isinstance(value, bool):
                found.setdefault(str(name), set()).add(str(value))
    return {name: frozenset(values) for name, values in found.items()}
