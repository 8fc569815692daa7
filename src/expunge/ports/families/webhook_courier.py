"""The port by which messages go to web hooks."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from expunge.core.accounts.app_spec import WebhookSpec
from expunge.core.orders.webhooks import WebhookMessage


class WebhookCourier(Protocol):
    """Hands a message over, signed."""

    def deliver(self, spec: WebhookSpec, message: WebhookMessage, now: datetime) -> None:
        """Return once the other side has answered with a status of the 200s.

        Raises Undelivered with a reason that repeats nothing of the answer; no redirect is followed.
        """
        ...
