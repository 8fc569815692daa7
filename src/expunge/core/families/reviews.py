"""Requests of staff to see a recording, and what a family bars, as the family is told."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from expunge.core.datamap.artefact import DataKind
from expunge.core.families.timeline import TimelineItem
from expunge.core.journal.review_words import CaseKind, Clarity, ReviewPurpose, Sound

EVERY = "every"
"""Names the bar of every recording."""


class FamilyReviewState(StrEnum):
    """The standing of a request, as its family is told."""

    WAITS = "waits for your word"
    CONSENTED = "covered by your consent"
    """It waits, and a consent for review that stands is enough for it. The family may still deny it."""
    BARRED = "barred"
    """The family bars review of the recording: what it agreed to does not count."""
    ALLOWED = "allowed"
    APPROVED = "approved by another person"
    """No word of the family is needed: another person of the company approved it, or it was an emergency."""
    RUNNING = "being seen"
    """The recording may be looked at right now."""
    OVER = "over"
    """It was looked at, or could have been: who looked says which."""
    DENIED = "denied"
    EXPIRED = "expired"
    """It was not answered in time, or not used: that counts as a no."""
    GIVEN_BACK = "given back"
    """The reviewer gave it back."""


@dataclass(frozen=True)
class FamilyReview:
    """One request of staff to see a recording of a family."""

    request: str
    """Its id: 16 hex digits, random."""
    at: datetime
    until: datetime
    """Without an answer until then it is denied."""
    state: FamilyReviewState
    purpose: ReviewPurpose
    case_kind: CaseKind
    case_number: str
    first_ms: int
    last_ms: int
    clarity: Clarity
    """The clearest picture that was asked for."""
    sound: Sound
    kind: DataKind | None
    """The kind of data, by the dataset; None where the map has that no more."""
    can_allow: bool
    can_deny: bool
    with_others: bool
    """Whether people are in the recording for whom this family does not speak: then it can deny, and not allow."""
    is_barred: bool
    break_glass: bool
    answered: datetime | None = None
    """When the family answered last."""
    by_you: bool = False
    """Whether the account that asks gave that answer."""
    item: TimelineItem | None = field(default=None, repr=False)
    """The recording; None outside an opening, and where it is there no more."""


@dataclass(frozen=True)
class FamilyBar:
    """A bar of a family: what it agreed to does not count while that stands."""

    bar: str
    """Names it: :data:`EVERY`, or 32 hex digits."""
    since: datetime
    by_you: bool
    kind: DataKind | None = None
    item: TimelineItem | None = field(default=None, repr=False)
    """The recording; None for every one, outside an opening, and where it is there no more."""


@dataclass(frozen=True)
class FamilyReviews:
    """What a family is told of requests to see its recordings."""

    reviews: tuple[FamilyReview, ...]
    """Those that wait for its word first, then the others, the newest first."""
    bars: tuple[FamilyBar, ...]
    """That of every recording first."""

    @property
    def waiting(self) -> int:
        """Return how many wait for the family's word."""
        return sum(each.state is FamilyReviewState.WAITS for each in self.reviews)

    @property
    def all_barred(self) -> bool:
        """Return whether every recording is barred."""
        return any(each.bar == EVERY for each in self.bars)
