"""One PostgreSQL server seen from a store: our role, the location of its bytes, and the parts out of reach."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import psycopg
from psycopg import pq, sql

from expunge.core.datamap.datamap import StoreSpec
from expunge.core.datamap.grounding import Grounding
from expunge.core.values.copy import Finding, FindingKind, RawSource
from expunge.stores.postgres.server import required_rights, unlogged, wal_recycle
from expunge.stores.postgres.server.connection import answers
from expunge.stores.postgres.server.data_directory import DataDirectory, find

Connection: TypeAlias = psycopg.Connection[tuple[Any, ...]]
Connect: TypeAlias = Callable[[], Connection]

_FREED = "blocks of the disk that the file system has freed and not overwritten or discarded yet"
_COPIES = "backups, and other copies of the server's files"
_WHOEVER = "SELECT current_user::text, (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user), pg_is_in_recovery()"
_STANDBYS = "SELECT count(*) FROM pg_catalog.pg_stat_replication"
_PREPARED = "SELECT count(*) FROM pg_catalog.pg_prepared_xacts WHERE database = current_database()"
_SLOTS = "SELECT slot_name, active, coalesce(restart_lsn::text, '') FROM pg_catalog.pg_replication_slots ORDER BY slot_name"


class DatabaseServer:
    """The server behind one store; nothing is asked before the first call.

    ``connect`` opens a new connection to the store's database; what comes back is switched to autocommit and closed by :meth:`close`.
    Every method may raise ``psycopg.Error`` (the caller translates it) and OSError.
    """

    def __init__(self, connect: Connect, spec: StoreSpec, lock_ms: int) -> None:
        self.spec = spec
        self.lock_ms = lock_ms
        """How long to wait for locks, readers and slots, each, before answering ``Unable``."""
        self._connect = connect
        self._open: Connection | None = None
        self.blanked: dict[tuple[int, int], tuple[int, bytes]] = {}
        """Device and inode of a log file -> up to where it was blanked, and the last bytes before that."""
        self.climbed: dict[tuple[str, ...], tuple[Any, ...]] = {}
        """What the counters of some tables said when the ladder was last climbed over them."""

    @property
    def connection(self) -> Connection:
        """The ladder's own connection, in autocommit mode; another one where the server does not answer on it any more."""
        if self._open is not None and not self._open.closed and _idle(self._open) and not answers(self._open):
            self._open.close()
        if self._open is None or self._open.closed:
            self._open = self._connect()
            self._open.autocommit = True
            for setting in (f"lock_timeout = {self.lock_ms}", "statement_timeout = 0", "client_min_messages = notice"):
                self._open.execute(f"SET {setting}")
        return self._open

    @property
    def role(self) -> str:
        """The role that the store works as."""
        return str(self._whoever()[0])

    @property
    def superuser(self) -> bool:
        """True when that role may do anything."""
        return bool(self._whoever()[1])

    @property
    def standby(self) -> bool:
        """True when the server only replays the log of another server: nothing can be erased through it."""
        return bool(self._whoever()[2])

    def _whoever(self) -> tuple[Any, ...]:
        row = self.connection.execute(_WHOEVER).fetchone()
        assert row is not None
        return row

    def standing(self) -> tuple[Grounding, tuple[str, ...]]:
        """Both :meth:`grounding` and :meth:`out_of_scope`, of one look."""
        place = self.place()
        shallow = self._shallow(place)
        reached = Grounding.NONE if self.standby else Grounding.REMOVED if shallow else Grounding.SCRUBBED
        return reached, (*self._retained(), *self._elsewhere(place, shallow), _COPIES, _FREED)

    def grounding(self) -> Grounding:
        """``scrubbed`` where rights suffice and the server's files can be read here, else ``removed``; ``none`` on a standby."""
        return self.standing()[0]

    def shallow(self) -> str:
        """Why ``scrubbed`` is out of reach, in words for the receipt; empty when it is not."""
        return self._shallow(self.place())

    def _shallow(self, place: DataDirectory | str) -> str:
        if isinstance(place, str):
            return place
        unreadable = place.unreadable(self.connection)
        if unreadable:
            return f"this process may not read {unreadable}"
        missing = required_rights.grants(self.connection, self.role)
        return f"the role lacks {len(missing)} rights that `expunge check` prints" if missing else ""

    def place(self) -> DataDirectory | str:
        """The server's files, or why they are out of reach."""
        return find(self.connection)

    def out_of_scope(self) -> tuple[str, ...]:
        """Return sentences for the receipt: places that go on holding erased data, and until when."""
        return self.standing()[1]

    def _elsewhere(self, place: DataDirectory | str, shallow: str) -> Iterator[str]:
        if shallow or isinstance(place, str):
            clock = str(self.spec.options.get("clock", "")).strip()
            until = f"the provider says: {clock}" if clock else "the map states no clock of the provider's for it"
            yield f"the server's own files (write-ahead log, logs, free pages, old statistics), because {shallow}; {until}"
            return
        yield from unlogged.unseen(self.connection)
        if elsewhere := place.logs().elsewhere:
            yield f"what the server logs to {elsewhere}"

    def _retained(self) -> Iterator[str]:
        connection = self.connection
        if connection.execute("SELECT current_setting('archive_mode') <> 'off'").fetchone() == (True,):
            yield "the archive of the write-ahead log, which keeps erased rows until its own retention ends"
        (standbys,) = connection.execute(_STANDBYS).fetchone() or (0,)
        if standbys:
            yield f"files of {standbys} standbys, which follow within their lag and keep logs and recycled segments of their own"
        for name, active, position in connection.execute(_SLOTS).fetchall():
            who = "its reader has passed that" if active else "it is read from again or dropped; nobody reads from it now"
            if position:
                yield f"write-ahead log from {position} on, kept by replication slot {name} until {who}"

    def readable_place(self) -> DataDirectory | None:
        """The server's files where a scan reads them; None where ``scrubbed`` is out of reach."""
        place = self.place()
        return None if isinstance(place, str) or self._shallow(place) else place

    def raw(self) -> Iterator[RawSource]:
        """Yield the locations of the server's bytes, after a checkpoint; nothing where ``scrubbed`` is out of reach."""
        place = self.readable_place()
        if place is not None:
            self.checkpoint()
            yield from place.sources(self.connection)

    def checkpoint(self) -> None:
        """Make the server write its dirty pages, those of unlogged tables included where the role may have that done."""
        if not unlogged.flush(self.connection):
            self.connection.execute("CHECKPOINT")

    def findings(self) -> Iterator[Finding]:
        """Yield the obstacles between this role and ``scrubbed``, with the GRANTs that would mend them."""
        name = self.spec.name
        if self.standby:
            yield Finding(
                FindingKind.PERMISSION, name, "server", "the server is a standby, which cannot be written", "name the primary in `url:`"
            )
            return
        place = self.place()
        unreachable = place if isinstance(place, str) else place.unreadable(self.connection)
        if unreachable:
            what = f"{unreachable}: the store reaches `removed`, not `scrubbed`"
            yield Finding(FindingKind.NOTE, name, "server", what, "run Expunge on the server's machine, as a user who may read its files")
        missing = required_rights.grants(self.connection, self.role)
        if missing:
            yield Finding(FindingKind.NOTE, name, "server", "rights are missing for `scrubbed`", "; ".join(missing))
        slow = () if self.superuser else required_rights.convenient(self.connection, self.role)
        if slow and not unreachable:
            yield Finding(FindingKind.NOTE, name, "server", "the write-ahead log has to be passed twice", "; ".join(slow))
        if wal_recycle.held(self.connection):
            what = "wal_recycle is off because a purge was cut short, or goes on now"
            yield Finding(FindingKind.NOTE, name, "server", what, "the next purge puts it back")
        (prepared,) = self.connection.execute(_PREPARED).fetchone() or (0,)
        if prepared:
            what = f"{prepared} prepared transactions, which keep what is deleted from going"
            yield Finding(FindingKind.NOTE, name, "server", what, "COMMIT PREPARED or ROLLBACK PREPARED them")
        for sentence in unlogged.unseen(self.connection):
            yield Finding(
                FindingKind.NOTE, name, "server", sentence, f"ALTER ROLE {sql.Identifier(self.role).as_string(self.connection)} CREATEDB"
            )
        for sentence in self._retained():
            yield Finding(FindingKind.NOTE, name, "server", sentence, "receipts will say so")

    def close(self) -> None:
        """Let go of the connection; safe to call twice."""
        if self._open is not None:
            self._open.close()
            self._open = None


def _idle(connection: Connection) -> bool:
    """Whether nothing is under way on it: in the middle of a transaction only that transaction's own statements may be sent."""
    return connection.info.transaction_status == pq.TransactionStatus.IDLE
