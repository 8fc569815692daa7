"""The rungs of a purge over a folder of FAISS indexes. They run after index files and sidecars are written anew."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from expunge import durable, permit
from expunge.core.values.outcome import Absent, Erased, Outcome, Reason, Unable
from expunge.stores.faiss.index_file import lists_of, twin
from expunge.stores.faiss.index_folder import TROUBLE, FaissFolder, unable
from expunge.stores.files.folders import clear_temporaries
from expunge.stores.files.open_files import holders
from expunge.stores.tree.interface import NameTrouble

_AT_ONCE = 1 << 20


@dataclass(frozen=True)
class FaissRung:
    """One step of the ladder."""

    name: str
    """As in the documentation."""
    why: str
    """What stays without it."""
    climb: Callable[[Path, Sequence[FaissFolder]], int]
    """Raises what :data:`TROUBLE` holds; how many files were removed."""


def _leftovers(root: Path, _: Sequence[FaissFolder]) -> int:
    removed = 0
    for folder, _folders, names in os.walk(root):
        if any(name.startswith(durable.TEMPORARY_PREFIX) for name in names):
            permit.check()
            found = clear_temporaries(Path(folder))
            if found.removed:
                durable.fsync_directory(Path(folder), at="faiss.leftover.folder")
            removed += found.removed
            if found.alive:
                raise NameTrouble(Unable(Reason.LOCKED, "another erasure is rewriting files of this store"))
    return removed


def _old_lists(_: Path, folders: Sequence[FaissFolder]) -> int:
    """Blanked before it goes; not while somebody maps it, who would be given nonsense for everybody."""
    removed = 0
    for path in replaced(folders):
        if _mapped(path):
            raise NameTrouble(Unable(Reason.READER_OPEN, "a process still searches an index as it was; let it load the index again"))
        size = path.stat().st_size
        with path.open("r+b") as file:
            permit.check()
            for first in range(0, size, _AT_ONCE):
                file.write(bytes(min(_AT_ONCE, size - first)))
            file.flush()
            durable.fsync(file, at="faiss.lists.blank")
        # commit point: its name goes too.
        durable.unlink(path, at="faiss.lists.unlink")
        durable.fsync_directory(path.parent, at="faiss.lists.folder")
        removed += 1
    return removed


def replaced(folders: Sequence[FaissFolder]) -> Iterator[Path]:
    """Files of lists of the generation that no index names: replaced by an erasure, or not put to use before a crash."""
    for folder in folders:
        for shard in folder.shards():
            lists = lists_of(shard.path) if shard.there else None
            if lists is not None and twin(lists).is_file():
                yield twin(lists)


def _mapped(path: Path) -> bool:
    """Whether a process has a file mapped, as far as this process may see."""
    gc.collect()
    wanted = os.fsencode(path)
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if any(line.endswith(b" " + wanted) for line in (process / "maps").read_bytes().splitlines()):
                return True
        except OSError:
            continue
    return False


def _open_readers(root: Path, _: Sequence[FaissFolder]) -> int:
    gc.collect()
    if holders(root):
        raise NameTrouble(Unable(Reason.READER_OPEN, "a process still has a removed file of the store open; close it, it is tried again"))
    return 0


RUNGS = (
    FaissRung("leftovers", "half-written indexes and sidecars that a crash left", _leftovers),
    FaissRung("old_lists", "the inverted lists on disk as they were", _old_lists),
    FaissRung("open_readers", "bytes that a reader of a removed file keeps alive", _open_readers),
)


def climb(root: Path, folders: Sequence[FaissFolder]) -> Outcome:
    """Climb all rungs in sequence. The first rung that is blocked gives the answer."""
    removed = 0
    try:
        for rung in RUNGS:
            removed += rung.climb(root, folders)
    except TROUBLE as error:
        return unable(folders[0].dataset, error)
    return Erased(removed) if removed else Absent()
