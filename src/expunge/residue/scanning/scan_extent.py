"""Scans that read less than everything: what has changed since another, or a sample. Names and attributes are always read."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator

from expunge.ports.optional.remote_content import Remote, RemoteObject, RemoteTable
from expunge.ports.scanner import SAMPLED, Passes
from expunge.residue.scanning.file_walk import WalkEntry
from expunge.residue.scanning.scan_units import SIZE, FileStretch, ScanUnit, family_of

_STRETCH = 1 << 20
"""Bytes of a large file that are read of each :data:`SAMPLED` times as many."""


def unpassed(entries: Iterable[WalkEntry], passes: Passes) -> Iterator[WalkEntry]:
    """Yield the entries, without the bytes of files that are passed over. Of those that belong together, none is unless all are."""
    found: list[tuple[WalkEntry, bool]] = []
    read: set[object] = set()
    for entry in entries:
        known = entry.regular and _is_passed(entry, passes)
        if entry.regular and not known and (mates := family_of(entry)) is not None:
            read.add(mates)
        found.append((entry, known))
    for entry, known in found:
        yield entry._replace(regular=False) if known and family_of(entry) not in read else entry


def _is_passed(entry: WalkEntry, passes: Passes) -> bool:
    try:
        status = os.lstat(entry.path)
    except OSError:
        return False
    return passes(entry.path, (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns))


def drawn(units: Iterable[ScanUnit], draw: Callable[[int], int]) -> Iterator[ScanUnit]:
    """Yield the units with a sample of their bytes: some small files, and some stretches of each large one."""
    for unit in units:
        yield ScanUnit(unit.number, tuple(each for part in unit.parts for each in _drawn(part, draw)), unit.size // SAMPLED)


def _drawn(part: FileStretch, draw: Callable[[int], int]) -> Iterator[FileStretch]:
    begin, end = part.start, part.entry.size if part.end is None else part.end
    if end - begin <= SIZE // 2:
        yield part if draw(SAMPLED) == 0 else part._replace(entry=part.entry._replace(regular=False), table=None)
        return
    for at in range(begin, end, SAMPLED * _STRETCH):
        # Why the very first: there formats say what they are.
        first = at + draw(SAMPLED) * _STRETCH if at else 0
        if first < end:
            # Why without a table: a value that goes on in a stretch that is not read cannot be put together.
            yield part._replace(start=first, end=min(end, first + _STRETCH), table=None)


def drawn_content(content: Iterable[Remote], draw: Callable[[int], int]) -> Iterator[Remote]:
    """Yield a sample of objects, and the names of all others; rows of tables are all read."""
    for each in content:
        yield each if isinstance(each, RemoteTable) or draw(SAMPLED) == 0 else RemoteObject(each.url, None)
