"""What the desk owes: a judgement, within 24 hours, of each request that asked no other person first."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from expunge.core.datamap.clocks import ClockState
from expunge.core.journal import events as journalled
from expunge.core.journal.peek import peek
from expunge.core.journal.review_events import BreakGlassReviewed, LeaseBegun, ReviewRequested
from expunge.core.review.request import Reviews
from expunge.engine.kernel.context import Context
from expunge.engine.kernel.journal_streams import REVIEWS
from expunge.engine.recipients.deadlines import Deadline

_KINDS = (ReviewRequested, LeaseBegun, BreakGlassReviewed)


def owed(context: Context) -> tuple[Deadline, ...]:
    """Return when each request that asked no other person first is due to be judged. Views are passed over, which are most events."""
    now = context.clock.now()
    found = Reviews(journalled.decode(data) for data in context.journal.read(REVIEWS) if peek(data, *_KINDS) is not None)
    return tuple(_owed(found, now))


def _owed(reviews: Reviews, now: datetime) -> Iterator[Deadline]:
    for request in reviews.requests.values():
        due = request.owes_judgement()
        if due is not None:
            standing = ClockState.OVERDUE if now >= due else ClockState.RUNNING
            why = "another person with the right approve-views judges it on the pages of staff"
            duty = "judge a view that asked no other person first"
            yield Deadline(f"emergency view {request.id}", duty, "staff", "Verkada (FAIL-12)", due, standing, why)
