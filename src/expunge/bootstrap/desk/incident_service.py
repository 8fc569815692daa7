"""Incidents: the verbs of an installation."""

from __future__ import annotations

import getpass
from dataclasses import dataclass

from expunge.bootstrap.service import DomainService
from expunge.core.incidents import letters
from expunge.core.incidents.affected import Affected
from expunge.core.incidents.incidents import Incident, Incidents, message
from expunge.core.incidents.letters import LetterTo
from expunge.core.journal.incident_events import IncidentCounted, IncidentFact, IncidentKind, IncidentScope, IncidentVerdict, IncidentWord
from expunge.core.journal.incident_events import ScopeSource as Source
from expunge.engine.incidents import closing, committing, counting, drafting, entering, owed
from expunge.engine.incidents.closing import Closing
from expunge.engine.incidents.entering import NewFact, NewIncident
from expunge.engine.incidents.owed import IncidentView

__all__ = [
    "Closing",
    "IncidentFact",
    "IncidentKind",
    "IncidentScope",
    "IncidentService",
    "IncidentVerdict",
    "IncidentWord",
    "LetterTo",
    "NewFact",
    "NewIncident",
    "Source",
]


@dataclass(frozen=True)
class IncidentService(DomainService):
    """Incidents of one installation. What is entered without an account of staff is by the account of the operating system."""

    def refresh(self) -> tuple[str, ...]:
        """Take in confirmed findings, count anew, and have the log commit to it. Return the incidents that are new or grew."""
        with self.changing():
            return entering.refresh(self.context)

    def all(self) -> Incidents:
        """Return every incident."""
        return counting.known(self.context.journal)

    def named(self, which: str) -> Incident:
        """Return an incident by the beginning of its id. Raises UsageError."""
        return entering.found(self.all(), which)

    def views(self, *, every: bool = False) -> tuple[IncidentView, ...]:
        """Return the incidents that are open as they stand now, the oldest first; or all of them."""
        known = self.all()
        wanted = known.incidents if every else [each.opened.incident for each in known.open()]
        return tuple(owed.looked_at(self.context, known, name) for name in wanted)

    def view(self, which: str) -> IncidentView:
        """Return one incident as it stands now. Raises UsageError."""
        known = self.all()
        return owed.looked_at(self.context, known, entering.found(known, which).opened.incident)

    def counted_again(self, counted: IncidentCounted) -> Affected:
        """Make an earlier count anew; see :func:`expunge.engine.incidents.counting.again`."""
        return counting.again(self.context.journal, counted)

    def enter(self, new: NewIncident, by: str = "") -> Incident:
        """Enter an incident; see :func:`expunge.engine.incidents.entering.enter`."""
        with self.changing():
            return self.named(entering.enter(self.context, new, by or getpass.getuser()))

    def grow(self, which: str, scope: IncidentScope, reference: str, by: str = "") -> Incident:
        """Enter that an incident reaches further; see :func:`expunge.engine.incidents.entering.grow`."""
        with self.changing():
            return entering.grow(self.context, which, (scope,), by or getpass.getuser(), reference)

    def state(self, which: str, new: NewFact, by: str = "") -> Incident:
        """Enter what was done or found out; see :func:`expunge.engine.incidents.entering.state`."""
        with self.changing():
            return entering.state(self.context, which, new, by or getpass.getuser())

    def join(self, which: str, into: str, reference: str, by: str = "") -> Incident:
        """Enter that an incident is a part of another one; see :func:`expunge.engine.incidents.entering.join`."""
        with self.changing():
            return entering.join(self.context, which, into, by or getpass.getuser(), reference)

    def message(self, which: str, verdict: IncidentVerdict, reference: str) -> bytes:
        """Return what an approver of the map signs to close an incident. Raises UsageError."""
        return message(self.named(which), verdict, reference)

    def close(self, which: str, account: str, wanted: Closing) -> Incident:
        """Enter the judgement of a member of staff who is logged in; see :func:`expunge.engine.incidents.closing.decide`."""
        with self.changing():
            return closing.decide(self.context, which, account, wanted)

    def close_signed(self, which: str, approver: str, wanted: Closing, signed: str) -> Incident:
        """Enter the judgement of an approver of the map; see :func:`expunge.engine.incidents.closing.decide_signed`."""
        with self.changing():
            return closing.decide_signed(self.context, which, approver, wanted, signed)

    def letter(self, which: str, to: LetterTo, language: str = "en") -> str:
        """Return the draft of a letter about an incident. Raises UsageError."""
        matter = drafting.matter(self.context, which)
        return letters.report(matter, self.context.clock.now()) if to is LetterTo.AUTHORITY else letters.notice(matter, language)

    def verify(self) -> int:
        """Hold the register against the log; see :func:`expunge.engine.incidents.committing.verify`."""
        return committing.verify(self.context)
