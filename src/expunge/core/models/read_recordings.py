"""The sealed recordings that a training read, as a manifest takes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True)
class ReadRecordings:
    """The recordings that a program opened, by the register of openings."""

    records: tuple[tuple[str, bytes], ...] = field(repr=False)
    """(``DATASET/NAME``, SHA-256 of the recording), sorted."""
    people: Mapping[str, frozenset[str]] = field(repr=False)
    """Kind of identity -> the people in them, and the owners of these people."""
    sources: Mapping[str, datetime]
    """Dataset -> when its first recording was opened."""
    complete: bool = True
    """False where the owner of a person could not be told."""
