"""The values of a PostgreSQL tuple, one by one, by the form that the catalogue has of each column (``access/tupmacs.h``, ``varatt.h``)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from expunge.ports.optional.row_accounts import StoredColumn
from expunge.residue.formats.pglz import unpack

_VARIES, _TERMINATED = -1, -2
_EXTERNAL = 1
_SIZE = 0x3FFF_FFFF


class Misfit(Exception):
    """A tuple whose bytes are not those of its columns."""


def values(data: bytes, start: int, end: int, columns: Sequence[StoredColumn], present: Callable[[int], bool]) -> list[bytes | None]:
    """Return the values that lie in ``[start, end)``, none for those that are not present; a value of any length without its head.

    All bytes belong to them, or are zero. Raises Misfit where they do not.
    """
    found: list[bytes | None] = []
    at = start
    for number, column in enumerate(columns):
        if not present(number):
            found.append(None)
            continue
        length = column.length
        if length > 0 or length == _TERMINATED or (at < end and not data[at]):
            aligned = start + -(-(at - start) // column.align) * column.align
            if any(data[at : min(aligned, end)]):
                raise Misfit
            at = aligned
        if length > 0:
            found.append(data[at : at + length])
            at += length
        elif length == _TERMINATED:
            stop = data.find(b"\0", at, end)
            found.append(data[at:stop])
            at = stop + 1 if stop >= 0 else end + 1
        else:
            value, at = _varying(data, at, end)
            found.append(value)
        if at > end:
            raise Misfit
    if any(data[at:end]):
        raise Misfit
    return found


def _varying(data: bytes, at: int, end: int) -> tuple[bytes, int]:
    """A value that tells its own length, and where it ends. One that lies elsewhere is its pointer."""
    if at >= end:
        raise Misfit
    head = data[at]
    if head == _EXTERNAL:
        return data[at : at + 18], at + 18
    if head & 1:
        return data[at + 1 : at + (head >> 1)], at + (head >> 1)
    size = int.from_bytes(data[at : at + 4], "little") >> 2
    if size < 4 or at + size > end:
        raise Misfit
    if not head & 2:
        return data[at + 4 : at + size], at + size
    info = int.from_bytes(data[at + 4 : at + 8], "little")
    value, whole = unpack(data[at + 8 : at + size], info & _SIZE, info >> 30)
    if not whole:
        raise Misfit
    return value, at + size
