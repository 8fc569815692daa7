"""What is counted of one reviewer on one day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum


class Measure(StrEnum):
    """One number of a reviewer's day. A household is the first, in the order of pseudonyms, of the people in a recording."""

    HOUSEHOLDS = "households"
    """Different households of which something was seen."""
    RECORDINGS = "recordings"
    LEASES = "leases"
    """Leases whose first view was on that day."""
    SECONDS = "seconds"
    """Seconds of recordings that were shown."""
    LEASES_AGAIN = "leases again"
    """Leases for a household of which the same reviewer had seen something before: that day, or on one of the 27 days before."""
    CHANGED_CASES = "changed cases"
    """How often a household was seen under another case than the last time, within 28 days."""
    HOUSEHOLDS_OF_ONE_CASE = "households of one case"
    """The most different households that one case was the reason for."""
    SECONDS_OFF_HOURS = "seconds off hours"
    """Seconds shown outside the working hours of the map."""
    SECONDS_IN_PRIVATE_ROOMS = "seconds in private rooms"
    """Seconds shown of bedrooms and bathrooms."""
    SECONDS_PAST_NEED = "seconds past need"
    """Seconds shown outside the range of the request, after its outcome, or beyond twice the length of its range."""
    REFUSALS = "refusals"
    """Acts at the desk that were refused."""
    REFUSALS_WITHOUT_CASE = "refusals without a case"


@dataclass(frozen=True)
class ReviewerDay:
    """The numbers of one reviewer in one job function on one day, in the time zone of the map."""

    day: date
    reviewer: str
    function: str
    """The word of the job function; empty where nothing was seen, but refused."""
    numbers: Mapping[Measure, int] = field(default_factory=dict)
    """A measure that is not there is 0."""
