"""Ingest: the application behind the gate never sees what a person who may not be used sends."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Iterable, MutableMapping
from pathlib import Path
from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest

from expunge.gate import Subject
from expunge.gate.web import MOST_BYTES, AsgiGate, Ingest, IngestRequest, Whose, WsgiGate
from tests.gate.world import AGREED, DISPUTED, GONE, SILENT, gate, publish

FIELD, HEADER = Whose("profile", field="profile_id"), Whose("profile", header="X-Profile")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return publish(tmp_path / "snapshot")


class Server:
    """Both kinds of application, each of which keeps what it was sent."""

    def __init__(self, path: Path, whose: Any = FIELD, purpose: str = "answer") -> None:
        self.got: list[bytes] = []
        self.ingest = Ingest(gate(path), whose, purpose)

    async def asgi(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        message = await receive()
        self.got.append(message.get("body", b""))
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    def wsgi(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        self.got.append(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)))
        start_response("204 No Content", [])
        return [b""]


def send_asgi(server: Server, body: bytes, headers: dict[str, str], method: str) -> tuple[int, bytes]:
    step = max(7, len(body) // 5)
    parts = [body[at : at + step] for at in range(0, len(body), step)]
    waiting: list[MutableMapping[str, Any]] = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
    waiting.append({"type": "http.request", "body": b""})
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        return waiting.pop(0)

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    encoded = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "method": method, "path": "/voice", "headers": encoded}
    asyncio.run(AsgiGate(server.asgi, server.ingest)(scope, receive, send))
    return sent[0]["status"], sent[1]["body"]


def send_wsgi(server: Server, body: bytes, headers: dict[str, str], method: str) -> tuple[int, bytes]:
    environ: dict[str, Any] = {"REQUEST_METHOD": method, "PATH_INFO": "/voice", "CONTENT_LENGTH": str(len(body))}
    environ |= {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()}
    setup_testing_defaults(environ)
    environ["wsgi.input"] = io.BytesIO(body)
    status: list[str] = []
    sent = b"".join(WsgiGate(server.wsgi, server.ingest)(environ, lambda line, _headers: status.append(line)))
    return int(status[0].split()[0]), sent


@pytest.fixture(params=[send_asgi, send_wsgi], ids=["asgi", "wsgi"])
def send(request: pytest.FixtureRequest) -> Any:
    return request.param


def body(*names: object) -> bytes:
    rows = [{"profile_id": name, "text": "hello"} for name in names]
    return json.dumps(rows[0] if len(rows) == 1 else rows).encode()


@pytest.mark.parametrize("data", [body(AGREED), body(AGREED, SILENT), body(17)])
def test_what_may_be_used_arrives_whole(path: Path, send: Any, data: bytes) -> None:
    server = Server(path)
    assert send(server, data, {}, "POST")[0] == 204
    assert b"".join(server.got) == data


@pytest.mark.duty("AMZ-08")
@pytest.mark.parametrize(
    ("data", "status", "reason"),
    [
        (body(GONE), 403, "suppressed"),
        (body(AGREED, GONE), 403, "suppressed"),
        (body(DISPUTED), 403, "frozen"),
        (body(None), 400, "whose"),
        (body(""), 400, "whose"),
        (body(True), 400, "whose"),
        (b"[]", 400, "whose"),
        (b"17", 400, "whose"),
        (b"not json", 400, "whose"),
        (b"", 400, "whose"),
        (f'{{"profile_id": "{GONE}", "profile_id": "{AGREED}"}}'.encode(), 400, "whose"),
    ],
)
def test_what_may_not_does_not_and_the_answer_names_nobody(path: Path, send: Any, data: bytes, status: int, reason: str) -> None:
    server = Server(path)
    got, answer = send(server, data, {}, "POST")
    assert (got, server.got) == (status, [])
    assert reason in json.loads(answer)["refused"]
    assert GONE.encode() not in answer


def test_a_purpose_that_needs_consent_takes_in_only_who_gave_it(path: Path, send: Any) -> None:
    server = Server(path, purpose="train")
    assert [send(server, body(name), {}, "POST")[0] for name in (AGREED, SILENT)] == [204, 403]
    assert server.ingest.tally.as_json() == {"allowed": 1, "no_consent": 1}


def test_a_header_can_say_whose_it_is_and_the_body_is_not_read(path: Path, send: Any) -> None:
    server = Server(path, HEADER)
    assert send(server, b"", {"X-Profile": AGREED}, "PUT")[0] == 204
    assert send(server, b"RIFF", {"X-Profile": GONE}, "PUT")[0] == 403
    assert send(server, b"RIFF", {}, "PUT")[0] == 400


def test_a_function_of_ones_own_can_say_it(path: Path, send: Any) -> None:
    def by_path(request: IngestRequest) -> list[Subject | None]:
        assert request.path == "/voice"
        return [Subject("profile", (request.body or b"").decode())]

    server = Server(path, by_path)
    assert [send(server, name.encode(), {}, "POST")[0] for name in (AGREED, GONE)] == [204, 403]


def test_while_the_gate_knows_nothing_the_client_is_told_to_come_again(path: Path, send: Any) -> None:
    path.unlink()
    server = Server(path)
    assert send(server, body(AGREED), {}, "POST")[0] == 503
    assert server.got == []


def test_reading_is_not_ingest(path: Path, send: Any) -> None:
    server = Server(path)
    assert send(server, b"", {"X-Profile": GONE}, "GET")[0] == 204


def test_a_body_too_large_to_be_asked_about_is_refused(path: Path, send: Any) -> None:
    server = Server(path)
    assert send(server, body("x" * MOST_BYTES), {}, "POST")[0] == 413
    assert server.got == []


def test_a_body_that_does_not_say_how_long_it_is_cannot_be_read_under_wsgi(path: Path) -> None:
    server, status = Server(path), []
    environ: dict[str, Any] = {"REQUEST_METHOD": "POST", "HTTP_TRANSFER_ENCODING": "chunked"}
    setup_testing_defaults(environ)
    b"".join(WsgiGate(server.wsgi, server.ingest)(environ, lambda line, _headers: status.append(line)))
    assert status == ["411 Length Required"]


def test_a_websocket_is_closed_because_nobody_could_ask_about_what_comes_over_it(path: Path) -> None:
    server, sent = Server(path), []

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "websocket.connect"}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    asyncio.run(AsgiGate(server.asgi, server.ingest)({"type": "websocket", "path": "/", "headers": []}, receive, send))
    assert sent == [{"type": "websocket.close", "code": 1008}]


@pytest.mark.parametrize("names", [{}, {"header": "a", "field": "b"}])
def test_one_way_of_telling_is_named(names: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="header or a field"):
        Whose("profile", **names)
