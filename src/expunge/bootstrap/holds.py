"""The desk of holds."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from expunge.bootstrap.desk import Desk
from expunge.core.hold import Hold
from expunge.engine import holding
from expunge.engine.resolving import Resolved


class Holds(Desk):
    """Legal reasons to keep named items for a named time."""

    def place(
        self, person: Resolved, dataset: str, *, ground: str, authority: str, until: datetime, items: Sequence[str] = (), purpose: str = ""
    ) -> Hold:
        """Place a hold; see :func:`expunge.engine.holding.place`."""
        with self.writing():
            return holding.place(
                self.context, person.person, dataset, ground=ground, authority=authority, until=until, items=items, purpose=purpose
            )

    def end(self, hold_id: str, reason: str) -> None:
        """Lift a hold before its date."""
        with self.writing():
            holding.end(self.context, hold_id, reason)

    def state(self, hold_id: str, by: str, digest: str) -> None:
        """Enter that it was stated what became of what a hold had kept; see :func:`expunge.engine.holding.state`."""
        with self.writing():
            holding.state(self.context, hold_id, by, digest)

    def active(self) -> tuple[Hold, ...]:
        """The holds that bind now, oldest first."""
        return holding.active(self.context)
