"""Whether an incident is covered by the order, which moments its clocks start with, and what has to be done before it can be closed.

Source: Ring order VII and its definition of a covered incident (RNG-29); III.D, F and G for what follows one (RNG-08).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from expunge.core.incidents.affected import Affected
from expunge.core.incidents.incidents import Incidents
from expunge.core.journal.incident_events import IncidentFact, IncidentStated

THRESHOLD = 10
"""So many accounts make an incident a covered one."""
CLOCK = "incident"
"""What clocks apply to."""
SETTLES: Mapping[str, IncidentFact] = MappingProxyType(
    {
        "ring-incident-report": IncidentFact.REPORTED,
        "ring-after-incident": IncidentFact.ASSESSED,
        "ring-tests-after-incident": IncidentFact.TESTED,
        "ring-product-tests-after-incident": IncidentFact.PRODUCTS_TESTED,
    }
)
"""Clock -> what settles it. Another clock of the map's runs until the incident is closed."""


class Coverage(StrEnum):
    """Whether an incident is a covered one."""

    ACCOUNTS = "ten accounts or more"
    STATUTE = "a law asks for a notice"
    UNKNOWN = "the accounts could not be counted"
    """It is handled as a covered one: what is not known is no reason for silence."""
    BELOW = "fewer than ten accounts"
    """It is recorded and watched: what comes later of the same cause counts with it."""

    @property
    def covered(self) -> bool:
        """Return whether its clocks run."""
        return self is not Coverage.BELOW


def number_of(known: Incidents, name: str, affected: Affected) -> int:
    """Return the accounts that count: those of the registers, or what a person counted otherwise where that is more."""
    stated = [each.number for each in facts_of(known, name) if each.fact is IncidentFact.COUNTED]
    return max([len(affected.accounts), *stated])


def facts_of(known: Incidents, name: str) -> list[IncidentStated]:
    """Return what people stated about an incident and all that counts with it."""
    return list(dict.fromkeys(fact for each in known.counting_together(name) for fact in each.facts))


def coverage(known: Incidents, name: str, affected: Affected) -> Coverage:
    """Return whether an incident is a covered one, by what is known now."""
    if number_of(known, name, affected) >= THRESHOLD:
        return Coverage.ACCOUNTS
    if any(each.fact is IncidentFact.STATUTE for each in facts_of(known, name)):
        return Coverage.STATUTE
    return Coverage.UNKNOWN if affected.could_not else Coverage.BELOW


def moments(known: Incidents, name: str) -> dict[str, datetime]:
    """Return event -> moment, as the clocks of incidents name them. An incident is its beginning: no reader counts from earlier."""
    incident = known.incidents[name]
    started = {
        "incident": known.began(name),
        "discovered": known.discovered(name),
        "government told": incident.first(IncidentFact.GOVERNMENT_TOLD),
        "decided that no notice is needed": incident.first(IncidentFact.NO_NOTICE),
        "response completed": incident.first(IncidentFact.COMPLETED),
    }
    return {event: at for event, at in started.items() if at is not None}


def waits_for_decision(known: Incidents, name: str) -> bool:
    """Return whether it is still open that a government body was told, or need not be told: the clock of the report does not run."""
    incident = known.incidents[name]
    return incident.first(IncidentFact.GOVERNMENT_TOLD) is None and incident.first(IncidentFact.NO_NOTICE) is None


def is_settled(known: Incidents, name: str, clock: str) -> bool:
    """Return whether what a clock asks for was done."""
    fact = SETTLES.get(clock)
    return fact is not None and known.incidents[name].last(fact) is not None


def lacks(known: Incidents, name: str, covers: Coverage, clocks: Collection[str]) -> tuple[IncidentFact, ...]:
    """Return what has to be entered before an incident can be closed as settled.

    Args:
        known: the register.
        name: of the incident.
        covers: whether it is a covered one.
        clocks: the clocks of the map that apply to incidents.
    """
    incident = known.incidents[name]
    wanted = [IncidentFact.COMPLETED]
    if covers.covered:
        wanted += [SETTLES[clock] for clock in SETTLES if clock in clocks]
    found = [each for each in wanted if incident.last(each) is None]
    if covers.covered and waits_for_decision(known, name):
        found.append(IncidentFact.GOVERNMENT_TOLD)
    return tuple(found)
