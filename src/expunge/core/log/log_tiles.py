"""The layout of a log as files (C2SP tlog-tiles): names, tiles of hashes, bundles of entries, and growing them. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import sha256
from typing import NamedTuple

from expunge.core.merkle import HASH_SIZE, tree_root
from expunge.errors import EvidenceInvalid

HEIGHT = 8
WIDTH = 1 << HEIGHT
FULL = WIDTH * HASH_SIZE
MAX_LEVEL = 7
"""A log of fewer than 2^63 leaves has tiles of levels 0 to 7."""
MAX_ENTRY = 65_535
CHECKPOINT = "checkpoint"
"""File name of the signed head."""


class TileAddress(NamedTuple):
    """One tile of a tree: level, index within the level, and its number of hashes (256 when full)."""

    level: int
    n: int
    width: int


class Tile:
    """Up to 256 hashes of one level, with the levels between them and the next tile above."""

    __slots__ = ("levels", "width")

    def __init__(self, hashes: bytes) -> None:
        self.width = len(hashes) // HASH_SIZE
        self.levels = [hashes]
        while len(self.levels[-1]) > HASH_SIZE:
            self.levels.append(_parents(self.levels[-1]))

    @property
    def hashes(self) -> bytes:
        """The file's content."""
        return self.levels[0]

    def hash(self, height: int, index: int) -> bytes:
        """Hash ``index`` at ``height`` levels above the tile's own hashes."""
        found = self.levels[height][index * HASH_SIZE : (index + 1) * HASH_SIZE] if height < len(self.levels) else b""
        if not found:
            message = "the tree is not large enough for this proof"
            raise EvidenceInvalid(message)
        return found


Edges = Mapping[int, Tile]
"""Level -> the partial tile at the right edge of the tree; a level without one is missing. They alone determine the root."""


def tile_name(place: TileAddress) -> str:
    """Relative path of a tile."""
    return f"tile/{place.level}/{_index(place.n)}{_suffix(place.width)}"


def bundle_name(n: int, width: int) -> str:
    """Relative path of a bundle of entries."""
    return f"tile/entries/{_index(n)}{_suffix(width)}"


def entries_row(n: int) -> str:
    """Relative path of the full bundle ``n``."""
    return bundle_name(n, WIDTH)


def tile_row(level: int) -> Callable[[int], str]:
    """Relative paths of the full tiles of one level, by index."""

    def name(n: int) -> str:
        return tile_name(TileAddress(level, n, WIDTH))

    return name


def edge_places(size: int) -> tuple[TileAddress, ...]:
    """The partial tiles of a tree of ``size`` leaves, lowest level first."""
    places = []
    level, count = 0, size
    while count:
        if count % WIDTH:
            places.append(TileAddress(level, count // WIDTH, count % WIDTH))
        level, count = level + 1, count // WIDTH
    return tuple(places)


def edge_root(size: int, edges: Edges) -> bytes:
    """Root of the tree of ``size`` leaves, from its partial tiles."""

    def node(level: int, index: int) -> bytes:
        tile, height = divmod(level, HEIGHT)
        return edges[tile].hash(height, index % (WIDTH >> height))

    return tree_root(size, node)


def grow(size: int, edges: Edges, hashes: Sequence[bytes]) -> tuple[dict[int, Tile], list[tuple[TileAddress, bytes]]]:
    """Append leaf hashes to a tree.

    Args:
        size: leaves before.
        edges: partial tiles before.
        hashes: new leaf hashes.

    Returns:
        The partial tiles after, and every tile that is new or has grown, lower levels first.
    """
    after, made = dict(edges), []
    level, count, pending = 0, size, b"".join(hashes)
    while pending:
        n = count // WIDTH
        edge = after.pop(level, None)
        whole = (edge.hashes if edge else b"") + pending
        above = []
        for start in range(0, len(whole) - FULL + 1, FULL):
            content = whole[start : start + FULL]
            made.append((TileAddress(level, n, WIDTH), content))
            above.append(Tile(content).hash(HEIGHT, 0))
            n += 1
        rest = whole[len(above) * FULL :]
        if rest:
            after[level] = Tile(rest)
            made.append((TileAddress(level, n, len(rest) // HASH_SIZE), rest))
        level, count, pending = level + 1, count // WIDTH, b"".join(above)
    return after, made


def encode_bundle(entries: Iterable[bytes]) -> bytes:
    """Encode entries, each with its length in two bytes before it. Raises EvidenceInvalid for an entry that is too long."""
    parts: list[bytes] = []
    for entry in entries:
        if len(entry) > MAX_ENTRY:
            message = f"a log entry may have {MAX_ENTRY} bytes at most"
            raise EvidenceInvalid(message)
        parts += (len(entry).to_bytes(2, "big"), entry)
    return b"".join(parts)


def split_bundle(data: bytes) -> list[bytes]:
    """The entries of a bundle. Raises EvidenceInvalid when it ends in the middle of one, or holds more than a bundle does."""
    entries: list[bytes] = []
    at = 0
    while at < len(data):
        end = at + 2 + int.from_bytes(data[at : at + 2], "big")
        if end > len(data) or at + 2 > len(data):
            raise EvidenceInvalid("a bundle of log entries is cut off")
        if len(entries) == WIDTH:
            raise EvidenceInvalid("a bundle of log entries holds too many")
        entries.append(data[at + 2 : end])
        at = end
    return entries


def most_bytes(name: str) -> int:
    """Return the greatest length of a tile or bundle of that name."""
    width = int(name.rpartition(".p/")[2]) if ".p/" in name else WIDTH
    return width * (2 + MAX_ENTRY) if name.startswith("tile/entries/") else width * HASH_SIZE


def cut(name: str, whole: bytes, width: int) -> bytes:
    """Return the partial form, ``width`` wide, of the full tile or bundle ``name``. Raises EvidenceInvalid for a bundle that is cut off."""
    if name.startswith("tile/entries/"):
        return encode_bundle(split_bundle(whole)[:width])
    return whole[: width * HASH_SIZE]


def _parents(hashes: bytes) -> bytes:
    return b"".join(
        sha256(b"\x01" + hashes[at : at + 2 * HASH_SIZE]).digest() for at in range(0, len(hashes) - 2 * HASH_SIZE + 1, 2 * HASH_SIZE)
    )


def _index(n: int) -> str:
    """``1234067`` is ``x001/x234/067``."""
    last, n = f"{n % 1000:03d}", n // 1000
    parts = [last]
    while n:
        parts.append(f"x{n % 1000:03d}")
        n //= 1000
    return "/".join(reversed(parts))


def _suffix(width: int) -> str:
    return "" if width == WIDTH else f".p/{width}"
