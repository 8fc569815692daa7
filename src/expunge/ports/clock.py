"""Time, as an argument."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Where the engine gets the time; taken once per decision and passed on."""

    def now(self) -> datetime:
        """An aware UTC datetime, never before any earlier answer of the same journal (a clock set back is held)."""
        ...
