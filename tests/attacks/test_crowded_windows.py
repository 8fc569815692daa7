"""Sentences that many people's rows hold: what is not looked for takes no stray copy along."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from expunge.core.evidence.window_choice import CROWD
from expunge.core.values.order import OrderState
from expunge.engine.evidence import tracing
from tests.engine.household import ANNA, BELA, Household, build

EVERYBODYS = "this call is recorded so that we can serve you better next time"
OWN = "and then the parrot flew out of the greenhouse window"


@pytest.fixture
def home(tmp_path: Path) -> Household:
    return build(tmp_path / "home")


def said(home: Household, whom: str, *texts: str) -> None:
    with closing(sqlite3.connect(home.database)) as db, db:
        rows = [(f"rec-{whom[4:8]}-0-X7", text) for text in texts]
        db.executemany("INSERT INTO transcripts (recording_id, text) VALUES (?, ?)", rows)


def stray(home: Household, text: str) -> None:
    with closing(sqlite3.connect(home.database)) as db, db:
        db.execute("CREATE TABLE drafts (said TEXT)")
        db.execute("INSERT INTO drafts VALUES (?)", (text,))


def links_of(home: Household, whom: str) -> str:
    with closing(sqlite3.connect(home.database)) as db:
        (name,) = db.execute("SELECT recording_id FROM transcripts WHERE recording_id LIKE ?", (f"rec-{whom[4:8]}-%",)).fetchone()
    return str(name)


def crowd(home: Household, of_anna: str) -> None:
    said(home, BELA, *(f"{number}: {EVERYBODYS}" for number in range(3 * CROWD)))
    with closing(sqlite3.connect(home.database)) as db, db:
        db.execute("INSERT INTO transcripts (recording_id, text) VALUES (?, ?)", (links_of(home, ANNA), of_anna))


def left_out(home: Household, order: str) -> int:
    with home.open() as opened:
        traces = tracing.load(opened.context, order)
        return len(tracing.left_out(opened.context, order, "app", traces))


def test_crowded_windows_beside_exclusive_ones_are_not_looked_for(home: Household) -> None:
    crowd(home, f"{EVERYBODYS} {OWN}")
    run = home.erase(f"profile:{ANNA}")
    assert (run.state, run.reasons) == (OrderState.FULFILLED, ())
    assert left_out(home, run.order) > 0


def test_a_stray_copy_of_such_a_value_is_seen_by_its_exclusive_windows(home: Household) -> None:
    crowd(home, f"{EVERYBODYS} {OWN}")
    stray(home, f"{EVERYBODYS} {OWN}")
    assert home.erase(f"profile:{ANNA}").state is OrderState.IN_PART


def test_a_value_without_an_exclusive_window_is_looked_for_all_the_same(home: Household) -> None:
    crowd(home, EVERYBODYS)
    stray(home, EVERYBODYS)
    assert home.erase(f"profile:{ANNA}").state is OrderState.IN_PART
