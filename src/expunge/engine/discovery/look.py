"""One look for undeclared places: what it compares with, and what it found so far."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from expunge.core.datamap.datamap import DataMap, StorePart
from expunge.core.discovery.discovery import FoundPlace, IgnoredPlace, UnseenPlace
from expunge.engine.discovery.known_people import KnownPeople
from expunge.engine.discovery.readers import DiscoveryReaders
from expunge.engine.kernel import store_calls
from expunge.ports.map_entries import EntryPlace

DATABASE = "the database "
"""Stands before the name of a database that lies beside a store."""


@dataclass
class Look:
    """The state of a look."""

    data_map: DataMap
    readers: DiscoveryReaders
    known: KnownPeople
    found: list[FoundPlace] = field(default_factory=list)
    unseen: list[UnseenPlace] = field(default_factory=list)
    ignored: list[IgnoredPlace] = field(default_factory=list)
    bounds: dict[str, None] = field(default_factory=dict)
    seen: set[Path] = field(default_factory=set)
    """Files of this machine that were looked at: a folder may be beside several stores."""
    urls: set[str] = field(default_factory=set, repr=False)
    """Databases and buckets that were looked at: they are beside every store of their server."""
    held: set[tuple[str, str]] = field(default_factory=set)
    """Store and pattern of what the map ignores and a look found people in."""
    _names: set[str] = field(default_factory=set)

    def is_new(self, url: str) -> bool:
        """Return whether a place beside a store was not looked at yet, and note that it is now."""
        known = bool(url) and url in self.urls
        self.urls.add(url)
        return not known

    def not_ours(self, store: str, place: str) -> str:
        """Return why the map says that a database beside a store is somebody else's; empty where it does not."""
        name = place.removeprefix(DATABASE).partition(": ")[0] if place.startswith(DATABASE) else ""
        told = (each.reason for each in self.data_map.not_ours if each.store == store and name and fnmatchcase(name, each.database))
        return next(told, "")

    def could_not(self, store: str, place: str, error: Exception) -> None:
        """Add a place that could not be looked at."""
        unable = store_calls.as_unable(error)
        self.unseen.append(UnseenPlace(store, place, unable.detail or unable.reason.value))

    def told(self, name: str, instead: str) -> str:
        """Return a name of a schema or file as it may be told: not one that is an identity, or has one in it."""
        return instead if self.known.sketch.kinds_in(name) else name

    def parts(self, store: str) -> Iterator[StorePart]:
        """Yield what the map ignores of a store, and what it says nobody can read."""
        yield from (each for each in (*self.data_map.ignore, *self.data_map.opaque) if each.store == store)

    def part_of(self, store: str, *names: str) -> StorePart | None:
        """Return the part of a store that the map ignores and that has one of these names."""
        return next((each for each in self.parts(store) if any(_fits(name, each.pattern) for name in names)), None)

    def reason_held(self, store: str, *names: str) -> str:
        """Return why the map ignores a place in which people were found; empty for a place of which it says nothing."""
        part = self.part_of(store, *names)
        self.held |= {(store, part.pattern)} if part is not None else set()
        return part.reason if part is not None else ""

    def entry_place(
        self, store: str, *, new: str = "", kind: str = "", url: str = "", root: Path = Path("/"), secret: bool = False
    ) -> EntryPlace:
        """Return what lines for a store of the map, or for a new one, are written for."""
        names = (new, f"{new}_2", f"{new}_3", f"{new}_4", f"{new}_5", f"{new}_of_{store}")
        name = next((each for each in names if each not in self.data_map.stores and each not in self._names), new) if new else store
        self._names |= {name} if new else set()
        retention = next(iter(self.data_map.retention), "")
        return EntryPlace(name, kind, url, secret, root, frozenset(self.data_map.datasets), retention)

    def declared_as(self, url: str, store: str) -> str:
        """Return the store of the map, or the words for Expunge's own state, that another database is; empty for one that is none."""
        here = _address(url)
        if self.data_map.state_url and _address(self.data_map.state_url) == here:
            return "Expunge's own state"
        return next((name for name, spec in self.data_map.stores.items() if name != store and _address(spec.url) == here), "")


def _fits(name: str, pattern: str) -> bool:
    return fnmatchcase(name, pattern) or fnmatchcase(f"{name}/", pattern)


def _address(url: str) -> tuple[str, str, str]:
    """The host, port and database of an address; the address itself where it is none of a server."""
    if not url.startswith(("postgresql://", "postgres://")):
        return url, "", ""
    try:
        parts = urlsplit(url)
        asked = parse_qs(parts.query)
        host = asked.get("host", [parts.hostname or ""])[0]
        port = asked.get("port", [str(parts.port or 5432)])[0]
        return host, port, asked.get("dbname", [parts.path.strip("/")])[0]
    except ValueError:
        return url, "", ""
