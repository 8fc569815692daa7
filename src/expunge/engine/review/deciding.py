"""Decide an act of the desk: first by rules that no policy loosens, then by the policies. A refusal is entered before it is raised."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from expunge.core.consent.consent import Consents
from expunge.core.journal.review_events import ViewRefused
from expunge.core.journal.review_words import Clarity, DeskAct, LeaseEnding, Sound
from expunge.core.review.question import ConsentState, CustomerAnswer, PolicyReason, ViewQuestion
from expunge.core.review.request import LeaseStanding, RequestStanding, ReviewRequest, Reviews, approvals_needed
from expunge.core.values.ids import Pseudonym
from expunge.engine.gate import consent_register
from expunge.engine.review import barriers
from expunge.engine.review.desk import Desk
from expunge.engine.review.refusals import ReviewRefused
from expunge.ports.review.recordings import ReviewedRecording
from expunge.ports.review.seats import Seat

_SECOND_MS = 1000


@dataclass(frozen=True)
class Asked:
    """One act about one request, as it is put."""

    act: DeskAct
    request: ReviewRequest
    recording: ReviewedRecording
    clarity: Clarity
    sound: Sound
    first_ms: int
    last_ms: int


@dataclass(frozen=True)
class Known:
    """What the registers say about a request at a moment."""

    now: datetime
    request: ReviewRequest
    standing: RequestStanding
    lease: str
    lease_standing: LeaseStanding | None
    lease_seconds: int | None
    barred: bool
    suppressed: frozenset[Pseudonym]
    disputed: bool
    consent: ConsentState
    recused: bool
    overdue: bool
    watched_ms: int

    @property
    def family_agrees(self) -> bool:
        """Whether the family's word stands now: a consent for review, or an allowance of this request."""
        if self.barred or self.request.denied_by_family:
            return False
        return self.consent is ConsentState.VALID or self.request.allowed_by_family


def known_of(desk: Desk, request: ReviewRequest, reviewer: str) -> Known:
    """Return what the registers say about a request now. Raises StateUnavailable, StateCorrupt."""
    now, asked = desk.now(), request.asked
    consents: Consents = consent_register.load(desk.context)
    disputed = barriers.in_dispute(consents, asked.subjects)
    consent = barriers.review_consent(desk.context, asked.subjects, asked.dataset)
    suppressed = desk.suppressions.suppressed(asked.subjects)
    # Why every account: what a person gave back, owes or was shown is not left behind with another login.
    accounts = desk.accounts_of(reviewer)

    def look(reviews: Reviews) -> Known:
        found = reviews.requests.get(asked.request, request)
        lease = found.lease
        own = [each for each in reviews.requests.values() if each.asked.reviewer in accounts]
        recused = any(
            each.recused is not None and (each.asked.dataset, each.asked.recording) == (asked.dataset, asked.recording) for each in own
        )
        due = [each.owes_judgement() for each in own]
        return Known(
            now, found, found.standing(now), lease.begun.lease if lease else "", lease.standing(now) if lease else None,
            lease.seconds_left(now) if lease else None, reviews.is_barred(asked.subjects, asked.dataset, asked.recording), suppressed,
            disputed, consent, recused, any(at is not None and now > at for at in due),
            sum(reviews.watched_ms(each, now.date()) for each in accounts),
        )  # fmt: skip

    return desk.stream.read(look)


def hard_reasons(desk: Desk, asked: Asked, known: Known, account: str) -> Iterator[PolicyReason]:
    """Yield every reason against an act that no policy loosens."""
    act, event = asked.act, known.request.asked
    if not desk.may(account, act):
        yield PolicyReason("no-right", "the account does not have the right that this takes")
    own = event.reviewer == account
    if act is DeskAct.APPROVE and desk.same_person(account, event.reviewer):
        yield PolicyReason("own-request", "no person approves a request of their own")
    if act is not DeskAct.APPROVE and not own:
        yield PolicyReason("not-yours", "the request is another reviewer's")
    if known.suppressed:
        yield PolicyReason("erasure", "a person in the recording is being erased, or was")
    if known.disputed:
        yield PolicyReason("dispute", "guardians of a person in the recording are in dispute")
    if known.recused and act is not DeskAct.APPROVE:
        yield PolicyReason("recused", "the reviewer gave this recording back")
    yield from _range_reasons(asked, known)
    if act is DeskAct.APPROVE:
        yield from _approval_reasons(known)
    if act is DeskAct.ACTIVATE and known.standing not in {RequestStanding.APPROVED, RequestStanding.WAITING}:
        yield PolicyReason("not-approved", f"the request is {known.standing.value}")
    if act in {DeskAct.STEP_UP, DeskAct.VIEW} and known.lease_standing is not LeaseStanding.RUNNING:
        yield PolicyReason("no-lease", "no lease of the request runs")
    if act in {DeskAct.STEP_UP, DeskAct.VIEW} and known.standing is not RequestStanding.ACTIVE:
        yield PolicyReason("not-active", f"the request is {known.standing.value}")
    if act in {DeskAct.ACTIVATE, DeskAct.STEP_UP, DeskAct.VIEW}:
        yield from _word_reasons(desk, asked, known)


def _range_reasons(asked: Asked, known: Known) -> Iterator[PolicyReason]:
    event = known.request.asked
    if asked.clarity.step > event.clarity.step or asked.sound.step > event.sound.step:
        yield PolicyReason("clearer-than-asked", "this is clearer than was asked for")
    if not event.first_ms <= asked.first_ms < asked.last_ms <= event.last_ms:
        yield PolicyReason("out-of-range", "the range is not within that of the request")


def _approval_reasons(known: Known) -> Iterator[PolicyReason]:
    if known.standing not in {RequestStanding.WAITING, RequestStanding.APPROVED}:
        yield PolicyReason("not-waiting", f"the request is {known.standing.value}")
    if known.request.takes_family_word:
        yield PolicyReason("takes-the-family", "for this purpose the family's word is needed, and no approval stands in for it")


def _word_reasons(desk: Desk, asked: Asked, known: Known) -> Iterator[PolicyReason]:
    """Yield the reasons where neither the family's word nor enough other people stand behind a view."""
    if known.family_agrees:
        return
    if known.request.takes_family_word:
        yield PolicyReason("no-consent", "the family has not agreed to this, or does not any more")
        return
    if known.request.asked.break_glass:
        return
    needed = approvals_needed(asked.clarity, asked.sound, asked.recording.room, child=asked.recording.child)
    others = desk.people(known.request.approvers, known.request.asked.reviewer)
    if len(others) < needed:
        lacking = "another member of staff has" if needed == 1 else f"{needed} other members of staff have"
        yield PolicyReason("no-approval", f"{lacking} to approve this, and {len(others) or 'none'} did")


def decide(desk: Desk, asked: Asked, seat: Seat) -> tuple[Known, str]:
    """Decide an act. Return what is known, and the digest of the policies that let it.

    Raises:
        ReviewRefused: with every reason. The refusal is in the journal, or counted.
        StateUnavailable, KeeperAway: a question could not be asked. Nothing is let then.
    """
    known = known_of(desk, asked.request, asked.request.asked.reviewer)
    reasons = list(hard_reasons(desk, asked, known, seat.account))
    login = desk.logins.login(seat)
    if not login.live:
        reasons.append(PolicyReason("no-session", "the login has ended"))
    if reasons:
        raise refused(desk, asked, known, seat.account, reasons, "")
    answer = desk.policy.decide(question_of(desk, asked, known, seat))
    if not answer.allowed:
        raise refused(desk, asked, known, seat.account, list(answer.reasons), answer.policy_digest)
    return known, answer.policy_digest


def decide_at_machine(desk: Desk, asked: Asked, account: str) -> Known:
    """Decide an act at the command line, by the rules in the code alone. No act there shows a recording. Raises ReviewRefused."""
    known = known_of(desk, asked.request, asked.request.asked.reviewer)
    reasons = list(hard_reasons(desk, asked, known, account))
    if reasons:
        raise refused(desk, asked, known, account, reasons, "")
    return known


def refused(desk: Desk, asked: Asked, known: Known, account: str, reasons: list[PolicyReason], digest: str) -> ReviewRefused:
    """Enter a refusal, and return its error."""
    event, recording = known.request.asked, asked.recording
    found = sorted(set(reasons), key=lambda each: each.rule)
    desk.refusals.enter(
        ViewRefused(
            desk.now(), asked.act, event.request, known.lease, account, event.purpose.value, event.case_kind.value, event.case_number,
            event.dataset, event.recording, event.subjects, asked.first_ms, asked.last_ms, asked.clarity.value, recording.room,
            tuple(each.rule for each in found), digest, 0,
        )
    )  # fmt: skip
    return ReviewRefused(found)


def question_of(desk: Desk, asked: Asked, known: Known, seat: Seat) -> ViewQuestion:
    """Return the question that the policies are asked about an act."""
    event, recording = known.request.asked, asked.recording
    login, record = desk.logins.login(seat), desk.records.record(seat.account, event.purpose)
    local = known.now.astimezone(desk.zone)
    approvers = desk.people(known.request.approvers, event.reviewer)
    granted = known.standing in {RequestStanding.APPROVED, RequestStanding.ACTIVE} or known.family_agrees or event.break_glass
    return ViewQuestion(
        action=asked.act,
        purpose=event.purpose,
        case_given=bool(event.case_number),
        reason_given=True,
        function=desk.function(seat.account, asked.act),
        own_request=desk.same_person(seat.account, event.reviewer),
        approvers=len(approvers),
        self_approved=any(desk.same_person(each, event.reviewer) for each in known.request.approvers),
        consent=known.consent,
        customer=customer_answer(known.request, known.now),
        barred=known.barred,
        child=recording.child,
        room=recording.room,
        live=recording.live,
        clarity=asked.clarity,
        sound=asked.sound,
        granted_clarity=event.clarity if granted else None,
        granted_sound=event.sound if granted else None,
        range_seconds=-(-(asked.last_ms - asked.first_ms) // _SECOND_MS),
        lease_minutes=int(desk.bounds.lease.total_seconds() // 60),
        attested_days=record.attested_days,
        trained_days=record.trained_days,
        purpose_trained_days=record.purpose_trained_days,
        session_live=login.live,
        login_methods=login.methods,
        login_level=login.level,
        login_equivalent=login.equivalent,
        login_seconds=login.seconds,
        network=seat.network,
        weekday=local.isoweekday(),
        minute=local.hour * 60 + local.minute,
        lease_running=known.lease_standing is LeaseStanding.RUNNING,
        lease_seconds_left=known.lease_seconds,
        break_glass=event.break_glass,
        break_glass_overdue=known.overdue,
        erasure_open=bool(known.suppressed),
        recused=known.recused,
        watched_seconds_today=known.watched_ms // _SECOND_MS,
    )


def customer_answer(request: ReviewRequest, now: datetime) -> CustomerAnswer:
    """Return what became at a time of the question that the customer was asked about a request."""
    if request.denied_by_family:
        return CustomerAnswer.DENIED
    if request.allowed_by_family:
        return CustomerAnswer.ALLOWED
    if not request.takes_family_word:
        return CustomerAnswer.NOT_ASKED
    return CustomerAnswer.EXPIRED if now >= request.asked.until else CustomerAnswer.WAITING


def stop_reason(desk: Desk, known: Known, seat: Seat | None, *, by_family: bool) -> LeaseEnding | None:
    """Return why a running lease has to end now; None where it goes on.

    Args:
        desk: the desk.
        known: what the registers say of its request.
        seat: the seat of its reviewer, where this process knows it.
        by_family: whether the lease stands on the family's word alone.
    """
    found: LeaseEnding | None = None
    if not desk.may(known.request.asked.reviewer, DeskAct.VIEW):
        found = LeaseEnding.RIGHTS_ENDED
    elif known.suppressed:
        found = LeaseEnding.ERASURE
    elif known.disputed:
        found = LeaseEnding.DISPUTE
    elif by_family and (known.barred or known.request.denied_by_family):
        found = LeaseEnding.FAMILY_DENIED
    elif by_family and not known.family_agrees:
        found = LeaseEnding.CONSENT_WITHDRAWN
    elif seat is not None and not desk.logins.login(seat).live:
        found = LeaseEnding.SESSION_ENDED
    return found
