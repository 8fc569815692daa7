"""The service for deadlines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from expunge.bootstrap.service import DomainService
from expunge.core.datamap.clocks import ClockRule
from expunge.core.orders.run import Run
from expunge.core.values.ids import OrderId
from expunge.engine.recipients import deadlines
from expunge.engine.recipients.deadlines import Deadline
from expunge.engine.reports import all_deadlines

if TYPE_CHECKING:
    from expunge.core.datamap.protected_kinds import KindInScope
    from expunge.engine.reports.estate_duties import DutyFinding


def clocks() -> tuple[ClockRule, ...]:
    """The clocks that are shipped, by name."""
    from expunge.maps.sections.clocks import shipped_clocks

    return tuple(shipped_clocks().values())


class DeadlineService(DomainService):
    """Deadlines, and more time where a law gives it."""

    def all(self) -> tuple[Deadline, ...]:
        """Every clock that runs here, overdue ones first."""
        return all_deadlines.everything(self.context)

    def obligations(self) -> tuple[DutyFinding, ...]:
        """Every duty of the orders and rules, held against this estate."""
        from expunge.engine.reports import estate_duties

        return estate_duties.look(self.context)

    def in_scope(self) -> tuple[KindInScope, ...]:
        """Return the datasets of each kind that duties are about, by the categories of the map."""
        from expunge.core.datamap.protected_kinds import in_scope

        return in_scope(self.context.data_map)

    def extend(self, order: OrderId, reason: str) -> Run:
        """Tell the person that an order takes longer; see :func:`expunge.engine.recipients.deadlines.extend`."""
        with self.changing():
            return deadlines.extend(self.context, order, reason)
