"""Deletions at the clerk, behind the same port as in its process, over a socket."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from expunge.adapters.clerk import deletion_requests as wire
from expunge.adapters.keeper.connection import Connections
from expunge.adapters.keeper.requests import Name
from expunge.core.accounts.asks import Ask
from expunge.core.families import deletion
from expunge.core.families.deletion import DeletionPreview, DeletionStatus
from expunge.core.families.selection import Selection
from expunge.core.values.ids import OrderId
from expunge.errors import UsageError
from expunge.ports.families.deletion_door import DeletionAnswer


class ClerkDeletions:
    """Implements ``expunge.ports.families.deletion_door.DeletionDoor``. Threads may share it, and a fork may go on using it."""

    def __init__(self, connections: Connections) -> None:
        """Take the connections, which the doors of a clerk share."""
        self._connections = connections

    def __repr__(self) -> str:
        return "ClerkDeletions(…)"

    def preview(self, account: UUID, family: str, session: bytes, selection: Selection) -> DeletionPreview:
        """See the port."""
        request = wire.PreviewDeletion(str(account), family, session.hex())
        told: Any = self._connections.ask(request, wire.written_selection(selection)).value
        return deletion.preview_from_json(told)

    def delete(self, account: UUID, family: str, session: bytes, selection: Selection, form: str, digest: str) -> DeletionAnswer:
        """See the port."""
        request = wire.Delete(str(account), family, session.hex(), form, digest)
        return wire.read_answer(self._connections.ask(request, wire.written_selection(selection)).value)

    def delete_everything(self, permit: str, session: bytes, ask: Ask) -> DeletionAnswer:
        """See the port."""
        request = wire.DeleteEverything(permit, session.hex(), str(ask.account), _family(ask), _details(ask))
        return wire.read_answer(self._connections.ask(request).value)

    def status(self, account: UUID, family: str, order: OrderId) -> DeletionStatus:
        """See the port."""
        told: Any = self._connections.ask(wire.DeletionStatusAsked(str(account), family, order)).value
        return deletion.status_from_json(told)

    def under_way(self, account: UUID, family: str) -> tuple[DeletionStatus, ...]:
        """See the port."""
        told: Any = self._connections.ask(wire.DeletionsUnderWay(str(account), family)).value
        return tuple(deletion.status_from_json(each) for each in told)

    def call_off(self, permit: str, session: bytes, ask: Ask) -> DeletionStatus:
        """See the port."""
        request = wire.CallOff(permit, session.hex(), str(ask.account), _family(ask), _details(ask))
        told: Any = self._connections.ask(request).value
        return deletion.status_from_json(told)


def _family(ask: Ask) -> str:
    if ask.family is None:
        raise UsageError("an ask about a deletion names a family", help="ask with the same version of Expunge as the clerk runs")
    return ask.family


def _details(ask: Ask) -> tuple[tuple[str, Name], ...]:
    return tuple((name, Name(value)) for name, value in ask.details)
