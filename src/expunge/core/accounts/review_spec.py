"""The review desk, as the map declares it: lengths, hours, networks, and how old training and a statement of purpose may be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from expunge.core.values.tags import tagged

LONGEST_LEASE = timedelta(minutes=60)
"""The most that a map can allow."""
STILL_GROWING = timedelta(seconds=10)
"""The time after its last byte in which a recording may still be growing."""
LONGEST_TRAINING = timedelta(days=365)
"""The time after which training, and a statement of purpose, lapse at the latest: twelve months (RNG III.E.3, AMZ VI.E.3)."""


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
    training_days: int = LONGEST_TRAINING.days
    """Days after which training lapses."""
    attestation_days: int = 90
    """Days after which a statement of purpose lapses."""
    login_seconds: int = 12 * 3600
    """Seconds since a credential was shown, at most."""
    fresh_login_seconds: int = 900
    """The same where a person approves, begins a lease, or takes a step towards clear."""
    daily_seconds: int = 2 * 3600
    """Seconds of recordings that one reviewer is shown on a day, at most."""
    hours: WorkingHours = WorkingHours()
    networks: tuple[str, ...] = ()
    """Names of the networks from which recordings are reviewed, sorted; any where there is none."""


@dataclass(frozen=True)
class CameraPlace:
    """What tells the kind of room that the cameras of a dataset look at."""

    room: str = ""
    """A word of :class:`expunge.core.journal.review_words.Room` for all of them; empty where a field tells."""
    field: str = ""
    """The field of the dataset whose text names the place; empty where it is the same for all."""


@dataclass(frozen=True)
class LiveSpec:
    """What tells that the camera of a recording records at this moment: such a recording is not shown (RNG, definitions)."""

    streams: tuple[str, ...] = ()
    """Datasets whose every item is a live view."""
    within: timedelta | None = None
    """The time after the last byte of a recording was written in which it counts as live, sealed ones too. None: :data:`STILL_GROWING`,
    for recordings that lie in the clear alone, because a sealed one is whole when it comes in."""


@dataclass(frozen=True)
class ReviewSpec:
    """The section ``review``."""

    limits: ReviewLimits = ReviewLimits()
    networks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Name of a network -> its addresses, such as ``10.0.0.0/8``."""
    answer_within: timedelta = timedelta(days=7)
    """How long a customer who is asked about a request may take; then it counts as denied."""
    children: tuple[str, ...] = ()
    """Datasets of which each recording may be about a child, beside those that lead to people with guardians."""
    cameras: Mapping[str, CameraPlace] = field(default_factory=dict)
    """Dataset -> what tells the kind of room. A dataset that is not here is of an unknown room, which counts as one inside a home."""
    live: LiveSpec = LiveSpec()
    policies: str = ""
    """The absolute path of the folder with the company's own policies; empty for none."""
    noticing: str = ""
    """The absolute path of the file that makes rules of noticing stricter; empty for none."""
    officer: str = field(default="", repr=False)
    """The mail address that is told when findings or incidents wait; empty for none."""
    line: int = field(default=0, compare=False)
    """Line of the map, for messages."""
