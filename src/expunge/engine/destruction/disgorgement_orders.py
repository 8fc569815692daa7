"""Enter an order of destruction, record decisions on undecided items, claim exemptions, and turn each limb into orders to erase.

Nothing is erased here. Each limb becomes an order about a class of items, which is planned, approved, applied, probed, scanned and
receipted like every order. A hold keeps the items that it names. An exemption of the order, or a claim that erasing is technically
infeasible, keeps only the items that an authorised person has claimed and signed for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from expunge.core.disgorgement import disgorgement_events
from expunge.core.disgorgement.disgorgement import Disgorgement, kind_of
from expunge.core.disgorgement.disgorgement_events import DisgorgementEntered, DisgorgementState, ItemExcepted, LimbExamined, UnknownDecided
from expunge.core.disgorgement.forward_limb import ForwardFinding
from expunge.core.disgorgement.limb_scope import UNDECLARED
from expunge.core.orders.run import Run
from expunge.core.values.cause import ByDisgorgement
from expunge.core.values.ids import OrderId
from expunge.core.values.order import ENDED, OrderKind, OrderState
from expunge.core.values.scope import Scope
from expunge.engine.consent import approving
from expunge.engine.destruction import forward_check
from expunge.engine.destruction.limb_examination import UNDATED, LimbExamination, examine
from expunge.engine.intake import cancelling, class_orders
from expunge.engine.kernel.context import Context
from expunge.engine.kernel.journal_streams import DISGORGEMENTS, Recorder, orders, read_register, register
from expunge.errors import UsageError


def enter(context: Context, order: Disgorgement, by: str = "") -> DisgorgementState:
    """Enter an order, and receive an order to erase for each limb that takes existing items.

    Raises UsageError for an order that was entered before, and as :func:`expunge.engine.destruction.limb_examination.examine`. After a
    crash in between, the order stands without some of its limbs; :func:`again` makes the missing ones.
    """
    text, digest = disgorgement_events.sealed(order)
    before = next((each for each in standings(context).values() if each.entered.digest == digest), None)
    if before is not None:
        message = f"the same order was entered before, as {before.id}"
        raise UsageError(message, help=f"expunge order disgorge --again {before.id} takes what has come to light since")
    found = examine(context, order)
    entered = DisgorgementEntered(context.clock.now(), "dis-" + context.random(8).hex(), by, digest, text)
    register(context.journal, DISGORGEMENTS, entered)
    # crash here: the order stands, and its limbs are examined again by whoever asks.
    return _receive(context, DisgorgementState(entered, order), found)


def again(context: Context, name: str) -> DisgorgementState:
    """Receive orders for items that are still or again present, came to light, were decided to go, or may stay no longer.

    Orders of an earlier look that were not begun are replaced. Raises UsageError while one is being carried out, and as
    :func:`expunge.engine.destruction.limb_examination.examine`.
    """
    known = standing(context, name)
    pending = [each for each in _made_of(context, name) if each.state not in ENDED]
    going = [each.order for each in pending if each.state is OrderState.RUNNING or not each.erased_nothing]
    if going:
        message = f"{', '.join(going)} is being carried out"
        raise UsageError(message, help=f"expunge apply {' '.join(going)} goes on with it")
    found = examine(context, known.order, known)
    for each in pending:
        cancelling.cancel(context, each.order, "replaced by a later look at the same order of destruction")
    return _receive(context, known, found)


def _made_of(context: Context, name: str) -> Iterator[Run]:
    """Every order to erase that was made of an order of destruction, those that a crash left out of the register too."""
    for order in orders(context.journal):
        run = Recorder(context.journal, context.clock, order).run
        if isinstance(run.received.cause, ByDisgorgement) and run.received.cause.disgorgement == name:
            yield run


def standings(context: Context) -> dict[str, DisgorgementState]:
    """Return every order of destruction that was entered here, oldest first."""
    return disgorgement_events.standings(read_register(context.journal, DISGORGEMENTS))


def standing(context: Context, name: str) -> DisgorgementState:
    """Return the state of one order of destruction. Raises UsageError."""
    return disgorgement_events.standing(read_register(context.journal, DISGORGEMENTS), name)


def decide(context: Context, name: str, item: str, *, tainted: bool, by: str, reason: str) -> DisgorgementState:
    """Enter the decision of a named person about an undecided item.

    Raises UsageError for an item that is not listed as undecided, without a name or a reason, and for items without a date: those go when
    they have one.
    """
    known = standing(context, name)
    if not by.strip() or not reason.strip():
        message = "somebody decides, for a reason"
        raise UsageError(message, help="--as NAME --reason TEXT")
    unknown = {each.item for found in examine(context, known.order, known) for each in found.unknown}
    unknown |= {each.product.name for judged in forward_check.check(context, known) for each in judged.of(ForwardFinding.UNKNOWN)}
    if item not in unknown:
        message = f"{item} is not among what is unknown"
        raise UsageError(message, help=f"undecided: {', '.join(sorted(unknown)) or 'nothing'}")
    if tainted and item.endswith(UNDATED):
        message = "items without a date cannot be told from the others of their dataset"
        raise UsageError(message, help="enter their dates where they lie, or decide that they are clean")
    if tainted and item.startswith(UNDECLARED):
        message = "nothing can be erased that the map does not name"
        raise UsageError(message, help="declare it in the map (expunge check names it), then expunge order disgorge --again")
    register(context.journal, DISGORGEMENTS, UnknownDecided(context.clock.now(), name, item, tainted, by, reason))
    return standing(context, name)


def check_claim(context: Context, wanted: ItemExcepted) -> None:
    """Raise UsageError for a claim of an exception that the order does not permit, signed or not.

    The order does not permit an item that the limb does not take, an exemption that does not cover the item or that long, or technical
    infeasibility where the order has no such exception. A claim needs a ground and an authority.
    """
    known = standing(context, wanted.id)
    _permitted(context, known, wanted)
    if not wanted.ground.strip() or not wanted.authority.strip():
        message = "an exception has a ground and an authority"
        raise UsageError(message, help="--ground TEXT --authority TEXT")


def except_item(context: Context, wanted: ItemExcepted, signed: str) -> DisgorgementState:
    """Enter a claim with its signature: base64 Ed25519 by an approver over :func:`~expunge.core.disgorgement.disgorgement_events.claim`.

    Raises as :func:`check_claim`, and EvidenceInvalid for a signature that does not verify.
    """
    check_claim(context, wanted)
    mend = "sign what --message prints for the same limb, item, exemption, ground, authority and end"
    approving.check_signature(context, wanted.by, signed, disgorgement_events.claim(wanted), ("claim", mend))
    register(context.journal, DISGORGEMENTS, replace(wanted, at=context.clock.now(), signature=signed))
    return standing(context, wanted.id)


def _permitted(context: Context, known: DisgorgementState, wanted: ItemExcepted) -> None:
    limb = next((each for each in known.order.retroactive if each.name == wanted.limb), None)
    dataset = context.data_map.datasets.get(wanted.item.partition("/")[0])
    if limb is None or dataset is None:
        message = f"the order has no limb {wanted.limb!r}" if limb is None else f"the map has no dataset for {wanted.item}"
        raise UsageError(message, help=f"limbs: {_names(each.name for each in known.order.retroactive)}; items: DATASET or DATASET/NAME")
    kind = kind_of(dataset)
    if not wanted.exemption:
        if not limb.infeasible or kind not in limb.takes:
            message = f"the order knows no technical infeasibility for {wanted.item} under {limb.name}"
            raise UsageError(message, help="what it takes has to go; ask the authority where that cannot be")
        return
    permit = next((exemption for exemption in known.order.exemptions if exemption.name == wanted.exemption), None)
    if permit is None or wanted.until is None or not permit.permits(limb.name, kind, wanted.until):
        message = f"no exemption {wanted.exemption!r} of the order lets {wanted.item} stay under {limb.name} until then"
        raise UsageError(
            message, help=f"exemptions: {_names(exemption.name for exemption in known.order.exemptions)}; each claim has an end (--until)"
        )
    if wanted.until <= context.clock.now():
        message = "the exception would be over already"
        raise UsageError(message, help="--until a date in the future")


def _names(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"


def _receive(context: Context, known: DisgorgementState, found: tuple[LimbExamination, ...]) -> DisgorgementState:
    for each in found:
        order = _order(context, known, each) if each.items else None
        artefacts = {hit.dataset: hit.artefacts for hit in each.hits if hit.artefacts}
        failed = {name: why.reason.value for name, why in each.failed.items()}
        unknown = tuple(sorted(undecided.item for undecided in each.unknown))
        event = LimbExamined(context.clock.now(), known.id, each.limb.name, order, each.items, artefacts, each.counted, failed, unknown)
        register(context.journal, DISGORGEMENTS, event)
    return standing(context, known.id)


def _order(context: Context, known: DisgorgementState, found: LimbExamination) -> OrderId:
    figures = {**found.items, **{each.name: each.number for each in found.counted}}
    if found.people is not None:
        figures["people"] = found.people
    datasets = tuple(sorted(found.items))
    # Why whatever the map's on_erase says: the order says so, and what may stay all the same has been claimed item by item.
    scope = Scope(f"{known.order.name}, {found.limb.provision}", datasets, datasets, figures)
    selectors = {hit.dataset: hit.selector for hit in found.hits if hit.items and hit.selector is not None}
    cause = ByDisgorgement(known.id, found.limb.name)
    accepted = class_orders.receive_class(
        context, OrderKind.DISGORGEMENT, scope, selectors, cause=cause, channel="order", requester=known.entered.by
    )
    return accepted.order
