"""Databases for suites that ask for several places in one test."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import psycopg
import pytest

from expunge.servers.postgres import PostgresServer

_numbers = count(1)
_spare: dict[str, list[str]] = {}
"""Empty databases by server."""


class OnPostgres:
    """Mixed into a suite: each place is an empty database, emptied again after the test."""

    server: PostgresServer
    made: list[str]

    @pytest.fixture(autouse=True)
    def _databases(self, postgres_server: PostgresServer) -> Iterator[None]:
        postgres_server.start()
        self.server, self.made = postgres_server, []
        yield
        postgres_server.start()
        for url in self.made:
            # Much cheaper than a new database for every place.
            run(url, "DROP SCHEMA public CASCADE")
            run(url, "CREATE SCHEMA public")
        _spare.setdefault(postgres_server.url, []).extend(self.made)

    def fresh(self) -> str:
        """URL of an empty database."""
        spare = _spare.get(self.server.url)
        url = spare.pop() if spare else self.server.database(f"state_{next(_numbers)}")
        self.made.append(url)
        return url


def run(url: str, statement: str, *values: object) -> list[tuple[object, ...]]:
    """Run a statement as another program would; its rows."""
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement, values)
        return cursor.fetchall() if cursor.description else []
