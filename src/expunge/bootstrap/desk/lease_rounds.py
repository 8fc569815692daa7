"""The rounds of a process with a desk: leases that something stands against end, and what waits for the log is written.

::

    with LeaseRounds(lent):
        ...
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Self

from expunge import telemetry
from expunge.engine.review.viewing import LONGEST_WAIT, Viewing
from expunge.errors import ExpungeError
from expunge.telemetry import Action

WRITTEN_EVERY = 1.0
"""Seconds after which the log commits to what the register has new."""
_END_WITHIN = 10.0
_HELD = 1.0
"""Seconds after a round that failed: each is a line of the log."""
_WITHOUT = 5.0
"""Seconds between two looks whether the map has a desk by now."""


class LeaseRounds:
    """Looks at every running lease four times a second, whether or not a stream waits on it."""

    def __init__(self, lent: Callable[[], AbstractContextManager[Viewing | None]]) -> None:
        """Begin with nothing.

        ``lent``: gives the leases as they are now for the length of a block; None where there is no desk.
        """
        self._lent = lent
        self._written = float("-inf")
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._work, name="expunge-leases", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join(_END_WITHIN)

    def _work(self) -> None:
        pause = 0.0
        while not self._ending.wait(pause):
            try:
                pause = self._round()
            except (ExpungeError, OSError):
                # Why no more of it: state, log or keeper may be away for now. No fetch is let meanwhile, and the next round tries again.
                telemetry.log(Action.LEASES_HELD)
                pause = _HELD

    def _round(self) -> float:
        """Go one round. Return seconds until the next one."""
        with self._lent() as viewing:
            if viewing is None:
                return _WITHOUT
            viewing.sweep()
            if time.monotonic() >= self._written + WRITTEN_EVERY:
                viewing.desk.views.flush()
                self._written = time.monotonic()
        return LONGEST_WAIT
