"""A keeper that another process starts for itself, and that ends with it, however that ends."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Self

from expunge.adapters.keeper.keeper_senders import KeeperSenders
from expunge.adapters.keeper.keeper_staff import KeeperStaff
from expunge.bootstrap import keeping
from expunge.bootstrap.serving import bound_child
from expunge.errors import ExpungeError, KeeperAway

_AGAIN = 2.0
"""Seconds between two starts."""
_READY, _LOOK = 30.0, 0.05
"""Seconds in which a keeper that was started answers, and between two looks whether it does."""
_HELP = "start `expunge keeper run`, which asks for the passphrase once"


class KeeperChild:
    """The keeper that a server needs. It starts one where none runs and none needs a passphrase. A context manager.

    A keeper that it started lets its user do no more than a server has to: code in the server's process is of the same user.
    """

    def __init__(self, map_path: Path | str | None, state: Path) -> None:
        """Start nothing yet. Raises Misconfigured where there is no installation, StateUnavailable where its keys are gone.

        Args:
            map_path: the data map, for the keeper. This process never reads it.
            state: the state folder.
        """
        self._place = keeping.place_of(map_path, state)
        self._map = map_path
        self._child: subprocess.Popen[bytes] | None = None
        self._started = 0.0
        self._link: int | None = None
        """The end of a pipe from which the first administrator's link can be read."""
        self._mine = os.getpid()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def begin(self, *, with_link: bool = False) -> str:
        """Start a keeper if none runs. Return why requests cannot be answered, with what to do; empty where they can.

        ``with_link``: whether a keeper that is started makes a link for the first administrator; :meth:`tell_first_link` has to follow.
        """
        try:
            keeping.keeper_status(self._place)
        except KeeperAway:
            if self._place.owner() != os.geteuid():
                return "the keystore belongs to another user, and no keeper runs; start `expunge keeper run` as that user"
            if keeping.needs_passphrase(self._place):
                return f"the keystore is locked by a passphrase, and no keeper runs; {_HELP}"
            self._start(with_link=with_link)
            if not self._answers():
                return "the keeper that was started does not answer yet; what it said stands above"
        except ExpungeError as error:
            return f"{error.message}; {error.help}"
        return self._refusal()

    def tell_first_link(self, tell: Callable[[str], None]) -> bool:
        """Have the first administrator's link told, if a keeper that was started here made one. Return whether it did.

        It is read and told in a process of its own: workers are forks of this one, and find nothing of it in their memory.
        """
        pipe, self._link = self._link, None
        if pipe is None:
            return False
        heard, telling = os.pipe()
        child = os.fork()
        if child == 0:
            with suppress(BaseException), os.fdopen(pipe) as lines:
                if link := lines.read().strip():
                    tell(link)
                    os.write(telling, b"told")
            os._exit(0)
        os.close(pipe)
        os.close(telling)
        # Why not by its exit status: the server reaps every child of this process, and not only its own.
        told = bool(os.read(heard, 4))
        os.close(heard)
        with suppress(ChildProcessError):
            os.waitpid(child, 0)
        return told

    def staff_begun(self) -> bool:
        """Return whether a person of the staff was ever enrolled. Raises KeeperAway, StateUnavailable, Misconfigured."""
        staff = KeeperStaff(self._place, 0.0)
        try:
            return staff.begun()
        finally:
            staff.close()

    def _refusal(self) -> str:
        """Return why the keeper that runs answers no server; empty where it does."""
        senders = KeeperSenders(self._place)
        try:
            senders.look()
        except ExpungeError as error:
            return f"{error.message}; {error.help}"
        finally:
            senders.close()
        return ""

    def look_after(self) -> None:
        """Start the keeper again, if it was started here and has ended. To be called now and then."""
        if self._child is not None and self._child.poll() is not None and time.monotonic() - self._started > _AGAIN:
            self._start()

    def end(self) -> None:
        """End the keeper, if it was started here; recordings of which more is to come begin anew after that. Safe to call twice."""
        child, self._child = self._child, None
        # A worker of the server that ends is a fork of this process, and not the one that started the keeper.
        if child is not None and self._mine == os.getpid() and child.poll() is None:
            child.terminate()
            child.wait()

    def _answers(self) -> bool:
        """Wait until the keeper that was started answers. Return whether it does."""
        until = time.monotonic() + _READY
        while time.monotonic() < until and self._child is not None and self._child.poll() is None:
            with suppress(KeeperAway):
                keeping.keeper_status(self._place)
                return True
            time.sleep(_LOOK)
        return False

    def _start(self, *, with_link: bool = False) -> None:
        self._started = time.monotonic()
        named = () if self._map is None else ("--map", str(self._map))
        self._link, given = os.pipe() if with_link else (None, None)
        linked = () if given is None else ("--first-link-to", str(given))
        arguments = ("keeper", "run", "--only-serve", "--json", *linked, *named)
        self._child = bound_child.start(arguments, () if given is None else (given,))
        if given is not None:
            os.close(given)
