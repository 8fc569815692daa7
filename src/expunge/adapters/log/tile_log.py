"""The transparency log as plain files (C2SP tlog-tiles), which any web server can serve.

Entries and tiles are written first, under names that no published checkpoint needs, each forced to the device; then their folders; then the
checkpoint by rename. Only the rename publishes. Files that a crash leaves before it lie outside the signed tree. The next append writes
over them or removes them.

Where witnesses are asked, the signed checkpoint is kept as ``.pending`` before any of them sees it. Whatever happens then, the next append
goes on from that tree: a log that a witness has seen must never be signed otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from expunge import durable
from expunge.adapters.host.disk_errors import guarded
from expunge.adapters.host.file_lock import FileLock
from expunge.adapters.log.cosigning import Witnesses
from expunge.adapters.log.log_source import FolderSource
from expunge.adapters.log.reading import LogFiles, LogSnapshot, corrupt, older
from expunge.core import merkle
from expunge.core.log import checkpoint, log_tiles
from expunge.core.log.signed_head import open_own
from expunge.core.note import VerifierKey, parse_note
from expunge.errors import EvidenceInvalid, NotWitnessed, StateCorrupt
from expunge.ports.keys import Keys
from expunge.ports.log import LogHead

_LOCK = ".lock"
_PENDING = ".pending"
"""The checkpoint that was signed for witnesses and not published yet, after the time at which it was first."""
_TIME = "%Y-%m-%dT%H:%M:%SZ"
_WRITE = "the log could not be written"
_READ = "the log could not be read"


def _no_anchor() -> tuple[int, bytes] | None:
    return None


class TileLog:
    """A :class:`expunge.ports.log.TransparencyLog` in a folder.

    Args:
        folder: made, with an empty signed tree, where it does not exist.
        origin: the log's name; it stands in every checkpoint and never changes.
        keys: signs checkpoints by the two keys of the log.
        anchor: the last (size, root) that is known elsewhere, as in the journal; asked whenever the log is read from disk, so that a folder
            put back from an old copy, or swapped for another, is refused instead of continued.
        former: pairs of public keys (Ed25519, P-256) that were rotated out: a tree signed by one of them is signed anew, at the same size.
        wait: seconds to wait for another writer before ``Busy``.
        witnesses: asked for cosignatures before a checkpoint is published; None to ask nobody.

    Every method raises StateCorrupt when the log contradicts itself, its keys, its anchor, or what this object saw earlier, and
    StateUnavailable when the disk fails.
    """

    def __init__(
        self,
        folder: Path,
        origin: str,
        keys: Keys,
        *,
        anchor: Callable[[], tuple[int, bytes] | None] = _no_anchor,
        former: Sequence[tuple[bytes, bytes]] = (),
        wait: float = 10.0,
        witnesses: Witnesses | None = None,
    ) -> None:
        self.origin = origin
        self._folder = folder
        self._keys = keys
        self._verifiers = checkpoint.log_keys(origin, keys.log_public(), keys.log_public_p256())
        self._anchor = anchor
        self._former = [checkpoint.log_keys(origin, *pair) for pair in former]
        self._witnesses = witnesses
        self._files = LogFiles(FolderSource(folder))
        self._state: LogSnapshot | None = None
        self._swept = False
        with guarded(_WRITE):
            folder.mkdir(parents=True, exist_ok=True)
        self._lock = FileLock(folder / _LOCK, wait=wait, busy="another process writes to the log")
        if not (folder / log_tiles.CHECKPOINT).exists():
            self._create()
        self._take_over()
        self._fresh()

    def head(self) -> LogHead:
        """Return the latest published head."""
        state = self._fresh()
        return LogHead(state.size, state.head.root, state.note)

    def append(self, leaves: Sequence[bytes]) -> tuple[int, ...]:
        """Append leaves and publish one new checkpoint; returns their indexes.

        Raises Busy; NotWitnessed where witnesses are to be waited for: then the same leaves, given again, are not entered twice; and
        EvidenceInvalid for a leaf that is too long.
        """
        if not leaves:
            return ()
        if any(len(leaf) > log_tiles.MAX_ENTRY for leaf in leaves):
            raise EvidenceInvalid("a leaf is longer than a log entry may be (65,535 bytes)")
        with guarded(_WRITE), self._lock.held():
            before = self._fresh()
            base = self._pending(before)
            waiting = [self._find(base, merkle.leaf_hash(leaf), before.size) if base is not before else None for leaf in leaves]
            fresh = [leaf for leaf, index in zip(leaves, waiting, strict=True) if index is None]
            if not self._swept:
                self._sweep(base)
            self._swept = False  # crash here: what was written so far is beyond the signed size, for the next writer to sweep
            after = self._extend(base, fresh) if fresh else base
            self._publish(before, after)
        entered = iter(range(base.size, after.size))
        return tuple(next(entered) if index is None else index for index in waiting)

    def cosign(self) -> tuple[str, ...]:
        """Ask the witnesses anew for the head of now, and publish it with what they answer; why others did not, as sentences.

        What waits for them is published too. Raises Busy, NotWitnessed.
        """
        if self._witnesses is None:
            return ()
        with guarded(_WRITE), self._lock.held():
            before = self._fresh()
            return self._publish(before, self._pending(before))

    def _publish(self, before: LogSnapshot, after: LogSnapshot) -> tuple[str, ...]:
        """Have a tree cosigned, and publish it; why witnesses did not cosign it. Raises NotWitnessed."""
        note, faults = (after.note, ()) if self._witnesses is None else self._cosigned(before, after, self._witnesses)
        durable.write_bytes(self._folder / log_tiles.CHECKPOINT, note, at="log.publish", mode=0o644)
        # commit point: the checkpoint leads to the new tiles, all of which are on the device.
        self._state = replace(after, note=note)
        self._drop_partials(before, after)
        if (self._folder / _PENDING).exists():
            # crash here: what is pending is published, which the next writer sees.
            durable.unlink(self._folder / _PENDING, at="log.pending.done")
        self._swept = True
        return faults

    def _cosigned(self, before: LogSnapshot, after: LogSnapshot, witnesses: Witnesses) -> tuple[bytes, tuple[str, ...]]:
        own, since = self._sign(after.head), self._pending_since() or witnesses.now()
        if after.size > before.size:
            line = since.astimezone(UTC).strftime(_TIME).encode() + b"\n"
            durable.write_bytes(self._folder / _PENDING, line + own, at="log.pending", mode=0o644)
            # commit point: a witness may see this tree from here on, and every later tree continues it.
        node = cache(self._files.node(after))
        kept = parse_note(before.note).signatures if after.size == before.size else ()
        found = witnesses.collect(own, lambda old, new: merkle.prove_consistency(old, new, node), kept)
        if not found.enough and after.size > before.size and witnesses.now() - since < witnesses.longest:
            message = f"the log's witnesses have not cosigned yet ({'; '.join(found.faults)})"
            raise NotWitnessed(message, help="nothing is lost: the same command goes on; `witnesses` of the map says how long it may wait")
        return found.note, found.faults

    def _pending(self, published: LogSnapshot) -> LogSnapshot:
        """The tree that was signed for witnesses and not published yet; the published one where there is none."""
        try:
            _, _, note = (self._folder / _PENDING).read_bytes().partition(b"\n")
        except FileNotFoundError:
            return published
        keys = next((pair for pair in (self._verifiers, *reversed(self._former)) if _signed_by(note, pair)), self._verifiers)
        pending = self._files.load(note, keys)
        if pending.size <= published.size:
            return published
        if merkle.tree_root(published.size, self._files.node(pending)) != published.head.root:
            corrupt("what it signed for its witnesses does not continue what it published")
        return pending if keys is self._verifiers else replace(pending, note=self._sign(pending.head))

    def _pending_since(self) -> datetime | None:
        try:
            text, _, _ = (self._folder / _PENDING).read_bytes().partition(b"\n")
            return datetime.strptime(text.decode("ascii"), _TIME).replace(tzinfo=UTC)
        except FileNotFoundError:
            return None
        except ValueError:
            corrupt(f"{_PENDING} does not say since when it waits")

    def find(self, leaf: bytes, start: int) -> int | None:
        """Index of a leaf at or after ``start``, or None."""
        (index,) = self.find_all([(leaf, start)])
        return index

    def find_all(self, leaves: Sequence[tuple[bytes, int]]) -> tuple[int | None, ...]:
        """Return indexes of leaves, (leaf, start) each, or None for those that are not there, all in one published state."""
        with guarded(_READ):
            state = self._fresh()
            return tuple(self._find(state, merkle.leaf_hash(leaf), start) for leaf, start in leaves)

    def _find(self, state: LogSnapshot, wanted: bytes, start: int) -> int | None:
        for n in range(max(start, 0) // log_tiles.WIDTH, -(-state.size // log_tiles.WIDTH)):
            index = n * log_tiles.WIDTH + _position(self._files.tile(state, 0, n).hashes, wanted, start - n * log_tiles.WIDTH)
            if index >= n * log_tiles.WIDTH:
                return index
        return None

    def entry(self, index: int) -> bytes:
        """One leaf. Raises EvidenceInvalid beyond the published size."""
        with guarded(_READ):
            return self._files.entry(self._fresh(), index)

    def prove_inclusion(self, index: int, size: int) -> tuple[bytes, ...]:
        """RFC 6962 section 2.1.1 audit path, leaf-side first. Raises EvidenceInvalid unless index < size <= published size."""
        (path,) = self.prove_all([index], size)
        return path

    def prove_all(self, indexes: Sequence[int], size: int) -> tuple[tuple[bytes, ...], ...]:
        """Return the audit path of each of many leaves, as :meth:`prove_inclusion`. Tiles they share are read and checked once."""
        with guarded(_READ):
            node = cache(self._files.node(self._large_enough(size)))
            return tuple(merkle.prove_inclusion(index, size, node) for index in indexes)

    def prove_consistency(self, size1: int, size2: int) -> tuple[bytes, ...]:
        """RFC 6962 section 2.1.2 consistency proof. Raises EvidenceInvalid unless 0 < size1 <= size2 <= published size."""
        with guarded(_READ):
            return merkle.prove_consistency(size1, size2, self._files.node(self._large_enough(size2)))

    def root(self, size: int) -> bytes:
        """Root of the tree of the first ``size`` leaves. Raises EvidenceInvalid beyond the published size."""
        with guarded(_READ):
            return merkle.tree_root(size, self._files.node(self._large_enough(size)))

    def _large_enough(self, size: int) -> LogSnapshot:
        state = self._state if self._state is not None and size <= self._state.size else self._fresh()
        if size > state.size:
            raise EvidenceInvalid("the log is not that large")
        return state

    def _fresh(self) -> LogSnapshot:
        """The published state; read again, and compared with what was seen before, when the checkpoint file is another one."""
        with guarded(_READ):
            seen = self._state  # once: another thread may append meanwhile
            if seen is not None and self._checkpoint() == seen.note:
                return seen
            # Asked before reading: another process may publish and record more while we read, and that is no old copy.
            known = [self._anchor(), (seen.size, seen.head.root) if seen else None]
            state = self._load()
            for each in known:
                self._check_known(state, each)
            # A writer may have died between the rename and this: nobody may rely on the checkpoint before it is on the device.
            durable.fsync_directory(self._folder, at="log.open.folder")
            self._state, self._swept = state, False
        return state

    def _load(self) -> LogSnapshot:
        """Read and check what is published. Another process may publish, and drop partial tiles that are full now, while we read."""
        note = self._checkpoint()
        while True:
            try:
                return self._files.load(note, self._verifiers)
            except StateCorrupt:
                before, note = note, self._checkpoint()
                if note == before:
                    raise

    def _checkpoint(self) -> bytes:
        try:
            return (self._folder / log_tiles.CHECKPOINT).read_bytes()
        except FileNotFoundError:
            corrupt("its checkpoint is missing")

    def _check_known(self, state: LogSnapshot, known: tuple[int, bytes] | None) -> None:
        if known is None:
            return
        size, root = known
        if size > state.size:
            older(f"it has {state.size} entries, but {size} were published before: this is an old copy")
        if merkle.tree_root(size, self._files.node(state)) != root:
            corrupt(f"its first {size} entries are not those that were published before: this is another log")

    def _create(self) -> None:
        """Sign the empty tree; refused where anything shows that there was a log already."""
        with guarded(_WRITE), self._lock.held():
            if (self._folder / log_tiles.CHECKPOINT).exists():
                return
            known = self._anchor()
            if (self._folder / "tile").exists() or (known is not None and known[0] > 0):
                older("its checkpoint is missing, though entries were published")
            note = self._sign(checkpoint.Checkpoint(self.origin, 0, merkle.EMPTY_ROOT))
            durable.write_bytes(self._folder / log_tiles.CHECKPOINT, note, at="log.create", mode=0o644)

    def _take_over(self) -> None:
        """Sign the published tree anew, unchanged, where it is signed by a pair of keys that was rotated out since."""
        if _signed_by(self._checkpoint(), self._verifiers):
            return
        with guarded(_WRITE), self._lock.held():
            for verifiers in reversed(self._former):
                if _signed_by(self._checkpoint(), verifiers):
                    note = self._sign(self._files.load(self._checkpoint(), verifiers).head)
                    durable.write_bytes(self._folder / log_tiles.CHECKPOINT, note, at="log.rotate", mode=0o644)
                    return

    def _extend(self, before: LogSnapshot, leaves: Sequence[bytes]) -> LogSnapshot:
        """Write entries and tiles, and sign the larger tree; nothing is published yet."""
        edges, made = log_tiles.grow(before.size, before.edges, [merkle.leaf_hash(leaf) for leaf in leaves])
        bundles = _bundles(before, leaves)
        self._write([*bundles, *((log_tiles.tile_name(place), content) for place, content in made)])
        size = before.size + len(leaves)
        head = checkpoint.Checkpoint(self.origin, size, log_tiles.edge_root(size, edges))
        return LogSnapshot(head, self._sign(head), edges, bundles[-1][1] if size % log_tiles.WIDTH else b"")

    def _sign(self, head: checkpoint.Checkpoint) -> bytes:
        text = head.text().encode()
        signatures = (self._keys.sign_checkpoint(text), self._keys.sign_checkpoint_p256(text))
        note = checkpoint.signed(head, self._verifiers, signatures)
        for key, signature in zip(self._verifiers, signatures, strict=True):
            key.verify(text, signature)  # a checkpoint that does not verify would lock the log for good
        return note

    def _write(self, files: Sequence[tuple[str, bytes]]) -> None:
        folders: set[Path] = set()
        for name, content in files:
            path = self._folder / name
            if path.parent not in folders and not path.parent.is_dir():
                path.parent.mkdir(parents=True)
                folders.update(path.parents[1 : len(Path(name).parts)])
            folders.add(path.parent)
            with path.open("wb") as file:
                file.write(content)
                file.flush()
                durable.fsync(file, at="log.append.data")
        for folder in sorted(folders):
            durable.fsync_directory(folder, at="log.append.folder")

    def _drop_partials(self, before: LogSnapshot, after: LogSnapshot) -> None:
        """Remove the partial forms of tiles and bundles that are full now (C2SP tlog-tiles, partial tiles)."""
        for place in log_tiles.edge_places(before.size):
            if place.n < after.size >> log_tiles.HEIGHT * (place.level + 1):
                self._drop_folder(self._folder / f"{log_tiles.tile_name(place._replace(width=log_tiles.WIDTH))}.p")
                if place.level == 0:
                    self._drop_folder(self._folder / f"{log_tiles.bundle_name(place.n, log_tiles.WIDTH)}.p")

    def _drop_folder(self, folder: Path) -> None:
        if folder.is_dir():
            for path in sorted(folder.iterdir()):
                durable.unlink(path, at="log.drop.partial")
            durable.rmdir(folder, at="log.drop.folder")

    def _sweep(self, state: LogSnapshot) -> None:
        """Remove what a crash left: files beyond the published size, partial forms of full tiles, temporaries."""
        for path in self._folder.glob(f"{durable.TEMPORARY_PREFIX}*"):
            durable.unlink(path, at="log.sweep.temporary")
        rows: list[tuple[str, Callable[[int], str], int]] = [("tile/entries", log_tiles.entries_row, 0)]
        rows += [(f"tile/{level}", log_tiles.tile_row(level), level) for level in range(log_tiles.MAX_LEVEL + 1)]
        for folder, name, level in rows:
            if (self._folder / folder).is_dir():
                self._sweep_row(name, *divmod(state.size >> log_tiles.HEIGHT * level, log_tiles.WIDTH))

    def _sweep_row(self, name: Callable[[int], str], n: int, width: int) -> None:
        """Sweep one level, whose right edge is tile ``n`` of ``width`` hashes."""
        edge = self._folder / f"{name(n)}.p"
        for path in sorted(edge.glob("*")):
            if path.name.isdigit() and int(path.name) > width:
                durable.unlink(path, at="log.sweep.partial")
        if n > 0:
            self._drop_folder(self._folder / f"{name(n - 1)}.p")
        beyond = n
        while (self._folder / name(beyond)).exists() or (beyond > n and (self._folder / f"{name(beyond)}.p").exists()):
            beyond += 1
        for each in reversed(range(n, beyond)):  # from the far end, so that a crash leaves no gap at which the next sweep would stop
            durable.unlink(self._folder / name(each), at="log.sweep.full")
            if each > n:
                self._drop_folder(self._folder / f"{name(each)}.p")


def _signed_by(note: bytes, verifiers: Sequence[VerifierKey]) -> bool:
    try:
        open_own(note, verifiers)
    except EvidenceInvalid:
        return False
    return True


def _bundles(before: LogSnapshot, leaves: Sequence[bytes]) -> list[tuple[str, bytes]]:
    """Names and contents of the bundles that are new or have grown."""
    made, at, size, open_bundle = [], 0, before.size, before.bundle or b""
    while at < len(leaves):
        taken = leaves[at : at + log_tiles.WIDTH - size % log_tiles.WIDTH]
        n, width = size // log_tiles.WIDTH, size % log_tiles.WIDTH + len(taken)
        made.append((log_tiles.bundle_name(n, width), open_bundle + log_tiles.encode_bundle(taken)))
        at, size, open_bundle = at + len(taken), size + len(taken), b""
    return made


def _position(hashes: bytes, wanted: bytes, start: int) -> int:
    """Position of a hash in a tile at or after ``start``, or -1."""
    at = hashes.find(wanted, max(start, 0) * merkle.HASH_SIZE)
    while at % merkle.HASH_SIZE and at >= 0:
        at = hashes.find(wanted, at + 1)
    return at // merkle.HASH_SIZE if at >= 0 else -1
