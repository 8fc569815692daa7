"""The register of openings: who opened which sealed recording, for what, and how much of it.

Source: view implies log; each entry is durable before the first byte is given out.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from expunge.core.values.ids import Pseudonym
from expunge.core.values.tags import tagged


@tagged("RecordingOpened")
@dataclass(frozen=True)
class RecordingOpened:
    """A program was let read a part of a recording. Register ``openings``."""

    at: datetime
    opening: str
    """Its id: 16 hex digits."""
    dataset: str
    recording: str
    """The random id of the sealed recording; its name is nowhere in the journal."""
    subjects: tuple[Pseudonym, ...]
    purpose: str
    user: str
    """Name of the account of the operating system."""
    program: str
    """As the program calls itself."""
    first: int
    """The first byte that it may read."""
    last: int
    """The first byte after the part that it may read."""


OpeningEvent: TypeAlias = RecordingOpened
