"""HTTP to providers. No answer holds a thread of the server for long, whatever the provider does.

Nothing is followed to another address. Nothing is taken from the environment but the authorities of the machine (``SSL_CERT_FILE``). An
answer ends after :data:`PATIENCE` or :data:`MOST` bytes. Each provider has a few places. Where all are taken, the next one to ask is told
at once.
"""

from __future__ import annotations

import ssl
import threading
import time
from concurrent.futures import Future
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3

from expunge.web.site.providers.protocol.problems import Problem, ProviderTrouble

PATIENCE = 5.0
"""Seconds for which the answers of one session are waited for, all together."""
MOST = 256 * 1024
"""Bytes of an answer."""
PLACES = 4
"""Requests to one provider at a time: a quarter of the server's threads."""
_SILENCE = 3.0
"""Seconds for the connection, and for each part of the answer."""
_FAILURES = (requests.RequestException, urllib3.exceptions.HTTPError, ProviderTrouble, OSError, ValueError)
"""What asking ends with, and is handed to the thread that waits."""
_HERE = {"localhost", "127.0.0.1", "::1"}

_places: dict[str, threading.BoundedSemaphore] = {}
_guard = threading.Lock()


class ProviderSession(requests.Session):
    """A session with a provider, as allauth asks for one."""

    def __init__(self, until: float | None = None) -> None:
        """Begin without cookies, proxies or passwords of the environment.

        Args:
            until: when it ends, by the monotonic clock; :data:`PATIENCE` from now by default.
        """
        super().__init__()
        self._until = time.monotonic() + PATIENCE if until is None else until
        self.trust_env = False
        self.verify = authorities()
        # Why: a compressed answer of a few bytes would become any number of them.
        self.headers["Accept-Encoding"] = "identity"

    def request(self, method: str | bytes, url: str | bytes, *args: Any, **kwargs: Any) -> requests.Response:
        """Ask, and return an answer that is read to its end.

        Raises:
            requests.RequestException: there was no such answer.
            ProviderTrouble: the address is none to ask; all places are taken.
        """
        address = url if isinstance(url, str) else url.decode()
        if not sealed_or_here(address):
            raise ProviderTrouble(Problem.UNTRUSTED, "an address without TLS")
        places = _places_of(urlsplit(address).netloc)
        if not places.acquire(blocking=False):
            raise ProviderTrouble(Problem.AWAY, "too many requests to it are unanswered")
        answer: Future[requests.Response] = Future()

        def ask() -> None:
            try:
                answer.set_result(self._read(str(method), address, *args, **kwargs))
            except _FAILURES as error:
                answer.set_exception(error)
            finally:
                places.release()

        threading.Thread(target=ask, name="provider", daemon=True).start()
        try:
            return answer.result(max(0.0, self._until - time.monotonic()))
        except TimeoutError as error:
            raise requests.Timeout("the answer took too long") from error

    def _read(self, method: str, address: str, *args: Any, **kwargs: Any) -> requests.Response:
        given = {**kwargs, "timeout": _SILENCE, "allow_redirects": False, "stream": True}
        response = super().request(method, address, *args, **given)
        try:
            if response.is_redirect:
                raise ProviderTrouble(Problem.UNTRUSTED, "it leads to another address")
            if response.headers.get("Content-Encoding", "identity") != "identity":
                raise ProviderTrouble(Problem.UNTRUSTED, "it answers compressed")
            body = bytearray()
            # Why read1: it returns what is there, so that drops do not add up to any time.
            while part := response.raw.read1(65536):
                body += part
                if len(body) > MOST:
                    raise ProviderTrouble(Problem.UNTRUSTED, "its answer is too long")
                if time.monotonic() > self._until:
                    raise requests.Timeout("the answer took too long")
        except urllib3.exceptions.HTTPError as error:
            raise requests.ConnectionError("the answer broke off") from error
        finally:
            response.close()
        response._content = bytes(body)  # noqa: SLF001 - as requests itself keeps what it has read
        response._content_consumed = True  # noqa: SLF001 - the same
        return response


def sealed_or_here(address: str) -> bool:
    """Return whether an address is asked by TLS, or lies on this machine."""
    parts = urlsplit(address)
    return bool(parts.hostname) and (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _HERE))


def authorities() -> str | bool:
    """Return the file or the folder of the certificates that this machine trusts; True, for those of requests, where it has none."""
    paths = ssl.get_default_verify_paths()
    return paths.cafile or paths.capath or True


def _places_of(host: str) -> threading.BoundedSemaphore:
    with _guard:
        return _places.setdefault(host, threading.BoundedSemaphore(PLACES))
