"""Incidents at the clerk, behind the same port as in its process, over a socket."""

from __future__ import annotations

from typing import Any

from expunge.adapters.desk import incident_requests as wire
from expunge.adapters.desk.desk_requests import read_told
from expunge.adapters.keeper.connection import Connections
from expunge.adapters.keeper.requests import Request
from expunge.core.incidents.letters import LetterTo
from expunge.core.journal.incident_events import IncidentVerdict
from expunge.ports.review.desk_door import DeskCaller
from expunge.ports.review.incident_door import IncidentCard, IncidentChange, IncidentEntry, IncidentPage


class ClerkIncidents:
    """Implements ``expunge.ports.review.incident_door.IncidentDoor``. Threads may share it, and a fork may go on using it."""

    def __init__(self, connections: Connections) -> None:
        """Take the connections, which the doors of a clerk share."""
        self._connections = connections

    def __repr__(self) -> str:
        return "ClerkIncidents(…)"

    def incidents(self, caller: DeskCaller) -> tuple[IncidentCard, ...]:
        """See the port."""
        found: tuple[IncidentCard, ...] = self._asked(tuple[IncidentCard, ...], wire.AllIncidents(*_by(caller)))
        return found

    def incident(self, caller: DeskCaller, incident: str) -> IncidentPage:
        """See the port."""
        found: IncidentPage = self._asked(IncidentPage, wire.OneIncident(*_by(caller), incident))
        return found

    def enter_incident(self, caller: DeskCaller, entry: IncidentEntry) -> IncidentCard:
        """See the port."""
        return self._card(wire.EnterIncident(*_by(caller)), wire.written_entered(entry))

    def change_incident(self, caller: DeskCaller, incident: str, change: IncidentChange) -> IncidentCard:
        """See the port."""
        return self._card(wire.ChangeIncident(*_by(caller), incident), wire.written_entered(change))

    def close_incident(self, caller: DeskCaller, incident: str, verdict: IncidentVerdict, reference: str, seen: int) -> IncidentCard:
        """See the port."""
        return self._card(wire.CloseIncident(*_by(caller), incident, verdict.value, reference, seen))

    def letter(self, caller: DeskCaller, incident: str, to: LetterTo, language: str) -> str:
        """See the port."""
        return self._connections.ask(wire.DraftLetter(*_by(caller), incident, to.value, language), b"").body.decode()

    def _card(self, request: Request, body: bytes = b"") -> IncidentCard:
        found: IncidentCard = self._asked(IncidentCard, request, body)
        return found

    def _asked(self, kind: Any, request: Request, body: bytes = b"") -> Any:
        return read_told(kind, self._connections.ask(request, body))


def _by(caller: DeskCaller) -> tuple[str, str, str]:
    return caller.account, caller.session.hex(), caller.address
