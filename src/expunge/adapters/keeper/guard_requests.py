"""Requests to the account guard, and their answers. A browser's response is the body: it is bytes of the outside, and may be long.

Requests whose act lies in the guard use a permit up themselves, and other acts of the keeper use theirs where they act. The clerk asks for
the end of a permit by a request of its own. Code in the web process may ask it too: it can spoil a permit that way, and do nothing by it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, TypeVar
from uuid import UUID

from expunge.adapters.keeper.answers import Answer
from expunge.adapters.keeper.key_requests import Handler
from expunge.adapters.keeper.peers import Right
from expunge.adapters.keeper.requests import Name, Request, Threads
from expunge.core.accounts.asks import Ask, AskKind
from expunge.core.accounts.credential_strength import Audience, Level, Method
from expunge.core.accounts.waits import Wait
from expunge.core.journal.incident_events import TakeoverSign
from expunge.core.values.canonical import Json
from expunge.errors import UsageError
from expunge.ports.accounts.account_guard import (
    MOST_RESPONSE,
    AccountGuard,
    AskPermits,
    Ceremony,
    CodeProof,
    CredentialCard,
    PasskeyProof,
    SeedOffer,
    SignIn,
)

MOST_SECRET = 256
"""Bytes of the secret of a letter."""
_HELP = "ask with the same version of Expunge as the keeper runs"
_K = TypeVar("_K", AskKind, Method, Audience, TakeoverSign)


class _Guarding(Request):
    threads = Threads.ACCOUNTS
    needs = Right.SERVE


@dataclass(frozen=True)
class OpenAccount(_Guarding):
    """A new account."""

    name = "open-account"
    account: str
    address: Name
    language: str


@dataclass(frozen=True)
class SendCode(_Guarding):
    """A code by mail, to the account's address."""

    name = "send-code"
    account: str
    session: str
    kind: str
    """Of the ask that the code confirms."""


@dataclass(frozen=True)
class ProveByCode(_Guarding):
    """A code that was sent, for a permit."""

    name = "prove-by-code"
    account: str
    session: str
    code: str


@dataclass(frozen=True)
class ProveByInvitation(_Guarding):
    """The secret of an invitation, for a permit."""

    name = "prove-by-invitation"
    session: str
    secret: str


@dataclass(frozen=True)
class BeginEnrolment(_Guarding):
    """The options for a new passkey, under a permit."""

    name = "begin-enrolment"
    account: str
    session: str
    permit: str


@dataclass(frozen=True)
class FinishEnrolment(_Guarding):
    """A new passkey; the browser's response in the body."""

    name = "finish-enrolment"
    with_body = True
    most_body = MOST_RESPONSE
    token: str
    account: str
    session: str
    title: str


@dataclass(frozen=True)
class BeginCodeDevice(_Guarding):
    """The seed of a new code device, under a permit."""

    name = "begin-code-device"
    account: str
    session: str
    permit: str


@dataclass(frozen=True)
class FinishCodeDevice(_Guarding):
    """The first code of a new code device."""

    name = "finish-code-device"
    token: str
    account: str
    session: str
    code: str


@dataclass(frozen=True)
class ClockOffset(_Guarding):
    """A code that was refused, for the minutes that the clock of a new code device is off."""

    name = "clock-offset"
    token: str
    account: str
    session: str
    code: str


@dataclass(frozen=True)
class CheckLoginCode(_Guarding):
    """A code of a code device, at a login."""

    name = "check-login-code"
    account: str
    code: str


@dataclass(frozen=True)
class RenameCredential(_Guarding):
    """Another name of a passkey."""

    name = "rename-credential"
    account: str
    credential: str
    title: str


@dataclass(frozen=True)
class ReportTakeover(_Guarding):
    """That a stranger came into an account."""

    name = "report-takeover"
    account: str
    sign: str


@dataclass(frozen=True)
class Credentials(_Guarding):
    """What is shown of an account's credentials."""

    name = "credentials"
    account: str


@dataclass(frozen=True)
class Waiting(_Guarding):
    """Ask which credential the secret of a letter stops; the secret is the body."""

    name = "waiting"
    with_body = True
    most_body = MOST_SECRET


@dataclass(frozen=True)
class StopWaiting(_Guarding):
    """Stop the credential that the secret of a letter is for; the secret is the body."""

    name = "stop-waiting"
    with_body = True
    most_body = MOST_SECRET


@dataclass(frozen=True)
class AccountLevel(_Guarding):
    """The strength of an account."""

    name = "account-level"
    account: str
    audience: str
    also: tuple[tuple[str, Name], ...]
    """(number of the way, method) for each method of each way in that the caller knows of."""


class _Asking(_Guarding):
    """A request about a sensitive ask, whose parts are fields of it."""

    kind: str
    account: str
    family: str
    """Empty for none."""
    details: tuple[tuple[str, Name], ...]

    def ask(self) -> Ask:
        """Return the ask. Raises UsageError."""
        details = tuple((name, str(value)) for name, value in self.details)
        return Ask(_member(AskKind, self.kind), account_of(self.account), self.family or None, details)


@dataclass(frozen=True)
class BeginAsk(_Asking):
    """A challenge that is bound to an ask."""

    name = "begin-ask"
    session: str
    kind: str
    account: str
    family: str
    details: tuple[tuple[str, Name], ...]


@dataclass(frozen=True)
class FinishAsk(_Asking):
    """A proof for a challenge: a code, or the browser's response in the body."""

    name = "finish-ask"
    with_body = True
    most_body = MOST_RESPONSE
    token: str
    session: str
    code: str
    """Empty where the proof is a passkey's."""
    kind: str
    account: str
    family: str
    details: tuple[tuple[str, Name], ...]


@dataclass(frozen=True)
class BeginSignIn(_Guarding):
    """A challenge for a sign-in of whatever account."""

    name = "begin-sign-in"
    session: str


@dataclass(frozen=True)
class FinishSignIn(_Guarding):
    """A proof for a sign-in; the browser's response in the body."""

    name = "finish-sign-in"
    with_body = True
    most_body = MOST_RESPONSE
    token: str
    session: str


@dataclass(frozen=True)
class SignInOf(_Guarding):
    """The sign-in of an account in a session."""

    name = "sign-in-of"
    account: str
    session: str


@dataclass(frozen=True)
class EndSignIn(_Guarding):
    """The end of a sign-in."""

    name = "end-sign-in"
    session: str


@dataclass(frozen=True)
class EndSignIns(_Guarding):
    """The end of every sign-in of an account, but for that of one session."""

    name = "end-sign-ins"
    account: str
    but: str


@dataclass(frozen=True)
class UsePermit(_Asking):
    """The end of a permit, right before its act in a process that is neither the keeper nor the pages'."""

    name = "use-permit"
    permit: str
    session: str
    kind: str
    account: str
    family: str
    details: tuple[tuple[str, Name], ...]


@dataclass(frozen=True)
class RemoveCredential(_Asking):
    """The end of a credential, under a permit."""

    name = "remove-credential"
    permit: str
    session: str
    kind: str
    account: str
    family: str
    details: tuple[tuple[str, Name], ...]


@dataclass(frozen=True)
class ChangeAddress(_Asking):
    """Another address, under a permit."""

    name = "change-address"
    permit: str
    session: str
    address: Name
    kind: str
    account: str
    family: str
    details: tuple[tuple[str, Name], ...]


@dataclass(frozen=True)
class CloseAccount(_Asking):
    """The end of an account, under a permit."""

    name = "close-account"
    permit: str
    session: str
    kind: str
    account: str
    family: str
    details: tuple[tuple[str, Name], ...]


class PermittingGuard(AccountGuard, AskPermits, Protocol):
    """The guard, and the permits that it gave."""


class GuardDesk:
    """Answers requests to the account guard."""

    def __init__(self, guard: Callable[[], PermittingGuard]) -> None:
        """``guard``: gives the guard for one request, or raises the error that the caller is answered with."""
        self._guard = guard

    def handlers(self) -> dict[type[Request], Handler]:
        """Return a handler for each kind of request."""
        acts: dict[type[Request], Callable[..., Answer]] = {
            OpenAccount: lambda guard, ask, _: _done(guard.open_account(account_of(ask.account), ask.address, ask.language)),
            SendCode: lambda guard, ask, _: _done(
                guard.send_code(account_of(ask.account), _bytes(ask.session), _member(AskKind, ask.kind))
            ),
            ProveByCode: lambda guard, ask, _: Answer(guard.prove_by_code(account_of(ask.account), _bytes(ask.session), ask.code)),
            ProveByInvitation: _invited,
            BeginEnrolment: lambda guard, ask, _: _ceremony(
                guard.begin_enrolment(account_of(ask.account), _bytes(ask.session), ask.permit)
            ),
            FinishEnrolment: lambda guard, ask, body: _done(
                guard.finish_enrolment(ask.token, account_of(ask.account), _bytes(ask.session), body, ask.title)
            ),
            BeginCodeDevice: _offered,
            FinishCodeDevice: lambda guard, ask, _: _done(
                guard.finish_code_device(ask.token, account_of(ask.account), _bytes(ask.session), ask.code)
            ),
            ClockOffset: lambda guard, ask, _: Answer(
                guard.clock_offset(ask.token, account_of(ask.account), _bytes(ask.session), ask.code)
            ),
            CheckLoginCode: lambda guard, ask, _: _done(guard.check_login_code(account_of(ask.account), ask.code)),
            RenameCredential: lambda guard, ask, _: _done(guard.rename_credential(account_of(ask.account), ask.credential, ask.title)),
            Credentials: lambda guard, ask, _: _shown(guard.credentials(account_of(ask.account))),
            Waiting: lambda guard, _, body: _shown([card for card in [guard.waiting(body.decode("utf-8", "replace"))] if card]),
            StopWaiting: lambda guard, _, body: Answer(str(guard.stop_waiting(body.decode("utf-8", "replace")) or "")),
            ReportTakeover: lambda guard, ask, _: _done(guard.report_takeover(account_of(ask.account), _member(TakeoverSign, ask.sign))),
            AccountLevel: _level,
            BeginAsk: lambda guard, ask, _: _ceremony(guard.begin_ask(_bytes(ask.session), ask.ask())),
            FinishAsk: lambda guard, ask, body: Answer(guard.finish_ask(ask.token, _bytes(ask.session), ask.ask(), _proof(ask, body))),
            BeginSignIn: lambda guard, ask, _: _ceremony(guard.begin_sign_in(_bytes(ask.session))),
            FinishSignIn: lambda guard, ask, body: Answer(str(guard.finish_sign_in(ask.token, _bytes(ask.session), body))),
            SignInOf: lambda guard, ask, _: Answer(_sign_in(guard.sign_in_of(account_of(ask.account), _bytes(ask.session)))),
            EndSignIn: lambda guard, ask, _: _done(guard.end_sign_in(_bytes(ask.session))),
            EndSignIns: lambda guard, ask, _: _done(guard.end_sign_ins(account_of(ask.account), _bytes(ask.but))),
            UsePermit: lambda guard, ask, _: _done(guard.use_permit(ask.permit, _bytes(ask.session), ask.ask())),
            RemoveCredential: lambda guard, ask, _: _done(guard.remove_credential(ask.permit, _bytes(ask.session), ask.ask())),
            ChangeAddress: lambda guard, ask, _: _done(guard.change_address(ask.permit, _bytes(ask.session), ask.ask(), ask.address)),
            CloseAccount: lambda guard, ask, _: _done(guard.close_account(ask.permit, _bytes(ask.session), ask.ask())),
        }
        return {kind: self._for_guard(act) for kind, act in acts.items()}

    def _for_guard(self, act: Callable[..., Answer]) -> Handler:
        return lambda _, ask, body: act(self._guard(), ask, body)


def account_of(text: str) -> UUID:
    """Return the account that a request names. Raises UsageError."""
    try:
        account = UUID(text)
    except ValueError as error:
        raise UsageError("a request names an account that is no UUID", help=_HELP) from error
    return account


def read_sign_in(told: Any) -> SignIn | None:
    """Return the sign-in of an answer."""
    return None if told is None else SignIn(frozenset(map(Method, told[0])), Level(told[1]), told[2])


def _sign_in(found: SignIn | None) -> Json:
    if found is None:
        return None
    methods: list[Json] = [each.value for each in sorted(found.methods)]
    return [methods, found.level.value, found.seconds]


def read_ceremony(body: bytes) -> Ceremony:
    """Return the ceremony of an answer."""
    token, options, takes_code = json.loads(body)
    return Ceremony(token, options, takes_code)


def read_cards(body: bytes) -> tuple[CredentialCard, ...]:
    """Return the credentials of an answer."""
    return tuple(
        CredentialCard(id_, Method(method), name, datetime.fromisoformat(created), _time(used), _time(copied), _wait(*wait))
        for id_, method, name, created, used, copied, wait in json.loads(body)
    )


def read_offer(body: bytes) -> SeedOffer:
    """Return the new code device of an answer."""
    return SeedOffer(*json.loads(body))


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _wait(until: str = "", told: bool = False, first: bool = False) -> Wait | None:
    return Wait(datetime.fromisoformat(until), told, first) if until else None


def _bytes(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError as error:
        raise UsageError("a field of a request is no hex", help=_HELP) from error


def _member(kinds: type[_K], word: str) -> _K:
    try:
        return kinds(word)
    except ValueError as error:
        raise UsageError("a field of a request has a word that is not known", help=_HELP) from error


def _proof(ask: FinishAsk, body: bytes) -> PasskeyProof | CodeProof:
    return CodeProof(ask.code) if ask.code else PasskeyProof(body)


def _done(_: None) -> Answer:
    return Answer()


def _ceremony(begun: Ceremony) -> Answer:
    return Answer(body=json.dumps([begun.token, begun.options, begun.takes_code]).encode())


def _invited(guard: AccountGuard, ask: ProveByInvitation, _: bytes) -> Answer:
    account, permit = guard.prove_by_invitation(_bytes(ask.session), ask.secret)
    return Answer([str(account), permit])


def _offered(guard: AccountGuard, ask: BeginCodeDevice, _: bytes) -> Answer:
    offer = guard.begin_code_device(account_of(ask.account), _bytes(ask.session), ask.permit)
    return Answer(body=json.dumps([offer.token, offer.seed, offer.address]).encode())


def _shown(shown: Iterable[CredentialCard]) -> Answer:
    cards = [
        [
            card.id,
            card.method,
            card.name,
            card.created_at.isoformat(),
            card.used_at.isoformat() if card.used_at else None,
            card.copied_at.isoformat() if card.copied_at else None,
            [card.wait.until.isoformat(), card.wait.told, card.wait.first] if card.wait else [],
        ]
        for card in shown
    ]
    return Answer(body=json.dumps(cards).encode())


def _level(guard: AccountGuard, ask: AccountLevel, _: bytes) -> Answer:
    ways: dict[str, set[Method]] = {}
    for number, method in ask.also:
        ways.setdefault(number, set()).add(_member(Method, method))
    level = guard.level(account_of(ask.account), _member(Audience, ask.audience), [frozenset(way) for way in ways.values()])
    return Answer(level.value)
