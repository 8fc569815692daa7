"""Access to the server: bearer tokens with a scope, and a limit on failed attempts."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import ClassVar

from django.http import HttpRequest

from expunge.bootstrap.pipelines import LineageDoor
from expunge.core.journal.access_tokens import Token, TokenRefused, TokenScope
from expunge.web.answers import Problem

FAILURES = 30
WITHIN = 60.0
"""Seconds in which so many refused tokens are answered as what they are; then the answer is 429. A good one is let in even then."""
_MENDS = {
    TokenRefused.MISSING: "send the header Authorization: Bearer TOKEN; `expunge token issue` makes one",
    TokenRefused.UNKNOWN: "send the whole token, as `expunge token issue` showed it",
    TokenRefused.REVOKED: "ask for a new one: `expunge token issue`",
    TokenRefused.ENDED: "ask for a new one: `expunge token issue`",
    TokenRefused.NOT_FOR_THIS: "ask for one with the right --scope: `expunge token issue`",
}


class Bearer:
    """An endpoint's demand on a request, as ninja wants it: documented as a scheme of its own."""

    openapi_security_schema: ClassVar = {"type": "http", "scheme": "bearer"}

    def __init__(self, guard: Guard, scope: TokenScope) -> None:
        self._guard = guard
        self._scope = scope

    def __call__(self, request: HttpRequest) -> Token:
        """Let a request in, as ``auth`` of which its token is known, or raise Problem."""
        return self._guard.require(request, self._scope)


class Guard:
    """Admits requests with a valid token."""

    def __init__(self, door: LineageDoor, refused: Callable[[str], None] | None = None) -> None:
        """``refused`` is told the client's address of each token that is refused, within the limit."""
        self._door = door
        self._refused = refused
        self._failures: deque[float] = deque(maxlen=FAILURES)
        self._guard = threading.Lock()

    def require(self, request: HttpRequest, scope: TokenScope) -> Token:
        """Return a valid token. Raises Problem: 401 without one, 403 for a token of another scope, 429 after too many bad ones."""
        answer = self._door.admit(request.headers.get("Authorization", ""), scope)
        if not isinstance(answer, TokenRefused):
            return answer
        if self._too_many():
            help_ = "wait a minute; a token that works is let in even now"
            raise Problem(429, "too many refused tokens", "the header Authorization", help_, retry_after=int(WITHIN))
        if self._refused is not None and answer is TokenRefused.UNKNOWN:
            self._refused(request.META.get("REMOTE_ADDR", ""))
        status = 403 if answer is TokenRefused.NOT_FOR_THIS else 401
        raise Problem(status, answer.value, "the header Authorization", _MENDS[answer])

    def _too_many(self) -> bool:
        now = time.monotonic()
        with self._guard:
            full = len(self._failures) == FAILURES and now - self._failures[0] < WITHIN
            if not full:
                self._failures.append(now)
            return full
