"""Guards of the rules by which staff see a recording, each taken out in turn."""

from __future__ import annotations

from tests.engine.duties.mutation import Mutation

_DESK = ("tests/engine/review/test_replay.py",)
_PAGES = ("tests/engine/review/test_desk_by_pages.py",)
_REGISTERS = ("tests/engine/review/test_evidence_registers.py",)
_PAST = ("tests/engine/review/test_past_the_desk.py",)
_WAYS = ("tests/engine/review/test_ways_round.py",)
_LIVE = ("tests/engine/review/test_live_view.py",)
_MATRIX = ("tests/engine/review/test_access_matrix.py",)
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
    Mutation(
        "RNG-01", "the public is told of the desk whatever the stores tell", "engine/retention/published_policy.py",
        "true, evidence = ways_round.none(context)", 'true, evidence = True, ""', _WAYS,
    ),
    Mutation(
        "RNG-01", "a store that could not be looked at counts as closed", "engine/retention/ways_round.py",
        "if each.reached is Reached.UNSEEN and each.store not in sealed]", "if False]", _WAYS,
    ),
    Mutation(
        "RNG-13", "what was written to a moment ago is shown", "bootstrap/desk/recordings.py",
        "now - written < (spec.within or STILL_GROWING)", "False", _LIVE,
    ),
    Mutation(
        "RNG-13", "a recording of unknown time is shown", "bootstrap/desk/recordings.py",
        "return None if written is None else", "return False if written is None else", _LIVE,
    ),
    Mutation(
        "RNG-13", "sealed recordings are never live", "bootstrap/desk/recordings.py",
        "if spec.within is None and sealed:", "if sealed:", _LIVE,
    ),
    Mutation(
        "RNG-14", "a view may be left out of a pack", "core/verification/register_entry.py",
        "        if times != 1:\n", "        if times > 1:\n", _REGISTERS,
    ),
    Mutation(
        "RNG-14", "a pack has no events of the desk", "engine/reports/record_lists.py",
        "    _registers(context, lists, put)\n", "", _REGISTERS,
    ),
    Mutation(
        "RNG-14", "entries about views may be left out of a pack", "core/verification/register_entry.py",
        "if following is not None and (entry.number, entry.first) != (following, after):", "if False:", _REGISTERS,
    ),
    Mutation(
        "RNG-15", "who reads keys counts as a reader of ciphertext only", "core/review/reach.py",
        "return frozenset(sealed - able)", "return frozenset(sealed)", _WAYS,
    ),
    Mutation(
        "RNG-15", "readers of the keystore are not told", "bootstrap/desk/ways_round.py",
        "for way in _ways(data_map, state):", "for way in ():", _WAYS,
    ),
    Mutation(
        "RNG-19", "no alert is raised where programs are refused", "engine/vault/reviewing.py",
        "found.refused += 1 + event.more\n            found.first = found.first or event.at", "pass", _PAST,
    ),
    Mutation(
        "RNG-19", "programs read for review by people past the desk", "engine/vault/reviewing.py",
        "not event.account and event.purpose in by_people:", "False:", _PAST,
    ),
    Mutation(
        "FAIL-06", "recordings that every account reads are no fault", "engine/retention/ways_round.py",
        "        if each.around:\n", "        if False:\n", _WAYS,
    ),
    Mutation(
        "FAIL-06", "modes of files are not looked at", "stores/files/store.py",
        "            yield from file_readers.ways_to(folder)\n", "            pass\n", _WAYS,
    ),
    Mutation(
        "FAIL-06", "an account that lost its right is shown recordings", "engine/review/deciding.py",
        "if not desk.may(account, act):", "if False:", _MATRIX,
    ),
    Mutation(
        "FAIL-12", "streams are shown", "bootstrap/desk/recordings.py",
        "    if dataset in spec.streams:\n        return True\n", "", _LIVE,
    ),
)  # fmt: skip
