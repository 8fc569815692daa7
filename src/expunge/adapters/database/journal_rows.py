"""Streams and events as rows of a database: each statement serves many streams at once.

The statements are written out. The ORM takes longer to build one than the database needs to run it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from django.db import connections
from django.db.backends.utils import CursorWrapper

from expunge.ports.leases import Lease

_STREAMS, _EVENTS = "expunge_stream", "expunge_event"
_LOCKED = f"SELECT id, name, length, head FROM {_STREAMS} WHERE name IN ({{}}) ORDER BY name"  # noqa: S608 - constants
_ENDS = f"""
SELECT e.stream_id, e.position, e.digest, CASE WHEN e.position = s.length - 1 THEN e.body END
FROM {_EVENTS} e JOIN {_STREAMS} s ON s.id = e.stream_id
WHERE s.id IN ({{}}) AND e.position >= s.length - 2 ORDER BY e.stream_id, e.position"""  # noqa: S608 - constants
_ADD = f"INSERT INTO {_EVENTS} (stream_id, position, digest, body) VALUES {{}}"  # noqa: S608 - constants
_LENGTHEN = f"UPDATE {_STREAMS} SET length = %s, head = %s WHERE id = %s"  # noqa: S608 - constants
_TAILS = f"""
WITH wanted (name, start) AS (VALUES {{}})
SELECT s.name, s.length, s.head, e.position, e.digest, CASE WHEN e.position >= w.start THEN e.body END
FROM wanted w JOIN {_STREAMS} s ON s.name = w.name
LEFT JOIN {_EVENTS} e ON e.stream_id = s.id AND e.position >= w.start - 1 AND e.position < s.length
ORDER BY s.id, e.position"""  # noqa: S608 - constants
_APPEND = "SELECT expunge_append(%s::text[], %s::bigint[], %s::integer[], %s::bytea[], %s, %s, %s)"
_FIRST = f"""
SELECT s.id, s.name, s.length, s.head, e.position, e.digest, CASE WHEN e.position >= %s THEN e.body END
FROM {_STREAMS} s LEFT JOIN {_EVENTS} e ON e.stream_id = s.id AND e.position >= %s AND e.position < %s AND e.position < s.length
WHERE s.name = %s ORDER BY e.position"""  # noqa: S608 - constants
_PAGE = f"SELECT position, digest, body FROM {_EVENTS} WHERE stream_id = %s AND position >= %s AND position < %s ORDER BY position"  # noqa: S608
_LENGTH = f"SELECT length FROM {_STREAMS} WHERE name = %s"  # noqa: S608 - constants
_LENGTHS = f"SELECT name, length FROM {_STREAMS} ORDER BY id"  # noqa: S608 - constants
_AT_A_TIME = 200
"""Rows of one statement: a database takes so many parameters."""
_FEW = 64
"""So many streams, and events of each, are appended to in one call of the server's."""


@dataclass
class StreamRow:
    """One stream."""

    id: int
    name: str
    length: int
    head: bytes
    """Digest of the last event."""


@dataclass(frozen=True)
class Tail:
    """The events of a stream from some position on."""

    length: int
    head: bytes
    events: list[tuple[int, bytes, bytes]]
    """Position, digest, body; before the first that was asked for the one that it follows, with an empty body."""


def append_at_once(alias: str, appends: Sequence[tuple[str, int, Sequence[bytes]]], lease: Lease | None, *, ends: bool) -> bool:
    """Append with one call of the server, which takes a fraction of the time of a statement for each thing that has to be done.

    Every necessary check is made inside the call. Return whether the append was done. Where it was not, for any reason, nothing was
    written, and the caller finds the obstacle step by step.
    """
    names = sorted({stream for stream, _, _ in appends})
    if connections[alias].vendor != "postgresql" or len(names) < len(appends) or not all(expected for _, expected, _ in appends):
        return False
    if len(names) > _FEW or sum(len(bodies) for _, _, bodies in appends) > _FEW * _FEW:
        return False
    lengths = {stream: expected for stream, expected, _ in appends}
    whose = [str(names.index(stream) + 1) for stream, _, bodies in appends for _ in bodies]
    # Spelt here: the client takes longer for a list than the server for the whole append. Names are letters, digits and hyphens.
    spelt = [f'"\\\\x{bytes(body).hex()}"' for _, _, bodies in appends for body in bodies]
    under = (lease.name, lease.token) if lease else (None, None)
    with connections[alias].cursor() as cursor:
        cursor.execute(_APPEND, [_array(names), _array([str(lengths[name]) for name in names]), _array(whose), _array(spelt), *under, ends])
        row = cursor.fetchone()
    return bool(row and row[0])


def locked(alias: str, names: Sequence[str]) -> list[StreamRow]:
    """Return the streams of these names that exist, in the order of their names, kept from others until the transaction ends."""
    with connections[alias].cursor() as cursor:
        # SQLite has one writer at a time anyway.
        locking = " FOR UPDATE" if connections[alias].vendor == "postgresql" else ""
        cursor.execute(_LOCKED.format(_marks(len(names))) + locking, list(names))
        return [StreamRow(row[0], row[1], row[2], bytes(row[3])) for row in cursor.fetchall()]


def ends(alias: str, rows: Sequence[StreamRow]) -> dict[int, list[tuple[int, bytes, bytes]]]:
    """Stream -> (position, digest, body) of its last two events; of the one before the last no body."""
    found: dict[int, list[tuple[int, bytes, bytes]]] = {row.id: [] for row in rows}
    if rows:
        with connections[alias].cursor() as cursor:
            cursor.execute(_ENDS.format(_marks(len(rows))), [row.id for row in rows])
            for stream, position, digest, body in cursor.fetchall():
                found[stream].append((position, bytes(digest), bytes(body or b"")))
    return found


def add(alias: str, events: Sequence[tuple[int, int, bytes, bytes]]) -> None:
    """Write events: stream, position, digest, body each."""
    with connections[alias].cursor() as cursor:
        for start in range(0, len(events), _AT_A_TIME):
            some = events[start : start + _AT_A_TIME]
            cursor.execute(_ADD.format(", ".join(["(%s, %s, %s, %s)"] * len(some))), [each for event in some for each in event])


def lengthen(alias: str, rows: Sequence[StreamRow]) -> None:
    """Write the new lengths and heads of streams."""
    with connections[alias].cursor() as cursor:
        cursor.executemany(_LENGTHEN, [(row.length, row.head, row.id) for row in rows])


def tails(alias: str, starts: Mapping[str, int]) -> Iterator[tuple[str, Tail]]:
    """Yield the events of streams from their positions on, of as many streams as one statement takes at one instant."""
    wanted = list(starts.items())
    for first in range(0, len(wanted), _AT_A_TIME):
        some = wanted[first : first + _AT_A_TIME]
        found: dict[str, Tail] = {}
        with connections[alias].cursor() as cursor:
            marks = ", ".join(["(CAST(%s AS varchar), CAST(%s AS bigint))"] * len(some))
            cursor.execute(_TAILS.format(marks), [each for pair in some for each in pair])
            _gather(cursor, found)
        yield from found.items()


def first_page(alias: str, stream: str, start: int, count: int) -> tuple[StreamRow, list[tuple[int, bytes, bytes]]] | None:
    """Return a stream, and so many of its events from a position on as :class:`Tail` has them; None where it does not exist."""
    with connections[alias].cursor() as cursor:
        cursor.execute(_FIRST, [start, start - 1, start + count, stream])
        found = cursor.fetchall()
    if not found:
        return None
    number, name, length, head = found[0][:4]
    events = [(each[4], bytes(each[5]), bytes(each[6] or b"")) for each in found if each[4] is not None]
    return StreamRow(number, name, length, bytes(head)), events


def page(alias: str, row: StreamRow, first: int, last: int) -> list[tuple[int, bytes, bytes]]:
    """Position, digest, body of the events of a stream between two positions."""
    with connections[alias].cursor() as cursor:
        cursor.execute(_PAGE, [row.id, first, last])
        return [(position, bytes(digest), bytes(body)) for position, digest, body in cursor.fetchall()]


def length(alias: str, stream: str) -> int:
    """Return the number of events of a stream; 0 for one that does not exist."""
    with connections[alias].cursor() as cursor:
        cursor.execute(_LENGTH, [stream])
        found = cursor.fetchone()
    return int(found[0]) if found else 0


def lengths(alias: str) -> dict[str, int]:
    """Name -> length of all streams, in order of creation."""
    with connections[alias].cursor() as cursor:
        cursor.execute(_LENGTHS)
        return dict(cursor.fetchall())


def _gather(cursor: CursorWrapper, found: dict[str, Tail]) -> None:
    for name, length, head, position, digest, body in cursor.fetchall():
        tail = found.setdefault(name, Tail(length, bytes(head), []))
        if position is not None:
            tail.events.append((position, bytes(digest), bytes(body or b"")))


def _array(items: Sequence[str]) -> str:
    return f"{{{','.join(items)}}}"


def _marks(count: int) -> str:
    return ", ".join(["%s"] * count)
