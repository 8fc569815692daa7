"""Reminders that whereabouts are collected (register ``reminders``): which family was reminded when (DSG-11).

A family is a pseudonym. No event holds an address or a place.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from expunge.core.values.ids import Pseudonym
from expunge.core.values.tags import tagged


@tagged("LocationReminded")
@dataclass(frozen=True)
class LocationReminded:
    """The mail server took a reminder for at least one member of a family."""

    at: datetime
    family: Pseudonym
    letters: int
    """How many members it was sent to."""


@tagged("LocationSwitchedOff")
@dataclass(frozen=True)
class LocationSwitchedOff:
    """A member of a family switched the collection of whereabouts off."""

    at: datetime
    family: Pseudonym
    purposes: tuple[str, ...]
    """Purposes of the map whose consent ended by it."""


ReminderEvent: TypeAlias = LocationReminded | LocationSwitchedOff


def last_reminded(events: Iterable[object]) -> dict[Pseudonym, datetime]:
    """Return when each family was reminded last."""
    found: dict[Pseudonym, datetime] = {}
    for event in events:
        if isinstance(event, LocationReminded):
            found[event.family] = max(event.at, found.get(event.family, event.at))
    return found
