"""Tickets: values that lie in the keeper's memory behind a random token, for a short time, until they are taken once.

Challenges, permits and offers of seeds are tickets. A restart of the keeper ends them all, and so a copy of its disk holds none.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar
from uuid import UUID

from expunge.errors import ChallengeEnded

OF_ACCOUNT = 8
"""Tickets of one kind that an account may have. One more ends its oldest: a caller that begins many things keeps no other account out."""
TOGETHER = 50_000
"""Tickets of one kind in all. One more ends the oldest."""
T = TypeVar("T")


@dataclass(frozen=True)
class _Ticket(Generic[T]):
    account: UUID
    value: T
    until: float


class Tickets(Generic[T]):
    """The tickets of one kind. Safe between threads."""

    def __init__(
        self, what: str, *, of_account: int = OF_ACCOUNT, together: int = TOGETHER, now: Callable[[], float] = time.monotonic
    ) -> None:
        """Set up none yet.

        Args:
            what: a ticket is, with its article, as in *a challenge*; for messages.
            of_account: the most of one account.
            together: the most in all.
            now: seconds, from anywhere, never back.
        """
        self._what, self._of_account, self._together, self._now = what, of_account, together, now
        self._guard = threading.Lock()
        self._tickets: OrderedDict[str, _Ticket[T]] = OrderedDict()
        self._tokens: dict[UUID, list[str]] = {}
        """Account -> its tokens, oldest first."""

    def put(self, account: UUID, value: T, seconds: float) -> str:
        """Keep a value for some time; return its token, of 256 random bits."""
        token = secrets.token_urlsafe(32)
        with self._guard:
            self._sweep()
            mine = self._tokens.setdefault(account, [])
            mine.append(token)
            self._tickets[token] = _Ticket(account, value, self._now() + seconds)
            while len(mine) > self._of_account:
                self._drop(mine[0])
            while len(self._tickets) > self._together:
                self._drop(next(iter(self._tickets)))
        return token

    def look(self, token: str) -> T:
        """Return a value, and keep it. Raises ChallengeEnded where there is none behind the token."""
        with self._guard:
            return self._living(token).value

    def take(self, token: str) -> T:
        """Return a value, and end its ticket: of two callers one gets it. Raises as :meth:`look`."""
        with self._guard:
            value = self._living(token).value
            self._drop(token)
            return value

    def end_all(self, account: UUID) -> None:
        """End all tickets of an account."""
        with self._guard:
            for token in list(self._tokens.get(account, ())):
                self._drop(token)

    def __len__(self) -> int:
        with self._guard:
            return len(self._tickets)

    def _living(self, token: str) -> _Ticket[T]:
        ticket = self._tickets.get(token)
        if ticket is None or ticket.until <= self._now():
            message = f"there is no such {self._what} any more: it was used, its time is over, or the keeper began anew"
            raise ChallengeEnded(message, help="begin again; nothing was done")
        return ticket

    def _drop(self, token: str) -> None:
        ticket = self._tickets.pop(token)
        mine = self._tokens[ticket.account]
        mine.remove(token)
        if not mine:
            del self._tokens[ticket.account]

    def _sweep(self) -> None:
        """Drop tickets from the oldest on whose time is over. One that lasts longer than a later one holds up only itself."""
        now = self._now()
        while self._tickets:
            token, ticket = next(iter(self._tickets.items()))
            if ticket.until > now:
                return
            self._drop(token)
