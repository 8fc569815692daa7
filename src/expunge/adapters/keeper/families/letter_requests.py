"""Requests for letters that are handed over at once, and their answers. They take the right to have keys used: no web process has it.

An address is in the body, never in a head; addresses of accounts are opened by the keeper alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from expunge.adapters.keeper.answers import Answer
from expunge.adapters.keeper.guard_requests import account_of
from expunge.adapters.keeper.key_requests import Handler
from expunge.adapters.keeper.peers import Right
from expunge.adapters.keeper.requests import Request, Threads
from expunge.core.journal.notice_events import LetterResult, NoticeKind
from expunge.core.values.ids import Pseudonym
from expunge.errors import UsageError
from expunge.ports.accounts.family_letters import FamilyLetters, LetterDelivery, LetterReader
from expunge.ports.accounts.letters import Letter

MOST_LETTER = 256 * 2**10
"""Bytes of one letter, with its address."""
_HELP = "ask with the same version of Expunge as the keeper runs"
_FIELDS = ("to", "subject", "text", "html", "key")


class _OfLetters(Request):
    threads = Threads.ACCOUNTS
    needs = Right.KEYS


@dataclass(frozen=True)
class ReadersOf(_OfLetters):
    """The members of a family who are told of its orders."""

    name = "readers-of"
    family: str


@dataclass(frozen=True)
class WriteNotice(_OfLetters):
    """A letter to a member about a step of an order."""

    name = "write-notice"
    account: str
    family: str
    kind: str
    at: str
    key: str


@dataclass(frozen=True)
class DeliverLetter(_OfLetters):
    """A letter to an address of the data; all of it is the body, a JSON object."""

    name = "deliver-letter"
    with_body = True
    most_body = MOST_LETTER


class LetterDesk:
    """Answers requests for letters."""

    def __init__(self, letters: Callable[[], FamilyLetters], delivery: Callable[[], LetterDelivery]) -> None:
        """Set up.

        Args:
            letters: gives the port for one request, or raises the error that the caller is answered with.
            delivery: the same for letters to any address.
        """
        self._letters, self._delivery = letters, delivery

    def handlers(self) -> dict[type[Request], Handler]:
        """Return a handler for each kind of request."""
        acts: dict[type[Request], Callable[[Any, bytes], Answer]] = {
            ReadersOf: lambda ask, _: Answer(
                [[str(each.account), each.since.isoformat()] for each in self._letters().readers(Pseudonym(ask.family))]
            ),
            WriteNotice: lambda ask, _: Answer(self._written(ask).value),
            DeliverLetter: lambda _, body: Answer(self._delivery().deliver(_letter(body)).value),
        }
        return {kind: _answering(act) for kind, act in acts.items()}

    def _written(self, ask: WriteNotice) -> LetterResult:
        try:
            kind, at = NoticeKind(ask.kind), datetime.fromisoformat(ask.at)
        except ValueError as error:
            raise UsageError("a request for a letter names no step or no time", help=_HELP) from error
        return self._letters().write(account_of(ask.account), Pseudonym(ask.family), kind, at, ask.key)


def letter_body(letter: Letter) -> bytes:
    """Return a letter as the body of a request."""
    return json.dumps({name: getattr(letter, name) for name in _FIELDS}).encode()


def read_reader(told: Any) -> LetterReader:
    """Return a reader of an answer."""
    account, since = told
    return LetterReader(account_of(account), datetime.fromisoformat(since))


def _letter(body: bytes) -> Letter:
    try:
        told = json.loads(body)
    except ValueError as error:
        raise UsageError("a letter cannot be read", help=_HELP) from error
    if not isinstance(told, dict) or told.keys() != set(_FIELDS) or not all(isinstance(value, str) for value in told.values()):
        raise UsageError("a letter has other fields", help=_HELP)
    return Letter(**told, tells=True)


def _answering(act: Callable[[Any, bytes], Answer]) -> Handler:
    return lambda _, ask, body: act(ask, body)
