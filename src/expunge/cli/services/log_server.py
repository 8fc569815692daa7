"""A small HTTP server for a log's files: only names that a log has, nothing else of the folder, nothing logged."""

from __future__ import annotations

import re
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

_INDEX = r"(?:x[0-9]{3}/)*[0-9]{3}(?:\.p/[0-9]{1,3})?"
NAMES = re.compile(rf"/(checkpoint|tile/(?:entries|[0-7])/{_INDEX})")
"""Paths of C2SP tlog-tiles."""


class _Handler(BaseHTTPRequestHandler):
    server: LogServer
    server_version = "expunge"
    sys_version = ""
    protocol_version = "HTTP/1.1"
    """Keeps connections open: whoever checks a log asks for many small files."""
    timeout = 30

    def do_GET(self) -> None:
        """One file."""
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        """Its headers."""
        self._answer(with_body=False)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing: who reads a log is nobody's business."""

    def _answer(self, *, with_body: bool) -> None:
        match = NAMES.fullmatch(self.path)
        try:
            data = (self.server.folder / match[1]).read_bytes() if match else None
        except OSError:
            data = None
        if data is None or match is None:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        is_checkpoint = match[1] == "checkpoint"
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "text/plain; charset=utf-8" if is_checkpoint else "application/octet-stream")
        # What is not the checkpoint never changes under its name.
        self.send_header("Cache-Control", "no-cache" if is_checkpoint else "public, max-age=31536000, immutable")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if with_body:
            self.wfile.write(data)


class LogServer(ThreadingHTTPServer):
    """Serves one log's folder. A context manager; ``serve_forever`` ends by ``shutdown`` or an interruption."""

    daemon_threads = True

    def __init__(self, folder: Path, host: str, port: int) -> None:
        """Raises OSError when the port is taken."""
        super().__init__((host, port), _Handler)
        self.folder = folder

    @property
    def url(self) -> str:
        """The address of the server."""
        host, port = self.server_address[:2]
        return f"http://{host if isinstance(host, str) else host.decode()}:{port}/"
