"""Leases in the state database, by the database's own clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.db import connections, transaction

from expunge.adapters.state.explained import explained
from expunge.adapters.state.fencing import give_back, taken_over
from expunge.faults import failpoint
from expunge.ports.leases import Lease

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NOW = {
    # Not now(): that is the instant at which the transaction began, and taking a lease may have waited since.
    "postgresql": "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint",
    "sqlite": "CAST(strftime('%%s', 'now') AS INTEGER) * 1000000 + CAST(substr(strftime('%%f', 'now'), 4) AS INTEGER) * 1000",
}
_TABLE = "expunge_lease"
_ROW = "name, holder, id, since, until"
_READ = "the leases could not be read"
_WRITTEN = "the lease could not be written"


class DjangoLeases:
    """Implements ``expunge.ports.leases.Leases`` on a database that :func:`expunge.adapters.database.journal_django.open_journal` opened.

    A lease is a row; its id, which neither database ever gives twice, is the fencing token. Giving a lease back removes the row. Threads
    may share it; each closes its own connection with :meth:`close`.
    """

    def __init__(self, alias: str) -> None:
        self._alias = alias

    def take(self, name: str, holder: str, seconds: float) -> Lease | None:
        """Take a lease that is free, expired or already the holder's own. Return None while another holder has it.

        Raises:
            ValueError: an empty or too long name or holder, or no time.
            StateUnavailable, Busy: the database.
        """
        if not 0 < len(name) <= 255 or not 0 < len(holder) <= 255 or seconds <= 0:
            raise ValueError("a lease has a name and a holder of at most 255 characters, and lasts a while")
        with explained(_WRITTEN, self._alias):
            failpoint("leases.take:before")
            # Within the journal's `atomically` no savepoint: nothing here fails and leaves the transaction in use.
            with transaction.atomic(using=self._alias, savepoint=False):
                lease = self._take(name, holder, round(seconds * 1_000_000))
                failpoint("leases.take.commit:before")
            # commit point: the lease is ours until its time is over.
            failpoint("leases.take.commit:after")
        return lease

    def renew(self, lease: Lease, seconds: float) -> Lease:
        """Let it last ``seconds`` from now, even when its time was over, as long as no other holder took it.

        Raises:
            TakenOver: another holder took it, or it was given back.
            StateUnavailable, Busy: the database.
        """
        longer = f"UPDATE {_TABLE} SET until = {self._now} + %s WHERE name = %s AND id = %s RETURNING {_ROW}"  # noqa: S608 - constants
        with explained(_WRITTEN, self._alias):
            failpoint("leases.renew:before")
            with transaction.atomic(using=self._alias, savepoint=False):
                found = self._execute(longer, [round(seconds * 1_000_000), lease.name, lease.token])
                failpoint("leases.renew.commit:before")
            # commit point: the longer time.
            failpoint("leases.renew.commit:after")
        if not found:
            raise taken_over()
        return found[0]

    def check(self, lease: Lease) -> None:
        """Raise TakenOver unless the token is still the newest and the lease has not expired; StateUnavailable."""
        holds = f"SELECT {_ROW} FROM {_TABLE} WHERE name = %s AND id = %s AND until > {self._now}"  # noqa: S608 - constants
        with explained(_READ, self._alias):
            if not self._execute(holds, [lease.name, lease.token]):
                raise taken_over()

    def end(self, lease: Lease) -> None:
        """Give it back; no error when it was taken over. Raises StateUnavailable, Busy."""
        with explained(_WRITTEN, self._alias):
            failpoint("leases.end:before")
            # commit point: the lease is free; whoever takes it next gets a newer token.
            give_back(self._alias, lease)
            failpoint("leases.end:after")

    def held(self) -> tuple[Lease, ...]:
        """Return all leases that have not ended or expired, oldest token first. Raises StateUnavailable."""
        with explained(_READ, self._alias):
            return tuple(self._execute(f"SELECT {_ROW} FROM {_TABLE} WHERE until > {self._now} ORDER BY id", []))  # noqa: S608 - constants

    def close(self) -> None:
        """Close the calling thread's connection; the next call opens one again."""
        connections[self._alias].close()

    def _take(self, name: str, holder: str, length: int) -> Lease | None:
        free = (
            f"INSERT INTO {_TABLE} (name, holder, since, until) SELECT %s, %s, c.at, c.at + %s FROM (SELECT {self._now} AS at) c "  # noqa: S608
            f"WHERE true ON CONFLICT (name) DO NOTHING RETURNING {_ROW}"
        )
        found = self._execute(free, [name, holder, length])
        if found:
            return found[0]
        own = f"UPDATE {_TABLE} SET until = {self._now} + %s WHERE name = %s AND holder = %s AND until > {self._now} RETURNING {_ROW}"  # noqa: S608
        found = self._execute(own, [length, name, holder])
        if found:
            return found[0]
        over = f"DELETE FROM {_TABLE} WHERE name = %s AND until <= {self._now} RETURNING {_ROW}"  # noqa: S608 - constants
        found = self._execute(over, [name]) and self._execute(free, [name, holder, length])
        return found[0] if found else None

    @property
    def _now(self) -> str:
        return _NOW[connections[self._alias].vendor]

    def _execute(self, statement: str, parameters: list[str | int]) -> list[Lease]:
        with connections[self._alias].cursor() as cursor:
            cursor.execute(statement, parameters)
            return [_lease(*row) for row in cursor.fetchall()]


def _lease(name: str, holder: str, token: int, since: int, until: int) -> Lease:
    return Lease(name, holder, token, *(_EPOCH + timedelta(microseconds=each) for each in (since, until)))
