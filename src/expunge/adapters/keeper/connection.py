"""A connection to the keeper or the clerk, and a pool of them that threads share and that outlives a restart of the process."""

from __future__ import annotations

import os
import socket
import threading
import time
from contextlib import suppress

from expunge.adapters.keeper import answers, frames
from expunge.adapters.keeper.answers import Answer
from expunge.adapters.keeper.frames import Frame
from expunge.adapters.keeper.peers import peer_of
from expunge.adapters.keeper.place import CLERK, KEEPER, KeeperPlace
from expunge.adapters.keeper.requests import Hello, Request
from expunge.errors import ClerkAway, KeeperAway, Misconfigured

ANSWER_WITHIN = 90.0
"""Seconds: the keeper itself waits half a minute for other processes that change the keystore."""
PATIENCE = 5.0
"""Seconds in which a keeper that went away in the middle of work may come back."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.005, 0.2
_STUCK = "see what it waits for: `expunge {} status`; the same command goes on where it stopped"
_HELP = "start it: `expunge {} run`. What was recorded stands, nothing is half done, and the same command goes on"
_DOES = {KEEPER: "holds the keys", CLERK: "answers families"}


class Connection:
    """A connection that has said hello. Raises OSError and EOFError when the keeper goes away."""

    def __init__(self, place: KeeperPlace) -> None:
        self._socket = place.connect(ANSWER_WITHIN)
        try:
            _require_owner(self._socket, place)
            self.ask(Hello(frames.VERSION, place.identity()), b"")
        except BaseException:
            self.close()
            raise

    def __del__(self) -> None:
        self.close()

    def ask(self, request: Request, body: bytes) -> Answer:
        """Send a request and return its answer. Raises the error with which the keeper answers."""
        sent = Frame(request.head(), body).encode()
        with suppress(BrokenPipeError, ConnectionResetError):
            # A keeper that refuses a message early closes the connection before all of it was sent; the refusal can still be read.
            self._socket.sendall(sent)
        head, size = frames.lengths(self._exactly(frames.PREFIX.size))
        return answers.read(Frame(frames.parse_head(self._exactly(head)), self._exactly(size)))

    def close(self) -> None:
        """Close the connection."""
        with suppress(AttributeError):
            self._socket.close()

    def _exactly(self, size: int) -> bytes:
        said = memoryview(bytearray(size))
        at = 0
        while at < size:
            more = self._socket.recv_into(said[at:])
            if not more:
                raise EOFError
            at += more
        return bytes(said)


_AWAY: dict[str, type[KeeperAway | ClerkAway]] = {KEEPER: KeeperAway, CLERK: ClerkAway}


class Connections:
    """The connections of one process to a keeper or a clerk: one for each thread that asks now, kept for later requests."""

    def __init__(self, place: KeeperPlace, patience: float = PATIENCE) -> None:
        self._place = place
        self._patience = patience
        self._idle: list[Connection] = []
        self._guard = threading.Lock()
        self._pid = os.getpid()

    def open(self, patience: float) -> None:
        """Connect once, to see whether the process is there. Raises KeeperAway or ClerkAway, and the error with which it refuses."""
        self._retried(None, b"", patience)

    def ask(self, request: Request, body: bytes = b"") -> Answer:
        """Return the answer to a request. Where the process goes away first, connect anew and ask again: every request is safe to repeat.

        Raises KeeperAway or ClerkAway when it stays away, and the error with which it answers.
        """
        return self._retried(request, body, self._patience)

    def close(self) -> None:
        """Close all connections. Safe to call twice; the next request connects anew."""
        with self._guard:
            held, self._idle = self._idle, []
        for each in held:
            each.close()

    def _retried(self, request: Request | None, body: bytes, patience: float) -> Answer:
        until, pause = time.monotonic() + patience, _FIRST_PAUSE
        while True:
            try:
                return self._once(request, body)
            except TimeoutError:
                raise self._away("does not answer in time", _STUCK) from None
            except PermissionError:
                message = f"this user may not reach the {self._place.process}'s socket"
                option = "--allow-user" if self._place.process == KEEPER else "--let-serve"
                help_ = f"run it as the {self._place.process}'s user, or: expunge {self._place.process} run {option} NAME"
                raise _AWAY[self._place.process](message, help=help_) from None
            except (OSError, EOFError):
                if time.monotonic() >= until:
                    raise self._away("is not running", _HELP, f", which {_DOES[self._place.process]},") from None
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _away(self, why: str, help_: str, does: str = "") -> KeeperAway | ClerkAway:
        process = self._place.process
        return _AWAY[process](f"the {process}{does} {why}", help=help_.format(process))

    def _once(self, request: Request | None, body: bytes) -> Answer:
        connection = self._take() or Connection(self._place)
        try:
            answer = connection.ask(request, body) if request else Answer()
        except BaseException:
            # Why after every error: the keeper may have closed the connection with it, or an answer may still come.
            connection.close()
            raise
        self._give(connection)
        return answer

    def _take(self) -> Connection | None:
        with self._guard:
            if self._pid != os.getpid():
                # A fork shares the sockets of its parent: two that speak on one would read each other's answers.
                self._idle, self._pid = [], os.getpid()
            return self._idle.pop() if self._idle else None

    def _give(self, connection: Connection) -> None:
        with self._guard:
            self._idle.append(connection)


def _require_owner(connection: socket.socket, place: KeeperPlace) -> None:
    if peer_of(connection).uid not in (place.owner(), os.geteuid()):
        message = f"a process of another user than the keystore's pretends to be the {place.process}"
        raise Misconfigured(message, help=f"find out who put {place.door} there")
