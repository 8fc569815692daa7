"""Cells that nobody can read, in tables and files that belong to no person: the map calls them about nobody, or does not declare them."""

from __future__ import annotations

import gzip
import sqlite3
import uuid
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import lancedb
import numpy as np
import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from pyarrow import feather, orc

from expunge import survey
from expunge.core.orders.run import Run
from expunge.core.values.order import OrderState
from expunge.servers.postgres import PostgresServer
from tests.attacks.mention_company import ANNA, CUSTOMERS_SET, MentionCompany, company
from tests.attacks.test_by_place_parquet import CUSTOMERS, SAID, VISITS, Lake, visits
from tests.attacks.test_by_place_vectors import ROWS, built, write
from tests.attacks.test_opaque import age, cannot_tell, jpeg
from tests.engine.household import ANNA as HOUSEHOLD_ANNA
from tests.engine.household import Household, build

DEFLATED = zlib.compress(SAID[ANNA].encode() * 2 + bytes(range(256)), wbits=-15)
"""A letter in raw deflate, as a cache writes it: no magic says where it begins."""
UNREAD = {"a cipher": age(), "a short cipher": age(300), "raw deflate": DEFLATED}
TEXT = b"nothing of interest was said by the river today\n" * 20
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


@pytest.mark.soak
def test_a_cell_of_postgres_about_nobody_that_nobody_can_read_is_not_clean_until_the_map_declares_it(server: MentionCompany) -> None:
    stored(server, *READABLE, age())
    until_declared(server.map, server.erase(f"customer:{ANNA}"), server.again, '"archive.payload"')


@pytest.mark.soak
def test_cells_of_postgres_about_nobody_that_can_be_read_are_in_nobodys_way(server: MentionCompany) -> None:
    stored(server, *READABLE)
    assert ended(server.erase(f"customer:{ANNA}")) == FULFILLED


# --- files of lakes --------------------------------------------------------------------------------


def rows(*payloads: bytes) -> pa.Table:
    """Others' embeddings and texts, with bytes beside them."""
    vectors = np.random.default_rng(3).standard_normal((len(payloads), 64)).astype(np.float32)
    return pa.table({"vector": list(vectors), "text": [TEXT.decode()] * len(payloads), "payload": pa.array(payloads, pa.binary())})


WRITERS = {"parquet": pq.write_table, "orc": lambda table, path: orc.write_table(table, str(path)), "arrow": feather.write_feather}
IGNORED = 'ignore:\n  - {store: lake, path: "old/*", reason: old things}\n'
ABOUT_NOBODY = "archive: {store: lake, path: 'old/{part}.parquet', about: nobody}"


def with_file(folder: Path, form: str, table: pa.Table, said: str) -> MentionCompany:
    made = company(
        folder / "company", CUSTOMERS, f"{CUSTOMERS_SET}}}", VISITS, *([ABOUT_NOBODY] if said == "about nobody" else []), lake=True
    )
    Lake(made).write("visits/monday.parquet", visits())
    if said == "ignored":
        made.map.write_text(made.map.read_text() + IGNORED)
    path = made.folder / "world" / "lake" / "old" / f"rows.{form}"
    path.parent.mkdir()
    WRITERS[form](table, path)
    return made


PLACES = [("parquet", "ignored"), ("parquet", "about nobody"), ("parquet", "undeclared"), ("orc", "ignored"), ("arrow", "undeclared")]
FAST = [pytest.param(*each, marks=[] if each == ("parquet", "about nobody") else [pytest.mark.soak]) for each in PLACES]


@pytest.mark.parametrize(("form", "said"), FAST)
def test_a_cell_of_a_lake_that_nobody_can_read_is_not_clean_until_the_map_declares_its_file(tmp_path: Path, form: str, said: str) -> None:
    made = with_file(tmp_path, form, rows(*READABLE, DEFLATED), said)
    until_declared(made.map, made.erase(f"customer:{ANNA}"), made.again, f'"old/rows.{form}"')


@pytest.mark.soak
@pytest.mark.parametrize(("form", "said"), PLACES)
def test_a_file_of_a_lake_whose_cells_can_be_read_is_in_nobodys_way(tmp_path: Path, form: str, said: str) -> None:
    made = with_file(tmp_path, form, rows(*READABLE), said)
    assert not proposed(made.map)
    assert ended(made.erase(f"customer:{ANNA}")) == FULFILLED


# --- tables of LanceDB -----------------------------------------------------------------------------


def with_table(folder: Path, table: pa.Table, said: str) -> MentionCompany:
    clips = "clips: {store: vectors, table: clips, subject: {customer: customer}, retention: life}"
    nobodys = ["archive: {store: vectors, table: archive, about: nobody}"] if said == "about nobody" else []
    made = built(folder, "vectors: {kind: lancedb, url: ./world/db}", "\n  ".join([clips, *nobodys]))
    write(made, "clips", ROWS)
    lancedb.connect(made.folder / "world" / "db").create_table("archive", table)
    return made


@pytest.mark.soak
@pytest.mark.parametrize("said", ["undeclared", "about nobody"])
def test_a_cell_of_lancedb_that_nobody_can_read_is_not_clean_until_the_map_declares_its_column(tmp_path: Path, said: str) -> None:
    made = with_table(tmp_path, rows(*READABLE, DEFLATED), said)
    until_declared(made.map, made.erase(f"customer:{ANNA}"), made.again, '"archive.payload"')


@pytest.mark.soak
@pytest.mark.parametrize("said", ["undeclared", "about nobody"])
def test_a_table_of_lancedb_whose_cells_can_be_read_is_in_nobodys_way(tmp_path: Path, said: str) -> None:
    made = with_table(tmp_path, rows(*READABLE), said)
    assert not proposed(made.map)
    assert ended(made.erase(f"customer:{ANNA}")) == FULFILLED
