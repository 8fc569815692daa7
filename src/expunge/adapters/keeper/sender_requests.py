"""Requests of a server for its senders. Each carries the sender's bearer header, and the keeper checks the token and its scope.

A peer that may serve has these and no other request: what it does is done for the sender whose header it shows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from expunge.adapters.keeper.answers import Answer
from expunge.adapters.keeper.key_requests import Handler
from expunge.adapters.keeper.peers import Right
from expunge.adapters.keeper.requests import BearerText, Request, Threads
from expunge.adapters.keeper.vault_requests import UPLOADING, AppendUpload, BeginUpload, DropUpload, FinishUpload, caller_of
from expunge.core.journal.access_tokens import TokenScope
from expunge.core.lineage.observations import unpack
from expunge.errors import Misconfigured, UsageError
from expunge.ports.sender_door import MOST_LINEAGE, SenderDoor, SenderDoors
from expunge.ports.vault.vault_door import Caller


class _Serving(Request):
    threads = Threads.SENDERS
    needs = Right.SERVE


@dataclass(frozen=True)
class AdmitSender(_Serving):
    """Whether a token is good for a scope."""

    name = "admit-sender"
    bearer: BearerText = field(repr=False)
    scope: str


@dataclass(frozen=True)
class TakeLineage(_Serving):
    """Observations, packed in the body."""

    name = "take-lineage"
    with_body = True
    most_body = MOST_LINEAGE
    bearer: BearerText = field(repr=False)


@dataclass(frozen=True)
class LookAtJournal(_Serving):
    """Whether the journal can be read."""

    name = "look-at-journal"


@dataclass(frozen=True)
class _OfSender:
    """An upload's request, for a sender."""

    needs: ClassVar[Right] = Right.SERVE
    bearer: BearerText = field(repr=False)


@dataclass(frozen=True)
class BeginSendersUpload(_OfSender, BeginUpload):
    """The beginning of a sender's upload."""

    name = "begin-senders-upload"


@dataclass(frozen=True)
class AppendSendersUpload(_OfSender, AppendUpload):
    """The next bytes of a sender's upload, in the body."""

    name = "append-senders-upload"


@dataclass(frozen=True)
class FinishSendersUpload(_OfSender, FinishUpload):
    """The end of a sender's upload, with the recording in."""

    name = "finish-senders-upload"


@dataclass(frozen=True)
class DropSendersUpload(_OfSender, DropUpload):
    """The end of a sender's upload, with nothing in."""

    name = "drop-senders-upload"


FOR_SENDERS: Mapping[type[Request], Any] = {
    BeginUpload: BeginSendersUpload,
    AppendUpload: AppendSendersUpload,
    FinishUpload: FinishSendersUpload,
    DropUpload: DropSendersUpload,
}
"""Request about an account's own upload -> the request about a sender's."""


class SendersDesk:
    """Answers requests of servers."""

    def __init__(self, doors: SenderDoors) -> None:
        self._doors = doors

    def handlers(self) -> dict[type[Request], Handler]:
        """Return a handler for each kind of request."""
        acts: dict[type[Request], Callable[..., Answer]] = {AdmitSender: _admit, TakeLineage: _take, LookAtJournal: _look}
        acts |= {FOR_SENDERS[kind]: _for_sender(act) for kind, act in UPLOADING.items()}
        return {kind: self._for_callers(act) for kind, act in acts.items()}

    def _for_callers(self, act: Callable[..., Answer]) -> Handler:
        return lambda peer, ask, body: act(self._doors.door_of(caller_of(peer)), ask, body)


class NoSenders:
    """Stands for the doors of a keeper that has no map. Implements ``expunge.ports.sender_door.SenderDoors``."""

    def door_of(self, caller: Caller) -> SenderDoor:  # noqa: ARG002 - the port's own shape
        """Raise Misconfigured."""
        message = "this keeper holds keys alone and opens no journal"
        raise Misconfigured(message, help="restart it with the map: expunge keeper stop, then expunge keeper run --map FILE")

    def close(self) -> None:
        """Do nothing."""


def _admit(door: SenderDoor, ask: AdmitSender, _: bytes) -> Answer:
    if ask.scope not in list(TokenScope):
        raise UsageError("there is no such scope", help="ask with the same version of Expunge as the keeper runs")
    return Answer(door.admit(ask.bearer, TokenScope(ask.scope)).id)


def _take(door: SenderDoor, ask: TakeLineage, body: bytes) -> Answer:
    # Why before it is read: only a sender with a token has the keeper read what it sent.
    door.admit(ask.bearer, TokenScope.LINEAGE)
    try:
        observations = unpack(body.decode())
    except ValueError:
        raise UsageError("these are no observations", help="ask with the same version of Expunge as the keeper runs") from None
    taken = door.take(ask.bearer, observations)
    return Answer([taken.new, taken.known])


def _look(door: SenderDoor, _: LookAtJournal, __: bytes) -> Answer:
    door.look()
    return Answer()


def _for_sender(act: Callable[..., Answer]) -> Callable[..., Answer]:
    return lambda door, ask, body: act(door.uploads(ask.bearer), ask, body)
