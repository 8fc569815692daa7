"""A keystore with a keeper in a process of its own, which a test may kill, arm and start again."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from expunge import faults
from expunge.adapters.keeper import frames
from expunge.adapters.keeper.frames import Frame
from expunge.adapters.keeper.keeper_keys import KeeperKeys
from expunge.adapters.keeper.key_requests import Handler, KeyDesk
from expunge.adapters.keeper.peers import Admitted
from expunge.adapters.keeper.place import KeeperPlace
from expunge.adapters.keeper.requests import Hello, Request
from expunge.adapters.keeper.server import Keeper, KeeperLimits
from expunge.adapters.keeper.vault_requests import NoVault, VaultDesk
from expunge.adapters.keys.local_keystore import LocalKeys, create, open_keystore
from expunge.bootstrap.serving import keeper_process
from expunge.testing.forked import ChildExit, RunningChild, start

PATIENCE = 20.0
"""Seconds: a test machine is slow at times; nothing here waits so long when all is well."""


class KeeperProcess:
    """The process of a keeper."""

    child: RunningChild | None

    def begin(self, keep: Callable[[Callable[[], object]], list[str]]) -> None:
        """Start ``keep`` in a process of its own. Return when that calls what it is given, or has died on the way."""
        reading, writing = os.pipe()

        def kept() -> list[str]:
            os.close(reading)
            return keep(lambda: os.write(writing, b"."))

        self.child = start(kept)
        os.close(writing)
        os.read(reading, 1)
        os.close(reading)

    def kill(self) -> None:
        assert self.child is not None
        self.child.kill()

    def stop(self) -> ChildExit:
        """SIGTERM, and its end."""
        assert self.child is not None
        os.kill(self.child.pid, signal.SIGTERM)
        return self.child.wait()


@dataclass
class Kept(KeeperProcess):
    """A state folder with keys, and its keeper where one was started."""

    state: Path
    child: RunningChild | None = None
    clients: list[KeeperKeys] = field(default_factory=list)

    @classmethod
    def make(cls, folder: Path) -> Kept:
        create(folder / "keys")
        return cls(folder)

    @property
    def place(self) -> KeeperPlace:
        return KeeperPlace(self.state, self.state / "keys")

    def start_accounts(self) -> None:
        """Start a keeper that seals fields of accounts, as the command does."""

        def keep(ready: Callable[[], object]) -> list[str]:
            keeper_process.keep(self.place, None, Admitted(), lambda: ready() and None)
            return []

        self.begin(keep)

    def start(
        self,
        *,
        limits: KeeperLimits | None = None,
        admitted: Admitted | None = None,
        fault: tuple[str, str, int] | None = None,
        recorded: bool = False,
        more: Callable[[LocalKeys], AbstractContextManager[Mapping[type[Request], Handler]]] | None = None,
    ) -> Kept:
        """Start a keeper; returns when it answers, or has died on the way. With ``recorded`` it returns the failpoints that it passed.

        ``more``: gives further handlers, for the life of the keeper.
        """

        def keep(ready: Callable[[], object]) -> list[str]:
            place = self.place
            with contextlib.ExitStack() as stack:
                stack.enter_context(place.held())
                keys = open_keystore(place.keys)
                handlers = KeyDesk(keys).handlers() | VaultDesk(NoVault()).handlers()
                handlers |= stack.enter_context(more(keys)) if more else {}
                keeper = Keeper(handlers, place.identity, admitted, limits)
                passed = stack.enter_context(faults.record()) if recorded else []
                if fault:
                    stack.enter_context(faults.arm(*fault))
                with place.listen(for_others=bool(admitted and admitted.others)) as listening:
                    keeper.run(listening, ready)
                    place.leave()
            return passed

        self.begin(keep)
        return self

    def keys(self, patience: float = PATIENCE) -> KeeperKeys:
        """A client, which is closed at the end."""
        keys = KeeperKeys(self.place, patience)
        self.clients.append(keys)
        return keys

    def end(self) -> None:
        for each in self.clients:
            each.close()
        if self.child is not None:
            self.child.kill()

    # ---- by hand -----------------------------------------------------------------------------------------------

    def hello(self, version: int = frames.VERSION) -> bytes:
        return Frame(Hello(version, self.place.identity()).head()).encode()

    @contextlib.contextmanager
    def talking(self, *, greeted: bool = True) -> Iterator[Wire]:
        with contextlib.closing(self.place.connect(PATIENCE)) as connection:
            wire = Wire(connection)
            if greeted:
                wire.send(self.hello())
                assert "answer" in (wire.read() or {}), "greeted"
            yield wire


@dataclass
class Wire:
    """A connection on which a test says what it likes."""

    connection: socket.socket

    def send(self, data: bytes) -> None:
        # Whoever is refused in the middle of a message cannot send the rest of it.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.connection.sendall(data)

    def ask(self, request: Request, body: bytes = b"") -> dict[str, object] | None:
        self.send(Frame(request.head(), body).encode())
        return self.read()

    def read(self) -> dict[str, object] | None:
        """The head of the next answer; None when the other side closed."""
        prefix = self._exactly(frames.PREFIX.size)
        if prefix is None:
            return None
        head, body = frames.lengths(prefix)
        said = self._exactly(head)
        assert said is not None
        assert self._exactly(body) is not None or not body
        return dict(frames.parse_head(said))

    def closed(self) -> bool:
        """Whether nothing comes but the end."""
        try:
            return self.connection.recv(1) == b""
        except ConnectionResetError:
            return True

    def _exactly(self, size: int) -> bytes | None:
        said = b""
        while len(said) < size:
            try:
                more = self.connection.recv(size - len(said))
            except ConnectionResetError:
                return None
            if not more:
                return None
            said += more
        return said
