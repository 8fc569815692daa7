"""The lines that a check and a receipt print to be pasted: the reader of maps accepts them, and they settle what they are about."""

from __future__ import annotations

import re
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from expunge.bootstrap import Expunge
from expunge.core.values.order import OrderState
from tests.attacks.mention_company import ANNA, BELA, CUSTOMERS, CUSTOMERS_SET, MentionCompany
from tests.attacks.test_numbered_people import ANNA as SEVEN
from tests.attacks.test_numbered_people import CUSTOMERS as NUMBERED
from tests.attacks.test_numbered_people import DECLARED

ABOUT = "about: nobody"
AGGREGATE = (
    "aggregate: {reason: counted by the day, safeguards: no names are stored, prohibition: nobody looks for people, "
    "no_attempt: nobody here has tried it, release: it is read before it leaves}, retention: life"
)
KNOWN = CUSTOMERS_SET + ", mentions: {referred_by: null}}"
PLACES = {"sqlite": "store: app, table: audit", "postgres": "store: app, table: audit", "lake": 'store: lake, path: "audit/{day}.parquet"'}
soak = pytest.mark.soak


def audited(
    tmp_path: Path, request: pytest.FixtureRequest, place: str, stated: str, column: str, values: list[object], numbered: bool = False
) -> MentionCompany:
    server = str(request.getfixturevalue("database")) if place == "postgres" else ""
    sort = "INTEGER" if numbered else "TEXT"
    rows = ", ".join(f"({value if numbered else repr(value)}, 'the door of shed number {value}')" for value in values)
    table = f'CREATE TABLE audit ("{column}" {sort}, place TEXT); INSERT INTO audit VALUES {rows};' if place != "lake" else ""
    declared = f"audit: {{{PLACES[place]}, {stated}}}"
    made = MentionCompany(tmp_path, server, lake=True)
    folder = made.folder / "world" / "lake" / "audit"
    folder.mkdir(parents=True)
    made.run((NUMBERED if numbered else CUSTOMERS) + table)
    made.declare(DECLARED if numbered else KNOWN, declared)
    Expunge.init(made.map)
    if place == "lake":
        pq.write_table(
            pa.table({column: values, "place": [f"the door of shed number {value}" for value in values]}), folder / "monday.parquet"
        )
    return made


def paste(made: MentionCompany, said: str, line: str, stated: str) -> None:
    """Paste one of the lines that a sentence has in backticks, as it stands but for the reason and the retention rule."""
    (quoted,) = [each for each in re.findall(r"`([^`]+)`", said) if each.startswith(line)]
    quoted = quoted.replace("WHY", "counted by the door").replace("RULE", "life")
    text = made.map.read_text()
    if line == "ignore:":
        made.map.write_text(f"{text}ignore:\n  {quoted.removeprefix('ignore: ')}\n")
    else:
        made.map.write_text(text.replace(stated, quoted + (", retention: life" if stated == AGGREGATE else "")))


@pytest.mark.parametrize("place", ["lake", pytest.param("sqlite", marks=soak), pytest.param("postgres", marks=soak)])
@pytest.mark.parametrize("column", ["who", pytest.param("on", marks=soak), pytest.param("who, when: {and why}", marks=soak)])
@pytest.mark.parametrize("by", ["receipt", pytest.param("check", marks=soak)])
@pytest.mark.parametrize("stated", [ABOUT, pytest.param(AGGREGATE, marks=soak)])
def test_the_line_for_a_dataset_about_nobody_can_be_pasted(
    tmp_path: Path, request: pytest.FixtureRequest, place: str, column: str, stated: str, by: str
) -> None:
    made = audited(tmp_path, request, place, stated, column, [ANNA, BELA])
    with made.open() as opened:
        (told,) = [each.mend for each in opened.check() if "audit" in each.what and column in each.what]
    run = made.erase(ANNA)
    assert run.state is OrderState.IN_PART
    (why,) = [reason for reason in run.reasons if "audit: " in reason or "table audit: " in reason]
    paste(made, told if by == "check" else why, "subject:", stated)
    with made.open() as opened:
        opened.plan(run.order)
        again = opened.apply(run.order)
    assert (again.state, again.reasons) == (OrderState.FULFILLED, ())
    assert made.found(ANNA) == []


@soak
@pytest.mark.parametrize("place", ["lake", "sqlite", "postgres"])
@pytest.mark.parametrize("line", ["subject:", "ignore:"])
def test_the_line_for_a_short_number_can_be_pasted(tmp_path: Path, request: pytest.FixtureRequest, place: str, line: str) -> None:
    made = audited(tmp_path, request, place, ABOUT, "who", [SEVEN, 3], numbered=True)
    run = made.erase(str(SEVEN))
    assert run.state is OrderState.IN_PART
    (why,) = [reason for reason in run.reasons if "audit: " in reason or "table audit: " in reason]
    paste(made, why, line, ABOUT)
    with made.open() as opened:
        opened.plan(run.order)
        again = opened.apply(run.order)
    assert (again.state, again.reasons) == (OrderState.FULFILLED, ())
