"""A request for a review, as a reviewer puts it."""

from __future__ import annotations

from dataclasses import dataclass, field

from expunge.core.journal.review_words import CaseKind, Clarity, ReviewPurpose, Sound


@dataclass(frozen=True)
class NewReview:
    """A request as a reviewer puts it."""

    purpose: ReviewPurpose
    case_kind: CaseKind
    case_number: str
    dataset: str
    name: str = field(repr=False)
    """By which the store of the dataset finds the recording."""
    first_ms: int = 0
    last_ms: int = 60_000
    clarity: Clarity = Clarity.PIXELATED
    sound: Sound = Sound.MUTE
    why: str = field(default="", repr=False)
    """Why less would not do, in the reviewer's words."""
    extends: str = ""
    """The request that this one goes on with."""
    break_glass: bool = False
