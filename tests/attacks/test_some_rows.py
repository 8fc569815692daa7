"""Values that lie apart from their rows, such as the terms of a full-text index, are those of the indexed table's rows and of no others."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from expunge.core.values.order import OrderState
from tests.engine.household import ANNA, BELA, Household, build

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
