"""Any question at all: it is allowed only where everything that the duties ask for is known and in order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from expunge.adapters.policy.examples import bases
from expunge.core.accounts.credential_strength import Level, Method
from expunge.core.accounts.review_spec import ReviewLimits
from expunge.core.accounts.staff import JobFunction
from expunge.core.journal.review_words import Clarity, DeskAct, ReviewPurpose, Room, Sound
from expunge.core.review.question import ConsentState, CustomerAnswer, ViewQuestion
from tests.adapters.policy.sets import decides

LIMITS = ReviewLimits(networks=("office",))
POLICY = decides(limits=LIMITS)
NUMBERS = st.none() | st.sampled_from([-(2**63), -1, 0, 1, 7, 89, 90, 364, 365, 599, 900, 901, 7200, 43_200, 43_201, 2**63 - 1, 2**80])
MAYBE = st.none() | st.booleans()
BY_TYPE = {
    "ReviewPurpose | None": st.none() | st.sampled_from(ReviewPurpose),
    "JobFunction | None": st.none() | st.sampled_from(JobFunction),
    "ConsentState": st.sampled_from(ConsentState),
    "CustomerAnswer | None": st.none() | st.sampled_from(CustomerAnswer),
    "Room": st.sampled_from(Room),
    "Clarity": st.sampled_from(Clarity),
    "Clarity | None": st.none() | st.sampled_from(Clarity),
    "Sound": st.sampled_from(Sound),
    "Sound | None": st.none() | st.sampled_from(Sound),
    "Level | None": st.none() | st.sampled_from(Level),
    "frozenset[Method]": st.frozensets(st.sampled_from(Method)),
    "bool": st.booleans(),
    "bool | None": MAYBE,
    "int": st.integers(-1, 4) | st.just(2**70),
    "int | None": NUMBERS,
    "str": st.sampled_from(["", "office", 'x"; permit(principal,action,resource);//', "\0", "\ud800"]),
}
KINDS = {field.name: str(field.type) for field in fields(ViewQuestion) if field.name != "action"}


def upto(value: int | None, most: int) -> bool:
    return value is not None and 0 <= value <= most


SEES = frozenset({DeskAct.ACTIVATE, DeskAct.STEP_UP, DeskAct.VIEW})
REVIEWS = SEES | {DeskAct.REQUEST}
DUTIES: dict[str, tuple[frozenset[DeskAct], Callable[[ViewQuestion], bool]]] = {
    "RNG-09": (frozenset(DeskAct), lambda asked: asked.purpose is not None and asked.case_given),
    "RNG-10": (REVIEWS, lambda asked: asked.attested_days is not None and asked.attested_days < 90),
    "RNG-11": (REVIEWS, lambda asked: asked.purpose_trained_days is not None and asked.purpose_trained_days < 365),
    "RNG-12": (SEES, lambda asked: asked.purpose is not ReviewPurpose.AUTHORISED or said_so(asked)),
    "RNG-13": (frozenset(DeskAct), lambda asked: asked.live is False),
    "RNG-15": (frozenset(DeskAct), lambda asked: asked.trained_days is not None and asked.trained_days < 365),
    "RNG-16": (frozenset(DeskAct), lambda asked: asked.network == "office"),
    "RNG-17": (frozenset(DeskAct), lambda asked: asked.login_level is Level.PHISHING_RESISTANT or asked.login_equivalent),
    "RNG-18": (REVIEWS, lambda asked: asked.function is JobFunction.REVIEWER),
    "NST-10, officer": (frozenset({DeskAct.APPROVE}), lambda asked: asked.function is JobFunction.OFFICER and not asked.own_request),
    "NST-10": (SEES, lambda asked: asked.self_approved is False and asked.own_request),
    "agreed": (SEES, lambda asked: asked.approvers >= 1 or said_so(asked) or asked.break_glass),
    "bars": (frozenset(DeskAct), lambda asked: asked.purpose is ReviewPurpose.LAW or asked.barred is False),
    "denied": (
        frozenset(DeskAct),
        lambda asked: asked.customer is not None and (asked.purpose is ReviewPurpose.LAW or asked.customer is not CustomerAnswer.DENIED),
    ),
    "two": (SEES, lambda asked: asked.clarity is not Clarity.CLEAR or seen_by_two(asked)),
    "session": (frozenset(DeskAct), lambda asked: asked.session_live and upto(asked.login_seconds, 43_200)),
    "hours": (frozenset(DeskAct), lambda asked: asked.break_glass or (upto(asked.minute, 1079) and asked.weekday in range(1, 6))),
    "lease": (
        frozenset({DeskAct.STEP_UP, DeskAct.VIEW}),
        lambda asked: asked.lease_running and asked.lease_seconds_left is not None and asked.lease_seconds_left > 0,
    ),
    "granted": (
        SEES,
        lambda asked: (
            asked.granted_clarity is not None
            and asked.granted_sound is not None
            and asked.clarity.step <= asked.granted_clarity.step
            and asked.sound.step <= asked.granted_sound.step
        ),
    ),
    "erasure": (frozenset(DeskAct), lambda asked: asked.erasure_open is False),
    "recused": (REVIEWS, lambda asked: asked.recused is False),
    "narrow": (
        frozenset(DeskAct),
        lambda asked: (
            not asked.break_glass
            or (asked.purpose is ReviewPurpose.HARM and asked.clarity is not Clarity.CLEAR and asked.break_glass_overdue is False)
        ),
    ),
}


def said_so(asked: ViewQuestion) -> bool:
    return asked.consent is ConsentState.VALID or asked.customer is CustomerAnswer.ALLOWED


def seen_by_two(asked: ViewQuestion) -> bool:
    outside = asked.child is False and asked.room is Room.OUTDOOR
    return asked.approvers >= 2 or asked.customer is CustomerAnswer.ALLOWED or outside


@st.composite
def questions(draw: st.DrawFn) -> ViewQuestion:
    """Questions near those that are allowed: else nearly all are refused for ten reasons at once."""
    base = bases()[draw(st.sampled_from(DeskAct))]
    changed = draw(st.lists(st.sampled_from(sorted(KINDS)), max_size=6, unique=True))
    return replace(base, **{name: draw(BY_TYPE[KINDS[name]]) for name in changed})


@settings(max_examples=250, deadline=None)
@given(questions())
def test_what_is_allowed_meets_every_duty(asked: ViewQuestion) -> None:
    answer = POLICY.decide(asked)
    assert answer.reasons
    if answer.allowed:
        broken = [duty for duty, (acts, holds) in DUTIES.items() if asked.action in acts and not holds(asked)]
        assert broken == []


@settings(max_examples=120, deadline=None)
@given(questions(), st.sampled_from(sorted(name for name, kind in KINDS.items() if "None" in kind)))
def test_a_fact_that_is_not_known_never_lets_through_what_it_stops(asked: ViewQuestion, name: str) -> None:
    if POLICY.decide(replace(asked, **{name: None})).allowed:
        # The fact decides nothing here: it lets through as it is, unless no schema has room for its value.
        known = POLICY.decide(asked)
        assert known.allowed or known.rules == ("question-unreadable",)


@pytest.mark.parametrize("effect", ["when", "unless"])
def test_a_rule_that_cannot_be_evaluated_refuses_and_is_named(effect: str) -> None:
    overflows = f'@id("ours") @reason("Ours.") forbid (principal, action, resource) {effect} {{ context.clarity + {2**63 - 1} < 0 }};'
    policy = decides(overflows, LIMITS)
    for asked in bases().values():
        assert POLICY.decide(asked).allowed
        answer = policy.decide(replace(asked, clarity=Clarity.PIXELATED))
        assert not answer.allowed
        assert answer.rules == ("rule-failed",)
        assert "The rule ours could not be evaluated" in answer.reasons[0].text
