"""Orders as staff sees them: where each stands, what its plan does and leaves, and who approved it. No store is asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from expunge.core.approver_keys import is_assertion
from expunge.core.evidence.plan_approvals import approval_message
from expunge.core.orders.plan import Plan, Step, StepKind
from expunge.core.orders.run import Run
from expunge.core.values.ids import OrderId
from expunge.core.values.order import OrderState
from expunge.engine.kernel import journal_streams
from expunge.engine.kernel.context import Context
from expunge.engine.requests import overview
from expunge.errors import UsageError
from expunge.ports.review.order_desk import MOST_ORDERS, ApprovalCard, OrderCard, PlanCard, PlanLine, StorePart

_SHOWN = frozenset({StepKind.FORGET, StepKind.DESTROY, StepKind.ERASE, StepKind.REBUILD, StepKind.RETRAIN, StepKind.KEEP, StepKind.MANUAL})
"""Steps that do something to a dataset, or leave it on purpose."""


def listed(context: Context) -> tuple[OrderCard, ...]:
    """Return the newest orders: those whose plan waits for an approval first."""
    newest = list(journal_streams.orders(context.journal))[-MOST_ORDERS:]
    runs = [each.run for each in journal_streams.read(context.journal, context.clock, newest)] if newest else []
    cards = [card(context, run) for run in runs]
    return tuple(sorted(sorted(cards, key=lambda each: each.received, reverse=True), key=lambda each: not each.waits))


def found(context: Context, order: str) -> Run:
    """Return an order. Raises UsageError where there is none of that id."""
    if not journal_streams.is_order(order) or not context.journal.length(order):
        raise UsageError("there is no order of that id", help="open the list of orders again")
    return journal_streams.Recorder(context.journal, context.clock, OrderId(order)).run


def card(context: Context, run: Run) -> OrderCard:
    """Return an order as lists show it."""
    return OrderCard(
        run.order,
        run.received.kind,
        run.state,
        run.received.at,
        overview.due(context, run),
        len(run.subjects),
        bool(context.data_map.approvers) and run.state is OrderState.PLANNED,
        tuple(ApprovalCard(each.approver, is_assertion(each.signature), each.at) for each in run.approvals),
        len({subject for _, subject, _ in run.history}),
        run.ended_at,
    )


def plan_of(run: Run) -> PlanCard | None:
    """Return the plan of an order; None where it has none."""
    if run.plan is None or run.planned is None:
        return None
    plan = run.plan
    return PlanCard(
        plan.digest,
        run.planned.at,
        tuple(_stores(plan, run.planned.expected)),
        len(plan.holds),
        len(plan.observed),
        plan.loss.text,
        approval_message(run.order, plan.digest, plan.loss.text).decode(),
    )


def _stores(plan: Plan, counts: Mapping[str, int]) -> Iterator[StorePart]:
    for store in sorted({step.store for step in plan.steps if step.kind in _SHOWN}):
        steps = [step for step in plan.steps if step.kind in _SHOWN and step.store == store]
        yield StorePart(store, tuple(_line(step, name, counts) for step in steps for name in step.datasets))


def _line(step: Step, dataset: str, counts: Mapping[str, int]) -> PlanLine:
    items = None if step.kind in (StepKind.KEEP, StepKind.MANUAL) else counts.get(dataset)
    return PlanLine(step.kind, dataset, items, step.grounding, step.note)
