"""Audit a log's folder in full: hash every entry again, compare every tile, rebuild the root. Needs public keys only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from expunge.adapters.host.disk_errors import guarded
from expunge.core import merkle
from expunge.core.log import checkpoint, log_tiles
from expunge.core.note import VerifierKey, open_strict
from expunge.errors import EvidenceInvalid


@dataclass(frozen=True)
class LogAudit:
    """The result of an audit: the parts that were checked."""

    head: checkpoint.Checkpoint
    signers: int
    """Signature lines that verified."""
    bundles: int
    tiles: int
    known: int
    """Earlier (size, root) pairs that the log still contains."""
    leftover: tuple[str, ...]
    """Files that belong to no published state, as a crash may leave them: harmless, and removed by the next append."""


def verify_log(folder: Path, keys: Sequence[VerifierKey], known: Iterable[tuple[int, bytes]] = ()) -> LogAudit:
    """Check a whole log.

    Args:
        folder: holds ``checkpoint`` and ``tile``.
        keys: every key that signs its checkpoints, in order (see :meth:`expunge.core.log.trust.TrustPolicy.checkpoint_keys`).
        known: (size, root) of earlier checkpoints, from receipts or from the journal; each must be a beginning of this log.

    Raises:
        EvidenceInvalid: when anything at or below the signed size is missing, changed or not what was known before; names the file.
        StateUnavailable: when the disk fails.
    """
    with guarded("the log could not be read"):
        text, signed = open_strict(_read(folder, log_tiles.CHECKPOINT), keys)
        head = checkpoint.parse(text)
        if not signed or head.origin != keys[0].name:
            _refuse("its checkpoint is of another log")
        expected: set[str] = {log_tiles.CHECKPOINT}
        earlier = set(known)
        waiting = sorted({*earlier, (head.size, head.root)})
        edges: log_tiles.Edges = {}
        for n in range(-(-head.size // log_tiles.WIDTH)):
            hashes = list(_entries(folder, n, head.size, expected))
            while waiting and waiting[0][0] <= n * log_tiles.WIDTH + len(hashes):
                size, root = waiting.pop(0)
                within, _ = log_tiles.grow(n * log_tiles.WIDTH, edges, hashes[: max(0, size - n * log_tiles.WIDTH)])
                _check_root(size, root, within)
            edges, made = log_tiles.grow(n * log_tiles.WIDTH, edges, hashes)
            for place, content in made:
                if place.width == log_tiles.WIDTH:
                    _compare(folder, log_tiles.tile_name(place), content, expected)
        for place in log_tiles.edge_places(head.size):
            _compare(folder, log_tiles.tile_name(place), edges[place.level].hashes, expected)
        for size, root in waiting:
            _check_root(size, root, edges if size <= head.size else None)
        bundles = sum(name.startswith("tile/entries/") for name in expected)
        leftover = tuple(_leftover(folder, expected))
    return LogAudit(head, len(signed), bundles, len(expected) - bundles - 1, len(earlier), leftover)


def _entries(folder: Path, n: int, size: int, expected: set[str]) -> Iterator[bytes]:
    width = min(log_tiles.WIDTH, size - n * log_tiles.WIDTH)
    name = log_tiles.bundle_name(n, width)
    expected.add(name)
    entries = log_tiles.split_bundle(_read(folder, name))
    if len(entries) != width:
        _refuse(f"{name} does not hold {width} entries")
    return map(merkle.leaf_hash, entries)


def _compare(folder: Path, name: str, content: bytes, expected: set[str]) -> None:
    expected.add(name)
    if _read(folder, name) != content:
        _refuse(f"{name} does not belong to the entries")


def _check_root(size: int, root: bytes, edges: log_tiles.Edges | None) -> None:
    if edges is None:
        _refuse(f"it is shorter than the {size} entries that were published before")
    if log_tiles.edge_root(size, edges) != root:
        _refuse(f"its first {size} entries do not have the root that was published")


def _leftover(folder: Path, expected: set[str]) -> Iterator[str]:
    """Files beyond what is expected; earlier partial forms of the right edge belong to earlier checkpoints and must agree."""
    for path in sorted((folder / "tile").rglob("*")):
        name = str(path.relative_to(folder))
        if name in expected or path.is_dir():
            continue
        whole = _edge_content(folder, path, expected)
        if whole is None:
            yield name
        elif not whole.startswith(path.read_bytes()):
            _refuse(f"{name} does not agree with what came after it")


def _edge_content(folder: Path, path: Path, expected: set[str]) -> bytes | None:
    """The published partial file of the same tile, where ``path`` is an earlier, shorter one."""
    if path.parent.suffix != ".p" or not path.name.isdigit():
        return None
    for other in path.parent.iterdir():
        if str(other.relative_to(folder)) in expected and int(other.name) > int(path.name):
            return other.read_bytes()
    return None


def _read(folder: Path, name: str) -> bytes:
    try:
        return (folder / name).read_bytes()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        _refuse(f"{name} is missing")


def _refuse(what: str) -> NoReturn:
    message = f"the log does not verify: {what}"
    raise EvidenceInvalid(message, help="do not rely on it; compare it with a copy, and with the checkpoints in receipts")
