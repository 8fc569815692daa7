"""How long one decision of the review desk takes: with 20 rules, with those that are shipped, and with 200 sliced by act.

Every decision is checked against the schema, as at the desk, and its facts differ from those of the one before, as at the fetches of a
lease. Beside them, in the same run: Cedar asked with all 200 rules at once, and a look-up in a dictionary, which decides nothing. Medians
of many short rounds; the best round counts, because what else runs on the machine spoils the others.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from dataclasses import replace

import cedarpy

from bench.result import Result
from expunge.adapters.policy.cedar_policy import CedarPolicy
from expunge.adapters.policy.examples import bases
from expunge.adapters.policy.policy_folder import shipped_files
from expunge.adapters.policy.rule_files import SCHEMA, read_rules
from expunge.core.accounts.review_spec import ReviewLimits
from expunge.core.journal.policy_events import PolicySet
from expunge.core.journal.review_words import DeskAct
from expunge.core.review.question import ViewQuestion

ROUNDS, CALLS = 40, 250
ASKED = [replace(bases()[DeskAct.VIEW], lease_seconds_left=600 - number, minute=600 + number % 60) for number in range(CALLS)]
"""The fetches of one lease."""


def run() -> list[Result]:
    twenty, shipped, sliced = CedarPolicy(_twenty()), CedarPolicy(_with(0)), CedarPolicy(_with(200))
    unsliced = CedarPolicy(_with(200, everywhere=True))
    answers = dict.fromkeys(ASKED, 1)
    looked_up = _microseconds(lambda question: answers[question])
    whole = _microseconds(unsliced.decide)
    measured = ((twenty, "20 rules", 150.0), (shipped, "the shipped rules", None), (sliced, "200 rules, sliced by act", 200.0))
    return [_row(policy, name, target, whole, looked_up) for policy, name, target in measured]


def _row(policy: CedarPolicy, name: str, target: float | None, whole: float, looked_up: float) -> Result:
    about = sum(DeskAct.VIEW in rule.acts for rule in policy.rules.values())
    note = f"{len(policy.rules)} rules, {about} of them about a view; a dictionary takes {looked_up:.1f} us to look the question up"
    return Result(
        f"policy decision, {name}",
        _microseconds(policy.decide),
        "us",
        other=whole,
        other_name="Cedar with 200 rules at once",
        target=target,
        better="lower",
        note=note,
    )


def _microseconds(decide: Callable[[ViewQuestion], object]) -> float:
    best = float("inf")
    for _ in range(ROUNDS):
        taken = []
        for question in ASKED:
            begun = time.perf_counter_ns()
            decide(question)
            taken.append(time.perf_counter_ns() - begun)
        best = min(best, statistics.median(taken) / 1000)
    return best


def _twenty() -> PolicySet:
    """Return a set with twenty rules about a view: those that permit, and the first of the others."""
    found = read_rules(_with(0))
    about = sorted((rule for rule in found.rules if DeskAct.VIEW in rule.acts), key=lambda rule: not rule.permits)
    bodies = {rule.name: found.bodies[rule.name] for rule in about[:20]}
    text = cedarpy.policies_from_json_str(json.dumps({"templates": {}, "staticPolicies": bodies, "templateLinks": []}))
    return PolicySet({SCHEMA: shipped_files()[SCHEMA], "shipped/twenty.cedar": text}, ReviewLimits())


def _with(total: int, *, everywhere: bool = False) -> PolicySet:
    """Return the shipped set with rules of a company's own, up to a number: each about one act, or all about every act."""
    shipped = PolicySet(shipped_files(), ReviewLimits())
    scopes = [""] if everywhere else [f' == Action::"{act.value}"' for act in DeskAct]
    own = [
        f'@id("own-{number}") @reason("Not here.")\nforbid (principal, action{scopes[number % len(scopes)]}, resource)\n'
        f'when {{ resource.room == "bathroom" && context.clarity > {number % 4} && context.sound >= {number % 3} }};'
        for number in range(total - len(read_rules(shipped).rules))
    ]
    return PolicySet({**shipped_files(), **({"own/more.cedar": "\n".join(own)} if own else {})}, ReviewLimits())
