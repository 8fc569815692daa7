"""The review desk, as the map declares it: lengths, hours, networks, and how old training and a statement of purpose may be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from expunge.core.values.tags import tagged

LONGEST_LEASE = timedelta(minutes=60)
"""The most that a map can allow."""
LONGEST_TRAINING = 365
"""Days after which training lapses at the latest: every twelve months (RNG III.E.3, AMZ VI.E.3)."""


@tagged("WorkingHours")
@dataclass(frozen=True)
class WorkingHours:
    """The hours in which recordings are reviewed."""

    days: tuple[int, ...] = (1, 2, 3, 4, 5)
    """Days of the week, sorted: 1 is Monday, 7 is Sunday (ISO 8601)."""
    first: int = 8 * 60
    """The first minute of the day."""
    last: int = 18 * 60
    """The minute of the day at which they are over."""
    zone: str = "UTC"
    """Name of the time zone (IANA)."""


@tagged("ReviewLimits")
@dataclass(frozen=True)
class ReviewLimits:
    """The numbers that policies compare facts with. They are part of the set of policies, and of its digest."""

    lease_minutes: int = 10
    """Length of a lease at most."""
    range_seconds: int = 300
    """Length of a range at most."""
    training_days: int = LONGEST_TRAINING
    """Days after which training lapses."""
    attestation_days: int = 90
    """Days after which a statement of purpose lapses."""
    login_seconds: int = 12 * 3600
    """Seconds since a credential was shown, at most."""
    fresh_login_seconds: int = 900
    """The same where a lease is begun, a step taken, or something is seen in the clear."""
    daily_seconds: int = 2 * 3600
    """Seconds of recordings that one reviewer is shown on a day, at most."""
    hours: WorkingHours = WorkingHours()
    networks: tuple[str, ...] = ()
    """Names of the networks from which recordings are reviewed, sorted; any where there is none."""


@dataclass(frozen=True)
class ReviewSpec:
    """The section ``review``."""

    limits: ReviewLimits = ReviewLimits()
    networks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Name of a network -> its addresses, such as ``10.0.0.0/8``."""
    policies: str = ""
    """The absolute path of the folder with the company's own policies; empty for none."""
    line: int = field(default=0, compare=False)
    """Line of the map, for messages."""
