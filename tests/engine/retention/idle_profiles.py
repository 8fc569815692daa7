"""The household with profiles that are watched for their last use, and one daily run of the watch."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

from expunge.bootstrap import Expunge
from expunge.core.retention.inactivity import IdleState
from tests.engine.household import ANNA, BELA, CARA, DINO, Household

DAY = timedelta(days=1)


class Clock:
    """A clock that tests set."""

    def __init__(self) -> None:
        # Ninety days in which no zone of a law changes its clocks, after eighteen months without a leap day.
        self.at = datetime(2031, 5, 2, 12, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at


def watched(home: Household, **days: float) -> Clock:
    """The household with profiles that are watched, each last used so many days ago; the others are used now."""
    text = home.map.read_text()
    told = "member_of: account, inactive_after: 18 months, last_used: {voice: modified}}"
    home.map.write_text(text.replace("key: profile_id, member_of: account}", f"key: profile_id, {told}"))
    clock = Clock()
    for name, profile in {"anna": ANNA, "bela": BELA, "cara": CARA, "dino": DINO}.items():
        used(home, profile, clock.at - days.get(name, 0) * DAY)
    return clock


def used(home: Household, profile: str, when: datetime) -> None:
    for path in (home.world / "media" / "voice" / profile).glob("*.wav"):
        os.utime(path, (when.timestamp(),) * 2)


def looked(home: Household, clock: Clock):
    """One daily run, orders carried out."""
    with Expunge.open(home.map, clock=clock) as opened:
        found = opened.retention.watch()
        for order in found.orders:
            opened.plan(order)
            opened.apply(order)
        return found, [opened.status(order) for order in found.orders]


def stand(home: Household, clock: Clock, profile: str) -> IdleState:
    with Expunge.open(home.map, clock=clock) as opened:
        return opened.retention.idle()[opened.resolve(f"profile:{profile}").person.subject].state
