"""What is held at the clerk, behind the same port as in its process, over a socket."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from expunge.adapters.clerk import held_requests as wire
from expunge.adapters.keeper.connection import Connections
from expunge.adapters.keeper.requests import Request
from expunge.core.families import selection
from expunge.core.families.selection import Selection
from expunge.core.retention.disclosure import RetentionDisclosure
from expunge.ports.families.held_door import HeldAnswer, LocationStanding, PlacesChoice, PlacesPage, PublicNotice


class ClerkHeld:
    """Implements ``expunge.ports.families.held_door.HeldDoor``. Threads may share it, and a fork may go on using it."""

    def __init__(self, connections: Connections) -> None:
        """Take the connections, which the doors of a clerk share."""
        self._connections = connections

    def __repr__(self) -> str:
        return "ClerkHeld(…)"

    def held(self, account: UUID, family: str) -> HeldAnswer:
        """See the port."""
        return wire.read_answer(self._told(wire.Held(str(account), family)))

    def places(self, account: UUID, family: str, session: bytes, page: int) -> PlacesPage:
        """See the port."""
        return wire.read_page(self._told(wire.Places(str(account), family, session.hex(), page)))

    def choose(self, account: UUID, family: str, session: bytes, look: str, choice: PlacesChoice) -> Selection:
        """See the port."""
        told = self._told(wire.ChoosePlaces(str(account), family, session.hex(), look), wire.written_choice(choice))
        return selection.from_json(told)

    def location(self, account: UUID, family: str) -> LocationStanding:
        """See the port."""
        return wire.read_standing(self._told(wire.Location(str(account), family)))

    def stop_location(self, account: UUID, family: str) -> int:
        """See the port."""
        return int(self._told(wire.StopLocation(str(account), family)))

    def notices(self) -> tuple[PublicNotice, ...]:
        """See the port."""
        return tuple(map(wire.read_notice, self._told(wire.Notices())))

    def disclosures(self) -> tuple[RetentionDisclosure, ...]:
        """See the port."""
        return tuple(map(wire.read_disclosure, self._told(wire.Disclosures())))

    def _told(self, request: Request, body: bytes = b"") -> Any:
        return json.loads(self._connections.ask(request, body).body)
