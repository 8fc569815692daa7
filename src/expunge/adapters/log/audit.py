"""Audit a log in full: hash every entry again, compare every tile, rebuild the root. Needs public keys only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import NoReturn

from expunge.adapters.host.disk_errors import guarded
from expunge.adapters.log.log_source import FolderSource, LogSource
from expunge.adapters.log.reading import LogFiles, read_tile
from expunge.core import merkle
from expunge.core.log import checkpoint, log_tiles
from expunge.core.log.signed_head import SignedHead, open_head
from expunge.core.log.trust import TrustPolicy
from expunge.core.note import MAX_NOTE
from expunge.errors import EvidenceInvalid


@dataclass(frozen=True)
class LogAudit:
    """The result of an audit: the parts that were checked."""

    signed: SignedHead
    bundles: int
    tiles: int
    known: int
    """Earlier (size, root) pairs that the log still contains."""
    leftover: tuple[str, ...]
    """Files that belong to no published state, as a crash may leave them: harmless, and removed by the next append."""
    whole: bool
    """Whether every entry and tile was read; else only what ties the earlier checkpoints to the head."""

    @property
    def head(self) -> checkpoint.Checkpoint:
        """The head that was audited."""
        return self.signed.head

    @property
    def signers(self) -> int:
        """Keys of the log that signed it."""
        return len(self.signed.signers)


def read_head(source: LogSource, policy: TrustPolicy, now: datetime | None) -> SignedHead:
    """Read and check the head that a log shows. Raises EvidenceInvalid, LogUnreached, StateUnavailable."""
    with guarded("the log could not be read"):
        return open_head(_checkpoint(source), policy, now=now)


def verify_log(
    source: LogSource | Path, policy: TrustPolicy, known: Iterable[tuple[int, bytes]] = (), *, now: datetime | None = None
) -> LogAudit:
    """Check a whole log.

    Args:
        source: a folder or an address that holds ``checkpoint`` and ``tile``.
        policy: whose signatures and cosignatures count.
        known: (size, root) of earlier checkpoints, from receipts or from the journal; each must be a beginning of this log.
        now: the time of asking, for times of cosignatures and keys that were replaced.

    Raises:
        EvidenceInvalid: when anything at or below the signed size is missing, changed or not what was known before, or the log's own
            signatures or the quorum of the policy are missing; names the file.
        LogUnreached, StateUnavailable: when the log does not answer, or the disk fails.
    """
    source = FolderSource(source) if isinstance(source, Path) else source
    signed = read_head(source, policy, now)
    with guarded("the log could not be read"):
        head = signed.head
        expected: set[str] = {log_tiles.CHECKPOINT}
        earlier = set(known)
        waiting = sorted({*earlier, (head.size, head.root)})
        _refuse_shorter(waiting, head.size)
        edges: log_tiles.Edges = {}
        for n in range(-(-head.size // log_tiles.WIDTH)):
            hashes = list(_entries(source, n, head.size, expected))
            while waiting and waiting[0][0] <= n * log_tiles.WIDTH + len(hashes):
                size, root = waiting.pop(0)
                within, _ = log_tiles.grow(n * log_tiles.WIDTH, edges, hashes[: max(0, size - n * log_tiles.WIDTH)])
                _check_root(size, root, log_tiles.edge_root(size, within))
            edges, made = log_tiles.grow(n * log_tiles.WIDTH, edges, hashes)
            for place, content in made:
                if place.width == log_tiles.WIDTH:
                    _compare(source, log_tiles.tile_name(place), content, expected)
        for place in log_tiles.edge_places(head.size):
            _compare(source, log_tiles.tile_name(place), edges[place.level].hashes, expected)
        for size, root in waiting:
            _check_root(size, root, log_tiles.edge_root(size, edges))
        bundles = sum(name.startswith("tile/entries/") for name in expected)
        leftover = tuple(_leftover(source.folder, expected)) if isinstance(source, FolderSource) else ()
    return LogAudit(signed, bundles, len(expected) - bundles - 1, len(earlier), leftover, whole=True)


def verify_growth(
    source: LogSource, policy: TrustPolicy, known: Iterable[tuple[int, bytes]], *, now: datetime | None = None
) -> tuple[LogAudit, LogView]:
    """Check that earlier checkpoints are beginnings of the log of now, reading only the tiles that this takes.

    Returns:
        What was checked, and the log of now, to ask for entries and proofs.

    Raises:
        As :func:`verify_log`.
    """
    signed = read_head(source, policy, now)
    earlier = set(known)
    _refuse_shorter(sorted(earlier), signed.head.size)
    with guarded("the log could not be read"):
        view = LogView(source, signed)
        for size, root in sorted(earlier):
            _check_root(size, root, view.root(size))
    return LogAudit(signed, 0, view.tiles, len(earlier), (), whole=False), view


class LogView:
    """One head of a log, with the tiles and entries under it. Every hash is checked against the signed root before it is used."""

    def __init__(self, source: LogSource, signed: SignedHead) -> None:
        """Reads the right edge of the tree. Raises as :func:`verify_log`."""
        self.signed = signed
        self._counted = _Counting(source)
        self._files = LogFiles(self._counted, _refuse)
        self._snapshot = self._files.snapshot(signed.head, signed.note)

    @property
    def tiles(self) -> int:
        """Files that were read."""
        return self._counted.read_files

    def root(self, size: int) -> bytes:
        """Root of the first ``size`` entries; at most the size of the head."""
        with guarded("the log could not be read"):
            return merkle.tree_root(size, self._files.node(self._snapshot))

    def leaf_hash(self, index: int) -> bytes:
        """Hash of the leaf at ``index``, below the size of the head, as the tiles have it."""
        with guarded("the log could not be read"):
            return self._files.node(self._snapshot)(0, index)

    def bundle(self, n: int) -> list[bytes]:
        """The entries of one bundle, checked against the tiles. Raises EvidenceInvalid where they are missing or changed."""
        with guarded("the log could not be read"):
            return self._files.entries(self._snapshot, n)


class _Counting:
    """A source that counts the files it gives."""

    def __init__(self, source: LogSource) -> None:
        self._source = source
        self.where = source.where
        self.read_files = 0

    def read(self, name: str, most: int) -> bytes | None:
        self.read_files += 1
        return self._source.read(name, most)


def _checkpoint(source: LogSource) -> bytes:
    data = source.read(log_tiles.CHECKPOINT, MAX_NOTE)
    if data is None:
        message = f"there is no log at {source.where}: it has no checkpoint"
        raise EvidenceInvalid(message, help="name the folder or address under which `checkpoint` and `tile` lie")
    return data


def _entries(source: LogSource, n: int, size: int, expected: set[str]) -> Iterator[bytes]:
    width = min(log_tiles.WIDTH, size - n * log_tiles.WIDTH)
    name = log_tiles.bundle_name(n, width)
    expected.add(name)
    entries = log_tiles.split_bundle(_read(source, name))
    if len(entries) != width:
        _refuse(f"{name} does not hold {width} entries")
    return map(merkle.leaf_hash, entries)


def _compare(source: LogSource, name: str, content: bytes, expected: set[str]) -> None:
    expected.add(name)
    if _read(source, name) != content:
        _refuse(f"{name} does not belong to the entries")


def _refuse_shorter(known: Iterable[tuple[int, bytes]], size: int) -> None:
    longest = max((earlier for earlier, _ in known), default=0)
    if longest > size:
        _refuse(f"it is shorter than the {longest} entries that were published before: it has {size}")


def _check_root(size: int, root: bytes, found: bytes) -> None:
    if found != root:
        _refuse(f"its first {size} entries do not have the root that was published: this is a fork of the log that was shown before")


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


def _read(source: LogSource, name: str) -> bytes:
    data = read_tile(source, name)
    if data is None:
        _refuse(f"{name} is missing")
    return data


def _refuse(what: str) -> NoReturn:
    message = f"the log does not verify: {what}"
    raise EvidenceInvalid(message, help="do not rely on it; keep both checkpoints, and compare the log with a copy")
