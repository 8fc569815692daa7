"""What no dataset declares, as a dataset of nobody: for looks at tables and files that the map does not know."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase

from expunge.core.datamap.datamap import ByField, Dataset, Layout


def of_nobody(name: str, store: str, layout: Layout | None = None) -> Dataset:
    """Return a dataset that no field leads from to anybody."""
    return Dataset(name, store, ByField({}), "", layout)


def ignored_columns(columns: Iterable[str], names: Iterable[str], patterns: Iterable[str], dot: str = ".") -> frozenset[str]:
    """Return the columns that the map ignores by their own names, ``TABLE.COLUMN``; a pattern for whole tables means no column.

    Args:
        columns: the table's columns.
        names: the names by which the map may call the table.
        patterns: those of ``ignore:``.
        dot: what stands between table and column.
    """
    names = tuple(names)
    single = [each for each in patterns if dot in each and not any(fnmatchcase(name, each) for name in names)]
    heads = [(each.rpartition(dot)[0], each.rpartition(dot)[2]) for each in single]
    return frozenset(
        column for column in columns for head, tail in heads if fnmatchcase(column, tail) and any(fnmatchcase(name, head) for name in names)
    )
