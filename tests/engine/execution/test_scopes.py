"""Orders that do not reach everything: what they reach goes, what they do not reach stays, and the receipt says which is which."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from expunge.core.evidence.receipt import Receipt, Result
from expunge.core.orders.plan import Plan
from expunge.core.orders.run import Run
from expunge.core.values.cause import OnRequest
from expunge.core.values.copy import Selector
from expunge.core.values.ids import Pseudonym
from expunge.core.values.order import OrderKind, OrderState
from expunge.core.values.scope import Scope, Window
from expunge.core.verification import receipt_verify
from expunge.engine.intake.person_orders import Accepted, OrderRequest
from expunge.errors import UsageError
from expunge.gate import Subject
from tests.engine.household import ANNA, BELA, SAID, Household, difference, strings_of

WITHDRAWN = Scope("consent to improve speech recognition withdrawn", ("transcripts", "voice"))


def receipt(home: Household, order: str) -> Receipt:
    with home.open() as opened:
        files = opened.receipt_folder(order, 1)  # type: ignore[arg-type]
    return receipt_verify.verify(files, files["trust-policy.txt"], at=None).receipt


def withdrawn(home: Household, name: str, scope: Scope = WITHDRAWN) -> Accepted:
    with home.open() as opened:
        people = (opened.resolve(name),)
        return opened.scoped.within(OrderRequest(people, "library", OnRequest("consent withdrawn"), kind=OrderKind.WITHDRAWAL, scope=scope))


def carried_out(home: Household, accepted: Accepted) -> Run:
    home.plan(accepted.order)
    return home.apply(accepted.order)


def test_a_withdrawal_takes_what_it_reaches_and_leaves_the_rest_of_the_person(home: Household) -> None:
    before = home.logical()
    run = carried_out(home, withdrawn(home, f"profile:{ANNA}"))
    assert run.state is OrderState.FULFILLED
    assert all(each.startswith("world/lake/events/") for each in home.search(*SAID[ANNA])), "events are not reached"
    gone = difference(before, home.logical())
    assert gone
    assert all(each.startswith(("media/voice", "transcripts", "words")) for each in gone), gone
    assert home.search(ANNA, where=("world",)), "who she is stays: the account goes on"


def test_the_receipt_of_a_withdrawal_says_how_far_it_reached(home: Household) -> None:
    run = carried_out(home, withdrawn(home, f"profile:{ANNA}"))
    made = receipt(home, run.order)
    assert made.order_kind is OrderKind.WITHDRAWAL
    assert {each.dataset: each.outcome for each in made.datasets} == {"transcripts": Result.ERASED, "voice": Result.ERASED}
    assert any("consent to improve speech recognition withdrawn" in each and "profiles" in each for each in made.out_of_scope)


def test_a_withdrawal_does_not_shut_the_person_out(home: Household) -> None:
    accepted = withdrawn(home, f"profile:{ANNA}")
    with home.open() as opened:
        assert opened.gate().may_use(Subject("profile", ANNA), "answer")
    run = carried_out(home, accepted)
    with home.open() as opened:
        assert opened.gate().may_use(Subject("profile", ANNA), "answer")
        assert opened.sweep().came_back == ()
    assert run.final


def test_an_erasure_after_a_withdrawal_takes_what_was_left(home: Household) -> None:
    carried_out(home, withdrawn(home, f"profile:{ANNA}"))
    assert home.erase(f"profile:{ANNA}").state is OrderState.FULFILLED
    assert home.search(*strings_of(ANNA)) == []


def test_orders_of_different_reach_do_not_share_a_round(home: Household) -> None:
    some, all_of_it = withdrawn(home, f"profile:{ANNA}"), home.order(f"profile:{BELA}")
    with home.open() as opened:
        for each in (some, all_of_it):
            opened.plan(each.order)
        runs = opened.apply_all([some.order, all_of_it.order])
    assert [each.state for each in runs] == [OrderState.FULFILLED] * 2
    assert all(not each.current.cohort for each in runs)
    assert home.search(*strings_of(BELA)) == []
    assert home.search(ANNA, where=("world",))


def test_a_copy_where_the_order_does_not_reach_but_nobody_declared_it_is_still_residue(home: Household) -> None:
    accepted = withdrawn(home, f"profile:{ANNA}")
    (home.world / "media" / "notes.txt").write_text(f"somebody wrote down: {SAID[ANNA][0]}")
    run = carried_out(home, accepted)
    assert run.state is OrderState.IN_PART


def test_a_plan_without_a_scope_has_the_bytes_it_always_had(home: Household) -> None:
    accepted = home.order(f"profile:{ANNA}")
    saved = home.plan(accepted.order)
    assert b"scope" not in saved
    assert Plan.from_bytes(saved).to_bytes() == saved
    scoped = home.plan(withdrawn(home, f"profile:{BELA}").order)
    assert Plan.from_bytes(scoped).scope == WITHDRAWN
    assert Plan.from_bytes(scoped).to_bytes() == scoped


def test_a_scope_with_a_dataset_that_is_not_there_is_refused_before_anything_is_journalled(home: Household) -> None:
    with pytest.raises(UsageError, match="the map has no dataset recordings"):
        withdrawn(home, f"profile:{ANNA}", Scope("a mistake", ("recordings", "voice")))
    with home.open() as opened:
        assert opened.orders() == ()


def old(until: datetime) -> Selector:
    return Selector(Pseudonym(""), {}, every=True, where=Window("modified", until=until))


def test_a_class_of_items_needs_a_way_to_each_dataset_it_reaches(home: Household) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    with home.open() as opened:
        for selectors, complaint in (
            ({"voice": old(now), "events": old(now)}, "events is selected from but not in the scope"),
            ({}, "nothing says which of its items"),
            ({"voice": old(now), "transcripts": old(now)}, "every item of it cannot be meant"),
        ):
            with pytest.raises(UsageError, match=complaint):
                opened.scoped.about_class(OrderKind.EXPIRY, Scope("retention", ("transcripts", "voice")), selectors, rule="by the map")
        assert opened.orders() == ()
