"""The service for holds."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from expunge.bootstrap.service import DomainService
from expunge.core.values.hold import Hold
from expunge.engine.subjects import hold_register
from expunge.engine.subjects.resolving import ResolvedName


class HoldService(DomainService):
    """Legal reasons to keep named items for a named time."""

    def place(
        self,
        person: ResolvedName,
        dataset: str,
        *,
        ground: str,
        authority: str,
        until: datetime,
        items: Sequence[str] = (),
        purpose: str = "",
    ) -> Hold:
        """Place a hold; see :func:`expunge.engine.subjects.hold_register.place`."""
        return hold_register.place(
            self.context, person.person, dataset, ground=ground, authority=authority, until=until, items=items, purpose=purpose
        )

    def end(self, hold_id: str, reason: str) -> None:
        """Lift a hold before its date."""
        with self.changing():
            hold_register.end(self.context, hold_id, reason)

    def state(self, hold_id: str, by: str, digest: str) -> None:
        """Enter that the outcome of held items was stated; see :func:`expunge.engine.subjects.hold_register.state`."""
        with self.changing():
            hold_register.state(self.context, hold_id, by, digest)

    def active(self) -> tuple[Hold, ...]:
        """The holds that bind now, oldest first."""
        return hold_register.active(self.context)
