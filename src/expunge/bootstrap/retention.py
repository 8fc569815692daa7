"""The desk of retention."""

from __future__ import annotations

from collections.abc import Mapping

from expunge.bootstrap.desk import Desk
from expunge.core.retention import Period
from expunge.core.retention_due import Aged
from expunge.engine import retiring
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
