"""An office of ordinary reviewers for weeks, and the man of FAIL-07 among them, as events of the register of reviews.

The complaint says of one employee: thousands of recordings of at least 81 women, from cameras in bedrooms and bathrooms, for up to an hour
a day, from June to August 2017. All draws are seeded.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

from expunge.core.accounts.staff import JobFunction
from expunge.core.journal.review_events import ReviewRequested, ViewRefused, ViewServed
from expunge.core.journal.review_words import CaseKind, Clarity, DeskAct, ReviewPurpose, Room, Sound
from expunge.core.values.ids import Pseudonym

OFFENDER = str(UUID(int=700, version=4))
FIRST = date(2026, 9, 7)
"""A Monday."""
WOMEN = 81


@dataclass
class Office:
    """Draws the days of an office."""

    reviewers: int = 200
    seed: int = 7
    serial: int = 0

    def __post_init__(self) -> None:
        self.draw = random.Random(self.seed)
        self.pace = {self.account(number): self.draw.gammavariate(12, 0.9) for number in range(self.reviewers)}
        self.nursery = set(self.draw.sample(sorted(self.pace), self.reviewers // 20))
        """Reviewers who work on cameras for babies."""
        self.known: dict[str, list[tuple[str, str]]] = {account: [] for account in self.pace}
        self.women = [f"{number:032x}" for number in range(1, WOMEN + 1)]

    @staticmethod
    def account(number: int) -> str:
        return str(UUID(int=number + 1, version=4))

    def day(self, day: date) -> Iterator[object]:
        """Yield the events of an ordinary day, a busy one now and then."""
        if day.isoweekday() > 5:
            return
        busy = 1.5 if self.draw.random() < 0.06 else 1.0
        for account, pace in self.pace.items():
            if self.draw.random() < 0.08:
                continue
            late = self.draw.random() < 0.03
            """An evening on call."""
            for _ in range(min(30, round(self.draw.gauss(pace * busy, 2.5)))):
                at = datetime.combine(day, time(8), UTC) + timedelta(minutes=self.draw.randrange(590))
                if late and self.draw.random() < 0.5:
                    at = datetime.combine(day, time(18), UTC) + timedelta(minutes=self.draw.randrange(240))
                household, case = self._case(account)
                private = self.draw.random() < (0.25 if account in self.nursery else 0.03)
                yield from self._look(account, at, household, case, self.draw.randrange(20, 110), Room.BEDROOM if private else Room.OUTDOOR)
            if self.draw.random() < 0.1:
                yield self._refusal(account, datetime.combine(day, time(12), UTC), "support", "LE-1")

    def _case(self, account: str) -> tuple[str, str]:
        """Return household and case: mostly new ones, at times one that the reviewer has had."""
        known = self.known[account]
        self.serial += 1
        if known and self.draw.random() < 0.08:
            household, case = self.draw.choice(known[-40:])
            return household, case if self.draw.random() < 0.7 else f"LE-{self.serial}"
        found = f"{1000 + self.serial:032x}", f"LE-{self.serial}"
        known.append(found)
        return found

    def offence(self, day: date) -> Iterator[object]:
        """Yield one day of the man: an hour, the same women again and again, a new case for each look."""
        watched = 0
        women = self.draw.sample(self.women, 14)
        while watched < 3300:
            self.serial += 1
            seconds = self.draw.randrange(40, 110)
            watched += seconds
            at = datetime.combine(day, time(9), UTC) + timedelta(seconds=watched * 6)
            room = Room.BATHROOM if self.draw.random() < 0.2 else Room.BEDROOM
            yield from self._look(OFFENDER, at, self.draw.choice(women), f"LE-{self.serial}", seconds, room)

    def _look(self, account: str, at: datetime, household: str, case: str, seconds: int, room: Room) -> Iterator[object]:
        self.serial += 1
        request, recording, last = f"{self.serial:016x}", f"{self.serial:032x}", seconds * 1000
        subjects, kind, harm = (Pseudonym(household),), CaseKind.SUPPORT, ReviewPurpose.HARM
        yield ReviewRequested(
            at, request, account, JobFunction.REVIEWER, harm, kind, case, "bell", recording, True, subjects, 0, last,
            Clarity.CLEAR, Sound.MUTE, at + timedelta(days=1), "", False, "",
        )  # fmt: skip
        yield ViewServed(
            at, 0, request, request, account, JobFunction.REVIEWER, harm, kind, case, (), "bell", recording, subjects, 0, last,
            Clarity.CLEAR, Sound.MUTE, room, False, "",
        )  # fmt: skip

    @staticmethod
    def _refusal(account: str, at: datetime, kind: str, number: str) -> ViewRefused:
        unknown, why = Room.UNKNOWN, ("training-lapsed",)
        return ViewRefused(at, DeskAct.REQUEST, "", "", account, "", kind, number, "bell", "", (), 0, 0, "", unknown, why, "", 0)
