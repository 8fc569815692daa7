"""Writes ``docs/reference/obligations.md``: which duties are met, from ``duties.yaml`` and the marks on tests.

``python -m tests.docs.obligations`` writes it anew, and beside it the table that ``expunge obligations`` reads. A duty is met when a test
carries its mark and nothing is said to lack.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from expunge.engine.reports.estate_duties import Duty, duties

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "obligations.md"
STATUS = ROOT / "src" / "expunge" / "duties_status.yaml"
MET, PARTLY, PEOPLE, NOT_YET = "met", "partly", "not software", "not yet"
FORMERLY_MET = frozenset(
    f"{group}-{number}"
    for group, numbers in {
        "AMZ": "01 02 03 04 05 07 08",
        "RNG": "02 03 04 05 06 08 12 26",
        "FAIL": "01 02 03 04 09 13",
        "COP": "02 05 06 08 09 10 11 15",
        "DSG": "01 02 03 04 05 06 07 08 09",
        "TIM": "01 02 03 04 06",
        "NST": "01 03 07 08",
    }.items()
    for number in numbers.split()
)
"""The duties that the page of 28 November 2026 called met."""
HEAD = """\
# Duties

What the orders against a maker of voice assistants and a maker of home cameras ask for, and the rules around them: {count} duties by
their ids, and how Expunge stands towards each. Made by `python -m tests.docs.obligations` from `src/expunge/duties.yaml` and from the
marks on tests, so that it cannot drift: a duty is *met* when tests that fail without it carry its mark. `expunge obligations` says which
of them are met today: by this table, and by your own map, stores and settings.

{met} met, {partly} in part, {people} that no program can meet, {rest} not yet. Since 28 November 2026
{changed} rows changed to *met*: {which}.

What each of them rests on is taken out in turn, and a test fails: [the mutations](mutations.md).

| id | duty | status | shown by | where it stands |
| --- | --- | --- | --- | --- |
"""


def marks() -> dict[str, list[str]]:
    """Duty -> the tests that carry its mark, as ``path::name``, sorted."""
    found: dict[str, list[str]] = {}
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for name, each in _marked(ast.parse(path.read_text("utf-8"))):
            found.setdefault(each, []).append(f"{path.relative_to(ROOT)}::{name}")
    return {each: sorted(set(tests)) for each, tests in found.items()}


def _marked(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """(test, duty) for every mark: on a function or class, or on one of its parameters."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            for decorator in node.decorator_list:
                for call in ast.walk(decorator):
                    if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "duty":
                        yield from ((node.name, str(each.value)) for each in call.args if isinstance(each, ast.Constant))


def status(duty: Duty, tests: list[str]) -> str:
    """One word or two."""
    if duty.not_software:
        return PEOPLE
    if not tests:
        return NOT_YET
    return PARTLY if duty.lacks else MET


def page() -> str:
    """The page as it should be."""
    tests = marks()
    stands = {each.id: status(each, tests.get(each.id, [])) for each in duties()}
    count = {each: sum(1 for one in stands.values() if one == each) for each in (MET, PARTLY, PEOPLE, NOT_YET)}
    new = [name for name, each in stands.items() if each == MET and name not in FORMERLY_MET]
    said = {"changed": len(new), "which": ", ".join(new) or "none"}
    head = HEAD.format(count=len(stands), met=count[MET], partly=count[PARTLY], people=count[PEOPLE], rest=count[NOT_YET], **said)
    return head + "".join(_row(each, stands[each.id], tests.get(each.id, [])) for each in duties())


def _row(duty: Duty, stands: str, tests: list[str]) -> str:
    shown = {PEOPLE: duty.not_software, NOT_YET: "-"}.get(stands, f"`{duty.show}`; {_named(tests)}")
    said = f"{stands}: {duty.lacks}" if stands == PARTLY else stands
    return f"| {duty.id} | {duty.duty} | {said} | {shown} | {duty.source} |\n"


def _named(tests: list[str]) -> str:
    first = [f"[{each.rpartition('::')[2].removeprefix('test_').replace('_', ' ')}](../../{each.partition('::')[0]})" for each in tests[:2]]
    return ", ".join(first) + (f" and {len(tests) - 2} more" if len(tests) > 2 else "")


def status_table() -> str:
    """The file that the product reads, as it should be."""
    tests = marks()
    head = "# How Expunge itself stands towards each duty, by its tests. Made by python -m tests.docs.obligations.\n"
    return head + "".join(f"{each.id}: {status(each, tests.get(each.id, []))}\n" for each in duties())


if __name__ == "__main__":
    STATUS.write_text(status_table(), "utf-8")
    PAGE.write_text(page(), "utf-8")
