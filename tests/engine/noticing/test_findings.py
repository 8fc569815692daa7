"""Findings: opened by a run, judged by people; never closed by the subject, by one person, or by who approved the views."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st

from expunge.adapters.noticing.rollup_file import RollupFile
from expunge.adapters.noticing.rule_file import shipped_rules
from expunge.core.accounts.review_spec import ReviewSpec, WorkingHours
from expunge.core.accounts.staff_events import StaffSeen
from expunge.core.journal.finding_events import FindingDecided, FindingGrew, FindingOpened, FindingReason, NoticingRun
from expunge.core.journal.notice_events import LetterResult
from expunge.core.journal.review_events import ViewServed
from expunge.core.note import Algorithm, VerifierKey
from expunge.core.noticing.findings import FindingStanding
from expunge.core.review.colleagues import SIGNED
from expunge.engine.kernel.context import Context
from expunge.engine.kernel.journal_streams import FINDINGS, REVIEWS, STAFF, read_register, register
from expunge.engine.noticing import deciding, running
from expunge.engine.noticing.deciding import Judgement
from expunge.engine.reports import all_deadlines, officer_letter
from expunge.errors import Conflict, DecisionRefused, EvidenceInvalid, UsageError
from expunge.ports.accounts.letters import Letter
from tests.adapters.noticing.large_office import FIRST, Office
from tests.cli.running import expunge as command
from tests.engine.families.recorded_company import Company
from tests.engine.review.conftest import desk_home, desk_template, office  # noqa: F401 - fixtures
from tests.engine.review.desk_company import OFFICER, OPERATOR, PURPOSES, REVIEWER, SECOND_OFFICER, DeskCompany, Moved

DAYS = 11
PRIYA, OMAR = (Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32) for number in (1, 2))
NO_NEED, WORK = FindingReason.NO_NEED, FindingReason.WORK


def key_of(name: str, key: Ed25519PrivateKey) -> str:
    return str(VerifierKey(name, Algorithm.ED25519, key.public_key().public_bytes_raw()))


KEYS = {
    "priya": key_of("priya", PRIYA),
    "priya-too": key_of("priya-too", PRIYA),
    "omar": key_of("omar", OMAR),
    "desk-0": key_of("desk-0", OMAR),
}


def plant(context: Context, reviewer: str = REVIEWER, approver: str = SECOND_OFFICER) -> None:
    """Write eleven days of a small office and, on the last, the man of FAIL-07 with an account of this company's staff."""
    people = Office(reviewers=8)
    for number in range(DAYS):
        day = FIRST + timedelta(days=number)
        events = [*people.day(day)]
        if number == DAYS - 1:
            views = [replace(each, reviewer=reviewer) for each in people.offence(day)]  # type: ignore[type-var]
            events += [replace(each, approvers=(approver,)) if isinstance(each, ViewServed) else each for each in views]
        if events:
            register(context.journal, REVIEWS, *events)  # type: ignore[arg-type]


def run(context: Context, folder: Path, *, anew: bool = False) -> running.Noticed:
    return running.run(context, RollupFile(folder / "noticing" / "r.npz"), shipped_rules(), WorkingHours(), FIRST, anew=anew)


@pytest.fixture
def context(office: DeskCompany) -> Context:  # noqa: F811 - a fixture
    """A company in which one finding is open."""
    data_map = replace(office.desk.context.data_map, approvers={name: (key,) for name, key in KEYS.items()})
    found = replace(office.desk.context, data_map=data_map)
    plant(found)
    return found


@pytest.fixture
def finding(context: Context, tmp_path: Path) -> str:
    (name,) = run(context, tmp_path).opened
    return name


def standing(context: Context, finding: str) -> FindingStanding:
    return deciding.findings(context).findings[finding].standing


def refused(context: Context, finding: str, account: str) -> str:
    before = len(list(read_register(context.journal, FINDINGS)))
    with pytest.raises(DecisionRefused) as told:
        deciding.decide(context, finding, account, Judgement(WORK, "HR-1"))
    assert len(list(read_register(context.journal, FINDINGS))) == before
    return told.value.reason


@pytest.mark.duty("NST-09")
def test_a_run_opens_one_finding_and_the_next_run_opens_nothing(context: Context, tmp_path: Path) -> None:
    first = run(context, tmp_path)
    assert (len(first.opened), first.anew, first.through >= first.since) == (1, True, True)
    found = deciding.findings(context).findings[first.opened[0]]
    assert (found.opened.reviewer, found.opened.day) == (REVIEWER, (FIRST + timedelta(days=DAYS - 1)).isoformat())
    assert {"bedrooms", "same-household-again", "same-household-other-cases"} <= found.met.keys()
    again = run(context, tmp_path)
    assert (again.opened, again.anew, again.judged) == ((), False, first.judged)
    assert run(context, tmp_path, anew=True).judged == first.judged
    events = list(read_register(context.journal, FINDINGS))
    assert [type(each) for each in events] == [FindingOpened, NoticingRun, NoticingRun, NoticingRun]


def test_a_roll_up_of_another_journal_is_made_anew(context: Context, tmp_path: Path) -> None:
    first = run(context, tmp_path)
    shelf = RollupFile(tmp_path / "noticing" / "r.npz")
    mark, rollup = shelf.load()
    for wrong in (replace(mark, last="0" * 64), replace(mark, events=mark.events + 1), replace(mark, hours="")):
        shelf.keep(wrong, rollup, rollup.needs)
        found = run(context, tmp_path)
        assert (found.anew, found.judged) == (True, first.judged)


def test_what_comes_later_on_the_day_voids_what_was_judged_before(context: Context, finding: str, tmp_path: Path) -> None:
    deciding.decide(context, finding, OFFICER, Judgement(WORK, "HR-1"))
    assert standing(context, finding) is FindingStanding.JUDGED_ONCE
    day = FIRST + timedelta(days=DAYS - 1)
    late = [replace(each, reviewer=REVIEWER, case_kind="", more=40) for each in Office().day(day) if type(each).__name__ == "ViewRefused"]  # type: ignore[type-var]
    register(context.journal, REVIEWS, *late[:2])
    assert run(context, tmp_path).opened == (finding,)
    assert isinstance(list(read_register(context.journal, FINDINGS))[-2], FindingGrew)
    assert standing(context, finding) is FindingStanding.OPEN


@pytest.mark.duty("NST-09")
def test_what_is_due_says_that_a_finding_waits_until_two_people_have_judged_it(context: Context, finding: str) -> None:
    def waits() -> list[tuple[str, bool]]:
        found = [each for each in all_deadlines.everything(context) if each.what == f"finding {finding}"]
        assert all(each.at == deciding.findings(context).findings[finding].opened.at + deciding.JUDGED_WITHIN for each in found)
        return [(each.why, each.standing.overdue) for each in found]

    assert waits() == [("nobody has judged it", False)]
    deciding.decide(context, finding, OFFICER, Judgement(WORK, "HR-1"))
    assert waits() == [("a second person has to judge it", False)]
    assert isinstance(context.clock, Moved)
    context.clock.ahead += deciding.JUDGED_WITHIN
    assert waits() == [("a second person has to judge it", True)]
    signed(context, finding, "omar", OMAR, WORK)
    assert waits() == []


@pytest.mark.duty("FAIL-07")
def test_neither_the_subject_nor_one_person_nor_who_approved_the_views_closes_it(context: Context, finding: str) -> None:
    assert refused(context, finding, REVIEWER) == deciding.NO_RIGHT
    assert refused(context, finding, OPERATOR) == deciding.NO_RIGHT
    assert refused(context, finding, SECOND_OFFICER) == deciding.APPROVED
    deciding.decide(context, finding, OFFICER, Judgement(WORK, "HR-1"))
    deciding.decide(context, finding, OFFICER, Judgement(WORK, "HR-2"))
    assert standing(context, finding) is FindingStanding.JUDGED_ONCE
    assert signed(context, finding, "omar", OMAR, NO_NEED) is FindingStanding.DISPUTED
    assert signed(context, finding, "omar", OMAR, WORK) is FindingStanding.EXPLAINED
    assert refused(context, finding, OFFICER) == deciding.CLOSED


def signed(context: Context, finding: str, name: str, key: Ed25519PrivateKey, reason: FindingReason) -> FindingStanding:
    known = deciding.findings(context).findings[finding]
    said = deciding.message(known, reason.value, "HR-1")
    deciding.decide_signed(context, finding, name, Judgement(reason, "HR-1"), base64.b64encode(key.sign(said)).decode())
    return standing(context, finding)


@pytest.mark.duty("FAIL-07")
def test_one_key_under_two_names_is_one_person_and_the_subject_is_known_by_the_label(context: Context, finding: str) -> None:
    signed(context, finding, "priya", PRIYA, WORK)
    with pytest.raises(DecisionRefused) as told:
        signed(context, finding, "priya-too", PRIYA, WORK)
    assert told.value.reason == deciding.SAME_PERSON
    with pytest.raises(DecisionRefused) as told:
        signed(context, finding, "desk-0", OMAR, WORK)
    assert told.value.reason == deciding.SUBJECT, "the account that it is about has the label desk-0"
    with pytest.raises(EvidenceInvalid):
        signed(context, finding, "omar", PRIYA, WORK)
    assert standing(context, finding) is FindingStanding.JUDGED_ONCE


def test_a_judgement_needs_a_reference_and_is_about_what_the_person_saw(context: Context, finding: str) -> None:
    for reference in ("", "she said that Anna's door was open"):
        with pytest.raises(UsageError, match="reference"):
            deciding.decide(context, finding, OFFICER, Judgement(WORK, reference))
    with pytest.raises(Conflict, match="changed"):
        deciding.decide(context, finding, OFFICER, Judgement(WORK, "HR-1", seen=9))
    with pytest.raises(UsageError, match="no finding"):
        deciding.decide(context, "0000", OFFICER, Judgement(WORK, "HR-1"))
    assert deciding.decide(context, finding[:6], OFFICER, Judgement(WORK, "HR-1", seen=1)).changes == 2


ACCOUNTS = ("a", "b", SIGNED + "c")


@given(st.lists(st.tuples(st.sampled_from([*ACCOUNTS, "grew"]), st.sampled_from(FindingReason)), max_size=12))
def test_a_finding_never_closes_without_two_who_judge_alike_since_it_last_grew(acts: list[tuple[str, FindingReason]]) -> None:
    from datetime import UTC, datetime

    from expunge.core.noticing.findings import Findings

    now = datetime(2026, 11, 30, tzinfo=UTC)
    folded, last = Findings([FindingOpened(now, "f", "r", "reviewer", "2026-11-30", {"bedrooms": 1}, "")]), dict[str, FindingReason]()
    closed = ""
    for account, reason in acts:
        if account == "grew":
            folded.apply(FindingGrew(now, "f", {"bedrooms": 2}, ""))
            last, closed = {}, ""
        else:
            folded.apply(FindingDecided(now, "f", account, reason, "HR-1", ""))
            if not closed:
                last[account] = reason
        verdicts = [each.verdict.value for each in last.values()]
        closed = closed or next((verdict for verdict in ("explained", "confirmed") if verdicts.count(verdict) >= 2), "")
        found = folded.findings["f"].standing
        assert (found.value if found.closed else "") == closed


# --- at the command line -----------------------------------------------------------------------------------------


@pytest.fixture
def company(desk_home: Company) -> Company:  # noqa: F811 - a fixture
    names = ", ".join(f"{name}: '{key}'" for name, key in KEYS.items())
    desk_home.write_map(f"{PURPOSES}approvers: {{{names}}}\nreview: {{noticing: ./noticing.yaml}}\n")
    (desk_home.folder / "noticing.yaml").write_text("rules:\n  - {rule: bedrooms, at_least: 60}\n")
    for name, key in (("priya", PRIYA), ("omar", OMAR)):
        (desk_home.folder / f"{name}.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    with desk_home.open() as opened:
        plant(opened.context)
        register(opened.context.journal, STAFF, StaffSeen(opened.context.clock.now(), OFFICER))
    return desk_home


def test_the_commands_run_list_show_and_decide(company: Company) -> None:
    def said(*words: object, code: int = 0) -> dict[str, object]:
        done = command("findings", *words, "--json", cwd=company.folder)
        assert done.code == code, done.err
        return done.json

    assert said("list") == {"schema": "expunge.findings/1", "findings": [], "last_run": None}
    ran = said("run", "--since", FIRST, code=1)
    (found,) = ran["findings"]  # type: ignore[misc]
    assert (found["reviewer"], found["label"], found["standing"]) == (REVIEWER, "desk-0", "open")
    assert (said("run", "--since", FIRST)["findings"], said("run", "--since", FIRST, "--anew")["anew"]) == ([], True)
    name = found["finding"]
    assert "desk-0: bedrooms (" in command("findings", "list", cwd=company.folder).out
    decide = ("decide", name, "--reason", "no-need", "--reference", "HR-1042")
    text = said(*decide, "--message")["message"]
    assert text.splitlines()[:2] == ["expunge finding/1", name]  # type: ignore[attr-defined]
    assert said(*decide, "--as", "priya", "--key", "priya.pem")["standing"] == "judged once"
    assert command("findings", *decide, "--as", "priya-too", "--key", "priya.pem", cwd=company.folder).code != 0
    assert command("findings", "decide", name, "--reason", "boredom", "--reference", "HR-1", cwd=company.folder).code == 2
    assert said(*decide, "--as", "omar", "--key", "omar.pem")["standing"] == "confirmed"
    assert said("list")["findings"] == []
    assert len(said("list", "--all")["findings"]) == 1  # type: ignore[arg-type]
    shown = command("findings", "show", name[:8], cwd=company.folder).out
    assert shown.count("watched without need (HR-1042)") == 2


def test_the_rules_in_force_are_shown_and_a_fault_in_the_file_is_told_by_check(company: Company) -> None:
    rules = {each["rule"]: each for each in command("findings", "rules", "--json", cwd=company.folder).json["rules"]}
    assert (rules["bedrooms"]["at_least"], rules["bedrooms"]["far"]) == (60, 5.0)
    assert "bedrooms: was shown bedrooms" in command("findings", "rules", cwd=company.folder).out
    (company.folder / "noticing.yaml").write_text("rules:\n  - {rule: bedrooms, at_least: 6000}\n")
    assert "noticing.yaml:2: bedrooms: at_least would be weaker" in command("check", cwd=company.folder).out
    assert command("findings", "run", cwd=company.folder).code != 0


# --- the officer ---------------------------------------------------------------------------------------------------


class Delivered:
    """Keeps letters. It stands for the mail server alone."""

    def __init__(self) -> None:
        self.letters: list[Letter] = []

    def deliver(self, letter: Letter) -> LetterResult:
        self.letters.append(letter)
        return LetterResult.TAKEN


@pytest.mark.duty("FAIL-07")
@pytest.mark.duty("NST-09")
def test_the_officer_is_told_by_mail_as_long_as_a_finding_waits_and_reads_no_name(context: Context, finding: str) -> None:
    post = Delivered()
    assert officer_letter.tell(context, post) is None, "the map names no officer"
    review = replace(context.data_map.review or ReviewSpec(), officer="privacy@owl.example")
    told = replace(context, data_map=replace(context.data_map, review=review))
    assert officer_letter.tell(told, post) is LetterResult.TAKEN
    (letter,) = post.letters
    assert letter.to == "privacy@owl.example"
    assert "two people have to judge: 1" in letter.text
    assert "that are over: 0" in letter.text
    women = {subject for each in read_register(context.journal, REVIEWS) if isinstance(each, ViewServed) for subject in each.subjects}
    assert not any(secret in f"{letter.subject}{letter.text}" for secret in (REVIEWER, "desk-0", finding, *women))
    deciding.decide(context, finding, OFFICER, Judgement(WORK, "HR-1"))
    signed(context, finding, "omar", OMAR, WORK)
    assert (officer_letter.tell(told, post), len(post.letters)) == (None, 1)
