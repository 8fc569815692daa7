"""Compare a LanceDB folder with the map, and find obstacles to an erasure."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from expunge.core.values.copy import Finding, FindingKind
from expunge.core.values.outcome import Reason, Unable
from expunge.stores.lancedb.ladder import SCALAR, orphans, pinned
from expunge.stores.lancedb.table import SUFFIX, TROUBLE, LanceTable, TableGone, unable

_FOLDERS = frozenset({"data", "_versions", "_indices", "_deletions", "_transactions", "_refs", "tree"})
_KINDS = {
    Reason.PERMISSION: FindingKind.PERMISSION,
    Reason.SCHEMA_CHANGED: FindingKind.MISSING,
    Reason.UNSUPPORTED: FindingKind.UNSUPPORTED,
}
_MARGIN = 1 << 20


def findings(store: str, root: Path, tables: Sequence[LanceTable], ignored: Sequence[str], *, drop_tags: bool) -> Iterator[Finding]:
    """Down to every file in the tables' folders."""
    if not root.is_dir():
        yield Finding(FindingKind.MISSING, store, str(root), "the database's folder is not there", "correct `url:` or restore it")
        return
    declared = {table.path.name for table in tables}
    for path in sorted(root.iterdir()):
        name = path.name.removesuffix(SUFFIX)
        if path.name in declared or any(fnmatchcase(name, each) for each in ignored):
            continue
        what = "no dataset declares this table" if path.name.endswith(SUFFIX) else "no LanceDB table, and no dataset declares it"
        yield Finding(FindingKind.UNDECLARED, store, path.name, what, f"a dataset with `table: {name}`, or an entry of `ignore`")
    for table in tables:
        yield from _about(store, table, drop_tags=drop_tags)


def _about(store: str, table: LanceTable, *, drop_tags: bool) -> Iterator[Finding]:
    where = table.path.name
    try:
        lines = table.lines()
        for line in lines:
            absent = table.missing(line.data, {*table.dataset.subject_fields, *table.dataset.follow})
            if absent:
                what = f"the table has no column {', '.join(absent)}"
                yield Finding(FindingKind.SUBJECT_PATH, store, where, what, "correct `subject:`; dots lead into structs")
            # Damage shows when it is read.
            for _ in table.batches(line, {*table.dataset.subject_fields, *table.dataset.follow}):
                pass
        for path in sorted(table.path.iterdir()):
            if path.name not in _FOLDERS:
                what = "it lies in a table's folder, and no version knows it"
                yield Finding(FindingKind.UNDECLARED, store, f"{where}/{path.name}", what, "remove it")
        yield from (
            Finding(
                _KINDS.get(objection.reason, FindingKind.UNSUPPORTED), store, where, objection.detail, "see above, then run `check` again"
            )
            for objection in objections(table, drop_tags=drop_tags)
        )
        left = sum(1 for _ in orphans(table))
        if left:
            what = f"{left} files belong to no version: they are being written, or a writer died; a purge removes them when they are old"
            yield Finding(FindingKind.NOTE, store, where, what, "nothing, if writers are at work")
    except (*TROUBLE, TableGone) as error:
        reason = unable(table.dataset, error)
        kind = _KINDS.get(reason.reason, FindingKind.UNREADABLE)
        yield Finding(kind, store, where, reason.detail, "correct `table:`, or repair or restore the table")


def objections(table: LanceTable, *, drop_tags: bool) -> Iterator[Unable]:
    """Everything about the table itself that a purge would stop at. Raises as the table."""
    data = table.open()
    name = table.dataset.name
    if data.base_paths():
        yield Unable(Reason.UNSUPPORTED, f"{name}: the table keeps files in another place (a shallow clone): copy it whole, or erase there")
    names = data.tags.list()
    if names and not drop_tags:
        yield Unable(Reason.REFERENCED, pinned(table, len(names)))
    for index in data.describe_indices():
        kind = index.index_type
        if kind not in SCALAR and not kind.startswith("IVF") and not index.name.startswith("__lance"):
            yield Unable(Reason.UNSUPPORTED, f"{name}: an index of type {kind} cannot be made anew; drop it")


def preflight(table: LanceTable, *, drop_tags: bool) -> Iterator[Unable]:
    """Rights, room and objections. Raises as the table."""
    if not writable(table):
        yield Unable(Reason.PERMISSION, f"{table.dataset.name}: this user may not write to the table's folder")
        return
    need = 2 * size(table) + _MARGIN
    if shutil.disk_usage(table.path).free < need:
        yield Unable(Reason.DISK_FULL, f"{table.dataset.name}: rewriting the table needs {need >> 20} MiB free beside it")
    yield from objections(table, drop_tags=drop_tags)


def writable(table: LanceTable) -> bool:
    """Return whether this process may make and remove files in every folder of the table."""
    folders = [table.path, *(path for path in table.path.rglob("*") if path.is_dir())]
    return all(os.access(folder, os.W_OK | os.X_OK, effective_ids=os.access in os.supports_effective_ids) for folder in folders)


def size(table: LanceTable) -> int:
    """Bytes of all its files."""
    return sum(path.stat().st_size for path in table.path.rglob("*") if path.is_file())
