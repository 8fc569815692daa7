"""Receive an order: who is meant, what we owe them, and the fence that stands from then on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from expunge import telemetry
from expunge.core import canonical, commitment
from expunge.core import events as ev
from expunge.core.copy import Selector
from expunge.core.ids import OrderId, Pseudonym
from expunge.core.order import OrderKind
from expunge.core.person import Person
from expunge.engine import fencing
from expunge.engine.context import Context, new_order_id
from expunge.engine.locating import Located
from expunge.engine.recording import Recorder, begin
from expunge.engine.resolving import Resolved
from expunge.engine.selecting import seal_selectors
from expunge.errors import StateCorrupt, UsageError
from expunge.telemetry import Action, Opaque

IDENTIFIERS = "identifiers.sealed"
OPENINGS = "openings.sealed"
CONTACT = "contact.sealed"


@dataclass(frozen=True)
class Accepted:
    """What the requester is given back, once."""

    order: OrderId
    subjects: tuple[Pseudonym, ...]
    earliest: datetime
    """End of the cooling-off time."""
    openings: tuple[bytes, ...] = field(repr=False)
    """One per subject: 32 bytes with which the person can show that a receipt is about them. Expunge's copy dies with the order."""


@dataclass(frozen=True)
class Request:
    """An order as it comes in."""

    people: tuple[Resolved, ...]
    channel: str
    attested: str
    contact: str = field(default="", repr=False)
    cooling_off: timedelta | None = None
    requester: str = ""
    follows: OrderId | None = None
    selectors: Mapping[str, Mapping[Pseudonym, Selector]] = field(default_factory=dict, repr=False)
    """Dataset -> subject -> how rows are found that nothing points to any more."""


def receive(context: Context, request: Request) -> Accepted:
    """Journal the order, seal what is needed to finish it, raise the fence.

    Raises UsageError for an order without people or with one person twice. After a crash the order either does not exist or is taken up by
    :func:`fence_if_needed` at the next start.
    """
    people = tuple(each.person for each in request.people)
    if not people or len({each.subject for each in people}) != len(people):
        message = "an order names at least one person, and nobody twice"
        raise UsageError(message, help="name each person once")
    order = new_order_id(context)
    openings = tuple(context.random(32) for _ in people)
    seal_people(context, order, people)
    context.shelf.put(order, OPENINGS, context.keys.seal(order, OPENINGS, b"".join(openings)))
    if request.selectors:
        seal_selectors(context, order, request.selectors, Located())
    if request.contact:
        context.shelf.put(order, CONTACT, context.keys.seal_contact(order, request.contact.encode()))
    now = context.clock.now()
    cooling = context.data_map.cooling_off if request.cooling_off is None else request.cooling_off
    begin(
        context.journal,
        ev.Received(
            at=now,
            order=order,
            kind=OrderKind.ERASURE,
            subjects=tuple(each.subject for each in people),
            commitments=tuple(commitment.commit(opening, person.identifiers()) for opening, person in zip(openings, people, strict=True)),
            channel=request.channel,
            attested=request.attested,
            requester=request.requester,
            earliest=now + cooling,
            follows=request.follows,
        ),
    )
    telemetry.log(Action.ORDER_RECEIVED, order=Opaque(order), people=len(people))
    fence_if_needed(context, Recorder(context.journal, context.clock, order))
    return Accepted(order, tuple(each.subject for each in people), now + cooling, openings)


def fence_if_needed(context: Context, recorder: Recorder) -> None:
    """Raise the fence of an order that was received and not yet fenced; idempotent, also the way back after a crash."""
    run = recorder.run
    if run.fenced_at is not None or run.state.value != "received":
        return
    fencing.suppress(context, run.order, open_people(context, run.order))
    recorder.append(ev.Fenced(recorder.now()))
    context.outbox.put(run.order, "received", _RECEIVED, {"earliest": run.received.earliest.date().isoformat()})
    telemetry.log(Action.FENCED, order=Opaque(run.order))


def seal_people(context: Context, order: OrderId, people: Sequence[Person]) -> None:
    """Put the identifiers needed to finish the order under its key."""
    data = canonical.encode([each.to_json() for each in people])
    context.shelf.put(order, IDENTIFIERS, context.keys.seal(order, IDENTIFIERS, data))


def open_people(context: Context, order: OrderId) -> tuple[Person, ...]:
    """Unseal them. Raises KeyDestroyed after the order's end, StateCorrupt when they are missing."""
    sealed = context.shelf.get(order, IDENTIFIERS)
    if sealed is None:
        message = "the identifiers of the order are missing"
        raise StateCorrupt(message, help="restore the state folder, or cancel the order and make a new one")
    value = canonical.decode(context.keys.open(order, IDENTIFIERS, sealed))
    if not isinstance(value, list):
        message = "the sealed identifiers are not a list"
        raise StateCorrupt(message)
    return tuple(Person.from_json(each) for each in value)


_RECEIVED = (
    "We have received the order to erase. From now on no new recordings of the person are taken in by systems that ask us first. "
    "Nothing has been erased yet: until the date given it can still be cancelled."
)
