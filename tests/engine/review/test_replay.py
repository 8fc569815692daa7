"""The real rules at the desk, and the replay of a year's views against the policies that were in force at each (RNG-14)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

from expunge.adapters.policy.policy_folder import PolicyFolder
from expunge.bootstrap.desk.composing import desk_of
from expunge.bootstrap.desk.recordings import DeskRecordings
from expunge.core.accounts.review_spec import CameraPlace, ReviewLimits, ReviewSpec, WorkingHours
from expunge.core.accounts.staff_events import StaffSeen
from expunge.core.journal.policy_events import PolicyPublished, PolicyWithdrawn
from expunge.core.journal.review_events import ViewServed
from expunge.core.journal.review_words import Clarity, ReviewPurpose, Room, Sound
from expunge.core.review.bounds import bounds_of
from expunge.core.review.people import RecordStanding
from expunge.core.review.question import ViewQuestion
from expunge.core.review.request import Lease
from expunge.core.review.statements import ACCESS_ROLE, purpose_role
from expunge.core.verification.ledger_record import LedgerKind
from expunge.engine.kernel.journal_streams import POLICIES, REVIEWS, STAFF, read_register, register
from expunge.engine.reports import duty_ledger
from expunge.engine.reports.duty_ledger import NewRecord
from expunge.engine.review import policies, replay, requesting, reviewers
from expunge.engine.review.desk import Desk
from expunge.engine.review.refusals import ReviewRefused
from expunge.engine.review.reviewers import LedgerRecords
from expunge.engine.review.viewing import Viewing
from expunge.errors import UsageError
from expunge.ports.review.policy import ReviewPolicy
from tests.engine.review.desk_company import BELL, FUNCTIONS, OFFICER, REVIEWER, SECOND_OFFICER, SECOND_REVIEWER, VOICE, DeskCompany

ALWAYS = ReviewLimits(hours=WorkingHours((1, 2, 3, 4, 5, 6, 7), 0, 1440))
HARM = ReviewPurpose.HARM
OWN = '@id("no-colour")\n@reason("This company shows no colour.")\nforbid (principal, action, resource)\nwhen { context.clarity > 1 };\n'


@dataclass
class Ruled:
    """A desk with the rules of the package, and the records of its people."""

    office: DeskCompany
    sets: PolicyFolder
    folder: Path

    @property
    def desk(self) -> Desk:
        return self.office.desk

    def trained(self, *accounts: str) -> None:
        for account in accounts or (REVIEWER, OFFICER, SECOND_OFFICER):
            reviewers.train(self.desk.context, account, ACCESS_ROLE, self.desk.now().date())
        reviewers.train(self.desk.context, REVIEWER, purpose_role(HARM), self.desk.now().date())
        reviewers.attest(self.desk.context, REVIEWER, HARM, self.desk.now().date())

    def later(self, days: int) -> None:
        """Go on by days, in which the staff was at work: else accounts are idle."""
        self.office.clock.ahead = timedelta(days=days)
        midnight = self.desk.now().replace(hour=0, minute=0, second=0, microsecond=0)
        register(self.desk.context.journal, STAFF, *(StaffSeen(midnight, account) for account in FUNCTIONS))

    def leased(self, *approvers: str) -> Lease:
        request = requesting.ask(self.desk, self.office.seat(), self.office.new()).id
        for account in approvers or (OFFICER,):
            requesting.approve(self.desk, self.office.seat(account, b"o" * 32), request)
        return self.office.viewing.activate(self.office.seat(), request)

    def views(self) -> list[ViewServed]:
        return [each for each in self.office.events() if isinstance(each, ViewServed)]

    def plant(self, view: ViewServed, **changes: object) -> None:
        """Write a view past the desk."""
        register(self.desk.context.journal, REVIEWS, replace(view, **changes))  # type: ignore[arg-type]

    def replayed(self) -> replay.ViewReplay:
        return replay.replay(self.desk.context, self.sets)

    def refused(self) -> list[tuple[str, ...]]:
        return [each.rules for each in self.replayed().listed]


@pytest.fixture
def ruled(office: DeskCompany, tmp_path: Path) -> Ruled:
    folder = tmp_path / "policies"
    folder.mkdir()
    spec = ReviewSpec(ALWAYS, policies=str(folder))
    context = replace(office.desk.context, data_map=replace(office.desk.context.data_map, review=spec))
    sets = PolicyFolder(spec)
    policy = policies.in_force(context, sets)
    office.desk = Desk.of(context, policy, office.logins, LedgerRecords(context), office.desk.recordings, bounds_of(spec))
    office.viewing = Viewing(office.desk)
    return Ruled(office, sets, folder)


def rules_of(error: pytest.ExceptionInfo[ReviewRefused]) -> set[str]:
    return {each.rule for each in error.value.reasons}


# --- the rules at the desk ---------------------------------------------------------------------------------------


@pytest.mark.duty("RNG-10", "RNG-11", "RNG-15", "AMZ-15")
def test_a_reviewer_without_training_and_statement_cannot_even_ask(ruled: Ruled) -> None:
    with pytest.raises(ReviewRefused) as refused:
        requesting.ask(ruled.desk, ruled.office.seat(), ruled.office.new())
    assert rules_of(refused) == {"training-lapsed", "purpose-training-lapsed", "attestation-lapsed"}
    ruled.trained()
    lease = ruled.leased()
    assert ruled.office.fetch(lease.begun.lease)
    with pytest.raises(ReviewRefused) as refused:
        requesting.ask(ruled.desk, ruled.office.seat(), ruled.office.new(purpose=ReviewPurpose.LAW))
    assert rules_of(refused) == {"purpose-training-lapsed", "attestation-lapsed"}
    ruled.later(91)
    with pytest.raises(ReviewRefused) as refused:
        requesting.ask(ruled.desk, ruled.office.seat(), ruled.office.new())
    assert rules_of(refused) == {"attestation-lapsed"}


def test_an_officer_without_training_approves_nothing(ruled: Ruled) -> None:
    ruled.trained(REVIEWER)
    request = requesting.ask(ruled.desk, ruled.office.seat(), ruled.office.new()).id
    with pytest.raises(ReviewRefused) as refused:
        requesting.approve(ruled.desk, ruled.office.seat(OFFICER, b"o" * 32), request)
    assert rules_of(refused) == {"training-lapsed"}


def test_an_emergency_is_seen_at_once_narrowly_and_not_again_before_it_was_reviewed(ruled: Ruled) -> None:
    ruled.trained(REVIEWER)

    def emergency(**changes: object) -> Lease:
        new = ruled.office.new(break_glass=True, **{"clarity": Clarity.FACES_HIDDEN, "sound": Sound.MASKED, **changes})
        return ruled.office.viewing.activate(ruled.office.seat(), requesting.ask(ruled.desk, ruled.office.seat(), new).id)

    with pytest.raises(ReviewRefused) as refused:
        emergency(clarity=Clarity.CLEAR)
    assert rules_of(refused) == {"emergency-is-narrow"}
    lease = emergency()
    assert ruled.office.fetch(lease.begun.lease)
    ruled.office.viewing.step(ruled.office.seat(), lease.begun.lease, Clarity.FACES_HIDDEN, Sound.MUTE)
    assert ruled.office.fetch(lease.begun.lease, 2000, 4000)
    assert ruled.replayed().refused == 0
    ruled.later(2)
    with pytest.raises(ReviewRefused) as refused:
        emergency()
    assert rules_of(refused) == {"emergency-not-reviewed"}


def test_a_consent_for_review_lets_a_lease_begin_and_its_withdrawal_ends_it(ruled: Ruled) -> None:
    purpose = ReviewPurpose.AUTHORISED
    ruled.trained(REVIEWER)
    reviewers.train(ruled.desk.context, REVIEWER, purpose_role(purpose), ruled.desk.now().date())
    reviewers.attest(ruled.desk.context, REVIEWER, purpose, ruled.desk.now().date())
    ruled.office.consent()
    request = requesting.ask(ruled.desk, ruled.office.seat(), ruled.office.new(purpose=purpose)).id
    lease = ruled.office.viewing.activate(ruled.office.seat(), request)
    assert ruled.office.fetch(lease.begun.lease)
    ruled.office.viewing.step(ruled.office.seat(), lease.begun.lease, Clarity.FACES_HIDDEN, Sound.MUTE)
    # A consent in general is not the customer's word on this very request: in the clear it takes two people, or that word.
    with pytest.raises(ReviewRefused) as refused:
        ruled.office.viewing.step(ruled.office.seat(), lease.begun.lease, Clarity.CLEAR, Sound.MUTE)
    assert rules_of(refused) == {"two-people-approve"}
    assert ruled.replayed().refused == 0
    ruled.office.withdraw()
    with pytest.raises(ReviewRefused):
        ruled.office.fetch(lease.begun.lease, 2000, 4000)


# --- the set in force --------------------------------------------------------------------------------------------


def test_a_set_is_in_the_journal_before_it_decides_and_once(ruled: Ruled) -> None:
    context = ruled.desk.context
    (first,) = read_register(context.journal, POLICIES)
    assert isinstance(first, PolicyPublished)
    assert first.policies.digest == ruled.desk.policy.digest
    policies.in_force(context, ruled.sets)
    assert policies.set_of(context, first.policies.digest[:12]) == first.policies
    assert len(list(policies.published(context))) == 1
    with pytest.raises(UsageError, match="no set of policies"):
        policies.set_of(context, "ff")


def test_a_mistake_in_a_file_grants_nothing_says_where_and_is_kept(ruled: Ruled) -> None:
    context = ruled.desk.context
    (ruled.folder / "ours.cedar").write_text(OWN.replace("forbid", "forbit"))
    policy: ReviewPolicy = policies.in_force(context, ruled.sets)
    policies.in_force(context, ruled.sets)
    answer = policy.decide(ViewQuestion(action=requesting.DeskAct.VIEW))
    assert (answer.allowed, answer.rules, answer.policy_digest) == (False, ("policies-faulty",), "")
    assert "own/ours.cedar:1: " in answer.reasons[0].text
    assert [type(each) for each in policies.published(context)] == [PolicyPublished, PolicyWithdrawn]
    assert policies.set_at(context, context.clock.now()) is None
    (ruled.folder / "ours.cedar").write_text(OWN)
    assert policies.in_force(context, ruled.sets).digest
    assert policies.set_at(context, context.clock.now()) == ruled.sets.current()


def test_without_a_review_desk_in_the_map_nothing_is_granted(ruled: Ruled) -> None:
    answer = policies.in_force(ruled.desk.context, None).decide(ViewQuestion(action=requesting.DeskAct.VIEW))
    assert answer.rules == ("no-review-desk",)


# --- people ------------------------------------------------------------------------------------------------------


def test_records_are_told_as_current_due_lapsed_or_missing(ruled: Ruled) -> None:
    ruled.trained(REVIEWER)
    context = ruled.desk.context

    def standing() -> dict[tuple[str, str], RecordStanding]:
        found = reviewers.overview(context, ALWAYS)
        return {(each.account, f"{each.kind} {each.purpose.value if each.purpose else ''}".strip()): each.standing for each in found}

    told = standing()
    assert told[REVIEWER, "training"] is RecordStanding.CURRENT
    assert told[REVIEWER, f"attestation {HARM.value}"] is RecordStanding.CURRENT
    assert told[OFFICER, "training"] is told[SECOND_REVIEWER, "training"] is RecordStanding.MISSING
    ruled.office.clock.ahead = timedelta(days=70)
    assert standing()[REVIEWER, f"attestation {HARM.value}"] is RecordStanding.DUE
    ruled.office.clock.ahead = timedelta(days=89)
    assert LedgerRecords(context).record(REVIEWER, HARM).attested_days == 89
    ruled.office.clock.ahead = timedelta(days=90)
    assert standing()[REVIEWER, f"attestation {HARM.value}"] is RecordStanding.LAPSED


def test_a_role_that_ended_has_no_training_any_more_and_no_name_is_kept(ruled: Ruled) -> None:
    ruled.trained(REVIEWER)
    context = ruled.desk.context
    role = LedgerRecords(context).role_of(REVIEWER, f"review {HARM.value}")
    assert role is not None
    assert REVIEWER not in str(duty_ledger.entries(context))
    duty_ledger.add(context, NewRecord(LedgerKind.ROLE_ENDED, context.clock.now().date(), about=(role.id,)))
    record = LedgerRecords(context).record(REVIEWER, HARM)
    assert (record.trained_days, record.purpose_trained_days, record.attested_days) == (0, None, None)


# --- the replay --------------------------------------------------------------------------------------------------


@pytest.mark.duty("RNG-14")
def test_a_year_of_views_that_the_policies_let_is_found_in_order(ruled: Ruled) -> None:
    ruled.trained()
    lease = ruled.leased(OFFICER, SECOND_OFFICER)
    ruled.office.fetch(lease.begun.lease)
    ruled.office.viewing.step(ruled.office.seat(), lease.begun.lease, Clarity.CLEAR, Sound.CLEAR)
    ruled.office.fetch(lease.begun.lease, 2000, 4000)
    found = ruled.replayed()
    assert (found.views, found.refused, found.listed) == (2, 0, ())
    assert found.sets == (ruled.desk.policy.digest,)
    # What happened since does not count: training that lapses, a set that refuses more, a family that bars review.
    (ruled.folder / "ours.cedar").write_text(OWN)
    policies.in_force(ruled.desk.context, ruled.sets)
    ruled.office.suspend(REVIEWER)
    ruled.office.erase()
    ruled.office.clock.ahead = timedelta(days=300)
    assert ruled.replayed().refused == 0


@pytest.mark.duty("RNG-14")
def test_planted_breaches_are_found_each_with_its_rule(ruled: Ruled) -> None:
    ruled.trained()
    lease = ruled.leased()
    ruled.office.fetch(lease.begun.lease)
    (view,) = ruled.views()
    plants: dict[str, dict[str, object]] = {
        "two-people-approve": {"clarity": Clarity.CLEAR},
        "not-a-reviewer": {"reviewer": OFFICER},
        "request-of-another": {"reviewer": SECOND_REVIEWER},
        "no-purpose": {"purpose": ReviewPurpose.LAW},
        "no-case": {"case_number": "LE-99"},
        "lease-over": {"at": lease.begun.until},
        "other-recording": {"recording": "ab" * 16},
        "out-of-range": {"last_ms": 41_000},
        "other-policies": {"policy": "00" * 32},
        "no-lease": {"lease": "9f" * 8},
    }
    for number, changes in enumerate(plants.values(), 1):
        ruled.plant(view, sequence=number, **changes)
    found = ruled.replayed()
    assert (found.views, found.refused) == (1 + len(plants), len(plants))
    for (rule, changes), refused in zip(plants.items(), found.listed, strict=True):
        assert rule in refused.rules, (rule, changes, refused.rules)
        assert getattr(refused.view, next(iter(changes))) == next(iter(changes.values()))
    assert dict(found.rules)["no-lease"] == 1


def test_training_that_was_entered_afterwards_does_not_mend_a_view(ruled: Ruled) -> None:
    ruled.trained(OFFICER)
    ruled.trained(REVIEWER)
    lease = ruled.leased()
    ruled.office.fetch(lease.begun.lease)
    ruled.later(100)
    (view,) = ruled.views()
    ruled.plant(view, sequence=1, at=ruled.desk.now())
    reviewers.attest(ruled.desk.context, REVIEWER, HARM, ruled.desk.now().date())
    (rules,) = ruled.refused()
    assert {"attestation-lapsed", "lease-over"} <= set(rules)


def test_a_view_in_a_time_in_which_nothing_was_granted_is_found(ruled: Ruled) -> None:
    ruled.trained()
    lease = ruled.leased()
    ruled.office.fetch(lease.begun.lease)
    (view,) = ruled.views()
    (ruled.folder / "ours.cedar").write_text("forbit")
    policies.in_force(ruled.desk.context, ruled.sets)
    ruled.plant(view, sequence=1, at=ruled.desk.now())
    assert ruled.refused() == [("no-policies",)]


def test_the_set_of_then_decides_and_not_that_of_today(ruled: Ruled) -> None:
    ruled.trained()
    lease = ruled.leased()
    (ruled.folder / "ours.cedar").write_text(OWN)
    strict = policies.in_force(ruled.desk.context, ruled.sets)
    ruled.office.fetch(lease.begun.lease)
    # The process that decided had read its set before: its view names a set that was not in force any more.
    assert ruled.refused() == [("other-policies",)]
    (view,) = ruled.views()
    ruled.plant(view, sequence=1, at=ruled.desk.now(), clarity=Clarity.FACES_HIDDEN, policy=strict.digest)
    assert ruled.refused()[1] == ("no-colour",)
    (ruled.folder / "ours.cedar").unlink()
    policies.in_force(ruled.desk.context, ruled.sets)
    assert ruled.refused()[1] == ("no-colour",)
    assert len(ruled.replayed().sets) == 1


# --- what the map says of cameras, children and answers ----------------------------------------------------------


def test_the_map_says_what_cameras_look_at_and_whose_recordings_may_be_of_children(ruled: Ruled) -> None:
    context = ruled.desk.context

    def found(spec: ReviewSpec, name: str) -> tuple[Room, bool]:
        reading = replace(ruled.desk.context, data_map=replace(context.data_map, review=spec, guardians={}))
        dataset = name.partition("/")[0]
        recording = DeskRecordings(reading, ruled.office.expunge.vault).find(dataset, name)
        return recording.room, recording.child

    usual = found(ReviewSpec(), BELL)
    assert usual[1] is False
    assert found(ReviewSpec(cameras={"bell": CameraPlace("outdoor")}, children=("bell",)), BELL) == (Room.OUTDOOR, True)
    assert found(ReviewSpec(cameras={"bell": CameraPlace("bedroom")}), BELL) == (Room.BEDROOM, False)
    # The words of a name make it more private, and never less: a camera called porch in a dataset of rooms stays a room.
    assert found(ReviewSpec(cameras={"voice": CameraPlace("indoor")}), VOICE)[0] is Room.INDOOR
    assert found(ReviewSpec(cameras={"voice": CameraPlace(field="device_id")}), VOICE)[0] is Room.OUTDOOR


def test_a_customer_has_the_days_of_the_map_to_answer(ruled: Ruled) -> None:
    assert bounds_of(ReviewSpec(answer_within=timedelta(days=3))).answer_within == timedelta(days=3)
    ruled.trained()
    purpose = ReviewPurpose.AUTHORISED
    reviewers.train(ruled.desk.context, REVIEWER, purpose_role(purpose), ruled.desk.now().date())
    reviewers.attest(ruled.desk.context, REVIEWER, purpose, ruled.desk.now().date())
    asked = requesting.ask(ruled.desk, ruled.office.seat(), ruled.office.new(purpose=purpose)).asked
    assert asked.until - asked.at == timedelta(days=7)
    other = requesting.ask(ruled.desk, ruled.office.seat(), ruled.office.new()).asked
    assert other.until - other.at == timedelta(hours=24)


def test_the_composed_desk_decides_by_the_map(ruled: Ruled) -> None:
    opened, context = ruled.office.expunge, ruled.desk.context
    limits = replace(ALWAYS, lease_minutes=3, hours=WorkingHours((1,), 0, 1, "Europe/Berlin"))
    mapped = replace(context, data_map=replace(context.data_map, review=ReviewSpec(limits)))
    desk = desk_of(mapped, replace(opened.policies, context=mapped), opened.vault, ruled.office.logins)
    assert (desk.bounds.lease, desk.zone.key) == (timedelta(minutes=3), "Europe/Berlin")
    assert policies.set_at(mapped, mapped.clock.now()) is not None
    assert desk.policy.digest == next(reversed(list(policies.published(mapped)))).policies.digest  # type: ignore[union-attr]
