"""Every byte of a PostgreSQL table is accounted for after it was written anew, and nothing that a deletion leaves behind is."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import closing, suppress

import psycopg
import pytest

from expunge.ports.optional.placing import LiveRows
from expunge.ports.optional.row_accounts import FileHolds
from expunge.residue.short_rows.account_reader import open_account
from expunge.servers.postgres import PostgresServer
from expunge.stores.postgres.reading import table_files
from expunge.stores.postgres.schema.catalogue import PostgresSchema

VALUES: dict[str, Callable[[random.Random], str]] = {
    "int2": lambda draw: str(draw.randrange(-300, 300)),
    "int4": lambda draw: str(draw.randrange(3000)),
    "int8": lambda draw: str(draw.randrange(10**11)),
    "bool": lambda draw: draw.choice(["true", "false"]),
    '"char"': lambda draw: f"'{draw.choice('abc')}'",
    "char(3)": lambda draw: f"'{draw.choice(['a', 'bb', ''])}'",
    "varchar(6)": lambda draw: f"'{'x' * draw.randrange(6)}'",
    "date": lambda draw: f"date '2020-01-01' + {draw.randrange(900)}",
    "real": lambda draw: str(draw.randrange(100) / 4),
    "numeric(5,2)": lambda draw: str(draw.randrange(99999) / 100),
    "uuid": lambda draw: f"'{draw.randbytes(16).hex()}'",
    "int4[]": lambda draw: f"ARRAY[{draw.randrange(9)}, {draw.randrange(9)}]",
    "name": lambda draw: f"'n{draw.randrange(99)}'",
}


def fill(draw: random.Random, connection: psycopg.Connection) -> None:  # type: ignore[type-arg]
    """Make a table of any columns, rows and indexes, and change it."""
    types = [draw.choice(list(VALUES)) for _ in range(draw.randrange(1, 6))]
    columns = [f"c{number}" for number in range(len(types))]
    run = connection.execute
    run(f"CREATE TABLE t ({', '.join(map(' '.join, zip(columns, types, strict=True)))})".encode())
    for _ in range(draw.choice([0, 1, 2, 6])):
        rows = [", ".join("NULL" if draw.random() < 0.1 else VALUES[kind](draw) for kind in types) for _ in range(draw.choice([1, 1000]))]
        run(f"INSERT INTO t VALUES {', '.join(f'({row})' for row in rows)}".encode())
    if draw.random() < 0.4:
        run(b"ALTER TABLE t ADD COLUMN late int DEFAULT 7")
        columns.append("late")
    if len(columns) > 1 and draw.random() < 0.4:
        run(f"ALTER TABLE t DROP COLUMN {columns.pop(draw.randrange(len(columns)))}".encode())
    for _ in range(draw.randrange(4)):
        keys = draw.sample(columns, min(len(columns), 2))
        order = draw.choice(["", " DESC", " NULLS FIRST"])
        with suppress(psycopg.Error):
            run(f"CREATE INDEX ON t ({', '.join(key + order for key in keys)})".encode())
    run(f"DELETE FROM t WHERE ctid IN (SELECT ctid FROM t TABLESAMPLE BERNOULLI ({draw.choice([1, 30, 99])}))".encode())
    run(f"UPDATE t SET {columns[0]} = {columns[0]} WHERE random() < 0.5".encode())


def account(connection: psycopg.Connection, server: PostgresServer) -> tuple[int, set[str]]:  # type: ignore[type-arg]
    connection.execute(b"CHECKPOINT")
    files = table_files.table_files(connection, PostgresSchema(connection).require("t"), server.data)
    with closing(open_account([each for each in files if each.holds is not FileHolds.LOG])) as reader:  # type: ignore[type-var]
        parts = list(reader.parts())  # type: ignore[union-attr]
    rows = sum(len(each.rows) for each in parts if isinstance(each, LiveRows))
    return rows, {each.why for each in parts if not isinstance(each, LiveRows)}


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(40))
def test_any_table_is_accounted_for_after_it_was_written_anew(database: str, postgres_server: PostgresServer, seed: int) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        fill(random.Random(seed), connection)
        connection.execute(b"VACUUM FULL t")
        ((rows,),) = connection.execute(b"SELECT count(*) FROM t").fetchall()
        assert account(connection, postgres_server) == (rows, set())
        if rows:
            connection.execute(b"DELETE FROM t WHERE ctid IN (SELECT ctid FROM t LIMIT 1)")
            assert account(connection, postgres_server)[1], "a row that was deleted is there still"
