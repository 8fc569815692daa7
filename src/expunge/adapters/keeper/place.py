"""The place of a state folder's keeper, or of its clerk: a folder of its name in the state folder, with a lock and a socket.

The lock dies with its holder, so that its next holder may remove the leftovers of an earlier keeper. A path longer than a socket's name may
be (107 bytes) is named through a descriptor of its folder: no second place has to be found, guarded and cleaned.
"""

from __future__ import annotations

import os
import secrets
import shlex
import socket
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from expunge import durable
from expunge.adapters.host.disk_errors import guarded
from expunge.adapters.host.file_lock import FileLock
from expunge.adapters.keeper.frames import AT_ONCE
from expunge.errors import Misconfigured

KEEPER, CLERK = "keeper", "clerk"
SOCKET = "socket"
_LONGEST_NAME = 107
_TEMPORARY_LENGTH = 32
_BACKLOG = 128
_WAIT = 0.3
"""Seconds in which a keeper that is ending lets go of the lock."""


@dataclass(frozen=True)
class KeeperPlace:
    """The place of one state folder's keeper, and the keystore that it keeps; or of its clerk, who works with the same keystore."""

    state: Path
    keys: Path
    process: str = KEEPER
    """The name of the process, and of its folder."""

    @property
    def folder(self) -> Path:
        """The folder of lock and socket."""
        return self.state / self.process

    @property
    def door(self) -> Path:
        """The socket."""
        return self.folder / SOCKET

    def identity(self) -> str:
        """Return the keystore's folder by device and inode, which users who may not read it can ask for too. Raises OSError."""
        status = self.keys.stat()
        return f"{status.st_dev:x}:{status.st_ino:x}"

    def owner(self) -> int:
        """Return the user to whom the keystore belongs: a client believes no process of another user. Raises OSError."""
        return self.keys.stat().st_uid

    @contextmanager
    def held(self) -> Iterator[None]:
        """Be the one process of its name of the state folder, for the length of a block. Raises Busy, Misconfigured, StateUnavailable."""
        with guarded(f"the {self.process}'s folder could not be made"):
            self.folder.mkdir(mode=0o700, exist_ok=True)
            found = self.folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
            # Where commands run under another user, that user owns the state folder: a link would lead the keeper's rights elsewhere.
            message = f"the {self.process}'s folder is a link, or belongs to another user"
            raise Misconfigured(
                message, help=f"install -d -o {os.geteuid()} -m 700 {shlex.quote(str(self.folder))}, after moving away what lies there"
            )
        lock = FileLock(self.folder / "lock", wait=_WAIT, busy=f"a {self.process} of this state folder is running already")
        with ExitStack() as stack:
            with guarded(f"the {self.process}'s lock could not be taken"):
                stack.enter_context(lock.held())
            yield

    def listen(self, *, for_others: bool) -> socket.socket:
        """Listen, in the place of an earlier one's socket if there is one. Call it while :meth:`held`. Raises StateUnavailable.

        Args:
            for_others: let other users connect; who may ask is decided by their credentials.
        """
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        name = f"{durable.TEMPORARY_PREFIX}{secrets.token_hex(8)}"
        try:
            with guarded(f"the {self.process} could not listen"), _named(self.folder) as folder:
                self._sweep()
                before = os.umask(0o177)
                try:
                    listening.bind(f"{folder}/{name}")
                finally:
                    os.umask(before)
                if for_others:
                    self.folder.chmod(0o711)
                    (self.folder / name).chmod(0o666)
                listening.listen(_BACKLOG)
                # commit point: a client that connects from here on is answered; before, it met no socket or a dead one.
                durable.replace(self.folder / name, self.door, at="keeper.socket.swap")
        except BaseException:
            listening.close()
            raise
        return listening

    def leave(self) -> None:
        """Remove the socket. Call it while :meth:`held`."""
        with guarded(f"the {self.process}'s socket could not be removed"):
            durable.unlink(self.door, at="keeper.socket.end")

    def _sweep(self) -> None:
        for path in self.folder.glob(f"{durable.TEMPORARY_PREFIX}*"):
            durable.unlink(path, at="keeper.socket.stale")

    def connect(self, seconds: float) -> socket.socket:
        """Connect to the process. Raises OSError: FileNotFoundError where none was, ConnectionRefusedError where one died.

        Args:
            seconds: the time after which an answer counts as missing.
        """
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        try:
            connection.settimeout(seconds)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, AT_ONCE)
            with _named(self.folder) as folder:
                connection.connect(f"{folder}/{SOCKET}")
        except BaseException:
            connection.close()
            raise
        return connection


@contextmanager
def _named(folder: Path) -> Iterator[str]:
    """Give a short enough name of the folder, for the length of a block."""
    if len(os.fsencode(folder)) + _TEMPORARY_LENGTH <= _LONGEST_NAME:
        yield str(folder)
        return
    descriptor = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)
