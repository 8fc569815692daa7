"""Somebody else's rows that hang on the person's, which the schema itself would take along."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from tests.engine.household import ANNA, BELA, build
from tests.estate.estate import Estate

REPLIES = """
CREATE TABLE replies (n int PRIMARY KEY, profile_id text, answers text REFERENCES {parent} ON DELETE CASCADE, body text);
INSERT INTO replies VALUES (1, '{other}', '{hers}', 'what somebody else has answered'), (2, '{she}', '{hers}', 'what she has added');
"""
DATASET = "  replies: {{store: {store}, table: replies, subject: {{profile: profile_id}}, retention: {retention}}}\n"


def test_somebody_elses_answer_does_not_go_with_the_recording_that_it_answers(estate: Estate) -> None:
    she, other = estate.children[0], estate.children[2]
    with psycopg.connect(estate.database) as connection:
        connection.execute(REPLIES.format(parent="recordings", other=other.profile, she=she.profile, hers=she.recordings[0]))  # type: ignore[arg-type]
    estate.map.write_text(estate.map.read_text() + DATASET.format(store="app", retention="voice"))
    before = {row for row in estate.logical() if other.profile in row}
    run = estate.erase(f"profile:{she.profile}")
    with psycopg.connect(estate.database) as connection:
        assert connection.execute("SELECT n FROM replies").fetchall() == [(1,)]
    assert {row for row in estate.logical() if other.profile in row} == before
    assert "recordings: referenced by other data" in run.reasons
    # where both go, nothing stands in the way
    with estate.open() as opened:
        order = opened.order_erase([opened.resolve(f"profile:{each.profile}") for each in (she, other)]).order
        opened.plan(order)
        assert "recordings: referenced by other data" not in opened.apply(order).reasons


def test_the_same_in_sqlite(tmp_path: Path) -> None:
    home = build(tmp_path / "home")
    with closing(sqlite3.connect(home.world / "app.db")) as db, db:
        db.executescript(REPLIES.format(parent="profiles", other=BELA, she=ANNA, hers=ANNA))
    home.map.write_text(home.map.read_text() + DATASET.format(store="app", retention="life"))
    run = home.erase(ANNA)
    with closing(sqlite3.connect(home.world / "app.db")) as db:
        assert db.execute("SELECT n FROM replies").fetchall() == [(1,)]
    assert "profiles: referenced by other data" in run.reasons


@pytest.mark.parametrize("whose", [ANNA, BELA])
def test_nor_does_it_go_with_what_is_found_through_the_recording(tmp_path: Path, whose: str) -> None:
    home = build(tmp_path / "home")
    with closing(sqlite3.connect(home.world / "app.db")) as db, db:
        db.executescript(
            "CREATE TABLE replies (n INTEGER PRIMARY KEY, profile_id TEXT, answers INTEGER REFERENCES transcripts ON DELETE CASCADE, "
            "body TEXT, closed_at TEXT);"
            f"INSERT INTO replies SELECT id, '{whose}', id, 'an answer of theirs', NULL FROM transcripts WHERE id = 1;"
        )
    home.map.write_text(home.map.read_text() + DATASET.format(store="app", retention="life"))
    run = home.erase(ANNA)
    if whose == ANNA:
        run = home.apply(run.order)
    with closing(sqlite3.connect(home.world / "app.db")) as db:
        assert db.execute("SELECT n FROM replies").fetchall() == ([] if whose == ANNA else [(1,)])
    assert run.reasons[:1] == (() if whose == ANNA else ("transcripts: referenced by other data",))


@pytest.mark.soak
def test_the_same_on_a_server(estate: Estate) -> None:
    she, other = estate.children[0], estate.children[2]
    with psycopg.connect(estate.database) as connection:
        connection.execute("ALTER TABLE transcripts ADD COLUMN told bigint GENERATED ALWAYS AS IDENTITY UNIQUE")
        connection.execute(
            "CREATE TABLE replies (n int PRIMARY KEY, profile_id text, answers bigint REFERENCES transcripts (told) ON DELETE CASCADE)"
        )
        hers = "SELECT told FROM transcripts WHERE recording_id = %s LIMIT 1"
        connection.execute(f"INSERT INTO replies VALUES (1, %s, ({hers}))", (other.profile, she.recordings[0]))
    estate.map.write_text(estate.map.read_text() + DATASET.format(store="app", retention="voice"))
    run = estate.erase(f"profile:{she.profile}")
    with psycopg.connect(estate.database) as connection:
        assert connection.execute("SELECT n FROM replies").fetchall() == [(1,)]
    assert "transcripts: referenced by other data" in run.reasons


@pytest.mark.parametrize("last", ["", BELA, ANNA])
def test_nor_does_it_go_at_the_end_of_a_chain_of_cascades(tmp_path: Path, last: str) -> None:
    home = build(tmp_path / "home")
    with closing(sqlite3.connect(home.world / "app.db")) as db, db:
        db.executescript(
            "CREATE TABLE threads (n INTEGER PRIMARY KEY, profile_id TEXT REFERENCES profiles ON DELETE CASCADE, title TEXT, "
            "closed_at TEXT);"
            "CREATE TABLE replies (n INTEGER PRIMARY KEY, profile_id TEXT, thread INTEGER REFERENCES threads ON DELETE CASCADE, body TEXT, "
            "closed_at TEXT);"
            f"INSERT INTO threads VALUES (1, '{ANNA}', 'a thread about gardens and birds', NULL);"
        )
        if last:
            db.execute("INSERT INTO replies VALUES (1, ?, 1, 'an answer of theirs about the gardens', NULL)", (last,))
    threads = DATASET.replace("replies", "threads")
    home.map.write_text(home.map.read_text() + (DATASET + threads).format(store="app", retention="life"))
    run = home.erase(ANNA)
    for _ in range(2):
        with closing(sqlite3.connect(home.world / "app.db")) as db:
            assert db.execute("SELECT n FROM replies").fetchall() == ([(1,)] if last == BELA else [])
        if last == BELA:
            assert {"threads: referenced by other data", "profiles: referenced by other data"} <= set(run.reasons)
        run = home.apply(run.order)
    if last != BELA:
        assert run.reasons == ()
