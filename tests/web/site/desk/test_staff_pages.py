"""The pages of staff at the desk: requests, approvals, emergencies, findings, people with training and statements, and who looked."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from uuid import UUID

import pytest

from expunge import clock
from expunge.bootstrap import Expunge
from expunge.core.accounts.staff import JobFunction
from expunge.core.accounts.staff_acts import InviteStaff
from expunge.core.journal.finding_events import FindingOpened
from expunge.core.journal.review_words import ReviewPurpose
from expunge.core.noticing.findings import finding_id
from expunge.core.review.statements import ACCESS_ROLE, attesting, purpose_role, statement, statement_digest
from expunge.engine.kernel.journal_streams import FINDINGS, LEDGER, read_register, register
from expunge.errors import DeskRefused, ProofRefused
from expunge.ports.accounts.account_guard import PasskeyProof
from tests.web.site.deciders import decided
from tests.web.site.desk.desk_company import RING, SEALED
from tests.web.site.desk.kit import Colleague, Desk, joined
from tests.web.site.office import Employee

HARM = ReviewPurpose.HARM
ASKED = {
    "purpose": HARM.value, "case_kind": "support", "case_number": "le-91", "recording": f"rings/{RING}", "first": "0:01", "last": "00:05.5",
    "clarity": "faces hidden", "sound": "mute", "why": "the bell of this family does not ring",
}  # fmt: skip


@dataclass
class Seats:
    """Browsers of the staff."""

    reviewer: Employee
    officer: Employee


@pytest.fixture(scope="module")
def seats(office: Desk) -> Seats:
    return Seats(office["reviewer"].browser(), office["officer"].browser())


@pytest.fixture(scope="module")
def fresh(office: Desk) -> Colleague:
    """A reviewer who was never trained."""
    return joined(office.served, office.guard, "fresh-staff-pages", JobFunction.REVIEWER)


def id_of(browser: Employee) -> str:
    assert browser.last is not None
    return browser.last.path.rstrip("/").rpartition("/")[2]


def asked(browser: Employee, page: str = "new", **changes: str) -> str:
    """The id of a request that a browser made."""
    browser.get(f"/staff/desk/requests/{page}/")
    shown = browser.send("case_number", **{**ASKED, **changes})
    assert shown.path.startswith("/staff/desk/requests/"), shown.words
    assert len(id_of(browser)) == 16, shown.words
    return id_of(browser)


# --- requests and approvals --------------------------------------------------------------------------------------


def test_a_request_is_made_approved_on_a_page_of_its_own_and_told_to_no_other_reviewer(office: Desk, seats: Seats) -> None:
    reviewer, officer = seats.reviewer, seats.officer
    reviewer.get("/staff/desk/requests/new/")
    wrong = reviewer.send("case_number", **{**ASKED, "case_number": "Anna Miller", "last": "0:01", "recording": "ring-1", "why": ""})
    for words in ("No name of a person", "Write the kind of data", "Write in a sentence or two", "ends before it begins"):
        assert words in wrong.words, wrong.words
    request = asked(reviewer)
    page = reviewer.last
    assert page is not None
    for words in ("LE-91", "00:01 to 00:05.5 (5 seconds)", f"rings/{RING}", "Another person has to approve it", "does not ring", "0 of 1"):
        assert words in page.words, (words, page.words)
    assert RING not in page.url
    assert reviewer.get(f"/staff/desk/approvals/{request}/").status == HTTPStatus.FORBIDDEN
    assert office["reviewer-2"].browser().get(f"/staff/desk/requests/{request}/").status == HTTPStatus.NOT_FOUND
    assert "LE-91" in reviewer.get("/staff/desk/requests/").words

    assert "LE-91" in officer.get("/staff/desk/approvals/").words
    shown = officer.get(f"/staff/desk/approvals/{request}/")
    assert "does not ring" in shown.words
    means = officer.send("decision", decision="approve")
    assert "This is what you decide" in means.words
    assert office.door.request(office["officer"].caller, request).card.approvers == (), "nothing is decided before it is confirmed"
    assert "You approved it" in officer.send("confirmed", confirmed="1").words
    assert [each.account for each in office.door.request(office["officer"].caller, request).card.approvers] == [office["officer"].account]
    assert "You have decided about it" in officer.get(f"/staff/desk/approvals/{request}/").words
    assert "The reviewer can begin" in reviewer.get(f"/staff/desk/requests/{request}/").words

    gone = reviewer.post(f"/staff/desk/requests/{request}/withdraw/")
    assert "Withdrawn by reviewer" in gone.words
    assert "Its reviewer withdrew it" in gone.words


def test_a_denial_takes_one_more_page_and_an_extension_is_a_new_request_filled_from_the_one_before(seats: Seats) -> None:
    request = asked(seats.reviewer, case_number="LE-92", recording=f"nights/{SEALED}", clarity="clear")
    shown = seats.officer.get(f"/staff/desk/approvals/{request}/")
    assert "The camera looks into a home, or that is not known" in shown.words
    assert "takes two approvals, by two people" in shown.words
    seats.officer.send("decision", decision="turn-down")
    assert "You turned it down" in seats.officer.send("confirmed", confirmed="1").words
    assert "Turned down by officer" in seats.reviewer.get(f"/staff/desk/requests/{request}/").words
    filled = seats.reviewer.get(f"/staff/desk/requests/{request}/extend/")
    _, held = filled.form("case_number")
    assert (held["case_number"], held["recording"], held["first"], held["extends"]) == ("LE-92", f"nights/{SEALED}", "00:05.5", request)
    further = seats.reviewer.send(
        "case_number", **{**ASKED, "case_number": "LE-92", "recording": f"nights/{SEALED}", "first": "00:05.5", "last": "00:07"}
    )
    assert "It goes on with" in further.words


@pytest.mark.parametrize("recording", ["rings/rings/p-mia/ring-9.mp4", "profiles/p-mia", "anna.miller@example.org/p-mia"])
def test_each_name_of_no_recording_has_one_answer_in_which_it_stands_nowhere(office: Desk, seats: Seats, recording: str) -> None:
    seats.reviewer.get("/staff/desk/requests/new/")
    shown = seats.reviewer.send("case_number", **{**ASKED, "recording": recording})
    assert "No recording of that name can be asked for" in shown.words
    assert "no dataset" not in shown.words
    assert recording not in shown.url
    log = (office.served.folder / "access.log").read_text()
    assert "ring-9" not in log
    assert "miller" not in log


def test_an_emergency_is_a_loud_page_of_its_own_and_is_judged_by_another_person(office: Desk, seats: Seats) -> None:
    page = seats.reviewer.get("/staff/desk/requests/emergency/")
    assert "The customer is told at once" in page.words
    assert 'value="clear"' not in page.text
    without = seats.reviewer.send("case_number", **{**ASKED, "case_number": "LE-93"})
    assert "Confirm that you know what follows" in without.words
    request = asked(seats.reviewer, "emergency", case_number="LE-93", knows="on")
    office.door.activate(office["reviewer"].caller, request)
    assert "hours left" in seats.officer.get("/staff/desk/approvals/").words
    assert seats.reviewer.get(f"/staff/desk/emergencies/{request}/").status == HTTPStatus.FORBIDDEN
    seats.officer.get(f"/staff/desk/emergencies/{request}/")
    assert "Write why" in seats.officer.send("note", justified="yes", note="").words
    assert "The emergency is judged" in seats.officer.send("note", justified="yes", note="a child was about to be hurt").words
    stopped = seats.officer.post(f"/staff/desk/requests/{request}/stop/")
    assert "The lease is over" in stopped.words
    assert "Judged: the emergency was one" in stopped.words


# --- findings ----------------------------------------------------------------------------------------------------


def test_a_finding_stands_beside_what_is_usual_and_two_people_close_it(office: Desk, seats: Seats) -> None:
    day, reviewer = clock.today() - timedelta(days=40), office["reviewer-2"]
    finding = finding_id(reviewer.account, day)
    met = {"bedrooms": 3351, "many-households": 44}

    def plant() -> None:
        with Expunge.open(office.served.folder / "expunge.yaml") as opened:
            found = FindingOpened(clock.now(), finding, reviewer.account, "reviewer", day.isoformat(), met, "0" * 64)
            register(opened.context.journal, FINDINGS, found)

    with ThreadPoolExecutor(1) as apart:
        apart.submit(plant).result()
    assert seats.reviewer.get("/staff/desk/findings/").status == HTTPStatus.FORBIDDEN
    assert reviewer.label in seats.officer.get("/staff/desk/findings/").words
    page = seats.officer.get(f"/staff/desk/findings/{finding}/")
    for words in ("Watched bedrooms and bathrooms far more than others do", "3351 seconds in such rooms", "cannot be told"):
        assert words in page.words, page.words
    assert "no text" in seats.officer.send("reference", reason="NO_NEED", reference="she looked at her").words
    assert "This is what you decide" in seats.officer.send("reference", reason="NO_NEED", reference="hr-1042").words
    assert "Your judgement is entered" in seats.officer.send("step", step="enter").words
    second = office["officer-2"].browser()
    second.get(f"/staff/desk/findings/{finding}/")
    second.send("reference", reason="PRETEXT", reference="HR-1042")
    second.send("step", step="enter")
    closed = seats.officer.get(f"/staff/desk/findings/{finding}/")
    assert "Confirmed" in closed.words
    assert "Judge it" not in closed.words


# --- people, training, statements --------------------------------------------------------------------------------


@pytest.mark.duty("RNG-10", "RNG-11", "RNG-15")
def test_a_reviewer_is_trained_by_another_person_and_signs_the_very_statement_with_a_passkey(
    office: Desk, seats: Seats, fresh: Colleague
) -> None:
    browser = fresh.browser()
    browser.get("/staff/desk/requests/new/")
    refused = browser.send("case_number", **ASKED)
    for words in ("The yearly training about recordings is missing", "The training for this purpose", "Your statement for this purpose"):
        assert words in refused.words, refused.words
    assert "Missing" in browser.get("/staff/desk/my-training/").words

    assert browser.get("/staff/desk/people/training/").status == HTTPStatus.FORBIDDEN
    form = seats.officer.get("/staff/desk/people/training/")
    assert office["officer"].account not in form.text, "no person enters a training of their own"
    today = clock.today().isoformat()
    for role in (ACCESS_ROLE, purpose_role(HARM)):
        seats.officer.get("/staff/desk/people/training/")
        done = seats.officer.send("certificate", account=fresh.account, role=role, on=today, certificate="ab" * 32)
        assert "The training is entered" in done.words, done.words
    with pytest.raises(DeskRefused, match="own"):
        office.door.train(office["officer"].caller, office["officer"].account, ACCESS_ROLE, clock.today())

    page = browser.get("/staff/desk/my-training/harm/")
    for line in statement(HARM).strip().splitlines():
        assert line in page.words
    assert browser.perform("/staff/desk/my-training/harm/begin/") == {"to": "/staff/desk/my-training/"}
    assert "Your statement is entered" in browser.get("/staff/desk/my-training/").words

    def entered() -> list[str]:
        with Expunge.open(office.served.folder / "expunge.yaml") as opened:
            return [str(each) for each in read_register(opened.context.journal, LEDGER)]

    with ThreadPoolExecutor(1) as apart:
        assert any(statement_digest(HARM) in each for each in apart.submit(entered).result())
    assert len(asked(browser, case_number="LE-94")) == 16


@pytest.mark.duty("RNG-10")
def test_no_statement_is_entered_that_a_passkey_did_not_sign(office: Desk, fresh: Colleague) -> None:
    caller = fresh.caller
    with pytest.raises(ProofRefused):
        office.door.attest(caller, ReviewPurpose.LAW, "no permit")
    ask = attesting(UUID(fresh.account), ReviewPurpose.LAW)
    ceremony = office.guard.begin_ask(caller.session, ask)
    assert ceremony.options is not None
    permit = office.guard.finish_ask(ceremony.token, caller.session, ask, PasskeyProof(fresh.device.sign(ceremony.options)))
    with pytest.raises(ProofRefused):
        office.door.attest(caller, ReviewPurpose.LEGAL_RIGHTS, permit)
    duties = office.door.records(caller).duties
    assert not any(each.purpose in {ReviewPurpose.LAW, ReviewPurpose.LEGAL_RIGHTS} and each.kind == "attestation" for each in duties)


@pytest.mark.duty("RNG-15")
def test_people_shows_who_can_be_shown_a_recording_and_who_reaches_sealed_bytes_alone(office: Desk, seats: Seats) -> None:
    keyless = decided(office.served, InviteStaff("ops-staff-pages", JobFunction.OPERATOR))
    office.guard.prove_by_invitation(b"o" * 32, keyless.secret)
    page = seats.officer.get("/staff/desk/people/").words
    shown, _, rest = page.partition("Can reach sealed data only")
    assert office["reviewer"].label in shown
    assert "harm or financial loss" in shown
    assert "ops-staff-pages" not in shown
    assert "To approve" in page, "the pages of the desk stand in the navigation"
    assert "ops-staff-pages" in rest.partition("Training and statements that are open")[0]
    assert "expunge vault who-can-read" in rest
    assert seats.reviewer.get("/staff/desk/people/").status == HTTPStatus.FORBIDDEN


# --- who looked --------------------------------------------------------------------------------------------------


@pytest.mark.duty("FAIL-08")
def test_who_looked_is_asked_in_a_form_and_says_that_none_is_missing(office: Desk, seats: Seats) -> None:
    lease = office.leased(case_number="LE-95", dataset="nights", name=SEALED)
    office.door.segment(office["reviewer"].caller, lease.lease, 0, 2000)
    assert seats.reviewer.get("/staff/desk/looks/").status == HTTPStatus.FORBIDDEN
    seats.officer.get("/staff/desk/looks/")
    assert "name a recording, a reviewer" in seats.officer.send("reviewer").words
    found = seats.officer.send("reviewer", recording=f"nights/{SEALED}")
    for words in (
        "No look of staff is missing",
        "without a gap",
        "00:00 to 00:02",
        "Harm or a loss of money is to be prevented",
        "support case LE-95",
    ):
        assert words in found.words, found.words
    assert f"/staff/desk/requests/{lease.request}/" in found.text
    assert found.path == "/staff/desk/looks/"
    assert "?" not in found.url
    today = clock.today().isoformat()
    assert "LE-95" in seats.officer.send("reviewer", recording="", first=today, last=today).words
    assert "LE-95" not in seats.officer.send("reviewer", recording="", first="2026-01-01", last="2026-01-02").words
    assert "LE-95" in seats.officer.send("reviewer", reviewer=office["reviewer"].label, first="", last="").words
    assert SEALED not in (office.served.folder / "access.log").read_text()
