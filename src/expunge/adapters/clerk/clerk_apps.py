"""The company's app at the clerk, behind the same port as in its process, over a socket."""

from __future__ import annotations

from typing import Any

from expunge.adapters.clerk import app_requests as wire
from expunge.adapters.clerk.values import read
from expunge.adapters.keeper.connection import Connections
from expunge.adapters.keeper.requests import BearerText
from expunge.ports.families.app_door import AppConsent, AppGrant, AppOrder, AppRecording
from expunge.ports.families.held_door import HeldAnswer


class ClerkApps:
    """Implements ``expunge.ports.families.app_door.AppDoor``. Threads may share it, and a fork may go on using it."""

    def __init__(self, connections: Connections) -> None:
        """Take the connections, which the doors of a clerk share."""
        self._connections = connections

    def __repr__(self) -> str:
        return "ClerkApps(…)"

    def exchange(self, header: str, statement: str, scope: str) -> AppGrant:
        """See the port."""
        request = wire.AppExchange(BearerText(header), scope)
        grant: AppGrant = read(AppGrant, self._connections.ask(request, statement.encode("ascii", "replace")).value)
        return grant

    def end_login(self, header: str, session: str) -> int:
        """See the port."""
        told: Any = self._connections.ask(wire.AppEndLogin(BearerText(header), session)).value
        return int(told)

    def end_token(self, header: str) -> None:
        """See the port."""
        self._connections.ask(wire.AppEndToken(BearerText(header)))

    def families(self, header: str) -> tuple[str, ...]:
        """See the port."""
        told: Any = self._connections.ask(wire.AppFamilies(BearerText(header))).value
        return tuple(told)

    def held(self, header: str, family: str) -> HeldAnswer:
        """See the port."""
        found: HeldAnswer = read(HeldAnswer, self._connections.ask(wire.AppHeld(BearerText(header), family)).value)
        return found

    def order(self, header: str, family: str, key: str) -> AppOrder:
        """See the port."""
        found: AppOrder = read(AppOrder, self._connections.ask(wire.AppOrderAll(BearerText(header), family, key)).value)
        return found

    def recordings(self, header: str, family: str, after: str, most: int) -> tuple[tuple[AppRecording, ...], bool]:
        """See the port."""
        told = self._connections.ask(wire.AppRecordings(BearerText(header), family, after, most)).value
        found: tuple[tuple[AppRecording, ...], bool] = read(wire.RECORDINGS, told)
        return found

    def delete_recording(self, header: str, family: str, recording: str, key: str) -> AppOrder:
        """See the port."""
        told = self._connections.ask(wire.AppDeleteRecording(BearerText(header), family, recording, key)).value
        found: AppOrder = read(AppOrder, told)
        return found

    def said(self, header: str, event: str) -> tuple[str, AppOrder]:
        """See the port."""
        told = self._connections.ask(wire.AppSaid(BearerText(header)), event.encode("ascii", "replace")).value
        found: tuple[str, AppOrder] = read(wire.SAID, told)
        return found

    def orders(self, header: str, family: str, after: str, most: int) -> tuple[tuple[AppOrder, ...], bool]:
        """See the port."""
        found: tuple[tuple[AppOrder, ...], bool] = read(
            wire.PAGE, self._connections.ask(wire.AppOrders(BearerText(header), family, after, most)).value
        )
        return found

    def status(self, header: str, family: str, order: str) -> AppOrder:
        """See the port."""
        found: AppOrder = read(AppOrder, self._connections.ask(wire.AppStatus(BearerText(header), family, order)).value)
        return found

    def cancel(self, header: str, family: str, order: str) -> AppOrder:
        """See the port."""
        found: AppOrder = read(AppOrder, self._connections.ask(wire.AppCancel(BearerText(header), family, order)).value)
        return found

    def receipt(self, header: str, family: str, order: str) -> bytes:
        """See the port."""
        return self._connections.ask(wire.AppReceipt(BearerText(header), family, order)).body

    def consents(self, header: str, family: str) -> tuple[AppConsent, ...]:
        """See the port."""
        found: tuple[AppConsent, ...] = read(wire.CONSENTS, self._connections.ask(wire.AppConsents(BearerText(header), family)).value)
        return found

    def withdraw(self, header: str, family: str, purpose: str) -> AppConsent:
        """See the port."""
        found: AppConsent = read(AppConsent, self._connections.ask(wire.AppWithdraw(BearerText(header), family, purpose)).value)
        return found
