"""Retention beside holds: what one person's hold keeps is named once, and stops nobody else's items from going in time."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from expunge import clock
from expunge.core.orders.run import Run
from expunge.core.values.order import OrderState
from expunge.engine.subjects.hold_register import HELD_ELSEWHERE
from tests.cli.running import expunge
from tests.engine.household import ANNA, BELA, CARA, Household
from tests.engine.retention.test_retention import DAY, aged, events, ran, receipt, with_schedules

ITEM = f"voice/{ANNA}/rec-{ANNA[4:8]}-0-X7.wav"


def held(home: Household, dataset: str, *items: str) -> str:
    """Anna's items are held for most of a year; the hold."""
    with home.open() as opened:
        until = clock.now() + 300 * DAY
        person = opened.resolve(f"profile:{ANNA}")
        return opened.holds.place(person, dataset, ground="a dispute", authority="counsel", until=until, items=items).id


def recordings(home: Household, profile: str) -> int:
    return len(list((home.world / "media" / "voice" / profile).glob("*.wav")))


def said(run: Run) -> str:
    assert run.received.scope is not None
    return run.received.scope.basis


@pytest.mark.duty("DSG-04", "FAIL-04")
@pytest.mark.parametrize(("dataset", "items", "kept"), [("voice", (), 2), ("voice", (ITEM,), 1), ("transcripts", (), 2)])
def test_what_a_hold_keeps_is_named_once_and_everybody_elses_items_go_every_night(
    home: Household, dataset: str, items: tuple[str, ...], kept: int
) -> None:
    with_schedules(home)
    aged(home, ANNA, 120)
    aged(home, CARA, 120)
    hold = held(home, dataset, *items)
    _, (first,) = ran(home)
    assert first.state is OrderState.IN_PART
    made = receipt(home, first.order)
    assert [(each.dataset, each.ground, each.items) for each in made.kept] == [("voice", "a dispute", kept)]
    assert (recordings(home, ANNA), recordings(home, CARA)) == (kept, 0)

    second, runs = ran(home)
    assert runs == [], "no order is made each night for what is held"
    assert [(each.dataset, each.items) for each in second.held] == [("voice", kept)]

    aged(home, BELA, 120)
    _, (third,) = ran(home)
    assert third.state is OrderState.FULFILLED, third.reasons
    assert HELD_ELSEWHERE in said(third)
    assert any(HELD_ELSEWHERE in each for each in receipt(home, third.order).out_of_scope)
    assert (recordings(home, ANNA), recordings(home, BELA)) == (kept, 0)

    with home.open() as opened:
        opened.holds.end(hold, "settled")
        opened.sweep()
        (run,) = opened.run_due()
        assert (run.order, run.state) == (first.order, OrderState.FULFILLED)
    assert recordings(home, ANNA) == 0
    assert ran(home)[0].orders == ()


def test_what_a_hold_keeps_does_not_make_the_public_sentence_about_receipts_false(home: Household) -> None:
    with_schedules(home)
    aged(home, ANNA, 120)
    held(home, "voice")

    def proof() -> bool:
        with home.open() as opened:
            (claim,) = [each for each in opened.retention.claims() if each.claim.id == "retention.proof"]
            return claim.true

    ran(home)
    assert proof()


@pytest.mark.duty("DSG-04")
def test_records_in_files_of_many_are_held_likewise(home: Household) -> None:
    with_schedules(home)
    events(home, anna=60, cara=60)
    held(home, "events")
    _, (first,) = ran(home)
    assert (first.state, [each.items for each in receipt(home, first.order).kept]) == (OrderState.IN_PART, [1])
    assert ran(home)[0].orders == ()


@pytest.mark.duty("DSG-04")
def test_a_held_person_whom_nobody_lists_any_more_is_known_by_the_items(home: Household) -> None:
    with_schedules(home)
    aged(home, CARA, 120)
    events(home, anna=60, cara=60)
    held(home, "events")
    with closing(sqlite3.connect(home.database)) as db, db:
        db.execute("DELETE FROM profiles WHERE profile_id = ?", (ANNA,))
    retired, _ = ran(home)
    assert retired.left_out == {}
    assert (recordings(home, CARA), home.search(f'"{ANNA}"', where=("world/lake",)) != []) == (0, True)
    assert home.search(f'"{CARA}"', where=("world/lake",)) == []


@pytest.mark.duty("DSG-04")
def test_the_last_sentence_says_what_the_exit_code_says(home: Household) -> None:
    with_schedules(home)
    aged(home, ANNA, 120)
    held(home, "voice")
    night = expunge("retention", "run", "--yes", cwd=home.folder)
    assert (night.code, night.out.splitlines()[-1]) == (4, "not everything that outlived its period is gone")
    night = expunge("retention", "run", "--yes", cwd=home.folder)
    assert (night.code, night.out.splitlines()[-1]) == (0, "nothing is overdue: what outlived its period and is there stays under a hold")
    (home.world / "media").rename(home.world / "elsewhere")
    night = expunge("retention", "run", "--yes", cwd=home.folder)
    assert (night.code, night.out.splitlines()[-1]) == (1, "not everything could be looked at")
