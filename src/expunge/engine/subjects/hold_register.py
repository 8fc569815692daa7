"""Holds: place, end, list."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from expunge.core.datamap.datamap import Through
from expunge.core.datamap.person import Person
from expunge.core.evidence import receipt_codec, verification_codec
from expunge.core.evidence.receipt import KeptItems
from expunge.core.journal import events as ev
from expunge.core.orders.run import Run
from expunge.core.values.hold import Hold, item_tag
from expunge.core.values.ids import OrderId
from expunge.core.values.order import OrderKind, OrderState
from expunge.core.values.scope import Scope
from expunge.engine.kernel.context import Context
from expunge.engine.kernel.journal_streams import HOLDS, Recorder, orders, read_register, register
from expunge.engine.subjects import locating
from expunge.engine.subjects.locating import names_of
from expunge.errors import UsageError


def place(
    context: Context,
    person: Person,
    dataset: str,
    *,
    ground: str,
    authority: str,
    until: datetime,
    items: Sequence[str] = (),
    purpose: str = "",
) -> Hold:
    """Place a hold on the named items (their keys in the store), or on all of the person's items in the dataset.

    Raises UsageError for an unknown dataset, an end in the past, a missing ground or authority, items that the dataset does not hold of the
    person, or items of a dataset whose keys do not last.
    """
    if dataset not in context.data_map.datasets:
        message = f"the map has no dataset {dataset!r}"
        raise UsageError(message, help=f"it has {', '.join(sorted(context.data_map.datasets))}")
    named = _items(context, person, dataset, items)
    now = context.clock.now()
    tags = frozenset(item_tag(context.keys.pseudonym_key(), dataset, each) for each in named)
    try:
        hold = Hold("hold-" + context.random(8).hex(), dataset, person.subject, ground, authority, now, until, tags, not items, purpose)
    except ValueError as error:
        raise UsageError(str(error), help="say --ground, --authority and an --until in the future") from error
    register(context.journal, HOLDS, ev.HoldPlaced(now, hold))
    return hold


def _items(context: Context, person: Person, dataset: str, items: Sequence[str]) -> frozenset[str]:
    """The keys that the hold names; for a whole hold those there are now, as far as they last: others may be in them as well."""
    located = locating.locate(context, (person,))
    copies = (*located.copies.get(dataset, ()), *located.kept_copies.get(dataset, ()))
    if not items:
        return frozenset(key for copy in copies if copy.lasting for key in copy.keys)
    # Why: a hold on an item that is not there would keep nothing, and nobody would notice.
    missing = set(items) - {key for copy in copies for key in copy.keys}
    if missing:
        message = f"{len(missing)} of the items named are not among what {dataset} holds of the person"
        raise UsageError(message, help="`expunge locate NAME --items` shows the keys, byte for byte")
    if not all(copy.lasting for copy in copies):
        message = f"the items of {dataset} have no key of their own that lasts: rewriting may number them anew, or they share a file"
        raise UsageError(message, help="leave --item out to hold everything the dataset holds of the person")
    return frozenset(items)


def end(context: Context, hold_id: str, reason: str) -> None:
    """Lift a hold before its date. Raises UsageError when no such hold binds."""
    if hold_id not in {each.id for each in active(context)}:
        message = "no hold of that id binds now"
        raise UsageError(message, help="`expunge hold list` shows those that do")
    register(context.journal, HOLDS, ev.HoldEnded(context.clock.now(), hold_id, reason))


@dataclass(frozen=True)
class EndedHold:
    """A hold that binds no more."""

    hold: Hold
    ended: datetime
    stated: datetime | None
    """When it was stated what became of the held items."""


def past(context: Context) -> tuple[EndedHold, ...]:
    """Return the holds that bind no more, oldest first."""
    now = context.clock.now()
    holds: dict[str, Hold] = {}
    ended: dict[str, datetime] = {}
    stated: dict[str, datetime] = {}
    for event in read_register(context.journal, HOLDS):
        match event:
            case ev.HoldPlaced():
                holds[event.hold.id] = event.hold
            case ev.HoldEnded():
                ended[event.hold_id] = event.at
            case ev.HoldStated():
                stated[event.hold_id] = event.at
    over = {each: min(ended.get(each, hold.until), hold.until) for each, hold in holds.items() if each in ended or not hold.active(now)}
    return tuple(EndedHold(holds[each], at, stated.get(each)) for each, at in over.items())


def over(context: Context) -> frozenset[tuple[str, str, datetime]]:
    """Return the holds that bind no more, as receipts name them: dataset, ground and end; less those of which another still binds."""
    return frozenset({_told(each.hold) for each in past(context)} - {_told(each) for each in active(context)})


def _told(hold: Hold) -> tuple[str, str, datetime]:
    return hold.dataset, hold.ground, hold.until.replace(microsecond=0)


def state(context: Context, hold_id: str, by: str, digest: str) -> None:
    """Enter the statement on the items of a hold that has ended.

    Args:
        context: the composition.
        hold_id: which.
        by: who signed the statement; no identifier of a person whose data is held.
        digest: hex SHA-256 of the statement's file.

    Raises UsageError for a hold that binds still, is not known, or was stated before.
    """
    found = {each.hold.id: each for each in past(context)}.get(hold_id)
    if found is None or found.stated is not None or not by.strip():
        message = "no hold of that id has ended and waits for a statement" if by.strip() else "a statement has somebody who signs it"
        raise UsageError(message, help="`expunge due` shows the holds that wait for one")
    register(context.journal, HOLDS, ev.HoldStated(context.clock.now(), hold_id, by, digest))


def active(context: Context) -> tuple[Hold, ...]:
    """Return the holds that bind now, oldest first."""
    now = context.clock.now()
    standing: dict[str, Hold] = {}
    for event in read_register(context.journal, HOLDS):
        if isinstance(event, ev.HoldPlaced):
            standing[event.hold.id] = event.hold
        elif isinstance(event, ev.HoldEnded):
            standing.pop(event.hold_id, None)
    return tuple(each for each in standing.values() if each.active(now))


def of_round(context: Context, started: datetime) -> tuple[Hold, ...]:
    """Return the holds that bind on a round which started then: those that bound at its start, and those placed since, also ended ones.

    Why to the round's end: what one step has kept, a later one must not take for something that was left behind. What no hold keeps any
    more goes with the order's next round.
    """
    standing: dict[str, Hold] = {}
    for event in read_register(context.journal, HOLDS):
        if isinstance(event, ev.HoldPlaced):
            standing[event.hold.id] = event.hold
        elif isinstance(event, ev.HoldEnded) and event.at <= started:
            standing.pop(event.hold_id, None)
    return tuple(each for each in standing.values() if each.active(started))


HELD_ELSEWHERE = "what a hold keeps of it stays, as the receipt of an earlier order says"
"""In the basis of an order of expiry: it does not answer for these items."""


def answered(context: Context, run: Run) -> frozenset[str] | None:
    """Return the holds whose items an earlier order of expiry answers for, of those that bind now; None where a run is of no such order."""
    if run.received.kind is not OrderKind.EXPIRY:
        return None
    basis = run.received.scope.basis if run.received.scope else ""
    return answered_before(context, run.order) if HELD_ELSEWHERE in basis else frozenset()


def answered_before(context: Context, order: OrderId | None = None) -> frozenset[str]:
    """Return the holds of which an order of expiry, in part for no other end than theirs, says that they keep something."""
    standing = active(context)
    told: set[tuple[str, datetime]] = set()
    for each in orders(context.journal) if standing else ():
        if each == order:
            break
        first = ev.decode(next(iter(context.journal.read(each))))
        if isinstance(first, ev.Received) and first.kind is OrderKind.EXPIRY:
            run = Recorder(context.journal, context.clock, each).run
            if run.state is OrderState.IN_PART and not run.final:
                told |= {(kept.ground, kept.until) for kept in _kept_of(run) if kept.until is not None}
    return frozenset(each.id for each in standing if (each.ground, each.until.replace(microsecond=0)) in told)


def only_held(run: Run) -> bool:
    """Return whether an order is in part for nothing but what holds keep."""
    held = {f"{each.dataset}: kept, {each.ground}" for each in _kept_of(run) if each.until is not None}
    return run.state is OrderState.IN_PART and bool(held) and held >= set(run.reasons)


def _kept_of(run: Run) -> Iterator[KeptItems]:
    """The kept items of a run's last round, as its receipt names them."""
    for event in run.current.judged.values():
        _, said = verification_codec.unpack(event.entries)
        for each in said:
            assert isinstance(each, dict)
            yield from receipt_codec.from_json(tuple[KeptItems, ...], each["kept"], "kept")


def binding_on(context: Context, people: Sequence[Person], scope: Scope | None = None) -> tuple[Hold, ...]:
    """Return the holds that bind now on any identity of these people, and those on named items, which stay for every subject in them.

    For an order about a class of items, these are all holds in the datasets that it reaches: its items may be any person's.
    """
    return binding_of(context, active(context), people, scope)


def binding_of(context: Context, standing: tuple[Hold, ...], people: Sequence[Person], scope: Scope | None = None) -> tuple[Hold, ...]:
    """Return the same of holds that were read before: those that bind now, as :func:`active` tells them."""
    if any(person.nobody for person in people):
        return tuple(each for each in standing if scope is None or each.dataset in scope.datasets)
    names = frozenset(name for person in people for name in names_of(context, person)) if standing else frozenset()
    return tuple(each for each in standing if each.subject in names or _may_be_in_it(context, each))


def _may_be_in_it(context: Context, hold: Hold) -> bool:
    """Whether other people than the hold's subject can be in the items it names."""
    dataset = context.data_map.datasets.get(hold.dataset)
    if dataset is None or not hold.items:
        return False
    return bool(dataset.people) or isinstance(dataset.subject, Through) or len(getattr(dataset.subject, "fields", ())) > 1
