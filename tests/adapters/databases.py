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
_spare: dict[str, list[str]] = {}
"""Empty databases by server."""
_spare_states: dict[str, list[str]] = {}
"""By server, databases that hold the tables of the state and no row of them."""
_EMPTY = """
DO $$ DECLARE name text; BEGIN
  SET LOCAL session_replication_role = replica;
  FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'django_migrations' LOOP
    EXECUTE format('DELETE FROM %I', name);
  END LOOP;
  FOR name IN SELECT sequencename FROM pg_sequences WHERE schemaname = 'public' AND sequencename !~ '^django_migrations' LOOP
    EXECUTE format('ALTER SEQUENCE %I RESTART', name);
  END LOOP;
END $$"""
_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'django_migrations'"


class OnPostgres:
    """Mixed into a suite: each place is an empty database, emptied again after the test."""

    server: PostgresServer
    made: list[str]
    states: list[str]
    copy: str

    @pytest.fixture(autouse=True)
    def _databases(self, postgres_server: PostgresServer) -> Iterator[None]:
        postgres_server.start()
        self.server, self.made, self.states, self.copy = postgres_server, [], [], ""
        yield
        postgres_server.start()
        for url in self.made:
            # Much cheaper than a new database for every place.
            run(url, "DROP SCHEMA public CASCADE")
            run(url, "CREATE SCHEMA public")
        for url in self.states:
            run(url, _EMPTY)
        _spare.setdefault(postgres_server.url, []).extend(self.made)
        _spare_states.setdefault(postgres_server.url, []).extend(self.states)

    def fresh_state(self) -> str:
        """URL of a database with the tables of the state, which takes much longer to make than to empty."""
        spare = _spare_states.get(self.server.url)
        if spare:
            url = spare.pop()
        else:
            url = self.server.database(f"state_{next(_numbers)}")
            open_journal(url).close()
        self.states.append(url)
        return url

    def copy_of(self, url: str) -> str:
        """URL of a copy of a state that nobody uses; the one made before is gone."""
        self.copy = self.copy or self.fresh_state()
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

    def fresh(self) -> str:
        """URL of an empty database."""
        spare = _spare.get(self.server.url)
        url = spare.pop() if spare else self.server.database(f"state_{next(_numbers)}")
        self.made.append(url)
        return url


def run(url: str, statement: str, *values: object) -> list[tuple[object, ...]]:
    """Run a statement as another program would; its rows."""
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement, values or None)
        return cursor.fetchall() if cursor.description else []
