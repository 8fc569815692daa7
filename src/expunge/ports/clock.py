"""Time, as an argument."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """The engine's source of time. It is read once per decision, and the instant is passed on."""

    def now(self) -> datetime:
        """An aware UTC datetime, never before any earlier answer of the same journal (a clock set back is held)."""
        ...
