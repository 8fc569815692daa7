"""The fold of the register of reviews: the standing of each request and lease at each moment."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from expunge.core.accounts.staff import JobFunction
from expunge.core.journal.review_events import (
    BreakGlassReviewed,
    ClarityChanged,
    LeaseBegun,
    LeaseEnded,
    OutcomeEntered,
    ReviewAnswered,
    ReviewRecused,
    ReviewRequested,
    ReviewsBarred,
    ViewServed,
)
from expunge.core.journal.review_words import (
    AnswerBy,
    CaseKind,
    Clarity,
    LeaseEnding,
    RecusalReason,
    ReviewOutcome,
    ReviewPurpose,
    Room,
    Sound,
)
from expunge.core.review.request import LeaseStanding, RequestStanding, Reviews, approvals_needed
from expunge.core.values.ids import Pseudonym

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
CHILD = Pseudonym("cd" * 16)
ASKED = ReviewRequested(
    NOW, "0a" * 8, "reviewer", JobFunction.REVIEWER, ReviewPurpose.HARM, CaseKind.SUPPORT, "LE-88", "doorbell", "ab" * 16, True, (CHILD,),
    0, 40_000, Clarity.CLEAR, Sound.MUTE, NOW + timedelta(days=1), "", False, "",
)  # fmt: skip
BEGUN = LeaseBegun(
    NOW, "1b" * 8, ASKED.request, NOW + timedelta(minutes=5), Clarity.PIXELATED, Sound.MUTE, by_family=False, session="", policy=""
)


def answered(by: AnswerBy, *, granted: bool, account: str = "officer") -> ReviewAnswered:
    """Return an answer."""
    return ReviewAnswered(NOW, ASKED.request, by, account, CHILD if by is AnswerBy.FAMILY else "", granted, "", "")


def standing(*events: object, at: datetime = NOW, purpose: ReviewPurpose = ReviewPurpose.HARM) -> RequestStanding:
    """Return the standing of the request after some events."""
    return Reviews([replace(ASKED, purpose=purpose), *events]).requests[ASKED.request].standing(at)


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ((), RequestStanding.WAITING),
        ((answered(AnswerBy.STAFF, granted=True),), RequestStanding.APPROVED),
        ((answered(AnswerBy.STAFF, granted=True), answered(AnswerBy.STAFF, granted=False, account="other")), RequestStanding.DENIED),
        ((answered(AnswerBy.FAMILY, granted=True),), RequestStanding.APPROVED),
        ((answered(AnswerBy.FAMILY, granted=False),), RequestStanding.WAITING),
        ((answered(AnswerBy.STAFF, granted=True), BEGUN), RequestStanding.ACTIVE),
        ((BEGUN, LeaseEnded(NOW, BEGUN.lease, LeaseEnding.REVOKED, "officer")), RequestStanding.OUTCOME_OWED),
        ((BEGUN, OutcomeEntered(NOW, ASKED.request, "reviewer", ReviewOutcome.RESOLVED)), RequestStanding.CLOSED),
        ((ReviewRecused(NOW, ASKED.request, "reviewer", RecusalReason.KNOWS_PERSON),), RequestStanding.RECUSED),
    ],
    ids=["asked", "approved", "denied", "family", "family-denies", "lease", "ended", "outcome", "recused"],
)
def test_standing_after_events(events: tuple[object, ...], expected: RequestStanding) -> None:
    assert standing(*events) is expected


def test_a_family_denies_for_good_what_takes_its_word() -> None:
    events = (answered(AnswerBy.FAMILY, granted=False), answered(AnswerBy.FAMILY, granted=True, account="mother"))
    assert standing(*events, purpose=ReviewPurpose.AUTHORISED) is RequestStanding.DENIED
    found = Reviews([ASKED, *events]).requests[ASKED.request]
    assert (found.allowed_by_family, found.denied_by_family) == (False, True)


@pytest.mark.parametrize(
    ("second", "expected"),
    [(86_399, RequestStanding.WAITING), (86_400, RequestStanding.EXPIRED)],
    ids=["before", "at"],
)
def test_a_request_that_was_not_approved_in_its_time_is_denied(second: int, expected: RequestStanding) -> None:
    assert standing(at=NOW + timedelta(seconds=second)) is expected


def test_an_approval_does_not_outlive_the_request() -> None:
    assert standing(answered(AnswerBy.STAFF, granted=True), at=NOW + timedelta(days=1)) is RequestStanding.EXPIRED


@pytest.mark.parametrize(
    ("second", "expected", "left"),
    [(0, LeaseStanding.RUNNING, 300), (299, LeaseStanding.RUNNING, 1), (300, LeaseStanding.TIME_OVER, 0)],
    ids=["begin", "last", "over"],
)
def test_a_lease_ends_by_time(second: int, expected: LeaseStanding, left: int) -> None:
    lease = Reviews([ASKED, BEGUN]).leases[BEGUN.lease]
    now = NOW + timedelta(seconds=second)
    assert (lease.standing(now), lease.seconds_left(now)) == (expected, left)
    assert standing(BEGUN, at=now) is (RequestStanding.OUTCOME_OWED if expected is LeaseStanding.TIME_OVER else RequestStanding.ACTIVE)


def test_the_first_end_of_a_lease_stays() -> None:
    ends = [LeaseEnded(NOW, BEGUN.lease, why, "") for why in (LeaseEnding.ERASURE, LeaseEnding.REVOKED)]
    lease = Reviews([ASKED, BEGUN, *ends]).leases[BEGUN.lease]
    assert lease.ended == ends[0]
    assert lease.standing(NOW) is LeaseStanding.ENDED


def test_views_are_counted_and_steps_are_kept() -> None:
    view = ViewServed(
        NOW, 0, BEGUN.lease, ASKED.request, "reviewer", JobFunction.REVIEWER, ReviewPurpose.HARM, CaseKind.SUPPORT, "LE-88", ("officer",),
        "doorbell", "ab" * 16, (CHILD,), 0, 2000, Clarity.PIXELATED, Sound.MUTE, Room.OUTDOOR, False, "",
    )  # fmt: skip
    step = ClarityChanged(NOW, BEGUN.lease, Clarity.FACES_HIDDEN, Sound.MASKED, "")
    found = Reviews([ASKED, BEGUN, view, replace(view, sequence=1), step])
    lease = found.leases[BEGUN.lease]
    assert (lease.views, lease.clarity, lease.sound) == (2, Clarity.FACES_HIDDEN, Sound.MASKED)
    assert found.request_of(BEGUN.lease) is found.requests[ASKED.request]
    assert found.running(NOW) == (lease,)
    assert found.running(NOW + timedelta(minutes=5)) == ()


def test_a_family_bars_one_recording_or_all() -> None:
    one = ReviewsBarred(NOW, "parent", CHILD, "doorbell", "ab" * 16, barred=True)
    every = ReviewsBarred(NOW, "parent", CHILD, "", "", barred=True)
    assert Reviews([one]).is_barred([CHILD], "doorbell", "ab" * 16)
    assert not Reviews([one]).is_barred([CHILD], "doorbell", "00" * 16)
    assert not Reviews([one]).is_barred([Pseudonym("00" * 16)], "doorbell", "ab" * 16)
    assert Reviews([every]).is_barred([Pseudonym("00" * 16), CHILD], "doorbell", "00" * 16)
    assert not Reviews([every, replace(every, barred=False)]).is_barred([CHILD], "doorbell", "00" * 16)


def test_break_glass_owes_a_judgement_from_its_activation() -> None:
    asked = replace(ASKED, break_glass=True)
    assert Reviews([asked]).requests[ASKED.request].owes_judgement() is None
    assert Reviews([asked, BEGUN]).requests[ASKED.request].owes_judgement() == NOW + timedelta(hours=24)
    judged = BreakGlassReviewed(NOW, ASKED.request, "officer", justified=True)
    assert Reviews([asked, BEGUN, judged]).requests[ASKED.request].owes_judgement() is None
    assert Reviews([ASKED, BEGUN]).requests[ASKED.request].owes_judgement() is None


@pytest.mark.parametrize("clarity", list(Clarity))
@pytest.mark.parametrize("sound", list(Sound))
@pytest.mark.parametrize("room", list(Room))
@pytest.mark.parametrize("child", [False, True], ids=["adult", "child"])
def test_two_approve_a_child_or_a_room_inside_in_the_clear(clarity: Clarity, sound: Sound, room: Room, *, child: bool) -> None:
    is_clear = clarity is Clarity.CLEAR or sound is Sound.CLEAR
    two = is_clear and (child or room in {Room.BEDROOM, Room.BATHROOM, Room.INDOOR, Room.UNKNOWN})
    assert approvals_needed(clarity, sound, room, child=child) == (2 if two else 1)
