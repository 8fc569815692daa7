"""Whether the server can do its work: a list of named checks, of which none names a person, an address or a file."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import TypeAlias

from django.db import DatabaseError

from expunge.errors import ExpungeError

KEPT = 2.0
"""Seconds for which a result is given again: each look writes to the database and asks the keeper, and anybody may ask."""


class Part(StrEnum):
    """The parts that are looked at."""

    STATE = "state"
    """Tokens can be checked and lineage events taken in."""
    DATABASE = "accounts_database"
    """The accounts' database takes writes."""
    MIGRATIONS = "migrations"
    """It has the present tables."""
    KEEPER = "keeper"
    """The keeper seals."""
    CLERK = "clerk"
    """The clerk answers, for the pages of families."""
    MAIL = "mail"
    """Mail goes out: the sender runs, and no message has been due for ten minutes."""


Check: TypeAlias = Callable[[], bool]
"""Returns whether a part works. Raises ExpungeError, DatabaseError or OSError where it does not."""


class Readiness:
    """Looks at the parts of the server. Safe between threads."""

    def __init__(self, checks: Mapping[Part, Check], clock: Callable[[], float] = time.monotonic) -> None:
        """Take a check for each part that this server has."""
        self._checks, self._clock = checks, clock
        self._guard = threading.Lock()
        self._found: dict[Part, bool] = {}
        self._at: float | None = None

    def look(self) -> dict[Part, bool]:
        """Return for each part whether it works."""
        with self._guard:
            if self._at is None or self._clock() - self._at > KEPT:
                self._found = {part: _works(check) for part, check in self._checks.items()}
                self._at = self._clock()
            return dict(self._found)


def _works(check: Check) -> bool:
    try:
        return check()
    except (ExpungeError, DatabaseError, OSError):
        return False
