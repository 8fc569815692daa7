"""What was handed out under a lease is held against what its player says."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from expunge.core.accounts.staff import JobFunction
from expunge.core.journal.review_events import ClarityChanged, ReviewEvent, ViewGiven, ViewReported, ViewServed
from expunge.core.journal.review_words import CaseKind, Clarity, ReviewPurpose, Room, Sound
from expunge.core.review.watched import WatchDoubt, WatchedLease

AT = datetime(2026, 12, 1, 9, tzinfo=UTC)
LEASE, OTHER = "1b" * 8, "2c" * 8


def served(sequence: int, lease: str = LEASE) -> ViewServed:
    return ViewServed(
        AT, sequence, lease, "3d" * 8, "reviewer", JobFunction.REVIEWER, ReviewPurpose.HARM, CaseKind.SUPPORT, "LE-88", (), "bell",
        "4e" * 8, (), sequence * 2000, sequence * 2000 + 2000, Clarity.PIXELATED, Sound.MUTE, Room.INDOOR, False, "",
    )  # fmt: skip


def given(sequence: int, count: int = 700) -> ViewGiven:
    return ViewGiven(AT, LEASE, sequence, count)


def told(shown: int, seeks: int = 0, hidden: int = 0, *, ended: bool = False) -> ViewReported:
    return ViewReported(AT, LEASE, "reviewer", shown, seeks, hidden, ended)


def test_a_lease_that_was_watched_to_its_end_raises_no_doubt() -> None:
    step = ClarityChanged(AT, LEASE, Clarity.CLEAR, Sound.MUTE, "")
    whole = WatchedLease.of(
        LEASE, [served(0), served(0, OTHER), given(0), told(1500), served(1), given(1), step, told(2000, 1, 300, ended=True)]
    )
    assert (whole.views, whole.handed_bytes, whole.handed_ms) == (2, 1400, 4000)
    assert (whole.reports, whole.shown_ms, whole.seeks, whole.hidden_ms, whole.steps) == (2, 3500, 1, 300, 1)
    assert whole.doubts == ()


@pytest.mark.parametrize(
    ("events", "doubts"),
    [
        ([], ()),
        ([served(0), given(0), told(900)], (WatchDoubt.NO_END,)),
        ([served(0), given(0), told(900, ended=True), served(1), given(1)], (WatchDoubt.NO_END,)),
        ([served(0), told(0, ended=True)], (WatchDoubt.CUT_OFF,)),
        ([served(0), given(0, 0), told(2001, ended=True)], (WatchDoubt.MORE_TOLD,)),
        ([served(0), given(0, 0), told(2000, ended=True)], ()),
        ([served(0), given(0), told(4001, ended=True)], (WatchDoubt.MORE_TOLD,)),
    ],
    ids=["nothing", "closed in the middle", "went on after its end", "a crash", "refused, and told", "refused", "more than handed"],
)
def test_what_does_not_fit_is_said(events: list[ReviewEvent], doubts: tuple[WatchDoubt, ...]) -> None:
    assert WatchedLease.of(LEASE, events).doubts == doubts
