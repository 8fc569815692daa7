"""Orders for staff at the clerk, behind the same port as in its process, over a socket."""

from __future__ import annotations

from expunge.adapters.desk import order_requests as wire
from expunge.adapters.desk.desk_requests import Caller, read_told
from expunge.adapters.keeper.connection import Connections
from expunge.ports.review.desk_door import DeskCaller
from expunge.ports.review.order_desk import OrderCard, OrderPage, SigningAsk


class ClerkOrderDesk:
    """Implements ``expunge.ports.review.order_desk.OrderDeskDoor``. Threads may share it, and a fork may go on using it."""

    def __init__(self, connections: Connections) -> None:
        """Take the connections, which the doors of a clerk share."""
        self._connections = connections

    def __repr__(self) -> str:
        return "ClerkOrderDesk(…)"

    def orders(self, caller: DeskCaller) -> tuple[OrderCard, ...]:
        """See the port."""
        found: tuple[OrderCard, ...] = read_told(tuple[OrderCard, ...], self._connections.ask(wire.StaffOrders(*_by(caller))))
        return found

    def order(self, caller: DeskCaller, order: str) -> OrderPage:
        """See the port."""
        found: OrderPage = read_told(OrderPage, self._connections.ask(wire.StaffOrder(*_by(caller), order)))
        return found

    def begin_approval(self, caller: DeskCaller, order: str, digest: str) -> SigningAsk:
        """See the port."""
        return wire.read_ask(self._connections.ask(wire.BeginApproval(*_by(caller), order, digest)).body)

    def approve(self, caller: DeskCaller, order: str, digest: str, response: bytes) -> OrderPage:
        """See the port."""
        found: OrderPage = read_told(OrderPage, self._connections.ask(wire.ApprovePlan(*_by(caller), order, digest), response))
        return found

    def receipt(self, caller: DeskCaller, order: str, number: int) -> dict[str, bytes]:
        """See the port."""
        return wire.read_files(self._connections.ask(wire.StaffReceipt(*_by(caller), order, number)).body)


def _by(caller: DeskCaller) -> Caller:
    return caller.account, caller.session.hex(), caller.address
