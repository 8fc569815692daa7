"""Cells that nobody can read, in tables and files that belong to no person: the map calls them about nobody, or does not declare them."""

from __future__ import annotations

import gzip
import sqlite3
import uuid
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import numpy as np
import psycopg
import pytest
import zstandard

from expunge import survey
from expunge.core.orders.run import Run
from expunge.core.values.order import OrderState
from expunge.servers.postgres import PostgresServer
from tests.attacks.mention_company import ANNA, CUSTOMERS_SET, MentionCompany, company
from tests.attacks.test_by_place_parquet import CUSTOMERS, SAID
from tests.attacks.test_opaque import age, cannot_tell, jpeg
from tests.engine.household import ANNA as HOUSEHOLD_ANNA
from tests.engine.household import Household, build

DEFLATED = zlib.compress(SAID[ANNA].encode() * 2 + bytes(range(256)), wbits=-15)
"""A letter in raw deflate, as a cache writes it: no magic says where it begins."""
UNREAD = {"a cipher": age(), "a short cipher": age(300), "raw deflate": DEFLATED}
TEXT = "nothing of interest was said by the river today\n".encode() * 20
READABLE = [
    jpeg(),
    gzip.compress(TEXT, mtime=0),
    zstandard.compress(TEXT),
    TEXT,
    uuid.UUID(int=7).bytes,
    bytes(64),
    np.linspace(0, 1, 15, dtype=np.float32).tobytes(),
]
KEYS_GONE = "the key was destroyed"
FULFILLED = (OrderState.FULFILLED, ())


def ended(run: Run) -> tuple[OrderState, tuple[str, ...]]:
    return run.state, tuple(run.reasons)


def proposed(map_file: Path) -> list[str]:
    """The lines that check prints, with a reason in them."""
    found = [each.mend for each in survey.check(map_file).findings if "opaque:" in each.mend]
    return [each.replace("WHY IT HOLDS NOTHING OF PEOPLE WHO GO", KEYS_GONE) for each in found]


def until_declared(map_file: Path, run: Run, again: Callable[[Run], Run], where: str) -> None:
    """The order cannot tell; the one line that check prints names the place and ends the doubt."""
    assert cannot_tell(run), run.reasons
    (line,) = proposed(map_file)
    assert where in line
    map_file.write_text(f"{map_file.read_text()}opaque:\n  {line}\n")
    assert not proposed(map_file)
    assert ended(again(run)) == FULFILLED


# --- tables of databases about nobody --------------------------------------------------------------


@pytest.fixture
def home(tmp_path: Path) -> Household:
    made = build(tmp_path / "home")
    made.write_map(more="  archive: {store: app, table: archive, about: nobody}\n")
    return made


def archived(home: Household, *values: bytes) -> None:
    with closing(sqlite3.connect(home.database)) as db, db:
        db.execute("CREATE TABLE archive (n INTEGER PRIMARY KEY, payload)")
        db.executemany("INSERT INTO archive (payload) VALUES (?)", [(each,) for each in values])


@pytest.mark.parametrize("case", ["raw deflate", *(pytest.param(each, marks=pytest.mark.soak) for each in UNREAD if each != "raw deflate")])
def test_a_cell_about_nobody_that_nobody_can_read_is_not_clean_until_the_map_declares_its_column(home: Household, case: str) -> None:
    archived(home, *READABLE, UNREAD[case])
    run = home.erase(f"profile:{HOUSEHOLD_ANNA}")
    until_declared(home.map, run, lambda run: home.apply(run.order), '"archive.payload"')


def test_cells_about_nobody_that_can_be_read_are_in_nobodys_way(home: Household) -> None:
    archived(home, *READABLE)
    assert not proposed(home.map)
    assert ended(home.erase(f"profile:{HOUSEHOLD_ANNA}")) == FULFILLED


@pytest.fixture
def server(postgres_server: PostgresServer, tmp_path: Path) -> Iterator[MentionCompany]:
    with ExitStack() as after:
        url = postgres_server.database("unread_cells")
        after.callback(postgres_server.drop, "unread_cells")
        archive = "CREATE TABLE archive (n serial PRIMARY KEY, payload bytea);"
        declared = f"{CUSTOMERS_SET}}}", "archive: {store: app, table: archive, about: nobody}"
        yield company(tmp_path / "company", CUSTOMERS + archive, *declared, server=url)


def stored(server: MentionCompany, *values: bytes) -> None:
    with psycopg.connect(server.server, autocommit=True) as owner:
        owner.cursor().executemany("INSERT INTO archive (payload) VALUES (%s)", [(each,) for each in values])


def test_a_cell_of_postgres_about_nobody_that_nobody_can_read_is_not_clean_until_the_map_declares_it(server: MentionCompany) -> None:
    stored(server, *READABLE, age())
    until_declared(server.map, server.erase(f"customer:{ANNA}"), server.again, '"archive.payload"')


@pytest.mark.soak
def test_cells_of_postgres_about_nobody_that_can_be_read_are_in_nobodys_way(server: MentionCompany) -> None:
    stored(server, *READABLE)
    assert ended(server.erase(f"customer:{ANNA}")) == FULFILLED
