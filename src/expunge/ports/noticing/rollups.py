"""The daily roll-up of looks: sums for each reviewer, recording and case, by day. It is made from the journal, and never the truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from expunge.core.noticing.looks import Look, Need
from expunge.core.noticing.measures import ReviewerDay


@dataclass(frozen=True)
class RollupMark:
    """How far a roll-up goes, and what it was made with: one that does not fit any more is made anew."""

    events: int = 0
    """The events of the register of reviews that it has."""
    last: str = ""
    """Hex SHA-256 of the last of them; empty for none."""
    hours: str = ""
    """Hex SHA-256 of the working hours and the time zone."""


class ViewRollup(Protocol):
    """Sums of looks."""

    @property
    def needs(self) -> Mapping[str, Need]:
        """What open requests need, as it was when the roll-up was kept."""

    def take(self, looks: Sequence[Look]) -> None:
        """Add looks."""

    def days(self, since: date | None = None) -> Sequence[ReviewerDay]:
        """Return every reviewer's day, by day and reviewer, from a day on. Repetition is counted with the days before."""


class RollupShelf(Protocol):
    """Keeps the roll-up of an installation."""

    def load(self) -> tuple[RollupMark, ViewRollup]:
        """Return what is kept; an empty one where nothing is, or where it cannot be read."""

    def empty(self) -> ViewRollup:
        """Return a new one."""

    def keep(self, mark: RollupMark, rollup: ViewRollup, needs: Mapping[str, Need]) -> None:
        """Keep a roll-up in the place of the one before. Raises OSError."""
