"""Orders about a class of items: what is held or somebody else's stays, and what was reached does not read as gone."""

from __future__ import annotations

import gzip
import json
import os
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from expunge import Expunge, clock
from expunge.core.orders.run import Run
from expunge.core.values.copy import Selector
from expunge.core.values.ids import Pseudonym
from expunge.core.values.order import OrderKind, OrderState
from expunge.core.values.scope import Scope, Window
from tests.engine.household import ANNA, BELA, CARA, SAID, Household, build, wav
from tests.engine.recipients.test_dues import Set

ANYBODY = Pseudonym("")


@pytest.fixture
def home(tmp_path: Path) -> Household:
    return build(tmp_path / "home")


def rows(home: Household, *statements: str) -> None:
    with closing(sqlite3.connect(home.database)) as db, db:
        for each in statements:
            db.executescript(each)


def destroyed(home: Household, name: str, selector: Selector, *more: str) -> Run:
    with home.open() as opened:
        scope = Scope("an order of destruction", tuple(sorted((name, *more))))
        order = opened.scoped.about_class(OrderKind.DISGORGEMENT, scope, {name: selector}, rule="a test").order
        opened.plan(order)
        return opened.apply(order)


def everything() -> Selector:
    return Selector(ANYBODY, {}, every=True)


def hold(home: Household, name: str, dataset: str) -> str:
    with home.open() as opened:
        until = clock.now() + timedelta(days=300)
        return opened.holds.place(opened.resolve(name), dataset, ground="a dispute", authority="counsel", until=until).id


def events(home: Household) -> set[str]:
    found = set()
    for path in (home.world / "lake" / "events").iterdir():
        found |= {json.loads(line)["profile_id"] for line in gzip.decompress(path.read_bytes()).splitlines()}
    return found


def test_records_that_a_hold_spared_keep_the_order_open_and_go_when_it_ends(home: Household) -> None:
    held = hold(home, f"profile:{ANNA}", "events")
    run = destroyed(home, "events", everything())
    assert events(home) == {ANNA}
    assert run.state is OrderState.IN_PART, "what it reached is there still"
    with home.open() as opened:
        opened.holds.end(held, "settled")
    again = home.apply(run.order)
    assert events(home) == set()
    assert again.state is OrderState.FULFILLED, again.reasons


def test_records_of_somebody_held_whom_nobody_knows_any_more_do_not_go(home: Household) -> None:
    hold(home, f"profile:{ANNA}", "events")
    rows(home, f"DELETE FROM profiles WHERE profile_id = '{ANNA}'")
    run = destroyed(home, "events", everything())
    assert ANNA in events(home)
    assert run.state is OrderState.IN_PART


def test_rows_that_hang_on_those_of_a_class_do_not_go_with_them(home: Household) -> None:
    rows(
        home,
        "CREATE TABLE invoices (n INTEGER PRIMARY KEY, transcript INTEGER REFERENCES transcripts ON DELETE CASCADE, profile_id TEXT, "
        "closed_at TEXT);"
        f"INSERT INTO invoices SELECT id, id, '{BELA}', NULL FROM transcripts;",
    )
    home.write_map(more="  invoices: {store: app, table: invoices, subject: {profile: profile_id}, retention: life}\n")
    run = destroyed(home, "transcripts", Selector(ANYBODY, {"recording_id": frozenset({"rec-anna-0-X7"})}))
    with closing(sqlite3.connect(home.database)) as db:
        assert db.execute("SELECT count(*) FROM invoices").fetchone() == (8,)
    assert run.state is OrderState.IN_PART


def test_a_copy_in_a_table_that_nobody_declared_keeps_a_class_from_reading_as_gone(home: Household) -> None:
    rows(home, "CREATE TABLE old AS SELECT text FROM transcripts WHERE recording_id LIKE 'rec-anna%'")
    run = destroyed(home, "transcripts", Selector(ANYBODY, {"recording_id": frozenset({"rec-anna-0-X7"})}))
    assert run.state is OrderState.IN_PART


def test_a_copy_in_another_declared_dataset_out_of_reach_is_residue_unless_it_is_somebodys(home: Household) -> None:
    rows(home, "CREATE TABLE notes (n INTEGER PRIMARY KEY, profile_id TEXT, body TEXT, closed_at TEXT)")
    rows(home, "INSERT INTO notes SELECT id, NULL, text, NULL FROM transcripts WHERE recording_id = 'rec-anna-0-X7'")
    home.write_map(more="  notes: {store: app, table: notes, subject: {profile: profile_id}, retention: life}\n")
    run = destroyed(home, "transcripts", Selector(ANYBODY, {"recording_id": frozenset({"rec-anna-0-X7"})}))
    assert run.state is OrderState.IN_PART


@pytest.mark.parametrize("said", ["", "in spring", "0", "20260101120000", "2026-02-30", "-1", "infinity", "01/02/2020"])
def test_rows_without_a_readable_time_are_in_no_window(home: Household, said: str) -> None:
    rows(home, f"UPDATE transcripts SET closed_at = '{said}'")
    window = Window("closed_at", until=datetime(2026, 3, 1, tzinfo=UTC))
    destroyed(home, "transcripts", Selector(ANYBODY, {}, every=True, where=window))
    with closing(sqlite3.connect(home.database)) as db:
        assert db.execute("SELECT count(*) FROM transcripts").fetchone() == (8,)


def test_a_row_whose_date_moves_out_of_the_window_between_plan_and_apply_stays(home: Household) -> None:
    rows(home, "UPDATE transcripts SET closed_at = '2020-01-01'")
    window = Window("closed_at", until=datetime(2026, 3, 1, tzinfo=UTC))
    with home.open() as opened:
        scope = Scope("an order of destruction", ("transcripts",))
        selector = Selector(ANYBODY, {}, every=True, where=window)
        order = opened.scoped.about_class(OrderKind.EXPIRY, scope, {"transcripts": selector}, rule="a test").order
        opened.plan(order)
    rows(home, "UPDATE transcripts SET closed_at = '2026-03-01T00:00:00Z' WHERE recording_id = 'rec-anna-0-X7'")
    run = home.apply(order)
    with closing(sqlite3.connect(home.database)) as db:
        assert db.execute("SELECT recording_id FROM transcripts").fetchall() == [("rec-anna-0-X7",)]
    assert run.state is OrderState.FULFILLED


def test_an_erasure_and_an_expiry_over_the_same_rows_both_end_well(home: Household) -> None:
    rows(home, "UPDATE transcripts SET closed_at = '2020-01-01'")
    window = Window("closed_at", until=datetime(2026, 3, 1, tzinfo=UTC))
    mine = home.order(f"profile:{ANNA}").order
    home.plan(mine)
    with home.open() as opened:
        scope = Scope("an order of destruction", ("transcripts",))
        selector = Selector(ANYBODY, {}, every=True, where=window)
        order = opened.scoped.about_class(OrderKind.EXPIRY, scope, {"transcripts": selector}, rule="a test").order
        opened.plan(order)
        states = [each.state for each in opened.apply_all([order, mine])]
    assert states == [OrderState.FULFILLED] * 2
    assert home.search(*SAID[ANNA]) == []
    assert home.search(*SAID[CARA], where=("world/lake",))


def test_what_one_of_two_holds_kept_goes_when_that_one_ends(home: Household) -> None:
    days_later = Set(clock.now() + timedelta(minutes=1))
    with Expunge.open(home.map, clock=days_later) as opened:
        for name, days in (("voice", 7), ("events", 14)):
            until = days_later.at + timedelta(days=days)
            opened.holds.place(opened.resolve(f"profile:{ANNA}"), name, ground="a dispute", authority="counsel", until=until)
        order = opened.order_erase([opened.resolve(f"profile:{ANNA}")]).order
        opened.plan(order)
        assert opened.apply(order).state is OrderState.IN_PART
        days_later.at += timedelta(days=8)
        assert [each.state for each in opened.run_due()] == [OrderState.IN_PART]
        assert home.search(SAID[ANNA][1]) == []
        assert opened.run_due() == (), "the other one binds still"
        days_later.at += timedelta(days=8)
        assert [each.state for each in opened.run_due()] == [OrderState.FULFILLED]


def test_what_lies_beyond_a_window_is_not_looked_for_where_recordings_are_shared(home: Household) -> None:
    home.write_map(shared="keep")
    folder = home.world / "media" / "shared"
    for path in folder.iterdir():
        os.utime(path, (10**9, 10**9))
    (folder / "rec-new-K2.wav").write_bytes(wav("new"))
    rows(home, "DELETE FROM participants WHERE recording_id LIKE '%north%'")
    recordings = frozenset(path.stem for path in folder.iterdir())
    window = Window("modified", until=datetime(2020, 1, 1, tzinfo=UTC))
    run = destroyed(home, "shared", Selector(ANYBODY, {"recording_id": recordings}, where=window))
    assert sorted(path.name for path in folder.iterdir()) == ["rec-both-south-K2.wav", "rec-new-K2.wav"]
    assert not [each for each in run.reasons if "kept" not in each], run.reasons
