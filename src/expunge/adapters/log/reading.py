"""Read a log's files. Every tile is checked against the signed root before a hash of it is used."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NoReturn

from expunge.adapters.log.log_source import LogSource
from expunge.core import merkle
from expunge.core.log import checkpoint, log_tiles
from expunge.core.log.signed_head import open_own
from expunge.core.note import VerifierKey
from expunge.errors import EvidenceInvalid, StateCorrupt, StateRolledBack

_HELP = "restore the log's folder from a copy that is not older than the last receipt; do not delete or edit files in it"
_TILES_KEPT = 1024
"""Checked tiles kept in memory: about 17 KB each."""


@dataclass(frozen=True)
class LogSnapshot:
    """One published state of a log, with the data needed to read from it and to append to it."""

    head: checkpoint.Checkpoint
    note: bytes
    """The checkpoint file."""
    edges: log_tiles.Edges
    bundle: bytes | None
    """The partial bundle of entries at the right edge; None where it was not asked for."""

    @property
    def size(self) -> int:
        """Number of entries."""
        return self.head.size


def corrupt(what: str) -> NoReturn:
    """Raise the error for a log that contradicts itself or a fact known about it elsewhere."""
    message = f"the log is damaged: {what}"
    raise StateCorrupt(message, help=_HELP)


def older(what: str) -> NoReturn:
    """Raise the error for a log that lacks entries which were published before."""
    message = f"the log is damaged: {what}"
    raise StateRolledBack(message, help=_HELP)


def read_tile(source: LogSource, name: str) -> bytes | None:
    """Return a tile or bundle, not checked. A partial one that is gone, being full by now, is cut from the full one (C2SP tlog-tiles)."""
    data = source.read(name, log_tiles.most_bytes(name))
    whole, partial, width = name.rpartition(".p/")
    if data is not None or not partial:
        return data
    full = source.read(whole, log_tiles.most_bytes(whole))
    return None if full is None else log_tiles.cut(whole, full, int(width))


class LogFiles:
    """The files of one log.

    Args:
        source: a folder or an address.
        refuse: raises the error for files that are not what was signed.

    Tiles are checked from the top: the partial tiles at the right edge determine the root, which is signed; a full tile's hash stands in
    the tile above it. So damage at or below the published size is found when it is read, in every file.
    """

    def __init__(self, source: LogSource, refuse: Callable[[str], NoReturn] = corrupt) -> None:
        self._source = source
        self._refuse = refuse
        self._full = lru_cache(maxsize=_TILES_KEPT)(self._read_full)

    def load(self, note: bytes, keys: Sequence[VerifierKey]) -> LogSnapshot:
        """Check a log's own checkpoint, the right edge of its tree, and its last entries. Raises StateCorrupt, OSError."""
        try:
            head = open_own(note, keys)
        except EvidenceInvalid as error:
            self._refuse(f"its checkpoint does not verify ({error.message})")
        return self.snapshot(head, note, entries=True)

    def snapshot(self, head: checkpoint.Checkpoint, note: bytes, *, entries: bool = False) -> LogSnapshot:
        """Check the right edge of the tree under a checkpoint that was opened, and its last entries where they are asked for."""
        edges = {}
        for place in log_tiles.edge_places(head.size):
            content = self._read(log_tiles.tile_name(place))
            if len(content) != place.width * merkle.HASH_SIZE:
                self._refuse(f"{log_tiles.tile_name(place)} has the wrong length")
            edges[place.level] = log_tiles.Tile(content)
        if log_tiles.edge_root(head.size, edges) != head.root:
            self._refuse("its tiles do not lead to the root that was signed")
        n, width = divmod(head.size, log_tiles.WIDTH)
        bundle = b"" if entries else None
        if width and entries:
            bundle = self._read(log_tiles.bundle_name(n, width))
            self._check_entries(bundle, edges[0], log_tiles.bundle_name(n, width))
        return LogSnapshot(head, note, edges, bundle)

    def tile(self, snapshot: LogSnapshot, level: int, n: int) -> log_tiles.Tile:
        """Return a tile as of ``snapshot``, checked. Raises StateCorrupt, OSError."""
        if n == snapshot.size >> log_tiles.HEIGHT * (level + 1):
            edge = snapshot.edges.get(level)
            if edge is None:
                raise EvidenceInvalid("the log is not that large")
            return edge
        above = self.tile(snapshot, level + 1, n // log_tiles.WIDTH)
        return self._full(level, n, above.hash(0, n % log_tiles.WIDTH))

    def node(self, snapshot: LogSnapshot) -> merkle.Node:
        """Return the tree of ``snapshot`` for making proofs."""

        def node(level: int, index: int) -> bytes:
            tile, height = divmod(level, log_tiles.HEIGHT)
            n, within = divmod(index, log_tiles.WIDTH >> height)
            return self.tile(snapshot, tile, n).hash(height, within)

        return node

    def entry(self, snapshot: LogSnapshot, index: int) -> bytes:
        """One entry, checked. Raises EvidenceInvalid beyond the size, StateCorrupt, OSError."""
        if type(index) is not int or not 0 <= index < snapshot.size:
            raise EvidenceInvalid("the log has no entry of that index")
        n, within = divmod(index, log_tiles.WIDTH)
        return self.entries(snapshot, n)[within]

    def entries(self, snapshot: LogSnapshot, n: int) -> list[bytes]:
        """The entries of bundle ``n``, checked. Raises StateCorrupt, OSError."""
        at_edge = n == snapshot.size // log_tiles.WIDTH
        name = log_tiles.bundle_name(n, snapshot.size % log_tiles.WIDTH if at_edge else log_tiles.WIDTH)
        bundle = snapshot.bundle if at_edge and snapshot.bundle is not None else self._read(name)
        return self._check_entries(bundle, self.tile(snapshot, 0, n), name)

    def _read_full(self, level: int, n: int, root: bytes) -> log_tiles.Tile:
        name = log_tiles.tile_name(log_tiles.TileAddress(level, n, log_tiles.WIDTH))
        content = self._read(name)
        tile = log_tiles.Tile(content)
        if len(content) != log_tiles.FULL or tile.hash(log_tiles.HEIGHT, 0) != root:
            self._refuse(f"{name} is not what was signed")
        return tile

    def _read(self, name: str) -> bytes:
        try:
            data = read_tile(self._source, name)
        except EvidenceInvalid as error:
            self._refuse(error.message)
        if data is None:
            self._refuse(f"{name} is missing")
        return data

    def _check_entries(self, bundle: bytes, tile: log_tiles.Tile, name: str) -> list[bytes]:
        try:
            entries = log_tiles.split_bundle(bundle)
        except EvidenceInvalid:
            self._refuse(f"{name} is cut off")
        if b"".join(map(merkle.leaf_hash, entries)) != tile.hashes:
            self._refuse(f"{name} is not what was signed")
        return entries
