"""A PostgreSQL database with one person in every place that keeps bytes: for the ladder's tests, and for the table that shows its rungs."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from expunge.core.datamap.datamap import StoreSpec
from expunge.servers.postgres import PostgresServer
from expunge.stores.postgres.ladder import ladder_climb
from expunge.stores.postgres.server.server import DatabaseServer
from expunge.testing.plain_search import contents

SETTINGS = {
    "shared_preload_libraries": "pg_stat_statements",
    "logging_collector": "on",
    "log_destination": "stderr,csvlog,jsonlog",
    "wal_level": "logical",
    "max_prepared_transactions": "5",
}
VICTIM = 42
CROWD = 300


def token(what: str, number: int = VICTIM) -> str:
    """A word of 26 letters and digits that stands for one person in one place; all of one person begin alike."""
    return _hashed(str(number))[:8] + _hashed(f"{what} {number}")[:18]


def _hashed(text: str) -> str:
    return base64.b32encode(hashlib.sha256(text.encode()).digest()).decode().lower()


PLACES = (
    "email",
    "note",
    "json",
    "words",
    "long",
    "noise",
    "city",
    "street",
    "call",
    "draft",
    "photo",
    "moved",
    "logged",
    "stated",
    "told",
)
MARKS = tuple(token(each) for each in PLACES)
TABLES = ("public.people",)
QUEUED = """
SELECT coalesce(bool_or(position(convert_to(%s, 'UTF8') IN pg_read_binary_file('pg_notify/' || name)) > 0), false)
FROM pg_ls_dir('pg_notify') AS name"""
NEIGHBOURS = """
CREATE EXTENSION vector;
ALTER TABLE people ADD COLUMN vec vector(16);
CREATE INDEX people_vec ON people USING hnsw (vec vector_l2_ops);
CREATE INDEX people_ivf ON people USING ivfflat (vec vector_l2_ops) WITH (lists = 4);
"""
"""Where the server has pgvector."""

SCHEMA = """
CREATE EXTENSION pg_stat_statements;
CREATE TABLE people (
  id int PRIMARY KEY, email text UNIQUE, note text, data jsonb, words text, place point, city text, street text,
  long text, noise text, photo oid, seen tsvector GENERATED ALWAYS AS (to_tsvector('simple', words)) STORED);
CREATE INDEX people_note ON people (lower(note));
CREATE INDEX people_data ON people USING gin (data);
CREATE INDEX people_seen ON people USING gin (seen);
CREATE INDEX people_brin ON people USING brin (email);
CREATE INDEX people_place ON people USING gist (place);
CREATE INDEX people_hash ON people USING hash (email);
CREATE STATISTICS people_where (mcv) ON city, street FROM people;
CREATE TABLE calls (id int PRIMARY KEY, person int REFERENCES people ON DELETE CASCADE, said text) PARTITION BY RANGE (id);
CREATE TABLE calls_low PARTITION OF calls FOR VALUES FROM (0) TO (150);
CREATE TABLE calls_high PARTITION OF calls FOR VALUES FROM (150) TO (100000);
CREATE UNLOGGED TABLE drafts (person int REFERENCES people ON DELETE CASCADE, body text);
CREATE VIEW talk AS SELECT p.email, c.said FROM people p JOIN calls c ON c.person = p.id;
CREATE MATERIALIZED VIEW spoken AS SELECT email, said FROM talk;
CREATE INDEX spoken_said ON spoken (said);
CREATE MATERIALIZED VIEW loud AS SELECT upper(said) AS said, said AS quiet FROM spoken;
"""


def populate(connection: psycopg.Connection) -> None:
    """People 1 to CROWD, every one with words of their own, then a day of an app's life."""
    connection.execute(SCHEMA)
    vectors = connection.execute("SELECT count(*) FROM pg_available_extensions WHERE name = 'vector'").fetchone() == (1,)
    if vectors:
        connection.execute(NEIGHBOURS)
    if "lz4" in connection.execute("SELECT enumvals FROM pg_settings WHERE name = 'default_toast_compression'").fetchone()[0]:
        connection.execute("ALTER TABLE people ALTER COLUMN long SET COMPRESSION lz4")
    chance = random.Random(7)
    _fill(connection, "people (id, email, note, data, words, place, city, street, long, noise)", (_person(n, chance) for n in _numbers()))
    _fill(connection, "calls (id, person, said)", ((n, n, token("call", n)) for n in _numbers()))
    _fill(connection, "drafts", ((n, token("draft", n)) for n in _numbers()))
    if vectors:
        connection.execute("UPDATE people SET vec = (SELECT array_agg(id + n)::vector FROM generate_series(1, 16) AS n)")
    photo = connection.execute("SELECT lo_from_bytea(0, convert_to(%s, 'UTF8'))", (token("photo") * 9,)).fetchone()
    connection.execute("UPDATE people SET photo = %s WHERE id = %s", (photo[0], VICTIM))
    for said in ("moved", "note"):
        connection.execute("UPDATE people SET note = %s WHERE id = %s", (token(said), VICTIM))
    connection.execute("REFRESH MATERIALIZED VIEW spoken")
    connection.execute("REFRESH MATERIALIZED VIEW loud")
    connection.execute("ANALYZE")
    # An error of the app, whose DETAIL and statement the log quotes; and a text that pg_stat_statements keeps as it is.
    with contextlib.suppress(psycopg.errors.UniqueViolation):
        connection.execute(f"INSERT INTO people (id, email, note) VALUES ({VICTIM + 1}, '{token('email')}', '{token('logged')}')")
    while connection.execute(QUEUED, (token("told"),)).fetchone() == (False,):
        # Until it is more than the server keeps in memory; nobody listens.
        connection.execute("SELECT pg_notify('people', %s || n || repeat('.', 3000)) FROM generate_series(1, 8) n", (token("told"),))
    with connection.cursor() as cursor, cursor.copy(f"COPY (SELECT '{token('stated')}') TO STDOUT") as copy:
        list(copy)


def _numbers() -> range:
    return range(1, CROWD + 1)


def _fill(connection: psycopg.Connection, where: str, rows: Iterator[tuple[object, ...]]) -> None:
    with connection.cursor() as cursor, cursor.copy(f"COPY {where} FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def _person(number: int, chance: random.Random) -> tuple[object, ...]:
    noise = base64.b64encode(chance.randbytes(6000)).decode()
    return (
        number, token("email", number), token("note", number), json.dumps({token("json", number): [token("json", number)] * 3}),
        f"hello {token('words', number)} there", f"({number},{number})", token("city", number), token("street", number),
        f"{token('long', number)} " * 400, f"{noise[:4000]}{token('noise', number)}{noise[4000:]}",
    )  # fmt: skip


def forget(connection: psycopg.Connection, number: int = VICTIM) -> None:
    """Delete one person as the store does: nothing of theirs in the statement."""
    with connection.transaction():
        connection.execute("SELECT lo_unlink(photo) FROM people WHERE id = %s AND photo IS NOT NULL", (number,))
        connection.execute("DELETE FROM people WHERE id = %s", (number,))
        connection.execute(ladder_climb.FLUSH)


@contextmanager
def connected(url: str) -> Iterator[psycopg.Connection]:
    """A connection in autocommit mode."""
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


@contextmanager
def served(url: str, **options: object) -> Iterator[DatabaseServer]:
    """What the ladder climbs over; it waits 300 ms for others."""
    options = {"lock_ms": 300, **options}
    server = DatabaseServer(lambda: psycopg.connect(url), StoreSpec("app", "postgres", url, options), int(str(options["lock_ms"])))
    try:
        yield server
    finally:
        server.close()


def lying(server: PostgresServer, url: str, marks: tuple[str, ...] = MARKS) -> list[str]:
    """Where anything of the person lies: in files of the server after a checkpoint, or in statistics that any user may read."""
    with connected(url) as connection:
        connection.execute("CHECKPOINT")
        found = []
        for view in ("pg_stats", "pg_stats_ext", "pg_stat_statements"):
            # All marks of a person begin alike: one look through a view's long rows, and not one for each.
            seen = connection.execute(f"SELECT s::text FROM {view} s WHERE strpos(s::text, %s) > 0", (marks[0][:8],)).fetchall()
            found += [f"{view}: {name_of(mark)}" for mark in marks if any(mark in row for (row,) in seen)]
        query = "SELECT pg_relation_filenode(oid)::text, relname FROM pg_class WHERE pg_relation_filenode(oid) IS NOT NULL"
        names = dict(connection.execute(query).fetchall())
        (ours,) = connection.execute("SELECT oid::text FROM pg_database WHERE datname = current_database()").fetchone()
    for path, data in files_of(server, ours):
        place = names.get(path.name.partition(".")[0], "an old file") if path.parent.name == ours else path.name
        if marks[0][:8].encode() in data:
            found += [f"{place}: {name_of(mark)}" for mark in marks if mark.encode() in data]
    return found


def files_of(server: PostgresServer, database: str) -> Iterator[tuple[Path, bytes]]:
    """Every file of the server but those of other databases, with its bytes."""
    for path, data in (*contents(server.data), *contents(server.log)):
        parts = path.parts[len(server.data.parts) :]
        foreign = len(parts) > 2 and parts[0] == "base" and parts[1].isdigit() and parts[1] != database
        if not foreign:
            yield path, data


def name_of(mark: str) -> str:
    """Which place a mark stands for."""
    return PLACES[MARKS.index(mark)] if mark in MARKS else "?"
