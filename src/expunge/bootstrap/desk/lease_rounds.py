"""The rounds of a process with a desk: leases that something stands against end, and what waits for the log is written.

::

    with LeaseRounds(viewing):
        ...
"""

from __future__ import annotations

import threading
import time
from typing import Self

from expunge import telemetry
from expunge.engine.review.viewing import LONGEST_WAIT, Viewing
from expunge.errors import ExpungeError
from expunge.telemetry import Action

WRITTEN_EVERY = 1.0
"""Seconds after which the log commits to what the register has new."""
_END_WITHIN = 10.0


class LeaseRounds:
    """Looks at every running lease four times a second, whether or not a stream waits on it."""

    def __init__(self, viewing: Viewing) -> None:
        """Begin with nothing."""
        self._viewing = viewing
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
        while not self._ending.wait(LONGEST_WAIT):
            try:
                self._viewing.sweep()
                if time.monotonic() >= self._written + WRITTEN_EVERY:
                    self._viewing.desk.views.flush()
                    self._written = time.monotonic()
            except (ExpungeError, OSError):
                # Why no more of it: state, log or keeper may be away for now. No fetch is let meanwhile, and the next round tries again.
                telemetry.log(Action.LEASES_HELD)
