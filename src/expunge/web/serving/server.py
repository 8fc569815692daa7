"""Run the API under gunicorn: one worker process with threads, started from Python, on one port."""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.handlers.exception import convert_exception_to_response
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import ResolverMatch, path
from django.utils.module_loading import import_string
from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger
from ninja import NinjaAPI

from expunge.bootstrap.accounts.pages import open_accounts
from expunge.bootstrap.serving import closed_worker
from expunge.bootstrap.serving.served_map import ServedMap, read_served
from expunge.bootstrap.serving.server_door import ServerDoor
from expunge.core.attempts.client_networks import Network, client_of
from expunge.errors import ExpungeError, Misconfigured
from expunge.telemetry import tell_places_alone
from expunge.web.answers import strict, turned_away
from expunge.web.api import make_api
from expunge.web.front_page import front_page
from expunge.web.metrics import Metrics
from expunge.web.readiness import Part, Readiness
from expunge.web.routes import note_route
from expunge.web.serving.access_log import AccessLog
from expunge.web.serving.arbiter import WatchingArbiter, signal_pipe
from expunge.web.serving.connections import FIELD, FIELDS, LINE, HttpWorker
from expunge.web.serving.log_process import LogProcess
from expunge.web.tls import HSTS, TlsFiles
from expunge.web.turns import KNOWN, RETRY, THREADS, is_turned_away

if TYPE_CHECKING:
    from expunge.web.site.application import Pages
    from expunge.web.site.operation import SiteOperation

CLIENTS = 512
"""Connections at once: a process may usually have 1024 files open, and each thread has some of its own."""
SECONDS = 30
"""For a request, and for what is under way when the server is asked to end."""


_OF_API = "/api/"
_PAGES = "expunge.web.site.operation.SiteOperation"
_OPERATION = frozenset({"/healthz", "/readyz", "/metrics"})


class Handler(WSGIHandler):
    """Django over one API, without any of a project's middleware."""

    def __init__(self, api: NinjaAPI, *, secure: bool, alone: bool = False) -> None:
        """Take an API.

        Args:
            api: the API.
            secure: whether every request comes over TLS.
            alone: whether there are no pages for people: then a page at ``/`` says so.
        """
        super().__init__()
        self._headers = HSTS if secure else {}
        # Why a path of its own: addresses in the document have none where the API is below another one.
        front = (path("", front_page(api.get_openapi_schema(path_prefix="")), name="front_page"),) if alone else ()
        self._urls = (*front, path("", api.urls))

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
        answer = turned_away(request) if is_turned_away() else super().get_response(request)
        response = strict(answer, self._headers)
        note_route(request)
        return response


class Site:
    """The API and the pages under one address."""

    def __init__(self, api: Handler, pages: Pages, proxies: Sequence[Network] = ()) -> None:
        """Take both, and the networks of proxies."""
        self._api, self._pages, self._proxies = api, pages, tuple(proxies)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        """Hand a request to the one whose address it has. What it says of its client is believed from proxies alone."""
        environ["REMOTE_ADDR"] = client_of(environ.get("REMOTE_ADDR", ""), environ.pop("HTTP_X_FORWARDED_FOR", ""), self._proxies)
        path = environ.get("PATH_INFO", "")
        of_api = path.startswith(_OF_API) or path in _OPERATION
        if is_turned_away() and not of_api:
            return self._pages.turned_away(environ, start_response, RETRY)
        return (self._api if of_api else self._pages)(environ, start_response)


class _Silent(Logger):  # type: ignore[misc]
    """Gunicorn's log lines quote addresses, requests and tracebacks: none of them is written."""

    def setup(self, _: object) -> None:
        """No handler, no level that anything reaches."""
        self.error_log.propagate = False
        self.error_log.disabled = self.access_log.disabled = True


class HttpServer(BaseApplication):  # type: ignore[misc]
    """Serves an installation's API until it is asked to end (SIGTERM, SIGINT). SIGHUP has it read the certificate again."""

    def __init__(
        self,
        map_file: Path | None,
        served: ServedMap,
        listening: socket.socket,
        ready: Callable[[], None],
        tell: Callable[[str], None],
        look_after: Sequence[Callable[[], None]],
        tls: TlsFiles | None = None,
        access_log: str = "",
    ) -> None:
        """Take a socket that listens.

        Args:
            map_file: the data map, which is read again when a worker is to begin by a new one.
            served: what was read of it.
            listening: the socket, which is gunicorn's from here on.
            ready: called once, in this process, when a worker answers.
            tell: tells the operator something, in one line.
            look_after: each is called about once a second.
            tls: certificate and key; plain HTTP without.
            access_log: the file of the access log; ``-`` for standard error, empty for none.

        Raises:
            Misconfigured: certificate and key cannot be used, or the access log cannot be written.
        """
        self._map_file, self._served = map_file, served
        # Why detached: gunicorn closes this descriptor when it takes it over, and another file may get its number.
        self._bind = f"fd://{listening.detach()}"
        self._ready = ready
        self._tell = tell
        self._look_after = look_after
        self._tls = tls
        # Why here, before the fork: the first client is too late to say that a certificate is wrong.
        self._context = tls.context()[0] if tls else None
        self._log = LogProcess(access_log) if access_log else None
        self._site: SiteOperation | None = None
        self._begun = signal_pipe()
        super().__init__()

    def run(self) -> None:
        """Serve until asked to end, which ends the process."""
        if self._log:
            self._log.start()
        WatchingArbiter(self, self._tell, self._begun[0]).run()

    def load_config(self) -> None:
        """Settings of our own; no file and no variable of the environment has a say."""
        closed_worker.forget_copy(self.cfg.env_orig)
        values: dict[str, Any] = {
            "bind": self._bind,
            "workers": 1,
            "threads": THREADS,
            "worker_connections": CLIENTS,
            # Why off: whatever runs as this user could end the server by it, or start workers.
            "control_socket_disable": True,
            "worker_class": f"{HttpWorker.__module__}.{HttpWorker.__qualname__}",
            "logger_class": _Silent,
            "timeout": SECONDS,
            "graceful_timeout": SECONDS,
            "keepalive": 15,
            # Why none: a proxy on this machine may pass on a header SCRIPT_NAME of its client, which moves the pages to another address.
            "forwarder_headers": "",
            "limit_request_line": LINE,
            "limit_request_fields": FIELDS,
            "limit_request_field_size": FIELD,
            "when_ready": lambda _: self._ready(),
            "post_worker_init": lambda _: self._note_begun(),
            "worker_exit": lambda _, __: self._end_site(),
        }
        if self._tls:
            values |= {"certfile": str(self._tls.certificate), "keyfile": str(self._tls.key), "ssl_context": self._given_context}
        for name, value in values.items():
            self.cfg.set(name, value)

    def look_after(self) -> None:
        """Start again what runs beside the worker and has ended; called about once a second."""
        for each in self._look_after:
            each()
        if self._log:
            self._log.look_after()

    def reopen_log(self) -> None:
        """Have the access log opened anew."""
        if self._log:
            self._log.reopen()

    def can_begin(self) -> bool:
        """Return whether a worker could begin by the map as it is now; say so where none could."""
        try:
            self._served = read_served(self._map_file)
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

    def load(self) -> AccessLog:
        """Compose the application in the worker, after the fork, and close the worker before it has threads or clients."""
        tell_places_alone(self._tell)
        served = self._served
        door = ServerDoor.of(served.map)
        metrics = Metrics()
        accounts = open_accounts(served.map, served.database, metrics.count_refused_fields)
        if self._log:
            self._log.forget()
        write = self._log.writer() if self._log else None
        # Why here: URLs of stores have their passwords from it. The keeper and the next worker need it, and have it from the process above.
        closed_worker.forget_environment(accounts.environment if accounts is not None else lambda _: False)
        closed_worker.leave_terminal()
        try:
            names = accounts is not None and accounts.names
            closed_worker.close(door.map, *((accounts.reads, accounts.writes, accounts.ports) if accounts else ()), names=names)
            if names:
                self._tell("the web process may send datagrams (UDP) to look up the mail server or database; an address instead shuts that")
        except OSError as error:
            self._tell(f"the web process stays open: the kernel refused to close it: {error.strerror}")
        if accounts is not None:
            # Why by name: models of the pages cannot be imported where Django was set up without them.
            self._site = import_string(_PAGES)(accounts, metrics.count_mail, self._tell)
        site = self._site
        readiness = Readiness({Part.STATE: lambda: _looked(door)} | (site.checks() if site is not None else {}))
        metrics.watch(readiness, *((site.outbox, site.factors) if site is not None else ()))
        refused_token = site.refused_token if site is not None else None
        api = Handler(make_api(door, readiness, metrics, refused_token), secure=self._tls is not None, alone=site is None)
        if site is not None:
            KNOWN.cookie, KNOWN.proxies = site.cookie, settings.EXPUNGE_PROXIES
        application = Site(api, site.pages, settings.EXPUNGE_PROXIES) if site is not None else api
        return AccessLog(application, metrics, write, site.cookie if site is not None else "")

    def _note_begun(self) -> None:
        """Called in a worker that can answer."""
        with suppress(BlockingIOError):
            os.write(self._begun[1], b".")

    def _end_site(self) -> None:
        """Called in a worker that ends."""
        if self._site is not None:
            self._site.end()

    def _given_context(self, _: object, __: object) -> ssl.SSLContext | None:
        return self._context


def _looked(door: ServerDoor) -> bool:
    door.senders.look()
    return True
