"""Access to the server: bearer tokens with a scope, and a limit on failed attempts."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import ClassVar

from django.http import HttpRequest

from expunge.core.journal.access_tokens import TokenRefused, TokenScope
from expunge.errors import ExpungeError, SenderRefused
from expunge.ports.sender_door import Sender, SenderDoor
from expunge.web.answers import Problem, unavailable
from expunge.web.turns import KNOWN, Asker, AskerKind

WHERE = "the header Authorization"
FAILURES = 30
WITHIN = 60.0
"""Seconds in which so many refused tokens are answered as what they are; then the answer is 429. A good one is let in even then."""


class Bearer:
    """An endpoint's demand on a request, as ninja wants it: documented as a scheme of its own."""

    openapi_security_schema: ClassVar = {"type": "http", "scheme": "bearer"}

    def __init__(self, guard: Guard, scope: TokenScope) -> None:
        self._guard = guard
        self._scope = scope

    def __call__(self, request: HttpRequest) -> Sender:
        """Let a request in, as ``auth`` of which its token is known, or raise Problem."""
        return self._guard.require(request, self._scope)


class Guard:
    """Admits requests with a valid token."""

    def __init__(self, senders: SenderDoor, refused: Callable[[str], None] | None = None) -> None:
        """``refused`` is told the client's address of each token that is refused, within the limit."""
        self._senders = senders
        self._refused = refused
        self._failures: deque[float] = deque(maxlen=FAILURES)
        self._guard = threading.Lock()

    def require(self, request: HttpRequest, scope: TokenScope) -> Sender:
        """Return the sender of a request.

        Raises Problem: 401 without a valid token, 403 for one of another scope, 429 after too many bad ones, 503 where none can be checked.
        """
        try:
            sender = self._senders.admit(shown(request), scope)
        except SenderRefused as error:
            if self._too_many():
                help_ = "wait a minute; a token that works is let in even now"
                raise Problem(429, "too many refused tokens", WHERE, help_, retry_after=int(WITHIN)) from None
            if self._refused is not None and error.reason == TokenRefused.UNKNOWN.name:
                self._refused(request.META.get("REMOTE_ADDR", ""))
            raise refusal(error) from None
        except ExpungeError as error:
            raise unavailable(error) from None
        KNOWN.know(shown(request), Asker(AskerKind.SENDER, sender.id))
        return sender

    def _too_many(self) -> bool:
        now = time.monotonic()
        with self._guard:
            full = len(self._failures) == FAILURES and now - self._failures[0] < WITHIN
            if not full:
                self._failures.append(now)
            return full


def shown(request: HttpRequest) -> str:
    """Return the header that shows a request's token: each call for its sender carries it."""
    return request.headers.get("Authorization", "")


def refusal(error: SenderRefused) -> Problem:
    """Return the answer for a token that is not good for a request."""
    return Problem(403 if error.reason == TokenRefused.NOT_FOR_THIS.name else 401, error.message, WHERE, error.help)
