"""Read a log's files. Every tile is checked against the signed root before a hash of it is used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NoReturn

from expunge.core import merkle
from expunge.core.log import checkpoint, log_tiles
from expunge.core.note import VerifierKey, open_strict
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
    bundle: bytes
    """The partial bundle of entries at the right edge."""

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


class LogFiles:
    """The files under one folder.

    Tiles are checked from the top: the partial tiles at the right edge determine the root, which is signed; a full tile's hash stands in
    the tile above it. So damage at or below the published size is found when it is read, in every file.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._full = lru_cache(maxsize=_TILES_KEPT)(self._read_full)

    def load(self, note: bytes, keys: Sequence[VerifierKey]) -> LogSnapshot:
        """Check a checkpoint and the right edge of its tree. Raises StateCorrupt, OSError."""
        try:
            text, signed = open_strict(note, keys)
            head = checkpoint.parse(text)
        except EvidenceInvalid as error:
            corrupt(f"its checkpoint does not verify ({error.message})")
        if len(signed) != len(keys) or head.origin != keys[0].name:
            corrupt("its checkpoint is not signed by both of its keys")
        edges = {}
        for place in log_tiles.edge_places(head.size):
            content = self._read(log_tiles.tile_name(place))
            if len(content) != place.width * merkle.HASH_SIZE:
                corrupt(f"{log_tiles.tile_name(place)} has the wrong length")
            edges[place.level] = log_tiles.Tile(content)
        if log_tiles.edge_root(head.size, edges) != head.root:
            corrupt("its tiles do not lead to the root that was signed")
        width = head.size % log_tiles.WIDTH
        bundle = self._read(log_tiles.bundle_name(head.size // log_tiles.WIDTH, width)) if width else b""
        if width:
            _check_entries(bundle, edges[0], log_tiles.bundle_name(head.size // log_tiles.WIDTH, width))
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
        at_edge = n == snapshot.size // log_tiles.WIDTH
        name = log_tiles.bundle_name(n, snapshot.size % log_tiles.WIDTH if at_edge else log_tiles.WIDTH)
        bundle = snapshot.bundle if at_edge else self._read(name)
        return _check_entries(bundle, self.tile(snapshot, 0, n), name)[within]

    def _read_full(self, level: int, n: int, root: bytes) -> log_tiles.Tile:
        name = log_tiles.tile_name(log_tiles.TileAddress(level, n, log_tiles.WIDTH))
        content = self._read(name)
        tile = log_tiles.Tile(content)
        if len(content) != log_tiles.FULL or tile.hash(log_tiles.HEIGHT, 0) != root:
            corrupt(f"{name} is not what was signed")
        return tile

    def _read(self, name: str) -> bytes:
        try:
            return (self._folder / name).read_bytes()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            corrupt(f"{name} is missing")


def _check_entries(bundle: bytes, tile: log_tiles.Tile, name: str) -> list[bytes]:
    try:
        entries = log_tiles.split_bundle(bundle)
    except EvidenceInvalid:
        corrupt(f"{name} is cut off")
    if b"".join(map(merkle.leaf_hash, entries)) != tile.hashes:
        corrupt(f"{name} is not what was signed")
    return entries
