"""Shared parts of the PostgreSQL ladder's rungs: one climb, the wording of obstacles, and the server's own notices."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from psycopg import sql

from expunge.core.values.outcome import Reason, Unable
from expunge.stores.postgres.server.server import Connection, DatabaseServer
from expunge.stores.waiting import LOOKS

if TYPE_CHECKING:
    from psycopg.errors import Diagnostic

    from expunge.stores.postgres.schema.affected_relations import ClimbScope

_POLL = 0.05
_FIRST_NUMBER = re.compile(r"\d+")
_MAINTENANCE_FILES = frozenset({"vacuum.c", "analyze.c", "cluster.c", "extended_stats.c", "repack.c"})
"""Where the server says that it left a table or a statistic alone; source files, because its messages may be in any language."""


class PostgresRungBlocked(Exception):
    """A rung cannot be climbed now; carries the outcome."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.unable = Unable(reason, detail)


@dataclass
class PostgresClimb:
    """One climb over some tables of one server."""

    server: DatabaseServer
    scope: ClimbScope
    since: str
    """The transaction id (``xid`` as text) that was next when the climb began: whoever is older may still see erased rows."""
    deep: bool
    """Whether the server's files and rights allow ``scrubbed``; otherwise only what every owner may do is done."""
    until: float = field(default=0.0)
    """``time.monotonic()`` at which waiting for others ends."""

    @property
    def connection(self) -> Connection:
        """The ladder's connection, in autocommit mode."""
        return self.server.connection

    @property
    def where(self) -> str:
        """Name for messages."""
        return f"store {self.server.spec.name}"

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Run a query of fixed text and return all rows."""
        return self.connection.execute(sql.SQL(query), values or None).fetchall()

    def waited(self, left: Callable[[], str]) -> str:
        """Ask again and again until ``left`` answers nothing or the time to wait is over; the last answer."""
        answer, looks = left(), 1
        # At least a few looks: on a busy machine the first may take all the time.
        while answer and (looks < LOOKS or time.monotonic() < self.until):
            time.sleep(_POLL)
            answer, looks = left(), looks + 1
        return answer

    def restart_clock(self) -> None:
        """Give the next wait its full time."""
        self.until = time.monotonic() + self.server.lock_ms / 1000


@dataclass(frozen=True)
class PostgresRung:
    """One step of the ladder."""

    name: str
    why: str
    """What stays without it."""
    climb: Callable[[PostgresClimb], int]
    """Do it; how many structures were rewritten or removed. Raises PostgresRungBlocked."""
    deep: bool = False
    """Needs the rights and files of ``scrubbed``; left out on a server that hides them."""


class Notices:
    """The server's notices during a VACUUM or ANALYZE."""

    def __init__(self) -> None:
        self.refused = False
        """It left something alone with a warning, which is no error to it."""
        self.dead: int | None = None
        """Rows deleted already that a rewrite had to carry over for somebody; None before a rewrite has said so."""

    def __call__(self, diagnostic: Diagnostic) -> None:
        """Take one notice (the form that psycopg wants of a handler)."""
        if diagnostic.severity_nonlocalized == "WARNING" and diagnostic.source_file in _MAINTENANCE_FILES:
            self.refused = True
        if diagnostic.severity_nonlocalized == "INFO" and diagnostic.source_function == "copy_table_data":
            number = _FIRST_NUMBER.search(diagnostic.message_detail or "")
            if number:
                self.dead = (self.dead or 0) + int(number[0])


@contextmanager
def noticing(connection: Connection) -> Iterator[Notices]:
    """Collect the notices of the statements that run inside."""
    notices = Notices()
    connection.add_notice_handler(notices)
    try:
        yield notices
    finally:
        connection.remove_notice_handler(notices)
