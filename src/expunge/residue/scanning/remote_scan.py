"""Search what is read over the network: objects with their names and the words beside their bytes, and rows of tables."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from itertools import chain
from pathlib import Path
from typing import BinaryIO

from expunge.ports.optional.remote_content import Notes, Remote, RemoteObject, RemoteTable
from expunge.ports.scanner import Treat, Treatment
from expunge.residue.formats.slices import SeekableSlice
from expunge.residue.matching.patterns import TracePatterns
from expunge.residue.matching.session import SMALL, Allowance, Limits, RunOrigin, Session
from expunge.residue.scanning.byte_stream import ByteStream, add_small, search
from expunge.residue.scanning.file_walk import reason_of
from expunge.residue.scanning.scan_units import DECLARED_UNREAD, UnitResult, UnitScanner, unread_of

ROW = "row"
"""The word by which a hit in a row is reported; its place is the row's number."""
NAME, BESIDE = "file name", "metadata"
_CHUNK = 1 << 20


def take_remote(
    content: Iterable[Remote], needles: TracePatterns, limits: Limits, places: int, treat: Treat | None = None
) -> Iterator[UnitResult]:
    """Yield the result of a search in remote content, if there is any. What cannot be read is counted. Memory does not grow with it.

    Raises what listing it raises.
    """
    remaining = iter(content)
    first = next(remaining, None)
    if first is None:
        return
    scanner = UnitScanner(needles, limits, places)

    def read(session: Session) -> None:
        names = _Folders(session)
        for found in chain([first], remaining):
            names.take(found)
            try:
                if isinstance(found, RemoteTable):
                    _read_rows(session, found)
                elif found.open is not None:
                    _read_object(session, found, found.open(), treat)
            except OSError as error:
                session.skip(reason_of(error))

    yield scanner.search(read)


class _Folders:
    """Searches names: of each object and table, and of each folder on the way to some once while they come in order."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._last: tuple[str, ...] = ()

    def take(self, found: Remote) -> None:
        parts = found.path.parts
        common = next((at for at, (one, other) in enumerate(zip(parts, self._last, strict=False)) if one != other), len(self._last))
        for at in range(min(common, len(parts) - 1), len(parts)):
            above = found.path.parents[len(parts) - at - 2] if at < len(parts) - 1 else found.path
            named = RunOrigin(above, (NAME,), fixed=True, leaf=True)
            self._session.add(named, Allowance(0, 0), os.fsencode(parts[at]))
        self._last = parts


def _read_object(session: Session, found: RemoteObject, opened: tuple[BinaryIO, Notes], treat: Treat | None) -> None:
    path = found.path
    file, notes = opened
    with closing(file):
        source = SeekableSlice(file)
        treatment = treat(path, source.size) if treat is not None else Treatment.OWN
        if treatment is Treatment.DECLARED:
            with _declared(session):
                _search_object(session, path, source, notes)
            return
        _search_object(session, path, source, notes)
        if treatment is Treatment.ACCOUNTED and (left := unread_of(source, path, session.limits)) is not None:
            session.unread.append(left)


@contextmanager
def _declared(session: Session) -> Iterator[None]:
    """Leave out of what is skipped whatever an object that is declared as unreadable adds."""
    session.flush()
    before = session.skipped.copy()
    yield
    session.flush()
    for reason in DECLARED_UNREAD & session.skipped.keys():
        session.skipped[reason] = before[reason]
    session.skipped += Counter()


def _search_object(session: Session, path: Path, source: SeekableSlice, notes: Notes) -> None:
    for text in chain.from_iterable(notes.items()):
        beside = RunOrigin(path, (BESIDE,), fixed=True, leaf=True)
        session.add(beside, Allowance(0, 0), text.encode("utf-8", "surrogatepass"))
    where, allowance = RunOrigin(path), Allowance.of(session.limits, source.size)
    session.files += 1
    if source.size <= SMALL:
        data = source.read_at(0, source.size)
        session.bytes += len(data)
        add_small(session, where, allowance, data, source)
        return
    stream = ByteStream(session, where, allowance, source)
    at = 0
    while data := source.read_at(at, _CHUNK):
        at += len(data)
        session.bytes += len(data)
        stream.feed(data)
    stream.close()


def _read_rows(session: Session, found: RemoteTable) -> None:
    path = found.path
    session.files += 1
    for number, content in found.rows():
        size = sum(map(len, content))
        session.bytes += size
        where, allowance = RunOrigin(path, (ROW,), base=number, fixed=True), Allowance.of(session.limits, size)
        for data in content:
            search(session, where, allowance, data)
