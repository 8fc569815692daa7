"""The parts that every act of the desk stands on, and the questions that each act asks of them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar
from zoneinfo import ZoneInfo

from expunge.core.accounts.staff import JobFunction
from expunge.core.accounts.staff_state import Staff
from expunge.core.journal.review_words import DeskAct
from expunge.core.review import colleagues
from expunge.core.review.bounds import ReviewBounds
from expunge.core.review.colleagues import RIGHT_OF
from expunge.engine.accounts.staff_register import StaffStream
from expunge.engine.kernel.context import Context
from expunge.engine.review.barriers import SuppressionStream
from expunge.engine.review.lease_watch import LeaseWatch
from expunge.engine.review.refusals import DeskRefusals
from expunge.engine.review.review_stream import ReviewStream
from expunge.engine.review.view_log import ViewLog
from expunge.ports.review.policy import ReviewPolicy
from expunge.ports.review.recordings import ReviewRecordings
from expunge.ports.review.seats import ReviewerRecords, SeatLogins

_Answer = TypeVar("_Answer")


@dataclass(frozen=True)
class Desk:
    """The desk of one process. Threads share it."""

    context: Context
    policy: ReviewPolicy
    logins: SeatLogins
    records: ReviewerRecords
    recordings: ReviewRecordings
    stream: ReviewStream
    views: ViewLog
    suppressions: SuppressionStream
    watch: LeaseWatch
    refusals: DeskRefusals
    staff_stream: StaffStream = field(repr=False)
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    """Of the map, for working hours."""
    bounds: ReviewBounds = field(default_factory=ReviewBounds)
    _staff_lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @classmethod
    def of(
        cls,
        context: Context,
        policy: ReviewPolicy,
        logins: SeatLogins,
        records: ReviewerRecords,
        recordings: ReviewRecordings,
        bounds: ReviewBounds | None = None,
        zone: str = "UTC",
    ) -> Desk:
        """Return a desk over a composition. ``zone``: name of the map's time zone."""
        stream, limits = ReviewStream(context.journal), bounds or ReviewBounds()
        return cls(
            context, policy, logins, records, recordings, stream, ViewLog(context, stream, limits.log_behind),
            SuppressionStream(context.journal), LeaseWatch(), DeskRefusals(context, stream), StaffStream(context.journal), ZoneInfo(zone),
            limits,
        )  # fmt: skip

    def now(self) -> datetime:
        """Return the time."""
        return self.context.clock.now()

    def staff(self, look: Callable[[Staff], _Answer]) -> _Answer:
        """Return what ``look`` returns of the register of staff as it is now."""
        with self._staff_lock:
            return look(self.staff_stream.known())

    def may(self, account: str, act: DeskAct) -> bool:
        """Return whether an account has the right that an act takes, now."""
        return self.staff(lambda staff: staff.may(account, RIGHT_OF[act], self.now()))

    def function(self, account: str, act: DeskAct) -> JobFunction | None:
        """Return the job function by which an account holds the right that an act takes; None where it holds it by none."""
        return self.staff(lambda staff: colleagues.function_of(staff, account, act, self.now()))

    def same_person(self, first: str, second: str) -> bool:
        """Return whether two accounts of staff are one person's, as far as the register tells."""
        return self.staff(lambda staff: colleagues.same_person(staff, first, second))

    def accounts_of(self, account: str) -> frozenset[str]:
        """Return every account of the person of an account of staff, itself among them, as far as the register tells."""

        def held(staff: Staff) -> frozenset[str]:
            known = staff.accounts.get(account)
            return frozenset({account, *(each.id for each in staff.of_person(known))} if known is not None else {account})

        return self.staff(held)

    def people(self, accounts: Iterable[str], but: str) -> tuple[str, ...]:
        """Return accounts of different people, none of them the person of the account ``but``, as far as the register tells."""
        return self.staff(lambda staff: colleagues.different_people(staff, tuple(accounts), but))
