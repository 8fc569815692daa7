"""Run the API under gunicorn: one worker process with threads, started from Python, on one port."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.handlers.exception import convert_exception_to_response
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import ResolverMatch, path
from django.utils.module_loading import import_string
from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.glogging import Logger

from expunge.bootstrap.accounts.pages import open_accounts
from expunge.bootstrap.open_state import read_installed
from expunge.bootstrap.pipelines import LineageDoor
from expunge.bootstrap.vault.recordings import RecordingsDoor
from expunge.core.accounts.client_networks import Network, client_of
from expunge.errors import ExpungeError, Misconfigured
from expunge.web.answers import strict
from expunge.web.api import make_api
from expunge.web.serving.connections import FIELD, FIELDS, LINE, HttpWorker
from expunge.web.site.application import make_pages
from expunge.web.tls import HSTS, TlsFiles

THREADS = 16
CLIENTS = 512
"""Connections at once: a process may usually have 1024 files open, and each thread has some of its own."""
SECONDS = 30
"""For a request, and for what is under way when the server is asked to end."""


_OF_API = "/api/"
_HEALTH = frozenset({"/healthz"})


class Handler(WSGIHandler):
    """Django over one API, without any of a project's middleware."""

    def __init__(
        self, door: LineageDoor, recordings: RecordingsDoor, *, secure: bool, refused_token: Callable[[str], None] | None = None
    ) -> None:
        """Take the doors.

        Args:
            door: for lineage.
            recordings: for recordings.
            secure: whether every request comes over TLS.
            refused_token: told the client's address of each token that nobody issued.
        """
        super().__init__()
        self._door = door
        self._headers = HSTS if secure else {}
        self._urls = (path("", make_api(door, recordings, refused_token).urls),)

    def resolve_request(self, request: HttpRequest) -> ResolverMatch:
        """Look the address up among the API's alone."""
        # Why a tuple: Django takes it as it takes the name of a module, which its types do not know.
        request.urlconf = self._urls  # type: ignore[assignment]
        return super().resolve_request(request)

    def load_middleware(self, is_async: bool = False) -> None:  # noqa: ARG002 - Django's own shape
        """Load none, whatever the settings of the pages name."""
        chain: dict[str, Any] = {"_view_middleware": [], "_template_response_middleware": [], "_exception_middleware": []}
        own: Any = self
        vars(self).update(chain, _middleware_chain=convert_exception_to_response(own._get_response))  # noqa: SLF001 - as Django does

    def get_response(self, request: HttpRequest) -> HttpResponseBase:
        """Answer, with the headers that every answer has."""
        self._door.stay()
        return strict(super().get_response(request), self._headers)


class Site:
    """The API and the pages under one address."""

    def __init__(self, api: Handler, pages: WSGIHandler, proxies: Sequence[Network] = ()) -> None:
        """Take both, and the networks of proxies."""
        self._api, self._pages, self._proxies = api, pages, tuple(proxies)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        """Hand a request to the one whose address it has. What it says of its client is believed from proxies alone."""
        environ["REMOTE_ADDR"] = client_of(environ.get("REMOTE_ADDR", ""), environ.pop("HTTP_X_FORWARDED_FOR", ""), self._proxies)
        path = environ.get("PATH_INFO", "")
        return (self._api if path.startswith(_OF_API) or path in _HEALTH else self._pages)(environ, start_response)


class _Silent(Logger):  # type: ignore[misc]
    """Gunicorn's log lines quote addresses, requests and tracebacks: none of them is written."""

    def setup(self, _: object) -> None:
        """No handler, no level that anything reaches."""
        self.error_log.propagate = False
        self.error_log.disabled = self.access_log.disabled = True


class _Watch(Arbiter):  # type: ignore[misc]
    """The process above the worker, which looks after another one too."""

    def manage_workers(self) -> None:
        """Start what has ended; called about once a second."""
        super().manage_workers()
        self.app.look_after()

    def reload(self) -> None:
        """Begin a worker anew, unless it could not begin: gunicorn would end altogether."""
        if self.app.can_begin():
            super().reload()


class HttpServer(BaseApplication):  # type: ignore[misc]
    """Serves an installation's API until it is asked to end (SIGTERM, SIGINT). SIGHUP has it read the certificate again."""

    def __init__(
        self,
        map_file: Path | None,
        listening: socket.socket,
        ready: Callable[[], None],
        tell: Callable[[str], None],
        look_after: Callable[[], None],
        tls: TlsFiles | None = None,
    ) -> None:
        """Take a socket that listens.

        Args:
            map_file: the data map.
            listening: the socket, which is gunicorn's from here on.
            ready: called once, in this process, when a worker answers.
            tell: tells the operator something, in one line.
            look_after: called about once a second.
            tls: certificate and key; plain HTTP without.

        Raises:
            Misconfigured: certificate and key cannot be used.
        """
        self._map_file = map_file
        # Why detached: gunicorn closes this descriptor when it takes it over, and another file may get its number.
        self._bind = f"fd://{listening.detach()}"
        self._ready = ready
        self._tell = tell
        self.look_after = look_after
        self._tls = tls
        # Why here, before the fork: the first client is too late to say that a certificate is wrong.
        self._context = tls.context()[0] if tls else None
        super().__init__()

    def run(self) -> None:
        """Serve until asked to end, which ends the process."""
        _Watch(self).run()

    def load_config(self) -> None:
        """Settings of our own; no file and no variable of the environment has a say."""
        values: dict[str, Any] = {
            "bind": self._bind,
            "workers": 1,
            "threads": THREADS,
            "worker_connections": CLIENTS,
            "worker_class": f"{HttpWorker.__module__}.{HttpWorker.__qualname__}",
            "logger_class": _Silent,
            "timeout": SECONDS,
            "graceful_timeout": SECONDS,
            "keepalive": 15,
            "limit_request_line": LINE,
            "limit_request_fields": FIELDS,
            "limit_request_field_size": FIELD,
            "when_ready": lambda _: self._ready(),
        }
        if self._tls:
            values |= {"certfile": str(self._tls.certificate), "keyfile": str(self._tls.key), "ssl_context": self._given_context}
        for name, value in values.items():
            self.cfg.set(name, value)

    def can_begin(self) -> bool:
        """Return whether a worker could begin by the map as it is now; say so where none could."""
        try:
            # Why no more than read: this process forks, and opens no state.
            read_installed(self._map_file)
        except ExpungeError as error:
            self._tell(f"map and certificate were not read again, and the earlier ones stay in use: {error.message}; {error.help}")
            return False
        return True

    def reload(self) -> None:
        """Read the certificate again; keep the one that is in use, and say so, where the new one cannot be used."""
        if self._tls:
            try:
                self._context = self._tls.context()[0]
            except Misconfigured as error:
                self._tell(f"the certificate was not renewed, and the earlier one stays in use: {error.message}; {error.help}")
        super().reload()

    def load(self) -> Handler | Site:
        """Open the doors in the worker, after the fork: a connection to a database belongs to the process that opened it."""
        accounts = open_accounts(self._map_file)
        pages = make_pages(accounts) if accounts is not None else None
        # Why by name: this module imports models, which there are where there are pages.
        refused_token = import_string("expunge.web.site.defence.bad_tokens.refused_token") if pages is not None else None
        api = Handler(
            LineageDoor.open(self._map_file), RecordingsDoor.open(self._map_file), secure=self._tls is not None, refused_token=refused_token
        )
        return api if pages is None else Site(api, pages, settings.EXPUNGE_PROXIES)

    def _given_context(self, _: object, __: object) -> ssl.SSLContext | None:
        return self._context
