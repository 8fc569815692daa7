"""The port of the ledger of web hooks: which messages wait, were taken, or were given up. It holds no word about a person.

Every verb raises StateUnavailable or Busy where the state does not answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from expunge.core.orders.webhooks import WebhookMessage


class WebhookLedger(Protocol):
    """See the module. Safe between threads and processes."""

    def since(self, hook: str, now: datetime) -> datetime:
        """Return since when a hook is told of steps: ``now`` where it was not known before."""
        ...

    def add(self, messages: Sequence[WebhookMessage]) -> int:
        """Add the messages that are not known yet. Return how many were."""
        ...

    def due(self, hook: str, now: datetime, most: int) -> tuple[WebhookMessage, ...]:
        """Return the messages of a hook that are due, oldest step first."""
        ...

    def tried(self, message: WebhookMessage) -> None:
        """Keep what came of a try: ``tries``, ``first_at``, ``due_at``, ``taken_at`` and ``fault`` of the message."""
        ...

    def listed(self) -> tuple[WebhookMessage, ...]:
        """Return the messages that were not taken, oldest step first."""
        ...

    def retry(self, ids: Sequence[str], now: datetime) -> int:
        """Have messages that were not taken tried again, from now on for a day. Return how many there were."""
        ...

    def forget(self, before: datetime) -> int:
        """Forget the messages about steps before a time. Return how many there were."""
        ...
