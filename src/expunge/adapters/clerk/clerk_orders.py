"""Orders, threads, notices and receipts of families at the clerk, over its socket."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Any
from uuid import UUID

from expunge.adapters.clerk import order_requests as wire
from expunge.adapters.keeper.connection import Connections
from expunge.core.journal.thread_events import MessageKind
from expunge.core.values.ids import OrderId
from expunge.ports.families.order_door import NoticeLine, RequestDetail, RequestList, ThreadMessage


class ClerkOrders:
    """Implements ``expunge.ports.families.order_door.OrderDoor``. Threads may share it, and a fork may go on using it."""

    def __init__(self, connections: Connections) -> None:
        """Take the connections, which the doors of a clerk share."""
        self._connections = connections

    def requests(self, account: UUID, family: str) -> RequestList:
        """See the port."""
        return wire.read_list(self._connections.ask(wire.ListRequests(str(account), family)).body)

    def request(self, account: UUID, family: str, order: OrderId) -> RequestDetail:
        """See the port."""
        return wire.read_detail(self._connections.ask(wire.ShowRequest(str(account), family, order)).body)

    def messages(self, account: UUID, family: str, order: OrderId, session: bytes) -> tuple[ThreadMessage, ...]:
        """See the port."""
        return wire.read_messages(self._connections.ask(wire.ReadThread(str(account), family, order, session.hex())).body)

    def write(self, account: UUID, family: str, order: OrderId, session: bytes, kind: MessageKind, text: str, message: str = "") -> None:
        """See the port."""
        # Why an id: the connection asks again where an answer was lost, and the message may stand by then.
        asked = wire.WriteMessage(str(account), family, order, session.hex(), kind.value, message or secrets.token_hex(8))
        self._connections.ask(asked, text.encode("utf-8", "replace"))

    def unread(self, account: UUID, family: str) -> int:
        """See the port."""
        told: Any = self._connections.ask(wire.CountUnread(str(account), family)).value
        return int(told)

    def notices(self, account: UUID, family: str) -> tuple[NoticeLine, ...]:
        """See the port."""
        return wire.read_notices(self._connections.ask(wire.ListNotices(str(account), family)).body)

    def see_notices(self, account: UUID, family: str, until: datetime) -> None:
        """See the port."""
        self._connections.ask(wire.SeeNotices(str(account), family, until.isoformat()))


class ClerkReceipts:
    """Implements ``expunge.ports.families.order_door.ReceiptDoor``, likewise."""

    def __init__(self, connections: Connections) -> None:
        """Take the connections, which the doors of a clerk share."""
        self._connections = connections

    def receipt(self, account: UUID, family: str, order: OrderId) -> dict[str, bytes]:
        """See the port."""
        return wire.read_files(self._connections.ask(wire.GetReceipt(str(account), family, order)).body)

    def published_keys(self) -> bytes:
        """See the port."""
        return self._connections.ask(wire.PublishedKeys()).body
