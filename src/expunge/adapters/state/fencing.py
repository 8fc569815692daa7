"""The rows of leases, as the journal and the leases both see them."""

from __future__ import annotations

from django.db import connections

from expunge.errors import TakenOver
from expunge.ports.leases import Lease

_TABLE = "expunge_lease"


def require_newest(alias: str, lease: Lease) -> None:
    """Raise TakenOver unless the lease's token is the newest; inside a transaction it stays the newest until that ends.

    Raises:
        TakenOver: another worker has the lease now, or it was given back.
        django.db.utils.DatabaseError: any error of the database.
    """
    connection = connections[alias]
    # A shared lock: who takes the lease over waits until this transaction is over. SQLite has one writer at a time anyway.
    sharing = " FOR SHARE" if connection.vendor == "postgresql" else ""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT 1 FROM {_TABLE} WHERE name = %s AND id = %s{sharing}", [lease.name, lease.token])  # noqa: S608 - constants
        if cursor.fetchone() is None:
            raise taken_over()


def give_back(alias: str, lease: Lease) -> None:
    """End a lease; no error when it was taken over. Raises django.db.utils.DatabaseError."""
    with connections[alias].cursor() as cursor:
        cursor.execute(f"DELETE FROM {_TABLE} WHERE name = %s AND id = %s", [lease.name, lease.token])  # noqa: S608 - constants


def taken_over() -> TakenOver:
    """Return the error for a lease that another worker has."""
    return TakenOver("another worker has taken this step over", help="nothing has to be done: that worker finishes it")
