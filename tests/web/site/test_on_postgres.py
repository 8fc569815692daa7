"""Every page and state, with the accounts and the keeper's tables on PostgreSQL."""

from __future__ import annotations

from pathlib import Path

import pytest

from expunge.servers.postgres import PostgresServer
from tests.web.site.browser import chromium, visitor
from tests.web.site.kit import site
from tests.web.site.walk import Walk


@pytest.mark.soak
def test_every_page_is_there_with_both_databases_on_a_server(tmp_path: Path, postgres_server: PostgresServer) -> None:
    accounts, journal = postgres_server.database("walked_accounts"), postgres_server.database("walked_state")
    seen: dict[str, str] = {}
    try:
        # Why the browser last: beside its event loop Django asks no database.
        with site(tmp_path, database=accounts, state=journal) as served, chromium() as browser, visitor(browser) as person:
            Walk(served, person, lambda name, page: seen.update({name: page.title()})).everything()
            assert "a request failed: " not in served.served.stderr().replace("a request failed: DisallowedHost", "")
    finally:
        postgres_server.drop("walked_accounts")
        postgres_server.drop("walked_state")
    assert len(seen) > 90
    assert {name for name, title in seen.items() if not title.endswith("Acme Doorbells")} <= {"problem.500"}
