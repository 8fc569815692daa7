"""The bounds of requests and leases, which no policy loosens."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from expunge.core.accounts.review_spec import ReviewSpec


@dataclass(frozen=True)
class ReviewBounds:
    """The longest times and ranges."""

    request_lasts: timedelta = timedelta(hours=24)
    """A request that is neither approved nor activated in this time is denied."""
    answer_within: timedelta = timedelta(days=7)
    """The same for a request that the family has to allow."""
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


def bounds_of(spec: ReviewSpec) -> ReviewBounds:
    """Return the bounds that a map gives: leases and ranges are as long as it allows, and no longer."""
    usual, range_ms = ReviewBounds(), spec.limits.range_seconds * 1000
    return ReviewBounds(
        answer_within=spec.answer_within,
        lease=timedelta(minutes=spec.limits.lease_minutes),
        range_ms=range_ms,
        break_glass_range_ms=min(range_ms, usual.break_glass_range_ms),
        fetch_ms=min(range_ms, usual.fetch_ms),
    )
