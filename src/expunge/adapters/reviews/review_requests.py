"""Requests about a family's word on reviews, and their answers. Lists and files are bodies: heads are short."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from expunge.adapters.clerk import values
from expunge.adapters.clerk.family_requests import OfFamilies, session_of
from expunge.adapters.keeper.answers import Answer
from expunge.adapters.keeper.guard_requests import account_of
from expunge.adapters.keeper.key_requests import Handler
from expunge.adapters.keeper.requests import Name, Request
from expunge.core.accounts.asks import Ask, AskKind
from expunge.core.families.reviews import FamilyReviews
from expunge.ports.families.review_door import FamilyReviewDoor


@dataclass(frozen=True)
class ListReviews(OfFamilies):
    """Requests to see recordings of a family, and its bars."""

    name = "list-reviews"
    account: str
    family: str
    session: str


@dataclass(frozen=True)
class DenyReview(OfFamilies):
    """The denial of a request."""

    name = "deny-review"
    account: str
    family: str
    request: str


@dataclass(frozen=True)
class AllowReview(OfFamilies):
    """The permission of a request, under a permit of the keeper's."""

    name = "allow-review"
    permit: str
    session: str
    account: str
    family: str
    details: tuple[tuple[str, Name], ...]


@dataclass(frozen=True)
class BarReviews(OfFamilies):
    """A bar: of the recording of a request, or of every one where none is named."""

    name = "bar-reviews"
    account: str
    family: str
    request: str


@dataclass(frozen=True)
class BarRecording(OfFamilies):
    """A bar of a recording of the timeline."""

    name = "bar-recording"
    account: str
    family: str
    session: str
    handle: str


@dataclass(frozen=True)
class EndBar(OfFamilies):
    """The end of a bar, under a permit of the keeper's."""

    name = "end-bar"
    permit: str
    session: str
    account: str
    family: str
    details: tuple[tuple[str, Name], ...]


@dataclass(frozen=True)
class LookReceipt(OfFamilies):
    """The receipt of a look of staff."""

    name = "look-receipt"
    account: str
    family: str
    session: str
    look: str


class ReviewWordDesk:
    """Answers requests about a family's word on reviews."""

    def __init__(self, door: Callable[[], AbstractContextManager[FamilyReviewDoor]]) -> None:
        """``door``: gives the port for one request, or raises the error that the caller is answered with."""
        self._door = door

    def handlers(self) -> dict[type[Request], Handler]:
        """Return a handler for each kind of request."""
        acts: dict[type[Request], Callable[[FamilyReviewDoor, Any], object]] = {
            ListReviews: lambda door, ask: values.written(FamilyReviews, door.reviews(*_of(ask), session_of(ask.session))),
            DenyReview: lambda door, ask: door.deny(*_of(ask), ask.request),
            AllowReview: lambda door, ask: door.allow(ask.permit, session_of(ask.session), _ask(ask)),
            BarReviews: lambda door, ask: door.bar(*_of(ask), ask.request),
            BarRecording: lambda door, ask: door.bar_recording(*_of(ask), session_of(ask.session), ask.handle),
            EndBar: lambda door, ask: door.end_bar(ask.permit, session_of(ask.session), _ask(ask)),
            LookReceipt: lambda door, ask: _files(door.receipt(*_of(ask), session_of(ask.session), ask.look)),
        }
        return {kind: self._of_door(act) for kind, act in acts.items()}

    def _of_door(self, act: Callable[[FamilyReviewDoor, Any], object]) -> Handler:
        def handle(_: object, ask: Request, __: bytes) -> Answer:
            with self._door() as door:
                return Answer(body=json.dumps(act(door, ask)).encode())

        return handle


def read_reviews(answer: Answer) -> FamilyReviews:
    """Return the requests and bars of an answer."""
    found: FamilyReviews = values.read(FamilyReviews, json.loads(answer.body))
    return found


def read_files(answer: Answer) -> dict[str, bytes]:
    """Return the files of an answer."""
    return {name: base64.b64decode(data) for name, data in json.loads(answer.body).items()}


def _of(ask: Any) -> tuple[Any, str]:
    return account_of(ask.account), ask.family


def _ask(ask: AllowReview | EndBar) -> Ask:
    return Ask(AskKind.REVIEW, account_of(ask.account), ask.family, tuple((name, str(value)) for name, value in ask.details))


def _files(files: dict[str, bytes]) -> dict[str, str]:
    return {name: base64.b64encode(data).decode() for name, data in files.items()}
