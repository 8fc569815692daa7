"""A place in PostgreSQL's files leads to the row that lies there, and to no other: all of a database's bytes against what SQL says."""

from __future__ import annotations

import random
import re
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest

from expunge.core.datamap.datamap import Dataset, StoreSpec
from expunge.core.values.copy import Copy
from expunge.ports.placing import LiveRows, Lying
from expunge.residue.placing.reader import open_reader
from expunge.servers.postgres import PostgresServer
from expunge.stores.postgres.store import Postgres
from tests.stores.postgres.postgres_company import dataset

ROWS, LONG, TEAMS = 2400, 60, 8
_numbers = count(1)
MARK = re.compile(rb"(own|now|team)(\d{6}) mk[0-9a-f]{12}")
"""Whose bytes these are, told by the bytes themselves: of a row, of a row since it was updated, of a team."""
QUOTED = re.compile(r"mk[0-9a-f]{12}")

SCHEMA = """
CREATE TABLE notes (id int PRIMARY KEY, person text NOT NULL, title text, team text, tags text[], words tsvector, body text, paper lo, seen int)
  PARTITION BY RANGE (id);
CREATE TABLE notes_low PARTITION OF notes FOR VALUES FROM (0) TO (1200) WITH (fillfactor = 70);
CREATE TABLE notes_high PARTITION OF notes FOR VALUES FROM (1200) TO (100000);
ALTER TABLE notes_high ALTER body SET STORAGE external;
CREATE INDEX notes_title ON notes (title, id);
CREATE INDEX notes_team ON notes (team);
CREATE INDEX notes_lower ON notes (lower(title)) INCLUDE (title);
CREATE INDEX notes_hash ON notes USING hash (title);
CREATE INDEX notes_tags ON notes USING gin (tags) WITH (fastupdate = off);
CREATE INDEX notes_words ON notes USING gin (words) WITH (fastupdate = off);
CREATE INDEX notes_prefix ON notes USING spgist (title);
CREATE INDEX notes_range ON notes USING gist (title);
CREATE TABLE stray (id int, note text)
"""


def mark(kind: str, number: int) -> str:
    return f"{kind}{number:06} mk{random.Random(f'{kind}{number}').getrandbits(48):012x}"  # noqa: S311


@dataclass
class Company:
    """A database, its store, and what SQL says of it."""

    server: PostgresServer
    connection: psycopg.Connection
    store: Postgres
    notes: Dataset
    data: Path

    def run(self, *statements: str) -> None:
        for statement in statements:
            self.connection.execute(statement)

    def live(self) -> dict[str, str]:
        """Key of each row -> all of it as text."""
        return {f'["{row[0]}"]': row[1] for row in self.connection.execute("SELECT id, notes::text FROM notes").fetchall()}

    def occurrences(self) -> Iterator[tuple[Path, int, bytes]]:
        """Every place of a mark in the files of the database, found by a plain search."""
        self.run("CHECKPOINT")
        (number,) = self.connection.execute("SELECT oid FROM pg_database WHERE datname = current_database()").fetchone() or (0,)
        for path in sorted([*(self.data / "base" / str(number)).iterdir(), *(self.data / "pg_wal").glob("0*")]):
            for found in MARK.finditer(path.read_bytes()):
                yield path, found.start(), found.group()

    def relation(self, path: Path) -> str:
        if path.parent.name == "pg_wal":
            return "log"
        name = path.name.partition(".")[0]
        row = (
            self.connection.execute("SELECT pg_filenode_relation(0, %s)::regclass::text", [int(name)]).fetchone()
            if name.isdecimal()
            else None
        )
        return str(row[0]) if row else path.name


@dataclass
class Explained:
    """What lies at each place: the mark, the nomination, and the keys of rows that were read for it."""

    places: list[tuple[Path, int, bytes, Lying | None]]
    rows: Mapping[int, list[Copy]]
    seconds: tuple[float, float]


def explained(company: Company, erased: Sequence[Copy] = ()) -> Explained:
    places: list[tuple[Path, int, bytes, Lying | None]] = []
    begun = time.process_time()
    for path, found in _by_file(company):
        reader = open_reader(path)
        for at, text in found:
            places.append((path, at, text, reader.at(at, len(text)) if reader is not None else None))
        if reader is not None:
            reader.close()
    read = time.process_time()
    asked = [(index, lying) for index, (*_, lying) in enumerate(places) if isinstance(lying, LiveRows)]
    rows: dict[int, list[Copy]] = defaultdict(list)
    for index, copy in company.store.nominated(company.notes, [lying for _, lying in asked], erased):
        rows[asked[index][0]].append(copy)
    return Explained(places, rows, (read - begun, time.process_time() - read))


def _by_file(company: Company) -> Iterator[tuple[Path, list[tuple[int, bytes]]]]:
    found: dict[Path, list[tuple[int, bytes]]] = defaultdict(list)
    for path, at, text in company.occurrences():
        found[path].append((at, text))
    return iter(found.items())


def judge(company: Company, answer: Explained, *, complete: bool) -> Counter[str]:
    """Hold every place against what SQL says; return how many places were explained, by relation."""
    live = company.live()
    holders: dict[str, set[str]] = defaultdict(set)
    for key, text in live.items():
        for quoted in QUOTED.findall(text):
            holders[quoted].add(key)
    counts: Counter[str] = Counter()
    for index, (path, at, text, lying) in enumerate(answer.places):
        where = f"{company.relation(path)} {path.name}:{at} {text.decode()} {lying}"
        keys = {copy.keys[0] for copy in answer.rows.get(index, ())}
        assert keys <= live.keys(), where
        kind, owner, quoted = text[:-21].decode(), f'["{int(text[-21:-15])}"]', text[-14:].decode()
        # those that the holder would let stand for these bytes
        holding = {key for key in keys if text.decode() in live[key]}
        if kind == "team":
            assert keys & holders[quoted] == holding, where
        else:
            # another row may quote the same: it must not stand in for this place
            assert keys & holders[quoted] <= {owner}, where
        expected = any(text.decode() in live[key] for key in ([owner] if kind != "team" else holders[quoted]) if key in live)
        assert not complete or path.parent.name == "pg_wal" or bool(holding) == expected, where
        counts[f"{company.relation(path)} {'explained' if holding else 'not' if expected else 'gone'}"] += 1
    return counts


def filled(company: Company) -> None:
    company.run("CREATE EXTENSION lo", "CREATE EXTENSION btree_gist", *filter(str.strip, SCHEMA.split(";")))
    with company.connection.cursor().copy("COPY notes (id, person, title, team, tags, words, body, seen) FROM STDIN") as copy:
        for number in random.Random(5).sample(range(ROWS), ROWS):  # noqa: S311
            title, team = mark("own", number), mark("team", number % TEAMS)
            # every third row quotes another one, without the words that say whose it is
            quote = mark("own", (number * 7 + 1) % ROWS).split()[1] if number % 3 == 0 else "nothing"
            body = f"quotes {quote} {_body(number)}"
            lexeme = f"'{title.replace(' ', ' ')}':1 '{team}':2"
            copy.write_row((number, f"p{number % 300}", title, team, [title, team], lexeme, body, 0))
    company.run("UPDATE notes SET paper = lo_from_bytea(0, convert_to(title, 'UTF8')) WHERE id % 400 = 0")


def _body(number: int) -> str:
    title = mark("own", number)
    if number % (ROWS // LONG):
        return title
    filler = random.Random(number).randbytes(3000).hex() if number % 2 else " ".join(["the quick brown fox"] * 900)  # noqa: S311
    return f"{title} {filler} {title} {filler}"


@pytest.fixture(params=["postgres_server", "debian_postgres"])
def company(request: pytest.FixtureRequest) -> Iterator[Company]:
    server: PostgresServer = request.getfixturevalue(request.param)
    server.start()
    name = f"places_{next(_numbers)}"
    url = server.database(name)
    notes = dataset("notes", "person")
    try:
        with psycopg.connect(url, autocommit=True) as connection:
            with closing(Postgres(StoreSpec("app", "postgres", url, {"lock_ms": 300}), (notes,))) as store:
                made = Company(server, connection, store, notes, server.data)
                filled(made)
                yield made
    finally:
        server.drop(name)


UPDATES = [
    # in the same page where there is room, old index entries leading to both
    "UPDATE notes SET seen = seen + 1 WHERE id % 5 = 1",
    "UPDATE notes SET seen = seen + 1 WHERE id % 5 = 1 AND id % 2 = 0",
    "DELETE FROM notes WHERE id % 5 = 2",
]


def updated(company: Company) -> None:
    with company.connection.cursor() as cursor:
        for number in range(0, ROWS, 5):
            title = mark("now", number)
            words = f"'{title}':1"
            cursor.execute(
                "UPDATE notes SET title = %s, tags = %s, words = %s, body = %s WHERE id = %s", [title, [title], words, title, number]
            )
    company.run(*UPDATES)


def test_every_place_leads_to_its_own_row_and_to_no_other(company: Company) -> None:
    company.run("ANALYZE notes")
    print(judge(company, explained(company), complete=True))  # noqa: T201
    updated(company)
    print(judge(company, explained(company), complete=False))  # noqa: T201
    company.run("VACUUM notes")
    print(judge(company, explained(company), complete=False))  # noqa: T201
    company.run(
        "VACUUM FULL notes_low", "VACUUM FULL notes_high", "ANALYZE notes", "VACUUM FULL pg_statistic", "VACUUM FULL pg_largeobject"
    )
    print(judge(company, explained(company), complete=True))  # noqa: T201
