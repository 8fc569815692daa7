"""The service for web hooks."""

from __future__ import annotations

from collections.abc import Sequence

from expunge.adapters.database.journal_django import DjangoJournal
from expunge.adapters.database.webhooks_django import DjangoWebhookLedger
from expunge.bootstrap.service import DomainService
from expunge.core.orders.webhooks import WebhookMessage
from expunge.errors import UsageError


class WebhookService(DomainService):
    """Messages to web hooks that were not taken."""

    def waiting(self) -> tuple[WebhookMessage, ...]:
        """Return the messages that were not taken, those that were given up among them, oldest step first."""
        return self._ledger.listed()

    def retry(self, ids: Sequence[str] = ()) -> int:
        """Have messages tried again by the clerk, at once and then for a day; those that were given up where none is named.

        Return how many. Raises UsageError for an id of which no message waits.
        """
        known = {message.id: message for message in self.waiting()}
        if strange := set(ids) - known.keys():
            message = f"no message {min(strange)[:40]!r} waits"
            raise UsageError(message, help="`expunge webhooks list` shows them")
        return self._ledger.retry(tuple(ids) or [each.id for each in known.values() if each.dead], self.context.clock.now())

    @property
    def _ledger(self) -> DjangoWebhookLedger:
        journal = self.context.journal
        assert isinstance(journal, DjangoJournal)
        return DjangoWebhookLedger(journal.alias)
