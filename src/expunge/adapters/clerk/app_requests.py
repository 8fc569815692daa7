"""Requests of the company's app, and their answers. Each carries the app's header, which the clerk checks."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from expunge.adapters.clerk.family_requests import OfFamilies
from expunge.adapters.clerk.values import written
from expunge.adapters.keeper.answers import Answer
from expunge.adapters.keeper.key_requests import Handler
from expunge.adapters.keeper.requests import BearerText, Request
from expunge.errors import UsageError
from expunge.ports.families.app_door import AppConsent, AppDoor, AppGrant, AppOrder, AppRecording
from expunge.ports.families.held_door import HeldAnswer

PAGE = tuple[tuple[AppOrder, ...], bool]
RECORDINGS = tuple[tuple[AppRecording, ...], bool]
SAID = tuple[str, AppOrder]
CONSENTS = tuple[AppConsent, ...]
MOST_STATEMENT = 16 * 2**10
"""Bytes of a statement that go over the socket; how many count is for the verifier to say."""


class OfApp(OfFamilies):
    """A request of the company's app."""


@dataclass(frozen=True)
class AppExchange(OfApp):
    """An access token for the statement in the body."""

    name = "app-exchange"
    with_body = True
    most_body = MOST_STATEMENT
    header: BearerText
    scope: str


@dataclass(frozen=True)
class AppEndLogin(OfApp):
    """The end of a customer's login."""

    name = "app-end-login"
    header: BearerText
    session: str


@dataclass(frozen=True)
class AppEndToken(OfApp):
    """The end of an access token."""

    name = "app-end-token"
    header: BearerText


@dataclass(frozen=True)
class AppFamilies(OfApp):
    """The families of a token."""

    name = "app-families"
    header: BearerText


@dataclass(frozen=True)
class AppHeld(OfApp):
    """What is held about a family's person."""

    name = "app-held"
    header: BearerText
    family: str


@dataclass(frozen=True)
class AppOrderAll(OfApp):
    """An order for everything of a family's person."""

    name = "app-order"
    header: BearerText
    family: str
    key: str


@dataclass(frozen=True)
class AppRecordings(OfApp):
    """A page of the recordings of a family's person."""

    name = "app-recordings"
    header: BearerText
    family: str
    after: str
    most: int


@dataclass(frozen=True)
class AppDeleteRecording(OfApp):
    """An order for one recording of a family's person."""

    name = "app-delete-recording"
    header: BearerText
    family: str
    recording: str
    key: str


@dataclass(frozen=True)
class AppSaid(OfApp):
    """An order for what a customer just said, by the event in the body."""

    name = "app-said"
    with_body = True
    most_body = MOST_STATEMENT
    header: BearerText


@dataclass(frozen=True)
class AppOrders(OfApp):
    """A page of the orders about a family."""

    name = "app-orders"
    header: BearerText
    family: str
    after: str
    most: int


@dataclass(frozen=True)
class AppStatus(OfApp):
    """One order."""

    name = "app-status"
    header: BearerText
    family: str
    order: str


@dataclass(frozen=True)
class AppCancel(OfApp):
    """The cancellation of an order."""

    name = "app-cancel"
    header: BearerText
    family: str
    order: str


@dataclass(frozen=True)
class AppReceipt(OfApp):
    """The receipt of an order, as a zip."""

    name = "app-receipt"
    header: BearerText
    family: str
    order: str


@dataclass(frozen=True)
class AppConsents(OfApp):
    """The consents of a family's person."""

    name = "app-consents"
    header: BearerText
    family: str


@dataclass(frozen=True)
class AppWithdraw(OfApp):
    """The withdrawal of a consent."""

    name = "app-withdraw"
    header: BearerText
    family: str
    purpose: str


class AppDesk:
    """Answers requests of the company's app."""

    def __init__(self, door: Callable[[], AbstractContextManager[AppDoor]]) -> None:
        """``door``: gives the port for one request, or raises the error that the caller is answered with."""
        self._door = door

    def handlers(self) -> dict[type[Request], Handler]:
        """Return a handler for each kind of request."""
        acts: dict[type[Request], Callable[[AppDoor, Any, bytes], Answer]] = {
            AppExchange: lambda door, ask, body: Answer(written(AppGrant, door.exchange(ask.header, _text(body), ask.scope))),
            AppEndLogin: lambda door, ask, _: Answer(door.end_login(ask.header, ask.session)),
            AppEndToken: _ended,
            AppFamilies: lambda door, ask, _: Answer(list(door.families(ask.header))),
            AppHeld: lambda door, ask, _: Answer(written(HeldAnswer, door.held(ask.header, ask.family))),
            AppOrderAll: lambda door, ask, _: Answer(written(AppOrder, door.order(ask.header, ask.family, ask.key))),
            AppRecordings: _recordings_listed,
            AppDeleteRecording: lambda door, ask, _: Answer(
                written(AppOrder, door.delete_recording(ask.header, ask.family, ask.recording, ask.key))
            ),
            AppSaid: lambda door, ask, body: Answer(written(SAID, door.said(ask.header, _text(body)))),
            AppOrders: _listed,
            AppStatus: lambda door, ask, _: Answer(written(AppOrder, door.status(ask.header, ask.family, ask.order))),
            AppCancel: lambda door, ask, _: Answer(written(AppOrder, door.cancel(ask.header, ask.family, ask.order))),
            AppReceipt: lambda door, ask, _: Answer(None, door.receipt(ask.header, ask.family, ask.order)),
            AppConsents: lambda door, ask, _: Answer(written(CONSENTS, door.consents(ask.header, ask.family))),
            AppWithdraw: lambda door, ask, _: Answer(written(AppConsent, door.withdraw(ask.header, ask.family, ask.purpose))),
        }
        return {kind: self._of_door(act) for kind, act in acts.items()}

    def _of_door(self, act: Callable[[AppDoor, Any, bytes], Answer]) -> Handler:
        def handle(_: object, ask: Request, body: bytes) -> Answer:
            with self._door() as door:
                return act(door, ask, body)

        return handle


def _listed(door: AppDoor, ask: AppOrders, _: bytes) -> Answer:
    return Answer(written(PAGE, door.orders(ask.header, ask.family, ask.after, ask.most)))


def _recordings_listed(door: AppDoor, ask: AppRecordings, _: bytes) -> Answer:
    return Answer(written(RECORDINGS, door.recordings(ask.header, ask.family, ask.after, ask.most)))


def _ended(door: AppDoor, ask: AppEndToken, _: bytes) -> Answer:
    door.end_token(ask.header)
    return Answer()


def _text(body: bytes) -> str:
    try:
        return body.decode("ascii")
    except UnicodeDecodeError as error:
        raise UsageError("a statement is ASCII", help="send the JWT as it is") from error
