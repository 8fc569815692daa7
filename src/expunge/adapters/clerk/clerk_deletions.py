"""Deletions at the clerk, behind the same port as in its process, over a socket."""

from __future__ import annotations

from uuid import UUID

from expunge.adapters.clerk import deletion_requests as wire
from expunge.adapters.clerk import values
from expunge.adapters.keeper.connection import Connections
from expunge.adapters.keeper.requests import Name, Request
from expunge.core.accounts.asks import Ask
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
        preview: DeletionPreview = values.read(DeletionPreview, self._connections.ask(request, wire.written_selection(selection)).value)
        return preview

    def delete(self, account: UUID, family: str, session: bytes, selection: Selection, form: str, digest: str) -> DeletionAnswer:
        """See the port."""
        request = wire.Delete(str(account), family, session.hex(), form, digest)
        answer: DeletionAnswer = values.read(DeletionAnswer, self._connections.ask(request, wire.written_selection(selection)).value)
        return answer

    def delete_everything(self, permit: str, session: bytes, ask: Ask) -> DeletionAnswer:
        """See the port."""
        request = wire.DeleteEverything(permit, session.hex(), str(ask.account), _family(ask), _details(ask))
        answer: DeletionAnswer = values.read(DeletionAnswer, self._connections.ask(request).value)
        return answer

    def status(self, account: UUID, family: str, order: OrderId) -> DeletionStatus:
        """See the port."""
        return self._status(wire.DeletionStatusAsked(str(account), family, order))

    def under_way(self, account: UUID, family: str) -> tuple[DeletionStatus, ...]:
        """See the port."""
        answer = self._connections.ask(wire.DeletionsUnderWay(str(account), family))
        statuses: tuple[DeletionStatus, ...] = values.read(tuple[DeletionStatus, ...], answer.value)
        return statuses

    def call_off(self, permit: str, session: bytes, ask: Ask) -> DeletionStatus:
        """See the port."""
        return self._status(wire.CallOff(permit, session.hex(), str(ask.account), _family(ask), _details(ask)))

    def _status(self, request: Request) -> DeletionStatus:
        status: DeletionStatus = values.read(DeletionStatus, self._connections.ask(request).value)
        return status


def _family(ask: Ask) -> str:
    if ask.family is None:
        raise UsageError("an ask about a deletion names a family", help="ask with the same version of Expunge as the clerk runs")
    return ask.family


def _details(ask: Ask) -> tuple[tuple[str, Name], ...]:
    return tuple((name, Name(value)) for name, value in ask.details)
