"""Compare a folder of FAISS indexes with the map, and find obstacles to erasing from it. Both change nothing."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from expunge.core.values.copy import Copy, Finding, FindingKind
from expunge.core.values.outcome import Reason, Unable
from expunge.stores.faiss import memory_index
from expunge.stores.faiss.index_folder import TROUBLE, FaissFolder, Shard, of_keys, unable
from expunge.stores.faiss.ladder import replaced
from expunge.stores.tree.safe_replace import busy

_EFFECTIVE = os.access in os.supports_effective_ids
_KINDS = {Reason.PERMISSION: FindingKind.PERMISSION, Reason.UNSUPPORTED: FindingKind.UNSUPPORTED}
_MARGIN = 1 << 20


def findings(store: str, root: Path, folders: Sequence[FaissFolder], ignored: Sequence[str]) -> Iterator[Finding]:
    """Down to every file, and the numbers in it."""
    if not root.is_dir():
        yield Finding(FindingKind.MISSING, store, str(root), "the store's folder is not there", "correct `url:` or restore it")
        return
    known: set[Path] = set()
    for folder in folders:
        shards = list(folder.shards())
        if not shards:
            what = "no index file (.faiss, .index) fits a path of the dataset"
            yield Finding(FindingKind.MISSING, store, folder.dataset.name, what, "correct `path:`")
        for shard in shards:
            known |= {shard.path, *([shard.sidecar] if shard.sidecar else [])}
            if not shard.there:
                what = "a sidecar without its index"
                yield Finding(FindingKind.MISSING, store, shard.key, what, "restore the index; who is in the sidecar is found all the same")
                continue
            try:
                yield from _about(store, folder, shard, known)
            except TROUBLE as error:
                told = unable(folder.dataset, error)
                kind = _KINDS.get(told.reason, FindingKind.UNREADABLE)
                yield Finding(kind, store, shard.key, told.detail, "restore or repair the file, or build the index anew")
    for path in sorted(root.rglob("*")):
        key = path.relative_to(root).as_posix()
        if path.is_dir() or path in known or any(fnmatchcase(key, each) for each in ignored):
            continue
        what = "no dataset declares it, and no index names it"
        yield Finding(FindingKind.UNDECLARED, store, key, what, "a dataset whose `path:` fits, an entry of `ignore`, or remove it")


def _about(store: str, folder: FaissFolder, shard: Shard, known: set[Path]) -> Iterator[Finding]:
    loaded = shard.load()
    if loaded.lists is not None:
        known.add(loaded.lists)
        known.update(replaced([folder]))
    held = memory_index.ids(loaded.index)
    if not memory_index.numbered(loaded.index):
        what = "its numbers are positions: the first erasure wraps it in an IndexIDMap2, so that everybody else keeps theirs"
        yield Finding(FindingKind.NOTE, store, shard.key, what, "use add_with_ids from then on; better, wrap it now")
    if shard.sidecar is None:
        absent = sorted({*folder.layout.dataset.subject_fields, *folder.dataset.follow} - {folder.number_field})
        if absent:
            what = f"there is no sidecar beside it that has the field {', '.join(absent)}"
            yield Finding(FindingKind.SUBJECT_PATH, store, shard.key, what, "a sidecar, or `subject: {through: DATASET, via: ...}`")
        return
    told: set[int] = set()
    nobodys = 0
    for number, record in shard.records(folder.number_field, folder.layout.dataset.subject_fields):
        told.add(number)
        nobodys += not any(record.texts(name) for name in folder.layout.dataset.subject_fields)
    unknown = len(set(held.tolist()) - told)
    if unknown:
        what = f"{unknown} vectors have no record in the sidecar: nobody can tell whose they are"
        yield Finding(FindingKind.SUBJECT_PATH, store, shard.key, what, "add their records, or remove them from the index")
    if nobodys and folder.layout.dataset.subject_fields:
        what = f"{nobodys} records of the sidecar name nobody"
        yield Finding(FindingKind.SUBJECT_PATH, store, shard.key, what, "correct `subject:`, or fill in the field")
    lost = len(told - set(held.tolist()))
    if lost:
        what = f"{lost} records of the sidecar are of numbers that the index does not have"
        yield Finding(FindingKind.NOTE, store, shard.key, what, "nothing: they are found and erased as others are")


def preflight(folder: FaissFolder, copies: Sequence[Copy]) -> Iterator[Unable]:
    """Rights, writers, room, damage and types that cannot be handled."""
    name = folder.dataset.name
    largest = 0
    for file in of_keys([key for copy in copies for key in copy.keys]):
        shard = folder.shard(file)
        if shard is None or not (shard.there or shard.sidecar):
            continue
        if not writable(shard):
            yield Unable(Reason.PERMISSION, f"{name}: this user may not write to an index's folder")
            continue
        try:
            if shard.there:
                loaded = shard.load()
                largest = max(largest, shard.path.stat().st_size + (loaded.lists.stat().st_size if loaded.lists else 0))
            for _ in shard.records(folder.number_field, folder.layout.dataset.subject_fields):
                pass
            if any(busy(each) for each in (shard.path, shard.sidecar) if each and each.exists()):
                yield Unable(Reason.LOCKED, f"{name}: another process has a file open for writing")
        except TROUBLE as error:
            yield unable(folder.dataset, error)
    if largest and shutil.disk_usage(folder.root).free < largest + _MARGIN:
        yield Unable(Reason.DISK_FULL, f"{name}: rewriting the largest index needs {largest >> 20} MiB free beside it")


def writable(shard: Shard) -> bool:
    """Return whether this process may put a new file in the place of an index."""
    return os.access(shard.path.parent, os.W_OK | os.X_OK, effective_ids=_EFFECTIVE)
