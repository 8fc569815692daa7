"""Write an invented company to disk and to a server, and read its records again as any program would."""

from __future__ import annotations

import base64
import bz2
import csv
import gzip
import io
import json
import lzma
import quopri
import shutil
import sqlite3
import tarfile
import wave
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from tests.attacks.invented.company import Company, Dataset, Fill, Home, Ids, Key, Link, Place, Rule, Spot, Stray, Wrap
from tests.attacks.invented.records import GONE, RECORDS, Record, identifier, key_of, map_of, records, searchable

TYPES = {Fill.NUMBER: "REAL", Fill.BYTES: "BLOB"}
SERVED_TYPES = {Fill.NUMBER: "double precision", Fill.BYTES: "bytea"}
_TRIGGERS = """
CREATE TRIGGER {t}_in AFTER INSERT ON {t} BEGIN INSERT INTO {t}_words(rowid, f0) VALUES (new.id, new.f0); END;
CREATE TRIGGER {t}_out AFTER DELETE ON {t} BEGIN INSERT INTO {t}_words({t}_words, rowid, f0) VALUES ('delete', old.id, old.f0); END;
CREATE TRIGGER {t}_change AFTER UPDATE ON {t} BEGIN
  INSERT INTO {t}_words({t}_words, rowid, f0) VALUES ('delete', old.id, old.f0);
  INSERT INTO {t}_words(rowid, f0) VALUES (new.id, new.f0);
END;
"""


def build(company: Company, folder: Path, server: str = "") -> None:
    """Write the world and the map. ``server`` is the URL of an empty PostgreSQL database that takes the place of SQLite."""
    world = folder / "world"
    for part in ("media", "lake"):
        (world / part).mkdir(parents=True)
    if server:
        _serve(company, server)
    else:
        _write_database(company, world / "app.db")
    for number, dataset in enumerate(company.datasets):
        if dataset.home is Home.LAKE:
            _write_lake(company, number, world / "lake" / company.name(number))
        elif dataset.home is not Home.TABLE:
            _write_files(company, number, world / "media" / company.name(number))
    for number, stray in enumerate(company.strays):
        _write_stray(company, stray, number, world)
    store = f'{{kind: postgres, url: "{server}"}}' if server else '{kind: sqlite, url: "sqlite:///world/app.db", busy_ms: 50}'
    (folder / "expunge.yaml").write_text(map_of(company, store))


# --- databases -----------------------------------------------------------------------------------------


def _columns(company: Company, number: int, *, served: bool) -> Iterator[tuple[str, str]]:
    dataset = company.datasets[number]
    who = ("bigint" if served else "INTEGER") if company.ids is Ids.NUMBER else "TEXT"
    bound = " REFERENCES customers (id)" if dataset.bound else ""
    if number == 0:
        yield "id", f"{who} PRIMARY KEY"
    elif dataset.key is not Key.NONE:
        key = "TEXT" if dataset.key in {Key.TEXT, Key.CLUSTERED} else "INTEGER"
        yield "id", key if dataset.key is Key.TOGETHER else f"{key} PRIMARY KEY"
    if number:
        columns = {Link.OWNER: ("who",), Link.PAIR: ("sender", "recipient"), Link.MEMBERS: ("members",), Link.DOCUMENT: ("doc",)}
        for column in columns.get(dataset.link, ("parent_id",)):
            if dataset.link is Link.THROUGH:
                parent = company.datasets[dataset.parent]
                yield column, who if dataset.parent == 0 else "TEXT" if parent.key in {Key.TEXT, Key.CLUSTERED} else "INTEGER"
            elif dataset.link is Link.MEMBERS:
                yield column, f"{who}[]" if served else "TEXT"
            else:
                yield column, ("jsonb" if served else "TEXT") if dataset.link is Link.DOCUMENT else who + bound
    if dataset.rule is not Rule.NO_COLUMN:
        yield "refers_to", ("TEXT" if dataset.rule is Rule.REPLACE else who) + bound
    for field, fill in enumerate(dataset.fields):
        yield f"f{field}", (SERVED_TYPES if served else TYPES).get(fill, "TEXT")


def _schema(company: Company, number: int, *, served: bool) -> Iterator[str]:
    dataset, name = company.datasets[number], company.name(number)
    columns = [f"{column} {kind}" for column, kind in _columns(company, number, served=served)]
    if dataset.key is Key.TOGETHER and number:
        first = {Link.OWNER: "who, ", Link.PAIR: "sender, recipient, "}.get(dataset.link, "")
        columns.append(f"PRIMARY KEY ({first}id)")
    ending = " WITHOUT ROWID" if dataset.key is Key.CLUSTERED and not served and number else ""
    yield f"CREATE TABLE {name} ({', '.join(columns)}){ending};"
    if dataset.indexed and dataset.fields:
        begin = f"left(f{len(dataset.fields) - 1}, 200)" if served and dataset.fields[-1] is Fill.LONG else f"f{len(dataset.fields) - 1}"
        yield f"CREATE INDEX {name}_by_last ON {name} ({begin});"
    if searchable(dataset) and served:
        yield f"CREATE INDEX {name}_words ON {name} USING gin (to_tsvector('simple', f0));"
    elif searchable(dataset):
        more = {"trigrams": ", tokenize='trigram'", "unicode61 with prefixes": ", prefix='2 3'"}.get(dataset.words.value, "")
        yield f"CREATE VIRTUAL TABLE {name}_words USING fts5(f0, content='{name}', content_rowid='id'{more});"
        yield _TRIGGERS.format(t=name)


def _write_database(company: Company, path: Path) -> None:
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(f"PRAGMA secure_delete = {int(company.secure)}")
        database.execute(f"PRAGMA journal_mode = {'WAL' if company.wal else 'DELETE'}")
        for number in _tables(company):
            database.executescript("".join(_schema(company, number, served=False)))
            for made in records(company, number):
                values = [json.dumps(value) if isinstance(value, list | dict) else value for value in made.values()]
                database.execute(f"INSERT INTO {company.name(number)} VALUES ({', '.join('?' * len(values))})", values)
        database.commit()
        for number, position in _past(company):
            database.execute(f"DELETE FROM {company.name(number)} WHERE id = ?", (key_of(company, number, position),))
        for number, stray in enumerate(company.strays):
            if stray.spot in {Spot.TABLE, Spot.IGNORED_TABLE}:
                name = f"{'ignored' if stray.spot is Spot.IGNORED_TABLE else 'scratch'}_{number}"
                database.execute(f"CREATE TABLE {name} (n INTEGER PRIMARY KEY, said)")
                database.execute(f"INSERT INTO {name} VALUES (1, ?)", (_cell(payload(company, stray)),))


def _serve(company: Company, url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        # Why: customers may refer to customers that come after them.
        connection.execute("SET session_replication_role = replica")
        for number in _tables(company):
            for statement in _schema(company, number, served=True):
                connection.execute(statement.encode())
            for made in records(company, number):
                values = [json.dumps(value) if isinstance(value, dict) else value for value in made.values()]
                connection.execute(f"INSERT INTO {company.name(number)} VALUES ({', '.join(['%s'] * len(values))})".encode(), values)
        for number, position in _past(company):
            connection.execute(f"DELETE FROM {company.name(number)} WHERE id = %s".encode(), (key_of(company, number, position),))
        for number, stray in enumerate(company.strays):
            if stray.spot in {Spot.TABLE, Spot.IGNORED_TABLE}:
                name, cell = f"{'ignored' if stray.spot is Spot.IGNORED_TABLE else 'scratch'}_{number}", _cell(payload(company, stray))
                kind = "text" if isinstance(cell, str) else "bytea"
                connection.execute(f"CREATE TABLE {name} (n int PRIMARY KEY, said {kind})".encode())
                connection.execute(f"INSERT INTO {name} VALUES (1, %s)".encode(), (cell,))


def _past(company: Company) -> list[tuple[int, int]]:
    return [(number, at) for number, dataset in enumerate(company.datasets) for at, item in enumerate(dataset.items) if item.past]


def _tables(company: Company) -> list[int]:
    return [number for number, dataset in enumerate(company.datasets) if dataset.home is Home.TABLE]


def _cell(data: bytes) -> str | bytes:
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return data
    return data if "\0" in text else text


# --- files ---------------------------------------------------------------------------------------------


def _write_files(company: Company, number: int, folder: Path) -> None:
    dataset = company.datasets[number]
    if dataset.home in RECORDS:
        rows = records(company, number)
        folder.mkdir()
        for part in range(min(2, len(rows))):
            data = _document(dataset, rows[part::2]).encode(dataset.encoding)
            name = f"part-{part}.{RECORDS[dataset.home]}"
            (folder / (f"{name}.gz" if dataset.packed else name)).write_bytes(gzip.compress(data, mtime=0) if dataset.packed else data)
        return
    for position, item in enumerate(dataset.items):
        own = folder / company.spelling(item.owners[0], dataset)
        own.mkdir(parents=True, exist_ok=True)
        value = company.value(Place(number, position, 0))
        text = value.encode(dataset.encoding) if isinstance(value, str) else b""
        data = _sound(value) if isinstance(value, bytes) else text
        (own / f"{position}.{'txt' if dataset.home is Home.TEXT else 'wav'}").write_bytes(data)


def _sound(noise: bytes) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(noise)
    return out.getvalue()


def _document(dataset: Dataset, rows: Sequence[Record]) -> str:
    if dataset.home is Home.JSONL:
        return "".join(json.dumps(row, ensure_ascii=dataset.spelled) + "\n" for row in rows)
    if dataset.home is Home.JSON:
        return json.dumps({"title": "entries of the month", "entries": rows}, ensure_ascii=dataset.spelled, indent=1)
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def _write_lake(company: Company, number: int, folder: Path) -> None:
    dataset, rows = company.datasets[number], records(company, number)
    folder.mkdir()
    kinds = {Fill.NUMBER: pa.float64(), Fill.BYTES: pa.binary()}
    who = pa.int64() if company.ids is Ids.NUMBER else pa.string()
    columns: dict[str, pa.DataType] = {}
    for column in rows[0]:
        if column.startswith("f") and column[1:].isdigit():
            columns[column] = kinds.get(dataset.fields[int(column[1:])], pa.string())
        elif column == "members":
            columns[column] = pa.list_(who)
        elif column == "refers_to":
            columns[column] = pa.string() if dataset.rule is Rule.REPLACE else who
        elif column in {"who", "sender", "recipient"}:
            columns[column] = who
    for part in range(min(2, len(rows))):
        some = rows[part::2]
        arrays = {column: pa.array([row[column] for row in some], columns.get(column)) for column in some[0]}
        codec = "zstd" if dataset.packed else "none"
        pq.write_table(
            pa.table(arrays), folder / f"part-{part}.parquet", compression=codec, row_group_size=2, use_dictionary=dataset.indexed
        )


# --- stray copies --------------------------------------------------------------------------------------


def payload(company: Company, stray: Stray) -> bytes:
    """Return the bytes of a stray copy."""
    if stray.of is None:
        plain = company.identifier(0).encode()
    else:
        value = company.value(stray.of)
        plain = value if isinstance(value, bytes) else str(value).encode()
    if stray.wrap is Wrap.UTF_16:
        return plain.decode().encode("utf-16-le") if _is_text(plain) else plain
    if stray.wrap is Wrap.JSON:
        return json.dumps({"old": plain.decode() if _is_text(plain) else plain.hex()}).encode()
    if stray.wrap is Wrap.CSV:
        out = io.StringIO()
        csv.writer(out).writerow([1, plain.decode() if _is_text(plain) else plain.hex(), "end"])
        return out.getvalue().encode()
    if stray.wrap is Wrap.ZIP:
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
            file.writestr("old.txt", plain)
        return archive.getvalue()
    wraps = {
        Wrap.PLAIN: lambda data: data,
        Wrap.HEX: lambda data: data.hex().encode(),
        Wrap.BASE64: base64.b64encode,
        Wrap.GZIP: gzip.compress,
        Wrap.XZ: lzma.compress,
        Wrap.BZ2: bz2.compress,
        Wrap.ZSTD: zstandard.ZstdCompressor().compress,
        Wrap.TAR: _tar,
        Wrap.LINES: base64.encodebytes,
        Wrap.PACKED: lambda data: base64.b64encode(gzip.compress(data)),
        Wrap.BASE32: base64.b32encode,
        Wrap.BASE85: base64.b85encode,
        Wrap.PERCENT: lambda data: "".join(f"%{byte:02X}" for byte in data).encode(),
        Wrap.ENTITIES: lambda data: "".join(f"&#{ord(each)};" for each in data.decode()).encode(),
        Wrap.ESCAPES: lambda data: "".join(f"\\u{ord(each):04x}" for each in data.decode()).encode(),
        Wrap.QUOTED: quopri.encodestring,
    }
    return wraps[stray.wrap](plain)


def _tar(data: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        member = tarfile.TarInfo("old.txt")
        member.size = len(data)
        archive.addfile(member, io.BytesIO(data))
    return out.getvalue()


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _write_stray(company: Company, stray: Stray, number: int, world: Path) -> None:
    if stray.spot is Spot.DATABASE and (world / "app.db").exists():
        shutil.copy(world / "app.db", world / "media" / f"old-{number}.db")
    folders = {
        Spot.FILE: world / "media" / "beside",
        Spot.IGNORED_FILE: world / "media" / "ignored",
        Spot.LAKE: world / "lake" / "beside",
        Spot.IGNORED_LAKE: world / "lake" / "ignored",
    }
    folder = folders.get(stray.spot)
    if folder is None:
        return
    folder.mkdir(exist_ok=True)
    data = payload(company, stray)
    if stray.spot in {Spot.FILE, Spot.IGNORED_FILE}:
        (folder / f"{number}.dat").write_bytes(data)
    else:
        pq.write_table(pa.table({"old": [_cell(data)]}), folder / f"{number}.parquet")


# --- reading again -------------------------------------------------------------------------------------


def read(company: Company, number: int, folder: Path, server: str = "") -> list[Record]:
    """Return the records of a dataset as they lie now."""
    dataset, name = company.datasets[number], company.name(number)
    if dataset.home is Home.TABLE:
        return _select(folder / "world" / "app.db", server, name)
    if dataset.home is Home.LAKE:
        found = sorted((folder / "world" / "lake" / name).glob("*.parquet"))
        return [row for path in found for row in pq.ParquetFile(path).read().to_pylist()]
    own = folder / "world" / "media" / name
    if dataset.home in RECORDS:
        return [row for path in sorted(own.glob("part-*")) for row in _parsed(dataset, path)]
    made = []
    for path in sorted(own.rglob("*")):
        if path.is_file():
            data = path.read_bytes()
            value: object = data.decode(dataset.encoding) if dataset.home is Home.TEXT else data[44:]
            made.append({"id": 100 * number + int(path.stem), "who": path.parent.name, "f0": value})
    return made


def _select(path: Path, server: str, name: str) -> list[Record]:
    cursor: Any
    if server:
        with psycopg.connect(server) as connection:
            cursor = connection.execute(f"SELECT * FROM {name}".encode())
            return [dict(zip([column.name for column in cursor.description], row, strict=True)) for row in cursor.fetchall()]
    with closing(sqlite3.connect(path)) as database:
        cursor = database.execute(f"SELECT * FROM {name}")
        return [dict(zip([column[0] for column in cursor.description], row, strict=True)) for row in cursor.fetchall()]


def _parsed(dataset: Dataset, path: Path) -> list[Record]:
    data = path.read_bytes()
    text = (gzip.decompress(data) if dataset.packed else data).decode(dataset.encoding)
    if dataset.home is Home.JSONL:
        return [json.loads(line) for line in text.split("\n") if line]
    if dataset.home is Home.JSON:
        entries: list[Record] = json.loads(text)["entries"]
        return entries
    return list(csv.DictReader(io.StringIO(text, newline="")))


def comparable(company: Company, number: int, rows: list[Record]) -> list[Record]:
    """Return records as :func:`read` gives them: CSV has texts alone."""
    if company.datasets[number].home is Home.CSV:
        return [{name: "" if value is None else str(value) for name, value in row.items()} for row in rows]
    return rows


__all__ = ["GONE", "build", "comparable", "identifier", "payload", "read"]
