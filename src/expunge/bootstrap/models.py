"""The desk of what was learnt."""

from __future__ import annotations

from expunge.bootstrap.desk import Desk
from expunge.core.ids import OrderId
from expunge.core.run import Run
from expunge.engine import lookedat


class Models(Desk):
    """What was learnt from people's data."""

    def looked_at(self, order: OrderId, dataset: str, said: str) -> Run:
        """Enter what somebody said who looked at a *FAIL* of membership inference; see :func:`expunge.engine.lookedat.look_at`."""
        with self.writing():
            return lookedat.look_at(self.context, order, dataset, said)
