"""Middleware for ASGI and WSGI applications: refuse data of people who may not be used.

A request is let through when every person whose data it brings may be used. Otherwise the answer is 403 with the reason. It is 400 where
the request does not tell whose data it brings. It is 503 while the gate knows nothing, and the client may then send the request again. No
answer names a person.
"""

from __future__ import annotations

import io
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from expunge.gate.batches import RowFilter, named_once
from expunge.gate.decisions import SHUT, GateReason, Subject, Tally

if TYPE_CHECKING:
    from expunge.gate.file_gate import Gate

MOST_BYTES = 1 << 20
"""A body larger than this is refused (413) where it has to be read to know whose data it brings."""

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]


@dataclass(frozen=True)
class IngestRequest:
    """The parts of a request that tell whose data comes."""

    method: str
    path: str
    headers: Mapping[str, str]
    """Names in lower case; a header that is there several times has all its values, with commas between."""
    body: bytes | None
    """None where it was not asked for."""


@dataclass(frozen=True)
class Whose:
    """A way to tell whose data a request brings: by a header, or by a field of its JSON body (an object, or a list of objects)."""

    kind: str
    header: str = ""
    """It is there once, in ASCII and without a comma: of several values the application might take another one than the gate."""
    field: str = ""

    def __post_init__(self) -> None:
        if bool(self.header) == bool(self.field):
            raise ValueError("name a header or a field")

    def __call__(self, request: IngestRequest) -> Sequence[Subject | None]:
        """One for each piece of data; None where it does not say. Nothing at all is nobody either."""
        if self.header:
            said = request.headers.get(self.header.lower(), "")
            return [self._subject(said) if said.isascii() and "," not in said else None]
        try:
            value = json.loads(request.body or b"", object_pairs_hook=named_once)
        except ValueError:
            return [None]
        rows = value if isinstance(value, list) else [value]
        return [self._subject(row.get(self.field)) if isinstance(row, dict) else None for row in rows] or [None]

    def _subject(self, value: object) -> Subject | None:
        if isinstance(value, str | int) and not isinstance(value, bool) and value != "":
            return Subject(self.kind, str(value))
        return None


@dataclass
class Ingest:
    """The parts that both kinds of middleware share."""

    gate: Gate
    whose: Callable[[IngestRequest], Sequence[Subject | None]]
    """Whose data a request brings; a :class:`Whose`, or a function of your own."""
    purpose: str
    """What it is taken in for."""
    methods: frozenset[str] = frozenset({"POST", "PUT", "PATCH"})
    """Others bring no data and pass. In capitals; requests may write them as they like, since applications may read them so."""
    tally: Tally = field(default_factory=Tally)

    def brings(self, method: str) -> bool:
        """Return whether a request brings data."""
        return method.upper() in self.methods

    @property
    def reads_body(self) -> bool:
        """True when the body has to be read. A header makes that unnecessary."""
        return not (isinstance(self.whose, Whose) and self.whose.header)

    def refuses(self, request: IngestRequest) -> tuple[int, GateReason] | None:
        """Status and reason of the refusal, or None."""
        sieve = RowFilter(self.gate, "any", self.purpose, tally=self.tally)
        worst: GateReason | None = None
        for subject in self.whose(request) or [None]:
            decision = sieve.ask(subject)
            if not decision and (worst is None or decision.reason in SHUT):
                worst = decision.reason
        if worst is None:
            return None
        return (503 if worst in SHUT else 400 if worst is GateReason.NO_SUBJECT else 403), worst


def _answer(status: int, reason: str) -> tuple[list[tuple[str, str]], bytes]:
    body = json.dumps({"refused": reason}).encode()
    headers = [("content-type", "application/json"), ("content-length", str(len(body))), ("cache-control", "no-store")]
    return headers + ([("retry-after", "5")] if status == 503 else []), body


class AsgiGate:
    """ASGI middleware: ``app = AsgiGate(app, Ingest(gate, Whose("profile", field="profile_id"), "answer"))``."""

    def __init__(self, app: Application, ingest: Ingest) -> None:
        self._app = app
        self.ingest = ingest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request, or pass it on."""
        if scope["type"] == "websocket":
            # Why closed: what comes over it later could not be asked about here.
            await receive()
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http" or not self.ingest.brings(scope["method"]):
            await self._app(scope, receive, send)
            return
        body, complete = await _body(receive) if self.ingest.reads_body else (None, True)
        if not complete:
            await _respond(send, 413, f"a body of more than {MOST_BYTES} bytes cannot be asked about")
            return
        refusal = self.ingest.refuses(IngestRequest(scope["method"], scope["path"], _headers(scope["headers"]), body))
        if refusal is not None:
            await _respond(send, refusal[0], refusal[1].value)
            return
        await self._app(scope, receive if body is None else _again(body, receive), send)


def _headers(pairs: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, value in pairs:
        known, said = name.decode("latin-1").lower(), value.decode("latin-1")
        headers[known] = f"{headers[known]}, {said}" if known in headers else said
    return headers


async def _body(receive: Receive) -> tuple[bytes, bool]:
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return b"".join(parts), True
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > MOST_BYTES:
            return b"", False
        if not message.get("more_body", False):
            return b"".join(parts), True


def _again(body: bytes, receive: Receive) -> Receive:
    """Hand out the body that was read, then whatever comes after it."""
    waiting = [{"type": "http.request", "body": body, "more_body": False}]

    async def next_message() -> MutableMapping[str, Any]:
        return waiting.pop() if waiting else await receive()

    return next_message


async def _respond(send: Send, status: int, reason: str) -> None:
    headers, body = _answer(status, reason)
    encoded = [(name.encode(), value.encode()) for name, value in headers]
    await send({"type": "http.response.start", "status": status, "headers": encoded})
    await send({"type": "http.response.body", "body": body})


_PHRASES = {400: "Bad Request", 403: "Forbidden", 411: "Length Required", 413: "Content Too Large", 503: "Service Unavailable"}


class WsgiGate:
    """WSGI middleware: ``app = WsgiGate(app, Ingest(gate, Whose("profile", header="x-profile"), "answer"))``."""

    def __init__(self, app: Callable[..., Iterable[bytes]], ingest: Ingest) -> None:
        self._app = app
        self.ingest = ingest

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Handle one request, or pass it on."""
        method = environ["REQUEST_METHOD"]
        if not self.ingest.brings(method):
            return self._app(environ, start_response)
        body = None
        if self.ingest.reads_body:
            length = environ.get("CONTENT_LENGTH") or ("" if "HTTP_TRANSFER_ENCODING" in environ else "0")
            if not length.isdecimal():
                return self._refuse(start_response, 411, "a body has to say how long it is")
            if int(length) > MOST_BYTES:
                return self._refuse(start_response, 413, f"a body of more than {MOST_BYTES} bytes cannot be asked about")
            body = environ["wsgi.input"].read(int(length))
            environ["wsgi.input"] = io.BytesIO(body)
        headers = {name[5:].replace("_", "-").lower(): value for name, value in environ.items() if name.startswith("HTTP_")}
        refusal = self.ingest.refuses(IngestRequest(method, environ.get("PATH_INFO", ""), headers, body))
        if refusal is not None:
            return self._refuse(start_response, refusal[0], refusal[1].value)
        return self._app(environ, start_response)

    def _refuse(self, start_response: Callable[..., Any], status: int, reason: str) -> Iterable[bytes]:
        headers, body = _answer(status, reason)
        start_response(f"{status} {_PHRASES[status]}", headers)
        return [body]
