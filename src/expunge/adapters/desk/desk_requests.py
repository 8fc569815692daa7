"""Requests about the review desk, and their answers. Texts and names of recordings are bodies: no head of a frame holds them."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, fields
from datetime import date
from enum import StrEnum
from typing import Any, NoReturn, TypeAlias, TypeVar

from expunge.adapters.clerk import values
from expunge.adapters.clerk.family_requests import session_of
from expunge.adapters.keeper.answers import Answer
from expunge.adapters.keeper.guard_requests import account_of
from expunge.adapters.keeper.key_requests import Handler
from expunge.adapters.keeper.peers import Right
from expunge.adapters.keeper.requests import Request, Threads
from expunge.core.accounts.staff import StaffRight
from expunge.core.journal.finding_events import FindingReason
from expunge.core.journal.review_words import Clarity, RecusalReason, ReviewOutcome, ReviewPurpose, Sound
from expunge.core.noticing.judging import Compared
from expunge.core.review.new_review import NewReview
from expunge.core.review.rendition import MediaForm, Segment, Still
from expunge.core.values.canonical import Json
from expunge.errors import Misconfigured, UsageError
from expunge.ports.review.desk_door import (
    DeskCaller,
    DeskDoor,
    DeskToday,
    FindingCard,
    LeaseCard,
    LooksPage,
    OwnRecords,
    PeopleAtDesk,
    RequestCard,
    RequestPage,
    Transcript,
)

MOST_TEXT = 64 << 10
"""Bytes of a body with texts of a person."""
_VERSIONS = "ask with the same version of Expunge as the clerk runs"
Caller: TypeAlias = tuple[str, str, str]
"""Account, session and address, as requests name them."""
_Word = TypeVar("_Word", bound=StrEnum)


@dataclass(frozen=True)
class OfDesk(Request):
    """A request about the desk. Each names the account, its session and its address first."""

    threads = Threads.DESK
    needs = Right.SERVE
    account: str
    session: str
    address: str

    def askers(self) -> tuple[str, ...]:
        """Return the account that it names."""
        return (f"staff {self.account}",)


@dataclass(frozen=True)
class Today(OfDesk):
    """The requests, results and findings that wait for an account."""

    name = "desk-today"


@dataclass(frozen=True)
class OwnRequests(OfDesk):
    """The account's own requests."""

    name = "desk-mine"
    most: int


@dataclass(frozen=True)
class OneRequest(OfDesk):
    """A request."""

    name = "desk-request"
    request: str


@dataclass(frozen=True)
class AskReview(OfDesk):
    """A new request; the body is it."""

    name = "desk-ask"
    with_body = True
    most_body = MOST_TEXT


@dataclass(frozen=True)
class Approve(OfDesk):
    """An approval."""

    name = "desk-approve"
    request: str


@dataclass(frozen=True)
class Deny(OfDesk):
    """A denial."""

    name = "desk-deny"
    request: str


@dataclass(frozen=True)
class Withdraw(OfDesk):
    """The end of a request by its reviewer."""

    name = "desk-withdraw"
    request: str


@dataclass(frozen=True)
class JudgeEmergency(OfDesk):
    """A judgement of an emergency; the body is its note."""

    name = "desk-judge"
    with_body = True
    most_body = MOST_TEXT
    request: str
    justified: bool


@dataclass(frozen=True)
class Activate(OfDesk):
    """The beginning of a lease."""

    name = "desk-activate"
    request: str


@dataclass(frozen=True)
class Step(OfDesk):
    """A step of clarity."""

    name = "desk-step"
    lease: str
    clarity: str
    sound: str


@dataclass(frozen=True)
class LeaseNow(OfDesk):
    """A lease as it stands."""

    name = "desk-lease"
    lease: str


@dataclass(frozen=True)
class FollowLease(OfDesk):
    """A lease once it has ended, or after a time."""

    name = "desk-follow"
    threads = Threads.FOLLOWING
    lease: str
    milliseconds: int


@dataclass(frozen=True)
class Describe(OfDesk):
    """The form of a recording, as far as it can be rendered."""

    name = "desk-describe"
    lease: str


@dataclass(frozen=True)
class FetchSegment(OfDesk):
    """A rendition of a range."""

    name = "desk-segment"
    lease: str
    first_ms: int
    last_ms: int


@dataclass(frozen=True)
class FetchStill(OfDesk):
    """A rendition of a picture."""

    name = "desk-still"
    lease: str


@dataclass(frozen=True)
class FetchTranscript(OfDesk):
    """The transcript, with names masked."""

    name = "desk-transcript"
    lease: str


@dataclass(frozen=True)
class ReportView(OfDesk):
    """A report of a player about what it showed."""

    name = "desk-report"
    lease: str
    shown_ms: int
    seeks: int
    hidden_ms: int
    ended: bool


@dataclass(frozen=True)
class Revoke(OfDesk):
    """The end of a lease."""

    name = "desk-revoke"
    request: str


@dataclass(frozen=True)
class Recuse(OfDesk):
    """A request given back."""

    name = "desk-recuse"
    request: str
    why: str


@dataclass(frozen=True)
class EnterOutcome(OfDesk):
    """The result of a review; the body is its note."""

    name = "desk-outcome"
    with_body = True
    most_body = MOST_TEXT
    request: str
    outcome: str


@dataclass(frozen=True)
class DeskLooks(OfDesk):
    """Who looked. The body names the recording, the person, or the reviewer."""

    name = "desk-looks"
    with_body = True
    most_body = MOST_TEXT
    most: int


@dataclass(frozen=True)
class AllFindings(OfDesk):
    """Findings."""

    name = "desk-findings"


@dataclass(frozen=True)
class OneFinding(OfDesk):
    """A finding."""

    name = "desk-finding"
    finding: str


@dataclass(frozen=True)
class CompareFinding(OfDesk):
    """The numbers of a finding beside what is usual."""

    name = "desk-compared"
    finding: str


@dataclass(frozen=True)
class DecideFinding(OfDesk):
    """A judgement of a finding."""

    name = "desk-decide-finding"
    finding: str
    reason: str
    reference: str
    seen: int


@dataclass(frozen=True)
class Records(OfDesk):
    """The account's training and statements."""

    name = "desk-records"


@dataclass(frozen=True)
class Attest(OfDesk):
    """A statement of purpose."""

    name = "desk-attest"
    purpose: str
    permit: str


@dataclass(frozen=True)
class Train(OfDesk):
    """A training of another account."""

    name = "desk-train"
    trained: str
    role: str
    on: str
    document: str


@dataclass(frozen=True)
class PeopleOfDesk(OfDesk):
    """Who can be shown a recording."""

    name = "desk-people"


@dataclass(frozen=True)
class RightsAtDesk(OfDesk):
    """The rights of an account in its login."""

    name = "desk-rights"


class ReviewDesk:
    """Answers requests about the desk."""

    def __init__(self, door: Callable[[], AbstractContextManager[DeskDoor]]) -> None:
        """``door``: gives the port for one request, or raises the error that the caller is answered with."""
        self._door = door

    def handlers(self) -> dict[type[Request], Handler]:
        """Return a handler for each kind of request."""
        acts: dict[type[Request], Callable[[DeskDoor, Any, bytes], Answer]] = {
            Today: lambda door, ask, _: told(DeskToday, door.today(caller_of(ask))),
            OwnRequests: lambda door, ask, _: told(tuple[RequestCard, ...], door.mine(caller_of(ask), ask.most)),
            OneRequest: lambda door, ask, _: told(RequestPage, door.request(caller_of(ask), ask.request)),
            AskReview: lambda door, ask, body: told(RequestCard, door.ask(caller_of(ask), read_new(body))),
            Approve: lambda door, ask, _: told(RequestCard, door.approve(caller_of(ask), ask.request)),
            Withdraw: lambda door, ask, _: told(RequestCard, door.withdraw(caller_of(ask), ask.request)),
            Deny: lambda door, ask, _: told(RequestCard, door.deny(caller_of(ask), ask.request)),
            JudgeEmergency: lambda door, ask, body: told(
                RequestCard, door.judge(caller_of(ask), ask.request, text_of(body), justified=ask.justified)
            ),
            Activate: lambda door, ask, _: told(LeaseCard, door.activate(caller_of(ask), ask.request)),
            Step: lambda door, ask, _: told(
                LeaseCard, door.step(caller_of(ask), ask.lease, word(Clarity, ask.clarity), word(Sound, ask.sound))
            ),
            LeaseNow: lambda door, ask, _: told(LeaseCard, door.lease(caller_of(ask), ask.lease)),
            FollowLease: lambda door, ask, _: told(LeaseCard, door.follow(caller_of(ask), ask.lease, ask.milliseconds / 1000)),
            ReportView: _report,
            Revoke: lambda door, ask, _: told(RequestCard, door.revoke(caller_of(ask), ask.request)),
            Recuse: lambda door, ask, _: told(RequestCard, door.recuse(caller_of(ask), ask.request, word(RecusalReason, ask.why))),
            EnterOutcome: lambda door, ask, body: told(
                RequestCard, door.outcome(caller_of(ask), ask.request, word(ReviewOutcome, ask.outcome), text_of(body))
            ),
            DeskLooks: lambda door, ask, body: told(LooksPage, door.looks(caller_of(ask), **read_sought(body), most=ask.most)),
            AllFindings: lambda door, ask, _: told(tuple[FindingCard, ...], door.findings(caller_of(ask))),
            OneFinding: lambda door, ask, _: told(FindingCard, door.finding(caller_of(ask), ask.finding)),
            CompareFinding: lambda door, ask, _: told(tuple[Compared, ...], door.compared(caller_of(ask), ask.finding)),
            DecideFinding: lambda door, ask, _: told(
                FindingCard,
                door.decide_finding(caller_of(ask), ask.finding, word(FindingReason, ask.reason), ask.reference, ask.seen),
            ),
            Records: lambda door, ask, _: told(OwnRecords, door.records(caller_of(ask))),
            Attest: lambda door, ask, _: told(OwnRecords, door.attest(caller_of(ask), word(ReviewPurpose, ask.purpose), ask.permit)),
            Train: lambda door, ask, _: told(
                PeopleAtDesk, door.train(caller_of(ask), ask.trained, ask.role, _day(ask.on) or _no_day(), ask.document)
            ),
            PeopleOfDesk: lambda door, ask, _: told(PeopleAtDesk, door.people(caller_of(ask))),
            RightsAtDesk: lambda door, ask, _: told(tuple[StaffRight, ...], tuple(sorted(door.rights(caller_of(ask))))),
            **_MEDIA,
        }  # fmt: skip
        return {kind: self._of_door(act) for kind, act in acts.items()}

    def _of_door(self, act: Callable[[DeskDoor, Any, bytes], Answer]) -> Handler:
        def handle(_: object, ask: Request, body: bytes) -> Answer:
            with self._door() as door:
                return act(door, ask, body)

        return handle


def written_new(new: NewReview) -> bytes:
    """Return the body of a new request."""
    return json.dumps(values.written(NewReview, new)).encode()


def read_new(body: bytes) -> NewReview:
    """Return the request of a body. Raises UsageError."""
    held = _object(body)
    if held.keys() != {each.name for each in fields(NewReview)}:
        raise UsageError("a new request has other fields", help=_VERSIONS)
    try:
        new: NewReview = values.read(NewReview, held)
    except Misconfigured as error:
        raise UsageError("a new request does not fit", help=_VERSIONS) from error
    return new


def written_sought(recording: str, person: str, reviewer: str, first: date | None, last: date | None) -> bytes:
    """Return the body of a question who looked."""
    days = {"first": first.isoformat() if first else "", "last": last.isoformat() if last else ""}
    return json.dumps({"recording": recording, "person": person, "reviewer": reviewer} | days).encode()


def read_sought(body: bytes) -> dict[str, Any]:
    """Return what a body looks for. Raises UsageError."""
    held = _object(body)
    if held.keys() != {"recording", "person", "reviewer", "first", "last"} or not all(isinstance(each, str) for each in held.values()):
        raise UsageError("a question who looked has other fields", help=_VERSIONS)
    return {**held, "first": _day(held["first"]), "last": _day(held["last"])}


def read_told(kind: Any, answer: Answer) -> Any:
    """Return the value of an answer. Raises Misconfigured for one of another version."""
    try:
        held = json.loads(answer.body)
    except ValueError as error:
        raise Misconfigured("an answer of the clerk does not fit", help=_VERSIONS) from error
    return values.read(kind, held)


def read_segment(answer: Answer) -> Segment:
    """Return the segment of an answer."""
    head, first, last, codecs, clarity, sound, frames, pixelated = _any(answer.value)
    return Segment(
        answer.body[:head], answer.body[head:], first, last, codecs, Clarity(clarity), Sound(sound), frames, pixelated
    )  # fmt: skip


def read_still(answer: Answer) -> Still:
    """Return the still of an answer."""
    return Still(answer.body, Clarity(str(answer.value)))


def told(kind: Any, value: object) -> Answer:
    """Return an answer with a value in its body: a page of requests is longer than the head of a frame."""
    return Answer(body=json.dumps(values.written(kind, value)).encode())


def word(kind: type[_Word], text: str) -> _Word:
    """Return a word of a closed list. Raises UsageError."""
    try:
        return kind(text)
    except ValueError as error:
        message = f"a request has no {kind.__name__} of the list"
        raise UsageError(message, help=_VERSIONS) from error


def text_of(body: bytes) -> str:
    """Return the text of a body. Raises UsageError."""
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise UsageError("a text is not UTF-8", help=_VERSIONS) from error


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise UsageError("a request names a day that is none", help=_VERSIONS) from error


def _no_day() -> NoReturn:
    raise UsageError("a training has no day", help=_VERSIONS)


def caller_of(ask: OfDesk) -> DeskCaller:
    """Return the caller that a request names."""
    return DeskCaller(str(account_of(ask.account)), session_of(ask.session), ask.address)


def _report(door: DeskDoor, ask: Any, _: bytes) -> Answer:
    door.report(caller_of(ask), ask.lease, ask.shown_ms, ask.seeks, ask.hidden_ms, ended=ask.ended)
    return Answer()


def _segment(door: DeskDoor, ask: Any, _: bytes) -> Answer:
    made = door.segment(caller_of(ask), ask.lease, ask.first_ms, ask.last_ms)
    head: Json = [
        len(made.head), made.first_ms, made.last_ms, made.codecs, made.clarity.value, made.sound.value, made.frames, made.pixelated
    ]  # fmt: skip
    return Answer(head, made.data)


def _still(door: DeskDoor, ask: Any, _: bytes) -> Answer:
    made = door.still(caller_of(ask), ask.lease)
    return Answer(made.clarity.value, made.data)


_MEDIA: dict[type[Request], Callable[[DeskDoor, Any, bytes], Answer]] = {
    Describe: lambda door, ask, _: told(MediaForm, door.describe(caller_of(ask), ask.lease)),
    FetchSegment: _segment,
    FetchStill: _still,
    FetchTranscript: lambda door, ask, _: told(Transcript, door.transcript(caller_of(ask), ask.lease)),
}


def _object(body: bytes) -> dict[str, Any]:
    try:
        held = json.loads(body)
    except ValueError as error:
        raise UsageError("the body of a request cannot be read", help=_VERSIONS) from error
    if not isinstance(held, dict):
        raise UsageError("the body of a request cannot be read", help=_VERSIONS)
    return held


def _any(value: Json) -> Any:
    return value
