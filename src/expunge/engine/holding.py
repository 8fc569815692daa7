"""Holds: place, end, list."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from expunge.core import events as ev
from expunge.core.hold import Hold, item_tag
from expunge.core.ids import Pseudonym
from expunge.core.person import Person
from expunge.engine import locating
from expunge.engine.context import Context
from expunge.engine.recording import HOLDS, read_register, register
from expunge.errors import UsageError


def place(
    context: Context, person: Person, dataset: str, *, ground: str, authority: str, until: datetime, items: Sequence[str] = ()
) -> Hold:
    """Place a hold on the named items (their keys in the store), or on all of the person's items in the dataset.

    Raises UsageError for an unknown dataset, an end in the past, a missing ground or authority, items that the dataset does not hold of the
    person, or items of a dataset whose keys do not last.
    """
    if dataset not in context.data_map.datasets:
        message = f"the map has no dataset {dataset!r}"
        raise UsageError(message, help=f"it has {', '.join(sorted(context.data_map.datasets))}")
    _check_items(context, person, dataset, items)
    now = context.clock.now()
    tags = frozenset(item_tag(context.keys.pseudonym_key(), dataset, each) for each in items)
    try:
        hold = Hold("hold-" + context.random(8).hex(), dataset, person.subject, ground, authority, now, until, tags)
    except ValueError as error:
        raise UsageError(str(error), help="say --ground, --authority and an --until in the future") from error
    register(context.journal, HOLDS, ev.HoldPlaced(now, hold))
    return hold


def _check_items(context: Context, person: Person, dataset: str, items: Sequence[str]) -> None:
    """A hold on an item that is not there would keep nothing, and nobody would notice."""
    if not items:
        return
    located = locating.locate(context, (person,))
    copies = (*located.copies.get(dataset, ()), *located.kept_copies.get(dataset, ()))
    missing = set(items) - {key for each in copies for key in each.keys}
    if missing:
        message = f"{len(missing)} of the items named are not among what {dataset} holds of the person"
        raise UsageError(message, help="`expunge locate NAME --items` shows the keys, byte for byte")
    if not all(each.lasting for each in copies):
        message = f"the rows of {dataset} have no key that lasts: rewriting the database may number them anew"
        raise UsageError(message, help="leave --item out to hold everything the dataset holds of the person")


def end(context: Context, hold_id: str, reason: str) -> None:
    """Lift a hold before its date. Raises UsageError when no such hold binds."""
    if hold_id not in {each.id for each in active(context)}:
        message = "no hold of that id binds now"
        raise UsageError(message, help="`expunge hold list` shows those that do")
    register(context.journal, HOLDS, ev.HoldEnded(context.clock.now(), hold_id, reason))


def active(context: Context) -> tuple[Hold, ...]:
    """The holds that bind now, oldest first."""
    now = context.clock.now()
    standing: dict[str, Hold] = {}
    for event in read_register(context.journal, HOLDS):
        if isinstance(event, ev.HoldPlaced):
            standing[event.hold.id] = event.hold
        elif isinstance(event, ev.HoldEnded):
            standing.pop(event.hold_id, None)
    return tuple(each for each in standing.values() if each.active(now))


def binding_on(context: Context, subjects: Sequence[Pseudonym]) -> tuple[Hold, ...]:
    """Those that bind now on any of these subjects."""
    asked = frozenset(subjects)
    return tuple(each for each in active(context) if each.subject in asked)
