"""Find incidents: in confirmed findings of noticing, and where the guard of accounts sees that a stranger came in.

What is found twice is entered once, so that a crash, a second process and a second run change nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from hashlib import sha256
from zoneinfo import ZoneInfo

from expunge.core.incidents.incidents import BY_ACCOUNTS, BY_FINDINGS, Incidents
from expunge.core.journal.finding_events import FindingVerdict
from expunge.core.journal.incident_events import (
    IncidentEvent,
    IncidentGrew,
    IncidentKind,
    IncidentOpened,
    IncidentScope,
    IncidentWord,
    ScopeSource,
    TakeoverSign,
)
from expunge.core.noticing.findings import Finding, Findings
from expunge.engine.kernel.context import Context
from expunge.engine.kernel.journal_streams import FINDINGS, INCIDENTS, read_register, register_behind
from expunge.ports.clock import Clock
from expunge.ports.journal import Journal

ONE_CAUSE = timedelta(days=30)
"""Takeovers with no longer pause between two of them have one cause, unless people say otherwise."""
BEFORE = timedelta(days=1)
"""So long before a takeover is seen the stranger may have been in the account already."""
_REVIEWER, _FRONT_DOOR = "reviewer", "accounts"


def confirmed(context: Context) -> tuple[str, ...]:
    """Enter what confirmed findings show and no incident has yet. Return the incidents that are new or grew. Raises Busy."""
    found = Findings(read_register(context.journal, FINDINGS)).findings.values()
    wanted = [each for each in found if each.standing.value == FindingVerdict.CONFIRMED]
    if not wanted:
        return ()
    now, zone = context.clock.now(), _zone(context)

    def conclude(events: Sequence[object]) -> list[IncidentEvent]:
        known, entered = Incidents(events), list[IncidentEvent]()
        reasons = known.known_reasons()
        for finding in wanted:
            if finding.opened.finding not in reasons:
                event = _of_finding(known, finding, now, zone)
                known.apply(event)
                entered.append(event)
        return entered

    return _names(register_behind(context.journal, INCIDENTS, conclude))


def _of_finding(known: Incidents, finding: Finding, now: datetime, zone: ZoneInfo) -> IncidentEvent:
    opened = finding.opened
    day = date.fromisoformat(opened.day)
    since, until = _midnight(day, zone), _midnight(day + timedelta(days=1), zone)
    scopes = (IncidentScope(ScopeSource.VIEWS, opened.reviewer, since, until, opened.finding),)
    cause = f"{_REVIEWER} {opened.reviewer}"
    open_one = known.of_cause(cause)
    if open_one is not None:
        return IncidentGrew(now, open_one.opened.incident, scopes, BY_FINDINGS, "")
    name, words = _name("finding", opened.finding), (IncidentWord.SEEN,)
    return IncidentOpened(now, name, IncidentKind.VIEWS, cause, since, min(opened.at, now), words, scopes, BY_FINDINGS, "")


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    # Why fold 0: of a midnight that comes twice the day begins with the first.
    return datetime.combine(day, time(), zone).astimezone(UTC)


def _zone(context: Context) -> ZoneInfo:
    review = context.data_map.review
    return ZoneInfo(review.limits.hours.zone if review else "UTC")


def taken_over(journal: Journal, clock: Clock, account: str, sign: TakeoverSign, since: datetime | None = None) -> str:
    """Enter that a stranger came into an account. Return the incident that it is a part of.

    Args:
        journal: of the installation.
        clock: never goes back.
        account: the account, a random id.
        sign: by what it is known.
        since: from when on the stranger may have been in it; a day before now where that is not known.

    The same sign of the same account within a day is the same takeover. Raises Busy.
    """
    now = clock.now()
    scope = IncidentScope(ScopeSource.TAKEOVER, account, since or now - BEFORE, now, sign.value)
    found = ""

    def conclude(events: Sequence[object]) -> list[IncidentEvent]:
        nonlocal found
        known = Incidents(events)
        recent = [each for each in known.open() if each.opened.cause.startswith(_FRONT_DOOR) and _last(each.scopes) >= now - ONE_CAUSE]
        if recent:
            found = recent[-1].opened.incident
            already = any(each.who == account and each.because == sign.value and each.until >= now - BEFORE for each in recent[-1].scopes)
            return [] if already else [IncidentGrew(now, found, (scope,), BY_ACCOUNTS, "")]
        found = _name("takeover", account, now.isoformat())
        cause, words = f"{_FRONT_DOOR} {found}", (IncidentWord.UNKNOWN,)
        return [IncidentOpened(now, found, IncidentKind.TAKEOVER, cause, scope.since, now, words, (scope,), BY_ACCOUNTS, "")]

    register_behind(journal, INCIDENTS, conclude)
    return found


def _last(scopes: Sequence[IncidentScope]) -> datetime:
    return max(each.until for each in scopes)


def _name(*parts: str) -> str:
    return sha256("\n".join(parts).encode()).hexdigest()[:16]


def _names(events: Sequence[object]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(each.incident for each in events if isinstance(each, IncidentOpened | IncidentGrew)))
