"""How clients connect: nobody holds a thread before a request's head is there, and a body that does not come is not waited for.

Gunicorn gives each new connection a thread at once, and waits in it for the handshake and for the request. Sixteen clients that say nothing
would be enough to keep everybody out. Here the loop that accepts waits for all of them. A whole request takes its turn
(:mod:`expunge.web.turns`) before it is worked on, and waits for it without a thread.
"""

from __future__ import annotations

import contextlib
import errno
import json
import selectors
import socket
import ssl
import time
from collections import Counter, deque
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from types import FrameType
from typing import Any, Final, TypeVar, cast

from gunicorn import sock
from gunicorn.http import get_parser, wsgi
from gunicorn.workers.gthread import _DEFER, TConn, ThreadWorker

from expunge.core.attempts.client_networks import within
from expunge.web.answers import HEADERS
from expunge.web.ending import ENDING
from expunge.web.tls import HSTS
from expunge.web.turns import KNOWN, Asker, Turns, turned_away

LINE: Final = 2048
FIELDS: Final = 50
FIELD: Final = 4096
LARGEST_HEAD: Final = LINE + FIELDS * (FIELD + 4)
GREETING: Final = 15.0
"""Seconds in which a handshake and a request's head have to be there."""
STALL: Final = 10.0
"""Seconds for which the next bytes of a body, or a client that takes no answer, are waited for."""
PATIENCE: Final = 30.0
SLOWEST: Final = 4096
"""Bytes a second that a body has to come at, after so many seconds of patience."""
LINGER: Final = 2.0
"""Seconds for which a client may take the last answer before its connection is closed. Nobody else waits for it."""
OF_ADDRESS: Final = 160
"""Connections of one address, of those that the server has; a proxy that the operator named may have all."""
_MOST_UNREAD: Final = 2**16
"""Bytes that are still read from a connection that is being closed: one closed with unread bytes loses the answer."""
_WAKE: Final = 1.0
_DRAIN: Final = 0.05
"""Seconds of a thread for a body that nobody wants."""
T = TypeVar("T")
_READ = 2**16
_HANDSHAKE = 0x16
"""The first byte of TLS."""
_WAITS: Final = object()
"""The outcome of a request that waits for its turn: nothing is to be done with its connection meanwhile."""
_DROPPED = {errno.EAGAIN, errno.EWOULDBLOCK, errno.ECONNABORTED, errno.EMFILE, errno.ENFILE}


class Paced:
    """The source of a request's body: a socket that gives up on a client who stalls, or sends next to nothing."""

    def __init__(self, connected: socket.socket) -> None:
        self.sock = connected
        self.expected = False
        """Whether the client waits for *100 Continue* before it sends."""
        self._begun = time.monotonic()
        self._received = 0

    def recv(self, size: int) -> bytes:
        """Return the next bytes. Raises OSError; TimeoutError for a client that is too slow."""
        self._go_on()
        return self._counted(data := self.sock.recv(size), len(data))

    def recv_into(self, buffer: memoryview) -> int:
        """Fill the beginning of a buffer, and return how much. Raises as :meth:`recv`."""
        self._go_on()
        return self._counted(size := self.sock.recv_into(buffer), size)

    def gettimeout(self) -> float | None:
        """As of the socket."""
        return self.sock.gettimeout()

    def settimeout(self, seconds: float | None) -> None:
        """As of the socket."""
        self.sock.settimeout(seconds)

    def _go_on(self) -> None:
        if self.expected:
            self.expected = False
            self.sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _counted(self, value: T, size: int) -> T:
        self._received += size
        if time.monotonic() - self._begun > PATIENCE + self._received / SLOWEST:
            raise TimeoutError
        return value


class Connection(TConn):  # type: ignore[misc]
    """One client. Its handshake and the heads of its requests are read as they come, without waiting."""

    sock: socket.socket
    parser: Any

    def __init__(self, *args: Any) -> None:
        """Take an accepted socket."""
        super().__init__(*args)
        self.unread = 0
        """Bytes that were read and dropped since the last answer."""
        self.asker: Asker | None = None
        """Whose turn the present request has; None before it has one."""
        self.away = False
        """Whether the present request waited for a turn in vain."""
        self.forget: Callable[[], None] = _nothing
        """Called once, when it is closed."""
        self._head = bytearray()
        self._shaken = not self.cfg.is_ssl
        self._begun: float | None = time.monotonic()

    def greet(self) -> bool:
        """Read what has come, and return whether a request can be parsed now. Raises OSError, also for a client that is too slow."""
        if self._begun is None:
            self._begun = time.monotonic()
        self.sock.settimeout(0.0)
        if self.parser is not None:
            self._head += self.parser.unreader.take_buffered()
        try:
            if not self._shaken:
                self._shake_hands()
            while not self._enough():
                data = self.sock.recv(_READ)
                if not data:
                    raise ConnectionResetError
                self._head += data
        except (ssl.SSLWantReadError, BlockingIOError):
            if time.monotonic() - self._begun > GREETING:
                raise TimeoutError from None
            return False
        return True

    def init(self) -> None:
        """Hand what has come to gunicorn's parser, which reads the rest of a body from the socket. Called for each request."""
        self.initialized = True
        self.sock.settimeout(STALL)
        if self.parser is None:
            self.parser = get_parser(self.cfg, Paced(self.sock), self.client)
        self.parser.unreader.sock = Paced(self.sock)
        self.parser.unreader.unread(bytes(self._head))
        self._head.clear()
        self._begun = None

    def holds_more(self) -> bool:
        """Return whether bytes of the next request are here already, where no look at the socket shows them."""
        buffered = self.parser.unreader.take_buffered()
        self.parser.unreader.unread(buffered)
        return bool(buffered) or (isinstance(self.sock, ssl.SSLSocket) and self.sock.pending() > 0)

    @property
    def peer(self) -> str:
        """The address of the socket; empty for one without."""
        return str(self.client[0]) if isinstance(self.client, tuple) else ""

    @property
    def head(self) -> bytes:
        """The head of the request that is to be parsed next."""
        return bytes(self._head)

    def close(self, graceful: bool = False) -> None:
        """Close the socket."""
        forget, self.forget = self.forget, _nothing
        forget()
        super().close(graceful)

    def _shake_hands(self) -> None:
        if not isinstance(self.sock, ssl.SSLSocket):
            first = self.sock.recv(1, socket.MSG_PEEK)
            if first != bytes([_HANDSHAKE]):
                raise PlainSent(first)
            self.sock = sock.ssl_wrap_socket(self.sock, self.cfg)
        cast("ssl.SSLSocket", self.sock).do_handshake()
        self._shaken = True

    def _enough(self) -> bool:
        """Whether the head is whole, or will never be one that is taken."""
        too_long = len(self._head) > LINE + 2 and b"\r\n" not in self._head[: LINE + 2]
        return too_long or b"\r\n\r\n" in self._head or len(self._head) > LARGEST_HEAD


def _nothing() -> None: ...


class PlainSent(ConnectionError):
    """A client sent something else than TLS to a server that speaks it."""

    def __init__(self, first: bytes) -> None:
        super().__init__()
        self.is_http = first.isalpha()


class Response(wsgi.Response):  # type: ignore[misc]
    """Without a banner."""

    def default_headers(self) -> list[str]:
        """The headers of gunicorn but for its name."""
        return [header for header in super().default_headers() if not header.startswith("Server:")]


class HttpWorker(ThreadWorker):  # type: ignore[misc]
    """A worker that gives threads to requests alone. It answers malformed HTTP like everything else, and repeats nothing of it."""

    def __init__(self, *args: Any, **named: Any) -> None:
        """Begin with no client."""
        super().__init__(*args, **named)
        self._closing: deque[Connection] = deque()
        self._turns: Turns[tuple[Asker, Connection]] = Turns()
        self._of_address: Counter[str] = Counter()

    def init_process(self) -> None:
        """Begin."""
        wsgi.Response = Response
        super().init_process()

    def accept(self, listener: socket.socket) -> None:
        """Accept a client, and wait for its first bytes without a thread."""
        try:
            client, address = listener.accept()
        except OSError as error:
            if error.errno in _DROPPED:
                return
            raise
        connection = Connection(self.cfg, client, address, listener.getsockname())
        if self._of_address[connection.peer] >= OF_ADDRESS and not within(connection.peer, KNOWN.proxies):
            connection.close()
            return
        self._of_address[connection.peer] += 1
        connection.forget = partial(self._forget, connection.peer)
        connection.timeout = time.monotonic() + GREETING
        self.nr_conns += 1
        self.pending_conns.append(connection)
        self.poller.register(client, selectors.EVENT_READ, partial(self.on_pending_socket_readable, connection))

    def handle(self, connection: Connection) -> object:
        """Go on with a client whose bytes have come: its handshake, its head, its request."""
        while True:
            try:
                if not connection.greet():
                    return _DEFER
            except PlainSent as sent:
                if sent.is_http:
                    self._answer(connection.sock, _PLAIN, {})
                return False
            except OSError:
                # Whoever it was has gone, or spoke no TLS that we speak: neither is a fault of the server.
                return False
            connection.data_ready = True
            if connection.asker is None and not connection.away:
                asker = KNOWN.of(connection.head, connection.peer)
                if not self._turns.enter(asker, (asker, connection)):
                    return _WAITS
                connection.asker = asker
            goes_on = self._in_turn(connection)
            if not goes_on or not connection.holds_more():
                return goes_on

    def _in_turn(self, connection: Connection) -> bool:
        """Answer the one request that has its turn, or waited for it in vain, and give the thread back."""
        asker, away = connection.asker, connection.away
        connection.asker, connection.away = None, False
        try:
            with turned_away(away):
                return super().handle(connection) is True
        finally:
            if asker is not None:
                for turn, following in self._turns.leave(asker):
                    following.asker = turn
                    self._go_on(following)

    def _go_on(self, connection: Connection) -> None:
        # Why suppressed: a worker that ends takes no more work, and closes what waits.
        with contextlib.suppress(RuntimeError):
            self.enqueue_req(connection)

    def handle_request(self, request: Any, connection: Connection) -> bool:
        """Answer a request. Who waits for *100 Continue* gets it when the body is asked for, and never after an answer."""
        source = connection.parser.unreader.sock
        source.expected, request._expected_100_continue = request._expected_100_continue, False  # noqa: SLF001 - there is no other way
        # Why closed otherwise: whether the body still comes is not known.
        return bool(super().handle_request(request, connection)) and not source.expected

    def finish_request(self, connection: Connection, future: Future[object]) -> None:
        """Go on with a client after its request. The poller waits until it closes; gunicorn's loop would wait for each client."""
        if not future.cancelled() and not future.exception() and future.result() is _WAITS:
            return
        if future.cancelled() or future.exception() or (future.result() and self.alive):
            super().finish_request(connection, future)
            return
        try:
            connection.sock.shutdown(socket.SHUT_WR)
            connection.sock.settimeout(0.0)
            self.poller.register(connection.sock, selectors.EVENT_READ, partial(self._linger, connection))
        except (OSError, ValueError, KeyError):
            self._gone(connection)
            return
        connection.unread, connection.timeout = 0, time.monotonic() + LINGER
        self._closing.append(connection)

    def murder_pending(self) -> None:
        """Close what was waited for long enough, and answer requests that waited for a turn in vain."""
        for _, connection in self._turns.overdue():
            connection.away = True
            self._go_on(connection)
        super().murder_pending()
        now = time.monotonic()
        while self._closing and self._closing[0].timeout <= now:
            self._end(self._closing[0])

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        """Wait no longer than until the next look at the clock, also while the worker ends."""
        super().wait_for_and_dispatch_events(min(timeout, _WAKE))

    def _linger(self, connection: Connection, _: object) -> None:
        """Drop what still comes from a client that was answered, and close when it has closed or sends too much."""
        try:
            data = connection.sock.recv(_READ)
        except (ssl.SSLWantReadError, BlockingIOError):
            return
        except OSError:
            data = b""
        connection.unread += len(data)
        if not data or connection.unread > _MOST_UNREAD:
            self._end(connection)

    def _end(self, connection: Connection) -> None:
        self._closing.remove(connection)
        with contextlib.suppress(OSError, ValueError, KeyError):
            self.poller.unregister(connection.sock)
        self._gone(connection)

    def _forget(self, address: str) -> None:
        self._of_address[address] -= 1
        if not self._of_address[address]:
            del self._of_address[address]

    def _gone(self, connection: Connection) -> None:
        self.nr_conns -= 1
        connection.close()

    def _keepalive_after(self, connection: Connection, keepalive: bool) -> bool:
        """Return whether another request may come on a connection. A body that nobody read is not waited for: the connection ends."""
        return keepalive and bool(connection.parser.finish_body(deadline=time.monotonic() + _DRAIN))

    def handle_exit(self, number: int, frame: FrameType | None) -> None:
        """Finish what is under way, and close idle connections at once: gunicorn would wait for them as long as for a request."""
        super().handle_exit(number, frame)
        ENDING.set()
        self.method_queue.defer(self._close_idle)

    def _close_idle(self) -> None:
        for connection in (*self.keepalived_conns, *self.pending_conns):
            connection.timeout = 0.0
        self.murder_keepalived()
        self.murder_pending()

    def handle_error(self, _: object, client: socket.socket, __: object, ___: BaseException) -> None:
        """Answer a request that could not be read."""
        self._answer(client, _UNREADABLE, HSTS if self.cfg.is_ssl else {})

    def _answer(self, client: socket.socket, fault: dict[str, str], further: dict[str, str]) -> None:
        body = json.dumps(fault)
        lines = ["HTTP/1.1 400 Bad Request", "Connection: close", "Content-Type: application/json", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in {**HEADERS, **further}.items()]
        # Whoever sent it may have gone, which is as good as answered.
        with contextlib.suppress(OSError):
            client.settimeout(STALL)
            client.sendall("\r\n".join([*lines, "", body]).encode("ascii"))


_UNREADABLE = {"error": "this is no HTTP request that can be read", "where": "the request", "help": "send it as HTTP/1.1"}
_PLAIN = {
    "error": "this port speaks TLS, and plain HTTP came",
    "where": "the connection",
    "help": "send it to https://; what came could be read on the way: a token that was in it should be revoked",
}
