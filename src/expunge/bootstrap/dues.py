"""The desk of deadlines."""

from __future__ import annotations

from expunge.adapters.datamap.clocks import shipped_clocks
from expunge.bootstrap.desk import Desk
from expunge.core.clocks import Rule
from expunge.core.ids import OrderId
from expunge.core.run import Run
from expunge.engine import dues, duties, owing
from expunge.engine.dues import Owed
from expunge.engine.duties import Met


def clocks() -> tuple[Rule, ...]:
    """The clocks that are shipped, by name."""
    return tuple(shipped_clocks().values())


class Dues(Desk):
    """What falls due, and more time where a law gives it."""

    def all(self) -> tuple[Owed, ...]:
        """Every clock that runs here, overdue ones first."""
        return owing.everything(self.context)

    def obligations(self) -> tuple[Met, ...]:
        """Every duty of the orders and rules, held against this estate."""
        return duties.look(self.context)

    def extend(self, order: OrderId, reason: str) -> Run:
        """Tell the person that an order takes longer; see :func:`expunge.engine.dues.extend`."""
        with self.writing():
            return dues.extend(self.context, order, reason)
