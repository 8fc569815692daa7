"""The rungs of a lake's purge. They run after rows and files are removed."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from expunge import durable, permit
from expunge.core.values.outcome import Absent, Erased, Outcome, Reason, Unable
from expunge.stores.files.folders import clear_temporaries
from expunge.stores.files.open_files import holders
from expunge.stores.parquet.lake.lake_files import SUMMARY, LakeLayout, LocalLake
from expunge.stores.tree.erase import reason_of


@dataclass(frozen=True)
class RungResult:
    """The result of one rung."""

    removed: int = 0
    trouble: Unable | None = None


@dataclass(frozen=True)
class LakeRung:
    """One step of the ladder."""

    name: str
    """As in the documentation."""
    why: str
    """What stays without it."""
    climb: Callable[[LocalLake, Sequence[LakeLayout]], RungResult]
    """Raises OSError."""


def climb(lake: LocalLake, layouts: Sequence[LakeLayout]) -> Outcome:
    """Climb all rungs in sequence. The first rung that is blocked gives the answer."""
    removed = 0
    for rung in RUNGS:
        try:
            done = rung.climb(lake, layouts)
        except OSError as error:
            return Unable(reason_of(error), f"{rung.name}: {os.strerror(error.errno or 0)}")
        if done.trouble is not None:
            return done.trouble
        removed += done.removed
    return Erased(removed) if removed else Absent()


def _leftovers(lake: LocalLake, _: Sequence[LakeLayout]) -> RungResult:
    """Half-written files of runs that were interrupted."""
    removed = alive = 0
    for folder, names in _folders(lake.root):
        if any(name.startswith(durable.TEMPORARY_PREFIX) for name in names):
            permit.check()
            found = clear_temporaries(folder)
            if found.removed:
                durable.fsync_directory(folder, at="parquet.leftover.folder")
            removed += found.removed
            alive += found.alive
    if alive:
        return RungResult(removed, Unable(Reason.LOCKED, "another erasure is rewriting files of this store"))
    return RungResult(removed)


def _stale(lake: LocalLake, layouts: Sequence[LakeLayout]) -> RungResult:
    """Summaries older than a file that they sum up: they hold bounds of rows that may be gone, and fit no file any more."""
    removed = 0
    for folder, names in _folders(lake.root):
        if SUMMARY in names and _outdated(lake.root, folder, layouts):
            permit.check()
            durable.unlink(folder / SUMMARY, at="parquet.stale.unlink")
            durable.fsync_directory(folder, at="parquet.stale.folder")
            removed += 1
    return RungResult(removed)


def _checksums(lake: LocalLake, _: Sequence[LakeLayout]) -> RungResult:
    """Checksums of files that are gone: their names are those of the files."""
    removed = 0
    for folder, names in _folders(lake.root):
        there = set(names)
        lonely = [name for name in names if name.startswith(".") and name.endswith(".crc") and name[1 : -len(".crc")] not in there]
        for name in lonely:
            permit.check()
            durable.unlink(folder / name, at="parquet.checksum.unlink")
        if lonely:
            durable.fsync_directory(folder, at="parquet.checksum.folder")
        removed += len(lonely)
    return RungResult(removed)


def _readers(lake: LocalLake, _: Sequence[LakeLayout]) -> RungResult:
    """Readers of files that are gone keep their bytes."""
    holding = holders(lake.root)
    if not holding:
        return RungResult()
    detail = f"{holding} processes hold removed files of this store open; they go when those are closed"
    return RungResult(trouble=Unable(Reason.READER_OPEN, detail))


RUNGS: tuple[LakeRung, ...] = (
    LakeRung("leftovers", "half-written files of runs that were killed", _leftovers),
    LakeRung("stale_summaries", "bounds of rows that are gone, in _metadata", _stale),
    LakeRung("lonely_checksums", "names of files that are gone, in those of their checksums", _checksums),
    LakeRung("open_readers", "files that are gone and that somebody still reads", _readers),
)


def _folders(root: Path) -> list[tuple[Path, list[str]]]:
    def refuse(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):
            raise error

    return [(Path(folder), names) for folder, _, names in os.walk(root, onerror=refuse)]


def _outdated(root: Path, folder: Path, layouts: Sequence[LakeLayout]) -> bool:
    written = (folder / SUMMARY).stat().st_mtime_ns
    below = (Path(inside) / name for inside, _, names in os.walk(folder) for name in names)
    newer = (path.relative_to(root).as_posix() for path in below if path.lstat().st_mtime_ns > written)
    return any(layout.template_of(key) for key in newer for layout in layouts)
