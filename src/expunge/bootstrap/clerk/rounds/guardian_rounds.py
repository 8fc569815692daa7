"""The clerk's rounds about guardians: second messages, ends of requests, scans whose time is up, and the day of majority."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress

from expunge.bootstrap.clerk.household import Household, KeptHousehold
from expunge.errors import ExpungeError

_FIRST, _EVERY = 30.0, 60.0
"""Seconds until the first round, and between two."""
_END_WITHIN = 5.0


class GuardianRounds:
    """Looks in a thread beside, until :meth:`end`."""

    def __init__(self, kept: KeptHousehold, go_round: Callable[[Household], None]) -> None:
        """Begin nothing yet.

        Args:
            kept: the household, as it is at each round.
            go_round: sends, ends and settles what is due in it.
        """
        self._kept, self._round = kept, go_round
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._go_on, name="guardians", daemon=True)

    def begin(self) -> None:
        """Begin."""
        self._thread.start()

    def end(self) -> None:
        """End after the round that is under way."""
        self._ending.set()
        self._thread.join(_END_WITHIN)

    def _go_on(self) -> None:
        pause = _FIRST
        while not self._ending.wait(pause):
            pause = _EVERY
            # Why suppressed: the state may be away for now, and the next round is soon enough.
            with suppress(ExpungeError), self._kept.used() as household:
                self._round(household)
