"""Drafts of yearly reports: every number leads to evidence that is there and verifies, and what cannot be shown is said, never zero."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from expunge import Expunge, clock
from expunge.core.disgorgement.sworn_statement import UNSIGNED
from expunge.core.pages.yearly_report import ReportKind, YearlyReport
from expunge.core.verification.ledger_record import LedgerKind
from expunge.errors import UsageError
from tests.cli.running import expunge as command
from tests.engine.household import ANNA, BELA, CARA, Household, build, strings_of
from tests.engine.reports.packs import FIRST, SECOND, Set, erase

NUMBER = re.compile(r"^\* ([0-9][0-9,]*) ([^(]+) \((\[.*\].*)\)$", re.MULTILINE)
LINK = re.compile(r"\]\(([^)]+)\)")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Household:
    made = build(tmp_path_factory.mktemp("reports") / "home")
    erase(made, FIRST, f"profile:{ANNA}", f"profile:{BELA}")
    with Expunge.open(made.map, clock=Set(FIRST)) as expunge:
        expunge.records.enter(LedgerKind.ROLE, date(2031, 5, 1), role="deletion manager")
    erase(made, SECOND, f"profile:{CARA}")
    return made


def draft(home: Household, kind: ReportKind, year: int, folder: Path, now: datetime = SECOND) -> YearlyReport:
    with Expunge.open(home.map, clock=Set(now)) as expunge:
        return expunge.records.report(kind, year, folder)


@pytest.mark.duty("AMZ-20", "RNG-31")
def test_every_number_of_a_report_leads_to_evidence_that_is_there_and_verifies(home: Household, tmp_path: Path) -> None:
    draft(home, ReportKind.COMPLIANCE, 2031, tmp_path / "report")
    text = (tmp_path / "report" / "compliance.md").read_text()
    numbers = {said: int(number) for number, said, _ in NUMBER.findall(text)}
    assert {each: numbers[each] for each in ("orders were received", "receipts were issued", "of them say: fulfilled")} == {
        "orders were received": 1,
        "receipts were issued": 2,
        "of them say: fulfilled": 2,
    }
    assert (numbers["deadlines kept"], numbers["deadlines missed"], numbers["ledger records: role"]) == (3, 0, 1)
    found = [link for *_, evidence in NUMBER.findall(text) for link in LINK.findall(evidence)]
    assert len(found) >= 2 * len(numbers) - 4
    assert [each for each in found if not (tmp_path / "report" / each).is_file()] == []
    assert "evidence/lists/requests.html" in found
    assert "entry 0 of the log" in text
    assert UNSIGNED in text
    checked = command("evidence", "verify", tmp_path / "report" / "evidence", "--json").json
    assert (checked["receipts"], checked["ledger"]) == (2, 1)
    page = (tmp_path / "report" / "compliance.html").read_text()
    assert "http" not in page
    whose = [each for person in (ANNA, BELA) for each in strings_of(person)]
    assert [each for each in whose if each in text + page] == []


@pytest.mark.duty("AMZ-20")
def test_what_cannot_be_shown_is_said_and_is_never_zero(home: Household, tmp_path: Path) -> None:
    draft(home, ReportKind.COMPLIANCE, 2030, tmp_path / "before")
    text = (tmp_path / "before" / "compliance.md").read_text()
    assert "this installation has no record of that time" in text
    assert NUMBER.findall(text) == []
    report = draft(home, ReportKind.COMPLIANCE, 2032, tmp_path / "now")
    assert "The rest of 2032: the year is not over, and the numbers end on 2032-05-04." in report.unshown
    unshown = {part.title: part.unshown for part in report.parts}
    assert unshown["Recipients"] == ("the map declares no recipients", "none was entered here, which does not show that there was none")
    assert "the map declares no purposes" in unshown["Consents"]
    assert "role, " in unshown["What people did"][0]
    assert not [part.title for part in report.parts if part.title in ("Recipients", "Consents", "Holds") and part.lines]
    first = draft(home, ReportKind.COMPLIANCE, 2031, tmp_path / "first")
    assert any(each.startswith("The time before 2031-05-02") for each in first.unshown)
    with pytest.raises(UsageError, match="has not begun"):
        draft(home, ReportKind.COMPLIANCE, 2033, tmp_path / "later")
    with pytest.raises(UsageError, match="not empty"):
        draft(home, ReportKind.COMPLIANCE, 2031, tmp_path / "first")


@pytest.mark.duty("AMZ-18", "RNG-28")
def test_a_certification_lists_what_is_open_so_that_nobody_certifies_over_it(home: Household, tmp_path: Path) -> None:
    with Expunge.open(home.map, clock=Set(SECOND)) as expunge:
        order = expunge.order_erase([expunge.resolve("profile:prf-dino-5G1J8V3B")]).order
    try:
        report = draft(home, ReportKind.CERTIFICATION, 2032, tmp_path / "late", datetime(2032, 8, 1, tzinfo=UTC))
        (standing,) = (part for part in report.parts if part.title.startswith("Open"))
        assert any(note.startswith(f"Overdue: order {order}: ") and "gdpr-answer" in note for note in standing.notes)
        assert any(note.startswith("Not met here: RNG-19") for note in standing.notes)
        assert not any("RNG-02" in note for note in standing.notes)
        text = (tmp_path / "late" / "certification.md").read_text()
        assert "no material non-compliance" in text
        assert "28 U.S.C. 1746" in text
        missed = [line for part in report.parts for line in part.lines if line.text == "deadlines missed"]
        assert [line.number for line in missed] == [3]
    finally:
        with home.open() as expunge:
            expunge.order_cancel(order)  # type: ignore[arg-type]


def test_the_commands_write_drafts_and_their_evidence(home: Household, tmp_path: Path) -> None:
    year = clock.now().year
    made = command("report", "compliance", "--year", str(year), "--out", tmp_path / "one", "--map", home.map, "--json")
    assert (made.code, made.json["kind"], made.json["year"]) == (0, "compliance", year), made.err
    assert json.dumps(made.json["parts"])
    said = command("report", "certification", "--year", str(year), "--out", tmp_path / "two", "--map", home.map)
    assert (said.code, "certification.html" in said.out) == (0, True), said.err
    assert command("evidence", "verify", tmp_path / "two" / "evidence").code == 0
