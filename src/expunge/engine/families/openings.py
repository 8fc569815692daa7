"""Openings: for a while after an account confirmed it with a credential, content of one family may be shown in one web session.

They lie in memory alone: a process that begins anew knows none, and the person confirms again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias
from uuid import UUID

from expunge.core.accounts.asks import DIGEST_BYTES
from expunge.errors import OpeningNeeded, UsageError

IDLE_SECONDS = 900.0
"""An opening ends so long after its last use."""
LONGEST_SECONDS = 3600.0
"""An opening ends so long after it began, however it is used."""
MOST = 10_000
"""Openings at once; the one that is nearest to its end gives way to a new one."""
_Key: TypeAlias = tuple[UUID, str, bytes]


@dataclass
class _Opening:
    began: float
    used: float

    @property
    def ends(self) -> float:
        return min(self.used + IDLE_SECONDS, self.began + LONGEST_SECONDS)


class Openings:
    """The openings of one process. Safe between threads."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        """``now``: seconds of a clock that never goes back."""
        self._now = now
        self._guard = threading.Lock()
        self._open: dict[_Key, _Opening] = {}

    def begin(self, account: UUID, family: str, session: bytes) -> float:
        """Begin an opening, or begin it anew. Return the seconds until its latest end. Raises UsageError for a malformed session."""
        if len(session) != DIGEST_BYTES:
            raise UsageError("the hash of a web session has 32 bytes", help="ask with the same version of Expunge as the clerk runs")
        with self._guard:
            now = self._now()
            self._tidy(now)
            if len(self._open) >= MOST:
                del self._open[min(self._open, key=lambda key: self._open[key].ends)]
            self._open[account, family, session] = _Opening(now, now)
        return LONGEST_SECONDS

    def require(self, account: UUID, family: str, session: bytes) -> None:
        """Use an opening. Raises OpeningNeeded where there is none."""
        with self._guard:
            now = self._now()
            found = self._open.get((account, family, session))
            if found is None or found.ends <= now:
                self._open.pop((account, family, session), None)
                message = "this shows recordings, places or words of a person, and the account has not confirmed that it is at the keys"
                raise OpeningNeeded(message, help="confirm with a passkey or a code; it counts for a quarter of an hour")
            found.used = now

    def left(self, account: UUID, family: str, session: bytes) -> float | None:
        """Return the seconds until an opening ends if it is not used; None where there is none. Asking does not lengthen it."""
        with self._guard:
            found = self._open.get((account, family, session))
            left = found.ends - self._now() if found is not None else 0.0
        return left if left > 0 else None

    def end(self, account: UUID, family: str, session: bytes) -> None:
        """End an opening. Safe to repeat."""
        with self._guard:
            self._open.pop((account, family, session), None)

    def _tidy(self, now: float) -> None:
        for key in [key for key, each in self._open.items() if each.ends <= now]:
            del self._open[key]
