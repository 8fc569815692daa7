"""Has the clerk write the letters about steps of orders, now and then, in a thread beside its answers."""

from __future__ import annotations

import threading
from typing import Self

from expunge import telemetry
from expunge.bootstrap import keeping
from expunge.bootstrap.accounts.letter_doors import letter_doors
from expunge.bootstrap.clerk.household import Household, KeptHousehold
from expunge.engine.families import notices
from expunge.engine.families.notices import LettersSent
from expunge.errors import ExpungeError
from expunge.telemetry import Action

_END_WITHIN = 25.0
FIRST, EVERY = 2.0, 20.0
"""Seconds until the first round, and between two."""


class NoticeRounds:
    """Writes due letters until it is closed. A context manager."""

    def __init__(self, kept: KeptHousehold, first: float = FIRST, every: float = EVERY) -> None:
        """Begin with nothing.

        Args:
            kept: gives the installation.
            first: seconds until the first round.
            every: seconds between two.
        """
        self._kept, self._first, self._every = kept, first, every
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._work, name="expunge-notices", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join(_END_WITHIN)

    def _work(self) -> None:
        pause = self._first
        while not self._ending.wait(pause):
            pause = self._every
            try:
                with self._kept.used() as household:
                    sent = send_due(household)
            except ExpungeError:
                # Why no more of it: the state or the keeper may be away for now. The ledger knows what is due at the next round.
                telemetry.log(Action.NOTICES_HELD)
                continue
            if sent.taken or sent.refused or sent.later:
                telemetry.log(Action.NOTICES_SENT, taken=sent.taken, refused=sent.refused, later=sent.later)


def send_due(household: Household) -> LettersSent:
    """Write the letters that are due by the ledger of an installation. Raises as the keeper and the state do."""
    expunge = household.expunge
    if expunge.map.accounts is None or expunge.map.accounts.mail is None:
        return LettersSent()
    doors = letter_doors(expunge.context.keys, expunge.map.accounts, household.register, keeping.place_of_map(expunge.map))
    return notices.send_due(expunge.context, household.notices, doors.families)
