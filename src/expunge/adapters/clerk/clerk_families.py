"""Families and openings at the clerk, behind the same port as in its process, over a socket."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from expunge.adapters.clerk import family_requests as wire
from expunge.adapters.keeper.connection import Connections
from expunge.adapters.keeper.requests import Name
from expunge.core.accounts.asks import Ask, AskKind
from expunge.errors import UsageError
from expunge.ports.families.family_door import FamilyCard


class ClerkFamilies:
    """Implements ``expunge.ports.families.family_door.FamilyDoor``. Threads may share it, and a fork may go on using it."""

    def __init__(self, connections: Connections) -> None:
        """Take the connections, which the doors of a clerk share."""
        self._connections = connections

    def __repr__(self) -> str:
        return "ClerkFamilies(…)"

    def families(self, account: UUID) -> tuple[FamilyCard, ...]:
        """See the port."""
        told: Any = self._connections.ask(wire.Families(str(account))).value
        return tuple(wire.read_card(each) for each in told)

    def open(self, permit: str, session: bytes, ask: Ask) -> datetime:
        """See the port."""
        if ask.kind is not AskKind.PLAYBACK or ask.family is None:
            raise UsageError("an opening is confirmed by an ask to play", help="ask with the same version of Expunge as the clerk runs")
        details = tuple((name, Name(value)) for name, value in ask.details)
        request = wire.OpenFamily(permit, session.hex(), str(ask.account), ask.family, details)
        return datetime.fromisoformat(str(self._connections.ask(request).value))

    def open_until(self, account: UUID, family: str, session: bytes) -> datetime | None:
        """See the port."""
        told: Any = self._connections.ask(wire.OpenUntil(str(account), family, session.hex())).value
        return None if told is None else datetime.fromisoformat(told)

    def end(self, account: UUID, family: str, session: bytes) -> None:
        """See the port."""
        self._connections.ask(wire.EndOpening(str(account), family, session.hex()))
