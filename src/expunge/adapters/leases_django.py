"""Leases in the state database, by the database's own clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.db import connections, transaction
from django.db.utils import IntegrityError

from expunge.adapters.state.configuration import ensure_django
from expunge.adapters.state.explained import explained
from expunge.adapters.state.fencing import taken_over
from expunge.faults import failpoint
from expunge.ports.leases import Lease

ensure_django()  # a model class can be made only after it

from expunge.adapters.state.models import LeaseRow  # noqa: E402

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CLOCK = {
    # Not now(): that is the instant at which the transaction began, and taking a lease may have waited since.
    "postgresql": "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint",
    "sqlite": "SELECT CAST(strftime('%s', 'now') AS INTEGER) * 1000000 + CAST(substr(strftime('%f', 'now'), 4) AS INTEGER) * 1000",
}
_READ = "the leases could not be read"
_WRITTEN = "the lease could not be written"


class DjangoLeases:
    """Implements ``expunge.ports.leases.Leases`` on a database that :func:`expunge.adapters.journal_django.open_journal` opened.

    A lease is a row; its id, which neither database ever gives twice, is the fencing token. Giving a lease back removes the row. Threads
    may share it; each closes its own connection with :meth:`close`.
    """

    def __init__(self, alias: str) -> None:
        self._alias = alias

    def take(self, name: str, holder: str, seconds: float) -> Lease | None:
        """Take a lease that is free, expired or already the holder's own; None while somebody else holds it.

        Raises:
            ValueError: an empty or too long name or holder, or no time.
            StateUnavailable, Busy: the database.
        """
        if not 0 < len(name) <= 255 or not 0 < len(holder) <= 255 or seconds <= 0:
            raise ValueError("a lease has a name and a holder of at most 255 characters, and lasts a while")
        with explained(_WRITTEN, self._alias):
            failpoint("leases.take:before")
            try:
                with transaction.atomic(using=self._alias):
                    row = self._take(name, holder, round(seconds * 1_000_000))
                    failpoint("leases.take.commit:before")
            except IntegrityError:
                return None  # somebody was first with a lease that nobody had
            # commit point: the lease is ours until its time is over.
            failpoint("leases.take.commit:after")
        return None if row is None else _lease(row)

    def renew(self, lease: Lease, seconds: float) -> Lease:
        """Let it last ``seconds`` from now, even when its time was over, as long as nobody else took it.

        Raises:
            TakenOver: somebody else took it, or it was given back.
            StateUnavailable, Busy: the database.
        """
        with explained(_WRITTEN, self._alias):
            failpoint("leases.renew:before")
            with transaction.atomic(using=self._alias):
                row = self._locked(name=lease.name, id=lease.token)
                if row is None:
                    raise taken_over()
                row.until = self._now() + round(seconds * 1_000_000)
                row.save(using=self._alias, update_fields=["until"])
                failpoint("leases.renew.commit:before")
            # commit point: the longer time.
            failpoint("leases.renew.commit:after")
        return _lease(row)

    def check(self, lease: Lease) -> None:
        """Raise TakenOver unless the token is still the newest and the lease has not expired; StateUnavailable."""
        with explained(_READ, self._alias):
            row = LeaseRow.objects.using(self._alias).filter(name=lease.name, id=lease.token).first()
            if row is None or row.until <= self._now():
                raise taken_over()

    def end(self, lease: Lease) -> None:
        """Give it back; no error when it was taken over. Raises StateUnavailable, Busy."""
        with explained(_WRITTEN, self._alias):
            failpoint("leases.end:before")
            # commit point: the lease is free; whoever takes it next gets a newer token.
            LeaseRow.objects.using(self._alias).filter(name=lease.name, id=lease.token).delete()
            failpoint("leases.end:after")

    def held(self) -> tuple[Lease, ...]:
        """All that have not ended or expired, oldest token first. Raises StateUnavailable."""
        with explained(_READ, self._alias):
            return tuple(_lease(row) for row in LeaseRow.objects.using(self._alias).filter(until__gt=self._now()).order_by("id"))

    def close(self) -> None:
        """Close the calling thread's connection; the next call opens one again."""
        connections[self._alias].close()

    def _take(self, name: str, holder: str, length: int) -> LeaseRow | None:
        row = self._locked(name=name)
        now = self._now()
        if row is not None and row.until > now:
            if row.holder != holder:
                return None
            row.until = now + length
            row.save(using=self._alias, update_fields=["until"])
            return row
        if row is not None:
            row.delete(using=self._alias)
        fresh = LeaseRow(name=name, holder=holder, since=now, until=now + length)
        fresh.save(using=self._alias, force_insert=True)
        return fresh

    def _locked(self, **which: str | int) -> LeaseRow | None:
        return LeaseRow.objects.using(self._alias).select_for_update().filter(**which).first()

    def _now(self) -> int:
        connection = connections[self._alias]
        with connection.cursor() as cursor:
            cursor.execute(_CLOCK[connection.vendor])
            row = cursor.fetchone()
        assert row is not None
        return int(row[0])


def _lease(row: LeaseRow) -> Lease:
    since, until = (_EPOCH + timedelta(microseconds=each) for each in (row.since, row.until))
    return Lease(row.name, row.holder, row.id, since, until)
