"""The access log: one line of JSON for each request, in which nothing tells who asked, for whom or for what.

Session and client address are keyed by a random key that is in memory alone and changes each day (UTC): lines of one day and process can be
told to be of one session, and once the day is over nothing can tell whose they were, not even with every key of the installation.
"""

from __future__ import annotations

import hmac
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from hashlib import sha256
from typing import Any

from django.http.cookie import parse_cookie

from expunge import clock
from expunge.web.metrics import Metrics, method_word
from expunge.web.routes import route_of

_ID = 12
"""Hex digits of a keyed id: 48 bits, which tell the clients of a day apart."""


class DailyKey:
    """A random key for each day. Safe between threads."""

    def __init__(self, today: Callable[[], date] = clock.today) -> None:
        """Begin with none."""
        self._today, self._guard = today, threading.Lock()
        self._day: date | None = None
        self._key = b""

    def keyed(self, kind: str, value: str) -> str:
        """Return the id of a value for today; empty for an empty one."""
        if not value:
            return ""
        with self._guard:
            if self._day != (today := self._today()):
                self._day, self._key = today, secrets.token_bytes(32)
            key = self._key
        return hmac.new(key, f"{kind}/{value}".encode(), sha256).hexdigest()[:_ID]


class AccessLog:
    """An application of WSGI that counts and writes down what another one answers."""

    def __init__(
        self, application: Any, metrics: Metrics, write: Callable[[str], None] | None, cookie: str, key: DailyKey | None = None
    ) -> None:
        """Take the application.

        Args:
            application: answers.
            metrics: counts.
            write: takes a line without its end; None writes nothing down.
            cookie: the name of the session's cookie; empty where there are no sessions.
            key: for ids.
        """
        self._application, self._metrics, self._write, self._cookie = application, metrics, write, cookie
        self._key = key or DailyKey()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer."""
        begun = time.monotonic()
        status = [500]

        def started(line: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            status[0] = int(line[:3])
            return start_response(line, headers, *rest)

        try:
            body = self._application(environ, started)
        except BaseException:
            self._note(environ, status[0], 0, begun)
            raise
        return _Counted(body, lambda size: self._note(environ, status[0], size, begun))

    def _note(self, environ: dict[str, Any], status: int, size: int, begun: float) -> None:
        seconds = time.monotonic() - begun
        route, method = route_of(environ), str(environ.get("REQUEST_METHOD", ""))
        self._metrics.count_request(route, method, status, seconds)
        if self._write is None:
            return
        session = parse_cookie(environ.get("HTTP_COOKIE", "")).get(self._cookie, "") if self._cookie else ""
        line = {
            "time": clock.now().isoformat(timespec="milliseconds"),
            "method": method_word(method),
            "route": route,
            "status": status,
            "bytes": size,
            "ms": round(seconds * 1000, 1),
            "session": self._key.keyed("session", session),
            "client": self._key.keyed("client", str(environ.get("REMOTE_ADDR", ""))),
        }
        self._write(json.dumps(line, separators=(",", ":")))


class _Counted:
    """A body whose bytes are counted until it is closed."""

    def __init__(self, body: Any, ended: Callable[[int], None]) -> None:
        self._body, self._ended, self._size = body, ended, 0

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._body:
            self._size += len(piece)
            yield piece

    def close(self) -> None:
        """Close the body, and tell its size."""
        try:
            if hasattr(self._body, "close"):
                self._body.close()
        finally:
            self._ended(self._size)
