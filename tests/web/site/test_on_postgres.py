"""Every page and state, with the accounts and the keeper's tables on PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest

from expunge.servers.postgres import PostgresServer
from tests.web.site.browser import chromium, visitor
from tests.web.site.kit import SiteServed, site
from tests.web.site.walk import Walk


@dataclass
class _OnServers(SiteServed):
    accounts: str = ""
    journal: str = ""

    @property
    def state(self) -> str:
        return self.journal

    def kept(self, statement: str, *values: Any) -> list[Any]:
        return _asked(self.journal, statement, values)

    def sql(self, statement: str, *values: Any) -> list[Any]:
        return _asked(self.accounts, statement, values)


def _asked(database: str, statement: str, values: Sequence[Any]) -> list[Any]:
    """Ask as the tests ask SQLite, and return what it would."""
    with psycopg.connect(database) as connection:
        answer = connection.execute(statement.replace("?", "%s").encode(), values)
        rows = answer.fetchall() if answer.description else []
    return [tuple(each.hex if isinstance(each, UUID) else each for each in row) for row in rows]


@pytest.mark.soak
def test_every_page_is_there_with_both_databases_on_a_server(tmp_path: Path, postgres_server: PostgresServer) -> None:
    accounts, journal = postgres_server.database("walked_accounts"), postgres_server.database("walked_state")
    seen: dict[str, str] = {}
    try:
        # Why the browser last: beside its event loop Django asks no database.
        with site(tmp_path, database=accounts, state=journal) as served, chromium() as browser, visitor(browser) as person:
            pages = _OnServers(**vars(served), accounts=accounts, journal=journal)
            Walk(pages, person, lambda name, page: seen.update({name: page.title()})).everything()
            assert "a request failed: " not in served.served.stderr().replace("a request failed: DisallowedHost", "")
    finally:
        postgres_server.drop("walked_accounts")
        postgres_server.drop("walked_state")
    assert len(seen) > 90
    assert {name for name, title in seen.items() if not title.endswith("Acme Doorbells")} <= {"problem.500"}
