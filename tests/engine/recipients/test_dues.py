"""Deadlines of real orders: which run, which bound, when the person may be told that it takes longer; nothing late stays quiet."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from expunge import Expunge, clock
from expunge.core.datamap.clocks import ClockState
from expunge.errors import IllegalTransition, UsageError
from tests.cli.running import expunge as command
from tests.engine.household import ANNA, BELA, Household

NOON = datetime(2031, 5, 2, 12, tzinfo=UTC)
"""In the ninety days after it no zone of a law puts its clocks forward or back: where one does, the earlier of two ends counts."""


class Set:
    """A clock that stands where it is put."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at


def opened(home: Household, clock: Set) -> Expunge:
    return Expunge.open(home.map, clock=clock)


def running(opened: Expunge) -> dict[str, tuple[datetime | None, ClockState]]:
    return {each.clock: (each.at, each.standing) for each in opened.dues.all()}


@pytest.mark.duty("TIM-01", "TIM-03")
def test_an_order_starts_the_clocks_of_the_laws_and_its_end_stops_them(home: Household) -> None:
    clock = Set(NOON)
    with opened(home, clock) as expunge:
        accepted = expunge.order_erase([expunge.resolve(f"profile:{ANNA}")])
        ends = running(expunge)
        assert ends.keys() == {"gdpr-answer", "ccpa-confirm", "ccpa-answer"}
        assert ends["ccpa-answer"][0] == NOON + timedelta(days=45)
        expunge.plan(accepted.order)
        expunge.apply(accepted.order)
        assert running(expunge) == {}


@pytest.mark.duty("TIM-01")
def test_what_was_not_done_in_time_is_overdue_until_it_is_done(home: Household) -> None:
    clock = Set(NOON)
    with opened(home, clock) as expunge:
        accepted = expunge.order_erase([expunge.resolve(f"profile:{ANNA}")])
        end = running(expunge)["gdpr-answer"][0]
        assert end is not None
        clock.at = end - timedelta(seconds=1)
        assert running(expunge)["gdpr-answer"][1] is ClockState.RUNNING
        clock.at = end
        assert running(expunge)["gdpr-answer"][1] is ClockState.OVERDUE
        assert expunge.dues.all()[0].standing is ClockState.OVERDUE, "what is late stands first"
        expunge.plan(accepted.order)
        expunge.apply(accepted.order)
        assert running(expunge) == {}


@pytest.mark.duty("TIM-01", "TIM-03")
def test_who_is_told_in_time_waits_longer_and_is_told_once(home: Household) -> None:
    clock = Set(NOON)
    with opened(home, clock) as expunge:
        order = expunge.order_erase([expunge.resolve(f"profile:{ANNA}")]).order
        before = running(expunge)
        clock.at = NOON + timedelta(days=20)
        expunge.dues.extend(order, "the archive has to be read from tape")
        after = running(expunge)
        assert after["ccpa-answer"][0] == NOON + timedelta(days=90)
        assert after["gdpr-answer"][0] > before["gdpr-answer"][0]  # type: ignore[operator]
        assert after["ccpa-confirm"][0] == before["ccpa-confirm"][0], "nothing allows more time to confirm"
        (notice,) = [each.read_text() for each in (home.state / "outbox").glob(f"{order}-extended.json")]
        assert "the archive has to be read from tape" in notice
        with pytest.raises(IllegalTransition):
            expunge.dues.extend(order, "again")


def test_after_the_end_nobody_can_ask_for_more_time(home: Household) -> None:
    clock = Set(NOON)
    with opened(home, clock) as expunge:
        order = expunge.order_erase([expunge.resolve(f"profile:{ANNA}")]).order
        clock.at = NOON + timedelta(days=60)
        with pytest.raises(UsageError, match="the time is over"):
            expunge.dues.extend(order, "we forgot")
        assert all(each.extended_at is None for each in expunge.orders())


def test_a_clock_set_back_does_not_give_more_time(home: Household) -> None:
    clock = Set(NOON)
    with opened(home, clock) as expunge:
        expunge.order_erase([expunge.resolve(f"profile:{ANNA}")])
        clock.at = NOON + timedelta(days=40)
        expunge.order_erase([expunge.resolve(f"profile:{BELA}")])
    clock.at = NOON - timedelta(days=300)
    with opened(home, clock) as expunge:
        standing = {(each.what, each.clock): each.standing for each in expunge.dues.all()}
        late = [name for (_, name), each in standing.items() if each is ClockState.OVERDUE]
    assert sorted(late) == ["ccpa-confirm", "gdpr-answer"], "Anna's month was over when the clock was set back"


@pytest.mark.duty("TIM-06")
def test_the_map_names_the_laws_that_count(home: Household) -> None:
    (home.folder / "ours.yaml").write_text(
        "law: ours\nclocks:\n  promise: {duty: erase, source: our policy, applies: erasure, within: 3 days, from: received}\n"
    )
    home.write_map(extra="laws: [gdpr-answer, ours.yaml]\n")
    with opened(home, Set(NOON)) as expunge:
        expunge.order_erase([expunge.resolve(f"profile:{ANNA}")])
        assert [each.clock for each in expunge.dues.all()] == ["promise", "gdpr-answer"]


def test_due_on_the_command_line_is_loud_when_something_is_late(home: Household, tmp_path: Path) -> None:
    with opened(home, Set(clock.now() - timedelta(days=59))) as expunge:
        order = expunge.order_erase([expunge.resolve(f"profile:{ANNA}")]).order
    done = command("due", "--map", str(home.map), "--json")
    assert done.code == 1
    said = json.loads(done.out)
    assert said["overdue"] == 3
    assert {each["what"] for each in said["due"]} == {f"order {order}"}
    assert all(ANNA not in text for text in (done.out, done.err))
    assert "OVERDUE" in command("due", "--map", str(home.map)).out
    refused = command("order", "extend", order, "--reason", "late", "--map", str(home.map))
    assert refused.code == 2
    assert "the time is over" in refused.err
