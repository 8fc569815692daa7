"""Requests about deletions, and their answers. A selection is the body: it names items, and may be long."""

from __future__ import annotations

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
from expunge.core.families import selection
from expunge.core.families.deletion import DeletionPreview, DeletionStatus
from expunge.core.families.selection import Selection
from expunge.core.values import canonical
from expunge.core.values.ids import OrderId
from expunge.errors import StateCorrupt, UsageError
from expunge.ports.families.deletion_door import DeletionAnswer, DeletionDoor

MOST_SELECTION = 16 << 20
"""Bytes of a selection: names of a hundred thousand items."""


@dataclass(frozen=True)
class PreviewDeletion(OfFamilies):
    """What a deletion would do. The body is the selection."""

    name = "preview-deletion"
    with_body = True
    most_body = MOST_SELECTION
    account: str
    family: str
    session: str


@dataclass(frozen=True)
class Delete(OfFamilies):
    """The order for items or a stretch of time. The body is the selection."""

    name = "delete"
    with_body = True
    most_body = MOST_SELECTION
    account: str
    family: str
    session: str
    form: str
    digest: str


@dataclass(frozen=True)
class DeleteEverything(OfFamilies):
    """The order for everything, under a permit of the keeper's."""

    name = "delete-everything"
    permit: str
    session: str
    account: str
    family: str
    details: tuple[tuple[str, Name], ...]


@dataclass(frozen=True)
class DeletionStatusAsked(OfFamilies):
    """How far an order has come."""

    name = "deletion-status"
    account: str
    family: str
    order: str


@dataclass(frozen=True)
class DeletionsUnderWay(OfFamilies):
    """The orders of a family that have not ended."""

    name = "deletions-under-way"
    account: str
    family: str


@dataclass(frozen=True)
class CallOff(OfFamilies):
    """An order that is cancelled, under a permit of the keeper's."""

    name = "call-off"
    permit: str
    session: str
    account: str
    family: str
    details: tuple[tuple[str, Name], ...]


class DeletionDesk:
    """Answers requests about deletions."""

    def __init__(self, door: Callable[[], AbstractContextManager[DeletionDoor]]) -> None:
        """``door``: gives the port for one request, or raises the error that the caller is answered with."""
        self._door = door

    def handlers(self) -> dict[type[Request], Handler]:
        """Return a handler for each kind of request."""
        acts: dict[type[Request], Callable[[DeletionDoor, Any, bytes], Answer]] = {
            PreviewDeletion: lambda door, ask, body: _answer(
                DeletionPreview, door.preview(account_of(ask.account), ask.family, session_of(ask.session), read_selection(body))
            ),
            Delete: lambda door, ask, body: _answer(
                DeletionAnswer,
                door.delete(
                    account_of(ask.account), ask.family, session_of(ask.session), read_selection(body), ask.form, ask.digest
                ),
            ),
            DeleteEverything: lambda door, ask, _: _answer(
                DeletionAnswer, door.delete_everything(ask.permit, session_of(ask.session), _ask(AskKind.DELETE_EVERYTHING, ask))
            ),
            DeletionStatusAsked: lambda door, ask, _: _answer(
                DeletionStatus, door.status(account_of(ask.account), ask.family, OrderId(ask.order))
            ),
            DeletionsUnderWay: lambda door, ask, _: _answer(
                tuple[DeletionStatus, ...], door.under_way(account_of(ask.account), ask.family)
            ),
            CallOff: lambda door, ask, _: _answer(
                DeletionStatus, door.call_off(ask.permit, session_of(ask.session), _ask(AskKind.CALL_OFF, ask))
            ),
        }  # fmt: skip
        return {kind: self._of_door(act) for kind, act in acts.items()}

    def _of_door(self, act: Callable[[DeletionDoor, Any, bytes], Answer]) -> Handler:
        def handle(_: object, ask: Request, body: bytes) -> Answer:
            with self._door() as door:
                return act(door, ask, body)

        return handle


def written_selection(chosen: Selection) -> bytes:
    """Return the body of a request that names a selection."""
    return canonical.encode(selection.to_json(chosen))


def read_selection(body: bytes) -> Selection:
    """Return the selection of a request. Raises UsageError."""
    try:
        told = canonical.decode(body)
    except StateCorrupt as error:
        raise UsageError("the selection cannot be read", help="ask with the same version of Expunge as the clerk runs") from error
    return selection.from_json(told)


def _answer(kind: Any, value: object) -> Answer:
    return Answer(values.written(kind, value))


def _ask(kind: AskKind, ask: DeleteEverything | CallOff) -> Ask:
    return Ask(kind, account_of(ask.account), ask.family, tuple((name, str(value)) for name, value in ask.details))
