"""The schema naming port, optional beside the store port: the words of a store that are no content."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol, runtime_checkable


@runtime_checkable
class SchemaNaming(Protocol):
    """A store that knows words of its schema, such as names of tables and columns."""

    def schema_words(self) -> Iterator[str]:
        """Yield the words that the store knows before any item is read: names of tables, columns, indexes and constraints, labels of enums.

        A column's default is one, and so is a value that a constraint lists. A text in a view, a bound of a partition or an index is none:
        it may be about a person. Reads only. Raises as ``locate``.
        """
        ...
