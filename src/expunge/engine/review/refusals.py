"""Enter refusals of the desk, and not every one of an account that asks again and again."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from threading import Lock

from expunge.core.journal.review_events import ViewRefused
from expunge.core.review.question import PolicyReason
from expunge.engine.kernel.context import Context
from expunge.engine.review.review_stream import ReviewStream
from expunge.errors import Busy, DeskRefused, StateUnavailable

SPAN = timedelta(minutes=1)
MOST_ENTRIES = 10
"""Entries of refusals of one account, act and set of reasons in :data:`SPAN`. Further ones are counted in the next entry."""
_MOST_KINDS = 1000


class ReviewRefused(DeskRefused):
    """An act at the desk was refused; nothing was shown. ``reasons`` has each rule with its words."""

    def __init__(self, reasons: Sequence[PolicyReason], *, help: str = "") -> None:  # noqa: A002 - the field's usual word
        rules = " ".join(sorted({each.rule for each in reasons}))
        super().__init__("; ".join(each.text for each in reasons), help=help or "the reasons say what is lacking", reason=rules)
        self.reasons = tuple(reasons)


@dataclass
class DeskRefusals:
    """The refusals of one process. Safe between threads."""

    context: Context
    stream: ReviewStream
    _entered: dict[tuple[str, ...], tuple[datetime, int, int]] = field(default_factory=dict, repr=False)
    """(account, act, reasons) -> beginning of the span, entries in it, refusals without an entry."""
    _lock: Lock = field(default_factory=Lock, repr=False)

    def enter(self, event: ViewRefused) -> None:
        """Enter a refusal, or count it. A refusal stands where it cannot be entered now."""
        now, kind = self.context.clock.now(), (event.reviewer, event.act.value, *event.reasons)
        with self._lock:
            begun, entries, more = self._entered.get(kind, (now, 0, 0))
            if now - begun >= SPAN:
                begun, entries = now, 0
            if entries >= MOST_ENTRIES:
                self._entered[kind] = begun, entries, more + 1
                return
            self._entered.pop(kind, None)
            self._entered[kind] = begun, entries + 1, 0
            while len(self._entered) > _MOST_KINDS:
                del self._entered[next(iter(self._entered))]
        with suppress(Busy, StateUnavailable, OSError):
            self.stream.enter(lambda _: (replace(event, at=now, more=more),))
