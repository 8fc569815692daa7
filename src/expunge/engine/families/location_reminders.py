"""Remind families every six months that whereabouts are collected, and let them switch that off (DSG-11).

Source: the InMarket order, V.B: a reminder every six months with a way to opt out, where location is collected; to withdraw is no harder
than to consent, and costs nothing (VII.A and B).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from expunge.core.accounts.family_events import MembershipDecided
from expunge.core.accounts.memberships import MembershipRole
from expunge.core.consent.consent import Consents, consented
from expunge.core.datamap.person import Person
from expunge.core.datamap.purposes import Ground, Purpose, Use
from expunge.core.journal.reminder_events import LocationReminded, LocationSwitchedOff, last_reminded
from expunge.core.values.ids import Pseudonym
from expunge.core.values.periods import Period, end_of
from expunge.core.values.scope import Scope
from expunge.engine.accounts import family_register
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

EVERY = Period(months=6)
_AHEAD = timedelta(days=1)
"""So long before six months are over a family is reminded: what runs several times a day may miss some."""


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


@dataclass(frozen=True)
class FamilyMembers:
    """A family with the accounts that have a role in it now."""

    family: Pseudonym
    members: tuple[UUID, ...]
    since: datetime
    """Since when the first of them has it."""


def families(context: Context) -> tuple[FamilyMembers, ...]:
    """Return every family that an account has a role in now, by the register of memberships."""
    latest: dict[tuple[str, str], MembershipDecided] = {}
    for decision in family_register.decisions(context.journal):
        latest[decision.family, decision.account] = decision
    found: dict[str, list[MembershipDecided]] = {}
    for decision in latest.values():
        if decision.role is not MembershipRole.FORMER:
            found.setdefault(decision.family, []).append(decision)
    return tuple(
        FamilyMembers(Pseudonym(family), tuple(UUID(each.account) for each in mine), min(each.at for each in mine))
        for family, mine in sorted(found.items())
    )


def due_from(family: FamilyMembers, reminded: datetime | None) -> datetime:
    """Return the time from which a family is to be reminded: six months after the last reminder, or after the first member came."""
    return end_of(reminded or family.since, EVERY) - _AHEAD


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
    for family in families(context):
        if context.clock.now() < due_from(family, reminded.get(family.family)):
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


def overdue(context: Context) -> int:
    """Return how many families were to be reminded a week ago and were not, as far as the registers say; asks no store."""
    reminded = last_reminded(read_register(context.journal, REMINDERS))
    consents, now = consent_register.load(context), context.clock.now()
    late = [each for each in families(context) if now - timedelta(days=7) > due_from(each, reminded.get(each.family))]
    return sum(_may_be_collected(context, consents, each.family, now) for each in late)


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


def _may_be_collected(context: Context, consents: Consents, family: Pseudonym, at: datetime) -> bool:
    """Whether any dataset is collected of a family: by a consent that holds, or on a ground that no register tells."""
    for name in whereabouts.datasets(context):
        purposes = list(_collecting(context, name))
        if not purposes or any(each.needs is not Ground.CONSENT or consented(consents, family, each.name, at).holds for each in purposes):
            return True
    return False


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
