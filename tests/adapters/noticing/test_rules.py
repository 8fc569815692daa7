"""Rules of noticing: the examples beside them come out, a company's file makes them stricter alone, and faults are told by line."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from expunge.adapters.noticing.rule_file import NoticingExample, NoticingRules, own_rules, shipped_examples, shipped_rules
from expunge.core.noticing.judging import JudgedDay, judge
from expunge.core.noticing.measures import Measure, ReviewerDay
from expunge.core.noticing.rules import Rulebook
from expunge.errors import Misconfigured

DAY = date(2026, 11, 2)
PEERS = {"usual": (20, 28), "few days": (20, 3), "none": (0, 0)}


def usual(number: int, back: int) -> ReviewerDay:
    """Return a day of an ordinary reviewer; the numbers wander without chance."""
    leases = 7 + (number * 3 + back * 5) % 9
    numbers = {
        Measure.HOUSEHOLDS: leases - 1,
        Measure.RECORDINGS: leases,
        Measure.LEASES: leases,
        Measure.SECONDS: leases * 70,
        Measure.LEASES_AGAIN: (number + back) % 3,
        Measure.CHANGED_CASES: (number + back) % 2,
        Measure.HOUSEHOLDS_OF_ONE_CASE: 1,
        Measure.SECONDS_IN_PRIVATE_ROOMS: 60 * ((number + back) % 2),
        Measure.SECONDS_OFF_HOURS: 50 if (number + back) % 4 == 0 else 0,
        Measure.REFUSALS: (number + back) % 2,
    }
    return ReviewerDay(DAY - timedelta(days=back), f"peer-{number}", "reviewer", numbers)


def judged(example: NoticingExample, rules: Rulebook) -> JudgedDay:
    people, days = PEERS[example.peers]
    mine = ReviewerDay(DAY, "mine", "reviewer", example.numbers)
    before = [usual(number, back) for number in range(people) for back in range(1, days + 1)]
    return next(judge([mine, *before], [DAY], rules))


@pytest.mark.parametrize("example", shipped_examples(), ids=lambda each: each.case)
def test_the_examples_come_out(example: NoticingExample) -> None:
    found = judged(example, shipped_rules())
    said = tuple(each.rule.name for each in found.met), found.untold, found.finding
    assert said == (example.noticed, example.untold, example.finding), f"noticing.examples.yaml:{example.line}"


def test_each_rule_has_an_example_that_fails_without_it() -> None:
    shipped = shipped_rules()
    for rule in shipped.rules:
        without = replace(shipped, rules=tuple(each for each in shipped.rules if each is not rule))
        assert any(tuple(each.rule.name for each in judged(one, without).met) != one.noticed for one in shipped_examples()), rule.name


def test_a_reviewer_never_becomes_usual_by_going_on() -> None:
    before = [usual(number, back) for number in range(20) for back in range(1, 29)]
    own = {Measure.LEASES: 40, Measure.HOUSEHOLDS: 12, Measure.SECONDS: 3500, Measure.SECONDS_IN_PRIVATE_ROOMS: 3400}
    mine = [ReviewerDay(DAY - timedelta(days=back), "mine", "reviewer", own) for back in range(29)]
    last = next(each for each in judge([*before, *mine], [DAY], shipped_rules()) if each.day.reviewer == "mine")
    assert {"bedrooms", "long-watching"} <= {each.rule.name for each in last.met}
    assert all(each.far is not None and each.far > 5 for each in last.met)


def test_a_file_of_the_company_makes_rules_stricter(tmp_path: Path) -> None:
    path = tmp_path / "noticing.yaml"
    path.write_text("together: 1\nrules:\n  - {rule: bedrooms, at_least: 60, far: 3.5, always: 600}\n  - {rule: no-case, alone: true}\n")
    found, shipped = NoticingRules(str(path)).rulebook(), shipped_rules()
    rules = {rule.name: rule for rule in found.rules}
    assert (found.together, rules["bedrooms"].at_least, rules["bedrooms"].far, rules["bedrooms"].always) == (1, 60, 350, 600)
    assert rules["no-case"].alone
    assert found.digest != shipped.digest
    assert {rule.name for rule in found.rules} == {rule.name for rule in shipped.rules}
    path.write_text("")
    assert NoticingRules(str(path)).rulebook() == shipped == NoticingRules().rulebook()


FAULTS = {
    "rules:\n  - {rule: bedrooms, at_least: 601}": (2, "weaker"),
    "rules:\n  - {rule: bedrooms, far: 6}": (2, "weaker"),
    "rules:\n  - {rule: bedrooms, always: 9000}": (2, "weaker"),
    "rules:\n  - {rule: no-case, far: 5}": (2, "weaker"),
    "rules:\n  - {rule: past-need, alone: false}": (2, "weaker"),
    "rules:\n  - {rule: bedrooms, at_least: 9}\n  - {rule: bedrooms, at_least: 300}": (3, "twice"),
    "rules:\n  - {rule: attics}": (2, "none of the package"),
    "rules:\n  - {rule: bedrooms, measure: seconds}": (2, "'measure' does not belong here"),
    "rules:\n  - {rule: bedrooms, at_least: yes}": (2, "whole number"),
    "rules:\n  - {rule: bedrooms, at_least: 0}": (2, "whole number"),
    "rules:\n  - {rule: bedrooms, far: .nan}": (2, "far"),
    "rules:\n  - {rule: bedrooms, far: 0.1}": (2, "far"),
    "rules:\n  - {rule: bedrooms, alone: 1}": (2, "true or false"),
    "rules:\n  - bedrooms": (2, "none of the package"),
    "rules: bedrooms": (1, "a list is missing"),
    "- {rule: bedrooms}": (1, "`rules:` is missing"),
    "\ntogether: 3": (2, "together: a whole number from 1 to 2"),
    "together: 0": (1, "together"),
    "history: 3": (1, "'history' does not belong here"),
    "rules: [": (1, "not YAML"),
}


@pytest.mark.parametrize("text", FAULTS)
def test_a_fault_is_told_by_file_and_line(tmp_path: Path, text: str) -> None:
    line, what = FAULTS[text]
    path = tmp_path / "noticing.yaml"
    path.write_text(text)
    with pytest.raises(Misconfigured) as told:
        own_rules(path, shipped_rules())
    assert told.value.message.startswith(f"noticing.yaml:{line}: ")
    assert what in told.value.message


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    for path in (tmp_path / "none.yaml", tmp_path):
        with pytest.raises(Misconfigured, match="cannot be read"):
            own_rules(path, shipped_rules())
    large = tmp_path / "large.yaml"
    large.write_text("#" * (1 << 19))
    with pytest.raises(Misconfigured, match="larger than"):
        own_rules(large, shipped_rules())
