"""The bounds of requests and leases, which no policy loosens."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True)
class ReviewBounds:
    """The longest times and ranges."""

    request_lasts: timedelta = timedelta(hours=24)
    """A request that is neither approved nor activated in this time is denied."""
    lease: timedelta = timedelta(minutes=15)
    """The length of a lease."""
    range_ms: int = 30 * 60_000
    """Milliseconds of a recording that one request may name."""
    break_glass_range_ms: int = 5 * 60_000
    """The same, where no other person was asked first."""
    fetch_ms: int = 10_000
    """Milliseconds of one fetch."""
    log_behind: timedelta = timedelta(seconds=60)
    """For so long a lease whose first view is in the log goes on while the log cannot be written."""
