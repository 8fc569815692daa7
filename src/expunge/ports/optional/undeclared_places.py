"""The port of undeclared places, optional beside the store port: a store that can name what nobody declared without reading content."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol, runtime_checkable

from expunge.core.datamap.datamap import Ignore
from expunge.core.values.copy import Finding


@runtime_checkable
class UndeclaredPlaces(Protocol):
    """A store whose ``check`` reads content, and that is asked for less. Asked once a receipt, after the erasures."""

    def undeclared_places(self, ignored: Sequence[Ignore]) -> Iterator[Finding]:
        """Yield the findings of ``check`` whose kind is ``undeclared``, all of them and no others. Raises as ``check``."""
        ...
