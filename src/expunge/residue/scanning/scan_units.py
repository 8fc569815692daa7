"""A scan in pieces: some files, or a stretch of a large file. Any process can take a piece; the findings do not depend on which does."""

from __future__ import annotations

import os
import re
import stat
import struct
import traceback
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from expunge import descriptors, telemetry
from expunge.ports.scanner import Stretch, Treat, Treatment, UnreadFile
from expunge.residue.formats import postgres, postgres_headers
from expunge.residue.formats.postgres_headers import GRID
from expunge.residue.formats.postgres_values import Unfinished
from expunge.residue.formats.slices import FileSlice, MemorySlice, Slice
from expunge.residue.formats.sqlite import BESIDE, runs
from expunge.residue.forms.words import FORM as WORDS
from expunge.residue.matching.matcher import Matcher, SameTraces
from expunge.residue.matching.patterns import TracePatterns
from expunge.residue.matching.session import SMALL, Allowance, Limits, Report, RunOrigin, SearchedContent, Session
from expunge.residue.opaque.account import account
from expunge.residue.opaque.stretches import Unread
from expunge.residue.scanning.byte_stream import ByteStream, add_small, carve, read_pages, search
from expunge.residue.scanning.file_walk import WalkEntry, entries, reason_of
from expunge.telemetry import Action, Opaque

SIZE = 1 << 23
"""Bytes of a unit."""
MOST_FILES = 2000
"""Files of a unit."""
CONTROL_PLACES = 5
"""Places that are reported of a window of a bystander."""
_READ = 1 << 20
_BETWEEN = bytes(GRID)
"""Between stretches of a file that do not follow one another: nothing runs from one into the next, and pages stay in their places."""
_SAMPLE, _SAMPLES = 1 << 16, 32
"""Bytes of a stretch of a sample of a file, and how many of them are read."""
_NAME, _ATTRIBUTE = ("file name",), ("file attribute",)
_AS_IT_IS = frozenset({"utf-8", "bytes", "fragment", WORDS})
_LOG = "log"
FAULTS = (ValueError, LookupError, ArithmeticError, TypeError, AttributeError, RecursionError, MemoryError, struct.error, zlib.error)
"""What a reader raises that has a fault, or meets what nobody foresaw: that file is not read, and the order goes on."""
DECLARED_UNREAD = frozenset({"encrypted", "corrupt", "unsupported", "limit"})
"""Reasons that a file may have not to be read whose place is declared as unreadable."""
_SEGMENT = re.compile(rb"([0-9A-F]{24})|(\d+)(\.\d+)?")
"""Names that PostgreSQL gives to segments of its log and of tables: a value may begin in one page and end many pages, or a file, later."""


class FileStretch(NamedTuple):
    """One file, or a stretch of it. Not a dataclass, because a scan makes one for each of millions of files."""

    entry: WalkEntry
    start: int = 0
    end: int | None = None
    """Where the next part begins; None for the end that the file has when it is opened."""
    table: Path | None = None
    """The first file of the table that this is a stretch of; what goes on in other stretches is put together at the end."""
    only: tuple[Stretch, ...] = ()
    """Nothing but these bytes of it; where in the file something was found is not told then."""
    treatment: Treatment = Treatment.OWN


@dataclass(frozen=True)
class ScanUnit:
    """The files or the stretch that one process takes at once."""

    number: int
    parts: tuple[FileStretch, ...]
    size: int


class TraceLocation(NamedTuple):
    """The location of a found trace."""

    path: Path
    chain: tuple[str, ...]
    offset: int
    inner: int | None
    trace: int


@dataclass
class UnitResult:
    """The result of a unit."""

    number: int
    places: list[TraceLocation] = field(default_factory=list)
    """The first few of each trace, of all that this process has taken."""
    seen: set[int] = field(default_factory=set)
    """Traces that this process had not seen before."""
    counts: dict[int, int] = field(default_factory=dict)
    """Places of each trace in this unit, where they are counted."""
    files: int = 0
    bytes: int = 0
    decoded: int = 0
    skipped: dict[str, int] = field(default_factory=dict)
    unfinished: list[Unfinished] = field(default_factory=list)
    """What goes on in other units."""
    unread: list[UnreadFile] = field(default_factory=list)

    def take_over(self, other: UnitResult) -> None:
        """Add the result of other files of the unit, of which the map says that they cannot be read."""
        self.places += other.places
        self.seen |= other.seen
        for trace, count in other.counts.items():
            self.counts[trace] = self.counts.get(trace, 0) + count
        self.files, self.bytes, self.decoded = self.files + other.files, self.bytes + other.bytes, self.decoded + other.decoded
        for reason, count in other.skipped.items():
            if reason not in DECLARED_UNREAD:
                self.skipped[reason] = self.skipped.get(reason, 0) + count
        self.unfinished += other.unfinished


def walk(roots: Iterable[tuple[Path, bool]], skip: Callable[[str], None]) -> Iterator[WalkEntry]:
    """Yield every entry below the roots (path, True if it must exist), each once. Raises CouldNotLook."""
    every = [*roots]
    if len(every) == 1:
        # Why apart: below one root, where no link is followed, no path comes twice.
        ((root, must),) = every
        yield from entries(root, skip, must=must)
        return
    passed: set[str] = set()
    for root, must in every:
        for entry in entries(root, skip, must=must):
            name = os.path.abspath(entry.path)  # noqa: PTH100 - resolve() would follow links
            if name not in passed:
                passed.add(name)
                yield entry


def divide(found: Iterable[WalkEntry], *, sliced: bool, treat: Treat | None = None) -> Iterator[ScanUnit]:
    """Put small files together and cut large ones, in the sequence of the walk. With ``sliced`` false, no file is cut."""
    number = size = 0
    parts: list[FileStretch] = []
    last: object = None
    table: Path | None = None
    for entry in found:
        own = entry.size if entry.regular else 0
        treatment = treat(entry.path, own) if treat is not None and entry.regular else Treatment.OWN
        family = family_of(entry)
        if parts and (size + own > SIZE or len(parts) >= MOST_FILES) and (family is None or family != last):
            yield ScanUnit(number, tuple(parts), size)
            number, parts, size = number + 1, [], 0
        long = sliced and own > 2 * SIZE
        is_table = long and family is not None and family[1] != _LOG and _is_table(entry.path)
        if family is None or family != last:
            # Why by the first: if that is read as one, what goes on in the second has to be read with it.
            table = postgres_headers.table_of(entry.path) if is_table else None
        last = family
        if (is_table and table is not None) or (long and family is None and not _is_one(entry.path)):
            starts = range(0, own - SIZE // 2, SIZE)
            for start in starts:
                end = None if start == starts[-1] else start + SIZE
                yield ScanUnit(number, (*parts, FileStretch(entry, start, end, table, treatment=treatment)), size + (end or own) - start)
                number, parts, size = number + 1, [], 0
            continue
        parts.append(FileStretch(entry, table=table, treatment=treatment))
        size += own
    if parts:
        yield ScanUnit(number, tuple(parts), size)


def gathered(lying: Mapping[Path, Sequence[Stretch]]) -> Iterator[ScanUnit]:
    """Nothing but some stretches of files, in units of about the same size."""
    number = 0
    for path, stretches in lying.items():
        entry = WalkEntry(path, (), regular=True)
        some: list[Stretch] = []
        size = 0
        for start, end in stretches:
            some.append((start, end))
            size += end - start
            if size >= SIZE:
                yield ScanUnit(number, (FileStretch(entry, only=tuple(some)),), size)
                number, some, size = number + 1, [], 0
        if some:
            yield ScanUnit(number, (FileStretch(entry, only=tuple(some)),), size)
            number += 1


def sampled(path: Path) -> list[Stretch]:
    """Return stretches spread evenly over a file; none of a small one, and none of one that is gone."""
    try:
        size = path.stat().st_size
    except OSError:
        return []
    step = max(_SAMPLE, size // _SAMPLES // _SAMPLE * _SAMPLE)
    return [(start, start + _SAMPLE) for start in range(0, size - _SAMPLE, step)][:_SAMPLES] if size > _SAMPLE else []


def merged(stretches: Iterable[Stretch]) -> list[Stretch]:
    """Return stretches in ascending order, with those joined that touch or overlap."""
    found: list[Stretch] = []
    for start, end in sorted(stretches):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found


def _is_table(path: Path) -> bool:
    try:
        return postgres_headers.is_table(path)
    except OSError:
        return False


def _is_one(path: Path) -> bool:
    """Whether it holds pages that belong together, or other files as they are, which may hold such."""
    try:
        with descriptors.reading(path) as file:
            head = os.pread(file, 512, 0)
        return head[257:262] == b"ustar" or postgres_headers.begins(head)
    except OSError:
        return False


def family_of(entry: WalkEntry) -> tuple[Path, str] | None:
    """Return the name of files that must be read one after the other, as one; None for a file that stands alone."""
    name = _SEGMENT.fullmatch(entry.names[0])
    if name is None:
        return None
    return entry.path.parent, name.group(2).decode() if name.group(2) else _LOG


class UnitScanner:
    """Takes units, in ascending order. Not for use by two threads at once."""

    def __init__(self, needles: TracePatterns, limits: Limits, per_trace: int, counted: int = 0) -> None:
        self._matcher = Matcher(needles)
        self._limits = limits
        self._per_trace = per_trace
        self._counted = counted
        self._enough = max(1, per_trace, counted)
        self._controls = needles.controls
        self._known = SearchedContent()
        self._left: tuple[UnitResult, Session, postgres.PagesRemainder] | None = None

    def take(self, unit: ScanUnit) -> UnitResult:
        """Read every byte of the unit."""
        declared = [part for part in unit.parts if part.treatment is Treatment.DECLARED]

        def read(session: Session) -> None:
            for part in unit.parts:
                if part.treatment is not Treatment.DECLARED:
                    scan_part(session, part)

        def read_declared(session: Session) -> None:
            for part in declared:
                scan_part(session, part)

        done = self.search(read, unit.number)
        if declared:
            done.take_over(self.search(read_declared, unit.number))
        return done

    def search(self, read: Callable[[Session], None], number: int = -1) -> UnitResult:
        """Return the result of what ``read`` hands to a session."""
        done = UnitResult(number)
        session = self._session(done)
        read(session)
        return _ended(done, session)

    def join(self, left: Sequence[Unfinished]) -> None:
        """Go on with the rest of a unit, the units in ascending order."""
        if left:
            if self._left is None:
                done = UnitResult(-1)
                session = self._session(done)
                self._left = done, session, postgres.PagesRemainder(session, search)
            self._left[2].take(left)

    def rest(self) -> UnitResult | None:
        """Return the result of all units that were joined; None where there were none."""
        if self._left is None:
            return None
        (done, session, rest), self._left = self._left, None
        rest.close()
        return _ended(done, session)

    def _session(self, done: UnitResult) -> Session:
        def report(where: RunOrigin, offset: int, alike: SameTraces) -> None:
            if not alike.most:
                # Why few of bystanders': they show that the scan sees, and one place shows it.
                alike.most = min(self._enough, CONTROL_PLACES) if self._controls.issuperset(alike.traces) else self._enough
            if alike.places < alike.most:
                alike.places += 1
                if alike.places == 1:
                    done.seen.update(alike.traces)
                if self._counted:
                    done.counts.update((trace, done.counts.get(trace, 0) + 1) for trace in alike.traces)
                if self._per_trace:
                    at, inner = where.on_disk(offset), where.in_content(offset)
                    done.places += [TraceLocation(where.path, where.chain, at, inner, trace) for trace in alike.traces]
                if alike.places == alike.most:
                    self._matcher.finished(alike)

        return new_session(self._matcher, self._limits, report, self._known)


def _ended(done: UnitResult, session: Session) -> UnitResult:
    while True:
        try:
            session.flush()
            break
        except FAULTS as error:
            # Why again: what waited behind it is looked at all the same.
            _fault(session, error)
    done.files, done.bytes, done.decoded, done.skipped = session.files, session.bytes, session.decoded_bytes, dict(session.skipped)
    done.unfinished, done.unread = session.unfinished, session.unread
    return done


def new_session(matcher: Matcher, limits: Limits, report: Report, known: SearchedContent | None = None) -> Session:
    """Return a session that opens the containers it meets."""
    session = Session(matcher, limits, report, known)
    session.carver = carve
    return session


def unread_in(path: Path, limits: Limits) -> UnreadFile | None:
    """Account for one file; None where everything in it is explained, and where it cannot be opened: the scan counts that."""
    try:
        with descriptors.reading(path) as file:
            status = os.fstat(file)
            if not stat.S_ISREG(status.st_mode):
                return None
            return unread_of(FileSlice(file, 0, status.st_size), path, limits)
    except OSError:
        return None


def unread_of(source: Slice, path: Path, limits: Limits, *, inside: bool = False) -> UnreadFile | None:
    """Account for some bytes; None where everything is explained."""
    try:
        left = account(source, path.name, limits, inside=inside)
    except FAULTS:
        left = Unread(opaque=source.size)
    return UnreadFile(path, source.size, left.opaque, left.unknown) if left.counts else None


@lru_cache(maxsize=4096)
def hidden(chain: tuple[str, ...], form: str) -> str:
    """Describe the containers and the encoding in which bytes were hidden."""
    return " > ".join(chain if form in _AS_IT_IS else (*chain, form)) or "plain"


def scan_part(session: Session, part: FileStretch) -> None:
    """Search a file's name, attributes and bytes. A file that cannot be opened is counted."""
    entry = part.entry
    if part.table is not None:
        session.shared.add(part.table)
    if part.start == 0:
        named = RunOrigin(entry.path, _NAME, fixed=True, leaf=True)
        for name in entry.names:
            session.add(named, Allowance(0, 0), name)
        for attribute in entry.attributes:
            session.add(RunOrigin(entry.path, _ATTRIBUTE, fixed=True, leaf=True), Allowance(0, 0), attribute)
    if not entry.regular:
        return
    try:
        descriptor = descriptors.take(entry.path)
    except OSError as error:
        session.skip(reason_of(error))
        return
    try:
        _scan_bytes(session, part, descriptor)
    except OSError as error:
        session.skip(reason_of(error))
    except FAULTS as error:
        _fault(session, error)
    finally:
        descriptors.give_back(descriptor)


def _fault(session: Session, error: Exception) -> None:
    """Count a file that a reader of ours stumbled over: nobody can tell what else it holds. The log says where, and nothing of the file."""
    session.skip("unsupported")
    place = traceback.extract_tb(error.__traceback__)[-1]
    kind, module = type(error).__name__, Path(place.filename).stem
    telemetry.log(Action.READER_FAILED, error=Opaque(kind), module=Opaque(module), line=place.lineno)


def _scan_bytes(session: Session, part: FileStretch, descriptor: int) -> None:
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        session.skip("vanished")
        return
    size = status.st_size
    path = part.entry.path
    source = FileSlice(descriptor, 0, size)
    end = size if part.end is None else min(part.end, size)
    where, allowance = RunOrigin(path), Allowance.of(session.limits, max(0, end - part.start))
    if part.start == 0:
        session.files += 1
    if part.only:
        stream = ByteStream(session, where, Allowance.of(session.limits, sum(last - first for first, last in part.only)), cut=True)
        for first, last in part.only:
            for data in _pieces(source, first, min(last, size)):
                stream.feed(data)
            stream.feed(_BETWEEN)
        stream.close()
        return
    whole: Slice = source
    if size <= SMALL:
        data = source.read_at(0, size)
        session.bytes += len(data)
        add_small(session, where, allowance, data, source)
        whole = MemorySlice(data)
    elif part.start < end:
        before = source.read_at(max(0, part.start - ByteStream.before), min(part.start, ByteStream.before))
        stream = ByteStream(session, where, allowance, source, at=part.start, before=before)
        for data in _pieces(source, part.start, end):
            stream.feed(data)
            session.bytes += len(data)
        if end < size:
            stream.leave(_allowed(session, allowance, _pieces(source, end, size)))
        else:
            stream.close()
    if part.treatment is Treatment.ACCOUNTED and part.start == 0 and (left := unread_of(whole, path, session.limits)) is not None:
        session.unread.append(left)
    if part.start == 0:
        _beside_database(session, path, source, allowance)


def _pieces(source: FileSlice, start: int, end: int) -> Iterator[bytes]:
    """A file that grows meanwhile is read up to the size it had when it was opened."""
    at = start
    while at < end:
        data = source.read_at(at, min(_READ, end - at))
        if not data:
            return
        yield data
        at += len(data)


def _allowed(session: Session, allowance: Allowance, pieces: Iterator[bytes]) -> Iterator[bytes]:
    """What goes on beyond a stretch may decode to as much for its size as what lies within."""
    for data in pieces:
        allowance.decoded += session.limits.ratio * len(data)
        yield data


def _beside_database(session: Session, path: Path, source: FileSlice, allowance: Allowance) -> None:
    """Put the pages of a WAL or journal in order with the help of the database that it lies beside."""
    name = os.fspath(path)
    for ending, kind in BESIDE.items():
        if not name.endswith(ending) or not source.size:
            continue
        inner = RunOrigin(path).inside(kind, 0)
        try:
            descriptor = descriptors.take(path.with_name(path.name.removesuffix(ending)))
        except OSError:
            read_pages(session, inner, allowance, runs(source, kind), kind)
            return
        try:
            main = FileSlice(descriptor, 0, os.fstat(descriptor).st_size)
            read_pages(session, inner, allowance, runs(source, kind, main), kind)
        finally:
            descriptors.give_back(descriptor)
