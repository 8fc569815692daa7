"""The shelf in the state database."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from django.db import connections, transaction

from expunge.adapters.files.shelf_files import check_names
from expunge.adapters.state.configuration import ensure_django
from expunge.adapters.state.explained import explained
from expunge.core.values.ids import OrderId
from expunge.faults import failpoint

ensure_django()  # a model class can be made only after it

from expunge.adapters.state.models import ShelfFile  # noqa: E402

_AT_A_TIME = 500
"""Orders that one statement names: a database takes so many parameters."""


class DjangoShelf:
    """Implements ``expunge.ports.shelf.Shelf`` on a database that :func:`expunge.adapters.database.journal_django.open_journal` opened.

    Inside the journal's ``atomically`` what is put or removed becomes durable with the block.
    """

    def __init__(self, alias: str) -> None:
        self._alias = alias

    def put(self, order: OrderId, name: str, data: bytes) -> None:
        """Store or replace one file; durable when it returns. Raises StateUnavailable, Busy."""
        self.put_all([(order, name, data)])

    def put_all(self, files: Sequence[tuple[OrderId, str, bytes]]) -> None:
        """Store or replace several files, (order, name, bytes) each, in one transaction. Raises as :meth:`put`."""
        rows = {}
        for order, name, data in files:
            check_names(order, name)
            rows[order, name] = ShelfFile(order=order, name=name, data=bytes(data))
        with explained("the order's files could not be written", self._alias):
            failpoint("shelfdb.put:before")
            with transaction.atomic(using=self._alias):
                # In one order for everybody, so that two transactions never wait for each other in a circle.
                ShelfFile.objects.using(self._alias).bulk_create(
                    [rows[key] for key in sorted(rows)], update_conflicts=True, unique_fields=["order", "name"], update_fields=["data"]
                )
                failpoint("shelfdb.put.commit:before")
            # commit point: all files, new.
            failpoint("shelfdb.put.commit:after")

    def get(self, order: OrderId, name: str) -> bytes | None:
        """Read one file; None when there is none. Raises StateUnavailable."""
        check_names(order, name)
        with explained("a file of the order could not be read", self._alias):
            found = ShelfFile.objects.using(self._alias).filter(order=order, name=name).values_list("data", flat=True).first()
        return None if found is None else bytes(found)

    def get_all(self, files: Sequence[tuple[OrderId, str]]) -> dict[tuple[OrderId, str], bytes]:
        """Read several files, (order, name) each. Missing files are left out. Raises StateUnavailable."""
        by_name: dict[str, list[OrderId]] = {}
        for order, name in files:
            check_names(order, name)
            by_name.setdefault(name, []).append(order)
        found: dict[tuple[OrderId, str], bytes] = {}
        with explained("files of orders could not be read", self._alias):
            for name, orders in by_name.items():
                for start in range(0, len(orders), _AT_A_TIME):
                    some = ShelfFile.objects.using(self._alias).filter(order__in=orders[start : start + _AT_A_TIME], name=name)
                    found |= {(OrderId(order), name): bytes(data) for order, data in some.values_list("order", "data")}
        return found

    def remove(self, order: OrderId, name: str) -> None:
        """Remove one file; no error when it is gone. Raises StateUnavailable, Busy."""
        self.remove_all([(order, name)])

    def remove_all(self, files: Sequence[tuple[OrderId, str]]) -> None:
        """Remove several files, (order, name) each, in one transaction. Raises as :meth:`remove`."""
        by_name: dict[str, list[OrderId]] = {}
        for order, name in files:
            check_names(order, name)
            by_name.setdefault(name, []).append(order)
        with explained("a file of the order could not be removed", self._alias):
            failpoint("shelfdb.remove:before")
            with transaction.atomic(using=self._alias):
                for name, orders in sorted(by_name.items()):
                    ShelfFile.objects.using(self._alias).filter(order__in=sorted(orders), name=name).delete()
                failpoint("shelfdb.remove.commit:before")
            # commit point: the names are gone.
            failpoint("shelfdb.remove:after")

    def names(self, order: OrderId) -> Iterator[str]:
        """Yield names of the order's files, sorted. Raises StateUnavailable."""
        check_names(order, "any")
        with explained("the order's files could not be listed", self._alias):
            found = list(ShelfFile.objects.using(self._alias).filter(order=order).values_list("name", flat=True))
        yield from sorted(found)

    def close(self) -> None:
        """Close the calling thread's connection; the next call opens one again."""
        connections[self._alias].close()
