"""Fold the register of staff: each account with its rights, and what it may do at a moment.

Three things take rights away by time alone. A right lapses when it was not confirmed for twelve months (RNG III.E.4(d), AMZ VI.E.6). An
account that was not seen for ninety days is idle and may do nothing until another person restores it (AC-2(3)). A link ends after 72 hours.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum

from expunge.core.accounts import staff_events as ev
from expunge.core.accounts.staff import RIGHTS, SECOND_LOOK, JobFunction, StaffRight
from expunge.core.accounts.staff_events import ByMachineUser, ByStaff, StaffActor, StaffReason
from expunge.core.values.periods import Period, end_of

CONFIRMED_WITHIN = Period(months=12)
"""A right that was not confirmed for so long lapses."""
ANNOUNCED = timedelta(days=30)
"""How long before it lapses `check` says so."""
IDLE_DAYS = 90
"""Whole days without a login after which an account is idle."""
UNUSED_DAYS = 90
"""Whole days without use after which a right counts as unused."""


class StaffStanding(StrEnum):
    """The standing of an account."""

    INVITED = "invited"
    EXPIRED = "expired"
    """The link was not used in time, was withdrawn, or gave way to another."""
    ACTIVE = "active"
    SUSPENDED = "suspended"
    IDLE = "idle"
    """It was not seen for too long, and may do nothing until it is restored."""


class GrantStanding(StrEnum):
    """The standing of one right of an account, whatever the account's own standing is."""

    HELD = "held"
    AWAITED = "awaited"
    """A second person has to confirm it before it gives anything."""
    LAPSED = "lapsed"
    """It was not confirmed for twelve months."""


@dataclass
class Grant:
    """One right of an account in one job function."""

    function: JobFunction
    right: StaffRight
    since: datetime
    by: StaffActor
    awaited: bool
    """Whether a second person has yet to confirm it."""
    confirmed: datetime | None = None
    confirmed_by: StaffActor | None = None
    reason: StaffReason | None = None
    """Of the last confirmation."""

    @property
    def due(self) -> datetime:
        """Return when it lapses, unless it is confirmed before."""
        return end_of(self.confirmed or self.since, CONFIRMED_WITHIN)

    def standing(self, now: datetime) -> GrantStanding:
        """Return its standing at a time."""
        if now >= self.due:
            return GrantStanding.LAPSED
        return GrantStanding.AWAITED if self.awaited else GrantStanding.HELD


@dataclass(frozen=True)
class Equivalence:
    """A written equivalence of another way to log in, as long as it holds."""

    method: ev.AccessMethod
    digest: str
    reference: str
    recorded: datetime
    until: datetime
    approver: str


@dataclass
class StaffAccount:
    """One account."""

    id: str
    label: str
    user: str
    invited: ev.StaffInvited
    withdrawn: bool = False
    enrolled: datetime | None = None
    claim: str = ""
    suspended: datetime | None = None
    restored: datetime | None = None
    seen: date | None = None
    grants: dict[tuple[JobFunction, StaffRight], Grant] = field(default_factory=dict)
    used: dict[StaffRight, date] = field(default_factory=dict)
    """Right -> the last day on which it was used."""
    equivalence: Equivalence | None = None
    changes: int = 0
    """How much was decided about it: what tells that another decision came between."""
    awaits_key: bool = False
    """Whether it enrolled a passkey by a link, which no other person has confirmed yet: until then it has no right."""
    keys: frozenset[str] = frozenset()
    """The fingerprints of its passkeys that another person confirmed: these alone confirm what takes a right."""

    def standing(self, now: datetime) -> StaffStanding:
        """Return its standing at a time."""
        if self.enrolled is None:
            return StaffStanding.EXPIRED if self.withdrawn or now >= self.invited.until else StaffStanding.INVITED
        if self.suspended is not None:
            return StaffStanding.SUSPENDED
        return StaffStanding.IDLE if self.unseen(now) > IDLE_DAYS else StaffStanding.ACTIVE

    def unseen(self, now: datetime) -> int:
        """Return the whole days since the account was last seen, enrolled or restored."""
        days = (each for each in (self.seen, _day(self.enrolled), _day(self.restored)) if each is not None)
        return (now.date() - max(days, default=now.date())).days

    def rights(self, now: datetime) -> frozenset[StaffRight]:
        """Return what the account may do at a time."""
        if self.standing(now) is not StaffStanding.ACTIVE or self.awaits_key:
            return frozenset()
        return frozenset(each.right for each in self.grants.values() if each.standing(now) is GrantStanding.HELD)

    def promised(self, now: datetime) -> frozenset[StaffRight]:
        """Return the rights that are granted at a time, whether or not they give anything now."""
        if self.standing(now) is StaffStanding.INVITED:
            return frozenset(self.invited.rights)
        return frozenset(each.right for each in self.grants.values() if each.standing(now) is not GrantStanding.LAPSED)

    def held_against(self, function: JobFunction, now: datetime) -> frozenset[StaffRight]:
        """Return the rights of one job function that have not lapsed."""
        of = (each for each in self.grants.values() if each.function is function)
        return frozenset(each.right for each in of if each.standing(now) is not GrantStanding.LAPSED)

    def unused(self, grant: Grant, now: datetime) -> bool:
        """Return whether a right was not used for :data:`UNUSED_DAYS`, or since it was granted."""
        return (now.date() - max(self.used.get(grant.right, date.min), grant.since.date())).days > UNUSED_DAYS

    def equivalent(self, now: datetime) -> Equivalence | None:
        """Return the equivalence that holds at a time."""
        return self.equivalence if self.equivalence is not None and now < self.equivalence.until else None


def _day(at: datetime | None) -> date | None:
    return None if at is None else at.date()


class Staff:
    """All accounts of staff, folded from the events of the register in order."""

    def __init__(self, events: Iterable[object] = ()) -> None:
        """Fold events."""
        self.accounts: dict[str, StaffAccount] = {}
        self.by_digest: dict[str, str] = {}
        """Digest of a link's secret -> account."""
        for event in events:
            self.apply(event)

    @property
    def begun(self) -> bool:
        """Whether a person was ever enrolled."""
        return any(each.enrolled is not None for each in self.accounts.values())

    def may(self, account: str, right: StaffRight, now: datetime) -> bool:
        """Return whether an account may do what a right lets it do; False for an account that is not known."""
        found = self.accounts.get(account)
        return found is not None and right in found.rights(now)

    def administrators(self, now: datetime) -> frozenset[str]:
        """Return the accounts that may manage staff at a time."""
        return frozenset(name for name in self.accounts if self.may(name, StaffRight.MANAGE_STAFF, now))

    def of_person(self, account: StaffAccount) -> Iterator[StaffAccount]:
        """Yield every account of the same person, as far as accounts of the operating system tell."""
        for each in self.accounts.values():
            if each is account or (account.user and each.user == account.user):
                yield each

    def same_person(self, by: StaffActor, account: StaffAccount) -> bool:
        """Return whether who decides is the holder of an account, as far as the register tells."""
        match by:
            case ByStaff():
                return any(each.id == by.account for each in self.of_person(account))
            case ByMachineUser():
                return bool(account.user) and account.user == by.name

    def apply(self, event: object) -> None:
        """Fold one event. One of another register changes nothing."""
        self._fold(event)
        if isinstance(event, ev.DECISIONS):
            self.accounts[event.account].changes += 1

    def _fold(self, event: object) -> None:
        match event:
            case ev.StaffInvited():
                self._invited(event)
            case ev.InvitationWithdrawn():
                self.accounts[event.account].withdrawn = True
            case ev.StaffEnrolled():
                self._enrolled(event)
            case ev.StaffKeysConfirmed():
                account = self.accounts[event.account]
                account.awaits_key, account.keys = False, frozenset(event.fingerprints)
            case ev.RightsChanged():
                self._changed(event)
            case ev.StaffSuspended():
                self.accounts[event.account].suspended = event.at
            case ev.StaffRestored():
                account = self.accounts[event.account]
                account.suspended, account.restored = None, event.at
            case ev.RightsConfirmed():
                self._confirmed(event)
            case ev.EquivalenceRecorded():
                self.accounts[event.account].equivalence = Equivalence(
                    event.method, event.digest, event.reference, event.at, event.until, event.approver
                )
            case ev.EquivalenceEnded():
                self.accounts[event.account].equivalence = None
            case ev.RightUsed() | ev.StaffSeen():
                self._noted(event)

    def _noted(self, event: ev.RightUsed | ev.StaffSeen) -> None:
        account, day = self.accounts[event.account], event.at.date()
        if isinstance(event, ev.RightUsed):
            account.used[event.right] = day
        else:
            account.seen = day

    def _invited(self, event: ev.StaffInvited) -> None:
        if event.first:
            for account in self.accounts.values():
                account.withdrawn |= account.invited.first
        self.accounts[event.account] = StaffAccount(event.account, event.label, event.user, event)
        self.by_digest[event.digest] = event.account

    def _enrolled(self, event: ev.StaffEnrolled) -> None:
        account = self.accounts[event.account]
        account.enrolled, account.claim, account.awaits_key = event.at, event.claim, event.keyed
        self._grant(account, account.invited.function, account.invited.rights, event.at, account.invited.by)
        for each in self.accounts.values():
            each.withdrawn |= each.invited.first and each is not account

    def _changed(self, event: ev.RightsChanged) -> None:
        account = self.accounts[event.account]
        if event.granted:
            self._grant(account, event.function, event.rights, event.at, event.by)
        else:
            for right in event.rights:
                account.grants.pop((event.function, right), None)

    def _grant(self, account: StaffAccount, function: JobFunction, rights: Iterable[StaffRight], at: datetime, by: StaffActor) -> None:
        awaited = function in SECOND_LOOK and isinstance(by, ByStaff)
        # Why held against the table: what a function no longer needs is not held for it, whenever it was granted.
        for right in sorted(RIGHTS[function].intersection(rights)):
            account.grants[function, right] = Grant(function, right, at, by, awaited)

    def _confirmed(self, event: ev.RightsConfirmed) -> None:
        grants = self.accounts[event.account].grants
        for right in event.revoked:
            grants.pop((event.function, right), None)
        for right in event.kept:
            grant = grants[event.function, right]
            grant.awaited, grant.confirmed, grant.confirmed_by, grant.reason = False, event.at, event.by, event.reason
