"""Incidents as the register tells them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from hashlib import sha256

from expunge.core.journal.incident_events import (
    IncidentCounted,
    IncidentDecided,
    IncidentFact,
    IncidentGrew,
    IncidentJoined,
    IncidentOpened,
    IncidentScope,
    IncidentStated,
    IncidentVerdict,
    IncidentWord,
)
from expunge.core.values import canonical, codec

PEOPLE = 2
"""So many different people judge alike before an incident is closed."""
BY_FINDINGS, BY_ACCOUNTS = "findings", "accounts"
"""Who entered an incident that was found: noticing, or the guard of accounts."""


class IncidentStanding(StrEnum):
    """How an incident stands."""

    OPEN = "open"
    JUDGED_ONCE = "judged once"
    """A second person has to judge it too."""
    DISPUTED = "disputed"
    """People judge differently: it stays open until two judge alike."""
    CLOSED = "closed"
    JOINED = "joined"
    """It goes on as a part of another one."""

    @property
    def over(self) -> bool:
        """Return whether nothing is done about it any more."""
        return self in (IncidentStanding.CLOSED, IncidentStanding.JOINED)


@dataclass
class Incident:
    """One incident."""

    opened: IncidentOpened
    scopes: list[IncidentScope] = field(default_factory=list)
    """Its own; see :meth:`Incidents.scopes_of` for those that count."""
    counts: list[IncidentCounted] = field(default_factory=list)
    facts: list[IncidentStated] = field(default_factory=list)
    decisions: dict[str, IncidentDecided] = field(default_factory=dict)
    """Account -> its last decision that counts."""
    into: str = ""
    """The incident that it is a part of; empty for none."""
    changes: int = 1
    """Events about it: what a person who judges has seen."""

    @property
    def verdict(self) -> IncidentVerdict | None:
        """Return the verdict that it was closed with; None while it is open."""
        verdicts = [each.verdict for each in self.decisions.values()]
        return next((each for each in IncidentVerdict if verdicts.count(each) >= PEOPLE), None)

    @property
    def standing(self) -> IncidentStanding:
        """Return how it stands."""
        if self.into:
            return IncidentStanding.JOINED
        if self.verdict is not None:
            return IncidentStanding.CLOSED
        verdicts = {each.verdict for each in self.decisions.values()}
        if len(verdicts) > 1:
            return IncidentStanding.DISPUTED
        return IncidentStanding.JUDGED_ONCE if verdicts else IncidentStanding.OPEN

    @property
    def counted(self) -> IncidentCounted | None:
        """Return the last count; None before the first."""
        return self.counts[-1] if self.counts else None

    def first(self, fact: IncidentFact) -> datetime | None:
        """Return when something was first the case; None where it is not."""
        return min((each.on for each in self.facts if each.fact is fact), default=None)

    def last(self, fact: IncidentFact) -> datetime | None:
        """Return when something was last done; None where it never was."""
        return max((each.on for each in self.facts if each.fact is fact), default=None)


class Incidents:
    """The fold of the register."""

    def __init__(self, events: Iterable[object] = ()) -> None:
        """Fold events."""
        self.incidents: dict[str, Incident] = {}
        self._by_cause: dict[str, list[str]] = {}
        for event in events:
            self.apply(event)

    def apply(self, event: object) -> None:
        """Fold one event. One of another register changes nothing, and neither does one about an incident that is over."""
        if isinstance(event, IncidentOpened):
            if event.incident not in self.incidents:
                self.incidents[event.incident] = Incident(event, list(event.scopes))
                self._by_cause.setdefault(event.cause, []).append(event.incident)
            return
        about = getattr(event, "incident", None)
        incident = self.incidents.get(about) if isinstance(about, str) else None
        if incident is None or incident.standing.over:
            return
        match event:
            case IncidentGrew():
                incident.scopes += event.scopes
                incident.decisions.clear()
            case IncidentCounted():
                if incident.counted is not None and incident.counted.digest != event.digest:
                    incident.decisions.clear()
                incident.counts.append(event)
            case IncidentStated():
                incident.facts.append(event)
                incident.decisions.clear()
            case IncidentDecided():
                incident.decisions[event.account] = event
            case IncidentJoined():
                self._join(incident, event.into)
            case _:
                return
        incident.changes += 1

    def _join(self, incident: Incident, into: str) -> None:
        other = self.incidents.get(into)
        if other is None or other.standing.over or other is incident:
            return
        incident.into = into
        other.facts += incident.facts
        other.decisions.clear()
        other.changes += 1

    def part_of(self, name: str) -> str:
        """Return the incident that one goes on as; its own name where it was not joined to another."""
        while self.incidents[name].into:
            name = self.incidents[name].into
        return name

    def counting_together(self, name: str) -> list[Incident]:
        """Return every incident whose accounts count with those of one: itself, those joined to it, and others of the same causes.

        Small ones of one cause add up, also when the earlier ones are closed. One that turned out to be none counts with no other, and
        neither does one in which the keys were safe.
        """
        whole = self.part_of(name)
        parts = [each for each in self.incidents if self.part_of(each) == whole]
        same = {other for each in parts for other in self._by_cause[self.incidents[each].opened.cause]}
        more = [each for each in self.incidents if each in same and each not in parts and self._counts(each)]
        return [self.incidents[each] for each in (*parts, *more)]

    def _counts(self, name: str) -> bool:
        return self.incidents[self.part_of(name)].verdict in (None, IncidentVerdict.SETTLED)

    def scopes_of(self, name: str) -> tuple[IncidentScope, ...]:
        """Return everything that counts for an incident, each part once."""
        return tuple(dict.fromkeys(scope for each in self.counting_together(name) for scope in each.scopes))

    def began(self, name: str) -> datetime:
        """Return the earliest beginning of what counts for an incident."""
        return min(each.opened.began for each in self.counting_together(name))

    def discovered(self, name: str) -> datetime:
        """Return when the first part of what counts for an incident was discovered."""
        return min(each.opened.discovered for each in self.counting_together(name))

    def words(self, name: str) -> tuple[IncidentWord, ...]:
        """Return what happened to data, of everything that counts."""
        found = {word for each in self.counting_together(name) for word in each.opened.what}
        return tuple(word for word in IncidentWord if word in found)

    def of_cause(self, cause: str) -> Incident | None:
        """Return the open incident of a cause, or the one that it was joined to; None where there is none that is open."""
        wholes = (self.incidents[self.part_of(name)] for name in self._by_cause.get(cause, ()))
        return next((each for each in wholes if not each.standing.over), None)

    def known_reasons(self) -> set[str]:
        """Return what every part of every incident is known by: ids of findings, signs of takeovers."""
        return {scope.because for each in self.incidents.values() for scope in each.scopes if scope.because}

    def open(self) -> Iterator[Incident]:
        """Yield the incidents that are not over."""
        return (each for each in self.incidents.values() if not each.standing.over)


def message(incident: Incident, verdict: IncidentVerdict, reference: str) -> bytes:
    """Return what an approver signs: a line that names the form, the id, a digest of what is judged, the verdict and the reference."""
    parts = (*incident.scopes, *incident.counts, *incident.facts)
    judged = {"opened": codec.to_json(incident.opened), "parts": [codec.to_json(each) for each in parts]}
    digest = sha256(canonical.encode(judged)).hexdigest()
    return f"expunge incident/1\n{incident.opened.incident}\n{digest}\n{verdict.value}\n{reference}\n".encode()
