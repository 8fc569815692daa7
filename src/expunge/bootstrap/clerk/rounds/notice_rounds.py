"""Has the clerk write the letters about steps of orders, now and then, in a thread beside its answers."""

from __future__ import annotations

import threading
import time
from typing import Self

from expunge import telemetry
from expunge.adapters.database.journal_django import DjangoJournal
from expunge.bootstrap import keeping
from expunge.bootstrap.accounts.letter_doors import letter_doors
from expunge.bootstrap.clerk.household import Household, KeptHousehold
from expunge.engine.requests import notices
from expunge.engine.requests.notices import LettersSent
from expunge.errors import ExpungeError
from expunge.telemetry import Action

_END_WITHIN = 25.0
EVERY = 2.0
"""Seconds between two looks whether the journal has something new: one short query."""
AT_LEAST = 60.0
"""Seconds after which a round is made in any case: letters that were not taken are due by the time."""


class NoticeRounds:
    """Writes due letters until it is closed. A context manager."""

    def __init__(self, kept: KeptHousehold) -> None:
        """Begin with nothing. ``kept`` gives the installation."""
        self._kept = kept
        self._newest: tuple[str, bytes] | None = None
        self._round = float("-inf")
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._work, name="expunge-notices", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join(_END_WITHIN)

    def _work(self) -> None:
        while not self._ending.wait(EVERY):
            try:
                with self._kept.used() as household:
                    sent = send_due(household) if self._due(household) else LettersSent()
            except ExpungeError:
                # Why no more of it: the state or the keeper may be away for now. The ledger knows what is due at the next round.
                telemetry.log(Action.NOTICES_HELD)
                self._newest = None
                continue
            if sent.taken or sent.refused or sent.later:
                telemetry.log(Action.NOTICES_SENT, taken=sent.taken, refused=sent.refused, later=sent.later)

    def _due(self, household: Household) -> bool:
        """Return whether the journal has something new, or the last round is long enough ago."""
        journal = household.expunge.context.journal
        assert isinstance(journal, DjangoJournal)
        newest, now = next(journal.newest(), None), time.monotonic()
        if newest == self._newest and now < self._round + AT_LEAST:
            return False
        self._newest, self._round = newest, now
        return True


def send_due(household: Household) -> LettersSent:
    """Write the letters that are due by the ledger of an installation. Raises as the keeper and the state do."""
    expunge = household.expunge
    if expunge.map.accounts is None or expunge.map.accounts.mail is None:
        return LettersSent()
    doors = letter_doors(expunge.context.keys, expunge.map.accounts, household.register, keeping.place_of_map(expunge.map))
    return notices.send_due(expunge.context, household.notices, doors.families)
