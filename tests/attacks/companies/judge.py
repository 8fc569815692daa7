"""The outside search: what of a person lies under a folder or on a server, found with the standard library and the makers' own readers.

Nothing here is Expunge's. A file is searched as it is, in every usual way of writing text, and once more for each container inside it.
"""

from __future__ import annotations

import base64
import bz2
import gzip
import io
import json
import lzma
import os
import re
import sqlite3
import tarfile
import unicodedata
import urllib.parse
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import lancedb
import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import orc

_LARGEST = 64 << 20
_PACKED = re.compile(rb"\x1f\x8b\x08|\x78[\x01\x5e\x9c\xda]|BZh[1-9]|\xfd7zXZ\x00|\x28\xb5\x2f\xfd|PK\x03\x04|\x5d\x00\x00")


def forms(word: str) -> dict[str, bytes]:
    """Return the usual ways of writing a word in bytes, by name."""
    raw = word.encode()
    found = {
        "plain": raw,
        "capitals": word.upper().encode(),
        "small": word.lower().encode(),
        "decomposed": unicodedata.normalize("NFD", word).encode(),
        "utf-16-le": word.encode("utf-16-le"),
        "utf-16-be": word.encode("utf-16-be"),
        "utf-32-le": word.encode("utf-32-le"),
        "utf-32-be": word.encode("utf-32-be"),
        "decimals": b" ".join(b"%d" % byte for byte in raw),
        "hex": raw.hex().encode(),
        "json": json.dumps(word)[1:-1].encode(),
        "url": urllib.parse.quote(word).encode(),
        "form": urllib.parse.quote_plus(word).encode(),
    }
    for shift in range(3):
        # Why cut: the signs at both ends depend on what lies before and behind.
        whole = base64.b64encode(b"\x00" * shift + raw)
        found[f"base64 {shift}"] = whole[(0, 2, 3)[shift] : -4]
    return found


class Search:
    """A search for words of one person, but not where they stand in a text of another person that may stay."""

    def __init__(self, words: Sequence[str], allowed: Sequence[str] = ()) -> None:
        found = {form: (word, name) for word in words for name, form in reversed(forms(word).items()) if len(form) > 5}
        self._forms = [(word, name, form) for form, (word, name) in found.items()]
        self._allowed = sorted({form for text in allowed for form in forms(text).values()}, key=len, reverse=True)

    def blob(self, data: bytes, where: str, depth: int = 4) -> Iterator[str]:
        """Yield each word that lies in bytes, with the place."""
        if len(data) > _LARGEST:
            data = data[:_LARGEST]
        seen = data
        for form in self._allowed:
            seen = seen.replace(form, b"\x00")
        for word, name, form in self._forms:
            if form in seen:
                yield f"{where}: {word!r} ({name})"
        if b"\n" in data and depth:
            yield from self.blob(re.sub(rb"=?\r?\n", b"", data), f"{where} > lines joined", 0)
        if depth:
            for name, inner in _unpacked(data):
                yield from self.blob(inner, f"{where} > {name}", depth - 1)

    def folder(self, root: Path) -> Iterator[str]:
        """Yield each word in the names, links, attributes and contents under a folder."""
        for folder in sorted({path.parent for path in root.rglob("*.lance") if path.is_dir()}):
            yield from self.blob(_lance(folder), f"versions of tables in {folder.name}", 0)
        for path in sorted(root.rglob("*")):
            where = str(path.relative_to(root))
            yield from self.blob(os.fsencode(where), f"name of {where}", 0)
            if path.is_symlink():
                yield from self.blob(os.fsencode(path.readlink()), f"target of {where}", 0)
            elif path.is_file():
                data = path.read_bytes()
                yield from self.blob(data, where)
                if data.startswith(b"PAR1"):
                    yield from self.blob(_parquet(path), f"{where} > values")
                elif data.startswith(b"ORC"):
                    yield from self.blob(repr(orc.read_table(path).to_pylist()).encode(), f"{where} > values")
                elif path.suffix == ".br":
                    yield from self.blob(pa.CompressedInputStream(pa.py_buffer(data), "brotli").read(), f"{where} > brotli")
                elif data.startswith(b"SQLite format 3\x00"):
                    yield from self.blob(_sqlite(path), f"{where} > rows")
            if not path.is_symlink():
                for name in os.listxattr(path):
                    yield from self.blob(name.encode() + b"=" + os.getxattr(path, name), f"attribute of {where}")

    def server(self, url: str) -> Iterator[str]:
        """Yield each word in the rows, the catalogues and, after a checkpoint, the files of a PostgreSQL server."""
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CHECKPOINT")
            row = connection.execute(
                "SELECT current_setting('data_directory'), (SELECT oid FROM pg_database WHERE datname = current_database())"
            ).fetchone()
            assert row is not None
            tables = connection.execute(
                "SELECT format('%I.%I', nspname, relname) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace"
                " WHERE relkind IN ('r', 'm', 'p', 'f') AND nspname <> 'information_schema'"
            ).fetchall()
            for (table,) in tables:
                for (text,) in connection.execute(f"SELECT t::text FROM {table} t".encode()):
                    yield from self.blob(text.encode(), f"rows of {table}")
        folder, number = Path(row[0]), str(row[1])
        for part in (folder / "base" / number, folder / "global", folder / "pg_wal", folder / "pg_twophase", folder / "pg_logical"):
            for path in part.rglob("*"):
                if path.is_file():
                    yield from self.blob(path.read_bytes(), str(path.relative_to(folder)), 0)


def _unpacked(data: bytes) -> Iterator[tuple[str, bytes]]:
    for match in _PACKED.finditer(data):
        head, rest = match[0], data[match.start() :]
        try:
            if head.startswith(b"\x1f"):
                yield "gzip", gzip.decompress(rest) if match.start() == 0 else zlib.decompressobj(31).decompress(rest)
            elif head.startswith(b"\x78"):
                yield "zlib", zlib.decompressobj().decompress(rest)
            elif head.startswith(b"BZ"):
                yield "bzip2", bz2.BZ2Decompressor().decompress(rest)
            elif head.startswith((b"\xfd", b"\x5d")):
                yield "xz", lzma.LZMADecompressor().decompress(rest)
            elif head.startswith(b"\x28"):
                yield "zstd", pa.CompressedInputStream(pa.py_buffer(rest), "zstd").read()
            elif match.start() == 0:
                with zipfile.ZipFile(io.BytesIO(data)) as archive:
                    for info in archive.infolist():
                        yield "zip name", info.filename.encode()
                        yield f"zip {info.filename}", archive.read(info)
        except (OSError, EOFError, zlib.error, lzma.LZMAError, ValueError, zipfile.BadZipFile, pa.ArrowException):
            continue
    if data[257:262] == b"ustar":
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            for member in archive:
                file = archive.extractfile(member)
                yield "tar name", member.name.encode()
                yield f"tar {member.name}", file.read() if file else b""


def _parquet(path: Path) -> bytes:
    file = pq.ParquetFile(path)
    parts = [repr(file.metadata.metadata), repr(file.schema_arrow.metadata), repr(file.read().to_pylist())]
    for number in range(file.metadata.num_row_groups):
        group = file.metadata.row_group(number)
        parts.extend(repr(group.column(column)) for column in range(group.num_columns))
    return "\n".join(parts).encode()


def _lance(folder: Path) -> bytes:
    """The rows of all tables in all versions."""
    parts: list[str] = []
    opened = lancedb.connect(folder)
    for name in opened.list_tables().tables:
        table = opened.open_table(name)
        for version in table.list_versions():
            table.checkout(version["version"])
            parts.append(repr(table.to_arrow().to_pylist()))
    return "\n".join(parts).encode()


def _sqlite(path: Path) -> bytes:
    parts: list[str] = []
    with closing(sqlite3.connect(f"file:{path}?immutable=1", uri=True)) as database:
        database.text_factory = lambda raw: raw.decode(errors="replace")
        for name, kind in database.execute("SELECT name, type FROM sqlite_schema WHERE type IN ('table', 'view')").fetchall():
            try:
                rows = database.execute(f'SELECT * FROM "{name}"').fetchall()
            except sqlite3.Error:
                continue
            parts.extend(f"{kind} {name}: {row!r}" for row in rows)
    return "\n".join(parts).encode()
