"""The parts that every act of the desk stands on, and the questions that each act asks of them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar
from zoneinfo import ZoneInfo

from expunge.core.accounts.staff import RIGHTS, JobFunction, StaffRight
from expunge.core.accounts.staff_events import ByStaff
from expunge.core.accounts.staff_state import GrantStanding, Staff
from expunge.core.journal.review_words import DeskAct
from expunge.core.review.bounds import ReviewBounds
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
RIGHT_OF = {
    DeskAct.REQUEST: StaffRight.REQUEST_VIEWS,
    DeskAct.APPROVE: StaffRight.APPROVE_VIEWS,
    DeskAct.ACTIVATE: StaffRight.SEE_VIEWS,
    DeskAct.STEP_UP: StaffRight.SEE_VIEWS,
    DeskAct.VIEW: StaffRight.SEE_VIEWS,
}
"""Act -> the right of staff that it takes."""
SIGNED = "approver:"
"""Before the name of an approver of the map, in the place of an account of staff: the approver signed at the command line."""


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
        right, now = RIGHT_OF[act], self.now()

        def look(staff: Staff) -> JobFunction | None:
            if not staff.may(account, right, now):
                return None
            grants = staff.accounts[account].grants
            held = (each.function for each in grants.values() if each.right is right and each.standing(now) is GrantStanding.HELD)
            return next((function for function in held if right in RIGHTS[function]), None)

        return self.staff(look)

    def same_person(self, first: str, second: str) -> bool:
        """Return whether two accounts of staff are one person's, as far as the register tells."""

        def look(staff: Staff) -> bool:
            account, name = staff.accounts.get(second), first.removeprefix(SIGNED)
            if account is not None and name != first:
                return name in {account.label, account.user}
            return first == second or (account is not None and staff.same_person(ByStaff(first), account))

        return self.staff(look)

    def people(self, accounts: Iterable[str], but: str) -> tuple[str, ...]:
        """Return accounts of different people, none of them the person of the account ``but``, as far as the register tells."""
        kept: list[str] = []
        for account in accounts:
            if not any(self.same_person(account, each) or self.same_person(each, account) for each in (but, *kept)):
                kept.append(account)
        return tuple(kept)
