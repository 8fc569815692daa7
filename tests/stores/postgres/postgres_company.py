"""Building odd PostgreSQL databases and running an order over them, for the tests of the store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager

import psycopg

from expunge.core.datamap.datamap import ByField, Dataset, StoreSpec, TableLayout
from expunge.core.values.copy import Copy, Selector
from expunge.core.values.ids import IdempotencyKey, Pseudonym
from expunge.core.values.outcome import Outcomes
from expunge.stores.postgres.store import Postgres

KEY = IdempotencyKey("order-1")


def run(url: str, *statements: str) -> None:
    """Run statements as the application would, each in a transaction of its own."""
    with psycopg.connect(url, autocommit=True) as connection:
        for each in statements:
            connection.execute(each)


def rows(url: str, sql: str, *parameters: object) -> list[tuple]:
    """What the application reads."""
    with psycopg.connect(url) as connection:
        return connection.execute(sql, parameters or None).fetchall()


def dataset(name: str, field: str = "id", table: str = "", **more: object) -> Dataset:
    """A dataset over the table of the same name, its subject in one field."""
    return Dataset(name, "app", ByField({"person": field}), "life", layout=TableLayout(table or name), **more)


@contextmanager
def opened(url: str, *datasets: Dataset, **options: object) -> Iterator[Postgres]:
    """The store over one database; it waits 300 ms for locks."""
    with closing(Postgres(StoreSpec("app", "postgres", url, {"lock_ms": 300, **options}), datasets)) as store:
        yield store


def selectors(each: Dataset, people: Sequence[str]) -> list[Selector]:
    """One selector for each identifier, over all subject fields."""
    assert isinstance(each.subject, ByField)
    return [
        Selector(Pseudonym(f"s{n}"), {field: frozenset({one}) for field in each.subject.fields.values()}) for n, one in enumerate(people)
    ]


def located(store: Postgres, each: Dataset, *people: str) -> list[Copy]:
    """What the dataset holds about people."""
    return list(store.locate(each, selectors(each, people)))


def erased(store: Postgres, each: Dataset, *people: str) -> Outcomes:
    """Locate and erase."""
    return store.erase(each, located(store, each, *people), KEY)
