"""The keeper: answers requests on a local socket, a bounded number at a time, each within bounds and in time.

One event loop serves all clients: one that sends nothing, or half a message, costs a few kilobytes and no thread. Requests that may wait
for the disk or for another process are carried out in threads beside the loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from expunge.adapters.keeper import answers, frames, requests
from expunge.adapters.keeper.answers import Answer
from expunge.adapters.keeper.frames import Frame
from expunge.adapters.keeper.key_requests import Handler
from expunge.adapters.keeper.peers import Admitted, Peer, Right, peer_of
from expunge.adapters.keeper.place import KEEPER
from expunge.adapters.keeper.requests import Hello, Request, Status, Stop, Threads
from expunge.core.values.canonical import Json
from expunge.errors import Busy, ExpungeError, Misconfigured, StateUnavailable, UsageError
from expunge.faults import ReplyLost, failpoint

_LEAVING: Mapping[str, Any] = {"cleanup_socket": False} if sys.version_info >= (3, 13) else {}
"""From Python 3.13 on, a server removes its socket by path, and the path may lead through a descriptor that is closed by then."""
_LOOK_AGAIN = 0.02
"""Seconds between two checks for room."""
_SETTLE_EVERY = 5.0
"""Seconds between two looks for what is idle."""
_POOLS = {Threads.VAULT: 8, Threads.SENDERS: 16, Threads.ACCOUNTS: 8, Threads.FAMILIES: 16, Threads.DESK: 8, Threads.FOLLOWING: 16}
"""Threads -> the most of them. Senders and families have as many as the server shares by turns: events that wait together are written with
one wait for the device."""
_OF_ASKER = {Threads.FAMILIES: 6, Threads.VAULT: 3, Threads.DESK: 3, Threads.FOLLOWING: 4}
"""Threads -> the most of them that requests of one account, or of one family, hold at a time. The others wait, without a thread."""


@dataclass(frozen=True)
class KeeperLimits:
    """The limits of one keeper."""

    clients: int = 256
    of_others: int = 192
    """Clients of other users than the keeper's own: who may only read or send in must not keep the operator out."""
    of_user: int = 64
    """Clients of one other user."""
    together: int = 2 * frames.MOST_BODY
    """Bytes of all bodies that the keeper reads or works on at one time; three quarters of it for other users."""
    hello: float = 5.0
    """Seconds in which a new client has to name its version."""
    message: float = 10.0
    """Seconds in which a client has to finish a message, and to take an answer."""
    turn: float = 10.0
    """Seconds that a request of an account or a family waits for others of it to end."""
    room: float = 30.0
    """Seconds that a body waits for room."""
    idle: float = 600.0
    """Seconds after which a connection without requests is closed; its client connects again."""


class Keeper:
    """Answers requests by the handlers that it is given; it knows nothing of keys itself."""

    def __init__(
        self,
        handlers: Mapping[type[Request], Handler],
        identity: Callable[[], str],
        admitted: Admitted | None = None,
        limits: KeeperLimits | None = None,
        settle: Callable[[], None] | None = None,
        status: Callable[[], Mapping[str, Json]] = dict,
        process: str = KEEPER,
    ) -> None:
        """Set up the keeper; it answers from :meth:`run` on.

        Args:
            handlers: kind of request -> its handler.
            identity: returns the keystore that is in place now; a keeper of another one answers nothing.
            admitted: the users who may ask, beside its own.
            limits: its limits.
            settle: called every few seconds, in a thread: ends what clients left behind.
            status: further facts for :class:`Status`.
            process: the name of the process, for messages.
        """
        self._process = process
        self._settle = settle
        self._status = status
        pools = {each: ThreadPoolExecutor(most, each.name.lower()) for each, most in _POOLS.items()}
        self._threads: Mapping[Threads, ThreadPoolExecutor | None] = {Threads.KEYS: None, **pools}
        self._handlers = dict(handlers)
        kinds: tuple[type[Request], ...] = (*handlers, Hello, Status, Stop)
        self._kinds = {kind.name: kind for kind in kinds}
        self._identity = identity
        self._kept = identity()
        self._admitted = admitted or Admitted()
        self._limits = limits or KeeperLimits()
        self._clients: set[asyncio.Task[None]] = set()
        self._others: dict[asyncio.Task[None], int] = {}
        """Client of another user -> the user."""
        self._held = self._held_by_others = 0
        self._asked = 0
        self._at_work: Counter[tuple[Threads, str]] = Counter()
        """Threads and asker -> requests that are carried out now."""

    def run(self, listening: socket.socket, ready: Callable[[], None]) -> None:
        """Answer requests until SIGTERM, SIGINT or a request to stop. ``ready`` is called once, when the keeper answers."""
        asyncio.run(self._run(listening, ready))

    async def _run(self, listening: socket.socket, ready: Callable[[], None]) -> None:
        self._ending = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._ending.set)
        server = await asyncio.start_unix_server(self._connected, sock=listening, backlog=128, limit=2**18, **_LEAVING)
        settling = asyncio.create_task(self._settle_always())
        ready()
        await self._ending.wait()
        server.close()
        settling.cancel()
        clients = tuple(self._clients)
        for each in clients:
            each.cancel()
        await asyncio.gather(settling, *clients, return_exceptions=True)
        for threads in self._threads.values():
            if threads is not None:
                await loop.run_in_executor(None, threads.shutdown)

    async def _settle_always(self) -> None:
        while self._settle is not None:
            await asyncio.sleep(_SETTLE_EVERY)
            with contextlib.suppress(OSError, ExpungeError):
                await asyncio.get_running_loop().run_in_executor(self._threads[Threads.VAULT], self._settle)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._clients.add(task)
        try:
            # A client that went away, or is too slow, is let go: its requests are safe to repeat.
            with contextlib.suppress(OSError, EOFError, TimeoutError, ReplyLost, asyncio.CancelledError):
                await self._converse(reader, writer)
        finally:
            self._clients.discard(task)
            self._others.pop(task, None)
            writer.transport.abort()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        limits = self._limits
        try:
            connection = writer.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, frames.AT_ONCE)
            peer = self._welcome(peer_of(connection))
            task = asyncio.current_task()
            if task is not None and not _is_own(peer):
                self._others[task] = peer.uid
            hello, _ = await self._read(reader, limits.hello, hello=True)
            self._check(hello)
            await self._send(writer, Answer({"version": frames.VERSION, "pid": os.getpid()}).frame())
            while True:
                async with self._message(peer, reader) as (request, body):
                    answer = await self._answer(peer, request, body)
                    failpoint("keeper.answer:before")
                    await self._send(writer, answer)
                    failpoint("keeper.answer:after")
        except ExpungeError as refusal:
            # Bytes after an unreadable message cannot be read either: the connection ends with the refusal.
            await self._send(writer, answers.error_frame(refusal))
            writer.write_eof()
            await asyncio.sleep(0)

    def _welcome(self, peer: Peer) -> Peer:
        self._admitted.require(peer, Right.ANY)
        limits, users = self._limits, list(self._others.values())
        of_others = not _is_own(peer) and (len(users) >= limits.of_others or users.count(peer.uid) >= limits.of_user)
        if of_others or len(self._clients) > limits.clients:
            message = f"the {self._process} has as many clients as it takes"
            raise Busy(message, help="try again when some of them have ended")
        return peer

    def _check(self, hello: Request) -> None:
        if not isinstance(hello, Hello):
            message = f"a client of the {self._process} says hello first"
            raise UsageError(message, help=f"ask with the same version of Expunge as the {self._process} runs")
        if hello.version != frames.VERSION:
            message = f"the {self._process} speaks version {frames.VERSION} of its protocol, not version {hello.version}"
            raise Misconfigured(message, help=f"restart it with the same version of Expunge: {self._restart}")
        if hello.keys != self._kept or self._identity() != self._kept:
            message = f"the {self._process} works with another keystore than the one that lies here"
            raise StateUnavailable(message, help=f"restart it: {self._restart}")

    @asynccontextmanager
    async def _message(self, peer: Peer, reader: asyncio.StreamReader) -> AsyncIterator[tuple[Request, bytes]]:
        """Answer one request, with room for its body while it is worked on."""
        request, size = await self._read(reader, self._limits.idle)
        if size:
            # Why before the body: whoever may not ask gets no room for it either.
            self._admitted.require(peer, request.needs, request.for_purpose())
        await self._take_room(peer, size)
        try:
            async with asyncio.timeout(self._limits.message):
                body = await reader.readexactly(size)
            yield request, body
        finally:
            self._held -= size
            self._held_by_others -= 0 if _is_own(peer) else size

    async def _read(self, reader: asyncio.StreamReader, patience: float, *, hello: bool = False) -> tuple[Request, int]:
        """Read a head; return the request and the size of the body that follows."""
        async with asyncio.timeout(patience):
            prefix = await reader.read(frames.PREFIX.size)
        if not prefix:
            raise EOFError
        async with asyncio.timeout(self._limits.hello if hello else self._limits.message):
            prefix += await reader.readexactly(frames.PREFIX.size - len(prefix))
            head, body = frames.lengths(prefix)
            request = self._parse(frames.parse_head(await reader.readexactly(head)))
        if body > (request.most_body if request.with_body else 0):
            message = f"the request {request.name} has no body of this size"
            raise UsageError(message, help="ask with the same version of Expunge as the keeper runs")
        return request, body

    def _parse(self, head: Mapping[str, Json]) -> Request:
        kind = self._kinds.get(requests.named(head))
        if kind is None:
            message = f"the {self._process} does not know this request"
            raise UsageError(message, help=f"restart it with the same version of Expunge: {self._restart}")
        return kind.read(head)

    async def _take_room(self, peer: Peer, size: int) -> None:
        together, others = self._limits.together, 0 if _is_own(peer) else size
        try:
            async with asyncio.timeout(self._limits.room):
                while self._held + size > together or (others and self._held_by_others + others > together * 3 // 4):
                    await asyncio.sleep(_LOOK_AGAIN)
        except TimeoutError:
            message = f"the {self._process} works on too much at once"
            raise Busy(message, help="try again in a moment") from None
        self._held += size
        self._held_by_others += others

    async def _answer(self, peer: Peer, request: Request, body: bytes) -> Frame:
        self._asked += 1
        try:
            answer = await self._act(peer, request, body)
            return answer.frame()
        except ExpungeError as error:
            return answers.error_frame(error)
        except ReplyLost:
            raise
        except Exception as error:  # noqa: BLE001 - this client is told, and the keeper goes on for the others
            message = f"the {self._process} met something unforeseen: {type(error).__name__}"
            return answers.error_frame(StateUnavailable(message, help="this is a defect: report it; nothing half done is left"))

    async def _act(self, peer: Peer, request: Request, body: bytes) -> Answer:
        if isinstance(request, Stop):
            self._require_may_stop(peer)
            asyncio.get_running_loop().call_later(0.01, self._ending.set)
            return Answer()
        if isinstance(request, Status):
            return Answer({"pid": os.getpid(), "clients": len(self._clients), "asked": self._asked, **self._status()})
        self._admitted.require(peer, request.needs, request.for_purpose())
        handler = self._handlers.get(type(request))
        if handler is None:
            raise UsageError("hello is said once", help="ask with the same version of Expunge as the keeper runs")
        if request.threads is not Threads.NONE:
            threads = self._threads[request.threads]
            askers = await self._turn(request)
            work = asyncio.get_running_loop().run_in_executor(threads, _handled, handler, peer, request, body)
            work.add_done_callback(lambda _: self._at_work.subtract(askers))
            # Why shielded: the thread goes on where its client has gone, and counts until it ends.
            return await asyncio.shield(work)
        return _handled(handler, peer, request, body)

    async def _turn(self, request: Request) -> list[tuple[Threads, str]]:
        """Wait until a request is within the bounds of its askers, and count it. Raises Busy where others of them do not end in time."""
        askers = [(request.threads, each) for each in request.askers()]
        most = _OF_ASKER.get(request.threads, 0)
        try:
            async with asyncio.timeout(self._limits.turn):
                while most and any(self._at_work[each] >= most for each in askers):
                    await asyncio.sleep(_LOOK_AGAIN)
        except TimeoutError:
            message = "as many requests of this account or family are under way as are carried out at once"
            raise Busy(message, help="try again in a moment") from None
        self._at_work += Counter()
        self._at_work.update(askers)
        return askers

    def _require_may_stop(self, peer: Peer) -> None:
        if self._admitted.has_all(peer) or (peer.uid == 0 and not _is_own(peer)):
            return
        if _is_own(peer):
            message = f"this {self._process} runs for a server alone, and ends with it"
            raise Misconfigured(message, help="end `expunge serve`")
        message = f"only the {self._process}'s own user may stop it"
        raise Misconfigured(message, help="run it as that user")

    @property
    def _restart(self) -> str:
        return f"expunge {self._process} stop, then expunge {self._process} run"

    async def _send(self, writer: asyncio.StreamWriter, frame: Frame) -> None:
        writer.write(frame.encode())
        async with asyncio.timeout(self._limits.message):
            await writer.drain()


def _is_own(peer: Peer) -> bool:
    return peer.uid == os.geteuid()


def _handled(handler: Handler, peer: Peer, request: Request, body: bytes) -> Answer:
    failpoint("keeper.request:before")
    answer = handler(peer, request, body)
    failpoint("keeper.request:after")
    return answer
