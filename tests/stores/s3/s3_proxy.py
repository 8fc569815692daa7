"""Stands between a client and a real S3 server, and may answer in its place or change its answers: bad services, without a mock of ours."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


@dataclass
class Asked:
    method: str
    path: str
    body: bytes

    @property
    def query(self) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(urlsplit(self.path).query, keep_blank_values=True).items()}

    @property
    def is_delete(self) -> bool:
        return self.method == "DELETE" or (self.method == "POST" and "delete" in self.query)

    @property
    def is_listing(self) -> bool:
        return self.method == "GET" and ("list-type" in self.query or "versions" in self.query)


@dataclass
class Answer:
    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    cut: int = 0
    """Bytes after which the connection breaks off; 0 means never."""


def refusal(status, code, **headers):
    return Answer(status, f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode(), headers)


class Proxy:
    """Forwards everything; ``instead`` may answer itself, ``after`` may change what the server answered."""

    def __init__(self, endpoint: str) -> None:
        self.server = urlsplit(endpoint).netloc
        self.instead: Callable[[Asked], Answer | None] = lambda asked: None
        self.after: Callable[[Asked, Answer], Answer] = lambda asked, answer: answer
        self.asked: list[Asked] = []
        self.endpoint = ""

    def forward(self, asked: Asked, headers: dict[str, str]) -> Answer:
        connection = http.client.HTTPConnection(self.server, timeout=60)
        try:
            connection.putrequest(asked.method, asked.path, skip_host=True, skip_accept_encoding=True)
            for name, value in headers.items():
                connection.putheader(name, value)
            connection.endheaders(asked.body or None)
            answer = connection.getresponse()
            kept = {name: value for name, value in answer.getheaders() if name.lower() not in {"transfer-encoding", "connection"}}
            return Answer(answer.status, answer.read(), kept)
        finally:
            connection.close()


def _handler(proxy: Proxy) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            asked = Asked(self.command, self.path, body)
            proxy.asked.append(asked)
            answer = proxy.instead(asked)
            if answer is None:
                headers = {name: value for name, value in self.headers.items() if name.lower() not in {"expect", "connection"}}
                answer = proxy.after(asked, proxy.forward(asked, headers))
            self.send_response_only(answer.status)
            length = (
                {name.lower(): value for name, value in answer.headers.items()}.get("content-length") if self.command == "HEAD" else None
            )
            for name, value in answer.headers.items():
                if name.lower() != "content-length":
                    self.send_header(name, value)
            self.send_header("Content-Length", length or str(len(answer.body)))
            self.end_headers()
            if answer.cut:
                self.wfile.write(answer.body[: answer.cut])
                self.close_connection = True
            elif self.command != "HEAD":
                self.wfile.write(answer.body)

        do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = answer  # noqa: N815 - the library's names

        def log_message(self, *args: object) -> None:
            """Keep quiet."""

    return Handler


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address) -> None:
        """A client that went away is no news."""


@contextmanager
def standing_before(endpoint: str) -> Iterator[Proxy]:
    proxy = Proxy(endpoint)
    with _Server(("127.0.0.1", 0), _handler(proxy)) as server:
        proxy.endpoint = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield proxy
        finally:
            server.shutdown()
            thread.join()
