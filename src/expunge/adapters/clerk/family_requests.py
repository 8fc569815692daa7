"""Requests about families and openings, and their answers. A family is a pseudonym, and an account a random id."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from expunge.adapters.keeper.answers import Answer
from expunge.adapters.keeper.guard_requests import account_of
from expunge.adapters.keeper.key_requests import Handler
from expunge.adapters.keeper.peers import Right
from expunge.adapters.keeper.requests import Name, Request, Threads
from expunge.core.accounts.asks import Ask, AskKind
from expunge.core.accounts.memberships import MembershipRole
from expunge.core.values.canonical import Json
from expunge.errors import UsageError
from expunge.ports.families.family_door import FamilyCard, FamilyDoor


class OfFamilies(Request):
    """A request to the clerk. Each names an account; one about a family names that too, and the clerk looks the membership up."""

    threads = Threads.FAMILIES
    needs = Right.SERVE

    def askers(self) -> tuple[str, ...]:
        """Return the account and the family that it names."""
        named = ((name, getattr(self, name, "")) for name in ("account", "family"))
        return tuple(f"{name} {value}" for name, value in named if value)


@dataclass(frozen=True)
class Families(OfFamilies):
    """The families of an account."""

    name = "families"
    account: str


@dataclass(frozen=True)
class OpenFamily(OfFamilies):
    """The beginning of an opening, under a permit of the keeper's."""

    name = "open-family"
    permit: str
    session: str
    account: str
    family: str
    details: tuple[tuple[str, Name], ...]


@dataclass(frozen=True)
class OpenUntil(OfFamilies):
    """The end of an opening, if it is not used."""

    name = "open-until"
    account: str
    family: str
    session: str


@dataclass(frozen=True)
class EndOpening(OfFamilies):
    """The end of an opening."""

    name = "end-opening"
    account: str
    family: str
    session: str


class FamilyDesk:
    """Answers requests about families and openings."""

    def __init__(self, door: Callable[[], AbstractContextManager[FamilyDoor]]) -> None:
        """``door``: gives the port for one request, or raises the error that the caller is answered with."""
        self._door = door

    def handlers(self) -> dict[type[Request], Handler]:
        """Return a handler for each kind of request."""
        acts: dict[type[Request], Callable[[FamilyDoor, Any], Answer]] = {
            Families: lambda door, ask: Answer([_written(card) for card in door.families(account_of(ask.account))]),
            OpenFamily: lambda door, ask: Answer(door.open(ask.permit, session_of(ask.session), _opening(ask)).isoformat()),
            OpenUntil: lambda door, ask: Answer(_time(door.open_until(account_of(ask.account), ask.family, session_of(ask.session)))),
            EndOpening: _ended,
        }
        return {kind: self._of_door(act) for kind, act in acts.items()}

    def _of_door(self, act: Callable[[FamilyDoor, Any], Answer]) -> Handler:
        def handle(_: object, ask: Request, __: bytes) -> Answer:
            with self._door() as door:
                return act(door, ask)

        return handle


def session_of(text: str) -> bytes:
    """Return the hash of a web session that a request names. Raises UsageError."""
    try:
        return bytes.fromhex(text)
    except ValueError as error:
        raise UsageError("a field of a request is no hex", help="ask with the same version of Expunge as the clerk runs") from error


def read_card(told: Any) -> FamilyCard:
    """Return a family of an answer."""
    family, role, since, label = told
    return FamilyCard(family, MembershipRole(role), datetime.fromisoformat(since), label)


def _written(card: FamilyCard) -> Json:
    return [card.family, card.role.value, card.since.isoformat(), card.label]


def _opening(ask: OpenFamily) -> Ask:
    details = tuple((name, str(value)) for name, value in ask.details)
    return Ask(AskKind.PLAYBACK, account_of(ask.account), ask.family, details)


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _ended(door: FamilyDoor, ask: EndOpening) -> Answer:
    door.end(account_of(ask.account), ask.family, session_of(ask.session))
    return Answer()
