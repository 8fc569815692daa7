"""Restore drills: what was copied before an order and put back after it. Nobody comes back; an unguarded restore is found by a sweep."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from expunge.core.values.ids import OrderId
from expunge.core.values.order import OrderState
from expunge.errors import UsageError
from tests.engine.household import ANNA, CARA, Erased, Household, difference, hasty, strings_of
from tests.moment import dated


@pytest.fixture
def copies(home: Household, tmp_path: Path) -> Path:
    """File-level copies of everything, taken before the order."""
    shutil.copytree(home.world, tmp_path / "copies")
    return tmp_path / "copies"


@pytest.fixture
def copies_before(template: Household) -> Path:
    """File-level copies of everything, taken before the order of ``erased``."""
    return template.world


def put_back(home: Household, copies: Path) -> None:
    shutil.rmtree(home.world)
    shutil.copytree(copies, home.world)


def stores(home: Household) -> list[str]:
    with home.open() as opened:
        return list(opened.map.stores)


@pytest.mark.duty("TIM-02")
def test_a_guarded_restore_brings_nobody_back(home: Household, copies: Path) -> None:
    before = home.logical()
    home.erase(f"profile:{ANNA}")
    after = home.logical()
    put_back(home, copies)
    assert home.logical() == before
    for store in stores(home):
        with home.open() as opened:
            assert opened.restored(store).may_serve
    assert home.search(*strings_of(ANNA)) == []
    assert difference(after, home.logical()) == set(), "everybody else is as after the order"


@pytest.mark.duty("TIM-02", "FAIL-02")
def test_an_unguarded_restore_is_found_by_a_sweep_and_erased_again(home: Household, copies: Path) -> None:
    order = home.erase(f"profile:{ANNA}").order
    put_back(home, copies)
    with home.open() as opened:
        (back,) = opened.sweep().came_back
        assert back.order == order
        assert opened.status(order).state is OrderState.REOPENED
        opened.plan(back.followed_by)
        assert opened.apply(back.followed_by).state is OrderState.FULFILLED
        assert opened.sweep().came_back == ()
    assert home.search(*strings_of(ANNA)) == []


def test_rows_that_come_back_without_what_pointed_to_them_are_known_again(home: Household, copies: Path) -> None:
    order = home.erase(f"profile:{ANNA}").order
    with sqlite3.connect(copies / "app.db") as old, sqlite3.connect(home.database) as db:
        rows = old.execute("SELECT recording_id, text FROM transcripts").fetchall()
        db.execute("DELETE FROM transcripts")
        db.executemany("INSERT INTO transcripts (recording_id, text) VALUES (?, ?)", rows)
    old.close()
    db.close()
    assert home.search(*strings_of(ANNA), where=("world",))
    with home.open() as opened:
        (back,) = opened.sweep().came_back
        assert (back.order, back.datasets) == (order, ("transcripts",))
        opened.plan(back.followed_by)
        assert opened.apply(back.followed_by).state is OrderState.FULFILLED
    assert home.search(*strings_of(ANNA)) == []


def test_people_who_were_not_erased_are_left_alone_by_a_restore(erased: Erased, copies_before: Path) -> None:
    home = erased.home
    put_back(home, copies_before)
    for store in stores(home):
        with home.open() as opened:
            opened.restored(store)
    assert home.search(*strings_of(CARA), where=("world",))


def test_a_store_that_cannot_be_looked_through_must_not_serve(erased: Erased, copies_before: Path) -> None:
    home = erased.home
    put_back(home, copies_before)
    home.database.write_bytes(b"SQLite format 3\0" + b"\xff" * 8192)
    with home.open() as opened:
        replayed = opened.restored("app")
    assert not replayed.may_serve
    assert replayed.swept.failed


BACKUPS = "  backups: {kind: backup, url: ./backups, of: app, format: files, every: 1 day, keep: 30 days}\n"


@pytest.fixture
def waiting(home: Household, copies: Path) -> OrderId:
    """An order that erased everything, and waits for a declared backup to end; then all was put back."""
    hasty(home)
    text = home.map.read_text()
    home.map.write_text(text.replace("retention:\n  life", BACKUPS + "retention:\n  life", 1))
    (home.folder / "backups").mkdir()
    shutil.copy2(copies / "app.db", home.folder / "backups" / "app.db")
    dated(home.folder / "backups")
    run = home.erase(f"profile:{ANNA}")
    assert (run.state, run.final) == (OrderState.IN_PART, False)
    put_back(home, copies)
    return run.order


def test_who_waits_for_backups_to_end_does_not_come_back_with_one(home: Household, waiting: OrderId) -> None:
    for store in stores(home):
        with home.open() as opened:
            replayed = opened.restored(store)
            assert replayed.may_serve
            assert [each.order for each in replayed.runs] in ([], [waiting])
    assert home.search(*strings_of(ANNA), where=("world",)) == []


def test_a_sweep_finds_who_waits_for_backups_to_end_in_an_unguarded_restore(home: Household, waiting: OrderId) -> None:
    with home.open() as opened:
        (back,) = opened.sweep().came_back
        assert (back.order, back.followed_by) == (waiting, waiting)
        opened.apply(waiting)
        assert opened.sweep().came_back == ()
    assert home.search(*strings_of(ANNA), where=("world",)) == []


def test_what_an_order_in_part_could_not_erase_did_not_come_back(home: Household) -> None:
    hasty(home)
    reader = sqlite3.connect(home.database, isolation_level=None)
    reader.execute("BEGIN IMMEDIATE")
    order = home.erase(f"profile:{ANNA}").order
    reader.close()
    with home.open() as opened:
        assert opened.status(order).state is OrderState.IN_PART
        assert opened.sweep().came_back == ()


def test_what_cannot_be_erased_from_a_restored_store_keeps_it_from_serving(home: Household, waiting: OrderId) -> None:
    reader = sqlite3.connect(home.database, isolation_level=None)
    try:
        reader.execute("BEGIN IMMEDIATE")
        with home.open() as opened:
            replayed = opened.restored("app")
        assert [each.order for each in replayed.runs] == [waiting]
        assert not replayed.may_serve
    finally:
        reader.close()
    with home.open() as opened:
        assert opened.restored("app").may_serve


def test_an_unknown_store_is_refused(home: Household) -> None:
    with home.open() as opened, pytest.raises(UsageError, match="names no store"):
        opened.restored("elsewhere")


def test_a_store_must_not_serve_while_the_order_for_those_who_came_back_waits(erased: Erased, copies_before: Path) -> None:
    home = erased.home
    put_back(home, copies_before)
    with home.open() as opened:
        (back,) = opened.sweep().came_back
        opened.plan(back.followed_by)
    with home.open() as opened:
        replayed = opened.restored("app")
        assert [run.order for run in replayed.runs] == [back.followed_by], "it is carried out, not taken for expected"
        assert replayed.may_serve
    assert home.search(*strings_of(ANNA)) == []


def test_a_restore_that_was_interrupted_before_its_orders_were_planned_goes_on(erased: Erased, copies_before: Path) -> None:
    home = erased.home
    put_back(home, copies_before)
    with home.open() as opened:
        opened.sweep()
    with home.open() as opened:
        assert opened.restored("app").may_serve
    assert home.search(*strings_of(ANNA)) == []


def test_a_row_written_late_to_what_is_gone_goes_with_the_next_order(erased: Erased) -> None:
    home = erased.home
    recording = strings_of(ANNA)[3]
    with closing(sqlite3.connect(home.database)) as db, db:
        db.execute("INSERT INTO transcripts (recording_id, text) VALUES (?, ?)", (recording, "written by a queue that lagged behind"))
    run = home.erase(f"profile:{ANNA}")
    assert run.state is OrderState.FULFILLED
    assert home.search("written by a queue that lagged behind") == []
