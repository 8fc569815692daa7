"""Posts to recipients over HTTPS; plain HTTP to this machine alone. No redirect is followed: what is posted names people."""

from __future__ import annotations

import http.client
import json
import ssl
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from expunge.errors import Undelivered

TIMEOUT = 30.0
"""Seconds for each connection and answer."""
_MOST = 1 << 16
"""Bytes of an answer that are read."""


class HttpCourier:
    """See :class:`expunge.ports.courier.Courier`."""

    def __init__(self, timeout: float = TIMEOUT) -> None:
        self._timeout = timeout

    def deliver(self, url: str, body: bytes) -> None:
        """Any answer of the 200s counts as taken."""
        self._post(url, body)

    def ask(self, url: str, body: bytes) -> int:
        """The answer is ``{"held": n}``."""
        answer = self._post(url, body)
        try:
            held = json.loads(answer)["held"]
        except (ValueError, TypeError, KeyError) as error:
            raise Undelivered('the recipient\'s answer is not {"held": NUMBER}') from error
        if type(held) is not int or held < 0:
            raise Undelivered('the recipient\'s answer is not {"held": NUMBER}')
        return held

    def _post(self, url: str, body: bytes) -> bytes:
        parts = urlsplit(url)
        connection = self._connection(parts)
        try:
            path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            connection.request("POST", path, body, {"Content-Type": "application/json", "User-Agent": "expunge"})
            response = connection.getresponse()
            answer = response.read(_MOST)
        except (OSError, http.client.HTTPException) as error:
            message = f"the recipient could not be reached: {type(error).__name__}"
            raise Undelivered(message, help="try again later, or carry the instruction there: `expunge recipient show`") from error
        finally:
            connection.close()
        if not 200 <= response.status < 300:
            message = f"the recipient answered {response.status}"
            raise Undelivered(message, help="redirects are not followed; check the address in the map")
        return answer

    def _connection(self, parts: SplitResult) -> http.client.HTTPConnection:
        host = parts.hostname or ""
        try:
            port = parts.port
        except ValueError as error:
            raise Undelivered("the address of the recipient has no usable port") from error
        if parts.scheme == "https" and host:
            return http.client.HTTPSConnection(host, port, timeout=self._timeout, context=ssl.create_default_context())
        if parts.scheme == "http" and _is_here(host):
            return http.client.HTTPConnection(host, port, timeout=self._timeout)
        raise Undelivered("instructions name people: they are posted over https, over http to this machine alone")


def _is_here(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
