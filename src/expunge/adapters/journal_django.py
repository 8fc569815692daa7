"""The journal on Django's ORM; SQLite in WAL mode with synchronous FULL.

Nothing here is particular to SQLite but the lock files: the stream's row is locked where the database can (``select_for_update``), lengths
are compared inside the transaction, and a position is unique by constraint.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from types import TracebackType
from typing import Self

from django.db import connections, transaction
from django.db.utils import DatabaseError, IntegrityError

from expunge.adapters.filelock import FileLock
from expunge.adapters.guarded import guarded
from expunge.adapters.journal_chain import chain, genesis, link
from expunge.adapters.state.configuration import configure, ensure_django
from expunge.adapters.state.migrate import migrate
from expunge.errors import Busy, Conflict, ExpungeError, StateCorrupt, StateUnavailable, UsageError
from expunge.faults import failpoint
from expunge.ports.leases import Lease

ensure_django()  # a model class can be made only after it

from expunge.adapters.state.models import Event, Stream  # noqa: E402

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_PAGE = 1000
"""Events fetched at a time while reading: memory stays flat, and no read transaction stays open between pages."""
_LAST = 10
"""Events fetched at a time from the end: one of the last few is what is wanted, and some are large."""
_RESTORE = "stop, keep a copy of the state folder, and restore it from its backup; nothing was overwritten"


def open_journal(url: str, base: Path | None = None, *, wait: float = 10.0) -> DjangoJournal:
    """Open the journal at a state URL, making or upgrading its tables.

    Args:
        url: ``sqlite:///relative/path`` or ``sqlite:////absolute/path``.
        base: folder that a relative path counts from; the working folder when None.
        wait: seconds that an append, and :meth:`DjangoJournal.exclusive`, wait for another process before Busy.

    Raises:
        Misconfigured: the URL cannot be understood.
        StateCorrupt: the file is no database, is damaged, or was written by a newer version.
        StateUnavailable: it cannot be read or written.
        Busy: other processes held it for the whole wait.
    """
    alias, database = configure(url, base)
    journal = DjangoJournal(alias, database.file, wait)
    # SQLite itself does not survive two first connections that both switch a new file to its write-ahead log.
    try:
        with journal._append_lock(), _explained("the state database could not be opened"):  # noqa: SLF001 - this is its constructor
            migrate(alias)
    except BaseException:
        journal.close()
        raise
    return journal


class DjangoJournal:
    """Implements ``expunge.ports.journal.Journal``; made by :func:`open_journal`.

    Threads may share it (each gets a connection of its own, which :meth:`close` closes for the calling thread).
    """

    def __init__(self, alias: str, file: Path | None, wait: float) -> None:
        self._alias = alias
        self._file = file
        self._wait = wait

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

    def append_all(self, appends: Sequence[tuple[str, int, Sequence[bytes]]], lease: Lease | None = None) -> None:
        """Append to several streams at once: (stream, expected length, events) each. All become durable together, or none.

        Raises as :meth:`append`.
        """
        for stream, _, _ in appends:
            _check_name(stream)
        with self._append_lock(), _explained("the journal could not be written"):
            failpoint("journal.transaction:before")
            with transaction.atomic(using=self._alias, durable=not connections[self._alias].in_atomic_block):
                if lease is not None:
                    raise NotImplementedError("leases need state on PostgreSQL")
                # In one order for everybody, so that two transactions never wait for each other in a circle.
                for stream, expected, events in sorted(appends, key=lambda each: each[0]):
                    self._append(stream, expected, events)
                failpoint("journal.commit:before")
            # commit point: COMMIT has forced the write-ahead log to the device.
            failpoint("journal.commit:after")

    @contextmanager
    def atomically(self) -> Iterator[None]:
        """A block whose appends commit together at its end or not at all. Raises as :meth:`append`."""
        with _explained("the journal could not be written"), transaction.atomic(using=self._alias, durable=True):
            yield

    def read(self, stream: str, start: int = 0) -> Iterator[bytes]:
        """The events from ``start`` on that are there when reading begins, in order, each checked against the chain.

        Raises:
            StateCorrupt: a position is missing, or a digest is not the one that follows.
            StateUnavailable: the database cannot be read.
        """
        _check_name(stream)
        if start < 0:
            raise ValueError("positions count from 0")
        with _explained("the journal could not be read"):
            row = self._row(stream)
        if row is None or start >= row.length:
            return
        previous = genesis(stream)
        if start > 0:
            previous = self._page(row, start - 1, start)[0][0]
        for first in range(start, row.length, _PAGE):
            last = min(first + _PAGE, row.length)
            for digest, body in self._page(row, first, last):
                if link(previous, body) != digest:
                    raise StateCorrupt("the journal's chain is broken", help=_RESTORE)
                previous = digest
                yield body
        if previous != bytes(row.head):
            raise StateCorrupt("the journal's chain does not end where it should", help=_RESTORE)

    def length(self, stream: str) -> int:
        """How many events the stream has; 0 for one that does not exist."""
        _check_name(stream)
        with _explained("the journal could not be read"):
            row = self._row(stream)
        return 0 if row is None else row.length

    def streams(self) -> Iterator[str]:
        """Names of all streams, in order of creation."""
        with _explained("the journal could not be read"):
            names = list(Stream.objects.using(self._alias).order_by("id").values_list("name", flat=True))
        yield from names

    def newest(self) -> Iterator[tuple[str, bytes]]:
        """(stream, event) of all streams, the one appended last first; not checked against the chain, as :meth:`read` does.

        Raises StateUnavailable when the database cannot be read.
        """
        before: int | None = None
        while True:
            with _explained("the journal could not be read"):
                found = Event.objects.using(self._alias).order_by("-id").values_list("id", "stream__name", "body")
                rows = list(found[:_LAST] if before is None else found.filter(id__lt=before)[:_LAST])
            for _, name, body in rows:
                yield name, bytes(body)
            if len(rows) < _LAST:
                return
            before = rows[-1][0]

    def exclusive(self) -> AbstractContextManager[None]:
        """Hold the right to run orders; one process at a time has it.

        Appending does not need it: an order can be received, or cancelled, while another process runs orders. Raises Busy after the wait.
        """
        return self._locked("run", "another process is running orders")

    def close(self) -> None:
        """Close the calling thread's connection; the next call opens one again."""
        connections[self._alias].close()

    def _append_lock(self) -> AbstractContextManager[None]:
        return self._locked("append", "other processes keep writing to the journal")

    def _locked(self, what: str, busy: str) -> AbstractContextManager[None]:
        if self._file is None:
            return nullcontext()
        return _file_lock(self._file.with_name(f"{self._file.name}.{what}.lock"), self._wait, busy)

    def _row(self, stream: str) -> Stream | None:
        return Stream.objects.using(self._alias).filter(name=stream).first()

    def _append(self, stream: str, expected: int, events: Sequence[bytes]) -> int:
        row = Stream.objects.using(self._alias).select_for_update().filter(name=stream).first()
        length = 0 if row is None else row.length
        if length != expected:
            raise Conflict("somebody else appended to this stream first", help="read it again and decide again")
        if not events:
            return length
        if row is None:
            row = Stream(name=stream, length=0, head=genesis(stream))
            row.save(using=self._alias, force_insert=True)
        else:
            self._check_end(row)
        links = list(chain(bytes(row.head), (bytes(event) for event in events)))
        rows = (Event(stream=row, position=length + at, digest=digest, body=body) for at, (body, digest) in enumerate(links))
        Event.objects.using(self._alias).bulk_create(rows)
        # crash here: events without the stream's new length; the transaction takes both back.
        failpoint("journal.events:after")
        row.length, row.head = length + len(links), links[-1][1]
        row.save(using=self._alias, force_update=True)
        return row.length

    def _check_end(self, row: Stream) -> None:
        """Refuse to build on an end that does not hold: the last link must follow, and nothing may lie beyond."""
        found = Event.objects.using(self._alias).filter(stream=row, position__gte=row.length - 2).order_by("position")
        rows = [(position, bytes(digest), bytes(body)) for position, digest, body in found.values_list("position", "digest", "body")[:3]]
        previous = genesis(row.name) if row.length == 1 else rows[0][1] if rows else b""
        whole = [position for position, _, _ in rows] == list(range(max(row.length - 2, 0), row.length))
        if not whole or rows[-1][1] != bytes(row.head) or link(previous, rows[-1][2]) != rows[-1][1]:
            raise StateCorrupt("the end of the journal's chain does not hold", help=_RESTORE)

    def _page(self, row: Stream, first: int, last: int) -> list[tuple[bytes, bytes]]:
        with _explained("the journal could not be read"):
            found = Event.objects.using(self._alias).filter(stream=row, position__gte=first, position__lt=last).order_by("position")
            rows = list(found.values_list("position", "digest", "body"))
        if [position for position, _, _ in rows] != list(range(first, last)):
            raise StateCorrupt("the journal lacks an event", help=_RESTORE)
        return [(bytes(digest), bytes(body)) for _, digest, body in rows]


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


@contextmanager
def _explained(what: str) -> Iterator[None]:
    """Turn what a database says into what an operator should do."""
    with guarded(what):
        try:
            yield
        except IntegrityError as error:
            raise Conflict("somebody else appended to this stream first", help="read it again and decide again") from error
        except DatabaseError as error:
            raise _explain(what, error) from error
        except UnicodeDecodeError:
            # The text of a damaged schema; from None: the error's own text holds bytes of the file.
            message = f"{what}: the state database is damaged"
            raise StateCorrupt(message, help=_RESTORE) from None


def _explain(what: str, error: DatabaseError) -> ExpungeError:
    code = getattr(error.__cause__, "sqlite_errorcode", 0) & 0xFF
    if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        return Busy(f"{what}: another program holds the state database", help="close it, then try again")
    # An operational error without a code is the module's own: text in the file that is no UTF-8.
    undecodable = isinstance(error.__cause__, sqlite3.OperationalError) and not code
    if undecodable or code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
        return StateCorrupt(f"{what}: the state database is damaged or is none", help=_RESTORE)
    if code == sqlite3.SQLITE_FULL:
        return StateUnavailable(f"{what}: no space left on the device", help="free some space, then run the same command again")
    return StateUnavailable(
        f"{what}: the database answered {getattr(error.__cause__, 'sqlite_errorname', type(error).__name__)}",
        help="check space and permissions of the state folder, then run the same command again",
    )
