"""Which roles could read a table beside Expunge's own: each told role really reads, and each other does not."""

from __future__ import annotations

import psycopg
import pytest

from expunge.ports.review.ways_in import WayIn
from tests.stores.postgres.postgres_company import dataset, opened, run

CALLS = dataset("calls")
GRANTS = {
    "reads": "GRANT SELECT ON calls TO {role}",
    "reads_a_column": "GRANT SELECT (said) ON calls TO {role}",
    "reads_all": "GRANT pg_read_all_data TO {role}",
    "writes": "GRANT INSERT ON calls TO {role}",
    "stranger": "",
}


@pytest.fixture
def url(database):
    url = database
    run(url, "CREATE TABLE calls (id text PRIMARY KEY, said text)")
    for name, grant in GRANTS.items():
        run(url, f"CREATE ROLE ways_{name} LOGIN", *([grant.format(role=f"ways_{name}")] if grant else []))
    yield url
    for name in GRANTS:
        run(url, f"DROP OWNED BY ways_{name}", f"DROP ROLE ways_{name}")


def test_who_is_told_is_who_can(url):
    with opened(url, CALLS) as store:
        ways = [each for each in store.ways_in({"calls"}) if isinstance(each, WayIn)]
    told = {each.who.removeprefix("the role ways_") for each in ways if not each.own}
    assert told == {"reads", "reads_a_column", "reads_all"}
    assert any("Expunge reads by it" in each.how for each in ways if each.own)
    for name in GRANTS:
        with psycopg.connect(url.replace("postgres@", f"ways_{name}@"), autocommit=True) as other:
            try:
                other.execute("SELECT said FROM calls")
                reads = True
            except psycopg.errors.InsufficientPrivilege:
                reads = False
        assert reads is (name in told)


def test_tables_of_no_recording_are_not_asked_about(url):
    with opened(url, CALLS) as store:
        assert list(store.ways_in(set())) == []


def test_a_right_for_all_is_a_right_of_each(url):
    run(url, "GRANT SELECT ON calls TO PUBLIC")
    with opened(url, CALLS) as store:
        assert "the role ways_stranger" in {each.who for each in store.ways_in({"calls"}) if isinstance(each, WayIn)}
