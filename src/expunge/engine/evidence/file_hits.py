"""Sort hits by file, and ask the scanner's page readers what lies at each of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from pathlib import Path

from expunge.core.datamap.datamap import Dataset
from expunge.core.evidence.traces import Traces
from expunge.engine.kernel import remote_files, store_calls
from expunge.engine.kernel.context import Context
from expunge.ports.optional.placing import (
    BesideReader,
    CannotTell,
    ChainReader,
    DecodedReader,
    LayoutStore,
    LiveRows,
    Lying,
    NameReader,
    NothingLive,
    PlaceReader,
    PlacingStore,
)
from expunge.ports.optional.remote_content import RemoteObject
from expunge.ports.scanner import Residue
from expunge.ports.store import Store

CHAINED = ("sqlite overflow", "sqlite wal", "sqlite journal", "postgres wal")
"""How the names begin under which the scan reports content that goes on from page to page, at the page where it begins."""
NAME, ATTRIBUTE, BESIDE = "file name", "file attribute", "metadata"
"""The words by which the scan reports a hit in the name of a file or folder, in an extended attribute, and beside an object's bytes."""


@dataclass
class FileHits:
    """The hits in one file, with what lies at each of them."""

    path: Path
    datasets: Sequence[Dataset]
    places: list[tuple[int, Residue]] = field(default_factory=list)
    rows: dict[LiveRows, int] = field(default_factory=dict)
    at: list[tuple[Lying, ...]] = field(default_factory=list)
    """What lies at each of the places; several answers where content goes on from page to page."""


@dataclass(frozen=True)
class SortedHits:
    """The hits of one scan, by the kind of file that they lie in."""

    by_file: tuple[FileHits, ...]
    """In files of live items."""
    elsewhere: frozenset[int]
    """Windows that were hit in files of stores without page readers."""
    left: tuple[tuple[int, Residue], ...]
    """In files that explain nothing."""


class HitPlaces:
    """The files of some stores, and what lies at places in them."""

    def __init__(self, context: Context, stores: Mapping[str, Store], placing: Sequence[tuple[Dataset, PlacingStore]]) -> None:
        self._context = context
        self._placing = {dataset.name: opened for dataset, opened in placing}
        self._datasets = tuple(dataset for dataset, _ in placing)
        self._stores = stores
        others = [opened for opened in stores.values() if not isinstance(opened, PlacingStore)]
        self._untold = {path for opened in others for source in store_calls.raw(opened) for path in (source.path, source.path.resolve())}

    def sorted_hits(self, traces: Traces, candidates: frozenset[int], found: Iterable[Residue]) -> SortedHits:
        """Sort the hits of some windows by file."""
        number = {traces.traces[index]: index for index in candidates}
        by_file: dict[Path, FileHits] = {}
        elsewhere: set[int] = set()
        left: list[tuple[int, Residue]] = []
        for place in found:
            index = number.get(place.trace)
            if index is None:
                continue
            if place.path not in by_file:
                datasets = [dataset for dataset in self._datasets if self._placing[dataset.name].holds(dataset, place.path)]
                by_file[place.path] = FileHits(place.path, datasets)
            hits = by_file[place.path]
            if hits.datasets:
                hits.places.append((index, place))
            elif self._is_of_another_kind(place.path):
                elsewhere.add(index)
            else:
                left.append((index, place))
        return SortedHits(tuple(hits for hits in by_file.values() if hits.places), frozenset(elsewhere), tuple(left))

    def read(self, hits: FileHits) -> None:
        """Ask the page reader of a file which rows lie at each place."""
        # Why in their sequence: a compressed file is decoded once, from its start.
        hits.places.sort(key=lambda hit: (hit[1].offset, hit[1].inner or 0))
        with ExitStack() as stack:
            try:
                readers = [_Asked.of(stack.enter_context(closing(reader))) for reader in self._readers(hits)]
            except FileNotFoundError:
                # Files of a lake are replaced, not changed.
                hits.at = [(CannotTell("file is gone"),)] * len(hits.places)
                return
            except OSError:
                if not any(store_calls.interface(self._stores[dataset.store]) for dataset in hits.datasets):
                    raise
                hits.at = [(CannotTell("object that could not be read again"),)] * len(hits.places)
                return
            for _, place in hits.places:
                hits.at.append(_lying_in(readers, place) or (CannotTell("no pages"),))
        for lying in chain.from_iterable(hits.at):
            if isinstance(lying, LiveRows):
                hits.rows.setdefault(lying, len(hits.rows))

    def _readers(self, hits: FileHits) -> Iterator[PlaceReader]:
        """The page reader of a file, and for datasets that say how their files hold items the readers of these."""
        known = set[object]()
        for dataset in hits.datasets:
            opened = self._placing[dataset.name]
            layout = opened.layout(dataset) if isinstance(opened, LayoutStore) else None
            remote = store_calls.remote(opened, dataset, hits.path)
            found: object = layout if remote is None or isinstance(remote, RemoteObject) else dataset.store
            if found in known:
                continue
            known.add(found)
            if remote is None or isinstance(remote, RemoteObject):
                content = partial(remote_files.fetched, remote) if remote is not None else None
                reader = self._context.scanner.reader(hits.path, layout, content)
            else:
                reader = remote
            if reader is not None:
                yield reader

    def _is_of_another_kind(self, path: Path) -> bool:
        """Return whether a file belongs to a store without page readers that lies below the root of one with them."""
        return any(path.is_relative_to(root) for root in self._untold)


@dataclass(frozen=True)
class _Asked:
    """A page reader, and what else it can be asked for; whether it can is looked up once for a file with many hits."""

    reader: PlaceReader
    chain: ChainReader | None
    decoded: DecodedReader | None

    @classmethod
    def of(cls, reader: PlaceReader) -> _Asked:
        chain = reader if isinstance(reader, ChainReader) else None
        return cls(reader, chain, reader if isinstance(reader, DecodedReader) else None)


def _lying_in(readers: Sequence[_Asked], place: Residue) -> tuple[Lying, ...]:
    """Return what lies at a hit, as the readers of a file say: those that name nothing do not count beside others that do."""
    answers = [_lying(asked, place) for asked in readers]
    named = [lying for lying in answers if not any(isinstance(answer, NothingLive | CannotTell) for answer in lying)]
    return tuple(chain.from_iterable(named or answers))


def _lying(asked: _Asked, place: Residue) -> tuple[Lying, ...]:
    """Return what lies at a hit."""
    reader = asked.reader
    outermost = place.hidden.partition(" > ")[0]
    if outermost == NAME:
        return (reader.at_name() if isinstance(reader, NameReader) else NothingLive(NAME),)
    if outermost == BESIDE:
        return (reader.at_beside() if isinstance(reader, BesideReader) else NothingLive(BESIDE),)
    if outermost == ATTRIBUTE:
        return (NothingLive(ATTRIBUTE),)
    if asked.chain is not None and outermost.startswith(CHAINED):
        return asked.chain.at_page(place.offset)
    if place.inner is not None and asked.decoded is not None:
        alone = place.hidden in {outermost, f"{outermost} > {place.trace.form}"}
        return (asked.decoded.at_decoded(place.offset, place.hidden, place.inner, place.trace.length if alone else 0),)
    # Why no length: of decoded content the place is that of the container, and how long that is is not said.
    plain = place.hidden in {"plain", place.trace.form}
    return (reader.at(place.offset, place.trace.length if plain else 0),)
