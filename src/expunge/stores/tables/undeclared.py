"""What no dataset declares, as a dataset of nobody: for looks at tables and files that the map does not know."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase

from expunge.core.datamap.datamap import ByField, Dataset, Layout
from expunge.core.datamap.mentions import entry_line, yaml_word

MOST_LISTED, LONGEST_LISTED = 100_000, 64
"""Rows, and bytes of a value, up to which a table may be a list of what there is."""


def of_nobody(name: str, store: str, layout: Layout | None = None) -> Dataset:
    """Return a dataset that no field leads from to anybody."""
    return Dataset(name, store, ByField({}), "", layout)


def reference_line(store: str, name: str, table: str) -> str:
    """Return the correction for an undeclared table that looks like a list: the line that declares it to be about nobody."""
    return f"if it lists what there is, whoever has it: {entry_line(name, store, f'table: {yaml_word(table)}', 'about: nobody')}"


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
