"""Account for the places of a store that no dataset declares: which files lie there, and which of them nobody can read.

Each file that a scan reads is the store's own or a dataset's, or lies in a place that the map declares as opaque, ignores, or passes
over in silence. An opaque item of a living person is theirs: it is declared by its path. In ignored and undeclared places, bytes that
nothing explains may be anybody's.

Files of other stores of the map that lie below the root are accounted for in those stores. A column of a table that no dataset declares,
or that is about nobody, is a place like a file, by the name ``table.column``, where values in it are bytes. So is a file about nobody.
"""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import BinaryIO, NamedTuple, Protocol

from expunge.core.evidence.unread_places import PlaceKind, UnreadPlace, bucket
from expunge.core.values.copy import RawSource
from expunge.engine.kernel import store_calls
from expunge.engine.kernel.context import OpenPlaces
from expunge.ports.optional.file_listing import FileListing, NameFile
from expunge.ports.optional.remote_content import Remote
from expunge.ports.scanner import Treatment, UnreadFile
from expunge.ports.store import Store


class PlaceOfFile(NamedTuple):
    """The place that a file lies in which no dataset declares."""

    kind: PlaceKind
    pattern: str
    reason: str


class Account(Protocol):
    """Accounts for one file, or for the content of what is none; of the scanner."""

    def __call__(self, path: Path, content: BinaryIO | None = None, *, inside: bool = False) -> UnreadFile | None:
        """As :meth:`expunge.ports.scanner.Scanner.unread`."""
        ...


_LEAST_CELL = 64
"""Bytes of a value that is looked at: keys, digests and UUIDs are shorter, and shorter runs count nowhere."""


@dataclass
class _Count:
    files: int = 0
    bytes: int = 0
    unread_files: int = 0
    unread_bytes: int = 0


@dataclass
class StorePlaces:
    """The places of one store, during one look."""

    store: str
    declared: tuple[PlaceOfFile, ...]
    """The map's own, ``opaque:`` first."""
    name_of: NameFile | None
    """None where the store cannot tell its own files from others."""
    find_others: Callable[[], Iterable[tuple[Path, NameFile | None]]]
    """Finds roots of other stores that are below the store's own, or the same; of the latter, whose their files are."""
    cells: tuple[UnreadFile, ...] = ()
    """The columns with values of bytes in tables that belong to no person; the path is ``table.column``."""
    _counts: dict[PlaceOfFile, _Count] = field(default_factory=lambda: defaultdict(_Count))
    _others: tuple[tuple[Path, NameFile | None], ...] | None = None

    def place_of(self, path: Path) -> PlaceOfFile | None:
        """Return the place of a file; None for one that the store, a dataset or another store explains."""
        if self.name_of is None:
            return None
        found = self.name_of(path)
        if found is None:
            return None
        owned = found.own and not found.nobodys
        for place in self.declared:
            # Why opaque places first, and items too: a living person's may be one that a scan cannot read. Files of records may not.
            if (not owned or (found.item and place.kind is PlaceKind.OPAQUE)) and _fits(found.name, place.pattern):
                return None if self._is_anothers(path) else place
        return None if owned or self._is_anothers(path) else UNSAID

    def _is_anothers(self, path: Path) -> bool:
        if self._others is None:
            # Why not before: a server is asked for a checkpoint, and most stores hold no file but their own.
            self._others = tuple(self.find_others())
        for root, name_of in self._others:
            if path.is_relative_to(root):
                known = name_of(path) if name_of is not None else None
                if name_of is None or (known is not None and known.own):
                    return True
        return False

    def treat(self, path: Path, size: int) -> Treatment:
        """Tell a scan what to do with a file, and count it."""
        place = self.place_of(path)
        if place is None:
            return Treatment.OWN
        count = self._counts[place]
        count.files += 1
        count.bytes += size
        return Treatment.DECLARED if place.kind is PlaceKind.OPAQUE else Treatment.ACCOUNTED

    def place_of_column(self, name: str) -> PlaceOfFile:
        """Return the place of a column of a table that belongs to no person; a pattern may name the table alone."""
        table = name.rpartition(".")[0]
        return next((each for each in self.declared if _fits(name, each.pattern) or _fits(table, each.pattern)), UNSAID)

    def blocking(self, unread: Iterable[UnreadFile]) -> int:
        """Count the files, and columns, that keep the store from being clean."""
        places = [self.place_of(each.path) for each in unread]
        places += [self.place_of_column(str(each.path)) for each in self.cells if each.opaque + each.unknown]
        return sum(1 for place in places if place is not None and place.kind is not PlaceKind.OPAQUE)

    def listed(self, unread: Iterable[UnreadFile]) -> tuple[UnreadPlace, ...]:
        """Return the places for a receipt: those that the map declares, and what lies in no declared place."""
        counts = {place: _Count(each.files, each.bytes) for place, each in self._counts.items()}
        for each in unread:
            place = self.place_of(each.path)
            if place is not None and place.kind is not PlaceKind.OPAQUE:
                count = counts.setdefault(place, _Count(1, each.size))
                count.unread_files += 1
                count.unread_bytes += each.opaque + each.unknown
        for each in self.cells:
            count = counts.setdefault(self.place_of_column(str(each.path)), _Count())
            left = each.opaque + each.unknown
            count.files, count.bytes = count.files + 1, count.bytes + each.size
            count.unread_files, count.unread_bytes = count.unread_files + bool(left), count.unread_bytes + left
        return tuple(self._listed(counts))

    def _listed(self, counts: Mapping[PlaceOfFile, _Count]) -> Iterator[UnreadPlace]:
        for place in dict.fromkeys((*self.declared, *counts)):
            count = counts.get(place, _Count())
            if place.kind is PlaceKind.OPAQUE:
                count = _Count(count.files, count.bytes, count.files, count.bytes)
            elif place.kind is PlaceKind.UNDECLARED and not count.files:
                continue
            files, size = bucket(count.files), bucket(count.bytes)
            unread, parts = bucket(count.unread_files), bucket(count.unread_bytes)
            yield UnreadPlace(self.store, place.kind, place.pattern, place.reason, files, size, unread, parts)


UNSAID = PlaceOfFile(PlaceKind.UNDECLARED, "", "")
"""Where the map says nothing."""


def of_store(context: OpenPlaces, store: str, sources: Iterable[RawSource]) -> StorePlaces:
    """Return the places of a store, before a look at its sources. Raises what opening the store raises."""
    data_map = context.data_map
    opaque = [PlaceOfFile(PlaceKind.OPAQUE, each.pattern, each.reason) for each in data_map.opaque if each.store == store]
    ignored = [PlaceOfFile(PlaceKind.IGNORED, each.pattern, each.reason) for each in data_map.ignore if each.store == store]
    opened = context.open_store(store)
    names = opened.files() if isinstance(opened, FileListing) else None
    return StorePlaces(store, tuple(dict.fromkeys((*opaque, *ignored))), names, lambda: _others(context, store, sources))


def _others(context: OpenPlaces, store: str, sources: Iterable[RawSource]) -> Iterator[tuple[Path, NameFile | None]]:
    """Yield the roots of other stores below those of a store; of those that are the same, with what tells whose files there are."""
    own = {each.path.resolve() for each in sources}
    for name, spec in context.data_map.stores.items():
        if name == store:
            continue
        roots = [Path(spec.url)] if spec.url.startswith("/") else []
        names: NameFile | None = None
        try:
            opened = context.open_store(name)
            roots += [each.path for each in store_calls.raw(opened)]
            names = opened.files() if isinstance(opened, FileListing) else None
        except store_calls.TROUBLE:
            # Why none the less: it is away, and its place is known by the map.
            pass
        for root in dict.fromkeys(roots):
            whole = root.resolve()
            if whole in own:
                yield root, names
            elif any(whole.is_relative_to(each) for each in own):
                yield root, None


def unread_cells(store: Store, account: Account) -> Iterator[UnreadFile]:
    """Yield the columns of bytes in tables that belong to no person, with what nothing explains of their values. Raises as the store."""
    for name, cells in groupby(store_calls.packed_cells(store, _LEAST_CELL), key=itemgetter(0)):
        size = opaque = unknown = 0
        for _, value in cells:
            size += len(value)
            left = account(Path(name), io.BytesIO(value), inside=True)
            if left is not None:
                opaque, unknown = opaque + left.opaque, unknown + left.unknown
        yield UnreadFile(Path(name), size, opaque, unknown)


def _fits(name: str, pattern: str) -> bool:
    return fnmatchcase(name, pattern) or fnmatchcase(f"{name}/", pattern)


def remote_content(context: OpenPlaces, store: str) -> Iterator[Remote]:
    """Yield all that a store shows, without what lies in other stores of the map below its url."""
    opened = context.open_store(store)
    own = store_calls.interface(opened).rstrip("/")
    urls = (spec.url.rstrip("/") for name, spec in context.data_map.stores.items() if name != store)
    below = tuple(f"{url}/" for url in urls if url.startswith(f"{own}/"))
    for found in store_calls.content(opened) if own else ():
        if not found.url.startswith(below):
            yield found
