"""The data of PostgreSQL's custom-format dumps is read as one, however it is packed and cut; what is damaged is said."""

from __future__ import annotations

import gzip
import random
import subprocess
import zlib
from collections.abc import Callable
from pathlib import Path

import lz4.frame
import psycopg
import pytest
import zstandard

from expunge.residue.formats.custom_dump import Chunks
from expunge.residue.matching.session import Limits
from expunge.servers.postgres import PostgresServer
from tests.residue.pg_planting import prose
from tests.residue.planting import SENTENCE, look, text_traces, ways

TRACES = text_traces(SENTENCE)


def dumped(server: PostgresServer, database: str, *options: str) -> bytes:
    command = [str(server.bin / "pg_dump"), "-Fc", *options, database]
    return subprocess.run(command, check=True, capture_output=True).stdout


def filled(database: str, said: str) -> None:
    """Two tables of some tens of KiB each, and a large object: the text is in the second table only, far behind the first chunk."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("CREATE TABLE a (id int, note text)")
        connection.execute("CREATE TABLE b (id int, note text)")
        rows = [(number, prose(12, number)) for number in range(3000)]
        for table, some in (("a", rows), ("b", [*rows[:2500], (9999, said), *rows[2500:]])):
            with connection.cursor() as cursor, cursor.copy(f"COPY {table} FROM STDIN") as copy:
                for row in some:
                    copy.write_row(row)
        connection.execute("SELECT lo_from_bytea(0, %s)", [prose(3000, 7).encode()])


def test_a_dump_is_read_to_its_end_and_what_is_torn_is_said(tmp_path: Path, postgres_server: PostgresServer, database: str) -> None:
    filled(database, SENTENCE)
    body = dumped(postgres_server, database)
    assert SENTENCE.encode() not in body
    for path, data, way in (
        ("app.dump", body, "pg_dump@0"),
        ("behind", b"lead" * 1000 + body, "pg_dump@4000"),
        ("app.dump.gz", gzip.compress(body), "gzip@0 > pg_dump@0"),
    ):
        (tmp_path / path).write_bytes(data)
        assert way in ways(tmp_path / path, TRACES)
        assert not look(tmp_path / path, TRACES).coverage.skipped
    seen = look(tmp_path / "app.dump", text_traces("A sentence which nobody ever said about the old mill"))
    assert not seen.found
    assert not seen.coverage.skipped
    # the middle of the first table: the second is read all the same
    at = body.index(b"\x00\x00\x10\x00\x00\x78") + 3000
    (tmp_path / "app.dump").write_bytes(body[:at] + random.Random(3).randbytes(40) + body[at + 40 :])
    seen = look(tmp_path / "app.dump", TRACES)
    assert seen.found
    assert dict(seen.coverage.skipped)["corrupt"] == 1
    (tmp_path / "app.dump").write_bytes(dumped(postgres_server, database)[:-40_000])
    assert dict(look(tmp_path / "app.dump", TRACES).coverage.skipped) == {"corrupt": 1}
    (tmp_path / "app.dump").write_bytes(dumped(postgres_server, database))
    assert set(dict(look(tmp_path / "app.dump", TRACES, Limits(decoded=1 << 16, ratio=1)).coverage.skipped)) == {"limit"}


def number(value: int) -> bytes:
    return b"\0" + value.to_bytes(4, "little")


def written(packed: bytes, size: int) -> bytes:
    """A dump of version 1.15 with the data of one table, as that version cuts it."""
    chunks = b"".join(number(len(packed[at : at + size])) + packed[at : at + size] for at in range(0, len(packed), size))
    return b"PGDMP" + bytes([1, 15, 0, 4, 8, 1, 1]) + number(30) * 6 + b"its contents" + b"\1" + number(3211) + chunks + number(0)


@pytest.mark.parametrize("size", [7, 300, 4096, 131_072])
@pytest.mark.parametrize("pack", [zlib.compress, lz4.frame.compress, zstandard.compress])
def test_every_way_of_packing_is_opened(tmp_path: Path, pack: Callable[[bytes], bytes], size: int) -> None:
    text = "\n".join(prose(12, each) for each in range(3000))
    (tmp_path / "app.dump").write_bytes(written(pack(f"{text} {SENTENCE} {text}".encode()), size))
    assert "pg_dump@0" in ways(tmp_path, TRACES)
    (tmp_path / "app.dump").write_bytes(written(pack(text.encode()), size))
    seen = look(tmp_path, TRACES)
    assert not seen.found
    assert not seen.coverage.skipped


@pytest.mark.parametrize("step", [1, 5, 64, 4096])
def test_anything_can_be_taken_for_a_dump(step: int) -> None:
    data = b"PGDMP" + number(30) + zlib.compress(b"x" * 50) + random.Random(step).randbytes(20_000) + number(4) + b"\x78\x9cab" + bytes(50)
    chunks, parts = Chunks(), 0
    for at in range(0, len(data), step):
        chunks.add(data[at : at + step])
        while chunks.part() is not None:
            parts += 1
    assert parts <= len(data)
