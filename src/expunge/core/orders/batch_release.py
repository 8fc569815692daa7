"""The release of orders that wait for one another: together, no later than the most urgent of them allows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from expunge.core.values.ids import OrderId
from expunge.core.values.maintenance_window import inside

NIGHT = timedelta(hours=24)
"""From one night to the next."""


@dataclass(frozen=True)
class Waiting:
    """One order in the queue."""

    order: OrderId
    earliest: datetime
    """End of its cooling-off time: it neither starts nor is taken along before."""
    latest: datetime
    """When it must start, alone if need be; now, for one in a hurry."""
    due: datetime | None = None
    """When a clock rule says that it has to be done."""

    @property
    def must(self) -> datetime:
        """When it waits no longer: at the latest a night before it is due, because the next night would be too late."""
        return self.latest if self.due is None else min(self.latest, self.due - NIGHT)


def released(waiting: Sequence[Waiting], now: datetime, windows: Iterable[str] = ()) -> tuple[OrderId, ...]:
    """The orders that start now, oldest first as given; none while all can go on waiting.

    One that is due takes all along that may start: they share its rewrites for nothing. So does an open maintenance window (``HH:MM-HH:MM``
    in UTC, empty for a store that has none): the next may open too late for them.
    """
    startable = [each for each in waiting if each.earliest <= now]
    due = any(each.must <= now for each in startable)
    opened = [window for window in windows if window]
    if due or (opened and all(inside(window, now) for window in opened)):
        return tuple(each.order for each in startable)
    return ()
