"""Whom an incident affects, counted from registers: every account once, whatever it was affected by and how often.

An account is affected where it was a member of a family while a recording of that family's subject was seen, or where a stranger came into
it. A person without an account counts as one, and so does a recording that names no person.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256

from expunge.core.accounts.family_events import MembershipDecided
from expunge.core.accounts.memberships import MembershipRole
from expunge.core.journal.incident_events import IncidentScope, ScopeSource

NO_REGISTER = "no register tells whose data were in it"
RECORDING = "recording "
"""Before the id of a recording that names no person, in lists of accounts."""


@dataclass(frozen=True)
class SeenRecording:
    """A recording that was seen, opened or given out."""

    at: datetime
    who: str
    subjects: tuple[str, ...]
    """Pseudonyms."""
    recording: str


@dataclass(frozen=True)
class Affected:
    """The result of a count."""

    accounts: tuple[str, ...]
    """Ids of accounts, pseudonyms of people without one, and recordings that name no person; sorted, each once."""
    people: tuple[str, ...]
    """Pseudonyms of everybody whose recordings were seen, and of the subjects of families of taken accounts."""
    could_not: tuple[str, ...] = ()
    """Why there may be more; empty where the count is exact."""

    @property
    def digest(self) -> str:
        """Return the hex SHA-256 of the list of accounts, one a line."""
        return sha256("".join(f"{each}\n" for each in self.accounts).encode()).hexdigest()


@dataclass
class Memberships:
    """Which account was a member of which family, and when."""

    _spans: dict[str, dict[str, list[list[datetime | None]]]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(list)))
    """Family -> account -> spans: since, and before; None while it lasts."""

    def take(self, event: MembershipDecided) -> None:
        """Take in the next event of the register of families."""
        spans = self._spans[event.family][event.account]
        is_member = event.role is not MembershipRole.FORMER
        lasts = bool(spans) and spans[-1][1] is None
        if is_member and not lasts:
            spans.append([event.at, None])
        elif not is_member and lasts:
            spans[-1][1] = event.at

    def accounts(self, family: str, times: Iterable[datetime]) -> set[str]:
        """Return the accounts that were members of a family at one of some moments."""
        moments = list(times)
        spans = self._spans.get(family, {})
        return {account for account, each in spans.items() if any(_within(span, at) for span in each for at in moments)}

    def families(self, account: str, since: datetime, until: datetime) -> set[str]:
        """Return the families that an account was a member of at any time of a span."""
        return {
            family for family, accounts in self._spans.items() if any(_overlaps(span, since, until) for span in accounts.get(account, ()))
        }


def _within(span: list[datetime | None], at: datetime) -> bool:
    since, until = span
    assert since is not None
    return since <= at and (until is None or at < until)


def _overlaps(span: list[datetime | None], since: datetime, until: datetime) -> bool:
    begins, ends = span
    assert begins is not None
    return begins < until and (ends is None or ends > since)


def count(
    scopes: Iterable[IncidentScope], seen: Mapping[ScopeSource, Iterable[SeenRecording]], members: Iterable[MembershipDecided]
) -> Affected:
    """Count whom some scopes reach.

    Args:
        scopes: what an incident reaches; one that is given twice counts once.
        seen: source -> what the register of it has, in the range of the scopes or beyond it.
        members: the register of families, in order.
    """
    parts = tuple(dict.fromkeys(scopes))
    memberships = Memberships()
    for event in members:
        memberships.take(event)
    times: dict[str, set[datetime]] = defaultdict(set)
    accounts: set[str] = set()
    for source in (ScopeSource.VIEWS, ScopeSource.OPENINGS):
        wanted = [each for each in parts if each.source is source]
        for look in seen.get(source, ()) if wanted else ():
            if any(each.who == look.who and each.since <= look.at < each.until for each in wanted):
                if not look.subjects:
                    accounts.add(RECORDING + look.recording)
                for person in look.subjects:
                    times[person].add(look.at)
    people = set(times)
    for person, moments in times.items():
        # Why the person where there is none: it is a customer of the company all the same.
        accounts |= memberships.accounts(person, moments) or {person}
    for each in parts:
        if each.source is ScopeSource.TAKEOVER:
            accounts.add(each.who)
            people |= memberships.families(each.who, each.since, each.until)
    could_not = (NO_REGISTER,) if any(each.source is ScopeSource.NOWHERE for each in parts) else ()
    return Affected(tuple(sorted(accounts)), tuple(sorted(people)), could_not)
