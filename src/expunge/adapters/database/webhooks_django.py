"""The ledger of web hooks in the state database: SQLite or PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from expunge.adapters.state.configuration import ensure_django
from expunge.adapters.state.explained import explained
from expunge.core.orders.webhooks import WebhookMessage
from expunge.core.values.ids import OrderId
from expunge.faults import failpoint

ensure_django()  # a model class can be made only after it

from expunge.adapters.state.models import WebhookRow, WebhookSinceRow  # noqa: E402

_READ = "the ledger of web hooks could not be read"
_WRITTEN = "the ledger of web hooks could not be written"


class DjangoWebhookLedger:
    """Implements ``expunge.ports.families.webhook_ledger.WebhookLedger``.

    Its database was opened by :func:`expunge.adapters.database.journal_django.open_journal`.
    """

    def __init__(self, alias: str) -> None:
        """``alias``: that of the database."""
        self._alias = alias

    def since(self, hook: str, now: datetime) -> datetime:
        """See the port."""
        with explained(_WRITTEN, self._alias):
            row, _ = WebhookSinceRow.objects.using(self._alias).get_or_create(hook=hook, defaults={"since": now})
        return row.since

    def add(self, messages: Sequence[WebhookMessage]) -> int:
        """See the port."""
        with explained(_WRITTEN, self._alias):
            rows = WebhookRow.objects.using(self._alias)
            known = set(rows.filter(id__in=[each.id for each in messages]).values_list("id", flat=True))
            fresh = [
                WebhookRow(id=each.id, hook=each.hook, order=each.order, kind=each.type, at=each.at, body=each.body, due_at=each.due_at)
                for each in messages
                if each.id not in known
            ]
            failpoint("webhooks.add:before")
            # commit point: they wait. Another process may have added the same ones.
            rows.bulk_create(fresh, ignore_conflicts=True)
            failpoint("webhooks.add:after")
        return len(fresh)

    def due(self, hook: str, now: datetime, most: int) -> tuple[WebhookMessage, ...]:
        """See the port."""
        with explained(_READ, self._alias):
            rows = list(WebhookRow.objects.using(self._alias).filter(hook=hook, due_at__lte=now).order_by("at", "id")[:most])
        return tuple(map(_message, rows))

    def tried(self, message: WebhookMessage) -> None:
        """See the port."""
        with explained(_WRITTEN, self._alias):
            failpoint("webhooks.tried:before")
            # commit point: what came of the try. A crash before sends the message once more, under the same id.
            WebhookRow.objects.using(self._alias).filter(id=message.id).update(
                tries=message.tries, first_at=message.first_at, due_at=message.due_at, taken_at=message.taken_at, fault=message.fault
            )
            failpoint("webhooks.tried:after")

    def listed(self) -> tuple[WebhookMessage, ...]:
        """See the port."""
        with explained(_READ, self._alias):
            rows = list(WebhookRow.objects.using(self._alias).filter(taken_at__isnull=True).order_by("at", "id"))
        return tuple(map(_message, rows))

    def retry(self, ids: Sequence[str], now: datetime) -> int:
        """See the port."""
        with explained(_WRITTEN, self._alias):
            failpoint("webhooks.retry:before")
            rows = WebhookRow.objects.using(self._alias).filter(id__in=list(ids), taken_at__isnull=True)
            again = rows.update(tries=0, first_at=None, due_at=now)
            failpoint("webhooks.retry:after")
        return again

    def forget(self, before: datetime) -> int:
        """See the port."""
        with explained(_WRITTEN, self._alias):
            failpoint("webhooks.forget:before")
            gone, _ = WebhookRow.objects.using(self._alias).filter(at__lt=before).delete()
            failpoint("webhooks.forget:after")
        return int(gone)


def _message(row: WebhookRow) -> WebhookMessage:
    named = row.id, row.hook, OrderId(row.order), row.kind, row.at, bytes(row.body)
    return WebhookMessage(*named, row.tries, row.first_at, row.due_at, row.taken_at, row.fault)
