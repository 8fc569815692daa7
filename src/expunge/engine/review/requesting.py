"""Requests and their answers: ask, approve, deny, allow, bar, recuse, and enter the result."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from copy import copy
from dataclasses import replace
from datetime import datetime

from expunge.core.accounts.staff import JobFunction
from expunge.core.approver_keys import share_a_key
from expunge.core.journal.review_events import (
    BreakGlassReviewed,
    LeaseEnded,
    OutcomeEntered,
    ReviewAnswered,
    ReviewEvent,
    ReviewNoteKept,
    ReviewRecused,
    ReviewRequested,
    ReviewsBarred,
    ViewRefused,
)
from expunge.core.journal.review_words import (
    AnswerBy,
    Clarity,
    DeskAct,
    LeaseEnding,
    NoteAbout,
    RecusalReason,
    ReviewOutcome,
    ReviewPurpose,
    Room,
    Sound,
)
from expunge.core.review.colleagues import SIGNED
from expunge.core.review.new_review import NewReview
from expunge.core.review.question import PolicyReason
from expunge.core.review.request import Lease, LeaseStanding, RequestStanding, ReviewRequest, Reviews
from expunge.core.values.ids import Pseudonym
from expunge.engine.review import notes
from expunge.engine.review.deciding import Asked, decide, decide_at_machine
from expunge.engine.review.desk import Desk
from expunge.engine.review.refusals import ReviewRefused
from expunge.errors import IllegalTransition, KeyDestroyed, UsageError
from expunge.ports.review.recordings import ReviewedRecording
from expunge.ports.review.seats import Seat

_CASE = re.compile(r"[A-Z][A-Z0-9]{1,9}-[0-9]{1,9}")
_ID = re.compile(r"[0-9a-f]{16}")
LEAST = Clarity.PIXELATED, Sound.MUTE
"""What a lease begins with, where no less was asked for."""


def ask(desk: Desk, seat: Seat, new: NewReview, *, at_machine: bool = False) -> ReviewRequest:
    """Enter a request. Nothing is shown by it.

    Args:
        desk: the desk.
        seat: the account that asks.
        new: the request.
        at_machine: whether the operator enters it at the command line for that account: then the rules in the code alone decide.

    Raises:
        UsageError: the case is of another form, the range is none or too long, the text is empty, or there is no such recording.
        ReviewRefused: a rule or a policy is against it.
        StoreUnavailable, CouldNotLook, StateUnavailable, Busy.
    """
    why = notes.cleaned(new.why, "the reason why less would not do")
    _require_form(desk, new)
    recording = _found(desk, seat.account, new, at_machine=at_machine)
    now, bounds = desk.now(), desk.bounds
    until = now + (bounds.answer_within if new.purpose is ReviewPurpose.AUTHORISED else bounds.request_lasts)
    event = ReviewRequested(
        now, desk.context.random(8).hex(), seat.account, desk.function(seat.account, DeskAct.REQUEST) or JobFunction.REVIEWER, new.purpose,
        new.case_kind, new.case_number, recording.dataset, recording.recording, recording.sealed, recording.subjects, new.first_ms,
        new.last_ms, new.clarity, new.sound, until, new.extends, new.break_glass, "",
    )  # fmt: skip
    asked = Asked(DeskAct.REQUEST, ReviewRequest(event), recording, new.clarity, new.sound, new.first_ms, new.last_ms)
    if at_machine:
        decide_at_machine(desk, asked, seat.account)
    else:
        event = replace(event, policy=decide(desk, asked, seat)[1])
    if new.extends:
        _require_extended(desk, event)
    kept = tuple(
        _sealed(desk, event.request, recording.subjects, about, seat.account, text)
        for about, text in ((NoteAbout.RECORDING, recording.name), (NoteAbout.NEED, why))
    )
    # commit point: the request stands, with the texts that belong to it.
    desk.stream.enter(lambda _: (event, *kept))
    return found(desk, event.request)


def found(desk: Desk, request: str) -> ReviewRequest:
    """Return a request as it stands. Raises UsageError for an id that is not known."""

    def look(reviews: Reviews) -> ReviewRequest:
        known = reviews.requests.get(request) if _ID.fullmatch(request) else None
        if known is None:
            raise UsageError("there is no request of that id", help="`expunge access list` shows requests")
        return replace(known, answers=list(known.answers), notes=list(known.notes), lease=copy(known.lease))

    return desk.stream.read(look)


def recording_of(desk: Desk, request: ReviewRequest) -> ReviewedRecording:
    """Return the recording of a request, as its store has it now. Raises ReviewRefused where its name is gone, and as the store."""
    name = notes.of(desk.context, request, NoteAbout.RECORDING)
    if name is None:
        raise ReviewRefused([PolicyReason("erasure", "a person in the recording is being erased, or was")])
    recording = desk.recordings.find(request.asked.dataset, name)
    if (recording.recording, set(recording.subjects)) != (request.asked.recording, set(request.asked.subjects)):
        # Why: another recording may have taken the name since.
        raise ReviewRefused([PolicyReason("another-recording", "the recording of the request is not there any more")])
    return recording


def approve(desk: Desk, seat: Seat, request: str) -> ReviewRequest:
    """Approve a request of another person. Raises ReviewRefused, UsageError."""
    known = found(desk, request)
    _, digest = decide(desk, _whole(DeskAct.APPROVE, known, recording_of(desk, known)), seat)
    return _answer(
        desk, known, ReviewAnswered(desk.now(), request, AnswerBy.STAFF, seat.account, "", granted=True, policy=digest, signed="")
    )


def approve_signed(desk: Desk, request: str, approver: str, signed: str, holders: Iterable[str] = ()) -> ReviewRequest:
    """Enter the approval of an approver of the map, whose signature over the request the caller has checked.

    Args:
        desk: the desk.
        request: its id.
        approver: the approver's name in the map.
        signed: base64 of the signature.
        holders: accounts of staff with a passkey that the map names under the approver.

    Raises ReviewRefused where the request waits for no approval, where the approver is the reviewer by the account's label, its account of
    the operating system or its passkey, and where the same person approved it under another name.
    """
    known = found(desk, request)
    if any(desk.same_person(each, known.asked.reviewer) for each in (SIGNED + approver, *holders)):
        raise ReviewRefused([PolicyReason("own-request", "no person approves a request of their own")])
    keys = desk.context.data_map.approvers
    for other in known.approvers:
        name = other.removeprefix(SIGNED)
        again = name not in (other, approver) and share_a_key(keys.get(approver, ()), keys.get(name, ()))
        if again or any(desk.same_person(each, other) for each in holders):
            raise approved_already()
    if known.takes_family_word or known.standing(desk.now()) not in {RequestStanding.WAITING, RequestStanding.APPROVED}:
        raise ReviewRefused([PolicyReason("not-waiting", "the request waits for no approval")])
    return _answer(
        desk, known, ReviewAnswered(desk.now(), request, AnswerBy.STAFF, SIGNED + approver, "", granted=True, policy="", signed=signed)
    )


def approved_already() -> ReviewRefused:
    """Return the refusal of a second approval by one person."""
    return ReviewRefused([PolicyReason("same-person", "the same person approved it already, under another name or account")])


def deny(desk: Desk, account: str, request: str) -> ReviewRequest:
    """Deny a request, as another member of staff. A denial is final. Raises ReviewRefused without the right to approve, UsageError."""
    known = found(desk, request)
    if not desk.may(account, DeskAct.APPROVE):
        raise ReviewRefused([PolicyReason("no-right", "the account does not have the right that this takes")])
    return _answer(desk, known, ReviewAnswered(desk.now(), request, AnswerBy.STAFF, account, "", granted=False, policy="", signed=""))


def withdraw(desk: Desk, account: str, request: str) -> ReviewRequest:
    """Take an own request back that waits or is approved: an answer of its reviewer's, which is final as each no is.

    Raises ReviewRefused for another person's, IllegalTransition where it waits for nothing any more, UsageError.
    """
    known = _own(desk, account, request)
    return _answer(desk, known, ReviewAnswered(desk.now(), request, AnswerBy.STAFF, account, "", granted=False, policy="", signed=""))


def answer_as_family(
    desk: Desk, account: str, family: Pseudonym, names: Sequence[Pseudonym], request: str, *, granted: bool
) -> ReviewRequest:
    """Allow or deny a request, as a member of the family of a person in the recording. The caller has checked the membership.

    Args:
        desk: the desk.
        account: of the member.
        family: the pseudonym of the family's subject.
        names: every pseudonym of that subject.
        request: its id.
        granted: whether it is allowed.

    Raises UsageError for a request that is not about this person, IllegalTransition where it waits for no answer.
    """
    known = _of_family(desk, family, names, request, granted=granted)
    event = ReviewAnswered(desk.now(), request, AnswerBy.FAMILY, account, family, granted=granted, policy="", signed="")
    if not granted and known.lease is not None and (known.lease.begun.by_family or known.takes_family_word):
        return _deny_running(desk, event, known.lease)
    return _answer(desk, known, event)


def require_waits_for_family(desk: Desk, family: Pseudonym, names: Sequence[Pseudonym], request: str) -> None:
    """Raise as :func:`answer_as_family` where a family cannot allow a request now."""
    known = _of_family(desk, family, names, request, granted=True)
    if known.standing(desk.now()) not in {RequestStanding.WAITING, RequestStanding.APPROVED}:
        raise _no_answer()


def bar(
    desk: Desk,
    account: str,
    family: Pseudonym,
    dataset: str = "",
    recording: str = "",
    *,
    names: Sequence[Pseudonym] = (),
    barred: bool = True,
) -> None:
    """Bar review of one recording, or of all, as a member of the family; or end that. Open streams that stand on its word stop.

    Args:
        desk: the desk.
        account: of the member.
        family: the pseudonym of the family's subject.
        dataset: of the recording; empty for every one.
        recording: as the register names it; empty for every one.
        names: further pseudonyms of that subject: a recording names a person by any of them.
        barred: whether it is barred from now on, or no more.
    """

    def conclude(reviews: Reviews) -> Sequence[ReviewEvent]:
        changed = (each for each in dict.fromkeys((family, *names)) if ((dataset, recording) in reviews.barred.get(each, {})) is not barred)
        return [ReviewsBarred(desk.now(), account, each, dataset, recording, barred) for each in changed]

    desk.stream.enter(conclude)
    desk.watch.wake()


def revoke(desk: Desk, request: str, by: str, why: LeaseEnding = LeaseEnding.REVOKED) -> ReviewRequest:
    """End the lease of a request at once. To stop is open to every member of staff and to the operator. Idempotent.

    Raises UsageError for a request that is not known.
    """
    known = found(desk, request)

    def conclude(reviews: Reviews) -> Sequence[ReviewEvent]:
        lease = reviews.requests[request].lease
        running = lease is not None and lease.standing(desk.now()) is LeaseStanding.RUNNING
        return (LeaseEnded(desk.now(), lease.begun.lease, why, by),) if running and lease is not None else ()

    desk.stream.enter(conclude)
    desk.watch.wake()
    return found(desk, known.id)


def recuse(desk: Desk, account: str, request: str, why: RecusalReason) -> ReviewRequest:
    """Give a request back, in one act: its lease ends, and this reviewer never sees the recording. Raises ReviewRefused, UsageError."""
    known = _own(desk, account, request)

    def conclude(reviews: Reviews) -> Sequence[ReviewEvent]:
        now, stands = desk.now(), reviews.requests[request]
        if stands.recused is not None:
            return ()
        return (*_ended(stands, now, LeaseEnding.RECUSED, account), ReviewRecused(now, request, account, why))

    desk.stream.enter(conclude)
    desk.watch.wake()
    return found(desk, known.id)


def enter_outcome(desk: Desk, account: str, request: str, outcome: ReviewOutcome, note: str = "") -> ReviewRequest:
    """Enter the result of a review, which ends its lease and closes the request. The note lies sealed under the subjects.

    Raises ReviewRefused for another reviewer's request, IllegalTransition where there was no lease or a result stands, UsageError.
    """
    known = _own(desk, account, request)
    text = notes.cleaned(note, "the note") if note else ""
    kept = (_sealed(desk, request, known.asked.subjects, NoteAbout.OUTCOME, account, text),) if text else ()

    def conclude(reviews: Reviews) -> Sequence[ReviewEvent]:
        now, stands = desk.now(), reviews.requests[request]
        if stands.lease is None or stands.standing(now) not in {RequestStanding.ACTIVE, RequestStanding.OUTCOME_OWED}:
            raise IllegalTransition(
                "the request has no lease whose result could be entered", help="`expunge access show` says how it stands"
            )
        ended = _ended(stands, now, LeaseEnding.OUTCOME, account)
        return (*kept, *ended, OutcomeEntered(now, request, account, outcome))

    desk.stream.enter(conclude)
    desk.watch.wake()
    return found(desk, request)


def judge(desk: Desk, account: str, request: str, note: str, *, justified: bool) -> ReviewRequest:
    """Judge a request that asked no other person first, as another person who may approve. Raises ReviewRefused, IllegalTransition."""
    known = found(desk, request)
    reasons = []
    if not desk.may(account, DeskAct.APPROVE):
        reasons.append(PolicyReason("no-right", "the account does not have the right that this takes"))
    if desk.same_person(account, known.asked.reviewer):
        reasons.append(PolicyReason("own-request", "no person judges a request of their own"))
    if reasons:
        raise ReviewRefused(reasons)
    kept = _sealed(desk, request, known.asked.subjects, NoteAbout.BREAK_GLASS, account, notes.cleaned(note, "the judgement"))

    def conclude(reviews: Reviews) -> Sequence[ReviewEvent]:
        if reviews.requests[request].owes_judgement() is None:
            raise IllegalTransition("the request waits for no judgement", help="`expunge access list` shows those that do")
        return kept, BreakGlassReviewed(desk.now(), request, account, justified)

    desk.stream.enter(conclude)
    return found(desk, request)


def _answer(desk: Desk, known: ReviewRequest, event: ReviewAnswered) -> ReviewRequest:
    """Append an answer while the request waits for one; the same answer again changes nothing."""

    def conclude(reviews: Reviews) -> Sequence[ReviewEvent]:
        stands = reviews.requests[known.id]
        if any((each.account, each.granted) == (event.account, event.granted) for each in stands.answers):
            return ()
        if stands.standing(event.at) not in {RequestStanding.WAITING, RequestStanding.APPROVED}:
            raise _no_answer()
        return (event,)

    desk.stream.enter(conclude)
    return found(desk, known.id)


def _no_answer() -> IllegalTransition:
    return IllegalTransition("the request waits for no answer any more", help="`expunge access show` says how it stands")


def _of_family(desk: Desk, family: Pseudonym, names: Sequence[Pseudonym], request: str, *, granted: bool) -> ReviewRequest:
    """Return a request that a family may give this answer to. Raises UsageError, IllegalTransition."""
    known, own = found(desk, request), {family, *names}
    if own.isdisjoint(known.asked.subjects):
        raise UsageError("there is no request of that id", help="open the list of requests again")
    if granted and not own.issuperset(known.asked.subjects):
        raise IllegalTransition(
            "another person is in this recording, for whom this family does not speak", help="it can be denied, and not allowed"
        )
    return known


def _deny_running(desk: Desk, event: ReviewAnswered, lease: Lease) -> ReviewRequest:
    """Enter a family's denial of what is being seen on its word, which ends the lease."""

    def conclude(reviews: Reviews) -> Sequence[ReviewEvent]:
        stands = reviews.requests[event.request]
        return event, *_ended(stands, event.at, LeaseEnding.FAMILY_DENIED, event.account)

    assert lease.begun.request == event.request
    desk.stream.enter(conclude)
    desk.watch.wake()
    return found(desk, event.request)


def _ended(request: ReviewRequest, now: datetime, why: LeaseEnding, by: str) -> tuple[LeaseEnded, ...]:
    lease = request.lease
    if lease is None or lease.standing(now) is not LeaseStanding.RUNNING:
        return ()
    return (LeaseEnded(now, lease.begun.lease, why, by),)


def _found(desk: Desk, account: str, new: NewReview, *, at_machine: bool) -> ReviewedRecording:
    """Return the recording that a request names.

    At the pages one answer stands for each way in which there is none, and it is entered: an account that tries out names is noticed.
    """
    try:
        return desk.recordings.find(new.dataset, new.name)
    except UsageError as error:
        if at_machine:
            raise
        dataset = new.dataset if new.dataset in desk.context.data_map.datasets else ""
        reason = PolicyReason("no-such-recording", "no recording of that name can be asked for")
        desk.refusals.enter(
            ViewRefused(
                desk.now(), DeskAct.REQUEST, "", "", account, new.purpose.value, new.case_kind.value, new.case_number, dataset, "", (),
                new.first_ms, new.last_ms, new.clarity.value, Room.UNKNOWN, (reason.rule,), "", 0,
            )
        )  # fmt: skip
        raise ReviewRefused([reason], help="name it as the case does") from error


def _own(desk: Desk, account: str, request: str) -> ReviewRequest:
    known = found(desk, request)
    if known.asked.reviewer != account:
        raise ReviewRefused([PolicyReason("not-yours", "the request is another reviewer's")])
    return known


def _require_form(desk: Desk, new: NewReview) -> None:
    if not _CASE.fullmatch(new.case_number):
        raise UsageError("a case has a key and a number: LE-88", help="name the case that the company keeps; no name of a person")
    most = desk.bounds.break_glass_range_ms if new.break_glass else desk.bounds.range_ms
    if not (0 <= new.first_ms < new.last_ms and new.last_ms - new.first_ms <= most):
        message = f"a range goes from a millisecond to a later one, {most // 1000} seconds at most"
        raise UsageError(message, help="ask for the part that the case needs")


def _require_extended(desk: Desk, event: ReviewRequested) -> None:
    before = found(desk, event.extends).asked
    if (before.reviewer, before.dataset, before.recording) != (event.reviewer, event.dataset, event.recording):
        raise UsageError("a request goes on with one of the same reviewer about the same recording", help="make a new request instead")


def _whole(act: DeskAct, known: ReviewRequest, recording: ReviewedRecording) -> Asked:
    event = known.asked
    return Asked(act, known, recording, event.clarity, event.sound, event.first_ms, event.last_ms)


def _sealed(desk: Desk, request: str, subjects: Sequence[Pseudonym], about: NoteAbout, by: str, text: str) -> ReviewNoteKept:
    try:
        return notes.seal(desk.context, request, subjects, about, by, text)
    except KeyDestroyed as error:
        raise ReviewRefused([PolicyReason("erasure", "a person in the recording is being erased, or was")]) from error
