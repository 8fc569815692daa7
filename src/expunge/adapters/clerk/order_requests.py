"""Requests about a family's orders, threads, notices and receipts, and their answers. Lists and texts are bodies: heads are short."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from expunge.adapters.clerk.family_requests import OfFamilies, session_of
from expunge.adapters.keeper.answers import Answer
from expunge.adapters.keeper.guard_requests import account_of
from expunge.adapters.keeper.key_requests import Handler
from expunge.adapters.keeper.requests import Request
from expunge.core.datamap.artefact import DataKind
from expunge.core.journal.export_events import ExportEnd
from expunge.core.journal.notice_events import NoticeKind
from expunge.core.journal.thread_events import MessageKind, ThreadSide
from expunge.core.journal.threads import MOST_TEXT
from expunge.core.values.ids import OrderId
from expunge.core.values.order import OrderKind
from expunge.core.values.outcome import Reason
from expunge.errors import UsageError
from expunge.ports.families.order_door import (
    ConsentCard,
    CopyCard,
    CopyMaker,
    KeptKind,
    NoticeLine,
    OrderDoor,
    ReceiptDoor,
    RequestCard,
    RequestDetail,
    RequestList,
    RequestState,
    ThreadMessage,
    UndoneKind,
)

_HELP = "ask with the same version of Expunge as the clerk runs"
_D = TypeVar("_D", OrderDoor, ReceiptDoor)


@dataclass(frozen=True)
class ListRequests(OfFamilies):
    """The requests of a family."""

    name = "list-requests"
    account: str
    family: str


@dataclass(frozen=True)
class ShowRequest(OfFamilies):
    """One request."""

    name = "show-request"
    account: str
    family: str
    order: OrderId


@dataclass(frozen=True)
class ReadThread(OfFamilies):
    """The thread of an order, with its texts."""

    name = "read-thread"
    account: str
    family: str
    order: OrderId
    session: str


@dataclass(frozen=True)
class WriteMessage(OfFamilies):
    """A message or an appeal; its text is the body. Its id makes the request safe to repeat."""

    name = "write-message"
    with_body = True
    most_body = 8 * MOST_TEXT
    account: str
    family: str
    order: OrderId
    session: str
    kind: str
    message: str


@dataclass(frozen=True)
class CountUnread(OfFamilies):
    """How many notices are new to an account."""

    name = "count-unread"
    account: str
    family: str


@dataclass(frozen=True)
class ListNotices(OfFamilies):
    """The notices of a family."""

    name = "list-notices"
    account: str
    family: str


@dataclass(frozen=True)
class SeeNotices(OfFamilies):
    """Notices that an account saw."""

    name = "see-notices"
    account: str
    family: str
    until: str


@dataclass(frozen=True)
class GetReceipt(OfFamilies):
    """The files of a receipt."""

    name = "get-receipt"
    account: str
    family: str
    order: OrderId


@dataclass(frozen=True)
class PublishedKeys(OfFamilies):
    """The company's published trust policy. It names no account, because it is for every person."""

    name = "published-keys"


class OrderDesk:
    """Answers requests about orders and receipts of families."""

    def __init__(
        self, orders: Callable[[], AbstractContextManager[OrderDoor]], receipts: Callable[[], AbstractContextManager[ReceiptDoor]]
    ) -> None:
        """Set up.

        Args:
            orders: gives the port for one request, or raises the error that the caller is answered with.
            receipts: the same for receipts.
        """
        self._orders, self._receipts = orders, receipts

    def handlers(self) -> dict[type[Request], Handler]:
        """Return a handler for each kind of request."""
        orders: dict[type[Request], Callable[[OrderDoor, Any, bytes], Answer]] = {
            ListRequests: lambda door, ask, _: _body(_written_list(door.requests(account_of(ask.account), ask.family))),
            ShowRequest: lambda door, ask, _: _body(_written_detail(door.request(account_of(ask.account), ask.family, ask.order))),
            ReadThread: lambda door, ask, _: _body(
                [_written_message(each) for each in door.messages(account_of(ask.account), ask.family, ask.order, session_of(ask.session))]
            ),
            WriteMessage: _message_written,
            CountUnread: lambda door, ask, _: Answer(door.unread(account_of(ask.account), ask.family)),
            ListNotices: lambda door, ask, _: _body([_written_notice(each) for each in door.notices(account_of(ask.account), ask.family)]),
            SeeNotices: _notices_seen,
        }
        receipts: dict[type[Request], Callable[[ReceiptDoor, Any, bytes], Answer]] = {
            GetReceipt: lambda door, ask, _: _body(_written_files(door.receipt(account_of(ask.account), ask.family, ask.order))),
            PublishedKeys: lambda door, _, __: Answer(body=door.published_keys()),
        }
        of_orders = {kind: _through(self._orders, act) for kind, act in orders.items()}
        return of_orders | {kind: _through(self._receipts, act) for kind, act in receipts.items()}


def read_list(body: bytes) -> RequestList:
    """Return the requests of an answer."""
    told = json.loads(body)
    consents = tuple(ConsentCard(_time(at), purpose, given) for at, purpose, given in told["consents"])
    copies = tuple(
        CopyCard(_time(at), CopyMaker(maker), _maybe(until), ExportEnd(why) if why else None) for at, maker, until, why in told["copies"]
    )
    return RequestList(tuple(map(_read_card, told["requests"])), consents, copies)


def read_detail(body: bytes) -> RequestDetail:
    """Return the request of an answer."""
    told = json.loads(body)
    return RequestDetail(
        _read_card(told["card"]),
        _time(told["earliest"]),
        _maybe(told["extended"]),
        told["extension"],
        told["refusal"],
        tuple(UndoneKind(DataKind(kind) if kind else None, Reason(reason)) for kind, reason in told["undone"]),
        tuple(KeptKind(DataKind(kind) if kind else None, items, ground, _maybe(until)) for kind, items, ground, until in told["kept"]),
        told["messages"],
        told["may_write"],
        told["may_appeal"],
    )


def read_messages(body: bytes) -> tuple[ThreadMessage, ...]:
    """Return the messages of an answer."""
    return tuple(ThreadMessage(_time(at), ThreadSide(side), MessageKind(kind), own, text) for at, side, kind, own, text in json.loads(body))


def read_notices(body: bytes) -> tuple[NoticeLine, ...]:
    """Return the notices of an answer."""
    return tuple(NoticeLine(OrderId(order), NoticeKind(kind), _time(at), reason, new) for order, kind, at, reason, new in json.loads(body))


def read_files(body: bytes) -> dict[str, bytes]:
    """Return the files of an answer."""
    return {name: base64.b64decode(data) for name, data in json.loads(body).items()}


def _through(given: Callable[[], AbstractContextManager[_D]], act: Callable[[_D, Any, bytes], Answer]) -> Handler:
    def handle(_: object, ask: Request, body: bytes) -> Answer:
        with given() as door:
            return act(door, ask, body)

    return handle


def _body(value: object) -> Answer:
    return Answer(body=json.dumps(value).encode())


def _message_written(door: OrderDoor, ask: WriteMessage, body: bytes) -> Answer:
    try:
        kind, text = MessageKind(ask.kind), body.decode()
    except ValueError as error:
        raise UsageError("a message cannot be read", help=_HELP) from error
    door.write(account_of(ask.account), ask.family, ask.order, session_of(ask.session), kind, text, ask.message)
    return Answer()


def _notices_seen(door: OrderDoor, ask: SeeNotices, _: bytes) -> Answer:
    try:
        until = _time(ask.until)
    except ValueError as error:
        raise UsageError("a field of a request is no time", help=_HELP) from error
    if until.tzinfo is None:
        raise UsageError("a time of a request has no time zone", help=_HELP)
    door.see_notices(account_of(ask.account), ask.family, until)
    return Answer()


def _written_list(found: RequestList) -> object:
    consents = [[each.at.isoformat(), each.purpose, each.given] for each in found.consents]
    copies = [[each.at.isoformat(), each.maker.value, _text(each.until), each.ended.value if each.ended else None] for each in found.copies]
    return {"requests": list(map(_written_card, found.requests)), "consents": consents, "copies": copies}


def _written_card(card: RequestCard) -> list[object]:
    times = card.received.isoformat(), _text(card.due), _text(card.ended)
    return [card.order, card.kind.value, card.state.value, *times, card.asked_by_family, card.receipt, card.needs_you, card.appealed]


def _read_card(told: Any) -> RequestCard:
    order, kind, state, received, due, ended, asked, receipt, needs, appealed = told
    ends = _maybe(due), _maybe(ended)
    return RequestCard(OrderId(order), OrderKind(kind), RequestState(state), _time(received), asked, *ends, receipt, needs, appealed)


def _written_detail(found: RequestDetail) -> object:
    return {
        "card": _written_card(found.card),
        "earliest": found.earliest.isoformat(),
        "extended": _text(found.extended),
        "extension": found.extension,
        "refusal": found.refusal,
        "undone": [[each.kind.value if each.kind else None, each.reason.value] for each in found.undone],
        "kept": [[each.kind.value if each.kind else None, each.items, each.ground, _text(each.until)] for each in found.kept],
        "messages": found.messages,
        "may_write": found.may_write,
        "may_appeal": found.may_appeal,
    }


def _written_message(message: ThreadMessage) -> object:
    return [message.at.isoformat(), message.side.value, message.kind.value, message.own, message.text]


def _written_notice(notice: NoticeLine) -> object:
    return [notice.order, notice.kind.value, notice.at.isoformat(), notice.reason, notice.new]


def _written_files(files: dict[str, bytes]) -> object:
    return {name: base64.b64encode(data).decode() for name, data in files.items()}


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _maybe(text: str | None) -> datetime | None:
    return None if text is None else _time(text)


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
