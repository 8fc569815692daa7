"""Guards of the rules by which staff see a recording, each taken out in turn."""

from __future__ import annotations

from tests.engine.duties.mutation import Mutation

_DESK = ("tests/engine/review/test_replay.py",)
_PAGES = ("tests/engine/review/test_desk_by_pages.py",)
_SHIPPED = ("tests/adapters/policy/test_shipped_rules.py",)

ACCESS = (
    Mutation(
        "RNG-10", "a statement of purpose never lapses", "adapters/policy/rules/purpose.cedar",
        'principal has attestedDays && principal.attestedDays < Desk::"map".attestationDays', "principal has attestedDays", _DESK,
    ),
    Mutation(
        "RNG-10", "a statement for one purpose counts for all", "engine/review/reviewers.py",
        "attested_days=_age(last.get((purpose_role(purpose), LedgerKind.ATTESTATION)), at),",
        "attested_days=_age(next((day for (_, kind), day in last.items() if kind is LedgerKind.ATTESTATION), None), at),", _DESK,
    ),
    Mutation(
        "RNG-11", "a training for one purpose counts for all", "engine/review/reviewers.py",
        "purpose_trained_days=_age(last.get((purpose_role(purpose), LedgerKind.TRAINING)), at),",
        "purpose_trained_days=_age(last.get((purpose_role(ReviewPurpose.HARM), LedgerKind.TRAINING)), at),", _DESK,
    ),
    Mutation(
        "RNG-11", "no training for the purpose is asked for", "adapters/policy/rules/people.cedar",
        'principal has purposeTrainedDays && principal.purposeTrainedDays < Desk::"map".trainingDays', "true", _DESK,
    ),
    Mutation(
        "RNG-14", "a set of today decides about views of then", "engine/review/replay.py",
        "self._go_on(view.at)", "self._go_on(self.context.clock.now())", _DESK,
    ),
    Mutation(
        "RNG-14", "training that was entered afterwards mends a view", "engine/review/reviewers.py",
        " if each.stated.at <= at]", "]", _DESK,
    ),
    Mutation(
        "RNG-14", "a set decides that the journal does not have", "engine/review/policies.py",
        "register(context.journal, POLICIES, PolicyPublished(context.clock.now(), current))", "pass", _DESK,
    ),
    Mutation(
        "RNG-15", "who approves needs no training", "adapters/policy/rules/people.cedar",
        'principal has trainedDays && principal.trainedDays < Desk::"map".trainingDays',
        'action == Action::"approve" || (principal has trainedDays && principal.trainedDays < Desk::"map".trainingDays)', _DESK,
    ),
    Mutation(
        "FAIL-12", "a recording is seen without the word of another person", "adapters/policy/rules/agreement.cedar",
        "  resource.approvers >= 1 ||\n  resource.emergency", "  true", _SHIPPED,
    ),
    Mutation(
        "FAIL-12", "a rule that cannot be evaluated counts for nothing", "adapters/policy/cedar_policy.py",
        "if answer.allowed and not errors and reasons:", "if answer.allowed and reasons:", ("tests/adapters/policy/test_any_question.py",),
    ),
    Mutation(
        "FAIL-06", "a page is believed about who is logged in", "bootstrap/clerk/desks/local_desk.py",
        "if not self._desk.logins.login(seat).live:", "if False:", _PAGES,
    ),
    Mutation(
        "FAIL-06", "a request is told to each account that knows its id", "bootstrap/clerk/desks/local_desk.py",
        "if not own and not rights & {StaffRight.APPROVE_VIEWS, StaffRight.READ_EVIDENCE}:", "if False:", _PAGES,
    ),
    Mutation(
        "FAIL-06", "who looked at a customer's recordings is told to each reviewer", "bootstrap/clerk/desks/local_desk.py",
        "self._require(caller, StaffRight.READ_EVIDENCE)\n        if not (recording",
        "self._seated(caller)\n        if not (recording", _PAGES,
    ),
)  # fmt: skip
