"""The page of duties says what the tests show, and nothing is called met that no test shows."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from typer.main import get_command

from expunge.__main__ import whole_application
from expunge.core.note import Algorithm, VerifierKey
from expunge.engine.reports.estate_duties import DutyState, duties
from tests.cli.running import expunge as command
from tests.docs.obligations import MET, PAGE, PARTLY, PEOPLE, STATUS, marks, page, status, status_table
from tests.engine.household import Household, build


def test_the_page_is_the_one_that_the_marks_make() -> None:
    assert PAGE.read_text("utf-8") == page(), "python -m tests.docs.obligations"
    assert STATUS.read_text("utf-8") == status_table(), "python -m tests.docs.obligations"


def test_there_are_116_duties_each_with_one_row() -> None:
    rows = re.findall(r"^\| ([A-Z]+-[0-9]{2}) \|", PAGE.read_text("utf-8"), re.MULTILINE)
    assert rows == [each.id for each in duties()]
    assert Counter(each.split("-")[0] for each in rows) == {"AMZ": 22, "RNG": 33, "FAIL": 13, "COP": 16, "DSG": 11, "TIM": 9, "NST": 12}


def test_no_mark_names_a_duty_that_there_is_not() -> None:
    assert marks().keys() <= {each.id for each in duties()}


def test_what_shows_a_duty_that_is_met_is_there() -> None:
    tests = marks()
    root = get_command(whole_application())
    for each in duties():
        if status(each, tests.get(each.id, [])) in (MET, PARTLY):
            words = each.show.split()
            assert words[0] in ("expunge", "expunge.ephemeral"), each
            here = root
            for word in words[1:]:
                if word.startswith("-"):
                    break
                here = here.commands[word]  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Household:
    return build(tmp_path_factory.mktemp("estate") / "home")


def test_an_estate_is_told_what_it_meets_today_and_what_to_write(home: Household) -> None:
    said = command("obligations", "--map", home.map, "--json")
    assert said.code == 1
    by_id = {each["duty"]: each for each in said.json["duties"]}
    assert len(by_id) == 116
    assert by_id["COP-15"]["today"] == DutyState.NO.value, "the map names a time that recordings do not have"
    assert "voice: 8 items have no time in closed_at" in by_id["COP-15"]["why"]
    assert "no policy was published" in by_id["AMZ-03"]["why"]
    assert by_id["TIM-02"]["today"] == DutyState.NO.value
    assert "declare a store of kind backup" in by_id["TIM-02"]["why"]
    assert by_id["NST-10"]["today"] == DutyState.NO.value
    assert by_id["AMZ-11"]["today"] == DutyState.PEOPLE.value
    assert "the map posts no notice of an order" in by_id["AMZ-10"]["why"]


def test_no_duty_is_said_to_be_met_that_the_own_table_does_not_call_met(home: Household) -> None:
    said = {each["duty"]: each["today"] for each in command("obligations", "--map", home.map, "--json").json["duties"]}
    tests = marks()
    table = {each.id: status(each, tests.get(each.id, [])) for each in duties()}
    may_be_met = {name for name, each in table.items() if each == MET}
    assert {name for name, each in said.items() if each in (DutyState.MET, DutyState.PRODUCT)} <= may_be_met
    assert {name for name, each in said.items() if each == DutyState.NOT_YET} == {
        name for name, each in table.items() if each not in (MET, PARTLY, PEOPLE)
    }
    missing = command("obligations", "--map", home.map, "--json", "--missing").json
    assert missing["unmet"] == len(missing["duties"]) == sum(each in _NOT_MET for each in said.values())


_NOT_MET = (DutyState.NO, DutyState.IN_PART, DutyState.NOT_YET)


@pytest.mark.duty("COP-15")
def test_undecided_lines_and_missing_columns_count_against_the_retention_policy(home: Household) -> None:
    before = home.map.read_text()
    dated = before.replace("from: closed_at", "from: modified").replace(
        "  accounts: {store: app, table: accounts, subject: {account: account_id}, retention: life}\n",
        "  accounts: {store: app, table: accounts, subject: {account: account_id}, retention: account}\n",
    )
    account = "  account: {period: 30 days, from: closed_at, purpose: keep the account, need: contract}\n"
    dated = dated.replace("datasets:\n", account + "datasets:\n", 1)
    for table in ("profiles", "participants"):
        told = f"table: {table}, subject: {{profile: profile_id}}, retention: "
        dated = dated.replace(told + "life", told + "account")
    events = "    subject: {profile: profile_id, account: account_id}\n    retention: life\n"
    dated = dated.replace(events, events.replace("life", "log"))
    dated = dated.replace("datasets:\n", "  log: {period: 90 years, from: day, purpose: mend faults, need: running it}\ndatasets:\n", 1)

    def said(text: str) -> tuple[str, str]:
        home.map.write_text(text)
        (found,) = command("obligations", "--only", "COP-15", "--map", home.map, "--json").json["duties"]
        return found["today"], found["why"]

    try:
        assert said(dated)[0] == DutyState.MET.value, said(dated)
        past = said(dated.replace("period: 90 years", "period: 30 days"))
        assert past == (DutyState.NO.value, "events: 8 items are past their period: `expunge retention run`")
        missing = said(dated.replace("from: closed_at", "from: ended_at"))
        assert (missing[0], "ended_at" in missing[1]) == (DutyState.NO.value, True)
        undecided = said(dated.replace("need: running it}", 'need: running it, guess: "DECIDE"}'))
        assert (undecided[0], "nobody has decided retention.log" in undecided[1]) == (DutyState.NO.value, True)
    finally:
        home.map.write_text(before)


def test_what_is_mended_in_the_map_is_met(home: Household) -> None:
    key = VerifierKey("priya", Algorithm.ED25519, Ed25519PrivateKey.generate().public_key().public_bytes_raw())
    before = home.map.read_text()
    try:
        home.write_map(extra=f"approvers: {{priya: {key}}}\n")
        said = {each["duty"]: each for each in command("obligations", "--map", home.map, "--json").json["duties"]}
        assert said["NST-10"]["today"] == DutyState.IN_PART.value, "the rest of it Expunge does not meet"
    finally:
        home.map.write_text(before)
