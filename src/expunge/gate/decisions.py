"""Questions to the gate and its answers."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from expunge.errors import UsageError


class GateReason(StrEnum):
    """The reason of the gate's answer."""

    NOT_SUPPRESSED = "not suppressed"
    PERMITTED = "permitted for this purpose"
    SUPPRESSED = "suppressed"
    FROZEN = "frozen until somebody has decided"
    UNKNOWN_PURPOSE = "the data map has no such purpose"
    UNKNOWN_KIND = "the data map has no such kind of identifier"
    WITHDRAWN = "consent was withdrawn"
    NO_CONSENT = "consent was not given, or does not hold any more"
    CLOSED = "a recipient that the purpose hands data to has to confirm an erasure first"
    NOT_REVIEWED = "it is a use of location without a review that holds: `expunge review`"
    NO_ASSURANCE = "whoever gets it has given no written assurance for children's data that holds: `expunge recipient assure`"
    ENDED = "the time for which it may be kept is over"
    NO_TIME = "it is not known when it was recorded"
    NO_SUBJECT = "it is not known whose it is"
    SCHEDULED = "its schedule is declared"
    UNSCHEDULED = "it has no schedule: declare what it is for, why that needs it, and a finite period"
    MISSING = "no snapshot: the file is not there"
    UNREADABLE = "no snapshot: the file cannot be read"
    FORGED = "no snapshot: it is not signed by the key given, or was changed"
    WRONG_KEY = "no snapshot: it was made with another gate key"
    STALE = "no snapshot: it is too old"
    FUTURE = "no snapshot: it comes from the future; a clock is wrong"
    NOT_SET_UP = "no snapshot: no gate.toml was found, or it names no key"


YES = frozenset({GateReason.NOT_SUPPRESSED, GateReason.PERMITTED, GateReason.SCHEDULED})
SHUT = frozenset(
    {
        GateReason.MISSING, GateReason.UNREADABLE, GateReason.FORGED, GateReason.WRONG_KEY, GateReason.STALE, GateReason.FUTURE,
        GateReason.NOT_SET_UP,
    }
)  # fmt: skip
"""The gate knows nothing about anybody: whoever waits may ask again later."""


@dataclass(frozen=True)
class Subject:
    """An identifier as the stores hold it, with its identity kind in the data map."""

    kind: str
    value: str = field(repr=False)

    @classmethod
    def of(cls, name: str) -> Subject:
        """Read ``profile:p-17``. Raises UsageError where no kind stands before the colon."""
        kind, colon, value = name.partition(":")
        if not colon or not kind:
            raise UsageError("a subject is written with its kind", help="such as profile:p-17")
        return cls(kind, value)


@dataclass(frozen=True)
class Decision:
    """The answer; true in an ``if`` exactly when the data may be used."""

    allowed: bool
    reason: GateReason
    as_of: datetime | None
    """When the snapshot was published; None where there is none that can be relied on."""
    policy: str = ""
    """Digest of the data map that the snapshot was made from; empty where no snapshot says."""

    def __bool__(self) -> bool:
        return self.allowed


@dataclass
class Tally:
    """Counts of admitted and refused items, by reason; it holds no names."""

    allowed: int = 0
    refused: Counter[GateReason] = field(default_factory=Counter)

    def add(self, reason: GateReason, count: int = 1) -> None:
        """Count some answers of one kind."""
        if reason in YES:
            self.allowed += count
        elif count:
            self.refused[reason] += count

    @property
    def shut(self) -> GateReason | None:
        """The reason why the gate knew nothing, where that happened."""
        return next((reason for reason in self.refused if reason in SHUT), None)

    def as_json(self) -> dict[str, int]:
        """Return reason -> count, with the admitted ones under ``allowed``."""
        return {"allowed": self.allowed, **{reason.name.lower(): count for reason, count in sorted(self.refused.items())}}
