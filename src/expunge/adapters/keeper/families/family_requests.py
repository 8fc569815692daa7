"""Requests about hand-overs and recoveries, and their answers. A token is the body: it holds identifiers, and is in no head."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from expunge.adapters.keeper.answers import Answer
from expunge.adapters.keeper.guard_requests import MOST_SECRET, account_of
from expunge.adapters.keeper.key_requests import Handler
from expunge.adapters.keeper.peers import Right
from expunge.adapters.keeper.requests import Request, Threads
from expunge.core.accounts.asks import Ask, AskKind
from expunge.core.accounts.hand_over import MOST_TOKEN, digest_of
from expunge.core.accounts.recovery import RecoveryStanding, RecoveryState
from expunge.core.values.canonical import Json
from expunge.errors import UsageError
from expunge.ports.accounts.hand_overs import HandOverCard, HandOvers
from expunge.ports.accounts.recoveries import Recoveries


class _OfFamilies(Request):
    threads = Threads.ACCOUNTS
    needs = Right.SERVE


@dataclass(frozen=True)
class LookAtHandOver(_OfFamilies):
    """The facts of a token that a page may show; the token is the body."""

    name = "look-at-hand-over"
    with_body = True
    most_body = MOST_TOKEN


@dataclass(frozen=True)
class RedeemHandOver(_OfFamilies):
    """The use of a token, which is the body, under a permit."""

    name = "redeem-hand-over"
    with_body = True
    most_body = MOST_TOKEN
    permit: str
    session: str
    account: str


@dataclass(frozen=True)
class SendRecoveryCode(_OfFamilies):
    """A code by mail, for a recovery."""

    name = "send-recovery-code"
    account: str
    session: str


@dataclass(frozen=True)
class Recover(_OfFamilies):
    """A code that was sent, for as much as the recovery's time allows."""

    name = "recover"
    account: str
    session: str
    code: str


@dataclass(frozen=True)
class RecoveryOf(_OfFamilies):
    """The recovery of an account."""

    name = "recovery-of"
    account: str


@dataclass(frozen=True)
class RecoveryBySecret(_OfFamilies):
    """The recovery that the secret of a letter stops; the secret is the body."""

    name = "recovery-by-secret"
    with_body = True
    most_body = MOST_SECRET


@dataclass(frozen=True)
class StopRecovery(_OfFamilies):
    """The end of an account's recovery."""

    name = "stop-recovery"
    account: str


@dataclass(frozen=True)
class StopRecoveryBySecret(_OfFamilies):
    """The end of the recovery that the secret of a letter is for; the secret is the body."""

    name = "stop-recovery-by-secret"
    with_body = True
    most_body = MOST_SECRET


class HandOverDesk:
    """Answers requests about hand-overs."""

    def __init__(self, hand_overs: Callable[[], HandOvers]) -> None:
        """``hand_overs``: gives the port for one request, or raises the error that the caller is answered with."""
        self._hand_overs = hand_overs

    def handlers(self) -> dict[type[Request], Handler]:
        """Return a handler for each kind of request."""
        return {
            LookAtHandOver: lambda _, __, body: Answer(_written_card(self._hand_overs().look(_text(body)))),
            RedeemHandOver: lambda _, ask, body: _redeemed(self._hand_overs(), ask, _text(body)),
        }


class RecoveryDesk:
    """Answers requests about recoveries."""

    def __init__(self, recoveries: Callable[[], Recoveries]) -> None:
        """``recoveries``: gives the port for one request, or raises the error that the caller is answered with."""
        self._recoveries = recoveries

    def handlers(self) -> dict[type[Request], Handler]:
        """Return a handler for each kind of request."""
        acts: dict[type[Request], Callable[[Recoveries, Any, bytes], Answer]] = {
            SendRecoveryCode: _sent,
            Recover: _recovering,
            RecoveryOf: lambda recoveries, ask, _: Answer(_written_standing(recoveries.recovery(account_of(ask.account)))),
            RecoveryBySecret: lambda recoveries, _, body: Answer(_written_standing(recoveries.recovery_by_secret(_text(body)))),
            StopRecovery: lambda recoveries, ask, _: Answer(recoveries.stop_recovery(account_of(ask.account))),
            StopRecoveryBySecret: lambda recoveries, _, body: Answer(recoveries.stop_recovery_by_secret(_text(body))),
        }
        return {kind: self._for_recoveries(act) for kind, act in acts.items()}

    def _for_recoveries(self, act: Callable[[Recoveries, Any, bytes], Answer]) -> Handler:
        return lambda _, ask, body: act(self._recoveries(), ask, body)


def hand_over_ask(account: UUID, digest: str) -> Ask:
    """Return the ask that an account confirms a token by, of that hex SHA-256."""
    return Ask(AskKind.HAND_OVER, account, details=(("token", digest),))


def read_card(told: Any) -> HandOverCard:
    """Return the card of an answer."""
    digest, guardian_of, oneself, ends, until = told
    return HandOverCard(digest, guardian_of, oneself, ends, datetime.fromisoformat(until))


def read_standing(told: Any) -> RecoveryStanding | None:
    """Return the recovery of an answer."""
    if told is None:
        return None
    state, *times = told
    return RecoveryStanding(RecoveryState(state), *map(datetime.fromisoformat, times))


def _redeemed(hand_overs: HandOvers, ask: Any, token: str) -> Answer:
    wanted = hand_over_ask(account_of(ask.account), digest_of(token))
    return Answer(_written_card(hand_overs.redeem(ask.permit, _session(ask.session), wanted, token)))


def _sent(recoveries: Recoveries, ask: SendRecoveryCode, _: bytes) -> Answer:
    recoveries.send_recovery_code(account_of(ask.account), _session(ask.session))
    return Answer()


def _recovering(recoveries: Recoveries, ask: Recover, _: bytes) -> Answer:
    recovering = recoveries.recover(account_of(ask.account), _session(ask.session), ask.code)
    return Answer([_written_standing(recovering.standing), recovering.permit])


def _written_card(card: HandOverCard) -> Json:
    return [card.digest, card.guardian_of, card.oneself, card.ends, card.until.isoformat()]


def _written_standing(standing: RecoveryStanding | None) -> Json:
    if standing is None:
        return None
    return [standing.state.value, *(each.isoformat() for each in (standing.begun_at, standing.ready_at, standing.lapses_at))]


def _session(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError as error:
        raise UsageError("a field of a request is no hex", help="ask with the same version of Expunge as the keeper runs") from error


def _text(body: bytes) -> str:
    return body.decode("utf-8", "replace")
