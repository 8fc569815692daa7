"""Enter incidents, what comes to light later, and what was done about them; count anew where something changed."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from expunge.core.accounts.staff_acts import check_reference
from expunge.core.incidents.affected import Affected
from expunge.core.incidents.incidents import Incident, Incidents
from expunge.core.journal.incident_events import (
    IncidentCounted,
    IncidentEvent,
    IncidentFact,
    IncidentGrew,
    IncidentJoined,
    IncidentKind,
    IncidentOpened,
    IncidentScope,
    IncidentStated,
    IncidentWord,
    ScopeSource,
)
from expunge.engine.incidents import committing, counting, finding
from expunge.engine.kernel.context import Context
from expunge.engine.kernel.journal_streams import INCIDENTS, register_behind
from expunge.errors import IllegalTransition, UsageError

MOST_NUMBER = 10**9
_LEAST = timedelta(minutes=1)
"""An incident that is discovered as it begins has lasted for so long."""
_DIGEST = re.compile(r"[0-9a-f]{64}")
_WHO = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True)
class NewIncident:
    """What a person enters."""

    kind: IncidentKind
    began: datetime
    discovered: datetime
    what: tuple[IncidentWord, ...]
    reference: str
    """The key of the ticket that says more."""
    scopes: tuple[IncidentScope, ...] = ()
    """Nowhere where there is none."""


@dataclass(frozen=True)
class NewFact:
    """What a person states."""

    fact: IncidentFact
    on: datetime
    reference: str
    number: int = 0
    document: str = ""
    """Hex SHA-256 of the paper."""


def found(known: Incidents, which: str) -> Incident:
    """Return an incident by its id, or the beginning of it. Raises UsageError for none or several."""
    names = [name for name in known.incidents if which and name.startswith(which)]
    if len(names) != 1:
        text = "several incidents begin so" if names else "there is no incident of that id"
        raise UsageError(text, help="`expunge incidents list` shows them")
    return known.incidents[names[0]]


def enter(context: Context, new: NewIncident, by: str) -> str:
    """Enter an incident, and return its id.

    Raises UsageError for times that have not come, or that exclude one another, for a scope of nobody, and for a reference that is none.
    """
    check_reference(new.reference)
    now = context.clock.now()
    if not new.began <= new.discovered <= now:
        raise UsageError("an incident begins before it is discovered, before now", help="--began 2027-01-31 --discovered 2027-02-02")
    if not new.what:
        raise UsageError("the incident says nothing of what happened", help="give --what, or several; `unknown` where that is not known")
    scopes = new.scopes or (IncidentScope(ScopeSource.NOWHERE, "", new.began, max(new.discovered, new.began + _LEAST)),)
    _check_scopes(scopes, now)
    name = context.random(8).hex()
    opened = IncidentOpened(now, name, new.kind, name, new.began, new.discovered, new.what, scopes, by, new.reference)
    register_behind(context.journal, INCIDENTS, lambda _: [opened])
    refresh(context)
    return name


def grow(context: Context, which: str, scopes: Sequence[IncidentScope], by: str, reference: str) -> Incident:
    """Enter that an incident reaches further. Raises as :func:`enter`, and IllegalTransition for one that is over."""
    check_reference(reference)
    now = context.clock.now()
    _check_scopes(scopes, now)
    return _changed(context, which, lambda _, incident: IncidentGrew(now, incident.opened.incident, tuple(scopes), by, reference))


def state(context: Context, which: str, new: NewFact, by: str) -> Incident:
    """Enter what was done about an incident, or found out.

    Raises UsageError for a time that has not come, a number without its fact, a digest that is none; IllegalTransition for one that is
        over.
    """
    check_reference(new.reference)
    now = context.clock.now()
    if new.on > now:
        raise UsageError("that time has not come yet", help="enter what was done, once it is done")
    if (new.fact is IncidentFact.COUNTED) != (new.number > 0) or not 0 <= new.number <= MOST_NUMBER:
        raise UsageError("a number goes with accounts that were counted otherwise alone", help="--fact counted --number 12")
    if new.document and not _DIGEST.fullmatch(new.document):
        raise UsageError("the digest of the document is no SHA-256", help="64 hex digits")

    def event(_: Incidents, incident: Incident) -> IncidentStated:
        return IncidentStated(now, incident.opened.incident, new.fact, new.on, new.number, by, new.reference, new.document)

    return _changed(context, which, event)


def join(context: Context, which: str, into: str, by: str, reference: str) -> Incident:
    """Enter that an incident is a part of another one. Return that one. Raises UsageError, IllegalTransition."""
    check_reference(reference)
    now = context.clock.now()

    def event(known: Incidents, incident: Incident) -> IncidentJoined:
        whole = found(known, into)
        if whole is incident or whole.standing.over:
            raise IllegalTransition("an incident can be joined to another one that is open", help="`expunge incidents list` shows them")
        return IncidentJoined(now, incident.opened.incident, whole.opened.incident, by, reference)

    _changed(context, which, event)
    known = counting.known(context.journal)
    return known.incidents[known.part_of(found(known, which).opened.incident)]


def _changed(context: Context, which: str, event: Callable[[Incidents, Incident], IncidentEvent]) -> Incident:
    def conclude(events: Sequence[object]) -> list[IncidentEvent]:
        known = Incidents(events)
        incident = found(known, which)
        require_open(incident)
        return [event(known, incident)]

    register_behind(context.journal, INCIDENTS, conclude)
    refresh(context)
    return found(counting.known(context.journal), which)


def require_open(incident: Incident) -> None:
    """Raise IllegalTransition for an incident that is over."""
    if incident.standing.over:
        text = f"the incident is {incident.standing.value}"
        raise IllegalTransition(text, help="enter a new one; what has one cause counts together")


def _check_scopes(scopes: Sequence[IncidentScope], now: datetime) -> None:
    for each in scopes:
        named = bool(_WHO.fullmatch(each.who)) if each.source is not ScopeSource.NOWHERE else not each.who
        if not named:
            text = "a part of an incident names an account: its random id, or the account of the operating system"
            raise UsageError(text, help="`expunge views` and `expunge vault openings` show accounts; no name of a person")
        if not each.since < each.until or each.since > now:
            raise UsageError("the time of a part of an incident is empty or has not come", help="--since before --until")


# --- counts ------------------------------------------------------------------------------------------------------


def refresh(context: Context) -> tuple[str, ...]:
    """Take in confirmed findings, count every open incident anew, and have the log commit to all of it.

    Return the incidents that are new or of which more was found. Raises Busy, StateUnavailable, NotWitnessed: what is in the journal by
    then stays, and the next call goes on.
    """
    fresh = finding.confirmed(context)
    recounted = _count(context)
    committing.commit(context)
    return tuple(dict.fromkeys((*fresh, *recounted)))


def _count(context: Context) -> tuple[str, ...]:
    """Enter the count of every open incident of which the last one does not hold any more. Return their ids."""
    known = counting.known(context.journal)
    read = counting.lengths(context.journal)
    counts = {each.opened.incident: counting.affected(context.journal, known, each.opened.incident, read) for each in known.open()}

    def conclude(events: Sequence[object]) -> list[IncidentCounted]:
        now_known, now = Incidents(events), context.clock.now()
        open_ones = {each.opened.incident: each for each in now_known.open()}
        wanted = [(open_ones[name], result) for name, result in counts.items() if name in open_ones]
        return [_counted(now, each, result, read) for each, result in wanted if _differs(each, result)]

    return tuple(each.incident for each in register_behind(context.journal, INCIDENTS, conclude) if isinstance(each, IncidentCounted))


def _differs(incident: Incident, result: Affected) -> bool:
    last = incident.counted
    return last is None or (last.digest, last.people, last.could_not) != (result.digest, len(result.people), result.could_not)


def _counted(now: datetime, incident: Incident, result: Affected, read: dict[str, int]) -> IncidentCounted:
    name = incident.opened.incident
    return IncidentCounted(now, name, len(result.accounts), len(result.people), result.could_not, result.digest, read)
