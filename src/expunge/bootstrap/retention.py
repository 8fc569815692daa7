"""The desk of retention."""

from __future__ import annotations

from collections.abc import Mapping

from expunge.bootstrap.desk import Desk
from expunge.core.idle import Idle
from expunge.core.ids import Pseudonym
from expunge.core.retention import Period
from expunge.core.retention_due import Aged
from expunge.engine import idling, retiring
from expunge.engine.idling import Watched
from expunge.engine.resolving import Resolved
from expunge.engine.retiring import MOST, Retired


class RetentionDesk(Desk):
    """What has outlived its period, and orders for it."""

    def preview(self, proposed: Mapping[str, Period] | None = None) -> tuple[Aged, ...]:
        """How old everything is, and what is due now or would be; see :func:`expunge.engine.retiring.preview`."""
        return retiring.preview(self.context, proposed)

    def retire(self, *, most: int = MOST, requester: str = "") -> Retired:
        """Receive an order for what is due; see :func:`expunge.engine.retiring.retire`."""
        with self.writing():
            return retiring.retire(self.context, most=most, requester=requester)

    def watch(self) -> Watched:
        """Find profiles that nobody uses, and give up those that nobody kept; see :func:`expunge.engine.idling.watch`."""
        with self.writing():
            return idling.watch(self.context)

    def idle(self) -> dict[Pseudonym, Idle]:
        """Every profile that was ever flagged as unused."""
        return idling.states(self.context)

    def keep(self, person: Resolved, by: str) -> Idle:
        """Keep a flagged profile. Takes no turn among writers: the register decides who was first."""
        return idling.keep(self.context, person.person.subject, by)
