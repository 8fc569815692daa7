"""Nothing forever: what outlived its period goes by one order with one receipt, and nothing else does."""

from __future__ import annotations

import gzip
import json
import os
import signal
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expunge import clock
from expunge.bootstrap import Expunge
from expunge.core.evidence.receipt import ReceiptReach, Result
from expunge.core.retention.retention_rules import cut_off
from expunge.core.values.order import OrderKind, OrderState
from expunge.core.values.periods import Period, end_of, parse_period
from expunge.core.verification import receipt_verify
from expunge.errors import UsageError
from expunge.faults import arm
from expunge.testing.forked import in_child
from tests.engine.household import ANNA, BELA, CARA, DINO, SAID, Household, difference

DAY = timedelta(days=1)


def with_schedules(home: Household, period: str = "90 days") -> Household:
    """Recordings and what was made from them for ``period``, events for a month by the day in their records."""
    places, datasets = home.map.read_text().split("datasets:\n")
    places += f"  voice: {{period: {period}, from: modified, purpose: answer, need: the service}}\n"
    places += "  log: {period: 1 month, from: at, purpose: mend faults, need: running it}\n"
    for name, schedule in (("voice", "voice"), ("transcripts", "voice"), ("events", "log")):
        before, after = datasets.split(f"  {name}:", 1)
        datasets = before + f"  {name}:" + after.replace("retention: life", f"retention: {schedule}", 1)
    home.map.write_text(f"{places}datasets:\n{datasets}")
    return home


def aged(home: Household, profile: str, days: float) -> None:
    """Let a person's recordings be as old as that."""
    when = clock.timestamp() - days * 86400
    for path in (home.world / "media" / "voice" / profile).glob("*.wav"):
        os.utime(path, (when, when))


def events(home: Household, **days: float) -> None:
    """One event for each person, so many days ago."""
    ids = {"anna": ANNA, "bela": BELA, "cara": CARA, "dino": DINO}
    now = clock.now()
    lines = [json.dumps({"profile_id": ids[name], "at": (now - age * DAY).isoformat(), "said": name}) for name, age in days.items()]
    for path in (home.world / "lake" / "events").glob("*"):
        path.unlink()
    (home.world / "lake" / "events" / "all.jsonl.gz").write_bytes(gzip.compress(("\n".join(lines) + "\n").encode()))


def ran(home: Household, most: int = 1000):
    """One run, carried out."""
    with home.open() as opened:
        retired = opened.retention.retire(most=most)
        for order in retired.orders:
            if opened.status(order).plan is None:
                opened.plan(order)
            opened.apply(order)
        return retired, [opened.status(order) for order in retired.orders]


def receipt(home: Household, order: str):
    with home.open() as opened:
        files = opened.receipt_folder(order, 1)
    return receipt_verify.verify(files, files["trust-policy.txt"], at=None).receipt


@pytest.mark.duty("FAIL-04", "COP-15")
def test_what_outlived_its_period_goes_with_what_was_made_from_it(home: Household) -> None:
    with_schedules(home)
    aged(home, ANNA, 91)
    aged(home, BELA, 89)
    events(home, anna=40, cara=3)
    before = home.logical()
    retired, (run,) = ran(home)
    assert run.received.kind is OrderKind.EXPIRY
    assert run.state is OrderState.FULFILLED
    assert {each.rule.dataset: each.items for each in retired.due} == {"voice": 2, "events": 1}
    gone = difference(before, home.logical())
    assert {each.split(":")[0] for each in gone} >= {"transcripts", "words", "all.jsonl.gz"}
    assert len([each for each in gone if each.startswith("media/voice/")]) == 2
    assert home.search(*SAID[ANNA]) == [], "what was made from the recordings is gone as well"
    for other in (BELA, CARA, DINO):
        assert home.search(*SAID[other], where=("world",))
    with home.open() as opened:
        assert [each.due[0] for each in opened.retention.preview()] == [0] * 7, "nothing is overdue any more"


def test_the_receipt_of_a_run_names_schedules_and_cut_offs(home: Household) -> None:
    with_schedules(home)
    aged(home, ANNA, 120)
    _, (run,) = ran(home)
    made = receipt(home, run.order)
    assert (made.order_kind, made.reach) == (OrderKind.EXPIRY, ReceiptReach.CLASS)
    assert {each.dataset: each.outcome for each in made.datasets} == {"voice": Result.ERASED, "transcripts": Result.ERASED}
    until = (clock.now() - 90 * DAY).date().isoformat()
    assert run.received.scope is not None
    assert f"voice: 90 days from modified, before {until}" in run.received.scope.basis
    assert any("voice: 90 days" in each for each in made.out_of_scope)
    with home.open() as opened:
        page = opened.receipt_folder(run.order, 1)["receipt.html"].decode()
    told = page.partition("<main>")[2].partition("Technical annex")[0]
    assert "All data of this order that was found is erased." in told
    assert "person" not in told, "it is about items, of however many people"


def test_a_second_run_finds_nothing_and_orders_nothing(home: Household) -> None:
    with_schedules(home)
    aged(home, ANNA, 120)
    ran(home)
    retired, runs = ran(home)
    assert (retired.orders, runs) == ((), [])


def test_people_under_a_whole_hold_keep_theirs(home: Household) -> None:
    with_schedules(home)
    aged(home, ANNA, 120)
    aged(home, CARA, 120)
    events(home, anna=60, cara=60)
    with home.open() as opened:
        for name in ("voice", "events"):
            until = clock.now() + 300 * DAY
            opened.holds.place(opened.resolve(f"profile:{ANNA}"), name, ground="a dispute", authority="counsel", until=until)
    before = home.logical()
    _, (run,) = ran(home)
    assert run.reasons == ("events: kept, a dispute", "voice: kept, a dispute")
    gone = difference(before, home.logical())
    assert not any(ANNA in each for each in gone), gone
    assert any(CARA in each for each in gone)
    assert home.search(*SAID[ANNA], where=("world",))
    assert home.search(SAID[CARA][1], where=("world",)) == []


def test_somebody_held_whom_no_item_names_keeps_the_dataset_from_the_run(home: Household) -> None:
    with_schedules(home)
    aged(home, CARA, 120)
    events(home, anna=60)
    with home.open() as opened:
        until = clock.now() + 300 * DAY
        opened.holds.place(opened.resolve("account:acc-north-51XK"), "events", ground="a dispute", authority="counsel", until=until)
    with closing(sqlite3.connect(home.database)) as db, db:
        db.execute("DELETE FROM profiles WHERE profile_id = ?", (ANNA,))
        db.execute("DELETE FROM accounts WHERE account_id = ?", ("acc-north-51XK",))
    retired, _ = ran(home)
    assert [each.rule.dataset for each in retired.due] == ["voice"]
    assert "cannot be told from others" in retired.left_out["events"]
    assert len(gzip.decompress((home.world / "lake" / "events" / "all.jsonl.gz").read_bytes()).splitlines()) == 1


def test_a_run_that_died_is_finished_before_another_begins(home: Household) -> None:
    with_schedules(home)
    aged(home, ANNA, 120)
    with home.open() as opened:
        (order,) = opened.retention.retire().orders
    aged(home, BELA, 80)
    retired, (run,) = ran(home)
    assert retired.resumed
    assert (run.order, run.state) == (order, OrderState.FULFILLED)
    assert home.search(BELA, where=("world",)), "not due yet"
    aged(home, BELA, 120)
    retired, _ = ran(home)
    assert not retired.resumed
    assert home.search(SAID[BELA][1]) == []


def test_more_than_one_order_takes_is_left_for_the_next_run(home: Household) -> None:
    with_schedules(home)
    for number, name in enumerate((ANNA, BELA, CARA, DINO)):
        aged(home, name, 100 + 10 * number)
    retired, _ = ran(home, most=5)
    (due,) = retired.due
    assert (due.items, due.left) == (4, 4)
    assert home.search(SAID[DINO][1], SAID[CARA][1]) == [], "the oldest go first"
    retired, _ = ran(home, most=5)
    assert (retired.due[0].items, retired.due[0].left) == (4, 0)


def test_a_preview_says_what_a_change_of_policy_would_add(home: Household) -> None:
    with_schedules(home)
    aged(home, ANNA, 95)
    aged(home, BELA, 40)
    before = home.logical()
    with home.open() as opened:
        found = {each.rule.dataset: each for each in opened.retention.preview({"voice": Period(days=30)})}
        with pytest.raises(UsageError, match="no retention vioce"):
            opened.retention.preview({"vioce": Period(days=30)})
    voice = found["voice"]
    assert (voice.due[0], voice.proposed_due[0]) == (2, 4)
    assert dict(voice.by_age())["under 90 days"] == 2
    assert dict(voice.by_age())["under 180 days"] == 2
    assert sum(dict(voice.by_age()).values()) == 8
    assert found["transcripts"].rule.goes_with == "voice"
    assert found["accounts"].ages.undated == 2
    assert home.logical() == before


def test_a_dataset_that_cannot_be_looked_at_hides_no_other(home: Household) -> None:
    with_schedules(home)
    aged(home, ANNA, 120)
    home.map.write_text(home.map.read_text().replace("from: at", "from: weekday").replace("from: closed_at", "from: gone_at"))
    with home.open() as opened:
        found = {each.rule.dataset: each for each in opened.retention.preview()}
    assert "column gone_at does not exist" in found["accounts"].trouble
    assert found["events"].ages.undated == 8, "records have no such field: they are in no window, and that is said"
    retired, (run,) = ran(home)
    assert run.state is OrderState.FULFILLED
    assert "gone_at" in retired.left_out["accounts"]


def test_a_clock_set_back_changes_nothing(home: Household) -> None:
    """Not the machine's clock counts but the engine's, which never goes back: nothing comes to life again, nothing dies earlier."""

    class Back:
        def now(self) -> datetime:
            return clock.now() - 400 * DAY

    with_schedules(home)
    aged(home, ANNA, 91)
    home.erase(f"profile:{DINO}")
    with Expunge.open(home.map, clock=Back()) as opened:
        (voice,) = [each for each in opened.retention.preview() if each.rule.dataset == "voice"]
    assert voice.due[0] == 2


PERIODS = st.tuples(st.integers(0, 400), st.integers(0, 36)).filter(any).map(lambda each: Period(*each))
MOMENTS = st.timedeltas(timedelta(0), timedelta(days=36_500)).map(lambda since: datetime(1990, 1, 1, tzinfo=UTC) + since)


@given(MOMENTS, PERIODS, st.timedeltas(timedelta(0), timedelta(days=400)))
def test_a_cut_off_is_never_early_and_less_than_a_day_late(now: datetime, period: Period, gap: timedelta) -> None:
    """Everything before it has outlived its period as the published schedule counts; it never goes back."""
    edge = cut_off(now, period)
    assert end_of(edge - timedelta(microseconds=1) - gap, period) <= now
    assert end_of(edge + gap, period) > now - DAY
    assert cut_off(now + gap, period) >= edge


@pytest.mark.parametrize(
    ("now", "period", "edge"),
    [
        ("2024-03-31T10:00", "1 month", "2024-03-01T00:00"),
        ("2024-02-29T00:00", "1 year", "2023-03-01T00:00"),
        ("2025-02-28T10:00", "1 year", "2024-02-28T10:00:00.000001"),
        ("2026-10-25T01:30", "1 day", "2026-10-24T01:30:00.000001"),
    ],
)
def test_leap_days_and_short_months_end_where_a_reader_would_count(now: str, period: str, edge: str) -> None:
    at = datetime.fromisoformat(now).replace(tzinfo=UTC)
    assert cut_off(at, parse_period(period)) == datetime.fromisoformat(edge).replace(tzinfo=UTC)


@pytest.mark.parametrize("where", ["files.erase.unlink:after", "sqlite.erase.commit:before", "journal.begin:after"])
def test_killed_in_the_middle_the_same_command_goes_on(home: Household, where: str) -> None:
    with_schedules(home)
    aged(home, ANNA, 120)

    def die() -> None:
        with arm(where, "kill", 1):
            ran(home)

    ended = in_child(die)
    assert ended.killed_by == signal.SIGKILL
    ran(home)
    with home.open() as opened:
        (order,) = [each for each in opened.orders() if each.received.kind is OrderKind.EXPIRY]
    assert order.state is OrderState.FULFILLED
    assert home.search(SAID[ANNA][1]) == []
