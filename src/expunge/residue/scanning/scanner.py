"""The scan itself: every file under the sources, every offset, every container."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from expunge.core.evidence.traces import Traces
from expunge.core.values.copy import RawSource
from expunge.ports.optional.placing import FileLayout, PlaceReader
from expunge.ports.optional.remote_content import Remote
from expunge.ports.optional.row_accounts import AccountReader, TableFile
from expunge.ports.scanner import WHOLE_EXTENT, Coverage, Residue, ScanExtent, Scanned, Stretch, Treat, UnreadFile
from expunge.residue.formats.slices import SeekableSlice
from expunge.residue.matching import spacing
from expunge.residue.matching.matcher import Matcher, SameTraces
from expunge.residue.matching.patterns import TracePatterns
from expunge.residue.matching.session import Limits, RunOrigin
from expunge.residue.placing.reader import open_reader, open_remote
from expunge.residue.scanning.helper_pool import MOST, WORTH, HelperPool, ScanCrew, usable_cores
from expunge.residue.scanning.placed_windows import PlacedWindowSearch
from expunge.residue.scanning.remote_scan import take_remote
from expunge.residue.scanning.scan_extent import drawn, drawn_content, unpassed
from expunge.residue.scanning.scan_units import (
    FileStretch,
    TraceLocation,
    UnitResult,
    divide,
    gathered,
    hidden,
    merged,
    new_session,
    sampled,
    scan_part,
    unread_in,
    unread_of,
    walk,
)
from expunge.residue.scanning.shared_windows import SharedWindowSearch
from expunge.residue.short_rows.account_reader import open_account
from expunge.residue.take import said_content
from expunge.residue.take.tracer import Collector


class ResidueScanner:
    """Takes traces and finds them; implements ``ports.scanner.Scanner``."""

    def __init__(self, limits: Limits | None = None, *, per_trace: int = 5, processes: int | None = None) -> None:
        """Set the bounds.

        Args:
            limits: bounds on decoding.
            per_trace: places of each trace that are reported.
            processes: processes that share a large scan; without it as many as there are usable cores, up to eight.
        """
        self._limits = limits or Limits()
        self._per_trace = per_trace
        self._processes = processes or min(MOST, usable_cores())
        self._helpers = HelperPool(self, self._processes - 1)

    def tracer(self, key: bytes, *, budget: int, words: Iterable[str] = (), identifiers: Iterable[str] = ()) -> Collector:
        """A tracer that collects at most ``budget`` windows per subject, dataset and field; each may be taken in several written forms."""
        return Collector(key, budget, words, identifiers)

    def holder(self, traces: Traces, candidates: Iterable[int]) -> SharedWindowSearch:
        """A tracer that finds the candidates that bystanders' content holds as well."""
        return SharedWindowSearch(traces, candidates, self._limits)

    def placed(self, traces: Traces, candidates: Iterable[int]) -> PlacedWindowSearch:
        """A tracer that finds the candidates that each bystander's content holds."""
        return PlacedWindowSearch(traces, candidates, self._limits)

    def said(self, value: str | bytes) -> Iterator[bytes]:
        """Yield each content that a value says in another form, or holds packed."""
        return said_content.of_text(value) if isinstance(value, str) else said_content.of_bytes(value)

    def parts(self, value: str | bytes) -> Iterator[str]:
        """Yield the strings of a JSON document, each text that a value says in another form, and the strings of that."""
        return said_content.parts(value)

    def folded(self, value: str) -> str:
        """Return a text as matches compare it."""
        return spacing.one_spaced(value)

    def reader(self, path: Path, layout: FileLayout | None = None, content: Callable[[], int] | None = None) -> PlaceReader | None:
        """Open a file to ask which live items lie at its places; None for a file without pages that can be told apart. Raises OSError."""
        return open_reader(path, layout) if content is None else open_remote(path, layout, content)

    def account(self, files: Sequence[TableFile]) -> AccountReader | None:
        """Open the files of one table to account for every byte of them; None where no reader knows their kind. Raises OSError."""
        return open_account(files)

    def scan(
        self,
        sources: Sequence[RawSource],
        traces: Traces,
        places: int | None = None,
        *,
        remote: Iterable[Remote] = (),
        counted: int = 0,
        without: Collection[int] = (),
        treat: Treat | None = None,
        extent: ScanExtent = WHOLE_EXTENT,
    ) -> Scanned:
        """Read every byte of every source, and all remote content, or what ``extent`` says of it.

        Raises CouldNotLook when a source cannot be read at all.
        A source in the role ``data`` has to be there; others may have vanished since the store named them.
        """
        most = self._per_trace if places is None else places
        skipped: Counter[str] = Counter()

        def skip(reason: str) -> None:
            skipped[reason] += 1

        entries = walk(((source.path, source.role == "data") for source in sources), skip)
        if extent.passes is not None:
            entries = unpassed(entries, extent.passes)
        units = divide(entries, sliced=self._limits.depth > 0, treat=treat)
        if extent.draw is not None:
            units, remote = drawn(units, extent.draw), drawn_content(remote, extent.draw)
        wanted = frozenset(range(len(traces.traces))) - frozenset(without) if without else None
        needles = TracePatterns.of(traces, wanted)
        limits = self._limits if extent.forms else replace(self._limits, forms=0)
        done = ScanCrew(units, needles, limits, most, self._processes, self._helpers, counted).take_all()
        done = [*done, *take_remote(remote, needles, limits, most, treat)]
        found: list[Residue] = []
        counts: Counter[int] = Counter()
        for unit in done:
            skipped.update(unit.skipped)
            met, unit.places = unit.places, []
            for place in met:
                counts[place.trace] += 1
                if counts[place.trace] <= most:
                    found.append(_residue(place, traces))
        seen = frozenset().union(*(unit.seen for unit in done))
        files, size, decoded = (sum(getattr(unit, name) for unit in done) for name in ("files", "bytes", "decoded"))
        coverage = Coverage(files, size, decoded, tuple(sorted(skipped.items())))
        return Scanned(tuple(found), seen, coverage, _counted(done), tuple(each for unit in done for each in unit.unread))

    def unread(self, path: Path, content: BinaryIO | None = None, *, inside: bool = False) -> UnreadFile | None:
        """Account for one file, or for content; None where everything in it is explained, and where a file cannot be opened."""
        if content is None:
            return unread_in(path, self._limits)
        return unread_of(SeekableSlice(content), path, self._limits, inside=inside)

    def glance(self, lying: Mapping[Path, Sequence[Stretch]], traces: Traces, *, counted: int = 0) -> Scanned:
        """Read nothing but some stretches of files, without other forms. Raises CouldNotLook when a process that helps with it dies."""
        if sum(_size(each) for each in lying) >= WORTH:
            # the look after reads all of it: by then they are ready
            self._helpers.get_ready()
        looked = {path: merged([*stretches, *sampled(path)]) for path, stretches in lying.items()} if counted else lying
        plain = replace(self._limits, forms=0)
        done = ScanCrew(gathered(looked), TracePatterns.of(traces), plain, 0, self._processes, self._helpers, counted).take_all()
        size = sum(end - begin for stretches in looked.values() for begin, end in stretches)
        return Scanned((), frozenset().union(*(unit.seen for unit in done)), Coverage(len(lying), size, 0, ()), _counted(done))

    def close(self) -> None:
        """End the processes that helped; a later scan begins others."""
        self._helpers.end()


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

    def report(where: RunOrigin, offset: int, alike: SameTraces) -> None:
        for trace in alike.traces:
            residue = _residue(TraceLocation(where.path, where.chain, where.on_disk(offset), where.in_content(offset), trace), traces)
            place = (where.path, residue.hidden, trace)
            counts[place] = counts.get(place, 0) + 1
            if counts[place] <= per_file:
                found.append(residue)

    session = new_session(Matcher(traces), limits or Limits(), report)
    for entry in walk(((Path(path), True) for path in paths), session.skip):
        scan_part(session, FileStretch(entry))
        yield from found
        found.clear()
    session.flush()
    yield from found


def _counted(done: Iterable[UnitResult]) -> dict[int, int]:
    """The places of each trace that all units together saw."""
    counts: Counter[int] = Counter()
    for unit in done:
        counts.update(unit.counts)
    return dict(counts)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _residue(place: TraceLocation, traces: Traces) -> Residue:
    trace = traces.traces[place.trace]
    return Residue(place.path, place.offset, hidden(place.chain, trace.form), trace, place.inner)
