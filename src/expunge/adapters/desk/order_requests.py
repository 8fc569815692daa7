"""Requests about orders for the pages of staff, and their answers."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from expunge.adapters.desk.desk_requests import OfDesk, caller_of, told
from expunge.adapters.keeper.answers import Answer
from expunge.adapters.keeper.key_requests import Handler
from expunge.adapters.keeper.requests import Request
from expunge.ports.accounts.account_guard import MOST_RESPONSE
from expunge.ports.review.order_desk import OrderCard, OrderDeskDoor, OrderPage, SigningAsk


@dataclass(frozen=True)
class StaffOrders(OfDesk):
    """Orders, the newest."""

    name = "staff-orders"


@dataclass(frozen=True)
class StaffOrder(OfDesk):
    """One order."""

    name = "staff-order"
    order: str


@dataclass(frozen=True)
class BeginApproval(OfDesk):
    """The message that a passkey signs to approve a plan."""

    name = "staff-order-begin"
    order: str
    digest: str


@dataclass(frozen=True)
class ApprovePlan(OfDesk):
    """An approval; the body is the browser's answer."""

    name = "staff-order-approve"
    with_body = True
    most_body = MOST_RESPONSE
    order: str
    digest: str


@dataclass(frozen=True)
class StaffReceipt(OfDesk):
    """The files of a receipt."""

    name = "staff-order-receipt"
    order: str
    number: int


class StaffOrderDesk:
    """Answers requests about orders of staff."""

    def __init__(self, door: Callable[[], AbstractContextManager[OrderDeskDoor]]) -> None:
        """``door``: gives the port for one request, or raises the error that the caller is answered with."""
        self._door = door

    def handlers(self) -> dict[type[Request], Handler]:
        """Return a handler for each kind of request."""
        acts: dict[type[Request], Callable[[OrderDeskDoor, Any, bytes], Answer]] = {
            StaffOrders: lambda door, ask, _: told(tuple[OrderCard, ...], door.orders(caller_of(ask))),
            StaffOrder: lambda door, ask, _: told(OrderPage, door.order(caller_of(ask), ask.order)),
            BeginApproval: lambda door, ask, _: _asked(door.begin_approval(caller_of(ask), ask.order, ask.digest)),
            ApprovePlan: lambda door, ask, body: told(OrderPage, door.approve(caller_of(ask), ask.order, ask.digest, body)),
            StaffReceipt: lambda door, ask, _: _files(door.receipt(caller_of(ask), ask.order, ask.number)),
        }
        return {kind: self._through(act) for kind, act in acts.items()}

    def _through(self, act: Callable[[OrderDeskDoor, Any, bytes], Answer]) -> Handler:
        def handle(_: object, ask: Request, body: bytes) -> Answer:
            with self._door() as door:
                return act(door, ask, body)

        return handle


def read_ask(body: bytes) -> SigningAsk:
    """Return what a passkey is asked to sign, of an answer."""
    challenge, relying_party, credentials = json.loads(body)
    return SigningAsk(base64.b64decode(challenge), relying_party, tuple(map(base64.b64decode, credentials)))


def read_files(body: bytes) -> dict[str, bytes]:
    """Return the files of an answer."""
    return {name: base64.b64decode(data) for name, data in json.loads(body).items()}


def _asked(ask: SigningAsk) -> Answer:
    return Answer(body=json.dumps([_text(ask.challenge), ask.relying_party, list(map(_text, ask.credentials))]).encode())


def _files(files: dict[str, bytes]) -> Answer:
    return Answer(body=json.dumps({name: _text(data) for name, data in files.items()}).encode())


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
