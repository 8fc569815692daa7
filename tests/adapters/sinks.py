"""A mail server and a text gateway that take everything and keep it: real sockets on loopback, the standard library alone."""

from __future__ import annotations

import json
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Sink:
    """What arrived."""

    port: int = 0
    messages: list[tuple[str, str]] = field(default_factory=list)
    """(to, text), oldest first."""
    refuse: str = ""
    """Answer with this instead: an SMTP reply, an HTTP status."""
    headers: list[dict[str, str]] = field(default_factory=list)
    html: list[str] = field(default_factory=list)
    """The same messages as HTML; empty for one that has none."""

    def last(self) -> str:
        return self.messages[-1][1]


class _Mail(socketserver.StreamRequestHandler):
    """As much of RFC 5321 as one client needs to hand over a message; with a context, over TLS or by STARTTLS alone."""

    sink: Sink
    tls: ssl.SSLContext | None = None
    wrapped = False

    def setup(self) -> None:
        if self.wrapped and not isinstance(self.request, ssl.SSLSocket):
            self._wrap()
        super().setup()

    def finish(self) -> None:
        super().finish()
        self.request.close()

    def _wrap(self) -> None:
        assert self.tls
        self.request = self.tls.wrap_socket(self.request, server_side=True)

    def handle(self) -> None:
        self._say("220 sink")
        to = ""
        while line := self.rfile.readline():
            verb = line[:4].upper()
            if verb == b"EHLO" and self.tls and not isinstance(self.request, ssl.SSLSocket):
                self._say("250-sink\r\n250 STARTTLS")
            elif verb == b"STAR":
                self._say("220 go on")
                super().finish()
                self._wrap()
                self.setup()
            elif verb in (b"EHLO", b"HELO", b"MAIL", b"RSET", b"NOOP"):
                self._say("250 ok")
            elif verb == b"RCPT":
                to = line.decode().partition("<")[2].partition(">")[0]
                self._say(self.sink.refuse or "250 ok")
            elif verb == b"DATA":
                self._say("354 go on")
                self.sink.messages.append((to, self._text()))
                self._say("250 taken")
            else:
                self._say("221 bye")
                return

    def _text(self) -> str:
        lines = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        parsed = message_from_bytes(b"".join(lines), _class=EmailMessage, policy=policy.default)
        self.sink.headers.append({name: str(value) for name, value in parsed.items()})
        html = parsed.get_body(("html",))
        self.sink.html.append(str(html.get_content()) if html else "")
        text = parsed.get_body(("plain",))
        return str(text.get_content()) if text else ""

    def _say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())


class _Texts(BaseHTTPRequestHandler):
    sink: Sink

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.sink.headers.append(dict(self.headers.items()))
        if not self.sink.refuse:
            self.sink.messages.append((body["to"], body["text"]))
        self.send_response(int(self.sink.refuse or 202))
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def _running(server: socketserver.TCPServer, sink: Sink) -> Iterator[Sink]:
    sink.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield sink
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _MailServer(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, *_: object) -> None:
        """A client that turns away in the middle of a handshake is none of this server's faults."""


@contextmanager
def mail_sink(port: int = 0, tls: ssl.SSLContext | None = None, *, wrapped: bool = False) -> Iterator[Sink]:
    """A mail server: with a context by STARTTLS, or wrapped in TLS from the first byte on."""
    sink = Sink()
    handler = type("Mail", (_Mail,), {"sink": sink, "tls": tls, "wrapped": wrapped})
    with _running(_MailServer(("127.0.0.1", port), handler), sink):
        yield sink


@contextmanager
def text_sink() -> Iterator[Sink]:
    sink = Sink()
    handler = type("Texts", (_Texts,), {"sink": sink})
    with _running(ThreadingHTTPServer(("127.0.0.1", 0), handler), sink):
        yield sink
