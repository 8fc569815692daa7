"""Requests about incidents, and their answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, TypeVar

from expunge.adapters.clerk import values
from expunge.adapters.clerk.family_requests import session_of
from expunge.adapters.desk.desk_requests import MOST_TEXT, OfDesk, told, word
from expunge.adapters.keeper.answers import Answer
from expunge.adapters.keeper.guard_requests import account_of
from expunge.adapters.keeper.key_requests import Handler
from expunge.adapters.keeper.requests import Request
from expunge.core.incidents.letters import LetterTo
from expunge.core.journal.incident_events import IncidentVerdict
from expunge.errors import Misconfigured, UsageError
from expunge.ports.review.desk_door import DeskCaller
from expunge.ports.review.incident_door import IncidentCard, IncidentChange, IncidentDoor, IncidentEntry, IncidentPage

_VERSIONS = "ask with the same version of Expunge as the clerk runs"
_Entered = TypeVar("_Entered", IncidentEntry, IncidentChange)


@dataclass(frozen=True)
class AllIncidents(OfDesk):
    """Incidents."""

    name = "desk-incidents"


@dataclass(frozen=True)
class OneIncident(OfDesk):
    """An incident."""

    name = "desk-incident"
    incident: str


@dataclass(frozen=True)
class EnterIncident(OfDesk):
    """A new incident; the body is it."""

    name = "desk-enter-incident"
    with_body = True
    most_body = MOST_TEXT


@dataclass(frozen=True)
class ChangeIncident(OfDesk):
    """An entry about an incident, in the body."""

    name = "desk-change-incident"
    with_body = True
    most_body = MOST_TEXT
    incident: str


@dataclass(frozen=True)
class CloseIncident(OfDesk):
    """A judgement of an incident."""

    name = "desk-close-incident"
    incident: str
    verdict: str
    reference: str
    seen: int


@dataclass(frozen=True)
class DraftLetter(OfDesk):
    """The draft of a letter."""

    name = "desk-incident-letter"
    incident: str
    to: str
    language: str


class IncidentDesk:
    """Answers requests about incidents."""

    def __init__(self, door: Callable[[], AbstractContextManager[IncidentDoor]]) -> None:
        """``door``: gives the port for one request, or raises the error that the caller is answered with."""
        self._door = door

    def handlers(self) -> dict[type[Request], Handler]:
        """Return a handler for each kind of request."""
        acts: dict[type[Request], Callable[[IncidentDoor, Any, bytes], Answer]] = {
            AllIncidents: lambda door, ask, _: told(tuple[IncidentCard, ...], door.incidents(_by(ask))),
            OneIncident: lambda door, ask, _: told(IncidentPage, door.incident(_by(ask), ask.incident)),
            EnterIncident: lambda door, ask, body: told(IncidentCard, door.enter_incident(_by(ask), read_entered(IncidentEntry, body))),
            ChangeIncident: lambda door, ask, body: told(
                IncidentCard, door.change_incident(_by(ask), ask.incident, read_entered(IncidentChange, body))
            ),
            CloseIncident: lambda door, ask, _: told(
                IncidentCard, door.close_incident(_by(ask), ask.incident, word(IncidentVerdict, ask.verdict), ask.reference, ask.seen)
            ),
            DraftLetter: _letter,
        }  # fmt: skip
        return {kind: self._of_door(act) for kind, act in acts.items()}

    def _of_door(self, act: Callable[[IncidentDoor, Any, bytes], Answer]) -> Handler:
        def handle(_: object, ask: Request, body: bytes) -> Answer:
            with self._door() as door:
                return act(door, ask, body)

        return handle


def _letter(door: IncidentDoor, ask: Any, _: bytes) -> Answer:
    return Answer(body=door.letter(_by(ask), ask.incident, word(LetterTo, ask.to), ask.language).encode())


def written_entered(entered: IncidentEntry | IncidentChange) -> bytes:
    """Return the body of what a person enters."""
    return json.dumps(values.written(type(entered), entered)).encode()


def read_entered(kind: type[_Entered], body: bytes) -> _Entered:
    """Return what a person enters. Raises UsageError for a body of another form."""
    try:
        found: _Entered = values.read(kind, json.loads(body))
    except (ValueError, Misconfigured) as error:
        raise UsageError("what is entered about an incident does not fit", help=_VERSIONS) from error
    return found


def _by(ask: OfDesk) -> DeskCaller:
    return DeskCaller(str(account_of(ask.account)), session_of(ask.session), ask.address)
