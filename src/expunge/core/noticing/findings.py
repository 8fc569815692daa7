"""Findings as the register tells them, and who may judge one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from hashlib import sha256

from expunge.core.journal.finding_events import FindingDecided, FindingGrew, FindingOpened, FindingVerdict, NoticingRun
from expunge.core.values import canonical, codec

PEOPLE = 2
"""So many different people judge alike before a finding is closed."""


class FindingStanding(StrEnum):
    """How a finding stands."""

    OPEN = "open"
    """Nobody has judged it."""
    JUDGED_ONCE = "judged once"
    """Another person has to judge it too."""
    DISPUTED = "disputed"
    """People judge differently: it stays open until two judge alike."""
    EXPLAINED = "explained"
    CONFIRMED = "confirmed"

    @property
    def closed(self) -> bool:
        """Return whether it is closed."""
        return self in (FindingStanding.EXPLAINED, FindingStanding.CONFIRMED)


@dataclass
class Finding:
    """One finding."""

    opened: FindingOpened
    met: Mapping[str, int]
    """Rule -> the number that met it, as it is known now."""
    rules: str
    decisions: dict[str, FindingDecided] = field(default_factory=dict)
    """Account -> its last decision that counts."""
    changes: int = 1
    """Events about it: what a person who judges has seen."""
    grew: datetime | None = None
    """When more rules were met the last time; None where that was at the beginning."""

    @property
    def last_at(self) -> datetime:
        """Return from when on it waits for people."""
        return self.grew or self.opened.at

    @property
    def standing(self) -> FindingStanding:
        """Return how it stands."""
        verdicts = [each.reason.verdict for each in self.decisions.values()]
        for verdict in FindingVerdict:
            if verdicts.count(verdict) >= PEOPLE:
                return FindingStanding(verdict.value)
        if len(set(verdicts)) > 1:
            return FindingStanding.DISPUTED
        return FindingStanding.JUDGED_ONCE if verdicts else FindingStanding.OPEN


class Findings:
    """The fold of the register."""

    def __init__(self, events: Iterable[object] = ()) -> None:
        """Fold events."""
        self.findings: dict[str, Finding] = {}
        self.last_run: NoticingRun | None = None
        for event in events:
            self.apply(event)

    def apply(self, event: object) -> None:
        """Fold one event. One of another register changes nothing."""
        match event:
            case NoticingRun():
                self.last_run = event
            case FindingOpened():
                self.findings.setdefault(event.finding, Finding(event, event.met, event.rules))
            case FindingGrew() if event.finding in self.findings:
                found = self.findings[event.finding]
                found.met, found.rules, found.grew = event.met, event.rules, event.at
                found.decisions.clear()
                found.changes += 1
            case FindingDecided() if event.finding in self.findings:
                found = self.findings[event.finding]
                if not found.standing.closed:
                    found.decisions[event.account] = event
                    found.changes += 1


def finding_id(reviewer: str, day: date) -> str:
    """Return the id of the finding about a reviewer's day: two processes that notice the same open one."""
    return sha256(f"{reviewer}\n{day.isoformat()}".encode()).hexdigest()[:16]


def message(finding: Finding, reason: str, reference: str) -> bytes:
    """Return what an approver signs: a line that names the form, the id, a digest of what is judged, the reason and the reference."""
    judged = {"opened": codec.to_json(finding.opened), "met": dict(finding.met), "rules": finding.rules}
    digest = sha256(canonical.encode(judged)).hexdigest()
    return f"expunge finding/1\n{finding.opened.finding}\n{digest}\n{reason}\n{reference}\n".encode()
