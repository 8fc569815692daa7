"""The service for artefacts learnt from people's data."""

from __future__ import annotations

from expunge.bootstrap.service import DomainService
from expunge.core.orders.run import Run
from expunge.core.values.ids import OrderId
from expunge.engine.models import membership_review


class ModelService(DomainService):
    """Artefacts learnt from people's data."""

    def looked_at(self, order: OrderId, dataset: str, said: str) -> Run:
        """Record a reviewer's reason for keeping a model; see :func:`expunge.engine.models.membership_review.look_at`."""
        with self.changing():
            return membership_review.look_at(self.context, order, dataset, said)
