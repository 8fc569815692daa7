"""Selections that a family made and has not acted on yet: in memory, under a token that one web session can use."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import UUID

from expunge.core.families.selection import Selection
from expunge.errors import UsageError

KEPT_SECONDS = 1800.0
MOST = 2_000
"""Selections at once; the oldest gives way to a new one."""


@dataclass(frozen=True)
class _KeptSelection:
    account: UUID
    family: str
    session: bytes
    until: float
    selection: Selection = field(repr=False)


class KeptSelections:
    """The selections of one process. Safe between threads."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        """``now``: seconds of a clock that never goes back."""
        self._now = now
        self._guard = threading.Lock()
        self._kept: dict[str, _KeptSelection] = {}

    def keep(self, account: UUID, family: str, session: bytes, selection: Selection) -> str:
        """Keep a selection for half an hour. Return its token, which may stand in an address: it says nothing."""
        token = secrets.token_urlsafe(12)
        with self._guard:
            if len(self._kept) >= MOST:
                del self._kept[next(iter(self._kept))]
            self._kept[token] = _KeptSelection(account, family, session, self._now() + KEPT_SECONDS, selection)
        return token

    def get(self, token: str, account: UUID, family: str, session: bytes) -> Selection:
        """Return a selection. Raises UsageError where the token is another's, has ended, or is none."""
        with self._guard:
            found = self._kept.get(token)
            if found is not None and found.until <= self._now():
                del self._kept[token]
                found = None
        if found is None or (found.account, found.family, found.session) != (account, family, session):
            raise UsageError("what was chosen is not known any more", help="choose anew: a choice is kept for half an hour")
        return found.selection
