"""A consent that was given again before the order of its withdrawal was carried out: what was recorded under it stays.

The order that the withdrawal owes still erases what was recorded before. It is cancelled, and one that ends at the new consent takes its
place: a receipt names the reach that the order was received with.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from expunge.core.consent import consent_events as ce
from expunge.core.consent.consent import Consents, consented
from expunge.core.datamap.datamap import ByField
from expunge.core.datamap.person import selector
from expunge.core.lineage.lineage_graph import lineage_of
from expunge.core.orders.run import Run
from expunge.core.retention.retention_rules import rule_of
from expunge.core.values.cause import ByWithdrawal
from expunge.core.values.copy import Selector
from expunge.core.values.ids import OrderId, Pseudonym
from expunge.core.values.order import OrderKind, OrderState
from expunge.core.values.scope import Window
from expunge.engine.gate import consent_register
from expunge.engine.intake import cancelling, person_orders
from expunge.engine.kernel.context import Context
from expunge.engine.kernel.journal_streams import CONSENTS, Recorder, orders, register
from expunge.engine.subjects.resolving import ResolvedName

_WAITING = frozenset({OrderState.RECEIVED, OrderState.FENCED, OrderState.PLANNED, OrderState.APPROVED})


@dataclass(frozen=True)
class _Regained:
    """What of an order of withdrawal has a ground again."""

    withdrawn: ce.ConsentWithdrawn
    datasets: frozenset[str]
    since: datetime


def narrow(context: Context, runs: Iterable[Run] | None = None) -> dict[OrderId, OrderId]:
    """Let each order of a withdrawal end where a later consent begins. Return the cancelled orders, with those in their place."""
    waiting = [run for run in (_all(context) if runs is None else runs) if _waits(run)]
    found: dict[OrderId, OrderId] = {}
    if not waiting:
        return found
    with context.journal.changing():
        consents = consent_register.load(context)
        for run in waiting:
            regained = _regained(context, consents, run)
            if regained is not None:
                found[run.order] = _replaced(context, run, regained)
    return found


def _all(context: Context) -> Iterator[Run]:
    return (Recorder(context.journal, context.clock, order).run for order in orders(context.journal))


def _waits(run: Run) -> bool:
    return (
        run.received.kind is OrderKind.WITHDRAWAL
        and isinstance(run.received.cause, ByWithdrawal)
        and run.received.scope is not None
        and run.state in _WAITING
        and run.erased_nothing
    )


def _regained(context: Context, consents: Consents, run: Run) -> _Regained | None:
    cause, scope = run.received.cause, run.received.scope
    assert isinstance(cause, ByWithdrawal)
    assert scope is not None
    withdrawn = consents.withdrawals.get(cause.withdrawal)
    if withdrawn is None or withdrawn.purpose not in context.data_map.purposes:
        return None
    later = {name: at for name, at in _agreed(context, consents, withdrawn.subject) if at > run.received.at}
    purposes = context.data_map.purposes
    kept = {dataset for name in later for dataset in purposes[name].datasets}
    alone = set(purposes[withdrawn.purpose].datasets) - kept
    lineage = lineage_of(context.data_map.datasets, context.data_map.identities)
    still = lineage.descendants(sorted(alone), among=context.data_map.datasets.keys() - kept)
    datasets = frozenset(scope.datasets) - frozenset(still)
    return _Regained(withdrawn, datasets, min(later.values())) if later and datasets else None


def _agreed(context: Context, consents: Consents, subject: Pseudonym) -> Iterator[tuple[str, datetime]]:
    """The purposes that a consent of the subject holds for now, with the moment at which it was given."""
    for name in context.data_map.purposes:
        answer = consented(consents, subject, name, context.clock.now())
        if answer.holds and answer.given is not None:
            yield name, answer.given.at


def _replaced(context: Context, run: Run, regained: _Regained) -> OrderId:
    """The order that takes the place of another, which is cancelled then; one that a crash left received is taken."""
    cause, scope = run.received.cause, run.received.scope
    assert scope is not None
    theirs = (each for each in _all(context) if each.received.cause == cause and each.order != run.order)
    order = next((each.order for each in theirs if each.received.at >= regained.since and each.subjects == run.subjects), None)
    if order is None:
        people = person_orders.open_people(context, run.order)
        selectors: dict[str, dict[Pseudonym, Selector]] = {}
        for name in sorted(regained.datasets):
            dataset = context.data_map.datasets.get(name)
            if dataset is None or not isinstance(dataset.subject, ByField):
                continue
            window = Window(rule_of(context.data_map, dataset).field, until=regained.since)
            asked = {each.subject: selector(context.data_map, dataset, each, {}) for each in people}
            selectors[name] = {who: replace(each, where=window) for who, each in asked.items() if each is not None}
        given = f"{regained.since.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
        basis = f"{scope.basis}; given again on {given}: only what was recorded before, in {', '.join(sorted(regained.datasets))}"
        request = person_orders.OrderRequest(
            tuple(ResolvedName("", each, known=True) for each in people), run.received.channel, cause, selectors=selectors,
            kind=OrderKind.WITHDRAWAL, scope=replace(scope, basis=basis),
        )  # fmt: skip
        order = person_orders.receive(context, request).order
    register(context.journal, CONSENTS, ce.WithdrawalOrdered(context.clock.now(), regained.withdrawn.id, order))
    # crash here and the next start finds the new order by its cause.
    cancelling.cancel(context, run.order, f"consent was given again before anything was erased; {order} erases what was recorded before")
    return order
