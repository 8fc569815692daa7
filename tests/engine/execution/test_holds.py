"""Holds from their beginning to the statement after their end: what they keep is kept, no longer than they bind, and goes by itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from expunge import Expunge, clock
from expunge.core.values.order import OrderState
from expunge.errors import Drift, UsageError
from tests.cli.running import expunge as command
from tests.engine.household import ANNA, Household, strings_of
from tests.engine.recipients.test_dues import Set

NOON = datetime(2031, 5, 2, 12, tzinfo=UTC)
"""In the ninety days after it no zone of a law puts its clocks forward or back: where one does, the earlier of two ends counts."""
WEEK = timedelta(days=7)
EVIDENCE = {"ground": "evidence in a pending case", "authority": "district court", "purpose": "the case"}


def opened(home: Household, clock: Set) -> Expunge:
    return Expunge.open(home.map, clock=clock)


def held(home: Household, clock: Set, until: datetime) -> str:
    """Anna's recordings are held, and she is erased but for them; the order."""
    with opened(home, clock) as expunge:
        anna = expunge.resolve(f"profile:{ANNA}")
        expunge.holds.place(anna, "voice", until=until, **EVIDENCE)
        order = expunge.order_erase([anna]).order
        expunge.plan(order)
        assert expunge.apply(order).state is OrderState.IN_PART
    return order


@pytest.mark.duty("DSG-04")
def test_what_a_hold_kept_goes_by_itself_when_its_date_has_come(home: Household) -> None:
    clock = Set(NOON)
    held(home, clock, NOON + WEEK)
    with opened(home, clock) as expunge:
        clock.at = NOON + WEEK - timedelta(seconds=1)
        assert expunge.run_due() == ()
        assert list((home.world / "media" / "voice").rglob(f"{ANNA}/*.wav"))
        clock.at = NOON + WEEK
        (run,) = expunge.run_due()
        assert run.state is OrderState.FULFILLED
    assert home.search(*strings_of(ANNA)) == []


@pytest.mark.duty("DSG-04")
def test_a_hold_lifted_early_lets_go_at_the_next_sweep(home: Household) -> None:
    clock = Set(NOON)
    order = held(home, clock, NOON + WEEK)
    with opened(home, clock) as expunge:
        expunge.holds.end(expunge.holds.active()[0].id, "case closed")
        expunge.sweep()
        assert [each.order for each in expunge.queued()] == [order]
        (run,) = expunge.run_due()
        assert run.state is OrderState.FULFILLED


def test_of_two_holds_on_the_same_items_the_longer_one_keeps_them(home: Household) -> None:
    clock = Set(NOON)
    with opened(home, clock) as expunge:
        expunge.holds.place(expunge.resolve(f"profile:{ANNA}"), "voice", until=NOON + 2 * WEEK, **EVIDENCE)
    held(home, clock, NOON + WEEK)
    with opened(home, clock) as expunge:
        clock.at = NOON + WEEK
        assert expunge.run_due() == (), "the other one binds still"
        clock.at = NOON + 2 * WEEK
        (run,) = expunge.run_due()
        assert run.state is OrderState.FULFILLED


def test_a_clock_set_back_does_not_end_a_hold_early_nor_keep_it_longer(home: Household) -> None:
    clock = Set(NOON)
    held(home, clock, NOON + WEEK)
    with opened(home, clock) as expunge:
        clock.at = NOON - timedelta(days=400)
        assert expunge.run_due() == ()
        assert len(expunge.holds.active()) == 1
        clock.at = NOON + WEEK
        assert len(expunge.run_due()) == 1


def test_a_hold_placed_between_plan_and_apply_changes_the_world(home: Household) -> None:
    clock = Set(NOON)
    with opened(home, clock) as expunge:
        anna = expunge.resolve(f"profile:{ANNA}")
        order = expunge.order_erase([anna]).order
        expunge.plan(order)
        expunge.holds.place(anna, "voice", until=NOON + WEEK, **EVIDENCE)
        with pytest.raises(Drift, match="a hold was placed or ended"):
            expunge.apply(order)
        expunge.plan(order)
        assert expunge.apply(order).state is OrderState.IN_PART
    assert list((home.world / "media" / "voice").rglob(f"{ANNA}/*.wav"))


@pytest.mark.duty("DSG-04")
def test_a_statement_falls_due_thirty_days_after_the_end_until_it_was_made(home: Household, tmp_path: Path) -> None:
    clock = Set(NOON)
    held(home, clock, NOON + WEEK)
    with opened(home, clock) as expunge:
        (end,) = [each for each in expunge.dues.all() if each.what.startswith("hold")]
        assert (end.at, end.duty) == (NOON + WEEK, "erase what it keeps")
        (hold,) = expunge.holds.active()
        with pytest.raises(UsageError, match="no hold of that id has ended"):
            expunge.holds.state(hold.id, "R. Officer", "00")
        clock.at = NOON + WEEK
        expunge.run_due()
        (owed,) = [each for each in expunge.dues.all() if each.what == f"hold {hold.id}"]
        assert owed.clock == "hold-further-statement"
        assert owed.at == NOON + WEEK + timedelta(days=30)
        expunge.holds.state(hold.id, "R. Officer", sha256(b"sworn").hexdigest())
        assert expunge.dues.all() == ()
        with pytest.raises(UsageError):
            expunge.holds.state(hold.id, "R. Officer", sha256(b"sworn").hexdigest())


def test_a_statement_on_the_command_line_keeps_the_digest_of_a_file_that_is_there(home: Household, tmp_path: Path) -> None:
    with opened(home, Set(clock.now())) as expunge:
        hold = expunge.holds.place(expunge.resolve(f"profile:{ANNA}"), "voice", until=NOON + WEEK, **EVIDENCE)
        expunge.holds.end(hold.id, "case closed")
    lacking = command("hold", "stated", hold.id, str(tmp_path / "none.pdf"), "--by", "R. Officer", "--map", str(home.map))
    assert lacking.code == 2
    assert "cannot be read" in lacking.err
    (tmp_path / "sworn.pdf").write_bytes(b"sworn")
    done = command("hold", "stated", hold.id, str(tmp_path / "sworn.pdf"), "--by", "R. Officer", "--map", str(home.map), "--json")
    assert done.json["statement"] == sha256(b"sworn").hexdigest()
