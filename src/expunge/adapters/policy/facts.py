"""Write a question as Cedar reads it: two entities for what stays the same during a lease, and a context for what changes."""

from __future__ import annotations

import json
from typing import Any

from expunge.core.accounts.review_spec import ReviewLimits
from expunge.core.review.question import ViewQuestion

PERSON, REQUEST = {"type": "Person", "id": "acting"}, {"type": "Request", "id": "asked"}
"""The names of the two entities: a question names no person and no recording."""
_DESK = {"type": "Desk", "id": "map"}
Facts = dict[str, Any]
STABLE = (
    "function", "trained_days", "purpose_trained_days", "attested_days", "login_methods", "login_level", "login_equivalent", "recused",
    "break_glass_overdue", "own_most_clarity", "own_most_sound", "purpose", "case_given", "reason_given", "approvers", "self_approved",
    "consent", "customer", "barred", "child", "room", "live", "granted_clarity", "granted_sound", "lease_minutes", "break_glass",
    "erasure_open",
)  # fmt: skip
"""Facts that stay the same from one fetch of a lease to the next: those of the person and of the request."""


def person_facts(question: ViewQuestion) -> Facts:
    """Return the facts about the one who acts. What is not known is None."""
    return {
        "function": question.function,
        "trainedDays": question.trained_days,
        "purposeTrainedDays": question.purpose_trained_days,
        "attestedDays": question.attested_days,
        "loginMethods": sorted(question.login_methods),
        "loginLevel": question.login_level,
        "loginEquivalent": question.login_equivalent,
        "recused": question.recused,
        "emergencyOverdue": question.break_glass_overdue,
        "mostClarity": None if question.own_most_clarity is None else question.own_most_clarity.step,
        "mostSound": None if question.own_most_sound is None else question.own_most_sound.step,
    }


def request_facts(question: ViewQuestion) -> Facts:
    """Return the facts about what is asked for. What is not known is None."""
    return {
        "purpose": question.purpose,
        "caseGiven": question.case_given,
        "reasonGiven": question.reason_given,
        "approvers": question.approvers,
        "selfApproved": question.self_approved,
        "consent": question.consent,
        "customer": question.customer,
        "barred": question.barred,
        "child": question.child,
        "room": question.room,
        "live": question.live,
        "grantedClarity": None if question.granted_clarity is None else question.granted_clarity.step,
        "grantedSound": None if question.granted_sound is None else question.granted_sound.step,
        "leaseMinutes": question.lease_minutes,
        "emergency": question.break_glass,
        "erasureOrdered": question.erasure_open,
    }


def moment_facts(question: ViewQuestion) -> Facts:
    """Return the facts that change from one act to the next. What is not known is None."""
    return {
        "ownRequest": question.own_request,
        "clarity": question.clarity.step,
        "sound": question.sound.step,
        "rangeSeconds": question.range_seconds,
        "sessionLive": question.session_live,
        "loginSeconds": question.login_seconds,
        "network": question.network,
        "weekday": question.weekday,
        "minute": question.minute,
        "leaseRunning": question.lease_running,
        "leaseSecondsLeft": question.lease_seconds_left,
        "watchedSecondsToday": question.watched_seconds_today,
    }


def limit_facts(limits: ReviewLimits) -> Facts:
    """Return the numbers of the map."""
    return {
        "leaseMinutes": limits.lease_minutes,
        "rangeSeconds": limits.range_seconds,
        "trainingDays": limits.training_days,
        "attestationDays": limits.attestation_days,
        "loginSeconds": limits.login_seconds,
        "freshLoginSeconds": limits.fresh_login_seconds,
        "dailySeconds": limits.daily_seconds,
        "firstMinute": limits.hours.first,
        "lastMinute": limits.hours.last,
        "days": list(limits.hours.days),
        "anyNetwork": not limits.networks,
        "networks": list(limits.networks),
    }


def known(facts: Facts, declared: frozenset[str]) -> Facts:
    """Return the facts that are known and that a schema declares: an earlier schema asks for fewer."""
    return {name: fact for name, fact in facts.items() if fact is not None and name in declared}


def desk_entity(limits: ReviewLimits, declared: frozenset[str]) -> str:
    """Return the entity with the numbers of the map, as JSON."""
    return json.dumps([{"uid": _DESK, "attrs": known(limit_facts(limits), declared), "parents": []}])


def asked_entities(person: Facts, request: Facts) -> str:
    """Return the entities of one question, as JSON."""
    return json.dumps([{"uid": PERSON, "attrs": person, "parents": []}, {"uid": REQUEST, "attrs": request, "parents": []}])
