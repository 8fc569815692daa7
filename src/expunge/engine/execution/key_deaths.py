"""The sentences of a receipt about the keys that an order destroyed: inaccessible since, and until when they become irrecoverable."""

from __future__ import annotations

from datetime import datetime

from expunge.core.orders.plan import StepKind
from expunge.core.orders.run import Run
from expunge.core.values.outcome import Erased
from expunge.engine.kernel import store_calls
from expunge.engine.kernel.context import Context
from expunge.ports.optional.sealed_items import SealedItems
from expunge.ports.vault.key_epochs import KeyDeath


def told(context: Context, run: Run) -> tuple[str, ...]:
    """Return a sentence for each dataset whose keys were destroyed in any round."""
    assert run.plan is not None
    sentences: list[str] = []
    for name in sorted({step.store for step in run.plan.steps if step.store in context.data_map.stores}):
        datasets = sorted(each.name for each in context.data_map.datasets_of(name) if _shredded(run, each.name))
        if not datasets:
            continue
        try:
            store = context.open_store(name)
            if not isinstance(store, SealedItems):
                continue
            sentences += [f"{name}: {each}: {_sentence(context, run, store, name)}" for each in datasets]
        except store_calls.TROUBLE:
            sentences += [f"{name}: {each}: since when its keys cannot be had any more could not be asked" for each in datasets]
    return tuple(sentences)


def _shredded(run: Run, dataset: str) -> bool:
    here = (step.outcomes.get(dataset, {}) for step in run.current.steps.values())
    return bool(run.erased.get(dataset)) or any(isinstance(each, Erased) for outcomes in here for each in outcomes.values())


def _sentence(context: Context, run: Run, store: SealedItems, name: str) -> str:
    at = _scrubbed_at(run, name)
    death = store.last_key_death(at) if at is not None else None
    if at is None or death is None:
        return "the keys are destroyed, and not yet scrubbed from the key table: they are not inaccessible"
    since = f"the keys of what was erased are inaccessible since {_moment(at)}"
    if death.irrecoverable is not None:
        held = "; a copy of the vault's root from before opens their epochs all the same" if store.root_copyable() else ""
        return f"{since}, and irrecoverable since {_moment(max(at, death.irrecoverable))}: every epoch of that time is destroyed{held}"
    return f"{since}, and not yet irrecoverable: {_until(death, store, context.clock.now())}"


def _until(death: KeyDeath, store: SealedItems, now: datetime) -> str:
    what = f"a copy of the key table from before, with the root, opens them until {death.until()}"
    due = death.due(store.epoch_lifetime())
    if due is None:
        return "an epoch of that time is neither here nor known as destroyed"
    if due <= now:
        return f"{what}, which was due by {_moment(due)} and was not done"
    return f"{what}, which is due by {_moment(due)}"


def _scrubbed_at(run: Run, store: str) -> datetime | None:
    """Return when the deletions in a store became physical, by the journal; None where they have not yet."""
    assert run.plan is not None
    if store in run.unpurged:
        return None
    steps = (run.current.steps.get(step.id) for step in run.plan.steps if step.store == store and step.kind is StepKind.PURGE)
    return max((step.ended for step in steps if step is not None and step.ended is not None), default=run.purged_at)


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"
