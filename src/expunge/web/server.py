"""Run the API under gunicorn: one worker process with threads, started from Python, on one port."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import ResolverMatch, path
from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger
from gunicorn.http import wsgi
from gunicorn.workers.gthread import ThreadWorker

from expunge.bootstrap.pipelines import LineageDoor
from expunge.web.answers import HEADERS, strict
from expunge.web.api import make_api

THREADS = 16
SECONDS = 30
"""For a request, and for what is under way when the server is asked to end."""


class Handler(WSGIHandler):
    """Django over one API, without any of a project's middleware."""

    def __init__(self, door: LineageDoor) -> None:
        super().__init__()
        self._door = door
        self._urls = (path("", make_api(door).urls),)

    def resolve_request(self, request: HttpRequest) -> ResolverMatch:
        """Look the address up among the API's alone."""
        # Why a tuple: Django takes it as it takes the name of a module, which its types do not know.
        request.urlconf = self._urls  # type: ignore[assignment]
        return super().resolve_request(request)

    def get_response(self, request: HttpRequest) -> HttpResponseBase:
        """Answer, with the headers that every answer has."""
        self._door.stay()
        return strict(super().get_response(request))


class _Response(wsgi.Response):  # type: ignore[misc]
    """Without a banner."""

    def default_headers(self) -> list[str]:
        return [header for header in super().default_headers() if not header.startswith("Server:")]


class HttpWorker(ThreadWorker):  # type: ignore[misc]
    """A worker that answers malformed HTTP like everything else, and repeats nothing of it."""

    def init_process(self) -> None:
        """Begin."""
        wsgi.Response = _Response
        super().init_process()

    def handle_exit(self, number: int, frame: FrameType | None) -> None:
        """Finish what is under way, and close idle connections at once: gunicorn would wait for them as long as for a request."""
        super().handle_exit(number, frame)
        self.method_queue.defer(self._close_idle)

    def _close_idle(self) -> None:
        for connection in (*self.keepalived_conns, *self.pending_conns):
            connection.timeout = 0.0
        self.murder_keepalived()
        self.murder_pending()

    def handle_error(self, _: object, client: socket.socket, __: object, ___: BaseException) -> None:
        """Answer a request that could not be read."""
        body = json.dumps({"error": "this is no HTTP request that can be read", "where": "the request", "help": "send it as HTTP/1.1"})
        lines = ["HTTP/1.1 400 Bad Request", "Connection: close", "Content-Type: application/json", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in HEADERS.items()]
        try:
            client.sendall("\r\n".join([*lines, "", body]).encode("ascii"))
        except OSError:
            # Whoever sent it has gone, which is as good as answered.
            return


class _Silent(Logger):  # type: ignore[misc]
    """Gunicorn's log lines quote addresses, requests and tracebacks: none of them is written."""

    def setup(self, _: object) -> None:
        """No handler, no level that anything reaches."""
        self.error_log.propagate = False
        self.error_log.disabled = self.access_log.disabled = True


class HttpServer(BaseApplication):  # type: ignore[misc]
    """Serves an installation's API until it is asked to end (SIGTERM, SIGINT)."""

    def __init__(self, map_file: Path | None, listening: socket.socket, ready: Callable[[], None]) -> None:
        """Take a socket that listens; ``ready`` is called once, in this process, when a worker answers."""
        self._map_file = map_file
        self._socket = listening
        self._ready = ready
        super().__init__()

    def load_config(self) -> None:
        """Settings of our own; no file and no variable of the environment has a say."""
        values: dict[str, Any] = {
            "bind": f"fd://{self._socket.fileno()}",
            "workers": 1,
            "threads": THREADS,
            "worker_class": f"{HttpWorker.__module__}.{HttpWorker.__qualname__}",
            "logger_class": _Silent,
            "timeout": SECONDS,
            "graceful_timeout": SECONDS,
            "keepalive": 15,
            "limit_request_line": 2048,
            "limit_request_fields": 50,
            "limit_request_field_size": 4096,
            "when_ready": lambda _: self._ready(),
        }
        for name, value in values.items():
            self.cfg.set(name, value)

    def load(self) -> Handler:
        """Open the door in the worker, after the fork: a connection to a database belongs to the process that opened it."""
        return Handler(LineageDoor.open(self._map_file))
