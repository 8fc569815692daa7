"""Guards of incidents and findings, each taken out in turn."""

from __future__ import annotations

from tests.engine.duties.mutation import Mutation

_COUNT = ("tests/core/incidents/test_counting.py",)
_ENGINE = ("tests/engine/incidents/test_incidents.py",)
_KEEPER = ("tests/adapters/keeper/test_guard.py::test_code_in_the_web_process_that_swaps_a_login_gains_nothing_for_a_day",)
_STRANGERS = ("tests/web/site/test_strangers.py",)
_FINDINGS = ("tests/engine/noticing/test_findings.py",)

INCIDENTS = (
    Mutation(
        "RNG-08", "an incident counts from its discovery", "core/incidents/owed.py",
        '"incident": known.began(name),', '"incident": known.discovered(name),', (*_COUNT, *_ENGINE),
    ),
    Mutation(
        "RNG-29", "ten accounts are few", "core/incidents/owed.py",
        "if number_of(known, name, affected) >= THRESHOLD:", "if number_of(known, name, affected) > THRESHOLD:", _COUNT,
    ),
    Mutation(
        "RNG-29", "two children of one account are two accounts", "core/incidents/affected.py",
        "accounts |= memberships.accounts(person, moments) or {person}", "accounts |= {person}", _COUNT,
    ),
    Mutation(
        "RNG-29", "what cannot be counted is few", "core/incidents/owed.py",
        "return Coverage.UNKNOWN if affected.could_not else Coverage.BELOW", "return Coverage.BELOW", _COUNT,
    ),
    Mutation(
        "RNG-29", "small incidents of one cause stay small", "core/incidents/incidents.py",
        "return [self.incidents[each] for each in (*parts, *more)]", "return [self.incidents[each] for each in parts]", _COUNT,
    ),
    Mutation(
        "RNG-29", "one person closes an incident", "core/incidents/incidents.py",
        "if verdicts.count(each) >= PEOPLE", "if verdicts.count(each) >= 1", (*_COUNT, *_ENGINE),
    ),
    Mutation(
        "RNG-29", "a confirmed finding becomes no incident", "engine/incidents/finding.py",
        "if finding.opened.finding not in reasons:", "if False:", _ENGINE,
    ),
    Mutation(
        "RNG-29", "an account that a stranger came into becomes no incident", "engine/accounts/guard.py",
        "self._taken_over(found[0], TakeoverSign.STOPPED, found[1])", "pass", _KEEPER,
    ),
    Mutation(
        "RNG-29", "an owner says that was not me, and nobody hears it", "web/site/accounts/views.py",
        "guard().report_takeover(account.pk, TakeoverSign.SAID)", "pass", _STRANGERS,
    ),
    Mutation(
        "RNG-29", "a machine that sprayed comes in unseen", "web/site/defence/outcomes.py",
        "    if spray.is_suspect(source):", "    if False:", _STRANGERS,
    ),
    Mutation(
        "RNG-29", "it is closed before its report was handed in", "engine/incidents/closing.py",
        "    if missing:", "    if False:", _ENGINE,
    ),
    Mutation(
        "RNG-29", "its clocks are not shown", "engine/reports/all_deadlines.py",
        "        *incidents.owed(context),\n", "", _ENGINE,
    ),
    Mutation(
        "RNG-29", "the log commits to none of it", "engine/incidents/entering.py",
        "    committing.commit(context)\n    return", "    return", _ENGINE,
    ),
    Mutation(
        "NST-09", "nobody is told that a finding waits", "engine/reports/all_deadlines.py",
        "        *deciding.owed(context),\n", "", _FINDINGS,
    ),
    Mutation(
        "FAIL-07", "no letter goes to the officer", "engine/reports/officer_letter.py",
        "if not found or review is None or not review.officer:", "if True:", _FINDINGS,
    ),
    Mutation(
        "FAIL-07", "the reviewer judges the own day", "engine/noticing/deciding.py",
        "if are_same(account, finding.opened.reviewer):", "if False:", _FINDINGS,
    ),
    Mutation(
        "NST-09", "no reviewer's day is judged", "engine/noticing/running.py",
        "for each in judged if each.finding and", "for each in judged if False and", _FINDINGS,
    ),
)  # fmt: skip
