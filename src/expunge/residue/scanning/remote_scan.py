"""Search objects that are read over the network: their names, what lies beside their bytes, and the bytes as they come."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

from expunge.core.evidence.traces import Traces
from expunge.ports.optional.remote_content import RemoteObject
from expunge.residue.matching.patterns import TracePatterns
from expunge.residue.matching.session import Allowance, Limits, RunOrigin, Session
from expunge.residue.scanning.byte_stream import ByteStream
from expunge.residue.scanning.file_walk import reason_of
from expunge.residue.scanning.scan_units import UnitResult, UnitScanner


def take_remote(objects: Iterable[RemoteObject], traces: Traces, limits: Limits, places: int) -> Iterator[UnitResult]:
    """Yield the result of a search in objects, if there are any. One that cannot be read is counted. Memory does not grow with an object.

    Raises what listing them raises.
    """
    remaining = iter(objects)
    first = next(remaining, None)
    if first is None:
        return
    scanner = UnitScanner(TracePatterns.of(traces), limits, places)

    def read(session: Session) -> None:
        _read(session, first)
        for each in remaining:
            _read(session, each)

    yield scanner.search(read)


def _read(session: Session, found: RemoteObject) -> None:
    path = found.path
    session.add(RunOrigin(path, ("file name",), fixed=True, leaf=True), Allowance(0, 0), os.fsencode(found.url.rpartition("/")[2]))
    try:
        for word, value in found.notes().items():
            for text in (word, value):
                session.add(RunOrigin(path, ("metadata",), fixed=True, leaf=True), Allowance(0, 0), text.encode("utf-8", "surrogatepass"))
        allowance = Allowance.of(session.limits, 0)
        stream = ByteStream(session, RunOrigin(path), allowance)
        for data in found.chunks():
            allowance.decoded += session.limits.ratio * len(data)
            session.bytes += len(data)
            stream.feed(data)
        stream.close()
        session.files += 1
    except OSError as error:
        session.skip(reason_of(error))
