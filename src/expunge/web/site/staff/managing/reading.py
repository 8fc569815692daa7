"""The register of staff as pages show it: people with what each holds, what is due, and what is not used."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property

from django.core.exceptions import PermissionDenied
from django.http import Http404

from expunge.core.accounts.staff import RIGHTS, JobFunction, StaffRight, conflict
from expunge.core.accounts.staff_events import ByStaff
from expunge.core.accounts.staff_overview import ReviewedRight, StaffDecision, decisions_of, idle_after, reviewed_rights, year_before
from expunge.core.accounts.staff_state import IDLE_DAYS, GrantStanding, Staff, StaffAccount, StaffStanding
from expunge.errors import Refused
from expunge.ports.accounts.staff_directory import StaffRegister
from expunge.web.site.staff.entering import StaffRequest, register
from expunge.web.site.staff.managing import words
from expunge.web.site.staff.right_words import right_words

IDLE_SOON = 30
"""Days before an account closes for want of use at which the list says so."""


@dataclass(frozen=True)
class HeldFunction:
    """One job function of a person, with its rights."""

    function: JobFunction
    rights: tuple[ReviewedRight, ...]

    @property
    def name(self) -> str:
        """In words."""
        return str(words.FUNCTIONS[self.function])

    @property
    def due(self) -> datetime:
        """Return when the first of its rights lapses."""
        return min(each.grant.due for each in self.rights)

    @property
    def open(self) -> bool:
        """Return whether a person has to decide about it now."""
        return any(each.open for each in self.rights)

    @property
    def lapsed(self) -> bool:
        """Return whether a right of it has lapsed."""
        return any(each.holds is GrantStanding.LAPSED for each in self.rights)

    @property
    def awaited(self) -> bool:
        """Return whether a second person has to confirm a right of it."""
        return any(each.holds is GrantStanding.AWAITED for each in self.rights)

    @property
    def held(self) -> tuple[StaffRight, ...]:
        """Return its rights that have not lapsed."""
        return tuple(each.grant.right for each in self.rights if each.holds is not GrantStanding.LAPSED)

    @property
    def missing(self) -> tuple[StaffRight, ...]:
        """Return what the job function needs beside them."""
        return tuple(sorted(RIGHTS[self.function].difference(self.held)))


@dataclass(frozen=True)
class Person:
    """One account."""

    account: StaffAccount
    which: str
    """Its name in addresses: the label, and a number where the label was given again."""
    now: datetime
    functions: tuple[HeldFunction, ...]

    @property
    def label(self) -> str:
        """The operator's name for it."""
        return self.account.label

    @property
    def standing(self) -> StaffStanding:
        """How it stands."""
        return self.account.standing(self.now)

    @property
    def standing_words(self) -> str:
        """The same, in words."""
        return str(words.STANDINGS[self.standing])

    @property
    def invited_as(self) -> str:
        """The job function of the invitation, in words."""
        return str(words.FUNCTIONS[self.account.invited.function])

    @property
    def names(self) -> str:
        """The job functions, in words."""
        return ", ".join(each.name for each in self.functions) or self.invited_as

    @property
    def active(self) -> bool:
        """Return whether it may do what it has rights for."""
        return self.standing is StaffStanding.ACTIVE

    @property
    def invited(self) -> bool:
        """Return whether its link still works."""
        return self.standing is StaffStanding.INVITED

    @property
    def over(self) -> bool:
        """Return whether nothing can come of it any more: a link that is over, or an account without any right."""
        return self.standing is StaffStanding.EXPIRED or (self.account.enrolled is not None and not self.functions)

    @property
    def suspended(self) -> bool:
        """Return whether it was suspended."""
        return self.standing is StaffStanding.SUSPENDED

    @property
    def idle(self) -> bool:
        """Return whether it is closed for want of use."""
        return self.standing is StaffStanding.IDLE

    @property
    def enrolled(self) -> bool:
        """Return whether its person has used the link."""
        return self.account.enrolled is not None

    @property
    def equivalence(self) -> str:
        """The other way to log in that counts, in words; empty for none."""
        found = self.account.equivalent(self.now)
        return str(words.METHODS[found.method]) if found else ""

    @property
    def idle_on(self) -> date | None:
        """Return the day on which it closes for want of use, where that is near."""
        if not self.active or self.account.unseen(self.now) < IDLE_DAYS - IDLE_SOON:
            return None
        return idle_after(self.account, self.now, IDLE_DAYS + 1)

    @property
    def due(self) -> datetime | None:
        """Return when the first of its rights lapses; None where it has none."""
        return min((each.due for each in self.functions), default=None)

    @property
    def lapsed(self) -> bool:
        """Return whether the first of its rights has lapsed."""
        return any(each.lapsed for each in self.functions)

    @property
    def open(self) -> tuple[HeldFunction, ...]:
        """Return the job functions about which a person has to decide now."""
        return tuple(each for each in self.functions if each.open)

    @property
    def unused(self) -> tuple[str, ...]:
        """Return rights that were not used for 90 days, in words."""
        rights = (each for function in self.functions for each in function.rights if each.unused and each.holds is GrantStanding.HELD)
        return tuple(right_words(each.grant.right) for each in rights)

    @property
    def calls(self) -> int:
        """Return how much it calls for a decision: passkeys, a closed account, rights to confirm, rights that are not used."""
        signs = (self.account.awaits_key, self.idle, bool(self.open), bool(self.unused))
        return next((len(signs) - number for number, each in enumerate(signs) if each), 0)

    @property
    def other_functions(self) -> tuple[tuple[JobFunction, str], ...]:
        """Return job functions that could be granted beside those it has."""
        has = [each.function for each in self.functions if each.held]
        return tuple((each, str(words.FUNCTIONS[each])) for each in JobFunction if each not in has and conflict([*has, each]) is None)


@dataclass(frozen=True)
class Entry:
    """One line of history, in words."""

    at: datetime
    label: str
    which: str
    what: str
    why: str
    by: str
    with_function: bool


class Register:
    """The register at one moment."""

    def __init__(self, told: StaffRegister) -> None:
        """Fold what the keeper told."""
        self.now, self._events = told.at, told.events
        self.staff = Staff(told.events)

    @cached_property
    def people(self) -> tuple[Person, ...]:
        """Every account, oldest first."""
        rights: dict[str, list[ReviewedRight]] = {}
        for each in reviewed_rights(self.staff, self.now):
            rights.setdefault(each.account, []).append(each)
        names = _names(self.staff.accounts.values())
        return tuple(Person(each, names[each.id], self.now, _functions(rights.get(each.id, []))) for each in self.staff.accounts.values())

    def person(self, which: str) -> Person:
        """Return the account of a name in an address. Raises Http404."""
        found = next((each for each in self.people if each.which == which), None)
        if found is None:
            raise Http404
        return found

    def history(self, person: Person | None = None) -> list[Entry]:
        """Return what was decided in twelve months about one account, or about rights of all; newest first."""
        since, names = year_before(self.now), {each.account.id: each.which for each in self.people}
        found = [each for each in decisions_of(self.staff, self._events) if each.at >= since and _concerns(each, person)]
        return [
            Entry(
                each.at,
                each.label,
                names[each.account],
                words.deed(each),
                words.why(each),
                words.who(self.staff, each.by),
                with_function=bool(each.function),
            )
            for each in reversed(found)
        ]

    def granted_by(self, person: Person, function: HeldFunction, account: str) -> bool:
        """Return whether an account granted rights that a second person has yet to confirm."""
        waits = (each.grant.by for each in function.rights if each.holds is GrantStanding.AWAITED)
        return any(isinstance(by, ByStaff) and by.account == account for by in waits) and not person.over


def read(request: StaffRequest) -> Register:
    """Read the register for the employee of a request; that it was read is noted. Raises PermissionDenied, KeeperAway."""
    try:
        return Register(register().register(request.staff.account))
    except Refused as error:
        raise PermissionDenied from error


def _concerns(decision: StaffDecision, person: Person | None) -> bool:
    return decision.account == person.account.id if person is not None else decision.what.of_rights


def _functions(rights: Iterable[ReviewedRight]) -> tuple[HeldFunction, ...]:
    by_function: dict[JobFunction, list[ReviewedRight]] = {}
    for each in rights:
        by_function.setdefault(each.grant.function, []).append(each)
    return tuple(HeldFunction(function, tuple(by_function[function])) for function in JobFunction if function in by_function)


def _names(accounts: Iterable[StaffAccount]) -> dict[str, str]:
    """Return the name of each account in addresses. Of those with one label the newest has the label itself."""
    of_label: dict[str, list[str]] = {}
    for each in accounts:
        of_label.setdefault(each.label, []).append(each.id)
    found = {ids[-1]: label for label, ids in of_label.items()}
    return found | {id_: f"{label}.{number}" for label, ids in of_label.items() for number, id_ in enumerate(ids[:-1], start=1)}
