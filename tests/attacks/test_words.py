"""Words that were given once and are passed off for more: a consent after two people were told apart, a hold after its end."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from expunge import Expunge, clock
from expunge.core.consent.consent import ConsentReason
from expunge.core.datamap.clocks import ClockBranch, ClockRule, Length, due
from expunge.core.disgorgement.disgorgement_events import ItemExcepted
from expunge.core.gate.gate_snapshot import GatePolicy, PurposeState
from expunge.core.values.order import OrderState
from expunge.core.values.periods import Period
from expunge.errors import IllegalTransition, UsageError
from expunge.gate import GateReason, Subject
from tests.core.consents import Company
from tests.engine.consents import AGREED, CHILD, asking
from tests.engine.household import ANNA, CARA, Household, build
from tests.engine.recipients.test_dues import Set
from tests.gate.world import contents, gate, publish
from tests.orders.camera import Home
from tests.orders.camera import build as camera

OTHER = f"profile:{CARA}"


@pytest.fixture
def home(tmp_path: Path) -> Household:
    return build(tmp_path / "home")


@pytest.fixture
def company(tmp_path: Path) -> Home:
    return camera(tmp_path)


# --- consent ---------------------------------------------------------------------------------------


def test_who_never_agreed_has_not_agreed_after_two_people_were_told_apart_again(home: Household) -> None:
    family = asking(home)
    with family.open() as opened:
        child, other = opened.resolve(CHILD), opened.resolve(OTHER)
        opened.consents.give(child, "training", AGREED)
        opened.consents.merge(child, other, by="priya", reason="one child, two devices")
        opened.consents.split(other, child, by="priya", reason="two children after all")
        assert opened.consents.ask(other, "training").why is ConsentReason.NEVER
        assert opened.consents.ask(child, "training").why is ConsentReason.NEVER
        for each in (ANNA, CARA):
            assert not opened.gate().may_use(Subject("profile", each), "training")


def test_a_split_that_would_change_nothing_is_refused(home: Household) -> None:
    family = asking(home)
    with family.open() as opened:
        child, other = opened.resolve(CHILD), opened.resolve(OTHER)
        opened.consents.give(child, "training", AGREED)
        opened.consents.merge(child, other, by="priya", reason="one child, two devices")
        with pytest.raises(UsageError, match="goes by the other name"):
            opened.consents.split(child, other, by="priya", reason="two children after all")


def test_a_child_in_dispute_is_frozen_under_every_name(home: Household) -> None:
    family = asking(home)
    with closing(sqlite3.connect(home.database)) as db, db:
        db.execute("ALTER TABLE profiles ADD COLUMN badge TEXT")
        db.execute("UPDATE profiles SET badge = 'badge-of-' || profile_id")
    home.map.write_text(home.map.read_text().replace("key: profile_id, member_of", "key: profile_id, also: [badge], member_of"))
    with family.open() as opened:
        opened.consents.freeze(opened.resolve(CHILD), by="priya", reason="two court papers")
        names = [Subject("profile", ANNA), Subject("profile.badge", f"badge-of-{ANNA}")]
        assert [each.reason for each in opened.gate().may_use_each(names, "keeping")] == [GateReason.FROZEN] * 2
        assert opened.gate().may_use(Subject("profile.badge", f"badge-of-{CARA}"), "keeping")
        opened.consents.release(opened.resolve(CHILD), by="priya", reason="settled")
        assert all(opened.gate().may_use(each, "keeping") for each in names)


# --- recipients ------------------------------------------------------------------------------------


def test_a_recipient_hears_of_those_alone_whose_data_it_was_handed(home: Household) -> None:
    with home.open() as opened:
        opened.recipients.saw("shadow-analytics", "transcripts", "the egress proxy")
    with closing(sqlite3.connect(home.database)) as db, db:
        db.execute("DELETE FROM transcripts WHERE recording_id LIKE 'rec-cara%'")
    run = home.erase(f"profile:{ANNA}", f"profile:{CARA}")
    assert run.state is OrderState.FULFILLED
    with home.open() as opened:
        body = opened.recipients.letter(run.order, "shadow-analytics").body
    assert ANNA.encode() in body
    assert CARA.encode() not in body


def test_a_recipient_hears_of_what_came_between_plan_and_round(home: Household) -> None:
    with home.open() as opened:
        opened.recipients.saw("shadow-analytics", "transcripts", "the egress proxy")
    with closing(sqlite3.connect(home.database)) as db, db:
        db.execute("DELETE FROM transcripts WHERE recording_id LIKE 'rec-anna%'")
    order = home.order(f"profile:{ANNA}").order
    home.plan(order)
    with closing(sqlite3.connect(home.database)) as db, db:
        db.execute("INSERT INTO transcripts (recording_id, text) VALUES ('rec-anna-0-X7', 'what came late and went on at once')")
    home.apply(order)
    with home.open() as opened:
        assert [(each.recipient, each.datasets) for each in opened.recipients.all()] == [("shadow-analytics", ("transcripts",))]


# --- statements ------------------------------------------------------------------------------------


def at(company: Home, clock: Set) -> Expunge:
    return Expunge.open(company.world.map, clock=clock)


def test_no_statement_says_that_something_is_kept_by_a_hold_that_has_ended(company: Home) -> None:
    with company.open() as opened:
        until = clock.now() + timedelta(days=90)
        hold = opened.holds.place(
            opened.resolve("account:acc-0"), "recordings", ground="Smith v. Company", authority="a court", until=until
        )
    standing = company.enter()
    company.carry_out(standing)
    with company.open() as opened:
        opened.disgorgements.statement(standing.id)
        opened.holds.end(hold.id, "settled")
        with pytest.raises(IllegalTransition, match="1 items of recordings are there that recordings takes"):
            opened.disgorgements.statement(standing.id)


def test_what_two_rounds_kept_is_not_counted_twice_against_what_is_there(company: Home) -> None:
    with company.open() as opened:
        until = clock.now() + timedelta(days=90)
        opened.holds.place(opened.resolve("account:acc-0"), "recordings", ground="Smith v. Company", authority="a court", until=until)
    standing = company.enter()
    company.carry_out(standing)
    with company.open() as opened:
        later = opened.disgorgements.again(standing.id)
    company.carry_out(later)
    company.world.file("media/video/acc-1/rec-late.mp4")
    company.world.table("reviews", "recording_id TEXT", [("rec-late", "cow", "2017-07-01", "2017")])
    with company.open() as opened, pytest.raises(IllegalTransition, match="1 items of recordings are there that recordings takes"):
        opened.disgorgements.statement(standing.id)


def test_an_order_that_somebody_cancelled_does_not_silence_the_clock_of_its_limb(company: Home) -> None:
    standing = company.enter()
    with company.open() as opened:
        for each in standing.examined:
            if each.order is not None:
                opened.order_cancel(each.order)
        duties = [each.duty for each in opened.dues.all() if each.what == f"order of destruction {standing.id}"]
    assert {each for each in duties if each.startswith("destroy")} == {
        f"destroy what {each.name} takes" for each in standing.order.retroactive if "delete" in each.clocks
    }


def test_what_an_exception_no_longer_covers_falls_due_again(company: Home) -> None:
    standing = company.enter()
    until = clock.now() + timedelta(days=20)
    wanted = ItemExcepted(until, standing.id, "work-product", "models/edge", "", "not reached yet", "the expert", until, "chief", "")
    days_later = Set(clock.now())
    with at(company, days_later) as opened:
        opened.disgorgements.except_item(wanted, company.sign(wanted))
        later = opened.disgorgements.again(standing.id)
    company.carry_out(later)
    duty = "destroy what work-product takes"
    days_later.at = clock.now() + timedelta(days=1)
    with at(company, days_later) as opened:
        assert duty not in {each.duty for each in opened.dues.all()}
        days_later.at = until + timedelta(days=1)
        assert duty in {each.duty for each in opened.dues.all()}


# --- what the tests of the day did not notice --------------------------------------------------------


def test_a_deadline_that_ends_earlier_in_the_zone_of_its_rule_ends_then() -> None:
    month = Length(Period(months=1))
    rule = ClockRule("r", "law", "answer", "art. 1", frozenset({"erasure"}), (ClockBranch("received", month),), zone="America/New_York")
    # In New York it is the evening of 28 February, and a month from there is the evening of 28 March, an hour earlier by the sun.
    assert due(rule, {"received": datetime(2026, 3, 1, 4, tzinfo=UTC)}).at == datetime(2026, 3, 29, 3, tzinfo=UTC)


def test_a_consent_to_a_text_that_is_known_by_another_hash_does_not_hold() -> None:
    company = Company()
    company.give()
    assert company.ask().holds
    for known in list(company.consents.fixed):
        company.consents.fixed[known] = "0" * 64
    assert company.ask().why is ConsentReason.TEXT


def test_a_purpose_that_is_closed_lets_no_row_of_a_table_through(tmp_path: Path) -> None:
    closed = GatePolicy("f" * 64, {"advertise": PurposeState(closed=True)}, frozenset())
    snapshot = publish(tmp_path / "snapshot", replace(contents(), policy=closed))
    passed = gate(snapshot).allowed(pa.table({"user": ["p-17", "p-18"]}), "user", "profile", "advertise")
    assert (len(passed.rows), passed.tally.refused) == (0, {GateReason.CLOSED: 2})


def test_a_withdrawal_that_erases_nothing_ends_use_at_once_as_well(home: Household) -> None:
    family = asking(home)
    with family.open() as opened:
        child, asked = opened.resolve(CHILD), Subject("profile", ANNA)
        for purpose in ("training", "review"):
            opened.consents.give(child, purpose, AGREED)
        assert opened.gate().may_use(asked, "review")
        assert opened.consents.withdraw(child, "review").order is None
        assert opened.gate().may_use(asked, "review").reason is GateReason.WITHDRAWN
        assert opened.gate().may_use(asked, "training")


def test_no_statement_while_a_copy_that_nobody_declared_was_seen(company: Home) -> None:
    company.world.file("media/old.bin", (company.world.folder / "world/media/video/acc-0/rec-0.mp4").read_bytes())
    standing = company.enter()
    assert OrderState.IN_PART in company.carry_out(standing).values()
    with company.open() as opened, pytest.raises(IllegalTransition, match=r"recordings of recordings failed|elsewhere in media"):
        opened.disgorgements.statement(standing.id)
