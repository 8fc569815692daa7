"""Looks at a child's recordings, as its family is told: who opened what, for what, when, and how much of it; and who was refused."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from expunge.core.datamap.artefact import DataKind
from expunge.core.families.timeline import TimelineItem


class LookedBy(StrEnum):
    """The kind of reader."""

    YOU = "you"
    FAMILY = "another member of the family"
    PROGRAM = "a program"
    EXPORT = "an export"
    STAFF = "staff of the company"


@dataclass(frozen=True)
class StaffLook:
    """The record of what staff saw at the review desk under one lease, or were refused, as its family is told."""

    function: str
    """The job function of the reviewer; empty for a refusal."""
    case_kind: str
    case_number: str
    approvers: tuple[str, ...] = ()
    """Job functions of the accounts of staff that approved; empty text for an approver of the map who signed."""
    seconds: int = 0
    """Seconds of the recording that were given to the reviewer, rounded up; what was fetched twice counts twice."""
    views: int = 0
    clarity: str = ""
    """The clearest picture that was shown."""
    sound: str = ""
    """The clearest sound."""
    break_glass: bool = False
    """Whether no other person was asked first."""
    look: str = field(default="", compare=False)
    """The id of its lease, by which its receipt is asked for; empty for a refusal."""


@dataclass(frozen=True)
class Look:
    """One opening, or one refusal."""

    at: datetime
    by: LookedBy
    name: str
    """The program, as it calls itself; empty for people."""
    purpose: str
    refused: str = ""
    """Why it was refused; empty where it was let."""
    more: int = 0
    """Further refusals of the same kind before it that have no entry."""
    first: int = 0
    last: int = 0
    """The range of bytes that was opened."""
    item: TimelineItem | None = field(default=None, repr=False)
    """The recording; None outside an opening, and where it is there no more."""
    kind: DataKind | None = None
    """The kind of data, by the dataset; None where the map has that no more."""
    staff: StaffLook | None = None
    """The case, the approvers and the clarity, where staff looked."""


@dataclass(frozen=True)
class LookCount:
    """Looks of one reader for one purpose."""

    by: LookedBy
    name: str
    purpose: str
    opened: int
    refused: int
    bytes: int
    """Bytes of all ranges that were opened, together."""
    last: datetime
    seconds: int = 0
    """Seconds of recordings that staff were given."""


@dataclass(frozen=True)
class LookPage:
    """Looks at the recordings of one child."""

    counts: tuple[LookCount, ...]
    """The last reader first."""
    looks: tuple[Look, ...] = ()
    """The newest first; none outside an opening."""
    total: int = 0
    first: int = 0
    """The number of the first of them, from 1."""
    following: int | None = None
    """The cursor of the next page."""
