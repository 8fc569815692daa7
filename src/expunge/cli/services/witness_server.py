"""A small HTTP server for a witness (C2SP tlog-witness): ``POST /add-checkpoint``, and ``GET /HASH/checkpoint`` for monitors.

Nothing is logged. A request must be there within some seconds, and only so many are answered at a time.
"""

from __future__ import annotations

import re
import socket
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from expunge.survey import Witness

SECONDS = 20.0
"""The longest that one request may take to arrive; an idle connection is ended after it too."""
CONNECTIONS = 64
MOST_BYTES = 1 << 18
_LATEST = re.compile(r"/([0-9a-f]{64})/checkpoint")


class _Handler(BaseHTTPRequestHandler):
    server: WitnessServer
    server_version = "expunge"
    sys_version = ""
    protocol_version = "HTTP/1.1"
    timeout = SECONDS

    def do_POST(self) -> None:
        """Cosign, or say why not."""
        length = self.headers.get("Content-Length", "")
        if self.path != "/add-checkpoint":
            self._answer(HTTPStatus.NOT_FOUND, b"this witness answers POST /add-checkpoint\n", last=True)
        elif not (length.isascii() and length.isdigit()):
            self._answer(HTTPStatus.LENGTH_REQUIRED, b"say how long the request is\n", last=True)
        elif len(length) > 7 or int(length) > MOST_BYTES:
            self._answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, b"no checkpoint is that large\n", last=True)
        else:
            body = self.rfile.read(int(length))
            if len(body) != int(length):
                self.close_connection = True
                return
            answer = self.server.witness.add_checkpoint(body)
            self._answer(answer.status, answer.body, answer.content_type)

    def do_GET(self) -> None:
        """The last checkpoint of a log that was cosigned."""
        match = _LATEST.fullmatch(self.path)
        found = self.server.witness.latest(match[1]) if match else None
        self._answer(HTTPStatus.NOT_FOUND if found is None else HTTPStatus.OK, found or b"nothing cosigned under that name\n")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""

    def _answer(self, status: int, body: bytes, content_type: str = "text/plain; charset=utf-8", *, last: bool = False) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        if last:
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        self.wfile.write(body)


class WitnessServer(ThreadingHTTPServer):
    """Serves one witness. A context manager; ``serve_forever`` ends by ``shutdown`` or an interruption."""

    daemon_threads = True
    request_queue_size = CONNECTIONS

    def __init__(self, witness: Witness, host: str, port: int) -> None:
        """Raises OSError when the port is taken."""
        self.witness = witness
        self._free = threading.BoundedSemaphore(CONNECTIONS)
        super().__init__((host, port), _Handler)

    @property
    def url(self) -> str:
        """The address of the server."""
        host, port = self.server_address[:2]
        return f"http://{host if isinstance(host, str) else host.decode()}:{port}/"

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer on a thread of its own, where one is free; else end the connection."""
        if not self._free.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer, and cut off whoever takes too long."""
        watch = threading.Timer(SECONDS * 6, _cut_off, [request])
        watch.daemon = True
        watch.start()
        try:
            super().process_request_thread(request, client_address)
        finally:
            watch.cancel()
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a connection that broke is the other side's business."""


def _cut_off(connected: socket.socket) -> None:
    try:
        connected.shutdown(socket.SHUT_RDWR)
    except OSError:
        return
