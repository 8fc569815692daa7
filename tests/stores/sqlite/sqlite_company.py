"""Building odd SQLite databases and running an order over them, for the tests of the store."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from expunge.core.datamap.datamap import ByField, Dataset, StoreSpec, TableLayout
from expunge.core.values.copy import Copy, Selector
from expunge.core.values.ids import IdempotencyKey, Pseudonym
from expunge.core.values.outcome import Outcome, Outcomes
from expunge.stores.sqlite.store import Sqlite

KEY = IdempotencyKey("order-1")
SPEECH = "life"


def run(path: Path, script: str, *settings: str) -> None:
    """Run statements as the application would."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for setting in settings:
            connection.execute(f"PRAGMA {setting}").fetchall()
        connection.executescript(script)


def rows(path: Path, sql: str, *parameters: object) -> list[tuple]:
    """What the application reads."""
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql, parameters).fetchall()


def dataset(name: str, field: str = "id", table: str = "", **more: object) -> Dataset:
    """A dataset over the table of the same name, its subject in one field."""
    return Dataset(name, "app", ByField({"person": field}), SPEECH, layout=TableLayout(table or name), **more)


@contextmanager
def opened(path: Path, *datasets: Dataset, **options: object) -> Iterator[Sqlite]:
    """The store over one file; it waits 200 ms for locks."""
    with closing(Sqlite(StoreSpec("app", "sqlite", str(path), {"busy_ms": 200, **options}), datasets)) as store:
        yield store


def selectors(each: Dataset, people: Sequence[str]) -> list[Selector]:
    """One selector for each identifier, over all subject fields."""
    assert isinstance(each.subject, ByField)
    return [
        Selector(Pseudonym(f"s{n}"), {field: frozenset({one}) for field in each.subject.fields.values()}) for n, one in enumerate(people)
    ]


def located(store: Sqlite, each: Dataset, *people: str) -> list[Copy]:
    """What the dataset holds about people."""
    return list(store.locate(each, selectors(each, people)))


def erased(store: Sqlite, each: Dataset, *people: str) -> Outcomes:
    """Locate and erase."""
    return store.erase(each, located(store, each, *people), KEY)


def forget(path: Path, each: Dataset, *people: str) -> Outcome:
    """Locate, erase and purge; the outcome of the purge."""
    with opened(path, each) as store:
        erased(store, each, *people)
        return store.purge([each], KEY)


def lying(path: Path, *needles: bytes) -> list[str]:
    """Which needles lie in any file named like the database: a plain search of bytes."""
    files = {each: each.read_bytes() for each in path.parent.iterdir() if each.name.startswith(path.name)}
    return [f"{needle!r} in {each.name}" for each, data in files.items() for needle in needles if needle in data]
