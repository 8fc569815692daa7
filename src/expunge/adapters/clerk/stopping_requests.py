"""Requests about what a family stops, and their answers: consents, keeping times, profiles that nobody uses."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeVar

from expunge.adapters.clerk import values
from expunge.adapters.clerk.family_requests import OfFamilies, session_of
from expunge.adapters.keeper.answers import Answer
from expunge.adapters.keeper.guard_requests import account_of
from expunge.adapters.keeper.key_requests import Handler
from expunge.adapters.keeper.requests import Request
from expunge.core.consent.board import BoardSwitch, Stopped
from expunge.core.datamap.artefact import DataKind
from expunge.core.retention.own_periods import KindPeriod, OwnPeriod, PeriodPreview
from expunge.errors import UsageError
from expunge.ports.families.stopping_door import IdleNotice, StoppingDoor

_Word = TypeVar("_Word", bound=Enum)
BOARD, PERIODS, NOTICE = tuple[BoardSwitch, ...], tuple[KindPeriod, ...], IdleNotice | None
"""Kinds of answers."""


@dataclass(frozen=True)
class ConsentBoardOf(OfFamilies):
    """The consent board of a family."""

    name = "consent-board-of"
    account: str
    family: str


@dataclass(frozen=True)
class StopUse(OfFamilies):
    """The end of a consent."""

    name = "stop-use"
    account: str
    family: str
    purpose: str


@dataclass(frozen=True)
class OwnPeriodsOf(OfFamilies):
    """The keeping times of a family."""

    name = "own-periods-of"
    account: str
    family: str


@dataclass(frozen=True)
class PreviewOwnPeriod(OfFamilies):
    """What a keeping time removes."""

    name = "preview-own-period"
    account: str
    family: str
    kind: str
    period: str


@dataclass(frozen=True)
class ChooseOwnPeriod(OfFamilies):
    """The choice of a keeping time; an empty period gives it up."""

    name = "choose-own-period"
    account: str
    family: str
    session: str
    kind: str
    period: str


@dataclass(frozen=True)
class IdleNoticeOf(OfFamilies):
    """The notice about a profile that nobody uses."""

    name = "idle-notice-of"
    account: str
    family: str


@dataclass(frozen=True)
class KeepProfile(OfFamilies):
    """The wish to keep a profile that nobody uses."""

    name = "keep-profile"
    account: str
    family: str


class StoppingDesk:
    """Answers requests about what a family stops."""

    def __init__(self, door: Callable[[], AbstractContextManager[StoppingDoor]]) -> None:
        """``door``: gives the port for one request, or raises the error that the caller is answered with."""
        self._door = door

    def handlers(self) -> dict[type[Request], Handler]:
        """Return a handler for each kind of request."""
        acts: dict[type[Request], tuple[Any, Callable[[StoppingDoor, Any], object]]] = {
            ConsentBoardOf: (BOARD, lambda door, ask: door.board(account_of(ask.account), ask.family)),
            StopUse: (Stopped, lambda door, ask: door.stop(account_of(ask.account), ask.family, ask.purpose)),
            OwnPeriodsOf: (PERIODS, lambda door, ask: door.periods(account_of(ask.account), ask.family)),
            PreviewOwnPeriod: (PeriodPreview, lambda door, ask: door.preview_period(account_of(ask.account), ask.family, *_chosen(ask))),
            ChooseOwnPeriod: (bool, _choose),
            IdleNoticeOf: (NOTICE, lambda door, ask: door.idle(account_of(ask.account), ask.family)),
            KeepProfile: (IdleNotice, lambda door, ask: door.keep(account_of(ask.account), ask.family)),
        }
        return {kind: self._of_door(*each) for kind, each in acts.items()}

    def _of_door(self, kind: Any, act: Callable[[StoppingDoor, Any], object]) -> Handler:
        def handle(_: object, ask: Request, __: bytes) -> Answer:
            with self._door() as door:
                return Answer(values.written(kind, act(door, ask)))

        return handle


def _chosen(ask: PreviewOwnPeriod) -> tuple[DataKind, OwnPeriod]:
    return _word(DataKind, ask.kind), _word(OwnPeriod, ask.period)


def _choose(door: StoppingDoor, ask: ChooseOwnPeriod) -> bool:
    period = _word(OwnPeriod, ask.period) if ask.period else None
    return door.choose_period(account_of(ask.account), ask.family, session_of(ask.session), _word(DataKind, ask.kind), period)


def _word(words: type[_Word], text: str) -> _Word:
    try:
        return words(text)
    except ValueError as error:
        raise UsageError("a field of a request has a word that is not among those of its kind", help="choose on the page") from error
