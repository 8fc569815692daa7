"""The scan itself: every file under the sources, every offset, every container."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from expunge.core.copy import RawSource
from expunge.core.traces import Traces
from expunge.ports.scanner import Coverage, Residue, Scanned
from expunge.residue.holder import Holder
from expunge.residue.matcher import Matcher
from expunge.residue.session import SMALL, Allowance, Limits, Session, Where
from expunge.residue.slices import FileSlice
from expunge.residue.sqlite import BESIDE, runs
from expunge.residue.stream import Stream, carve_small, read_pages
from expunge.residue.tracer import Collector
from expunge.residue.walk import Entry, entries, reason_of

_READ = 1 << 20
_AS_IT_IS = frozenset({"utf-8", "bytes", "fragment"})


class ResidueScanner:
    """Takes traces and finds them; implements ``ports.scanner.Scanner``."""

    def __init__(self, limits: Limits | None = None, *, per_trace: int = 5) -> None:
        self._limits = limits or Limits()
        self._per_trace = per_trace

    def tracer(self, key: bytes, *, budget: int) -> Collector:
        """A tracer that collects at most ``budget`` windows per subject, dataset and field; each may be taken in several written forms."""
        return Collector(key, budget)

    def holder(self, traces: Traces, candidates: Iterable[int]) -> Holder:
        """A tracer that asks which candidates other people's content holds as well."""
        return Holder(traces, candidates, self._limits)

    def scan(self, sources: Sequence[RawSource], traces: Traces) -> Scanned:
        """Read every byte of every source. Raises CouldNotLook when a source cannot be read at all.

        A source in the role ``data`` has to be there; others may have vanished since the store named them.
        """
        found: list[Residue] = []
        counts: dict[int, int] = {}
        matcher = Matcher(traces)

        def report(where: Where, offset: int, trace: int) -> None:
            count = counts.get(trace, 0) + 1
            if count <= self._per_trace:
                counts[trace] = count
                found.append(_residue(where, offset, trace, traces))
                if count == self._per_trace:
                    matcher.finished(trace)

        session = Session(matcher, self._limits, report)
        session.carver = carve_small
        for entry in _walk(((each.path, each.role == "data") for each in sources), session.skip):
            _scan_entry(session, entry)
        session.flush()
        coverage = Coverage(session.files, session.bytes, session.decoded_bytes, tuple(sorted(session.skipped.items())))
        return Scanned(tuple(found), frozenset(counts), coverage)


def scan(paths: Iterable[Path], traces: Traces, *, limits: Limits | None = None, per_file: int = 5) -> Iterator[Residue]:
    """Look for traces in files, and in folders with everything below them.

    Args:
        paths: files or folders; all must be there.
        traces: what to look for.
        limits: bounds on decoding.
        per_file: at most so many places of one trace in one file and way of hiding.

    Yields:
        Findings with ``path``, ``offset`` and ``hidden``, as the files are read.

    Raises:
        CouldNotLook: a path is missing or cannot be read.
    """
    found: list[Residue] = []
    counts: dict[tuple[Path, str, int], int] = {}

    def report(where: Where, offset: int, trace: int) -> None:
        residue = _residue(where, offset, trace, traces)
        place = (where.path, residue.hidden, trace)
        counts[place] = counts.get(place, 0) + 1
        if counts[place] <= per_file:
            found.append(residue)

    session = Session(Matcher(traces), limits or Limits(), report)
    session.carver = carve_small
    for entry in _walk(((Path(path), True) for path in paths), session.skip):
        _scan_entry(session, entry)
        yield from found
        found.clear()
    session.flush()
    yield from found


def _residue(where: Where, offset: int, trace: int, traces: Traces) -> Residue:
    form = traces.traces[trace].form
    chain = where.chain if form in _AS_IT_IS else (*where.chain, form)
    return Residue(where.path, offset, " > ".join(chain) or "plain", traces.traces[trace])


def _walk(roots: Iterable[tuple[Path, bool]], skip: Callable[[str], None]) -> Iterator[Entry]:
    passed: set[str] = set()
    for root, must in roots:
        for entry in entries(root, skip, must=must):
            name = os.path.abspath(entry.path)  # noqa: PTH100 - resolve() would follow links
            if name not in passed:
                passed.add(name)
                yield entry


def _scan_entry(session: Session, entry: Entry) -> None:
    named = Where(entry.path, ("file name",), fixed=True, leaf=True)
    for name in entry.names:
        session.add(named, Allowance(0, 0), name)
    if not entry.regular:
        return
    try:
        descriptor = os.open(entry.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        session.skip(reason_of(error))
        return
    try:
        _scan_file(session, entry.path, descriptor)
    except OSError as error:
        session.skip(reason_of(error))
    finally:
        os.close(descriptor)


def _scan_file(session: Session, path: Path, descriptor: int) -> None:
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        session.skip("vanished")
        return
    size = status.st_size
    source = FileSlice(descriptor, 0, size)
    where, allowance = Where(path), Allowance.of(session.limits, size)
    session.files += 1
    if size <= SMALL:
        data = source.read_at(0, size)
        session.bytes += len(data)
        session.add(where, allowance, data)
    else:
        stream = Stream(session, where, allowance, source)
        at = 0
        while at < size:
            # a file that grows meanwhile is read up to the size it had when it was opened
            data = source.read_at(at, min(_READ, size - at))
            if not data:
                break
            stream.feed(data)
            session.bytes += len(data)
            at += len(data)
        stream.close()
    _beside_database(session, path, source, allowance)


def _beside_database(session: Session, path: Path, source: FileSlice, allowance: Allowance) -> None:
    """Put the pages of a WAL or journal in order with the help of the database that it lies beside."""
    for ending, kind in BESIDE.items():
        if not path.name.endswith(ending) or not source.size:
            continue
        inner = Where(path).inside(kind, 0)
        try:
            descriptor = os.open(path.with_name(path.name.removesuffix(ending)), os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError:
            read_pages(session, inner, allowance, runs(source, kind), kind)
            return
        try:
            main = FileSlice(descriptor, 0, os.fstat(descriptor).st_size)
            read_pages(session, inner, allowance, runs(source, kind, main), kind)
        finally:
            os.close(descriptor)
