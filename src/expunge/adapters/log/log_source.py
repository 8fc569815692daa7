"""Where a log's files come from: a folder, or an address (C2SP tlog-tiles over HTTP).

Nothing that comes back is believed here; whoever reads checks it against a signed root. What is bounded here is how much comes, and how
long it may take: a log's operator may be the very person who does not want it checked.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
import zlib
from collections.abc import Iterator
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path
from typing import Protocol, Self
from urllib.parse import SplitResult, quote, urlsplit

from expunge.errors import EvidenceInvalid, LogUnreached, UsageError

SECONDS = 30.0
"""The longest that one file may take, from the connection to its last byte."""
_STEP = 1 << 16


class LogSource(Protocol):
    """The files of one log, for reading."""

    where: str
    """The folder or address, for people."""

    def read(self, name: str, most: int) -> bytes | None:
        """Return one file whole; None where it is not there.

        Raises:
            EvidenceInvalid: it is longer than ``most`` bytes, which no file of that name may be.
            LogUnreached: there is no answer, or none that HTTP knows. OSError: the disk fails.
        """
        ...


class FolderSource:
    """A log's folder on disk."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.where = str(folder)

    def read(self, name: str, most: int) -> bytes | None:
        """See :class:`LogSource`."""
        try:
            with (self.folder / name).open("rb") as file:
                data = file.read(most + 1)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None
        return _bounded(data, name, most)


class HttpSource:
    """A log that a web server serves. No redirect is followed. One connection is kept open; a context manager."""

    def __init__(self, url: str, *, seconds: float = SECONDS) -> None:
        """Raises UsageError for what is no http or https address."""
        self.where = url
        self.fetched = 0
        """Files that were asked for."""
        self._parts = _address(url)
        self._seconds = seconds
        self._connection: http.client.HTTPConnection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def read(self, name: str, most: int) -> bytes | None:
        """See :class:`LogSource`."""
        self.fetched += 1
        reused = self._connection is not None
        try:
            return self._ask(name, most)
        except (OSError, http.client.HTTPException, zlib.error) as error:
            self.close()
            if reused and isinstance(error, ConnectionError | http.client.RemoteDisconnected):
                # The server ended the connection that was kept, as it may between two requests.
                return self.read(name, most)
            raise self._unreached(name, _said(error)) from error
        except (EvidenceInvalid, LogUnreached):
            self.close()
            raise

    def _ask(self, name: str, most: int) -> bytes | None:
        connection = self._connection = self._connection or self._connect()
        if connection.sock is None:
            connection.connect()
        late = threading.Event()
        watch = threading.Timer(self._seconds, _cut_off, [connection.sock, late])
        watch.daemon = True
        watch.start()
        try:
            # Why a timer: a server may send one byte at a time, and each is in time.
            headers = {"User-Agent": "expunge", "Accept-Encoding": "gzip, identity"}
            connection.request("GET", f"{self._parts.path.rstrip('/')}/{name}", headers=headers)
            with connection.getresponse() as answer:
                data = self._answered(answer, name, most)
                if not answer.isclosed():
                    self.close()
        except (OSError, http.client.HTTPException, zlib.error) as error:
            if late.is_set():
                raise TimeoutError from error
            raise
        finally:
            watch.cancel()
        if late.is_set():
            raise TimeoutError
        return data

    def _answered(self, answer: http.client.HTTPResponse, name: str, most: int) -> bytes | None:
        if answer.status == HTTPStatus.OK:
            return _body(answer, name, most)
        if answer.status in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
            answer.read(_STEP)
            return None
        raise self._unreached(name, f"the server answered {answer.status}")

    def _connect(self) -> http.client.HTTPConnection:
        host, port = self._parts.hostname or "", self._parts.port
        if self._parts.scheme == "https":
            return http.client.HTTPSConnection(host, port, timeout=self._seconds, context=ssl.create_default_context())
        return http.client.HTTPConnection(host, port, timeout=self._seconds)

    def _unreached(self, name: str, why: str) -> LogUnreached:
        message = f"the log cannot be read from {self.where}: {name}: {why}"
        return LogUnreached(message, help="try again later, and see that the address is right: redirects are not followed")


def _address(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and not (parts.query or parts.fragment or parts.username)
        _ = parts.port
    except ValueError:
        good = False
    if not good or any(letter <= " " or letter == "\x7f" for letter in url):
        raise UsageError("a log's address is not of the form https://HOST/PATH", help="name the address under which `checkpoint` lies")
    return parts._replace(path=quote(parts.path, safe="/%~"))


def _body(answer: http.client.HTTPResponse, name: str, most: int) -> bytes:
    """The body, decompressed. It is refused as soon as it is too long, however little of it was sent."""
    encoding = (answer.getheader("Content-Encoding") or "identity").strip().lower()
    if encoding not in ("identity", "gzip", "x-gzip"):
        message = f"{name} comes in an encoding that was not asked for"
        raise EvidenceInvalid(message)
    pieces = _pieces(answer) if encoding == "identity" else _unzipped(answer)
    parts, length = [], 0
    for piece in pieces:
        parts.append(piece)
        length += len(piece)
        if length > most:
            break
    else:
        if answer.length:
            raise http.client.IncompleteRead(b"")
    return _bounded(b"".join(parts), name, most)


def _pieces(answer: http.client.HTTPResponse) -> Iterator[bytes]:
    while piece := answer.read(_STEP):
        yield piece


def _unzipped(answer: http.client.HTTPResponse) -> Iterator[bytes]:
    unzip = zlib.decompressobj(31)
    for packed in _pieces(answer):
        if unzip.eof:
            raise zlib.error("bytes after the end")
        yield unzip.decompress(packed, _STEP)
        while unzip.unconsumed_tail:
            yield unzip.decompress(unzip.unconsumed_tail, _STEP)
    if not unzip.eof or unzip.unused_data:
        raise zlib.error("not one whole")


def _bounded(data: bytes, name: str, most: int) -> bytes:
    if len(data) > most:
        message = f"the log does not verify: {name} is longer than such a file may be"
        raise EvidenceInvalid(message, help="do not rely on it")
    return data


def _cut_off(connected: socket.socket, late: threading.Event) -> None:
    late.set()
    with suppress(OSError):
        connected.shutdown(socket.SHUT_RDWR)


def _said(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no whole answer in time"
    strerror = getattr(error, "strerror", None)
    return strerror if isinstance(strerror, str) else type(error).__name__
