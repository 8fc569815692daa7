"""Conclude an order: state, sign and log its receipts, then end it. Each subject of an order gets one receipt and one leaf per round.

A statement's bytes are journalled before they are signed. The signature is deterministic. The log is asked for the leaf before it is
appended again. So a crash anywhere ends with the same receipt and one leaf.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from expunge import telemetry
from expunge.core.datamap.datamap import Through
from expunge.core.datamap.grounding import Grounding, ScanDepth
from expunge.core.evidence import receipt
from expunge.core.journal import events as ev
from expunge.core.orders.run import Run
from expunge.core.retention.retention_rules import learnt_from
from expunge.core.values.order import OrderState
from expunge.core.values.outcome import Reason
from expunge.core.values.scope import Scope
from expunge.engine.evidence import receipt_entries
from expunge.engine.evidence.verification import Entries
from expunge.engine.execution import issuing, key_deaths
from expunge.engine.intake import key_destruction
from expunge.engine.kernel import store_calls
from expunge.engine.kernel.context import Context, Progress, Reporter
from expunge.engine.kernel.journal_streams import Recorder, append_together
from expunge.engine.recipients import instruction_ledger, instructions
from expunge.ports.leases import Lease
from expunge.ports.outbox import Notice
from expunge.ports.scanner import SAMPLED
from expunge.telemetry import Action, Opaque

KEPT = "kept, "
"""How a reason begins that something stays on purpose."""


def conclude_all(context: Context, recorders: Sequence[Recorder], report: Reporter, lease: Lease | None = None) -> None:
    """State, sign and log the missing receipts of the round, and end each order. Orders of a shared round share checkpoints and commits.

    Args:
        context: the composition.
        recorders: the orders; those that are not running are only finished.
        report: told of each batch.
        lease: under which this process works, where there are several.
    """
    going = [each for each in recorders if each.run.state is OrderState.RUNNING]
    instructions.instruct(context, [each.run for each in going])
    entries = [receipt_entries.entries(context, each.run) for each in going]
    scopes = _scopes(context, going)
    issuer = issuing.Issuer(context, going, entries, scopes)
    total = sum(len(each.run.subjects) for each in going)
    for batch in issuer.batches():
        append_together(context.journal, going, issuer.state(batch), lease)
        append_together(context.journal, going, issuer.log(batch), lease)
        report(Progress("receipts", "done", sum(len(each.run.current.logged) for each in going), total))
    if going:
        ended = [[_ended(each, theirs)] for each, theirs in zip(going, entries, strict=True)]
        append_together(context.journal, going, ended, lease)
    for recorder in going:
        telemetry.log(Action.ORDER_ENDED, order=Opaque(recorder.run.order), fulfilled=recorder.run.state is OrderState.FULFILLED)
    finish_all(context, recorders)


def _scopes(context: Context, recorders: Sequence[Recorder]) -> list[tuple[str, ...]]:
    """What each order's receipts say nothing about; asked once for orders over the same stores."""
    known: dict[tuple[frozenset[str], Scope | None], tuple[str, ...]] = {}
    recipients = instruction_ledger.ledger(context)
    scopes = []
    for recorder in recorders:
        assert recorder.run.plan is not None
        reach = (frozenset(step.store for step in recorder.run.plan.steps), recorder.run.plan.scope)
        if reach not in known:
            known[reach] = out_of_scope(context, recorder.run)
        told = (*key_deaths.told(context, recorder.run), *instructions.told_in_receipt(recipients, recorder.run.order))
        scopes.append((*known[reach], *told))
    return scopes


def finish_all(context: Context, recorders: Sequence[Recorder]) -> None:
    """Do the work after the end: put the notices, and destroy each order's key unless something is left to be erased with it."""
    notices: list[Notice] = []
    for run in (recorder.run for recorder in recorders):
        if run.state is OrderState.FULFILLED:
            notices.append((run.order, "done", _DONE, {"receipts": str(len(run.current.logged))}))
        elif run.state is OrderState.IN_PART:
            notices.append((run.order, "could-not", _COULD_NOT, {"reasons": "; ".join(run.reasons)}))
    if notices:
        context.outbox.put_all(notices)
    over = [recorder for recorder in recorders if recorder.run.final and not recorder.run.key_destroyed]
    if over:
        key_destruction.destroy_all(context, over)


def out_of_scope(context: Context, run: Run) -> tuple[str, ...]:
    """Return the receipt's out-of-scope sentences: those of each store, those of the map, and the general one about other systems."""
    assert run.plan is not None
    sentences: list[str] = []
    scope = run.plan.scope
    if scope is not None:
        beyond = sorted(context.data_map.datasets.keys() - set(scope.datasets))
        sentences.append(
            f"the order reaches {', '.join(scope.datasets)} ({scope.basis}) and nothing else: not {', '.join(beyond) or 'others'}"
        )
        staying = sorted(learnt_from(context.data_map, scope.datasets) & set(beyond))
        if staying:
            sentences.append(f"what {', '.join(staying)} learnt from it before: that is in there until it is made anew")
    backed_up = {store.options.get("of") for store in context.data_map.stores.values()}
    for name in sorted({step.store for step in run.plan.steps}):
        try:
            store = context.open_store(name)
            sentences += [f"{name}: {each}" for each in (*store_calls.capabilities(store).out_of_scope, *store_calls.remainders(store))]
        except store_calls.TROUBLE:
            sentences.append(f"{name}: could not be asked what it cannot reach")
        sentences += [f"{name}: {each}" for each in _lost(context, name)]
        undeclared = _undeclared(context, name)
        if undeclared:
            places = f"{undeclared} places inside it that no dataset of the map declares"
            sentences.append(f"{name}: {places}; no step was about them, whatever the store itself takes along")
        sentences += [f"{name}: {each}" for each in _ignored(context, name)]
        spec = context.data_map.stores[name]
        if spec.scan is ScanDepth.SAMPLE:
            sentences.append(f"{name}: bytes that were not in the sample, about one in {SAMPLED} of which was read")
        sentences += [f"{name}: {each}" for each in spec.outside]
        if not spec.outside and "of" not in spec.options:
            what = "replicas and exports of it" if name in backed_up else "backups, replicas and exports of it"
            sentences.append(f"{name}: {what}; the operator's map names none")
    sentences.append("every system and third party that the operator's map does not name")
    return tuple(dict.fromkeys(sentences))


def _lost(context: Context, store: str) -> list[str]:
    """What was theirs and nothing leads to any more, in a store whose bytes are not scanned: nobody can tell."""
    try:
        reached = store_calls.capabilities(context.open_store(store)).within(context.data_map.stores[store].scan)
        if reached.grounding >= Grounding.SCRUBBED:
            return []
    except store_calls.TROUBLE:
        pass
    through = [
        (dataset.name, " or ".join(dataset.subject.sources))
        for dataset in context.data_map.datasets_of(store)
        if isinstance(dataset.subject, Through)
    ]
    return [f"what is in {name} and nothing in {pointer} led to any more: nobody can tell whose it is" for name, pointer in through]


def _ignored(context: Context, store: str) -> list[str]:
    """What the map says holds no personal data, by reason; names and patterns may tell of people, and are not given."""
    reasons = Counter(each.reason for each in context.data_map.ignore if each.store == store)
    return [
        f"{count} name{'s' if count > 1 else ''} or pattern{'s' if count > 1 else ''} that the operator's map ignores ({reason})"
        for reason, count in sorted(reasons.items())
    ]


def _undeclared(context: Context, store: str) -> int:
    """How many places of the store nobody declared; 0 where it cannot be asked, which is said elsewhere."""
    try:
        return len(
            store_calls.undeclared_places(context.open_store(store), [each for each in context.data_map.ignore if each.store == store])
        )
    except store_calls.TROUBLE:
        return 0


def _ended(recorder: Recorder, entries: Entries) -> ev.OrderEvent:
    reasons: dict[str, None] = {}
    for datasets, kept, *_ in entries.values():
        reasons.update(
            dict.fromkeys(_reason(dataset.dataset, dataset.reason, dataset.detail) for dataset in datasets if dataset.reason is not None)
        )
        reasons.update(dict.fromkeys(f"{each.dataset}: {KEPT}{each.ground}" for each in kept))
    state = OrderState.IN_PART if reasons else OrderState.FULFILLED
    if state is OrderState.FULFILLED and any(not dataset.done for datasets, *_ in entries.values() for dataset in datasets):
        state, reasons = OrderState.IN_PART, {Reason.ERROR.value: None}
    final = all(dataset.done or dataset.outcome is receipt.Result.KEPT for datasets, *_ in entries.values() for dataset in datasets)
    final = final and all(each.until is None for _, kept, *_ in entries.values() for each in kept)
    return ev.Ended(recorder.now(), state, tuple(reasons), final)


def _reason(dataset: str, reason: Reason, detail: str) -> str:
    """Why one dataset is not done; where the map lacks a line, with that line."""
    lacks = reason is Reason.MENTIONED or (reason is Reason.CANNOT_TELL and "ignore: - {" in detail)
    return f"{dataset}: {reason.value}" + (f": {detail}" if lacks else "")


_DONE = (
    "What was ordered is done. Your receipt says for every place what was erased, how deeply, how it was checked, and what it says nothing "
    "about. Anybody can check it without us."
)
_COULD_NOT = (
    "A part of what was ordered could not be done yet, or stays for a stated reason. Your receipt says which part, and why. We go on "
    "trying where the reason can pass, and will tell you when it is done."
)
