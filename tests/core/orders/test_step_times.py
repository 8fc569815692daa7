"""The time of a plan: by the steps of earlier orders, scaled by bytes and items; assumed where there are none."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from expunge.core.journal import events as ev
from expunge.core.orders.plan import Plan, Step, StepKind
from expunge.core.orders.step_times import StepTime, Workload, estimate, measured
from expunge.core.values.ids import IdempotencyKey, OrderId, Pseudonym, StepId
from expunge.core.values.outcome import Erased

ANNA, ORDER = Pseudonym("a" * 32), OrderId("ord-aaaaaaaaaaaaaaaaaaaa")
START = datetime(2026, 11, 29, tzinfo=UTC)
STEPS = (
    Step(StepId("look:app"), StepKind.LOOK, "app", (), (), "", ""),
    Step(StepId("erase:notes"), StepKind.ERASE, "app", ("notes",), (), "scrubbed", ""),
    Step(StepId("verify:app"), StepKind.VERIFY, "app", ("notes",), (), "", ""),
)
PLAN = Plan(ORDER, (ANNA,), "0" * 64, STEPS, ())
WORK = Workload({"app": 2_000_000_000}, {"app": 0}, {"notes": 10})


def _round(*, cohort: tuple[OrderId, ...] = (), attempt: int = 1, size: int = 1_000_000_000) -> list[ev.Event]:
    """A round whose look takes 30 seconds, whose erasure of 5 notes takes 2, and whose verification takes 40."""
    at = START
    events: list[ev.Event] = [ev.Planned(at, PLAN.digest, PLAN.to_bytes().decode(), {}), ev.RoundStarted(at, 1, cohort)]
    for step, seconds in zip(STEPS, (30, 2, 40), strict=True):
        events.append(ev.StepIntended(at, step.id, attempt, IdempotencyKey("k")))
        at += timedelta(seconds=seconds)
        outcomes: Mapping[str, Mapping[str, Erased]] = {"notes": {ANNA: Erased(5)}} if step.kind is StepKind.ERASE else {}
        counts = {"bytes": size} if step.kind is not StepKind.ERASE else {}
        events.append(ev.StepEnded(at, step.id, attempt, outcomes, counts))
    return events


def test_each_step_takes_as_long_as_before_by_its_bytes_and_items() -> None:
    times = list(measured(_round()))
    assert [(each.kind, each.seconds, each.amount) for each in times] == [
        (StepKind.LOOK, 30, 1_000_000_000), (StepKind.ERASE, 2, 5), (StepKind.VERIFY, 40, 1_000_000_000),
    ]  # fmt: skip
    found = estimate(PLAN, WORK, times)
    assert (found.seconds, found.steps, found.of, found.measured) == (2 * 30 + 2 * 2 + 2 * 40, 3, 3, True)


def test_a_step_takes_no_less_for_fewer_items_and_the_median_counts() -> None:
    few = Workload({"app": 1_000_000_000}, {}, {"notes": 1})
    odd = [StepTime(StepKind.VERIFY, "app", "", 9_000, 1_000_000_000)]
    twice = [*measured(_round()), *measured(_round())]
    assert estimate(PLAN, few, [*twice, *odd]).seconds == 30 + 2 + 40


def test_without_any_the_time_is_assumed_and_that_is_said() -> None:
    found = estimate(PLAN, WORK, ())
    assert (found.seconds, found.steps, found.measured) == (2 + 10 + 10, 0, False)


def test_rounds_of_many_orders_and_later_attempts_say_nothing_of_one_order() -> None:
    assert list(measured(_round(cohort=(ORDER, OrderId("ord-b"))))) == []
    assert list(measured(_round(attempt=2))) == []


def test_steps_that_found_nothing_say_nothing_of_an_order_that_finds_something() -> None:
    absent = [StepTime(StepKind.ERASE, "app", "notes", 0.0, 0)]
    assert estimate(PLAN, WORK, absent).steps == 0
    assert estimate(PLAN, Workload({}, {}, {}), absent).steps == 1
