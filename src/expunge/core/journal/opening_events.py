"""The register of openings: who opened which recording, for what, and how much of it; who was refused; and who reviewed that.

Programs open sealed recordings. Families open their own, sealed or not.

Source: view implies log; each entry of an opening is durable before the first byte is given out.
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
    """A program or a family was let read a part of a recording. Register ``openings``."""

    at: datetime
    opening: str
    """Its id: 16 hex digits."""
    dataset: str
    recording: str
    """The random id of the sealed recording, or the keyed tag of an item that lies in the clear; its name is nowhere in the journal."""
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
    account: str = ""
    """The account of the pages that a family looked by; empty where a program read for itself."""
    family: str = ""
    """The pseudonym of that family."""


@tagged("OpeningRefused")
@dataclass(frozen=True)
class OpeningRefused:
    """A program or a family was not let read a recording, or not let read on. Register ``openings``."""

    at: datetime
    dataset: str
    recording: str
    subjects: tuple[Pseudonym, ...]
    purpose: str
    user: str
    program: str
    why: str
    """The reason, in the gate's words."""
    more: int
    """How many refusals of the same program, purpose and reason have no entry of their own, since the last entry."""
    account: str = ""
    """As in :class:`RecordingOpened`."""
    family: str = ""


@tagged("OpeningsReviewed")
@dataclass(frozen=True)
class OpeningsReviewed:
    """A person held openings against what was allowed when they happened. Register ``openings``."""

    at: datetime
    since: datetime
    openings: int
    violations: int
    by: str
    """The person's name, as the person gave it."""


OpeningEvent: TypeAlias = RecordingOpened | OpeningRefused | OpeningsReviewed
