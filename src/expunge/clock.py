"""The machine's clock. The package reads the date here alone; spans and time-outs are measured by ``time.monotonic``."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime


def now() -> datetime:
    """Return the time: aware, UTC, microseconds."""
    return datetime.now(UTC)


def today() -> date:
    """Return the day in UTC."""
    return now().date()


def timestamp() -> float:
    """Return the seconds since 1970 (POSIX)."""
    return time.time()
