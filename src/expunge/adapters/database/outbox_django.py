"""The outbox in the state database."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from django.db import connections, transaction

from expunge.adapters.files.outbox_files import notice
from expunge.adapters.state.configuration import ensure_django
from expunge.adapters.state.explained import explained
from expunge.core.values.ids import OrderId
from expunge.faults import failpoint
from expunge.ports import outbox

ensure_django()  # a model class can be made only after it

from expunge.adapters.state.models import Notice  # noqa: E402


class DjangoOutbox:
    """Implements ``expunge.ports.outbox.Outbox`` on a database that :func:`expunge.adapters.database.journal_django.open_journal` opened.

    The delivering program reads :meth:`waiting`, resolves the address of the order at that moment, sends, and calls :meth:`remove`.
    Delivery is at least once: a notice that was removed and is put again after a crash comes again.
    """

    def __init__(self, alias: str) -> None:
        self._alias = alias

    def put(self, order: OrderId, kind: str, text: str, fields: Mapping[str, str]) -> None:
        """Leave a notice; durable when it returns; the same notice again changes nothing. Raises StateUnavailable, Busy."""
        self.put_all([(order, kind, text, fields)])

    def put_all(self, notices: Sequence[outbox.Notice]) -> None:
        """Leave several notices, in one transaction. Raises as :meth:`put`."""
        rows = {
            (order, kind): Notice(order=order, kind=kind, body=notice(order, kind, text, fields)) for order, kind, text, fields in notices
        }
        with explained("a notice could not be left in the outbox", self._alias):
            failpoint("outboxdb.put:before")
            with transaction.atomic(using=self._alias):
                Notice.objects.using(self._alias).bulk_create(
                    [rows[key] for key in sorted(rows)], update_conflicts=True, unique_fields=["order", "kind"], update_fields=["body"]
                )
                failpoint("outboxdb.put.commit:before")
            # commit point: the notice.
            failpoint("outboxdb.put.commit:after")

    def waiting(self) -> Iterator[bytes]:
        """Yield the undelivered notices, oldest first: the bytes that the outbox in files keeps as ``.json``."""
        with explained("the outbox could not be read", self._alias):
            found = list(Notice.objects.using(self._alias).order_by("id").values_list("body", flat=True))
        yield from (bytes(each) for each in found)

    def remove(self, order: OrderId, kind: str) -> None:
        """Take away a notice that was delivered; no error when it is gone. Raises StateUnavailable, Busy."""
        with explained("a notice could not be removed from the outbox", self._alias):
            failpoint("outboxdb.remove:before")
            # commit point: it will not be delivered again.
            Notice.objects.using(self._alias).filter(order=order, kind=kind).delete()
            failpoint("outboxdb.remove:after")

    def close(self) -> None:
        """Close the calling thread's connection; the next call opens one again."""
        connections[self._alias].close()
