"""The rules that come with the package: each with examples beside it, each needed."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from expunge.adapters.policy.examples import bases, shipped_examples, try_examples
from expunge.adapters.policy.policy_folder import shipped_files
from expunge.adapters.policy.rule_files import SUFFIX, read_rules
from expunge.core.accounts.staff import JobFunction
from expunge.core.journal.policy_events import PolicySet
from expunge.core.journal.review_words import Clarity, DeskAct, ReviewPurpose, Room, Sound
from expunge.core.review.question import ConsentState, CustomerAnswer, ViewQuestion
from tests.adapters.policy.sets import decides, question, shipped

RULES = {rule.name: rule for rule in read_rules(shipped()).rules}
EXAMPLES = shipped_examples()


def without(name: str) -> PolicySet:
    rule = RULES[name]
    lines = shipped_files()[rule.file].splitlines(keepends=True)
    end = next(number for number in range(rule.line, len(lines)) if lines[number].rstrip().endswith(";"))
    text = "".join(lines[: rule.line - 1] + lines[end + 1 :])
    return PolicySet({**shipped_files(), rule.file: text}, shipped().limits)


def test_every_example_beside_the_rules_comes_out_as_it_says() -> None:
    assert try_examples(shipped(), EXAMPLES) == ()


@pytest.mark.parametrize("name", sorted(RULES))
def test_no_rule_can_be_taken_out_without_an_example_that_fails(name: str) -> None:
    mutant = without(name)
    assert {rule.name for rule in read_rules(mutant).rules} == RULES.keys() - {name}
    assert try_examples(mutant, EXAMPLES)


def test_every_rule_has_its_examples_in_the_file_beside_it() -> None:
    told = {(example.file.removesuffix(".examples.yaml"), rule) for example in EXAMPLES for rule in example.rules}
    assert {(rule.file.removesuffix(SUFFIX), rule.name) for rule in RULES.values()} <= told


def test_a_question_of_which_nothing_is_known_is_refused_with_reasons() -> None:
    policy = decides()
    for act in DeskAct:
        answer = policy.decide(ViewQuestion(act))
        assert not answer.allowed
        assert {"no-purpose", "session-ended", "training-lapsed", "erasure-ordered"} <= set(answer.rules)
        assert all(reason.text.endswith(".") for reason in answer.reasons)


def test_every_reason_is_told_and_not_the_first_alone() -> None:
    answer = decides().decide(question(trained_days=None, recused=True, live=True, case_given=False))
    assert answer.rules == ("live-view", "no-case", "recused", "training-lapsed")
    assert [reason.text for reason in answer.reasons] == [RULES[rule].reason for rule in answer.rules]
    assert answer.policy_digest == shipped().digest


@pytest.mark.parametrize("act", list(DeskAct), ids=str)
def test_each_fact_that_an_act_needs_is_needed(act: DeskAct) -> None:
    """A fact that is not known refuses, but for facts about consent, emergencies and logins that only ever let something through."""
    policy, base, unknown = decides(), bases()[act], ViewQuestion(act)
    assert policy.decide(base).allowed
    missing = {
        field.name
        for field in fields(ViewQuestion)
        if getattr(base, field.name) != getattr(unknown, field.name)
        and not policy.decide(replace(base, **{field.name: getattr(unknown, field.name)})).allowed
    }
    every = {"purpose", "case_given", "function", "trained_days", "session_live", "login_level", "login_seconds", "weekday", "minute"}
    every |= {"barred", "customer", "live", "erasure_open", "range_seconds"}
    reviewer = every | {"own_request", "attested_days", "purpose_trained_days", "recused"}
    shown = {"approvers", "self_approved", "granted_clarity", "granted_sound", "watched_seconds_today"}
    # Where the clarity is not known it is the most, for which one approval is enough outdoors, and a reason is given.
    needs = {
        DeskAct.REQUEST: reviewer | {"lease_minutes"},
        DeskAct.APPROVE: every | {"lease_minutes"},
        DeskAct.ACTIVATE: reviewer | shown | {"lease_minutes", "clarity", "sound"},
        DeskAct.STEP_UP: reviewer | shown | {"lease_running", "lease_seconds_left", "reason_given"},
        DeskAct.VIEW: reviewer | shown | {"lease_running", "lease_seconds_left"},
    }
    assert missing == needs[act]


@pytest.mark.duty("FAIL-12")
def test_no_job_function_sees_without_the_word_of_another_person() -> None:
    """FAIL-12: no role has a view of all customers; what is seen of one recording takes its own approval."""
    policy = decides()
    for function in JobFunction:
        for purpose in ReviewPurpose:
            asked = question(function=function, purpose=purpose, approvers=0)
            assert not policy.decide(asked).allowed
            seen = policy.decide(question(function=function, purpose=purpose, approvers=1, consent=ConsentState.VALID)).allowed
            assert seen == (function is JobFunction.REVIEWER)


def test_a_child_or_a_room_in_the_clear_takes_two_people_however_it_is_asked() -> None:
    policy = decides()
    for child in (True, False, None):
        for room in Room:
            for approvers in range(4):
                for customer in CustomerAnswer:
                    asked = question(
                        clarity=Clarity.CLEAR, sound=Sound.MUTE, child=child, room=room, approvers=approvers, customer=customer,
                        consent=ConsentState.VALID,
                    )  # fmt: skip
                    if policy.decide(asked).allowed:
                        assert approvers >= 2 or customer is CustomerAnswer.ALLOWED or (child is False and room is Room.OUTDOOR)
