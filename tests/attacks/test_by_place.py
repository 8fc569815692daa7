"""A hit is explained by the live item that lies at its place, whoever else holds the same words somewhere."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from expunge.core.orders.run import Run
from expunge.core.values.order import OrderState
from tests.engine.household import ANNA, BELA, SAID, Household, build
from tests.estate.estate import Estate

QUOTE = f"my sister always says: {SAID[ANNA][0]}, and it is true"


@pytest.fixture
def home(tmp_path: Path) -> Household:
    return build(tmp_path / "home")


def run_sql(home: Household, *statements: tuple[str, tuple[object, ...]]) -> None:
    with closing(sqlite3.connect(home.database)) as db, db:
        for statement, values in statements:
            db.execute(statement, values)


def quoted_by_bela(home: Household) -> None:
    run_sql(home, ("INSERT INTO transcripts (recording_id, text) VALUES (?, ?)", (f"rec-{BELA[4:8]}-0-X7", QUOTE)))


def places(home: Household, run: Run) -> set[str]:
    with home.open() as opened:
        return {Path(place.path).name for place in opened.residue(run.order)}


def test_a_quote_of_another_customer_is_explained_by_the_row_in_which_it_lies(home: Household) -> None:
    quoted_by_bela(home)
    run = home.erase(f"profile:{ANNA}")
    assert (run.state, run.reasons) == (OrderState.FULFILLED, ())
    assert home.search(QUOTE) != [], "it is another customer's"


@pytest.mark.parametrize("table", ["CREATE TABLE drafts (said TEXT)", "CREATE TABLE drafts (said TEXT PRIMARY KEY) WITHOUT ROWID"])
def test_a_stray_copy_in_an_undeclared_table_is_residue_although_another_customer_quotes_it(home: Household, table: str) -> None:
    quoted_by_bela(home)
    run_sql(home, (table, ()), ("INSERT INTO drafts VALUES (?)", (SAID[ANNA][0],)))
    run = home.erase(f"profile:{ANNA}")
    assert run.state is OrderState.IN_PART
    assert places(home, run) == {"app.db"}


def test_a_stray_copy_in_an_ignored_table_is_residue_although_another_customer_quotes_it(home: Household) -> None:
    quoted_by_bela(home)
    run_sql(home, ("CREATE TABLE drafts (said TEXT)", ()), ("INSERT INTO drafts VALUES (?)", (SAID[ANNA][0],)))
    home.write_map(more="ignore:\n  - {store: app, table: drafts, reason: scratch space of the application}\n")
    assert home.erase(f"profile:{ANNA}").state is OrderState.IN_PART


def test_a_row_without_an_owner_explains_nothing(home: Household) -> None:
    run_sql(home, ("INSERT INTO transcripts (recording_id, text) VALUES (?, ?)", ("rec-of-nobody", QUOTE)))
    assert home.erase(f"profile:{ANNA}").state is OrderState.IN_PART


def test_every_place_is_explained_not_the_first_few(home: Household) -> None:
    run_sql(
        home,
        *[("INSERT INTO transcripts (recording_id, text) VALUES (?, ?)", (f"rec-{BELA[4:8]}-0-X7", f"{n}: {QUOTE}")) for n in range(40)],
        ("CREATE TABLE drafts (said TEXT)", ()),
        ("INSERT INTO drafts VALUES (?)", (SAID[ANNA][0],)),
    )
    run = home.erase(f"profile:{ANNA}")
    assert run.state is OrderState.IN_PART


# --- on a server ------------------------------------------------------------------------------------


def quoting(estate: Estate) -> tuple[str, str]:
    """Another child quotes a sentence of the first, in rows with an index, a long value and statistics; return child and sentence."""
    she, other = estate.children[0], estate.children[2]
    with psycopg.connect(estate.database) as connection:
        quotes = (she.said[0], f"{she.said[0]}, she said", " ".join([she.said[0], *other.said] * 50))
        for quote in quotes:
            connection.execute("INSERT INTO transcripts (recording_id, text) VALUES (%s, %s)", (other.recordings[0], quote))
        connection.execute("CREATE INDEX transcripts_by_beginning ON transcripts (left(text, 200))")
    return f"profile:{she.profile}", she.said[0]


def test_on_a_server_a_quote_is_explained_by_the_rows_in_which_it_lies(estate: Estate) -> None:
    name, said = quoting(estate)
    run = estate.erase(name)
    assert (run.state, run.reasons) == (OrderState.FULFILLED, ())
    assert estate.search(said) != [], "it is another child's"


@pytest.mark.soak
def test_on_a_server_a_stray_copy_is_residue_although_another_child_quotes_it(estate: Estate) -> None:
    name, said = quoting(estate)
    with psycopg.connect(estate.database) as connection:
        connection.execute("CREATE TABLE drafts (said text)")
        connection.execute("INSERT INTO drafts VALUES (%s)", (said,))
    run = estate.erase(name)
    assert run.state is OrderState.IN_PART
    assert set(run.reasons) == {"transcripts: residue found"}


@pytest.mark.soak
def test_on_a_server_a_later_look_finds_nothing_in_earlier_versions_of_rows_that_stay(estate: Estate) -> None:
    name, said = quoting(estate)
    run = estate.erase(name)
    assert (run.state, run.reasons) == (OrderState.FULFILLED, ())
    with psycopg.connect(estate.database, autocommit=True) as connection:
        for _ in range(4):
            connection.execute("UPDATE transcripts SET recording_id = recording_id")
            connection.execute("VACUUM FULL transcripts")
            connection.execute("SELECT pg_switch_wal()")
            connection.execute("CHECKPOINT")
    with estate.open() as opened:
        look = opened.verify(run.order)
        assert (look.found, look.failed) == (0, {})
    with psycopg.connect(estate.database, autocommit=True) as connection:
        connection.execute("CREATE TABLE drafts AS SELECT %s::text AS said", (said,))
    with estate.open() as opened:
        assert opened.verify(run.order).found > 0
