"""Receive an order: resolve its subjects, record the duty, and publish the fence that stands from then on."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from expunge import telemetry
from expunge.core.datamap.person import Person
from expunge.core.evidence import commitment
from expunge.core.journal import events as ev
from expunge.core.values import canonical
from expunge.core.values.cause import Cause
from expunge.core.values.copy import Selector
from expunge.core.values.ids import OrderId, Pseudonym, pseudonym
from expunge.core.values.order import OrderKind, OrderState
from expunge.core.values.scope import Scope
from expunge.engine.export import ending_exports
from expunge.engine.gate import consent_register, fencing
from expunge.engine.kernel.context import Context, new_order_id
from expunge.engine.kernel.journal_streams import Recorder, append_together, begin_all, refresh
from expunge.engine.subjects.locating import LocatedCopies
from expunge.engine.subjects.resolving import ResolvedName
from expunge.engine.subjects.sealed_selectors import SELECTORS, sealed_selectors
from expunge.errors import StateCorrupt, UsageError
from expunge.telemetry import Action, Opaque

IDENTIFIERS = "identifiers.sealed"
OPENINGS = "openings.sealed"
CONTACT = "contact.sealed"


@dataclass(frozen=True)
class Accepted:
    """The answer to the requester, given once."""

    order: OrderId
    subjects: tuple[Pseudonym, ...]
    earliest: datetime
    """End of the cooling-off time."""
    openings: tuple[bytes, ...] = field(repr=False)
    """One per subject: 32 bytes with which the person can show that a receipt is about them. Expunge's copy dies with the order."""


@dataclass(frozen=True)
class OrderRequest:
    """An order as it comes in."""

    people: tuple[ResolvedName, ...]
    channel: str
    cause: Cause
    contact: str = field(default="", repr=False)
    cooling_off: timedelta | None = None
    requester: str = ""
    follows: OrderId | None = None
    selectors: Mapping[str, Mapping[Pseudonym, Selector]] = field(default_factory=dict, repr=False)
    """Dataset -> subject -> how rows are found that no identifier leads to: nothing points to them any more, or a class is meant."""
    kind: OrderKind = OrderKind.ERASURE
    scope: Scope | None = None
    """How far the order reaches; None means everything of its people."""
    order: OrderId | None = None
    """Its id, where the caller chose one (:func:`order_id`); one that there is already raises Conflict."""


def order_id(context: Context, text: str) -> OrderId:
    """Return the id of the order that a text stands for, so that a request that is sent again is the same order. It tells nothing of it."""
    digest = pseudonym(context.keys.pseudonym_key(), "order", text)
    return OrderId("ord-" + base64.b32encode(bytes.fromhex(digest)[:15]).decode().lower()[:20])


def receive(context: Context, request: OrderRequest) -> Accepted:
    """Journal the order, seal the data needed to finish it, raise the fence.

    Raises UsageError for an order without people or with one person twice, a scope with a dataset that the map has not, or a cause that
    :func:`expunge.engine.gate.consent_register.require_orders` refuses. After a crash the order either does not exist or is taken up by
    :func:`fence_if_needed` at the next start.
    """
    (accepted,) = receive_all(context, [request])
    return accepted


def receive_all(context: Context, requests: Sequence[OrderRequest]) -> tuple[Accepted, ...]:
    """Receive several orders at once: they are journalled together, and the fence is raised once for all. Raises as :func:`receive`."""
    for request in requests:
        subjects = {person.person.subject for person in request.people}
        if not subjects or len(subjects) != len(request.people):
            message = "an order names at least one person, and nobody twice"
            raise UsageError(message, help="name each person once")
        strange = set(request.scope.datasets if request.scope else ()) - context.data_map.datasets.keys()
        if strange:
            message = f"the map has no dataset {', '.join(sorted(strange))}"
            raise UsageError(message, help=f"it has {', '.join(sorted(context.data_map.datasets))}")
    consent_register.require_orders(
        context, ((request.kind, [person.person for person in request.people], request.cause) for request in requests)
    )
    files: list[tuple[OrderId, str, bytes]] = []
    received = [_received(context, request, files) for request in requests]
    context.shelf.put_all(files)
    with context.journal.changing():
        begin_all(context.journal, [event for event, _ in received])
        for event, _ in received:
            telemetry.log(Action.ORDER_RECEIVED, order=Opaque(event.order), people=len(event.subjects))
        _fence_all(context, [Recorder(context.journal, context.clock, event.order, [event]) for event, _ in received])
    ending_exports.end_all_of(context, (person.person for request in requests for person in request.people))
    return tuple(Accepted(event.order, event.subjects, event.earliest, openings) for event, openings in received)


def _received(context: Context, request: OrderRequest, files: list[tuple[OrderId, str, bytes]]) -> tuple[ev.Received, tuple[bytes, ...]]:
    """The event and the openings of one order; what has to lie on the shelf before the event counts goes to ``files``."""
    people = tuple(each.person for each in request.people)
    order = request.order or new_order_id(context)
    openings = tuple(context.random(32) for _ in people)
    files.append((order, IDENTIFIERS, sealed_people(context, order, people)))
    files.append((order, OPENINGS, context.keys.seal(order, OPENINGS, b"".join(openings))))
    if request.selectors:
        files.append((order, SELECTORS, sealed_selectors(context, order, request.selectors, LocatedCopies())))
    if request.contact:
        files.append((order, CONTACT, context.keys.seal_contact(order, request.contact.encode())))
    now = context.clock.now()
    cooling = context.data_map.cooling_off if request.cooling_off is None else request.cooling_off
    event = ev.Received(
        at=now,
        order=order,
        kind=request.kind,
        subjects=tuple(each.subject for each in people),
        commitments=tuple(commitment.commit(opening, person.identifiers()) for opening, person in zip(openings, people, strict=True)),
        channel=request.channel,
        cause=request.cause,
        requester=request.requester,
        earliest=now + cooling,
        follows=request.follows,
        scope=request.scope,
    )
    return event, openings


def fence_if_needed(context: Context, recorder: Recorder) -> None:
    """Raise the fence of an order that was received and not yet fenced; idempotent, also the way back after a crash."""
    fence_all(context, [recorder])


def fence_all(context: Context, recorders: Sequence[Recorder]) -> None:
    """Raise the fence of those orders that were received and not yet fenced, once for all of them."""
    late = _unfenced(recorders)
    if late:
        with context.journal.changing():
            # Why again: whoever received it may have been about to raise it.
            refresh(context.journal, late)
            _fence_all(context, _unfenced(late))


def _unfenced(recorders: Sequence[Recorder]) -> list[Recorder]:
    return [recorder for recorder in recorders if recorder.run.fenced_at is None and recorder.run.state is OrderState.RECEIVED]


def _fence_all(context: Context, late: Sequence[Recorder]) -> None:
    if not late:
        return
    whole = [each for each in late if each.run.received.scope is None]
    fencing.suppress(context, open_people_of(context, [each.run.order for each in whole]))
    append_together(context.journal, late, [[ev.Fenced(each.now())] for each in late], None)
    context.outbox.put_all(
        [(run.order, "received", _RECEIVED, {"earliest": run.received.earliest.date().isoformat()}) for run in (each.run for each in whole)]
    )
    for each in late:
        telemetry.log(Action.FENCED, order=Opaque(each.run.order))


def sealed_people(context: Context, order: OrderId, people: Sequence[Person]) -> bytes:
    """Return the identifiers needed to finish the order, under its key."""
    return context.keys.seal(order, IDENTIFIERS, canonical.encode([person.to_json() for person in people]))


def open_people(context: Context, order: OrderId) -> tuple[Person, ...]:
    """Unseal the people of an order. Raises KeyDestroyed after the order's end, StateCorrupt when they are missing."""
    return open_people_of(context, [order])[order]


def open_people_of(context: Context, orders: Sequence[OrderId]) -> dict[OrderId, tuple[Person, ...]]:
    """Unseal the people of several orders, read together. Raises as :func:`open_people`."""
    sealed = context.shelf.get_all([(order, IDENTIFIERS) for order in orders])
    return {order: _opened(context, order, sealed.get((order, IDENTIFIERS))) for order in orders}


def _opened(context: Context, order: OrderId, sealed: bytes | None) -> tuple[Person, ...]:
    if sealed is None:
        message = "the identifiers of the order are missing"
        raise StateCorrupt(message, help="restore the state folder, or cancel the order and make a new one")
    value = canonical.decode(context.keys.open(order, IDENTIFIERS, sealed))
    if not isinstance(value, list):
        message = "the sealed identifiers are not a list"
        raise StateCorrupt(message)
    return tuple(Person.from_json(each) for each in value)


def contact(context: Context, order: OrderId) -> str:
    """Return the address that notices of the order go to, unsealed. Raises UsageError where none was given or its end date has come."""
    sealed = context.shelf.get(order, CONTACT)
    if sealed is None:
        message = "the order has no contact address, or its end date has come"
        raise UsageError(message, help="give one with --contact when the order is entered")
    return context.keys.open_contact(order, sealed).decode()


_RECEIVED = (
    "We have received the order to erase. From now on no new recordings of the person are taken in by systems that ask us first. "
    "Nothing has been erased yet: until the date given it can still be cancelled."
)
