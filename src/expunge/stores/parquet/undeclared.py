"""List the Parquet files of a lake that no dataset declares, for looks at their columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase

from expunge.ports.optional.schema_listing import UndeclaredTable
from expunge.stores.arrow.values import leaves
from expunge.stores.parquet.lake.lake_files import Lake, LakeLayout, is_companion
from expunge.stores.tables.undeclared import ignored_columns, of_nobody
from expunge.stores.tree.record_files import Unreadable
from expunge.stores.tree.template_walk import CompiledTemplate, Segment

COLUMN = "#"
"""Stands between a folder and a column of the files in it, where the map ignores one."""


def undeclared_folders(
    lake: Lake, store: str, layouts: Sequence[LakeLayout], keys: Iterable[str], patterns: Sequence[str]
) -> Iterator[tuple[UndeclaredTable, LakeLayout]]:
    """Each folder with undeclared Parquet files directly in it, those that the map ignores apart. Raises OSError."""
    folders: dict[tuple[str, bool], dict[str, frozenset[str]]] = {}
    for key in keys:
        if is_companion(key) or any(layout.template_of(key) for layout in layouts):
            continue
        columns = _columns(lake, key)
        if columns:
            left_out = any(fnmatchcase(key, each) or fnmatchcase(f"{key}/", each) for each in patterns)
            folders.setdefault((key.rpartition("/")[0] or ".", left_out), {})[key] = columns
    for (folder, left_out), files in folders.items():
        dataset = of_nobody(f"folder {folder}" + (" (ignored files)" if left_out else ""), store)
        names = frozenset[str]().union(*files.values())
        settled = ignored_columns(names, (folder,), patterns, COLUMN)
        table = UndeclaredTable(dataset, left_out, tuple(sorted(names - settled)))
        yield table, LakeLayout(dataset, tuple(map(_just, files)))


def _just(key: str) -> CompiledTemplate:
    """A template that one name alone fits, whatever braces are in it."""
    return CompiledTemplate(key, tuple(Segment((part,)) for part in key.split("/")))


def _columns(lake: Lake, key: str) -> frozenset[str]:
    """The columns of a file; none where it is no Parquet file, or cannot be read as one, which the scan says."""
    found: set[str] = set()
    for part in lake.states(key):
        if not part.is_link:
            try:
                with lake.opened(part) as file:
                    found.update(leaf.steps[0] for leaf in leaves(file.schema_arrow))
            except (Unreadable, FileNotFoundError, PermissionError):
                continue
    return frozenset(found)
