"""The outcome of one copy: the sum type from which all results are folded.

"Nothing was done" cannot read as success: there is no number and no boolean here. Only :class:`Erased` and :class:`Absent` discharge an
obligation, and only after probe and scan have agreed. :func:`discharges` is total over the type, so a new outcome fails type checking until
:func:`discharges` covers it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias, assert_never

from expunge.core.values.ids import Pseudonym
from expunge.core.values.tags import tagged


class Reason(StrEnum):
    """The reason why a step could not be done. The word goes into receipts, so it names no person and no content."""

    READER_OPEN = "reader open"
    LOCKED = "locked"
    PERMISSION = "permission"
    CORRUPT = "corrupt"
    ENCRYPTED = "encrypted"
    DISK_FULL = "disk full"
    UNREACHABLE = "unreachable"
    SCHEMA_CHANGED = "schema changed"
    REFERENCED = "referenced by other data"
    UNSUPPORTED = "not supported by this store"
    NO_RUNNER = "no runner for this action"
    COMMAND_FAILED = "the command failed"
    TOO_LONG = "the command took too long"
    TOO_MUCH_MEMORY = "the command needed too much memory"
    SAME_AS_BEFORE = "the command gave the old model back"
    TOO_SHALLOW = "the map asks for more than this store reaches"
    OUTSIDE_WINDOW = "outside the maintenance window"
    RESIDUE = "residue found"
    MENTIONED = "named in other people's rows"
    CANNOT_TELL = "cannot tell"
    CAME_BACK = "data came back"
    ERROR = "error"


RETRYABLE = frozenset({Reason.READER_OPEN, Reason.LOCKED, Reason.DISK_FULL, Reason.UNREACHABLE, Reason.OUTSIDE_WINDOW, Reason.PERMISSION})
"""Reasons that go away by themselves or by an operator's hand: ``apply`` tries these again."""


@tagged("Erased")
@dataclass(frozen=True)
class Erased:
    """At least one item was there and was erased."""

    items: int
    bytes: int = 0

    def __post_init__(self) -> None:
        if self.items < 1:
            message = "Erased needs at least one item; nothing found is Absent, nothing done is Unable"
            raise ValueError(message)


@tagged("Absent")
@dataclass(frozen=True)
class Absent:
    """The place was looked through and held nothing of the subject."""


@tagged("Unable")
@dataclass(frozen=True)
class Unable:
    """The step could not be done, for a reason. It never folds to fulfilled."""

    reason: Reason
    detail: str = ""
    """What, where (by names of the map) and what to do; no identifier and no content."""


@tagged("Kept")
@dataclass(frozen=True)
class Kept:
    """The items stay on purpose: a hold, or the map's ``keep``."""

    ground: str
    until: datetime | None
    """When the ground ends; None where the map gives no date (then the retention period of the dataset applies)."""
    items: int = 0


@tagged("Unknown")
@dataclass(frozen=True)
class Unknown:
    """The reply was lost: it may have happened. Only a probe may settle it."""


Outcome: TypeAlias = Erased | Absent | Unable | Kept | Unknown
Outcomes: TypeAlias = Mapping[Pseudonym, Outcome]
"""One outcome for each subject of a batch; a store answers for every subject it was asked about."""


def discharges(outcome: Outcome) -> bool:
    """Return whether this outcome, once verified, discharges the duty to erase."""
    match outcome:
        case Erased() | Absent():
            return True
        case Unable() | Kept() | Unknown():
            return False
        case _:
            assert_never(outcome)
