"""Post JSON to an outside service: over https, or over plain http to this machine alone, and only to the address named.

No redirect is followed. The body names people or carries a token, and is for the service that the map names.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from urllib.parse import SplitResult, urlsplit

from expunge.core.values.service_address import fault_of

MOST = 1 << 16
"""Bytes of an answer that are read."""


class UnsafeAddress(ValueError):
    """The address is neither https nor plain http to this machine."""


class ServiceUnreached(Exception):
    """No answer came. The text is the name of the error, and repeats nothing of the body."""


def post(
    url: str,
    body: bytes,
    *,
    token: str = "",
    timeout: float = 30.0,
    content_type: str = "application/json",
    headers: Mapping[str, str] | None = None,
    within: float | None = None,
) -> tuple[int, bytes]:
    """Post JSON, or what ``content_type`` says. Return the status and the beginning of the answer, for every status.

    Args:
        url: where to.
        body: canonical or other JSON.
        token: a bearer token; empty for none.
        timeout: seconds for the connection and each answer.
        content_type: of the body.
        headers: further ones.
        within: seconds for all of it together; None for as long as each answer comes in time.

    Raises:
        Unsafe: before anything is sent.
        Unreached: no connection, no answer, no HTTP.
    """
    parts = urlsplit(url)
    connection = _connection(parts, timeout)
    sent = {"Content-Type": content_type, "User-Agent": "expunge", **({"Authorization": f"Bearer {token}"} if token else {})}
    try:
        with _cut(connection, within):
            connection.request("POST", (parts.path or "/") + (f"?{parts.query}" if parts.query else ""), body, sent | dict(headers or {}))
            response = connection.getresponse()
            return response.status, response.read(MOST)
    except (OSError, http.client.HTTPException) as error:
        raise ServiceUnreached(type(error).__name__) from error
    finally:
        connection.close()


@contextlib.contextmanager
def _cut(connection: http.client.HTTPConnection, within: float | None) -> Iterator[None]:
    """Shut a connection down once its time is over: a server that sends a byte now and then keeps nobody waiting."""
    if within is None:
        yield
        return

    def shut() -> None:
        # Why suppressed: it may be closed, or not open yet.
        with contextlib.suppress(OSError, AttributeError):
            connection.sock.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(within, shut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _connection(parts: SplitResult, timeout: float) -> http.client.HTTPConnection:
    """Return a connection that is not opened yet. Raise UnsafeAddress."""
    fault = fault_of(parts)
    if fault:
        raise UnsafeAddress(fault)
    host = parts.hostname or ""
    if parts.scheme == "https":
        return http.client.HTTPSConnection(host, parts.port, timeout=timeout, context=ssl.create_default_context())
    return http.client.HTTPConnection(host, parts.port, timeout=timeout)
