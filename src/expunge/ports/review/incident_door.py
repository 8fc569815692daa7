"""The port of incidents as the pages of staff ask for them: each verb names an account and its web session."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from expunge.core.incidents.incidents import IncidentStanding
from expunge.core.incidents.letters import LetterTo
from expunge.core.incidents.owed import Coverage
from expunge.core.journal.incident_events import IncidentFact, IncidentKind, IncidentVerdict, IncidentWord, ScopeSource
from expunge.ports.review.desk_door import DeskCaller


@dataclass(frozen=True)
class IncidentCard:
    """One incident as lists show it."""

    incident: str
    kind: IncidentKind
    standing: IncidentStanding
    verdict: IncidentVerdict | None
    coverage: Coverage
    number: int
    """Accounts that count."""
    exact: bool
    """Whether there are no more than that."""
    began: datetime
    discovered: datetime
    due: datetime | None
    """The next deadline; None where none runs."""
    overdue: int
    """Deadlines that are over."""


@dataclass(frozen=True)
class IncidentPart:
    """One part of what an incident reaches."""

    source: ScopeSource
    who: str
    """A label of staff, or the account; empty where no register tells."""
    since: datetime
    until: datetime


@dataclass(frozen=True)
class IncidentCount:
    """One count."""

    at: datetime
    accounts: int
    people: int
    holds: bool
    """Whether it is the same when it is made anew."""


@dataclass(frozen=True)
class IncidentStep:
    """What a person entered."""

    on: datetime
    fact: IncidentFact
    number: int
    by: str
    reference: str


@dataclass(frozen=True)
class IncidentJudgement:
    """How a person judged it."""

    at: datetime
    by: str
    verdict: IncidentVerdict
    reference: str


@dataclass(frozen=True)
class IncidentDue:
    """One deadline."""

    duty: str
    why: str
    at: datetime | None
    overdue: bool


@dataclass(frozen=True)
class IncidentPage:
    """One incident with everything about it."""

    card: IncidentCard
    what: tuple[IncidentWord, ...]
    by: str
    into: str
    changes: int
    """What a person who judges has seen."""
    people: int
    parts: tuple[IncidentPart, ...]
    counts: tuple[IncidentCount, ...]
    steps: tuple[IncidentStep, ...]
    judgements: tuple[IncidentJudgement, ...]
    due: tuple[IncidentDue, ...]


@dataclass(frozen=True)
class IncidentReach:
    """What a person enters of whom an incident reaches."""

    source: ScopeSource
    who: str
    since: datetime
    until: datetime


@dataclass(frozen=True)
class IncidentEntry:
    """A new incident as a person enters it."""

    kind: IncidentKind
    began: datetime
    discovered: datetime
    what: tuple[IncidentWord, ...]
    reference: str
    reach: IncidentReach | None = None


@dataclass(frozen=True)
class IncidentChange:
    """What a person enters about one: a fact, whom it reaches further, or the incident that it is a part of."""

    reference: str
    fact: IncidentFact | None = None
    on: datetime | None = None
    number: int = 0
    document: str = ""
    """Hex SHA-256 of the paper."""
    reach: IncidentReach | None = None
    into: str = ""


class IncidentDoor(Protocol):
    """Incidents. Each verb takes ``read-evidence``, and none shows an incident to a person whom it is about.

    Raises DeskRefused for who may not, UsageError for what is none, IllegalTransition for what is over, and as the state and the log do.
    """

    def incidents(self, caller: DeskCaller) -> tuple[IncidentCard, ...]:
        """Return incidents, the newest first. Confirmed findings become incidents, and open ones are counted anew."""
        ...

    def incident(self, caller: DeskCaller, incident: str) -> IncidentPage:
        """Return one incident, with each count made anew."""
        ...

    def enter_incident(self, caller: DeskCaller, entry: IncidentEntry) -> IncidentCard:
        """Enter an incident."""
        ...

    def change_incident(self, caller: DeskCaller, incident: str, change: IncidentChange) -> IncidentCard:
        """Enter what was done, or found out. Return the incident that it goes on as."""
        ...

    def close_incident(self, caller: DeskCaller, incident: str, verdict: IncidentVerdict, reference: str, seen: int) -> IncidentCard:
        """Judge an incident. ``seen``: its changes as the page showed them. Raises DecisionRefused, Conflict too."""
        ...

    def letter(self, caller: DeskCaller, incident: str, to: LetterTo, language: str) -> str:
        """Return the draft of a letter about an incident: Markdown for an authority, text for people (``en``, ``es``)."""
        ...
