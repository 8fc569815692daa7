"""The account guard at the keeper, behind the same port as in its process, over a socket."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from expunge.adapters.keeper import guard_requests as wire
from expunge.adapters.keeper.connection import PATIENCE, Connections
from expunge.adapters.keeper.place import KeeperPlace
from expunge.adapters.keeper.requests import Name, Request
from expunge.core.accounts.asks import Ask, AskKind
from expunge.core.accounts.credential_strength import Audience, Level, Way
from expunge.core.journal.incident_events import TakeoverSign
from expunge.errors import UsageError
from expunge.ports.accounts.account_guard import MOST_RESPONSE, Ceremony, CodeProof, CredentialCard, PasskeyProof, SeedOffer, SignIn


class KeeperGuard:
    """Implements ``expunge.ports.accounts.account_guard.AccountGuard``. Threads may share it, and a fork may go on using it."""

    def __init__(self, place: KeeperPlace, patience: float = PATIENCE) -> None:
        self._connections = Connections(place, patience)

    def __repr__(self) -> str:
        return "KeeperGuard(…)"

    def close(self) -> None:
        """Close the connections."""
        self._connections.close()

    def open_account(self, account: UUID, address: str, language: str) -> None:
        """See the port."""
        self._value(wire.OpenAccount(str(account), Name(address), language))

    def send_code(self, account: UUID, session: bytes, kind: AskKind = AskKind.ENROL_CREDENTIAL) -> None:
        """See the port."""
        self._value(wire.SendCode(str(account), session.hex(), kind.value))

    def prove_by_code(self, account: UUID, session: bytes, code: str) -> str:
        """See the port."""
        return str(self._value(wire.ProveByCode(str(account), session.hex(), code)))

    def prove_by_invitation(self, session: bytes, secret: str) -> tuple[UUID, str]:
        """See the port."""
        account, permit = self._value(wire.ProveByInvitation(session.hex(), secret))
        return UUID(account), permit

    def begin_enrolment(self, account: UUID, session: bytes, permit: str) -> Ceremony:
        """See the port."""
        return wire.read_ceremony(self._body(wire.BeginEnrolment(str(account), session.hex(), permit)))

    def finish_enrolment(self, token: str, account: UUID, session: bytes, response: bytes, name: str) -> None:
        """See the port."""
        self._body(wire.FinishEnrolment(token, str(account), session.hex(), name), _bounded(response))

    def begin_code_device(self, account: UUID, session: bytes, permit: str) -> SeedOffer:
        """See the port."""
        return wire.read_offer(self._body(wire.BeginCodeDevice(str(account), session.hex(), permit)))

    def finish_code_device(self, token: str, account: UUID, session: bytes, code: str) -> None:
        """See the port."""
        self._value(wire.FinishCodeDevice(token, str(account), session.hex(), code))

    def clock_offset(self, token: str, account: UUID, session: bytes, code: str) -> int | None:
        """See the port."""
        minutes: int | None = self._value(wire.ClockOffset(token, str(account), session.hex(), code))
        return minutes

    def check_login_code(self, account: UUID, code: str) -> None:
        """See the port."""
        self._value(wire.CheckLoginCode(str(account), code))

    def rename_credential(self, account: UUID, credential: str, name: str) -> None:
        """See the port."""
        self._value(wire.RenameCredential(str(account), credential, name))

    def credentials(self, account: UUID) -> tuple[CredentialCard, ...]:
        """See the port."""
        return wire.read_cards(self._body(wire.Credentials(str(account))))

    def waiting(self, secret: str) -> CredentialCard | None:
        """See the port."""
        return next(iter(wire.read_cards(self._body(wire.Waiting(), secret.encode("utf-8", "replace")))), None)

    def stop_waiting(self, secret: str) -> UUID | None:
        """See the port."""
        account = str(self._connections.ask(wire.StopWaiting(), secret.encode("utf-8", "replace")).value)
        return UUID(account) if account else None

    def report_takeover(self, account: UUID, sign: TakeoverSign) -> None:
        """See the port."""
        self._value(wire.ReportTakeover(str(account), sign.value))

    def level(self, account: UUID, audience: Audience, also: Sequence[Way] = ()) -> Level:
        """See the port."""
        told = tuple((str(number), Name(method.value)) for number, way in enumerate(also) for method in sorted(way))
        return Level(self._value(wire.AccountLevel(str(account), audience.value, told)))

    def begin_ask(self, session: bytes, ask: Ask) -> Ceremony:
        """See the port."""
        return wire.read_ceremony(self._body(wire.BeginAsk(session.hex(), *_parts(ask))))

    def finish_ask(self, token: str, session: bytes, ask: Ask, proof: PasskeyProof | CodeProof) -> str:
        """See the port."""
        code, body = (proof.code, b"") if isinstance(proof, CodeProof) else ("", _bounded(proof.response))
        return str(self._connections.ask(wire.FinishAsk(token, session.hex(), code, *_parts(ask)), body).value)

    def begin_sign_in(self, session: bytes) -> Ceremony:
        """See the port."""
        return wire.read_ceremony(self._body(wire.BeginSignIn(session.hex())))

    def finish_sign_in(self, token: str, session: bytes, response: bytes) -> UUID:
        """See the port."""
        return UUID(str(self._connections.ask(wire.FinishSignIn(token, session.hex()), _bounded(response)).value))

    def sign_in_of(self, account: UUID, session: bytes) -> SignIn | None:
        """See the port."""
        return wire.read_sign_in(self._connections.ask(wire.SignInOf(str(account), session.hex())).value)

    def end_sign_in(self, session: bytes) -> None:
        """See the port."""
        self._value(wire.EndSignIn(session.hex()))

    def end_sign_ins(self, account: UUID, but: bytes) -> None:
        """See the port."""
        self._value(wire.EndSignIns(str(account), but.hex()))

    def use_permit(self, permit: str, session: bytes, ask: Ask) -> None:
        """End a permit right before its act. After a lost answer it counts as used. See the port ``AskPermits``."""
        self._value(wire.UsePermit(permit, session.hex(), *_parts(ask)))

    def remove_credential(self, permit: str, session: bytes, ask: Ask) -> None:
        """See the port."""
        self._value(wire.RemoveCredential(permit, session.hex(), *_parts(ask)))

    def change_address(self, permit: str, session: bytes, ask: Ask, address: str) -> None:
        """See the port."""
        self._value(wire.ChangeAddress(permit, session.hex(), Name(address), *_parts(ask)))

    def close_account(self, permit: str, session: bytes, ask: Ask) -> None:
        """See the port."""
        self._value(wire.CloseAccount(permit, session.hex(), *_parts(ask)))

    def _value(self, request: Request) -> Any:
        return self._connections.ask(request).value

    def _body(self, request: Request, body: bytes = b"") -> bytes:
        return self._connections.ask(request, body).body


def _parts(ask: Ask) -> tuple[str, str, str, tuple[tuple[str, Name], ...]]:
    return ask.kind.value, str(ask.account), ask.family or "", tuple((name, Name(value)) for name, value in ask.details)


def _bounded(response: bytes) -> bytes:
    if len(response) > MOST_RESPONSE:
        message = f"a browser's response has more than {MOST_RESPONSE // 2**10} KiB"
        raise UsageError(message, help="begin again, on the page itself")
    return response
