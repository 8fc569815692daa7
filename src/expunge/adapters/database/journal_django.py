"""The journal on Django's ORM: SQLite in WAL mode with synchronous FULL, or PostgreSQL with synchronous_commit.

Only the locks differ. SQLite has files beside the database. PostgreSQL has the stream's row (``select_for_update``) for appending and an
advisory lock for the right to run. Lengths are compared inside the transaction, and a position is unique by constraint.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from types import TracebackType
from typing import Self

from django.db import connections, transaction

from expunge.adapters.database import journal_rows
from expunge.adapters.database.journal_chain import chain, genesis, link
from expunge.adapters.database.journal_rows import StreamRow, Tail
from expunge.adapters.host.disk_errors import guarded
from expunge.adapters.host.file_lock import FileLock
from expunge.adapters.state.advisory import Lock, advisory
from expunge.adapters.state.configuration import configure, ensure_django
from expunge.adapters.state.explained import RESTORE, conflict, explained
from expunge.adapters.state.fencing import give_back, require_newest
from expunge.adapters.state.migrate import migrate, require_durable
from expunge.adapters.state.sessions import StayingThreads, session
from expunge.errors import StateCorrupt, StateRolledBack, UsageError
from expunge.faults import failpoint
from expunge.ports.leases import Lease

ensure_django()  # a model class can be made only after it

from expunge.adapters.state.models import Event, Stream  # noqa: E402

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_MIGRATION = 60.0
"""Least wait for another process that makes the tables on a server: many workers may start at once."""
_PAGE = 1000
"""Events fetched at a time while reading: memory stays flat, and no read transaction stays open between pages."""
_TOGETHER = 500
"""Streams that one statement appends to; a database takes so many parameters."""
_LAST = 10
"""Events fetched at a time from the end: one of the last few is what is wanted, and some are large."""


def open_journal(url: str, base: Path | None = None, *, wait: float = 10.0) -> DjangoJournal:
    """Open the journal at a state URL, making or upgrading its tables.

    Args:
        url: ``sqlite:///relative/path``, ``sqlite:////absolute/path``, or ``postgresql://user@host/database``.
        base: folder that a relative path counts from; the working folder when None.
        wait: seconds that an append, and :meth:`DjangoJournal.exclusive`, wait for another process before Busy.

    Raises:
        Misconfigured: the URL cannot be understood, its client is not installed, or its server may lose what it committed.
        StateCorrupt: it is no database, is damaged, or was written by a newer version.
        StateUnavailable: it cannot be read or written.
        Busy: other processes held it for the whole wait.
    """
    alias, database = configure(url, base)
    journal = DjangoJournal(alias, database.file, wait)
    try:
        with journal._migration_lock(), explained("the state database could not be opened", alias):  # noqa: SLF001 - this is its constructor
            require_durable(alias)
            migrate(alias)
    except BaseException:
        journal.close()
        raise
    return journal


class DjangoJournal:
    """Implements ``expunge.ports.journal.Journal``; made by :func:`open_journal`.

    Threads may share it, each with a connection of its own. The one of the thread that opened it stays open until :meth:`close`; another
    thread's lasts for one call, a block of :meth:`session`, :meth:`atomically` or :meth:`exclusive`, or after :meth:`stay` as long.
    """

    def __init__(self, alias: str, file: Path | None, wait: float) -> None:
        self._alias = alias
        self._file = file
        self._wait = wait
        self._threads = threading.local()
        self._staying = StayingThreads(self._alias)
        self.refusal: StateRolledBack | None = None
        """Why nothing may be appended now: the state was put back from an older copy, and no person has decided yet."""
        self.stay()

    @property
    def alias(self) -> str:
        """The database's name among Django's connections, for the other adapters that keep their state in it."""
        return self._alias

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def append(self, stream: str, expected: int, events: Sequence[bytes]) -> int:
        """Append at position ``expected``; durable and visible as a whole when it returns; returns the new length.

        Raises:
            Conflict: the stream has another length; nothing was written.
            StateCorrupt: the end of the stored chain does not hold; nothing was written.
            Busy: other processes kept writing for the whole wait; nothing was written.
            StateUnavailable: the disk said no; read the stream again to learn whether the events are there.
        """
        self.append_all([(stream, expected, events)])
        return expected + len(events)

    def append_all(self, appends: Sequence[tuple[str, int, Sequence[bytes]]], lease: Lease | None = None, *, ends: bool = False) -> None:
        """Append to several streams at once: (stream, expected length, events) each. All become durable together, or none.

        Inside :meth:`atomically` they become durable with the block. With ``ends`` the lease is given back with them.

        Raises as :meth:`append`, and
            TakenOver: the lease's token is no longer the newest; nothing was written.
        """
        self._require_whole()
        for stream, _, _ in appends:
            _check_name(stream)
        together = self._together()
        with nullcontext() if together else self._append_lock(), explained("the journal could not be written", self._alias):
            failpoint("journal.transaction:before")
            if not self._appended_at_once(appends, lease, ends=ends):
                self._append_step_by_step(appends, lease, ends=ends)
            # commit point: COMMIT has forced the write-ahead log to the device (at the end of `atomically` where one is open).
            failpoint("journal.commit:after")

    def _appended_at_once(self, appends: Sequence[tuple[str, int, Sequence[bytes]]], lease: Lease | None, *, ends: bool) -> bool:
        if self._file is not None or connections[self._alias].in_atomic_block is not self._together():
            return False
        # crash here, or on the server before it has answered: one statement is there as a whole or not at all.
        failpoint("journal.at_once:before")
        return journal_rows.append_at_once(self._alias, appends, lease, ends=ends)

    def _append_step_by_step(self, appends: Sequence[tuple[str, int, Sequence[bytes]]], lease: Lease | None, *, ends: bool) -> None:
        together = self._together()
        with nullcontext() if together and self._checked_first(appends) else transaction.atomic(using=self._alias, durable=not together):
            # In one order for everybody, and leases before streams, so that two transactions never wait for each other in a circle.
            if lease is not None:
                require_newest(self._alias, lease)
            ordered = sorted(appends, key=lambda each: each[0])
            for first in range(0, len(ordered), _TOGETHER):
                self._append(ordered[first : first + _TOGETHER])
            if lease is not None and ends:
                give_back(self._alias, lease)
            failpoint("journal.commit:before")

    def lock(self, streams: Sequence[str]) -> dict[str, int]:
        """Inside :meth:`atomically`: keep others from appending to some streams until its end; how many events each has.

        Those that do not exist are left out. Raises as :meth:`append`.
        """
        for stream in streams:
            _check_name(stream)
        with explained("the journal could not be read", self._alias):
            return {row.name: row.length for row in journal_rows.locked(self._alias, sorted(streams))}

    @contextmanager
    def atomically(self) -> Iterator[None]:
        """A block whose appends commit together at its end, or not at all when it raises.

        Other uses of this state database from the calling thread inside the block commit with them: the queue, the shelf, the outbox.
        Appends that raise Conflict or TakenOver leave nothing, and the block may go on. A block within a block is a part of it.

        Raises as :meth:`append`.
        """
        if self._together():
            yield
            return
        with self._append_lock(), explained("the journal could not be written", self._alias):
            failpoint("journal.together:before")
            with transaction.atomic(using=self._alias, durable=True):
                self._threads.together = True
                try:
                    yield
                finally:
                    self._threads.together = False
                failpoint("journal.together.commit:before")
            # commit point: COMMIT has forced the write-ahead log to the device.
            failpoint("journal.together.commit:after")

    @staticmethod
    def _checked_first(appends: Sequence[tuple[str, int, Sequence[bytes]]]) -> bool:
        """Whether all that can be refused is refused before anything is written, so that a refusal leaves nothing to be taken back."""
        return len(appends) <= _TOGETHER and all(expected for _, expected, _ in appends)

    def _together(self) -> bool:
        return getattr(self._threads, "together", False)

    def read(self, stream: str, start: int = 0) -> Iterator[bytes]:
        """Yield the events from ``start`` on that exist when reading begins, in sequence, each checked against the chain.

        Raises:
            StateCorrupt: a position is missing, or a digest is not the one that follows.
            StateUnavailable: the database cannot be read.
        """
        _check_name(stream)
        if start < 0:
            raise ValueError("positions count from 0")
        with explained("the journal could not be read", self._alias):
            found = journal_rows.first_page(self._alias, stream, start, _PAGE)
        if found is None or start >= found[0].length:
            return
        row, events = found
        first, last = max(start - 1, 0), min(start + _PAGE, row.length)
        previous = genesis(stream)
        while True:
            if [position for position, _, _ in events] != list(range(first, last)):
                raise StateCorrupt("the journal lacks an event", help=RESTORE)
            for position, digest, body in events:
                if position >= start and link(previous, body) != digest:
                    raise StateCorrupt("the journal's chain is broken", help=RESTORE)
                previous = digest
                if position >= start:
                    yield body
            if last == row.length:
                break
            first, last = last, min(last + _PAGE, row.length)
            with explained("the journal could not be read", self._alias):
                events = journal_rows.page(self._alias, row, first, last)
        if previous != row.head:
            raise StateCorrupt("the journal's chain does not end where it should", help=RESTORE)

    def read_all(self, starts: Mapping[str, int]) -> dict[str, list[bytes]]:
        """Yield the events of several streams, each from its position on, checked as :meth:`read` does; none for missing streams.

        Up to 200 streams are read as they stand at one instant. Raises as :meth:`read`.
        """
        for stream in starts:
            _check_name(stream)
        found: dict[str, list[bytes]] = {stream: [] for stream in starts}
        with explained("the journal could not be read", self._alias):
            for stream, tail in journal_rows.tails(self._alias, starts):
                found[stream] = _checked(stream, starts[stream], tail)
        return found

    def lengths(self) -> dict[str, int]:
        """Name -> how many events it has, of all streams in order of creation. Raises StateUnavailable."""
        with explained("the journal could not be read", self._alias):
            return journal_rows.lengths(self._alias)

    def length(self, stream: str) -> int:
        """Return the number of events of the stream; 0 for one that does not exist."""
        _check_name(stream)
        with explained("the journal could not be read", self._alias):
            return journal_rows.length(self._alias, stream)

    def streams(self) -> Iterator[str]:
        """Return the names of all streams, by creation. Streams that two transactions made at once come in either sequence."""
        with explained("the journal could not be read", self._alias):
            names = list(Stream.objects.using(self._alias).order_by("id").values_list("name", flat=True))
        yield from names

    def newest(self) -> Iterator[tuple[str, bytes]]:
        """(stream, event) of all streams, the one appended last first, but for those that two transactions appended at once.

        Not checked against the chain, as :meth:`read` does. Raises StateUnavailable when the database cannot be read.
        """
        before: int | None = None
        while True:
            with explained("the journal could not be read", self._alias):
                found = Event.objects.using(self._alias).order_by("-id").values_list("id", "stream__name", "body")
                rows = list(found[:_LAST] if before is None else found.filter(id__lt=before)[:_LAST])
            for _, name, body in rows:
                yield name, bytes(body)
            if len(rows) < _LAST:
                return
            before = rows[-1][0]

    @contextmanager
    def exclusive(self, *, wait: float | None = None) -> Iterator[None]:
        """Hold the right to run orders; one process at a time has it.

        What a person says does not need it: an order can be received, or cancelled, while another process runs orders.

        Raises Busy after the wait; RuntimeError in a thread that holds the right to change already.
        """
        self._require_whole()
        if self._changes():
            raise RuntimeError("the right to run is taken before the right to change")
        busy = "another process is running orders"
        with self.session(), self._right("run", Lock.RUN, busy, self._wait if wait is None else wait):
            # crash here: the lock dies with its holder.
            failpoint("journal.exclusive:after")
            yield

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Hold the right to change what orders share; one process at a time has it, for a moment. A block within a block is a part of it.

        Raises Busy after the wait; RuntimeError inside :meth:`atomically`.
        """
        self._require_whole()
        if self._changes():
            yield
            return
        if self._together():
            raise RuntimeError("the right to change is taken before a transaction")
        busy = "other processes keep changing what orders share"
        with self.session(), self._right("change", Lock.CHANGE, busy, self._wait):
            failpoint("journal.changing:after")
            self._threads.changing = True
            try:
                yield
            finally:
                self._threads.changing = False
            # crash here: all is written that was decided, and the lock dies with its holder.
            failpoint("journal.changed:after")

    def session(self) -> AbstractContextManager[None]:
        """A block in which the calling thread keeps its connection: for threads that make many calls."""
        return session(self._alias)

    def stay(self) -> None:
        """Keep the calling thread's connection until :meth:`close`: for threads that live as long as the opened journal."""
        self._staying.stay()

    def close(self) -> None:
        """Close the connections of all threads that stayed; a call that comes later opens one for itself. Safe to call twice."""
        self._staying.close()

    def _changes(self) -> bool:
        return getattr(self._threads, "changing", False)

    def _right(self, name: str, lock: Lock, busy: str, wait: float) -> AbstractContextManager[None]:
        if self._file is None:
            return advisory(self._alias, lock, wait=wait, busy=busy)
        return _file_lock(self._file.with_name(f"{self._file.name}.{name}.lock"), wait, busy)

    def _require_whole(self) -> None:
        if self.refusal is not None:
            raise self.refusal

    def _append_lock(self) -> AbstractContextManager[None]:
        if self._file is None:
            return nullcontext()
        busy = "other processes keep writing to the journal"
        return _file_lock(self._file.with_name(f"{self._file.name}.append.lock"), self._wait, busy)

    def _migration_lock(self) -> AbstractContextManager[None]:
        # SQLite itself does not survive two first connections that both switch a new file to its write-ahead log.
        if self._file is not None:
            return self._append_lock()
        return advisory(self._alias, Lock.MIGRATE, wait=max(self._wait, _MIGRATION), busy="another process is making the tables")

    def _append(self, appends: Sequence[tuple[str, int, Sequence[bytes]]]) -> None:
        """Append to some streams with one statement of each kind for all of them; they come in the order of their names."""
        rows = {row.name: row for row in journal_rows.locked(self._alias, sorted({stream for stream, _, _ in appends}))}
        self._check_ends(list(rows.values()))
        lengths = {name: row.length for name, row in rows.items()}
        for stream, expected, bodies in appends:
            if expected != lengths.get(stream, 0):
                raise conflict()
            lengths[stream] = expected + len(bodies)
        rows |= self._begin([stream for stream in dict.fromkeys(each[0] for each in appends) if stream not in rows and lengths[stream]])
        events: list[tuple[int, int, bytes, bytes]] = []
        for stream, _, bodies in appends:
            if bodies:
                row = rows[stream]
                for body, digest in chain(row.head, map(bytes, bodies)):
                    events.append((row.id, row.length, digest, body))
                    row.length, row.head = row.length + 1, digest
        journal_rows.add(self._alias, events)
        # crash here: events without the streams' new lengths; the transaction takes both back.
        failpoint("journal.events:after")
        journal_rows.lengthen(self._alias, list(rows.values()))

    def _begin(self, names: Sequence[str]) -> dict[str, StreamRow]:
        """Make streams that do not exist yet, without events."""
        if not names:
            return {}
        made = Stream.objects.using(self._alias).bulk_create(Stream(name=name, length=0, head=genesis(name)) for name in names)
        return {each.name: StreamRow(each.id, each.name, 0, bytes(each.head)) for each in made}

    def _check_ends(self, rows: Sequence[StreamRow]) -> None:
        """Refuse to build on an end that does not hold: the last link must follow, and nothing may lie beyond."""
        ends = journal_rows.ends(self._alias, rows)
        for row in rows:
            end = ends[row.id]
            previous = genesis(row.name) if row.length == 1 else end[0][1] if end else b""
            whole = [position for position, _, _ in end] == list(range(max(row.length - 2, 0), row.length))
            if not whole or end[-1][1] != row.head or link(previous, end[-1][2]) != end[-1][1]:
                raise StateCorrupt("the end of the journal's chain does not hold", help=RESTORE)


def _checked(stream: str, start: int, tail: Tail) -> list[bytes]:
    """The bodies from ``start`` on. Raises StateCorrupt where the chain does not hold."""
    if start >= tail.length:
        return []
    events = tail.events
    if [position for position, _, _ in events] != list(range(max(start - 1, 0), tail.length)):
        raise StateCorrupt("the journal lacks an event", help=RESTORE)
    previous = genesis(stream) if start == 0 else events[0][1]
    bodies = []
    for _, digest, body in events[1 if start else 0 :]:
        if link(previous, body) != digest:
            raise StateCorrupt("the journal's chain is broken", help=RESTORE)
        previous = digest
        bodies.append(body)
    if previous != tail.head:
        raise StateCorrupt("the journal's chain does not end where it should", help=RESTORE)
    return bodies


def _check_name(stream: str) -> None:
    if not _NAME.fullmatch(stream):
        raise UsageError("not the id of an order: lower-case letters, digits and hyphens, at most 64")


@contextmanager
def _file_lock(path: Path, wait: float, busy: str) -> Iterator[None]:
    lock = FileLock(path, wait=wait, busy=busy)
    with guarded("the journal's lock could not be taken"):
        entered = lock.held()
        entered.__enter__()
    try:
        yield
    finally:
        entered.__exit__(None, None, None)
