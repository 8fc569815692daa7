"""Decide questions by a set of Cedar rules.

Three things of Cedar are dealt with here. It skips a rule that forbids and cannot be evaluated: so an answer with any error refuses. Its
refusal by default has no reasons: so one is given. Each rule costs time: so an act is decided by the rules that are about it alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from operator import attrgetter
from typing import Any

import cedarpy

from expunge.adapters.policy.facts import (
    PERSON,
    REQUEST,
    STABLE,
    asked_entities,
    desk_entity,
    known,
    moment_facts,
    person_facts,
    request_facts,
)
from expunge.adapters.policy.rule_files import FAILED, NO_PERMIT, SCHEMA, UNREADABLE, Rules, declared, read_rules
from expunge.core.journal.policy_events import PolicySet
from expunge.core.journal.review_words import DeskAct
from expunge.core.review.policy_rules import PolicyRule
from expunge.core.review.question import PolicyAnswer, PolicyReason, ViewQuestion

_CACHED = 1024
"""Questions whose entities are kept: those of so many leases."""
_stable = attrgetter(*STABLE)
_NAMED = re.compile(r"`([^`]+)`")


class CedarPolicy:
    """A set of rules that decides. Safe between threads."""

    def __init__(self, policies: PolicySet) -> None:
        """Read a set. Raises Misconfigured for a mistake in it, with the file, the line and what to write instead."""
        found = read_rules(policies)
        found.require_sound()
        self.digest = policies.digest
        self.rules: Mapping[str, PolicyRule] = {rule.name: rule for rule in found.rules}
        schema = policies.files[SCHEMA]
        self._declared = declared(schema)
        self._schema = cedarpy.Schema.from_str(schema)
        self._slices = {act: _slice(found, act) for act in DeskAct}
        self._desk = cedarpy.Entities.from_json_str(desk_entity(policies.limits, self._declared), self._schema)
        self._entities = lru_cache(_CACHED)(self._parse)

    def decide(self, question: ViewQuestion) -> PolicyAnswer:
        """Decide, as :class:`expunge.ports.review.policy.ReviewPolicy` has it."""
        try:
            entities = self._entities(_stable(question))
            request = {
                "principal": PERSON,
                "action": {"type": "Action", "id": question.action.value},
                "resource": REQUEST,
                "context": json.dumps(known(moment_facts(question), self._declared)),
            }
            answer = cedarpy.is_authorized(request, self._slices[question.action], entities, self._schema)
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RuntimeError):
            return self._refuse([PolicyReason(UNREADABLE, "The facts of this act cannot be read, so nothing is granted.")])
        errors = answer.diagnostics.errors
        reasons = [PolicyReason(name, self.rules[name].reason) for name in sorted(answer.diagnostics.reasons) if name in self.rules]
        if answer.allowed and not errors and reasons:
            return PolicyAnswer(allowed=True, reasons=tuple(reasons), policy_digest=self.digest)
        refused = [reason for reason in reasons if not self.rules[reason.rule].permits]
        if errors:
            refused.append(PolicyReason(FAILED, _failed(errors)))
        return self._refuse(refused or [PolicyReason(NO_PERMIT, "No rule permits it.")])

    def _refuse(self, reasons: list[PolicyReason]) -> PolicyAnswer:
        told = tuple(sorted(reasons, key=lambda reason: reason.rule))
        return PolicyAnswer(allowed=False, reasons=told, policy_digest=self.digest)

    def _parse(self, stable: tuple[Any, ...]) -> cedarpy.Entities:
        question = ViewQuestion(DeskAct.VIEW, **dict(zip(STABLE, stable, strict=True)))
        facts = (known(read(question), self._declared) for read in (person_facts, request_facts))
        return self._desk.with_added_json_str(asked_entities(*facts), self._schema)


def _slice(found: Rules, act: DeskAct) -> cedarpy.PolicySet:
    about = {rule.name: found.bodies[rule.name] for rule in found.rules if act in rule.acts}
    return cedarpy.PolicySet.from_json_str(json.dumps({"templates": {}, "staticPolicies": about, "templateLinks": []}))


def _failed(errors: list[str]) -> str:
    names = sorted({name for error in errors for name in _NAMED.findall(error)[:1]})
    about = f"The rule {', '.join(names)}" if names else "A rule"
    return f"{about} could not be evaluated, so nothing is granted."
