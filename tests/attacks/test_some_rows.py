"""Values that lie apart from their rows, such as the terms of a full-text index, are those of the indexed table's rows and of no others."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from expunge.bootstrap import Expunge
from expunge.core.evidence.receipt import parse
from expunge.core.log import dsse
from expunge.core.orders.run import Run
from expunge.core.values.order import OrderState
from expunge.servers.postgres import PostgresServer
from tests.engine.household import ANNA, BELA, SAID, Household, build

WORD = "supercalifragilistic"
"""One word, as long as the words that are looked for by themselves."""
IGNORED = "ignore:\n  - {store: app, table: drafts, reason: scratch space of the application}\n"


@pytest.fixture
def home(tmp_path: Path) -> Household:
    """Anna said nothing but the word, and Bela said it in a sentence."""
    home = build(tmp_path / "home")
    say(home, ANNA, WORD)
    say(home, BELA, f"who on earth says {WORD} at breakfast")
    return home


def run_sql(home: Household, *statements: str) -> None:
    with closing(sqlite3.connect(home.database)) as db, db:
        for statement in statements:
            db.execute(statement)


def say(home: Household, person: str, words: str) -> None:
    run_sql(home, f"INSERT INTO transcripts (recording_id, text) VALUES ('rec-{person[4:8]}-0-X7', '{words}')")


SYNCED = [
    "CREATE VIRTUAL TABLE terms USING fts5 (text, content='transcripts', content_rowid='rowid')",
    "INSERT INTO terms (terms) VALUES ('rebuild')",
]
FED = [
    "CREATE VIRTUAL TABLE terms USING fts5 (text, content='', contentless_delete=1)",
    "CREATE TRIGGER goes AFTER DELETE ON transcripts BEGIN DELETE FROM terms WHERE rowid = old.rowid; END",
    "INSERT INTO terms (rowid, text) SELECT rowid, text FROM transcripts",
]
OLD = ["CREATE VIRTUAL TABLE terms USING fts4 (content='transcripts', text)", "INSERT INTO terms (terms) VALUES ('rebuild')"]


@pytest.mark.parametrize("index", [SYNCED, FED, OLD], ids=["fts5", "without content", "fts4"])
def test_a_term_of_an_index_is_explained_by_a_row_of_the_indexed_table(home: Household, index: list[str]) -> None:
    run_sql(home, *index)
    run = home.erase(f"profile:{ANNA}")
    assert (run.state, run.reasons) == (OrderState.FULFILLED, ())


@pytest.mark.parametrize("module", ["fts5 (said, content='drafts', columnsize=0)", "fts4 (content='drafts', said)"])
def test_a_term_that_an_index_kept_of_rows_of_another_table_is_residue(home: Household, module: str) -> None:
    run_sql(
        home,
        "CREATE TABLE drafts (id INTEGER PRIMARY KEY, said TEXT)",
        f"INSERT INTO drafts (said) VALUES ('{WORD}'), ('nothing of that kind')",
        f"CREATE VIRTUAL TABLE terms USING {module}",
        "INSERT INTO terms (terms) VALUES ('rebuild')",
        f"UPDATE drafts SET said = 'gone' WHERE said = '{WORD}'",
    )
    home.write_map(more=IGNORED)
    assert home.erase(f"profile:{ANNA}").state is OrderState.IN_PART


def test_a_row_of_nobody_does_not_explain_a_term(tmp_path: Path) -> None:
    home = build(tmp_path / "home")
    say(home, ANNA, WORD)
    run_sql(home, f"INSERT INTO transcripts (recording_id, text) VALUES ('rec-of-nobody', 'one says {WORD}')", *SYNCED)
    assert home.erase(f"profile:{ANNA}").state is OrderState.IN_PART


# --- on a server -----------------------------------------------------------------------------------------

MAP = """\
version: 1
state: ./state
identities:
  account: {{dataset: accounts, key: account}}
stores:
  app: {{kind: postgres, url: "{url}"}}
retention:
  life: {{period: 30 days, from: closed_at, purpose: keep the account, need: contract}}
datasets:
  accounts: {{store: app, table: accounts, subject: {{account: account}}, retention: life}}
"""
PEOPLE = [("acc-51XK-mia-7", "The Netherlands"), ("acc-99LM-otto-8", "The Netherlands"), ("acc-23QR-cara-9", "Deutschland Bund")]


@pytest.mark.parametrize(("person", "state"), [(PEOPLE[0][0], OrderState.FULFILLED), (PEOPLE[2][0], OrderState.IN_PART)])
def test_the_bound_of_a_partition_is_explained_by_a_row_that_has_its_value(
    tmp_path: Path, postgres_server: PostgresServer, person: str, state: OrderState
) -> None:
    """The bound stays in the catalogue. With nobody left who has the value it is told by the constant alone, and so *in part*."""
    url = postgres_server.database("bounds")
    try:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CREATE TABLE accounts (account text, country text) PARTITION BY LIST (country)")
            for number, country in enumerate(dict.fromkeys(country for _, country in PEOPLE)):
                connection.execute(f"CREATE TABLE accounts_{number} PARTITION OF accounts FOR VALUES IN ('{country}')")
            connection.cursor().executemany("INSERT INTO accounts VALUES (%s, %s)", PEOPLE)
        (tmp_path / "expunge.yaml").write_text(MAP.format(url=url))
        Expunge.init(tmp_path / "expunge.yaml")
        with Expunge.open(tmp_path / "expunge.yaml") as opened:
            order = opened.order_erase([opened.resolve(f"account:{person}")]).order
            opened.plan(order)
            assert opened.apply(order).state is state
    finally:
        postgres_server.drop("bounds")


# --- structures that cannot be told apart ----------------------------------------------------------------

WORDS = SAID[ANNA][1]
QUOTE = f"my sister always says: {WORDS}, and it is true"
QUOTES = "  quotes: {store: app, table: quotes, subject: {profile: who}, retention: life}\n"
TABLE = "CREATE TABLE quotes (who TEXT, said TEXT, n INT, PRIMARY KEY (who, n)) WITHOUT ROWID"
TWICE = "CREATE INDEX twice ON quotes (who COLLATE NOCASE, n, said)"
"""The entries of this index have one of the two key columns twice, which the page reader does not follow."""


@pytest.fixture
def quoting(tmp_path: Path) -> Household:
    home = build(tmp_path / "home")
    run_sql(home, TABLE, f"INSERT INTO quotes VALUES ('{BELA}', '{QUOTE}', 1), ('{ANNA}', 'nothing much, as usual', 2)")
    home.write_map(more=QUOTES)
    return home


def test_what_lies_in_a_structure_that_cannot_be_told_apart_is_neither_excused_nor_residue(quoting: Household) -> None:
    run_sql(quoting, TWICE)
    run = quoting.erase(f"profile:{ANNA}")
    assert run.state is OrderState.IN_PART
    assert run.reasons == ("transcripts: cannot tell",)
    assert "table or index of another form" in told(quoting, run)["transcripts"]
    with quoting.open() as opened:
        assert {Path(place.path).name for place in opened.residue(run.order)} == {"app.db"}, "the operator is shown where"


def test_the_same_company_without_such_a_structure_is_fulfilled(quoting: Household) -> None:
    run_sql(quoting, TWICE.replace(" COLLATE NOCASE", ""))
    run = quoting.erase(f"profile:{ANNA}")
    assert (run.state, run.reasons) == (OrderState.FULFILLED, ())


def test_a_stray_copy_beside_such_a_structure_is_residue(quoting: Household) -> None:
    run_sql(quoting, TWICE, "CREATE TABLE drafts (said TEXT)", f"INSERT INTO drafts VALUES ('{WORDS}')")
    assert "transcripts: residue found" in quoting.erase(f"profile:{ANNA}").reasons


def told(home: Household, run: Run) -> dict[str, str]:
    """The details of the receipt's entries."""
    with home.open() as opened:
        receipt = parse(dsse.parse(opened.receipt_folder(run.order)["receipt.dsse.json"]).payload)
    return {entry.dataset: entry.detail for entry in receipt.datasets}
