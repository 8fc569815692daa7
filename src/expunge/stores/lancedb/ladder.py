"""The ladder of a LanceDB table. A deletion only marks rows: they still lie in data files, indexes, old versions and leftovers.

``docs/reference/stores/lancedb.md`` says what each rung removes. A test per rung shows what stays without it.
"""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from lance.query import DocumentGranularity

from expunge import clock, durable, permit
from expunge.core.values.outcome import Absent, Erased, Outcome, Reason
from expunge.faults import failpoint
from expunge.stores.files.open_files import holders
from expunge.stores.lancedb.table import TROUBLE, LanceTable, TableGone, VersionLine, reason_told, unable
from expunge.stores.waiting import Wait

SCALAR: Mapping[str, Any] = {
    "BTree": "BTREE",
    "Bitmap": "BITMAP",
    "LabelList": "LABEL_LIST",
    "Inverted": "INVERTED",
    "NGram": "NGRAM",
    "ZoneMap": "ZONEMAP",
    "BloomFilter": "BLOOMFILTER",
    "RTree": "RTREE",
}
"""The engine's name of a kind of index -> the word by which it is made."""
_SETTINGS = {"ZoneMap": ("rows_per_zone",), "BloomFilter": ("number_of_items", "probability")}
"""Settings of an index that only its statistics tell."""
_OURS = "__lance"
"""Names of structures that the engine keeps for itself; no values of rows are in them."""
_KEPT = ("data", "_deletions", "_indices", "_transactions")
"""Folders whose files versions refer to."""
_TRIES = 5
_JUST_REPLACED = 0.2
"""Seconds for which a version stays after a newer one took its place: a writer looks up the newest version, then reads it."""
_LINGER = 2.0
"""Seconds for which the engine's own threads may still hold files that have just been removed."""


@dataclass(frozen=True)
class Ladder:
    """The inputs of the rungs of one table."""

    table: LanceTable
    drop_tags: bool
    """Whether tags may go; a tag keeps a whole old version."""
    unfinished: timedelta
    """From which age on a file that no version refers to was left behind, and is not just being written."""


LanceRung = Callable[[Ladder], int]


def changed(table: LanceTable) -> bool:
    """Return whether rows were deleted or written since the last climb: more than one version, or rows that are only marked."""
    return any(len(line.data.versions()) > 1 or _marked(line) for line in table.lines())


def tags(ladder: Ladder) -> int:
    """Remove the tags of versions. Each tag keeps its version, with every subject who was in it."""
    data = ladder.table.open()
    names = sorted(data.tags.list())
    if names and not ladder.drop_tags:
        raise TableGone(Reason.REFERENCED, pinned(ladder.table, len(names)))
    for name in names:
        permit.check()
        failpoint("lancedb.purge.tag:before")
        data.tags.delete(name)
        failpoint("lancedb.purge.tag:after")
    return len(names)


def pinned(table: LanceTable, count: int) -> str:
    """Return the message about tags that keep old versions."""
    return f"{table.dataset.name}: {count} tags keep old versions with everybody in them; delete them, or say `tags: remove`"


def compact(ladder: Ladder) -> int:
    """Rows that are marked and lie in their data file as before; every file with one is written anew, however few they are."""
    rewritten = 0
    for line in ladder.table.lines():
        if not _marked(line):
            continue
        permit.check()
        failpoint("lancedb.purge.compact:before")
        # Below its threshold (a tenth of the rows) the engine leaves a file as it is, and a setting of the table may forbid it.
        done = line.data.optimize.compact_files(
            materialize_deletions=True, materialize_deletions_threshold=0.0, defer_index_remap=False, compaction_mode="reencode"
        )
        failpoint("lancedb.purge.compact:after")
        rewritten += done.files_removed
        if _marked(line):
            raise TableGone(Reason.RESIDUE, f"{ladder.table.dataset.name}: the engine left deleted rows in a data file")
    return rewritten


def _marked(line: VersionLine) -> bool:
    return any(fragment.num_deletions for fragment in line.data.get_fragments())


def indexes(ladder: Ladder) -> int:
    """Bounds, filters and centroids that indexes keep of deleted rows: compaction carries them over."""
    made = 0
    for line in ladder.table.lines():
        for index in line.data.describe_indices():
            if index.name.startswith(_OURS):
                continue
            permit.check()
            failpoint("lancedb.purge.index:before")
            _rebuild(ladder.table, line, index)
            failpoint("lancedb.purge.index:after")
            made += 1
    return made


def _rebuild(table: LanceTable, line: VersionLine, index: Any) -> None:
    """Make an index anew, with its name and settings, from the rows that are there."""
    kind, data = index.index_type, line.data
    if kind in SCALAR:
        settings = {name: value for name, value in (index.details or {}).items() if value is not None}
        if "document_granularity" in settings:
            settings["document_granularity"] = DocumentGranularity(settings["document_granularity"])
        if kind in _SETTINGS:
            told = data.stats.index_stats(index.name)["indices"][0]
            settings |= {name: told[name] for name in _SETTINGS[kind] if name in told}
        data.create_scalar_index(index.field_names[0], SCALAR[kind], name=index.name, replace=True, **settings)
    elif not kind.startswith("IVF"):
        raise TableGone(Reason.UNSUPPORTED, f"{table.dataset.name}: an index of type {kind} cannot be made anew; drop it")
    elif data.count_rows():
        data.optimize.optimize_indices(index_names=[index.name], retrain=True)
    else:
        # With no row to learn from, the engine keeps the centroids that it has.
        data.drop_index(index.name)


def versions(ladder: Ladder) -> int:
    """Remove old versions with their files: any program can open the table as it was."""
    removed = 0
    lines = ladder.table.lines()
    # A branch keeps files of the line that it left: it lets go first.
    for line in [*lines[1:], lines[0]]:
        permit.check()
        failpoint("lancedb.purge.versions:before")
        old = [version["version"] for version in line.data.versions() if version["version"] < line.data.version]
        if old:
            time.sleep(_JUST_REPLACED)
        # What no version refers to may be a file of this moment, not committed yet: `unfinished` sees to that.
        done = line.data.cleanup_old_versions(versions=old, delete_unverified=False, error_if_tagged_old_versions=False)
        failpoint("lancedb.purge.versions:after")
        removed += done.old_versions
        if min(version["version"] for version in line.data.versions()) < line.data.version:
            raise TableGone(
                Reason.REFERENCED, f"{ladder.table.dataset.name}: old versions are still referred to, by a tag, a branch or a clone"
            )
    return removed


def unfinished(ladder: Ladder) -> int:
    """Files that a writer left behind when it died before its commit."""
    removed = 0
    for path in orphans(ladder.table):
        try:
            old = clock.timestamp() - path.stat().st_mtime >= ladder.unfinished.total_seconds()
        except FileNotFoundError:
            continue
        if old:
            permit.check()
            # commit point: no version has ever referred to it.
            durable.unlink(path, at="lancedb.purge.unfinished")
            durable.fsync_directory(path.parent, at="lancedb.purge.unfinished.folder")
            removed += 1
    return removed


def orphans(table: LanceTable) -> Iterator[Path]:
    """Files that no version of any line refers to, just being written ones among them. Raises as the table."""
    lines = table.lines()
    there = [path for folder in _folders(table, lines) for path in folder.rglob("*") if path.is_file()]
    known: set[Path] = set()
    for line in lines:
        for batch in line.data.tracked_files():
            for row in batch.to_pylist():
                known.add(Path(os.path.abspath(Path(row["base_uri"].removeprefix("file://")) / row["path"])))  # noqa: PTH100 - links stay
    yield from (path for path in there if path not in known)


def _folders(table: LanceTable, lines: list[VersionLine]) -> Iterator[Path]:
    for line in lines:
        top = table.path / "tree" / line.branch if line.branch else table.path
        yield from (top / name for name in _KEPT if (top / name).is_dir())


def open_readers(ladder: Ladder) -> int:
    """Wait until no process has a removed file open. Until then its bytes stay on the disk."""
    wait = Wait(_LINGER)
    while holders(ladder.table.path):
        if wait.over():
            detail = f"{ladder.table.dataset.name}: a process still has removed files of the table open; close it, it is tried again"
            raise TableGone(Reason.READER_OPEN, detail)
        gc.collect()
        time.sleep(0.02)
    return 0


ALWAYS: tuple[LanceRung, ...] = (unfinished, open_readers)
LADDER: tuple[LanceRung, ...] = (tags, compact, indexes, versions, *ALWAYS)
"""From marks on rows down to files. Old versions go last: as long as there are any, an interrupted climb is begun again."""


def climb(ladder: Ladder) -> Outcome:
    """Climb all rungs over one table. The climb begins again where another process changed the table meanwhile."""
    done = 0
    for attempt in range(_TRIES):
        try:
            for rung in LADDER if changed(ladder.table) else ALWAYS:
                done += rung(ladder)
        except TableGone as gone:
            return gone.unable
        except TROUBLE as error:
            if reason_told(error) is Reason.LOCKED and attempt + 1 < _TRIES:
                time.sleep(0.05 * 2**attempt)
                continue
            return unable(ladder.table.dataset, error)
        break
    return Erased(done) if done else Absent()
