"""Count whom an incident affects, from the registers of reviews, openings and families; now, or as it was counted before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import islice

from expunge.core.accounts.family_events import MembershipDecided
from expunge.core.incidents.affected import Affected, SeenRecording, count
from expunge.core.incidents.incidents import Incidents
from expunge.core.journal import events as journalled
from expunge.core.journal.incident_events import IncidentCounted, IncidentScope, ScopeSource
from expunge.core.journal.opening_events import RecordingOpened
from expunge.core.journal.peek import peek, read_flat
from expunge.core.journal.review_events import ViewServed
from expunge.engine.kernel.journal_streams import FAMILIES, INCIDENTS, OPENINGS, REVIEWS, read_register
from expunge.engine.kernel.register_ranges import read_between
from expunge.errors import UsageError
from expunge.ports.journal import Journal

READ = (REVIEWS, OPENINGS, FAMILIES, INCIDENTS)
"""The registers that a count is made from."""


def known(journal: Journal, length: int | None = None) -> Incidents:
    """Return the register of incidents as it is now, or as it was with so many events."""
    return Incidents(islice(read_register(journal, INCIDENTS), length))


def lengths(journal: Journal) -> dict[str, int]:
    """Return how many events each register has that a count is made from."""
    return {name: journal.length(name) for name in READ}


def affected(journal: Journal, incidents: Incidents, name: str, read: Mapping[str, int] | None = None) -> Affected:
    """Count whom an incident affects.

    Args:
        journal: the journal.
        incidents: the register.
        name: of the incident.
        read: register -> how many of its events count; all that there are where it is None.

    Raises StateUnavailable, StateCorrupt.
    """
    scopes = incidents.scopes_of(name)
    length = (read or lengths(journal)).__getitem__
    members = (
        event
        for data in islice(journal.read(FAMILIES), length(FAMILIES))
        if isinstance(event := journalled.decode(data), MembershipDecided)
    )
    seen = {
        ScopeSource.VIEWS: _views(journal, scopes, length(REVIEWS)),
        ScopeSource.OPENINGS: _openings(journal, scopes, length(OPENINGS)),
    }
    return count(scopes, seen, members)


def again(journal: Journal, counted: IncidentCounted) -> Affected:
    """Make a count anew from what the registers had when it was made. Raises UsageError where the journal has less than that now."""
    short = [name for name, length in counted.read.items() if journal.length(name) < length]
    if short:
        text = f"the journal has fewer events of {', '.join(short)} than were counted"
        raise UsageError(text, help="restore it from its backup")
    then = known(journal, counted.read[INCIDENTS])
    if counted.incident not in then.incidents:
        raise UsageError("the count is of an incident that was not known then", help="`expunge incidents show` has the counts of each")
    return affected(journal, then, counted.incident, counted.read)


def _range(scopes: tuple[IncidentScope, ...], source: ScopeSource) -> tuple[datetime, datetime] | None:
    mine = [each for each in scopes if each.source is source]
    return (min(each.since for each in mine), max(each.until for each in mine)) if mine else None


def _views(journal: Journal, scopes: tuple[IncidentScope, ...], end: int) -> Iterator[SeenRecording]:
    span = _range(scopes, ScopeSource.VIEWS)
    if span is None:
        return
    # Why the bytes first: the register is long, and the views of a few reviewers are few of it.
    whose = {each.who.encode() for each in scopes if each.source is ScopeSource.VIEWS}
    for data in read_between(journal, REVIEWS, *span, end):
        if any(each in data for each in whose) and peek(data, ViewServed) is not None:
            view = read_flat(data, ViewServed)
            yield SeenRecording(view.at, view.reviewer, tuple(view.subjects), view.recording)


def _openings(journal: Journal, scopes: tuple[IncidentScope, ...], end: int) -> Iterator[SeenRecording]:
    span = _range(scopes, ScopeSource.OPENINGS)
    if span is None:
        return
    for data in read_between(journal, OPENINGS, *span, end):
        if peek(data, RecordingOpened) is not None:
            opening = read_flat(data, RecordingOpened)
            yield SeenRecording(opening.at, opening.account or opening.user, tuple(opening.subjects), opening.recording)
