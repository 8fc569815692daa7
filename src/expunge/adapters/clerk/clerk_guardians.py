"""Guardians at the clerk, behind the same port as in its process, over a socket."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from expunge.adapters.clerk import guardian_requests as wire
from expunge.adapters.keeper.connection import Connections
from expunge.adapters.keeper.requests import Name
from expunge.core.accounts.asks import Ask
from expunge.core.consent.guardian_faults import GuardianFault, refused
from expunge.core.consent.scans import MOST_BYTES, ScanFault
from expunge.errors import NotPermitted
from expunge.ports.families.guardian_door import MOST_ADDRESS, Chosen, GuardiansCard, NoticeCard, RequestCard, ScanCard


class ClerkGuardians:
    """Implements ``expunge.ports.families.guardian_door.GuardianDoor``. Threads may share it, and a fork may go on using it."""

    def __init__(self, connections: Connections) -> None:
        """Take the connections, which the doors of a clerk share."""
        self._connections = connections

    def __repr__(self) -> str:
        return "ClerkGuardians(…)"

    def guardians(self, account: UUID, family: str) -> GuardiansCard:
        """See the port."""
        return wire.read_guardians(self._connections.ask(wire.Guardians(str(account), family)).value)

    def notice(self, account: UUID, family: str, language: str) -> NoticeCard:
        """See the port."""
        return wire.read_notice(self._connections.ask(wire.GuardianNotice(str(account), family, language)).body)

    def ask(self, account: UUID, family: str, chosen: Chosen) -> str:
        """See the port."""
        return str(self._connections.ask(wire.AskGuardian(str(account), family), wire.written_choice(chosen)).value)

    def requests(self, account: UUID) -> tuple[RequestCard, ...]:
        """See the port."""
        told: Any = self._connections.ask(wire.GuardianRequests(str(account))).value
        return tuple(map(wire.read_request, told))

    def withdraw(self, account: UUID, request: str) -> None:
        """See the port."""
        self._connections.ask(wire.WithdrawRequest(str(account), request))

    def form(self, account: UUID, request: str) -> tuple[str, bytes]:
        """See the port."""
        answer = self._connections.ask(wire.ConsentForm(str(account), request))
        return str(answer.value), answer.body

    def hand_in(self, account: UUID, request: str, document: bytes) -> ScanFault | None:
        """See the port."""
        if not document or len(document) > MOST_BYTES:
            # Why here: the clerk takes no larger body.
            return ScanFault.TOO_BIG if document else ScanFault.EMPTY
        fault = self._connections.ask(wire.HandInScan(str(account), request), document).value
        return None if fault is None else ScanFault[str(fault)]

    def look(self, account: UUID, request: str, token: str, language: str) -> NoticeCard:
        """See the port."""
        return wire.read_notice(self._connections.ask(wire.LookAtMessage(str(account), request, language), _token(token)).body)

    def answer(self, account: UUID, request: str, token: str) -> RequestCard:
        """See the port."""
        return wire.read_request(self._connections.ask(wire.AnswerMessage(str(account), request), _token(token)).value)

    def invitation(self, account: UUID, token: str, language: str) -> NoticeCard:
        """See the port."""
        return wire.read_notice(self._connections.ask(wire.LookAtInvitation(str(account), language), _token(token)).body)

    def take(self, account: UUID, token: str, chosen: Chosen) -> str:
        """See the port."""
        _token(token)
        return str(self._connections.ask(wire.TakeInvitation(str(account)), wire.written_choice(chosen, token)).value)

    def take_over(self, account: UUID, token: str) -> None:
        """See the port."""
        self._connections.ask(wire.TakeOver(str(account)), _token(token))

    def invite(self, permit: str, session: bytes, ask: Ask, address: str, language: str) -> None:
        """See the port."""
        body = address.encode("utf-8", "replace")
        if len(body) > MOST_ADDRESS:
            raise refused(GuardianFault.ADDRESS, "this is no mail address")
        family = _family(ask)
        self._connections.ask(wire.InviteGuardian(permit, session.hex(), str(ask.account), family, _details(ask), language), body)

    def step_down(self, permit: str, session: bytes, ask: Ask) -> None:
        """See the port."""
        self._connections.ask(wire.StepDown(permit, session.hex(), str(ask.account), _family(ask), _details(ask)))

    def dispute(self, permit: str, session: bytes, ask: Ask) -> None:
        """See the port."""
        self._connections.ask(wire.BeginDispute(permit, session.hex(), str(ask.account), _family(ask), _details(ask)))

    def receipt(self, account: UUID, request: str, consent: str) -> bytes:
        """See the port."""
        return self._connections.ask(wire.ConsentReceiptOf(str(account), request, consent)).body

    def waiting(self, staff: UUID) -> tuple[ScanCard, ...]:
        """See the port."""
        told: Any = self._connections.ask(wire.WaitingScans(str(staff))).value
        return tuple(map(wire.read_scan, told))

    def scan(self, staff: UUID, request: str) -> tuple[str, bytes]:
        """See the port."""
        answer = self._connections.ask(wire.OpenScan(str(staff), request))
        return str(answer.value), answer.body

    def decide(self, permit: str, session: bytes, ask: Ask) -> None:
        """See the port."""
        self._connections.ask(wire.DecideScan(permit, session.hex(), str(ask.account), _details(ask)))


def _token(token: str) -> bytes:
    body = token.encode("utf-8", "replace")
    if not body or len(body) > wire.MOST_TOKEN:
        raise refused(GuardianFault.NO_LINK, "the link is not whole", "open it whole, from the message")
    return body


def _family(ask: Ask) -> str:
    if ask.family is None:
        raise NotPermitted("the ask names no family", help="begin again on the page")
    return ask.family


def _details(ask: Ask) -> tuple[tuple[str, Name], ...]:
    return tuple((name, Name(value)) for name, value in ask.details)
