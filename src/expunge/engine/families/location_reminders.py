"""Remind families every six months that whereabouts are collected, and let them switch that off (DSG-11).

Source: the InMarket order, V.B: a reminder every six months with a way to opt out, where location is collected; to withdraw is no harder
than to consent, and costs nothing (VII.A and B).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from expunge.core.consent.consent import Consents, consented
from expunge.core.datamap.person import Person
from expunge.core.datamap.purposes import Ground, Purpose, Use
from expunge.core.journal.reminder_events import LocationReminded, LocationSwitchedOff, last_reminded
from expunge.core.values.scope import Scope
from expunge.engine.accounts import reminder_times
from expunge.engine.consent import consent_decisions
from expunge.engine.families import whereabouts
from expunge.engine.gate import consent_register
from expunge.engine.kernel import store_calls
from expunge.engine.kernel.context import Context
from expunge.engine.kernel.journal_streams import REMINDERS, read_register, register
from expunge.engine.subjects import locating
from expunge.engine.subjects.resolving import ResolvedName
from expunge.errors import CouldNotLook, NotResolved
from expunge.ports.families.reminder_letters import ReminderLetters


@dataclass(frozen=True)
class LocationCollection:
    """The collection of whereabouts of one subject."""

    agreed: tuple[str, ...]
    """Purposes of the map that collect them, and whose consent holds: these can be switched off."""
    otherwise: tuple[str, ...]
    """Datasets that hold whereabouts of the subject on another ground than consent."""

    def __bool__(self) -> bool:
        """Whether whereabouts are collected."""
        return bool(self.agreed or self.otherwise)


@dataclass(frozen=True)
class RemindersSent:
    """The findings of one pass."""

    reminded: int = 0
    """Families of whom at least one member was sent a letter."""
    not_due: int = 0
    not_collected: int = 0
    unreachable: int = 0
    """Families that are due, and none of whose members has an address."""
    later: int = 0
    """Families that are due and are tried again, because mail or a store is away."""


def collection(context: Context, person: Person) -> LocationCollection:
    """Return on what ground whereabouts of a person are collected. Raises StoreUnavailable, CouldNotLook."""
    consents, now = consent_register.load(context), context.clock.now()
    agreed: dict[str, None] = {}
    others: list[str] = []
    for name in whereabouts.datasets(context):
        purposes = list(_collecting(context, name))
        if purposes and all(each.needs is Ground.CONSENT for each in purposes):
            agreed |= dict.fromkeys(each.name for each in purposes if _holds(consents, person, each, now))
        else:
            others.append(name)
    return LocationCollection(tuple(agreed), tuple(_held(context, person, others)))


def remind(context: Context, people: Callable[[str], ResolvedName | None], letters: ReminderLetters) -> RemindersSent:
    """Remind every family that is due, and whose whereabouts are collected.

    The letter is handed over before the register says so: a crash between sends it once more, and never leaves a family without.

    Args:
        context: the composition.
        people: returns the person of a family's pseudonym.
        letters: hands letters over.
    """
    sent = RemindersSent()
    if not whereabouts.datasets(context):
        return sent
    reminded = last_reminded(read_register(context.journal, REMINDERS))
    for family in reminder_times.families(context):
        if context.clock.now() < reminder_times.due_from(family, reminded.get(family.family)):
            sent = replace(sent, not_due=sent.not_due + 1)
            continue
        try:
            found = people(family.family)
            if found is None or not collection(context, found.person):
                sent = replace(sent, not_collected=sent.not_collected + 1)
                continue
            written = sum(letters.remind(member, context.clock.now()) for member in family.members)
        except (NotResolved, *store_calls.TROUBLE):
            sent = replace(sent, later=sent.later + 1)
            continue
        if not written:
            sent = replace(sent, unreachable=sent.unreachable + 1)
            continue
        register(context.journal, REMINDERS, LocationReminded(context.clock.now(), family.family, written))
        sent = replace(sent, reminded=sent.reminded + 1)
    return sent


def switch_off(context: Context, person: ResolvedName) -> tuple[str, ...]:
    """End every consent by which whereabouts of a person are collected. Return the purposes; nothing is asked of anybody first.

    Data that nothing else has a ground to keep is erased by an order, as after every withdrawal. The caller holds the right to change.
    """
    ended = collection(context, person.person).agreed
    for purpose in ended:
        consent_decisions.withdraw(context, person, purpose)
    if ended:
        register(context.journal, REMINDERS, LocationSwitchedOff(context.clock.now(), person.person.subject, ended))
    return ended


def _collecting(context: Context, dataset: str) -> Iterator[Purpose]:
    return (each for each in context.data_map.purposes.values() if each.use is Use.COLLECTION and dataset in each.datasets)


def _holds(consents: Consents, person: Person, purpose: Purpose, at: datetime) -> bool:
    return consented(consents, person.subject, purpose.name, at).holds


def _held(context: Context, person: Person, names: Iterable[str]) -> Iterator[str]:
    wanted = tuple(sorted(names))
    if not wanted:
        return
    located = locating.locate(context, (person,), scope=Scope("a look at places", wanted))
    for name in wanted:
        if name in located.failed:
            message = f"dataset {name} could not be read: {located.failed[name].reason.value}"
            raise CouldNotLook(message, help="try again later")
        if located.held_in(name):
            yield name
