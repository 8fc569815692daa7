from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expunge.core.journal import events as ev
from expunge.core.orders.plan import PlanSnapshot, StepKind, plan
from expunge.core.orders.round import Round
from expunge.core.orders.run import MOST_ATTEMPTS, Run, _apply, advance, advance_all, fold, next_steps
from expunge.core.values.cause import OnRequest
from expunge.core.values.ids import IdempotencyKey, OrderId, Pseudonym, StepId
from expunge.core.values.order import ENDED, TRANSITIONS, OrderKind, OrderState, check_transition
from expunge.core.values.outcome import Absent, Erased, Kept, Outcome, Reason, Unable, Unknown, discharges
from expunge.errors import IllegalTransition, StateCorrupt
from tests.core.maps import SCRUBS, voice_company

ANNA = Pseudonym("a" * 32)
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
PLAN = plan(PlanSnapshot(OrderId("ord-x"), (ANNA,), voice_company(), "m" * 64, SCRUBS, ()))

RECEIVED = ev.Received(NOON, OrderId("ord-x"), OrderKind.ERASURE, (ANNA,), ("c" * 64,), "cli", OnRequest("seen"), "", NOON, None)
STARTED: list[ev.Event] = [
    RECEIVED,
    ev.Fenced(NOON),
    ev.Planned(NOON, PLAN.digest, PLAN.to_bytes().decode(), {}),
    ev.RoundStarted(NOON, 1),
]


def ended(step: str, outcome: Outcome = Absent(), attempt: int = 1) -> ev.StepEnded:
    return ev.StepEnded(NOON, StepId(step), attempt, {step.partition(":")[2]: {ANNA: outcome}}, {})


def intended(step: str, attempt: int = 1) -> ev.StepIntended:
    return ev.StepIntended(NOON, StepId(step), attempt, IdempotencyKey("k"))


def run_after(*events: ev.Event) -> Run:
    return fold([*STARTED, *events])


def test_the_first_steps_are_the_traces() -> None:
    assert next_steps(run_after()) == ("trace:app", "trace:media")


def test_an_open_step_is_taken_again_before_anything_that_waits_for_it() -> None:
    run = run_after(intended("trace:app"))
    assert run.current.steps[StepId("trace:app")].unknown
    assert "trace:app" in next_steps(run)
    assert not any(each.startswith("look") for each in next_steps(run))


def test_a_lost_reply_must_be_settled() -> None:
    done = [ended("trace:app"), ended("trace:media"), ended("look:app"), ended("look:media")]
    run = run_after(*done, ended("erase:transcripts", Unknown()))
    assert "erase:transcripts" in next_steps(run)
    assert "erase:recordings" not in next_steps(run)


def test_a_passing_reason_is_tried_again_and_not_for_ever() -> None:
    done = [ended("trace:app"), ended("trace:media"), ended("look:app"), ended("look:media")]
    locked = Unable(Reason.LOCKED)
    assert "erase:transcripts" in next_steps(run_after(*done, ended("erase:transcripts", locked)))
    assert "erase:transcripts" not in next_steps(run_after(*done, ended("erase:transcripts", locked, MOST_ATTEMPTS)))


def test_a_lasting_reason_is_not_tried_again_in_the_same_round() -> None:
    done = [ended("trace:app"), ended("trace:media"), ended("look:app"), ended("look:media")]
    assert "erase:transcripts" not in next_steps(run_after(*done, ended("erase:transcripts", Unable(Reason.CORRUPT))))


def everything(run: Run) -> Run:
    """Take every step as it becomes ready."""
    taken = []
    while ready := next_steps(run):
        run = advance(advance(run, intended(ready[0])), ended(ready[0]))
        taken.append(ready[0])
    assert len(taken) == sum(1 for each in PLAN.steps if each.kind not in (StepKind.KEEP, StepKind.MANUAL))
    return run


def test_taking_what_is_ready_takes_every_step_once() -> None:
    everything(run_after())


@given(st.data())
def test_a_crash_anywhere_and_a_fold_again_lead_to_the_same_steps(data: Any) -> None:
    """Whatever prefix of the events survived, going on from it ends where an undisturbed run ends."""
    events: list[ev.Event] = list(STARTED)
    run = fold(events)
    while ready := next_steps(run):
        step = data.draw(st.sampled_from(ready))
        for event in (intended(step), ended(step)):
            events.append(event)
            run = advance(run, event)
    cut = data.draw(st.integers(len(STARTED), len(events)))
    again = everything_from(fold(events[:cut]))
    assert again.current.steps.keys() == run.current.steps.keys()
    assert all(not each.unknown for each in again.current.steps.values())


def everything_from(run: Run) -> Run:
    while ready := next_steps(run):
        run = advance(advance(run, intended(ready[0])), ended(ready[0]))
    return run


def test_what_was_located_first_counts_however_often_it_is_looked_for_again() -> None:
    first = ev.Located(NOON, {"recordings": {ANNA: 7}}, {})
    later = ev.Located(NOON, {"recordings": {ANNA: 2}}, {})
    assert run_after(first, later).current.items["recordings"][ANNA] == 7


def test_a_new_round_begins_empty_and_the_order_remembers_what_was_erased() -> None:
    located = ev.Located(NOON, {"recordings": {ANNA: 3}}, {"accounts": {ANNA: 1}})
    judged = ev.Judged(NOON, "media", "{}")
    receipts = [ev.ReceiptStated(NOON, ANNA, "{}", "00" * 32, 0), ev.ReceiptLogged(NOON, ANNA, 4, 9, "00" * 32)]
    first = run_after(
        located, ended("erase:recordings", Erased(3)), judged, *receipts, ev.Ended(NOON, OrderState.IN_PART, ("why",), final=False)
    )
    assert (first.round, first.current.outcome(StepKind.ERASE, "recordings", "recordings", ANNA)) == (1, Erased(3))
    second = advance_all(first, [STARTED[2], ev.RoundStarted(NOON, 2)])
    assert second.current == Round(2, started=NOON)
    assert (second.erased, second.reasons, second.history) == ({"recordings": {ANNA: 3}}, (), ((1, ANNA, 4),))
    assert (second.taken_at, second.unpurged) == (NOON, {"media"})
    assert (second.located_in, second.kept, second.erased_at) == (1, {"accounts": {ANNA: 1}}, NOON)


def test_copies_may_hold_what_was_erased_until_it_was_purged() -> None:
    def at(minutes: int, step: str, outcome: Outcome) -> ev.StepEnded:
        return ev.StepEnded(NOON + timedelta(minutes=minutes), StepId(step), 1, {step.partition(":")[2]: {ANNA: outcome}}, {})

    now = NOON + timedelta(hours=1)
    located = ev.Located(NOON, {"recordings": {ANNA: 2}}, {})
    erased = at(10, "erase:recordings", Erased(2))
    assert run_after(located).gone_at(now) is None, "nothing was erased"
    assert run_after(located, erased).gone_at(now) == now, "the bytes may be there still"
    assert run_after(located, erased, at(20, "purge:media", Unable(Reason.LOCKED))).gone_at(now) == now
    assert run_after(located, erased, at(20, "purge:media", Erased(1))).gone_at(now) == NOON + timedelta(minutes=20)


def test_a_step_that_was_not_taken_has_no_outcomes() -> None:
    current = run_after(ended("erase:recordings", Unable(Reason.LOCKED))).current
    assert current.outcomes(StepKind.ERASE, "recordings", "recordings") == {ANNA: Unable(Reason.LOCKED)}
    assert current.outcomes(StepKind.ERASE, "recordings", "profiles") == {}
    assert current.outcome(StepKind.ERASE, "profiles", "profiles", ANNA) is None


def test_every_kind_of_event_of_an_order_is_folded() -> None:
    """A kind that the union has and the fold does not know would stop every reader of the journal."""
    assert _apply.registry.keys() - {object} == {*get_args(ev.OrderEvent)} - {ev.Received}


def test_a_stream_that_does_not_begin_with_its_receipt_is_refused() -> None:
    with pytest.raises(StateCorrupt):
        fold([ev.Fenced(NOON)])
    with pytest.raises(StateCorrupt):
        fold([])


def test_an_event_of_a_register_does_not_belong_in_an_order() -> None:
    with pytest.raises(StateCorrupt):
        fold([RECEIVED, ev.Unsuppressed(NOON, OrderId("ord-x"))])


@given(st.sampled_from(OrderState), st.sampled_from(OrderState))
def test_only_the_table_says_what_may_follow(now: OrderState, then: OrderState) -> None:
    if then in TRANSITIONS[now]:
        check_transition(now, then)
    else:
        with pytest.raises(IllegalTransition):
            check_transition(now, then)


def test_nothing_leads_out_of_cancelled_and_fulfilled_leads_only_to_reopened() -> None:
    assert TRANSITIONS[OrderState.CANCELLED] == frozenset()
    assert TRANSITIONS[OrderState.FULFILLED] == {OrderState.REOPENED}
    assert {OrderState.FULFILLED, OrderState.IN_PART} <= ENDED


def test_a_round_can_be_cancelled_until_its_first_step_that_erases_has_begun() -> None:
    looked = [ended("trace:app"), ended("trace:media"), ended("look:app"), ended("look:media")]
    cancelled = ev.Cancelled(NOON, "thought better of it")
    assert run_after(*looked, cancelled).state is OrderState.CANCELLED
    begun = [[intended("erase:transcripts")], [ended("erase:transcripts", Erased(1))], [ended("erase:transcripts", Unknown())]]
    for events in begun:
        with pytest.raises(IllegalTransition, match="begun to erase"):
            run_after(*looked, *events, cancelled)


def test_what_a_hold_keeps_since_the_last_look_is_not_counted_as_erased() -> None:
    first = ev.Located(NOON, {"recordings": {ANNA: 5}}, {"recordings": {ANNA: 1}})
    two_gone_two_held = ev.Located(NOON, {"recordings": {ANNA: 1}}, {"recordings": {ANNA: 3}})
    assert run_after(first, two_gone_two_held).current.items == {"recordings": {ANNA: 3}}
    assert run_after(first, two_gone_two_held, two_gone_two_held).current.items == {"recordings": {ANNA: 3}}, (
        "a second look changes nothing"
    )
    more = ev.Located(NOON, {"recordings": {ANNA: 7}}, {"recordings": {ANNA: 3}})
    assert run_after(first, two_gone_two_held, more).current.items == {"recordings": {ANNA: 7}}


@pytest.mark.parametrize("outcome", [Unable(Reason.LOCKED), Kept("hold", None, 1), Unknown()])
def test_nothing_but_erased_and_absent_discharges(outcome: Outcome) -> None:
    assert not discharges(outcome)


def test_nothing_was_done_cannot_be_written_as_erased() -> None:
    with pytest.raises(ValueError, match="at least one item"):
        Erased(0)


@given(st.integers(1, 10**9), st.sampled_from(Reason), st.text(max_size=20).filter(lambda text: text.isprintable()))
def test_events_read_back_as_they_were_written(items: int, reason: Reason, detail: str) -> None:
    outcomes: dict[str, dict[str, Outcome]] = {
        "d": {
            "a": Erased(items),
            "b": Unable(reason, detail),
            "c": Kept("g", NOON + timedelta(microseconds=1), 2),
            "d": Absent(),
            "e": Unknown(),
        }
    }
    event = ev.StepEnded(NOON, StepId("erase:d"), 1, outcomes, {"files": 3})
    assert ev.decode(ev.encode(event)) == event


def test_an_event_of_a_newer_version_stops_the_reader() -> None:
    with pytest.raises(StateCorrupt, match="unknown event"):
        ev.decode(b'{"at":"2026-05-01T12:00:00Z","is":"Teleported"}')


def test_receipts_of_many_are_folded_together_as_one_by_one() -> None:
    run = run_after()
    events: list[ev.OrderEvent] = []
    for start in range(0, 900, 300):
        people = [Pseudonym(f"{number:032x}") for number in range(start, start + 300)]
        events += [ev.ReceiptStated(NOON, each, "{}", "00" * 32, start) for each in people]
        events += [ev.ReceiptLogged(NOON, each, number, 900, "00" * 32) for number, each in enumerate(people, start)]
    events.append(ev.Ended(NOON, OrderState.FULFILLED, (), final=True))
    one_by_one = run
    for event in events:
        one_by_one = advance(one_by_one, event)
    assert advance_all(run, events) == one_by_one
    assert len(one_by_one.history) == 900
    assert one_by_one.length == run.length + len(events)
