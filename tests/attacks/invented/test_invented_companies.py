"""Whatever company is invented: *fulfilled* if and only if an outside search finds nothing, and the records of everybody else as before."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from expunge.servers.postgres import PostgresServer
from tests.attacks.invented.company import Company
from tests.attacks.invented.judging import faults, judge
from tests.attacks.invented.strategies import companies
from tests.soaking import examples, longer

_numbers = count(1)


def check(company: Company, server: str = "", data: Callable[[], Iterable[Path]] = tuple) -> None:
    with tempfile.TemporaryDirectory(prefix="expunge-invented-") as folder:
        assert list(faults(judge(company, Path(folder), server, data))) == []


@longer(15)
@settings(max_examples=examples(8), suppress_health_check=[HealthCheck.too_slow])
@given(companies())
def test_an_invented_company_forgets_its_customer_and_says_so(company: Company) -> None:
    check(company)


@pytest.mark.soak
@longer(4)
@settings(max_examples=examples(2, 200), suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(companies(served=True))
def test_an_invented_company_on_a_server_forgets_its_customer_and_says_so(postgres_server: PostgresServer, company: Company) -> None:
    check_served(postgres_server, company)


def check_served(server: PostgresServer, company: Company) -> None:
    server.start()
    name = f"invented_{next(_numbers)}"
    url = server.database(name)

    def data() -> Iterable[Path]:
        server.sql("CHECKPOINT")
        number = server.sql(f"SELECT oid FROM pg_database WHERE datname = '{name}'")
        return [path for folder in (f"base/{number}", "pg_wal") for path in (server.data / folder).iterdir() if path.is_file()]

    try:
        check(company, url, data)
    finally:
        server.drop(name)
