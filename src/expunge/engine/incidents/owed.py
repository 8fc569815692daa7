"""What is owed for incidents, by the clocks of the map, and what waits for people."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from expunge.core.datamap.clocks import ClockState
from expunge.core.incidents.affected import Affected
from expunge.core.incidents.incidents import Incident, Incidents
from expunge.core.incidents.owed import CLOCK, Coverage, coverage, is_settled, moments, number_of, waits_for_decision
from expunge.engine.incidents import counting
from expunge.engine.kernel.context import Context
from expunge.engine.recipients import deadlines
from expunge.engine.recipients.deadlines import Deadline

DECIDED_WITHIN = timedelta(hours=72)
"""The shortest time that a law gives for telling an authority of a breach (GDPR 33): by then it is decided whether one is told."""
_DECIDE = "decide whether a law asks for a notice, and enter it: the clock of the report starts with that"
_ORDER = "FTC v. Ring, VII"


@dataclass(frozen=True)
class IncidentView:
    """One incident as it stands now."""

    incident: Incident
    affected: Affected
    number: int
    """Accounts that count: those of the registers, or what a person counted otherwise where that is more."""
    coverage: Coverage
    deadlines: tuple[Deadline, ...]


def looked_at(context: Context, known: Incidents, name: str) -> IncidentView:
    """Return an incident as it stands now, counted anew."""
    affected = counting.affected(context.journal, known, name)
    covers = coverage(known, name, affected)
    incident = known.incidents[name]
    due = () if incident.standing.over or not covers.covered else tuple(_due(context, known, name))
    return IncidentView(incident, affected, number_of(known, name, affected), covers, deadlines.soonest_first(due))


def _due(context: Context, known: Incidents, name: str) -> Iterator[Deadline]:
    what = f"incident {name}"
    started = moments(known, name)
    for each in deadlines.owed(context, what, CLOCK, started):
        if not is_settled(known, name, each.clock):
            yield each
    if waits_for_decision(known, name):
        at = started["discovered"] + DECIDED_WITHIN
        standing = ClockState.OVERDUE if context.clock.now() >= at else ClockState.RUNNING
        yield Deadline(what, _DECIDE, CLOCK, _ORDER, at, standing, "72 hours after it was discovered")


def owed(context: Context) -> tuple[Deadline, ...]:
    """Return what is owed for every open incident that is covered, or that may be."""
    known = counting.known(context.journal)
    return tuple(due for each in known.open() for due in looked_at(context, known, each.opened.incident).deadlines)
