"""Databases for suites that ask for several places in one test."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import psycopg
import pytest
from psycopg import sql

from expunge.adapters.database.journal_django import open_journal
from expunge.servers.postgres import PostgresServer

_numbers = count(1)
_spare: dict[tuple[str, str], list[str]] = {}
"""By server and what made their tables, databases without a row."""
_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'django_migrations'"
_EMPTY = f"""
DO $$ DECLARE name text; BEGIN
  SET LOCAL session_replication_role = replica;
  FOR name IN {_TABLES} LOOP
    EXECUTE format('DELETE FROM %I', name);
  END LOOP;
  FOR name IN SELECT sequencename FROM pg_sequences WHERE schemaname = 'public' AND sequencename !~ '^django_migrations' LOOP
    EXECUTE format('ALTER SEQUENCE %I RESTART', name);
  END LOOP;
END $$"""


class OnPostgres:
    """Mixed into a suite: each place is a database whose tables are there and empty; to make them takes longer than most tests."""

    server: PostgresServer
    made: list[str]
    copy: str

    @pytest.fixture(autouse=True)
    def _databases(self, postgres_server: PostgresServer) -> Iterator[None]:
        postgres_server.start()
        self.server, self.made, self.copy = postgres_server, [], ""
        yield
        postgres_server.start()
        for url in self.made:
            run(url, _EMPTY)
            self._spare().append(url)

    def tables(self, url: str) -> None:
        """Make the tables in an empty database: those of the state."""
        open_journal(url).close()

    def _spare(self) -> list[str]:
        return _spare.setdefault((self.server.url, type(self).tables.__qualname__), [])

    def fresh(self) -> str:
        """URL of a database without a row."""
        spare = self._spare()
        if spare:
            url = spare.pop()
        else:
            url = self.server.database(f"state_{next(_numbers)}")
            self.tables(url)
        self.made.append(url)
        return url

    def copy_of(self, url: str) -> str:
        """URL of a copy of a database that nobody uses; the one made before is gone."""
        self.copy = self.copy or self.fresh()
        run(self.copy, _EMPTY)
        with psycopg.connect(url) as one, psycopg.connect(self.copy) as other:
            other.execute("SET session_replication_role = replica")
            for (name,) in one.execute(_TABLES).fetchall():
                table = sql.Identifier(name)
                with (
                    one.cursor().copy(sql.SQL("COPY {} TO STDOUT").format(table)) as reading,
                    other.cursor().copy(sql.SQL("COPY {} FROM STDIN").format(table)) as writing,
                ):
                    for rows in reading:
                        writing.write(rows)
            for name, last in one.execute("SELECT sequencename, last_value FROM pg_sequences WHERE last_value IS NOT NULL").fetchall():
                other.execute("SELECT setval(%s::regclass, %s)", (name, last))
        return self.copy


def run(url: str, statement: str, *values: object) -> list[tuple[object, ...]]:
    """Run a statement as another program would; its rows."""
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement, values or None)
        return cursor.fetchall() if cursor.description else []
