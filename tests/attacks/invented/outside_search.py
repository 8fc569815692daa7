"""The judge's own search, without code of Expunge: bytes of files, decoded with the standard library and PyArrow, and cells of tables."""

from __future__ import annotations

import base64
import bz2
import gzip
import html
import io
import json
import lzma
import quopri
import re
import sqlite3
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from urllib.parse import unquote_to_bytes

import psycopg
import pyarrow.parquet as pq
import zstandard

Needle = str | bytes | float
_ESCAPE = re.compile(rb"\\+u([0-9a-f]{4})")


def forms(needle: Needle) -> Iterator[bytes]:
    """Yield the byte strings under which a needle may lie, in small letters."""
    if isinstance(needle, float):
        yield from (struct.pack("<d", needle), struct.pack(">d", needle), repr(needle).encode())
        return
    plain = needle if isinstance(needle, bytes) else needle.lower().encode()
    yield plain
    if isinstance(needle, str):
        yield from (needle.lower().encode("utf-16-le"), needle.lower().encode("utf-16-be"))
        yield json.dumps(needle.lower())[1:-1].encode()
        yield needle.lower().encode("cp1252")
        yield unicodedata.normalize("NFD", needle.lower()).encode()
    yield plain.hex().encode()
    if isinstance(needle, str):
        yield needle.encode().hex().encode()


def coded(needle: Needle) -> Iterator[bytes]:
    """Yield the middles of the three ways in which base64 writes a needle."""
    if isinstance(needle, float):
        return
    plain = needle if isinstance(needle, bytes) else needle.encode()
    for shift in range(3):
        code = base64.b64encode(b"\0" * shift + plain)
        yield code[-(-shift * 8 // 6) : (shift + len(plain)) * 8 // 6]


class Search:
    """Looks for needles in one world."""

    def __init__(self, needles: Iterable[Needle]) -> None:
        self._forms = [(needle, form) for needle in dict.fromkeys(needles) for form in dict.fromkeys(forms(needle))]
        self._exact = [(needle, form) for needle in dict.fromkeys(needles) for form in coded(needle)]
        self.found: set[tuple[Needle, str]] = set()

    def data(self, data: bytes, place: str, depth: int = 0) -> None:
        """Note the needles in some bytes, and in what they hold packed."""
        small = data.lower()
        for needle, form in self._forms:
            if form in (small if isinstance(needle, str) else data):
                self.found.add((needle, place))
        for needle, form in self._exact:
            if form in data:
                self.found.add((needle, place))
        if depth < 3:
            for inside in (*_unpacked(data), *_said(data)):
                self.data(inside, place, depth + 1)

    def plain(self, data: bytes, place: str) -> None:
        """Note the needles that lie in many bytes as they are written."""
        for needle in dict.fromkeys(needle for needle, _ in self._forms):
            if next(forms(needle)) in data or (isinstance(needle, str) and needle.encode() in data):
                self.found.add((needle, place))

    def folder(self, root: Path) -> None:
        """Search every file and every name; the place is the path below ``root``, with ``#table`` for cells of a table."""
        for path in sorted(root.rglob("*")):
            place = str(path.relative_to(root))
            self.data(path.name.encode("utf-8", "surrogateescape"), place)
            if not path.is_file():
                continue
            data = path.read_bytes()
            self.data(data, place)
            if data.startswith(b"SQLite format 3\0"):
                self._tables(path, place)
            elif data.startswith(b"PAR1"):
                for row in pq.ParquetFile(path).read().to_pylist():
                    self.cells(row.values(), place)

    def cells(self, values: Iterable[object], place: str) -> None:
        for value in values:
            self.data(value if isinstance(value, bytes) else json.dumps(value, ensure_ascii=False, default=str).encode(), place)

    def _tables(self, path: Path, place: str) -> None:
        with closing(sqlite3.connect(path)) as database:
            names = [name for (name,) in database.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
            for name in names:
                for row in database.execute(f'SELECT * FROM "{name}"'):
                    self.cells(row, f"{place}#{name}")

    def server(self, url: str, place: str) -> None:
        """Search the cells of every table of a database."""
        with psycopg.connect(url) as connection:
            sql = b"SELECT quote_ident(table_name) FROM information_schema.tables WHERE table_schema = 'public'"
            for (name,) in connection.execute(sql).fetchall():
                for row in connection.execute(f"SELECT * FROM {name}".encode()):
                    self.cells(row, f"{place}#{name}")


def _unpacked(data: bytes) -> Iterator[bytes]:
    try:
        if data.startswith(b"\x1f\x8b"):
            yield gzip.decompress(data)
        elif data.startswith(b"\xfd7zXZ"):
            yield lzma.decompress(data)
        elif data.startswith(b"BZh"):
            yield bz2.decompress(data)
        elif data.startswith(b"\x28\xb5\x2f\xfd"):
            yield zstandard.ZstdDecompressor().decompress(data)
        elif data.startswith((b"\xff\xfe", b"\xfe\xff")):
            # Why: a record may have escapes in it.
            yield data.decode("utf-16").encode()
        elif data.startswith(b"PK\x03\x04"):
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                yield from (archive.read(name) for name in archive.namelist())
    except (OSError, EOFError, ValueError, RuntimeError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, zstandard.ZstdError):
        return


def _said(data: bytes) -> Iterator[bytes]:
    """Yield what a whole file or cell says, if it is written in one of these forms."""
    text = data.strip(b'"')
    decoders: tuple[Callable[[bytes], bytes], ...] = (
        lambda some: base64.b64decode(some.replace(b"\\n", b"").replace(b"\n", b""), validate=True),
        base64.b32decode,
        lambda some: base64.a85decode(some, adobe=True),
        base64.b85decode,
        lambda some: unquote_to_bytes(some) if b"%" in some else b"",
        lambda some: html.unescape(some.decode()).encode() if b"&" in some else b"",
        lambda some: _ESCAPE.sub(lambda escape: chr(int(escape[1], 16)).encode(), some),
        lambda some: quopri.decodestring(some.replace(b"\\n", b"\n")) if b"=" in some else b"",
    )
    for decode in decoders:
        with suppress(ValueError):
            said = decode(text)
            if said and said != text:
                yield said
