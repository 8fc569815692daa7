"""A clerk that the server starts for itself, and that ends with it, however that ends."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path
from typing import Self

from expunge.bootstrap import keeping
from expunge.bootstrap.serving import bound_child
from expunge.errors import ClerkAway, ExpungeError

_AGAIN = 2.0
"""Seconds between two starts."""


class ClerkChild:
    """The clerk that the pages of a server need. It starts one where none runs. A context manager.

    A clerk that it started lets its user do no more than a server has to: code in the server's process is of the same user.
    """

    def __init__(self, map_path: Path | str | None, state: Path) -> None:
        """Start nothing yet. Raises as :func:`expunge.bootstrap.keeping.place_of`.

        Args:
            map_path: the data map, for the clerk. This process never reads it.
            state: the state folder.
        """
        keeper = keeping.place_of(map_path, state)
        self._place = keeping.clerk_beside(keeper)
        self._map = map_path
        self._child: subprocess.Popen[bytes] | None = None
        self._started = 0.0
        self._mine = os.getpid()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def begin(self) -> str:
        """Start a clerk if none runs, and do not wait for it. Return why families are not answered, with what to do; empty otherwise."""
        try:
            keeping.process_status(self._place)
        except ClerkAway:
            if self._place.owner() != os.geteuid():
                return "the keystore belongs to another user, and no clerk runs; start `expunge clerk run` as that user"
            self._start()
        except ExpungeError as error:
            return f"{error.message}; {error.help}"
        return ""

    def look_after(self) -> None:
        """Start the clerk again, if it was started here and has ended. To be called now and then."""
        if self._child is not None and self._child.poll() is not None and time.monotonic() - self._started > _AGAIN:
            self._start()

    def end(self) -> None:
        """End the clerk, if it was started here; what it carries out goes on at its next start. Safe to call twice."""
        child, self._child = self._child, None
        # A worker of the server that ends is a fork of this process, and not the one that started the clerk.
        if child is not None and self._mine == os.getpid() and child.poll() is None:
            child.terminate()
            child.wait()

    def _start(self) -> None:
        self._started = time.monotonic()
        named = () if self._map is None else ("--map", str(self._map))
        self._child = bound_child.start(("clerk", "run", "--only-serve", "--json", *named))
