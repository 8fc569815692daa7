"""Requests about guardians, and their answers. Tokens, addresses and scans are bodies: they are in no head."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from expunge.adapters.clerk.family_requests import OfFamilies, session_of
from expunge.adapters.keeper.answers import Answer
from expunge.adapters.keeper.guard_requests import account_of
from expunge.adapters.keeper.key_requests import Handler
from expunge.adapters.keeper.requests import Name, Request
from expunge.core.accounts.asks import Ask, AskKind
from expunge.core.accounts.memberships import MembershipRole
from expunge.core.consent.scans import MOST_BYTES
from expunge.core.values.canonical import Json
from expunge.errors import UsageError
from expunge.ports.families.guardian_door import (
    Chosen,
    GuardianDoor,
    GuardianLine,
    GuardiansCard,
    Happened,
    HistoryLine,
    MethodCard,
    NoticeCard,
    PurposeCard,
    RequestCard,
    RequestState,
    ScanCard,
    Shown,
)

MOST_TOKEN = 256
_MOST_CHOICE = 1 << 16


@dataclass(frozen=True)
class Guardians(OfFamilies):
    """The guardians of a child."""

    name = "guardians"
    account: str
    family: str


@dataclass(frozen=True)
class GuardianNotice(OfFamilies):
    """The direct notice for a guardian."""

    name = "guardian-notice"
    account: str
    family: str
    language: str


@dataclass(frozen=True)
class AskGuardian(OfFamilies):
    """A new request of a guardian; what was chosen is the body."""

    name = "ask-guardian"
    with_body = True
    most_body = _MOST_CHOICE
    account: str
    family: str


@dataclass(frozen=True)
class GuardianRequests(OfFamilies):
    """The requests of an account."""

    name = "guardian-requests"
    account: str


@dataclass(frozen=True)
class WithdrawRequest(OfFamilies):
    """The end of a request by its account."""

    name = "withdraw-request"
    account: str
    request: str


@dataclass(frozen=True)
class ConsentForm(OfFamilies):
    """The form of a request."""

    name = "consent-form"
    account: str
    request: str


@dataclass(frozen=True)
class HandInScan(OfFamilies):
    """The scan of a form, which is the body."""

    name = "hand-in-scan"
    with_body = True
    most_body = MOST_BYTES + 1
    account: str
    request: str


@dataclass(frozen=True)
class LookAtMessage(OfFamilies):
    """What the page of a message shows; its token is the body."""

    name = "look-at-message"
    with_body = True
    most_body = MOST_TOKEN
    account: str
    request: str
    language: str


@dataclass(frozen=True)
class AnswerMessage(OfFamilies):
    """The answer to a message; its token is the body."""

    name = "answer-message"
    with_body = True
    most_body = MOST_TOKEN
    account: str
    request: str


@dataclass(frozen=True)
class LookAtInvitation(OfFamilies):
    """What the page of an invitation shows; its token is the body."""

    name = "look-at-invitation"
    with_body = True
    most_body = MOST_TOKEN
    account: str
    language: str


@dataclass(frozen=True)
class TakeInvitation(OfFamilies):
    """The request of an invited account; the token and what was chosen are the body."""

    name = "take-invitation"
    with_body = True
    most_body = _MOST_CHOICE
    account: str


@dataclass(frozen=True)
class TakeOver(OfFamilies):
    """The young person takes over; the token is the body."""

    name = "take-over"
    with_body = True
    most_body = MOST_TOKEN
    account: str


@dataclass(frozen=True)
class InviteGuardian(OfFamilies):
    """An invitation under a permit; the address is the body."""

    name = "invite-guardian"
    with_body = True
    most_body = 1024
    permit: str
    session: str
    account: str
    family: str
    details: tuple[tuple[str, Name], ...]
    language: str


@dataclass(frozen=True)
class StepDown(OfFamilies):
    """The end of the account's own role, under a permit."""

    name = "step-down"
    permit: str
    session: str
    account: str
    family: str
    details: tuple[tuple[str, Name], ...]


@dataclass(frozen=True)
class BeginDispute(OfFamilies):
    """The beginning of a dispute, under a permit."""

    name = "begin-dispute"
    permit: str
    session: str
    account: str
    family: str
    details: tuple[tuple[str, Name], ...]


@dataclass(frozen=True)
class ConsentReceiptOf(OfFamilies):
    """The receipt of a consent."""

    name = "consent-receipt"
    account: str
    request: str
    consent: str


@dataclass(frozen=True)
class WaitingScans(OfFamilies):
    """The scans that wait for a member of staff."""

    name = "waiting-scans"
    account: str


@dataclass(frozen=True)
class OpenScan(OfFamilies):
    """A scan, for a member of staff."""

    name = "open-scan"
    account: str
    request: str


@dataclass(frozen=True)
class DecideScan(OfFamilies):
    """A decision about a scan, under a permit."""

    name = "decide-scan"
    permit: str
    session: str
    account: str
    details: tuple[tuple[str, Name], ...]


class GuardiansDesk:
    """Answers requests about guardians."""

    def __init__(self, door: Callable[[], AbstractContextManager[GuardianDoor]]) -> None:
        """``door``: gives the port for one request, or raises the error that the caller is answered with."""
        self._door = door

    def handlers(self) -> dict[type[Request], Handler]:
        """Return a handler for each kind of request."""
        acts: dict[type[Request], Callable[[GuardianDoor, Any, bytes], Answer]] = {
            Guardians: lambda door, ask, _: Answer(_written_guardians(door.guardians(account_of(ask.account), ask.family))),
            GuardianNotice: lambda door, ask, _: _told_notice(door.notice(account_of(ask.account), ask.family, ask.language)),
            AskGuardian: lambda door, ask, body: Answer(door.ask(account_of(ask.account), ask.family, _chosen(_body(body)))),
            GuardianRequests: lambda door, ask, _: Answer([written_request(each) for each in door.requests(account_of(ask.account))]),
            ConsentForm: lambda door, ask, _: Answer(*door.form(account_of(ask.account), ask.request)),
            HandInScan: _handed,
            LookAtMessage: lambda door, ask, body: _told_notice(door.look(account_of(ask.account), ask.request, _text(body), ask.language)),
            AnswerMessage: lambda door, ask, body: Answer(written_request(door.answer(account_of(ask.account), ask.request, _text(body)))),
            LookAtInvitation: lambda door, ask, body: _told_notice(door.invitation(account_of(ask.account), _text(body), ask.language)),
            TakeInvitation: _taken,
            ConsentReceiptOf: lambda door, ask, _: Answer(body=door.receipt(account_of(ask.account), ask.request, ask.consent)),
            WaitingScans: lambda door, ask, _: Answer([_written_scan(each) for each in door.waiting(account_of(ask.account))]),
            OpenScan: lambda door, ask, _: Answer(*door.scan(account_of(ask.account), ask.request)),
        }
        ending: dict[type[Request], Callable[[GuardianDoor, Any, bytes], None]] = {
            WithdrawRequest: lambda door, ask, _: door.withdraw(account_of(ask.account), ask.request),
            TakeOver: lambda door, ask, body: door.take_over(account_of(ask.account), _text(body)),
            InviteGuardian: lambda door, ask, body: door.invite(
                ask.permit, session_of(ask.session), _changing(ask), _text(body), ask.language
            ),
            StepDown: lambda door, ask, _: door.step_down(ask.permit, session_of(ask.session), _changing(ask)),
            BeginDispute: lambda door, ask, _: door.dispute(ask.permit, session_of(ask.session), _changing(ask)),
            DecideScan: lambda door, ask, _: door.decide(ask.permit, session_of(ask.session), _approving(ask)),
        }
        acts |= {kind: _done(act) for kind, act in ending.items()}
        return {kind: self._of_door(act) for kind, act in acts.items()}

    def _of_door(self, act: Callable[[GuardianDoor, Any, bytes], Answer]) -> Handler:
        def handle(_: object, ask: Request, body: bytes) -> Answer:
            with self._door() as door:
                return act(door, ask, body)

        return handle


def _done(act: Callable[[GuardianDoor, Any, bytes], None]) -> Callable[[GuardianDoor, Any, bytes], Answer]:
    def answered(door: GuardianDoor, ask: Any, body: bytes) -> Answer:
        act(door, ask, body)
        return Answer()

    return answered


def _handed(door: GuardianDoor, ask: HandInScan, body: bytes) -> Answer:
    fault = door.hand_in(account_of(ask.account), ask.request, body)
    return Answer(None if fault is None else fault.name)


def _taken(door: GuardianDoor, ask: TakeInvitation, body: bytes) -> Answer:
    told = _body(body)
    return Answer(door.take(account_of(ask.account), str(told.get("token", "")), _chosen(told)))


def _changing(ask: InviteGuardian | StepDown | BeginDispute) -> Ask:
    details = tuple((name, str(value)) for name, value in ask.details)
    return Ask(AskKind.CHANGE_OF_GUARDIAN, account_of(ask.account), ask.family, details)


def _approving(ask: DecideScan) -> Ask:
    return Ask(AskKind.APPROVAL, account_of(ask.account), details=tuple((name, str(value)) for name, value in ask.details))


def written_choice(chosen: Chosen, token: str = "") -> bytes:
    """Return what was chosen as the body of a request."""
    told = {
        "method": chosen.method,
        "purposes": list(chosen.purposes),
        "notice": chosen.notice,
        "language": chosen.language,
        "number": chosen.number,
        "born": chosen.born,
        "zone": chosen.zone,
        "token": token,
    }
    return json.dumps(told).encode()


def _chosen(told: dict[str, Any]) -> Chosen:
    try:
        texts = [str(told[each]) for each in ("method", "notice", "language", "number", "born", "zone")]
        purposes = tuple(str(each) for each in told["purposes"])
    except (KeyError, TypeError) as error:
        raise _unreadable() from error
    method, notice, language, number, born, zone = texts
    return Chosen(method, purposes, notice, language, number, born, zone)


def _body(body: bytes) -> dict[str, Any]:
    try:
        told = json.loads(body)
    except ValueError as error:
        raise _unreadable() from error
    if not isinstance(told, dict):
        raise _unreadable()
    return told


def _text(body: bytes) -> str:
    return body.decode("utf-8", "replace")


def _unreadable() -> UsageError:
    return UsageError("the body of a request cannot be read", help="ask with the same version of Expunge as the clerk runs")


def _written_guardians(card: GuardiansCard) -> Json:
    return [
        [[line.own, line.role.value, line.since.isoformat(), line.shown.value, line.method] for line in card.lines],
        [[line.at.isoformat(), line.what.value, line.detail] for line in card.history],
        [written_request(each) for each in card.requests],
        card.dispute.isoformat() if card.dispute else None,
        card.own_dispute,
        card.of_age.isoformat() if card.of_age else None,
        [[until.isoformat(), oneself] for until, oneself in card.invited],
    ]


def read_guardians(told: Any) -> GuardiansCard:
    """Return the guardians of an answer."""
    lines, history, requests, dispute, own_dispute, of_age, invited = told
    return GuardiansCard(
        tuple(GuardianLine(own, MembershipRole(role), _time(since), Shown(shown), method) for own, role, since, shown, method in lines),
        tuple(HistoryLine(_time(at), Happened(what), detail) for at, what, detail in history),
        tuple(map(read_request, requests)),
        _time(dispute) if dispute else None,
        own_dispute,
        date.fromisoformat(of_age) if of_age else None,
        tuple((_time(until), oneself) for until, oneself in invited),
    )


def written_request(card: RequestCard) -> Json:
    """Return a request as an answer."""
    return [
        card.request,
        card.family,
        card.method,
        card.state.value,
        card.at.isoformat(),
        card.expires.isoformat(),
        list(card.purposes),
        card.reason,
        list(card.consents),
        card.refused,
    ]


def read_request(told: Any) -> RequestCard:
    """Return a request of an answer."""
    request, family, method, state, at, expires, purposes, reason, consents, refused = told
    return RequestCard(
        request, family, method, RequestState(state), _time(at), _time(expires), tuple(purposes), reason, tuple(consents), refused
    )


def _told_notice(card: NoticeCard) -> Answer:
    told = {
        "language": card.language,
        "digest": card.digest,
        "sections": [[heading, list(lines)] for heading, lines in card.sections],
        "purposes": [[each.name, each.words, each.outward, list(each.recipients), each.text] for each in card.purposes],
        "methods": [[each.name, each.steps, each.delay_hours, each.enough, each.there] for each in card.methods],
        "asks": [card.asks_birthday, card.asks_number, card.oneself],
        "expires": card.expires.isoformat() if card.expires else None,
    }
    # Why the body: the texts of a company are longer than a head may be.
    return Answer(body=json.dumps(told).encode())


def read_notice(body: bytes) -> NoticeCard:
    """Return the notice of an answer."""
    told = json.loads(body)
    asks_birthday, asks_number, oneself = told["asks"]
    return NoticeCard(
        told["language"],
        told["digest"],
        tuple((heading, tuple(lines)) for heading, lines in told["sections"]),
        tuple(PurposeCard(name, words, outward, tuple(who), text) for name, words, outward, who, text in told["purposes"]),
        tuple(MethodCard(name, steps, hours, enough, there) for name, steps, hours, enough, there in told["methods"]),
        asks_birthday,
        asks_number,
        oneself,
        _time(told["expires"]) if told["expires"] else None,
    )


def _written_scan(card: ScanCard) -> Json:
    handed, expires = card.handed.isoformat(), card.expires.isoformat()
    return [card.request, handed, expires, card.media_type, card.sha256, card.number, list(card.purposes)]


def read_scan(told: Any) -> ScanCard:
    """Return a scan's card of an answer."""
    request, handed, expires, media_type, digest, number, purposes = told
    return ScanCard(request, _time(handed), _time(expires), media_type, digest, number, tuple(purposes))


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
