"""Find data that reappeared after a withdrawal, and receive an order that erases it again.

Data that another purpose has a ground to keep stays. A withdrawal suppresses no subject, so the register of suppressions does not list it;
the register of consents does. Withdrawn data reappears in a store that was restored from a backup, or through a pipeline that does not ask
the gate.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from expunge import telemetry
from expunge.core.consent.consent import Consents, consented
from expunge.core.consent.consent_events import ConsentWithdrawn
from expunge.core.datamap.datamap import Dataset, remakes
from expunge.core.datamap.person import Person
from expunge.core.journal import events as ev
from expunge.core.orders.run import Run
from expunge.core.values.cause import Reappeared
from expunge.core.values.ids import OrderId
from expunge.core.values.order import OrderKind, OrderState
from expunge.core.values.scope import Scope
from expunge.engine.aftercare.sweeping import ReappearedData
from expunge.engine.consent import consent_decisions
from expunge.engine.gate import consent_register
from expunge.engine.intake import person_orders
from expunge.engine.kernel.context import Context
from expunge.engine.kernel.journal_streams import Recorder, orders
from expunge.engine.models import model_commands
from expunge.engine.subjects import hold_register, locating
from expunge.engine.subjects.resolving import ResolvedName
from expunge.telemetry import Action, Opaque


def came_back(context: Context, stores: Collection[str] | None = None, *, put_back: bool = False) -> tuple[ReappearedData, ...]:
    """Find data of people in the datasets that their withdrawal had taken it from, and receive an order for each to erase it again.

    Args:
        context: the composition.
        stores: look into these only; all when None.
        put_back: the stores come from a backup: an order that ended in part (for backups that hold the person still) erases again itself.

    Doing it again makes no second order while the first has not ended. Data of a person who agreed again since stays, and so does data that
    another purpose has a ground to keep by now. Raises the errors of stores that cannot be looked through.
    """
    consents = consent_register.load(context)
    runs = [run for run in _runs(context) if run.received.kind is OrderKind.WITHDRAWAL]
    latest = {subject: run for run in runs for subject in run.subjects}
    begun = {each.subject: each for name, each in consents.withdrawals.items() if name in consents.ordered}
    wanted = {
        subject: each
        for subject, each in begun.items()
        if subject in latest and _looked_after(latest[subject], put_back=put_back) and _without_ground(context, consents, each)
    }
    found = []
    for subject, person in locating.people_behind(context, wanted.keys()):
        datasets, before = _still_reached(context, consents, wanted[subject]), latest[subject]
        there = _there(context, person, datasets, stores, before)
        if there and before.state is OrderState.IN_PART and not before.final:
            found.append(ReappearedData(subject, before.order, before.order, there))
        elif there:
            found.append(_again(context, wanted[subject], person, datasets, there, before))
    return tuple(found)


def _runs(context: Context) -> Iterator[Run]:
    return (Recorder(context.journal, context.clock, order).run for order in orders(context.journal))


def _looked_after(run: Run, *, put_back: bool) -> bool:
    """Whether data that is there now is a surprise: the order has ended, for good or as far as it could before a backup came back."""
    over = run.final or run.state in (OrderState.FULFILLED, OrderState.REOPENED, OrderState.CANCELLED)
    return over or (put_back and run.state is OrderState.IN_PART)


def _without_ground(context: Context, consents: Consents, withdrawn: ConsentWithdrawn) -> bool:
    return not consented(consents, withdrawn.subject, withdrawn.purpose, context.clock.now()).holds


def _still_reached(context: Context, consents: Consents, withdrawn: ConsentWithdrawn) -> tuple[str, ...]:
    """What the withdrawal had reached, as far as nothing else has a ground to keep it now."""
    now = consent_decisions.reach(context, consents, withdrawn.subject, withdrawn.purpose, context.clock.now())
    return tuple(sorted(set(now) & set(withdrawn.datasets)))


def _there(context: Context, person: Person, datasets: tuple[str, ...], stores: Collection[str] | None, run: Run) -> tuple[str, ...]:
    """In which of the datasets something of the person is that no hold keeps; a model is theirs where it is the one that the order took."""
    if not datasets:
        return ()
    located = locating.locate(context, (person,), hold_register.binding_on(context, (person,)), scope=Scope("a later look", datasets))
    mine = (name for name in datasets if stores is None or context.data_map.datasets[name].store in stores)
    return tuple(name for name in mine if located.copies.get(name) and _is_theirs(context, context.data_map.datasets[name], run))


def _is_theirs(context: Context, dataset: Dataset, run: Run) -> bool:
    """Whether what is there is the person's: of what is made from people's data, another one may lie in its place by now."""
    if not remakes(dataset):
        return True
    return dataset.name not in run.remade or model_commands.probe(context, run, dataset).items > 0


def _again(
    context: Context, withdrawn: ConsentWithdrawn, person: Person, datasets: tuple[str, ...], there: tuple[str, ...], before: Run
) -> ReappearedData:
    request = person_orders.OrderRequest(
        (ResolvedName("", person, known=True),),
        "sweep",
        Reappeared(OrderId(withdrawn.id)),
        follows=before.order,
        kind=OrderKind.WITHDRAWAL,
        scope=Scope(f"consent to {withdrawn.purpose} withdrawn", datasets),
    )
    accepted = person_orders.receive(context, request)
    recorder = Recorder(context.journal, context.clock, before.order)
    if recorder.run.state in (OrderState.FULFILLED, OrderState.IN_PART):
        recorder.append(ev.Reopened(recorder.now(), accepted.order))
    telemetry.log(Action.DATA_CAME_BACK, order=Opaque(before.order), follow_up=Opaque(accepted.order))
    return ReappearedData(withdrawn.subject, before.order, accepted.order, there)
