"""An order stands on what it was given as a value: no spelling of words makes it a guardian's, a withdrawal's or a regulator's."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from expunge import Expunge, faults
from expunge.core.consent.consent_events import EndReason
from expunge.core.journal import events as ev
from expunge.core.values import canonical
from expunge.core.values.cause import ByDisgorgement, ByGuardian, ByInactivity, ByRetention, ByWithdrawal, Cause, OnRequest, Reappeared
from expunge.core.values.copy import Selector
from expunge.core.values.ids import OrderId, Pseudonym
from expunge.core.values.order import OrderKind, OrderState
from expunge.core.values.scope import Scope
from expunge.engine.intake.person_orders import OrderRequest
from expunge.errors import IllegalTransition, NeedsApproval, UsageError
from expunge.testing.forked import in_child
from tests.cli.running import expunge as command
from tests.engine.consents import AGREED, CHILD, asking, prove
from tests.engine.household import BELA, CARA, Household, build
from tests.orders import camera

SPELLINGS = (
    "guardian {proof}",
    "Guardian {proof}",
    "GUARDIAN {proof}",
    "by guardian {proof}",
    "by the guardian {proof}",
    " guardian {proof}",
    "guardian  {proof}",
    "guardian: {proof}",
    "guardian\u00a0{proof}",
    "\u200bguardian {proof}",
    "\ufeffguardian {proof}",
    "gua\nrdian {proof}",
    "gr\u034fd-0123456789abcdef",
    "g\ufe0frd-0123456789abcdef",
    "\uff47\uff52\uff44\uff0d0123456789abcdef",
    "{proof}",
    "guardian ",
)


@pytest.fixture
def family(tmp_path: Path) -> Household:
    return asking(build(tmp_path / "home"))


def received(opened: Expunge) -> list[OrderId]:
    return [run.order for run in opened.orders()]


# --- a guardian's -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_proof_in_words_makes_no_order_and_the_option_is_named(family: Household, spelling: str) -> None:
    with family.open() as opened:
        words, child = spelling.format(proof=prove(opened)), opened.resolve(CHILD)
        for ask in (lambda: opened.order_erase([child], attested=words), lambda: opened.order_erase_all([[child]], attested=words)):
            with pytest.raises(UsageError, match="which words cannot give") as caught:
                ask()
            assert "--guardian grd-..." in caught.value.help
        assert not received(opened)
        assert not opened.context.journal.length("suppressions"), "nobody is suppressed by what was refused"


def test_a_proof_in_words_is_refused_before_anything_is_confirmed(family: Household) -> None:
    with family.open() as opened:
        proof = prove(opened)
    ran = command("order", "erase", CHILD, "--attested", f" By Guardian {proof}", cwd=family.folder)
    assert (ran.code, ran.out) == (2, "")
    assert "name the proof: --guardian" in ran.err
    assert proof not in ran.err
    for wrong in ("", "grd-0000000000000000", f" {proof}", proof.upper()):
        ran = command("order", "erase", CHILD, "--guardian", wrong, "--yes", cwd=family.folder)
        assert (ran.code, ran.out) == (2, ""), wrong
        assert "gives no authority: no such proof" in ran.err
    with family.open() as opened:
        assert not received(opened)


def test_an_order_by_a_guardian_stops_when_custody_ends_whatever_words_go_with_it(family: Household) -> None:
    with family.open() as opened:
        proof, child = prove(opened), opened.resolve(CHILD)
        one = opened.order_erase([child], guardian=proof).order
        other = opened.order_erase([child], guardian=proof, attested="on request, signed in").order
        opened.plan(other)
        before = family.logical()
        assert set(opened.consents.end(proof, EndReason.CUSTODY, "priya")) == {one, other}
        assert {run.state for run in opened.orders()} == {OrderState.CANCELLED}
        with pytest.raises(UsageError, match="no authority: custody changed"):
            opened.order_erase([child], guardian=proof)
    assert family.logical() == before


@pytest.mark.parametrize("kind", list(OrderKind))
def test_a_guardian_needs_authority_for_an_order_of_any_kind_and_loses_it_for_any(family: Household, kind: OrderKind) -> None:
    scope = Scope("what was said", ("transcripts", "voice"))
    with family.open() as opened:
        proof, people = prove(opened), (opened.resolve(CHILD),)
        for wrong, whom in (("grd-0000000000000000", people), (proof, (opened.resolve(f"profile:{BELA}"),))):
            with pytest.raises(UsageError, match="gives no authority"):
                opened.scoped.within(OrderRequest(whom, "library", ByGuardian(wrong), kind=kind, scope=scope))
        order = opened.scoped.within(OrderRequest(people, "library", ByGuardian(proof), kind=kind, scope=scope)).order
        assert opened.consents.end(proof, EndReason.CUSTODY, "priya") == (order,)
        assert opened.status(order).state is OrderState.CANCELLED


def test_no_order_of_any_kind_is_taken_from_a_guardian_in_a_dispute(family: Household) -> None:
    scope = Scope("what was said", ("transcripts", "voice"))
    with family.open() as opened:
        proof, child = prove(opened), opened.resolve(CHILD)
        opened.consents.freeze(child, by="priya", reason="two court papers")
        for kind in OrderKind:
            with pytest.raises(NeedsApproval, match="in dispute"):
                opened.scoped.within(OrderRequest((child,), "library", ByGuardian(proof), kind=kind, scope=scope))
        assert not received(opened)


@pytest.mark.parametrize("kind", list(OrderKind))
def test_what_people_asked_for_waits_in_a_dispute_under_whatever_kind_it_is_entered(family: Household, kind: OrderKind) -> None:
    with family.open() as opened:
        child = opened.resolve(CHILD)
        opened.consents.freeze(child, by="priya", reason="two court papers")
        for scope in (None, Scope("what was said", ("transcripts", "voice"))):
            with pytest.raises(NeedsApproval, match="in dispute"):
                opened.scoped.within(OrderRequest((child,), "library", OnRequest("signed in"), kind=kind, scope=scope))
        opened.consents.release(child, by="priya", reason="settled")
        order = opened.scoped.within(OrderRequest((child,), "library", OnRequest("signed in"), kind=kind)).order
        opened.plan(order)
        opened.consents.freeze(child, by="priya", reason="two court papers")
        with pytest.raises(NeedsApproval, match="in dispute"):
            opened.apply(order)


def test_a_dispute_about_one_child_lets_a_later_look_find_everybody_who_came_back(family: Household, tmp_path: Path) -> None:
    with family.open() as opened:
        children = {opened.resolve(name).person.subject: name for name in (CHILD, f"profile:{CARA}")}
    shutil.copytree(family.world, tmp_path / "before")
    assert family.erase(*children.values()).state is OrderState.FULFILLED
    shutil.rmtree(family.world)
    shutil.copytree(tmp_path / "before", family.world)
    with family.open() as opened:
        opened.consents.freeze(opened.resolve(CHILD), by="priya", reason="two court papers")
        back = {children[each.subject]: each.followed_by for each in opened.sweep().came_back}
        assert back.keys() == set(children.values())
        for order in back.values():
            opened.plan(order)
        with pytest.raises(NeedsApproval, match="in dispute"):
            opened.apply(back[CHILD])
        assert opened.apply(back[f"profile:{CARA}"]).state is OrderState.FULFILLED


@contextmanager
def away(home: Household) -> Iterator[None]:
    """Nothing can be reached for a while."""
    places = [home.database, home.world / "media", home.world / "lake"]
    for place in places:
        place.rename(place.with_name(f"{place.name}.away"))
    yield
    for place in places:
        place.with_name(f"{place.name}.away").rename(place)


def test_custody_that_ends_after_a_round_that_erased_nothing_stops_the_next_round(family: Household) -> None:
    with family.open() as opened:
        proof = prove(opened)
        order = opened.order_erase([opened.resolve(CHILD)], guardian=proof).order
        opened.plan(order)
        before = family.logical()
    with away(family), family.open() as opened:
        assert opened.apply(order).state is OrderState.IN_PART
    with family.open() as opened:
        opened.consents.end(proof, EndReason.CUSTODY, "priya")
        with pytest.raises(IllegalTransition, match="ended before anything was erased"):
            opened.apply(order)
        assert opened.status(order).state is OrderState.CANCELLED
    assert family.logical() == before


def test_an_order_that_erased_something_cannot_be_cancelled_by_planning_it_again(family: Household) -> None:
    with family.open() as opened:
        proof = prove(opened)
        order = opened.order_erase([opened.resolve(CHILD)], guardian=proof).order
        opened.plan(order)
    lake = family.world / "lake"
    lake.rename(lake.with_name("lake.away"))
    with family.open() as opened:
        assert opened.apply(order).state is OrderState.IN_PART
        opened.plan(order)
        with pytest.raises(IllegalTransition, match="erased something, or is erasing, or broke off while it erased"):
            opened.order_cancel(order)
    lake.with_name("lake.away").rename(lake)
    with family.open() as opened:
        opened.consents.end(proof, EndReason.CUSTODY, "priya")
        assert opened.apply(order).state is OrderState.FULFILLED, "what was begun with authority is brought to its end"


def rewritten(home: Household, order: OrderId, attested: str) -> None:
    """Make a journal as older versions left it: the order says in words why it exists."""
    with home.open() as opened:
        first, *rest = opened.context.journal.read(order)
    value = json.loads(first)
    del value["cause"]
    with closing(sqlite3.connect(home.state / "state.db")) as db, db:
        (number,) = db.execute("SELECT id FROM expunge_stream WHERE name = ?", (order,)).fetchone()
        db.execute("DELETE FROM expunge_event WHERE stream_id = ?", (number,))
        db.execute("DELETE FROM expunge_stream WHERE id = ?", (number,))
    with home.open() as opened:
        opened.context.journal.append(order, 0, [canonical.encode({**value, "attested": attested}), *rest])


def test_an_order_of_an_older_version_that_a_guardian_asked_for_still_stops(family: Household) -> None:
    with family.open() as opened:
        proof = prove(opened)
        order = opened.order_erase([opened.resolve(CHILD)]).order
    rewritten(family, order, f"guardian {proof}")
    with family.open() as opened:
        assert opened.status(order).received.cause == ByGuardian(proof)
        assert opened.consents.end(proof, EndReason.CUSTODY, "priya") == (order,)


# --- a withdrawal's -----------------------------------------------------------------------------------------


def interrupted(home: Household) -> OrderId:
    """A withdrawal that was journalled and whose order was not received yet; its id."""
    with home.open() as opened:
        opened.consents.give(opened.resolve(CHILD), "training", AGREED)

    def withdraw() -> None:
        with faults.arm("journal.begin:before", "kill"), home.open() as opened:
            opened.consents.withdraw(opened.resolve(CHILD), "training")

    assert in_child(withdraw).killed_by == 9
    with home.open() as opened:
        (name,) = opened.consents.register().withdrawals
    return OrderId(name)


@pytest.mark.parametrize("spelling", ["withdrawal {}", "Withdrawal {}", " withdrawal {}", "for {}"])
def test_words_do_not_make_recovery_believe_that_an_owed_order_exists(family: Household, spelling: str) -> None:
    owed = interrupted(family)
    with family.open() as opened:
        with pytest.raises(UsageError, match="whose order Expunge makes itself"):
            opened.order_erase([opened.resolve(f"profile:{BELA}")], attested=spelling.format(owed))
        decoy = opened.order_erase([opened.resolve(f"profile:{BELA}")]).order
    rewritten(family, decoy, spelling.format(owed))
    with family.open() as opened:
        opened.recover()
        (made,) = (run for run in opened.orders() if run.order != decoy)
        assert made.received.cause == ByWithdrawal(owed)
        assert made.subjects == (opened.resolve(CHILD).person.subject,)
        assert opened.consents.register().ordered[owed].order == made.order


def test_an_order_of_an_older_version_about_somebody_else_is_not_the_one_that_is_owed(family: Household) -> None:
    owed = interrupted(family)
    with family.open() as opened:
        request = OrderRequest((opened.resolve(f"profile:{BELA}"),), "library", OnRequest("asked"), kind=OrderKind.WITHDRAWAL)
        decoy = opened.scoped.within(request).order
    rewritten(family, decoy, f"withdrawal {owed}")
    with family.open() as opened:
        assert opened.status(decoy).received.cause == ByWithdrawal(owed)
        opened.recover()
        made = opened.consents.register().ordered[owed].order
        assert made != decoy
        assert opened.status(made).subjects == (opened.resolve(CHILD).person.subject,)


@pytest.mark.parametrize(
    "cause",
    [
        ByWithdrawal(OrderId("wdr-0123456789abcdef")),
        ByDisgorgement("dis-0123456789abcdef", "models"),
        ByRetention(("life",)),
        ByInactivity("profile"),
        Reappeared(),
        Reappeared(OrderId("wdr-0123456789abcdef")),
    ],
)
def test_a_program_cannot_give_an_order_a_cause_of_expunges_own(family: Household, cause: Cause) -> None:
    with family.open() as opened:
        with pytest.raises(UsageError, match="a cause that Expunge gives orders of its own"):
            opened.scoped.within(OrderRequest((opened.resolve(CHILD),), "library", cause, kind=OrderKind.WITHDRAWAL))
        assert not received(opened)


# --- a regulator's, a schedule's, a later look's ------------------------------------------------------------


def test_an_order_that_only_names_an_order_of_destruction_is_not_one_of_its_limbs(tmp_path: Path) -> None:
    home = camera.build(tmp_path)
    standing = home.enter()
    with home.open() as opened:
        pending = {look.order: look.limb for look in standing.examined if look.order}
        assert pending
        for order, limb in pending.items():
            assert opened.status(order).received.cause == ByDisgorgement(standing.id, limb)
        dataset = next(iter(opened.map.datasets))
        selectors = {dataset: Selector(Pseudonym(""), {}, every=True)}
        scope = Scope("somebody's own", (dataset,))
        for words in (f"{standing.id}: Federal Trade Commission, 2023", f"for {standing.id.upper()}"):
            with pytest.raises(UsageError, match="whose orders Expunge makes itself"):
                opened.scoped.about_class(OrderKind.DISGORGEMENT, scope, selectors, rule=words)
        mine = opened.scoped.about_class(OrderKind.DISGORGEMENT, scope, selectors, rule="a rule of our own").order
        opened.disgorgements.again(standing.id)
        assert {opened.status(order).state for order in pending} == {OrderState.CANCELLED}
        assert opened.status(mine).state is not OrderState.CANCELLED, "it belongs to no order of destruction"


@pytest.mark.parametrize(
    "words",
    [
        "by the retention schedule of the map",
        "by the inactivity rule of the map",
        "suppressed since an earlier order",
        "by a rule of the map",
    ],
)
def test_words_of_expunges_own_make_no_order_of_expunges_own(family: Household, words: str) -> None:
    with family.open() as opened:
        order = opened.order_erase([opened.resolve(CHILD)], attested=words).order
        assert opened.status(order).received.cause == OnRequest(words)
        assert not opened.retention.retire().resumed, "no run of a schedule takes it up"
    rewritten(family, order, words)
    with family.open() as opened:
        assert opened.status(order).received.cause == OnRequest(words)
        (first, *_) = opened.context.journal.read(order)
        assert b"attested" in first
        assert isinstance(ev.decode(first), ev.Received)


def test_an_order_that_broke_off_in_an_erasing_step_cannot_be_cancelled_by_planning_it_under_another_map(family: Household) -> None:
    with family.open() as opened:
        order = opened.order_erase([opened.resolve(CHILD)]).order
        opened.plan(order)

    def erase() -> None:
        with faults.arm("store.erase:after", "kill"), family.open() as opened:
            opened.apply(order)

    before = family.logical()
    assert in_child(erase).killed_by == 9
    assert family.logical() != before
    family.map.write_text(family.map.read_text().replace("period: 30 days", "period: 31 days"))
    with family.open() as opened:
        opened.plan(order)
        assert opened.status(order).state is OrderState.PLANNED
        with pytest.raises(IllegalTransition, match="which cannot be undone"):
            opened.order_cancel(order)
        assert opened.apply(order).state is OrderState.FULFILLED
