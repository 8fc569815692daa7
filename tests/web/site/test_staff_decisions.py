"""Decisions about people and rights on the pages, over HTTP: each one, what refuses it, and what is said of it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import timedelta

import pytest

from expunge import clock
from expunge.core.accounts.staff import RIGHTS, JobFunction, StaffRight
from expunge.core.accounts.staff_acts import RevokeRights, SuspendStaff
from expunge.core.accounts.staff_events import (
    AccessMethod,
    ByMachineUser,
    EquivalenceRecorded,
    StaffReason,
)
from expunge.testing.accounts.soft_authenticator import SoftAuthenticator
from tests.web.site.deciders import Decider, confirm_keys, decided, register_of, stream_of, was_there
from tests.web.site.http_person import HttpPerson
from tests.web.site.kit import SiteServed

F, R = JobFunction, StaffRight
OMAR = ByMachineUser("omar")


def account_of(served: SiteServed, label: str) -> str:
    return next(name for name, each in register_of(served).accounts.items() if each.label == label)


def rights_of(served: SiteServed, label: str) -> frozenset[StaffRight]:
    account = register_of(served).accounts[account_of(served, label)]
    return account.rights(clock.now())


@dataclass
class Office:
    """An installation with an administrator and an officer who are signed in."""

    site: SiteServed
    admin: Decider
    officer: Decider

    def desk(self, label: str, function: JobFunction = F.REVIEWER) -> str:
        """Have a person at a desk."""
        return was_there(self.site, label, function, days=3, seen=1)


@pytest.fixture(scope="module")
def office(served_site: SiteServed) -> Office:
    admin = Decider.joins(served_site, "admin-1", F.ADMINISTRATOR)
    officer = Decider.joins(served_site, "officer-1", F.OFFICER)
    return Office(served_site, admin, officer)


# --- a person joins -----------------------------------------------------------------------------------------


@pytest.mark.duty("RNG-18")
def test_an_administrator_invites_a_reviewer_whose_link_is_shown_once_and_works_once(office: Office) -> None:
    admin = office.admin
    page = admin.step("/staff/invite/", label="night-desk-1", function="reviewer")
    assert "You invite night-desk-1 as Reviewer." in page.words
    assert "Ask to see part of a recording" in page.words
    assert not [each for each in register_of(office.site).accounts.values() if each.label == "night-desk-1"], "nothing before the passkey"
    made = admin.confirm()
    link, _, secret = made["link"].partition("#")
    assert link == f"{office.site.origin}/staff/enrol/"
    assert admin.again() == made, "the same form once more"
    assert len([each for each in register_of(office.site).accounts.values() if each.label == "night-desk-1"]) == 1
    for path in ("/staff/people/", "/staff/people/night-desk-1/"):
        page = admin.get(path)
        assert "The link works until" in page.words
        assert secret not in page.text
    desk = Decider.comes(office.site, "night-desk-1", secret)
    assert "waits to be confirmed" in admin.get("/staff/people/").words
    assert rights_of(office.site, "night-desk-1") == frozenset()
    page = admin.step("/staff/people/night-desk-1/confirm-key/", fingerprints="aaaa-bbbb-cccc-dddd")
    assert "have other check letters" in page.words
    assert "aaaa-bbbb-cccc-dddd" in page.text, "what was typed is there"
    assert "has four groups" in admin.fill(fingerprints="hello").words
    assert admin.decides("/staff/people/night-desk-1/confirm-key/", fingerprints=f" {desk.fingerprint.upper()} ")["to"]
    assert rights_of(office.site, "night-desk-1") == RIGHTS[F.REVIEWER]
    assert "See the part of a recording that was approved" in desk.get("/staff/").words


def test_what_is_typed_into_an_invitation_is_held_against_the_rules_and_kept(office: Office) -> None:
    office.desk("taken-1")
    for label, why in (("Ann Lee", "small letters, digits and hyphens"), ("taken-1", "has rights or is invited")):
        page = office.admin.step("/staff/invite/", label=label, function="operator")
        assert why in page.words
        assert f'value="{label}"' in page.text
        assert '<option value="operator" selected>' in page.text
    page = office.admin.step("/staff/invite/", label="fine-1", function="operator")
    page = office.admin.send("step", step="change")
    assert 'value="fine-1"' in page.text
    assert '<option value="operator" selected>' in page.text
    assert "fine-1" not in {each.label for each in register_of(office.site).accounts.values()}


def test_a_link_is_withdrawn(office: Office) -> None:
    made = office.admin
    made.step("/staff/invite/", label="never-came", function="assessor")
    secret = made.confirm()["link"].partition("#")[2]
    assert office.admin.decides("/staff/people/never-came/withdraw/") == {"to": "/staff/people/never-came/"}
    assert "The link of never-came opens nothing any more." in office.admin.get("/staff/people/never-came/").words
    assert "withdrawn" in Decider(office.site).enrol(secret)["trouble"]
    assert "no link that still works" in office.admin.step("/staff/people/never-came/withdraw/").words


# --- rights -------------------------------------------------------------------------------------------------


@pytest.mark.duty("RNG-18")
def test_rights_are_granted_and_taken_away_and_the_rules_say_why_not(office: Office) -> None:
    office.desk("day-desk")
    grant = {"reason": "needed", "reference": "hr-1042"}
    assert office.admin.decides("/staff/people/day-desk/operator/grant/", rights=["enter-orders"], **grant)["to"]
    assert rights_of(office.site, "day-desk") == {R.REQUEST_VIEWS, R.SEE_VIEWS, R.ENTER_ORDERS}
    page = office.admin.get("/staff/people/day-desk/")
    assert "Granted to day-desk: Enter orders for people who asked." in page.words
    assert "The job function needs it · HR-1042 by admin-1" in page.words
    page = office.admin.step("/staff/people/day-desk/officer/grant/", rights=["approve-views"], **grant)
    assert "One person may not have both: Approve that another person sees a recording, Ask to see part of a recording." in page.words
    assert 'value="HR-1042"' in page.text or 'value="hr-1042"' in page.text
    page = office.admin.step("/staff/people/day-desk/reviewer/revoke/", reason="unused")
    assert "Choose at least one right." in page.words
    page = office.admin.step("/staff/people/day-desk/reviewer/revoke/", rights=["see-views"], reason="unused", reference="Ann left us")
    assert "and no text" in page.words
    assert "Ann left us" in page.text
    page = office.admin.fill(rights=["see-views"], reason="", reference="")
    assert "Choose a reason." in page.words
    assert office.admin.decides("/staff/people/day-desk/reviewer/revoke/", rights=["see-views"], reason="unused")["to"]
    assert rights_of(office.site, "day-desk") == {R.REQUEST_VIEWS, R.ENTER_ORDERS}


def test_an_account_is_suspended_and_restored(office: Office) -> None:
    office.desk("away-desk")
    assert office.admin.decides("/staff/people/away-desk/suspend/", reason="away")["to"]
    assert rights_of(office.site, "away-desk") == frozenset()
    assert "neither suspended" not in office.admin.step("/staff/people/away-desk/restore/", reason="back").words
    assert "can be suspended" in office.admin.step("/staff/people/away-desk/suspend/", reason="left").words
    assert office.admin.decides("/staff/people/away-desk/restore/", reason="back")["to"]
    assert rights_of(office.site, "away-desk") == RIGHTS[F.REVIEWER]


def test_none_decides_about_oneself_and_the_last_administrator_stays(office: Office) -> None:
    page = office.admin.get("/staff/people/admin-1/")
    assert "Another person decides about it." in page.words
    assert "/suspend/" not in page.text
    for path, typed in (
        ("/staff/people/admin-1/suspend/", {"reason": "away"}),
        ("/staff/people/admin-1/administrator/revoke/", {"rights": ["manage-staff"], "reason": "left"}),
    ):
        assert "does not decide about its own rights" in office.admin.step(path, **typed).words  # type: ignore[arg-type]


def test_another_way_to_sign_in_is_ended(office: Office) -> None:
    name = office.desk("totp-desk")
    now = clock.now()
    with stream_of(office.site) as stream:
        stream.enter(
            lambda _: (
                EquivalenceRecorded(now, name, AccessMethod.TOTP, "0" * 64, "SEC-17", now + timedelta(days=60), "programme-head", "x"),
            )
        )
    assert "A password and a code of a device (SEC-17)" in office.admin.get("/staff/people/totp-desk/").words
    assert office.admin.decides("/staff/people/totp-desk/end-equivalence/")["to"]
    assert register_of(office.site).accounts[name].equivalence is None
    assert "No other way to log in counts" in office.admin.step("/staff/people/totp-desk/end-equivalence/").words


# --- confirmation -------------------------------------------------------------------------------------------


@pytest.mark.duty("AMZ-16", "RNG-18")
def test_an_officer_confirms_what_is_due_and_takes_away_what_is_not_needed(office: Office) -> None:
    was_there(office.site, "year-desk", F.REVIEWER, days=350)
    was_there(office.site, "late-desk", F.REVIEWER, days=370)
    page = office.officer.get("/staff/review/")
    before, after = page.words.partition("Later")[::2] if "Later" in page.words else (page.words, "")
    assert "year-desk · Reviewer Lapses on" in before
    assert "late-desk · Reviewer Lapsed" in before
    assert "comes back by a new grant alone" in before
    assert "year-desk" not in after.partition("Decisions about rights")[0]
    path = "/staff/people/year-desk/reviewer/confirm/"
    assert path in page.text
    assert "/staff/people/late-desk/reviewer/confirm/" not in page.text
    answers = {"request-views": "keep", "see-views": "revoke"}
    page = office.officer.step(path, reason="needed", **{"request-views": "keep", "see-views": ""})
    assert "Choose whether it is still needed." in page.words
    assert 'id="request-views-keep" value="keep" checked' in page.text
    page = office.officer.fill(reason="needed", reference="SEC-3", **answers)
    assert "Still needed, for twelve months: Ask to see part of a recording Taken away: See the part of a recording" in page.words
    assert office.officer.confirm() == {"to": "/staff/people/year-desk/"}
    assert rights_of(office.site, "year-desk") == {R.REQUEST_VIEWS}
    page = office.officer.get("/staff/review/")
    assert "year-desk · Reviewer Lapses on" not in page.words
    assert "Confirmed as Reviewer: Ask to see part of a recording The job function needs it · SEC-3 by officer-1" in page.words
    page = office.admin.get(path)
    assert page.status == 403, "an administrator confirms nothing"
    grant = {"rights": ["request-views", "see-views"], "reason": "needed"}
    assert office.admin.decides("/staff/people/late-desk/reviewer/grant/", **grant)["to"]  # type: ignore[arg-type]
    assert rights_of(office.site, "late-desk") == RIGHTS[F.REVIEWER]


def test_an_officer_of_an_administrator_waits_for_a_second_person(office: Office) -> None:
    office.admin.step("/staff/invite/", label="officer-2", function="officer")
    assert "None of it counts before a second person has confirmed it." in (office.admin.last or pytest.fail("no page")).words
    secret = office.admin.confirm()["link"].partition("#")[2]
    other = Decider.comes(office.site, "officer-2", secret)
    assert office.admin.decides("/staff/people/officer-2/confirm-key/", fingerprints=other.fingerprint)["to"]
    assert rights_of(office.site, "officer-2") == frozenset()
    assert "officer-2 · Officer Waits for a second person" in office.officer.get("/staff/review/").words
    answers = {each.value: "keep" for each in RIGHTS[F.OFFICER]}
    assert office.officer.decides("/staff/people/officer-2/officer/confirm/", reason="needed", **answers)["to"]
    assert rights_of(office.site, "officer-2") == RIGHTS[F.OFFICER]


# --- who decides, and what exactly --------------------------------------------------------------------------


def test_a_decision_is_taken_for_exactly_what_the_page_said(office: Office) -> None:
    """Neither another decision, nor another employee, nor another session uses what one page was signed for."""
    office.desk("victim-1")
    office.desk("victim-2")
    admin, other = office.admin, Decider.joins(office.site, "admin-2", F.ADMINISTRATOR)
    admin.step("/staff/people/victim-1/suspend/", reason="incident")
    assert admin.last is not None
    first = admin.last.form("decision")[1]
    admin.step("/staff/people/victim-2/suspend/", reason="incident")
    second = admin.last.form("decision")[1]
    changed = {**second, "decision": second["decision"][:-2] + "AA"}
    assert "open for too long" in json.loads(admin.ask("POST", "/staff/decide/begin/", changed).text)["trouble"]
    begun = json.loads(admin.ask("POST", "/staff/decide/begin/", first).text)
    json.loads(admin.ask("POST", "/staff/decide/begin/", second).text)
    signed = admin.device.sign(begun["options"]).decode()
    answer = json.loads(admin.ask("POST", begun["finish"], second | {"response": signed}).text)
    assert "does not hold" in answer["trouble"], "a passkey signed for the first decision"
    other.get("/staff/people/victim-2/suspend/")
    assert other.last is not None
    token = other.last.form("step")[1]["csrfmiddlewaretoken"]
    answer = json.loads(other.ask("POST", "/staff/decide/begin/", {**second, "csrfmiddlewaretoken": token}).text)
    assert "open for too long" in answer["trouble"], "another employee's page"
    admin.cookies.clear()
    assert "to" in admin.sign_in()
    admin.get("/staff/people/victim-2/suspend/")
    token = admin.last.form("step")[1]["csrfmiddlewaretoken"]
    answer = json.loads(admin.ask("POST", "/staff/decide/begin/", {**second, "csrfmiddlewaretoken": token}).text)
    assert "open for too long" in answer["trouble"], "another session"
    assert rights_of(office.site, "victim-1") == rights_of(office.site, "victim-2") == RIGHTS[F.REVIEWER]


def test_another_decision_in_between_is_told_at_the_form_and_at_the_passkey(office: Office) -> None:
    name = office.desk("contested")
    path, typed = "/staff/people/contested/suspend/", {"reason": "left", "reference": "HR-7"}
    office.admin.get(path)
    decided(office.site, RevokeRights(name, F.REVIEWER, (R.SEE_VIEWS,), StaffReason.UNUSED))
    page = office.admin.fill(**typed)
    assert "came in between" in page.words
    assert 'value="HR-7"' in page.text
    assert "This is what you decide" in office.admin.fill(**typed).words, "after a second look"
    decided(office.site, RevokeRights(name, F.REVIEWER, (R.REQUEST_VIEWS,), StaffReason.UNUSED))
    assert "came in between" in office.admin.confirm()["trouble"]
    assert register_of(office.site).accounts[name].suspended is None
    office.admin.get("/staff/people/contested/reviewer/revoke/")
    assert office.admin.last is not None
    assert "nothing left to decide there" in office.admin.last.words


def test_a_passkey_that_was_added_later_decides_once_it_was_heard_too(office: Office) -> None:
    office.desk("later-desk")
    person = Decider.joins(office.site, "admin-later", F.ADMINISTRATOR)
    first = person.device
    begun = person.told("/staff/security/add/", name="key ring")
    made = person.told(begun["finish"], response=first.sign(begun["options"]).decode())
    person.device = SoftAuthenticator(office.site.origin, "localhost", synced=True)
    assert "to" in person.told(made["finish"], response=person.device.create(made["options"]).decode())
    (credential,) = first.made
    later, person.device = person.device, first
    assert "to" in person.perform("/staff/security/remove/", credential=credential.hex())
    person.device = later
    person.step("/staff/people/later-desk/suspend/", reason="left")
    assert "another person has confirmed" in person.confirm()["trouble"]
    confirm_keys(office.site, person.account)
    person.step("/staff/people/later-desk/suspend/", reason="left")
    assert "trouble" not in person.confirm()


def test_who_lost_the_right_meanwhile_decides_nothing(office: Office) -> None:
    office.desk("safe-desk")
    goes = Decider.joins(office.site, "admin-goes", F.ADMINISTRATOR)
    goes.step("/staff/people/safe-desk/suspend/", reason="left")
    decided(office.site, RevokeRights(goes.account, F.ADMINISTRATOR, (R.MANAGE_STAFF,), StaffReason.MOVED))
    assert "a right that your account does not have now" in goes.confirm()["trouble"]
    assert goes.get("/staff/people/safe-desk/suspend/").status == 403
    assert goes.get("/staff/people/safe-desk/").status == 200
    assert rights_of(office.site, "safe-desk") == RIGHTS[F.REVIEWER]


@pytest.mark.duty("RNG-18")
def test_pages_about_people_open_by_right_alone(office: Office) -> None:
    reviewer, outsider = Decider.joins(office.site, "looks-on", F.REVIEWER), HttpPerson(office.site)
    pages = ["people/", "people/admin-1/", "review/", "attempts/", "attempts/1/", "invite/", "people/admin-1/suspend/"]
    pages += ["people/admin-1/administrator/grant/", "people/officer-1/officer/confirm/"]
    for page in pages:
        assert reviewer.get(f"/staff/{page}").status == 403, page
        assert outsider.get(f"/staff/{page}").path == "/staff/sign-in/", page
        outsider.get("/staff/sign-in/")
    for path in ("/staff/decide/begin/", "/staff/decide/finish/"):
        assert outsider.ask("POST", path, {}, follow=False).status in {302, 403}
    for path in ("/staff/people/nobody-has-this/", "/staff/people/admin-1/fly/", "/staff/people/admin-1/pilot/grant/"):
        assert office.admin.get(path).status == 404
    assert office.officer.get("/staff/invite/").status == 403


@pytest.mark.duty("FAIL-05")
def test_reading_and_deciding_count_as_use_and_an_open_page_does_not(office: Office) -> None:
    reader = Decider.joins(office.site, "assessor-1", F.ASSESSOR)
    for _ in range(2):
        assert reader.ask("GET", "/staff/still/read-staff/").status == 204
    used = register_of(office.site).accounts[reader.account].used
    assert used == {}
    reader.get("/staff/people/")
    assert set(register_of(office.site).accounts[reader.account].used) == {R.READ_STAFF}
    watcher = Decider.joins(office.site, "assessor-2", F.ASSESSOR)
    decided(office.site, RevokeRights(watcher.account, F.ASSESSOR, (R.READ_STAFF,), StaffReason.UNUSED))
    assert watcher.get("/staff/attempts/").status == 200
    assert set(register_of(office.site).accounts[watcher.account].used) == {R.READ_EVIDENCE}
    assert "assessor-1" in reader.get("/staff/people/?by=seen").words
    was_there(office.site, "idle-hands", F.OPERATOR, days=200, seen=2)
    assert "Not used for 90 days" in reader.get("/staff/people/").words


# --- the open page ------------------------------------------------------------------------------------------


def test_an_open_page_is_told_to_stop_when_the_right_the_account_or_the_session_is_gone(office: Office) -> None:
    watches = Decider.joins(office.site, "watches", F.ASSESSOR)
    htmx = {"HX-Request": "true"}
    assert 'hx-get="/staff/still/read-staff/"' in watches.get("/staff/people/").text
    assert 'hx-get="/staff/still/read-staff+read-evidence/"' in watches.get("/staff/attempts/").text
    decided(office.site, RevokeRights(watches.account, F.ASSESSOR, (R.READ_STAFF,), StaffReason.MOVED))
    assert watches.ask("GET", "/staff/still/any/", **htmx).status == 204
    assert watches.ask("GET", "/staff/still/read-staff+read-evidence/", **htmx).status == 204
    stopped = watches.ask("GET", "/staff/still/read-staff/", **htmx)
    assert (stopped.status, stopped.headers["HX-Retarget"], stopped.headers["HX-Reswap"]) == (200, "body", "innerHTML")
    assert "The right for this page was taken away from your account." in stopped.words
    assert watches.get("/staff/people/").status == 403, "without JavaScript, at the next request"
    decided(office.site, SuspendStaff(watches.account, StaffReason.INCIDENT))
    stopped = watches.ask("GET", "/staff/still/any/", **htmx)
    assert "This account is closed now." in stopped.words
    assert stopped.headers["HX-Retarget"] == "body"
    assert "You are logged out." in watches.ask("GET", "/staff/still/any/", **htmx).words
    assert watches.get("/staff/").path == "/staff/sign-in/"


# --- attempts -----------------------------------------------------------------------------------------------


def test_attempts_and_attacks_are_shown_in_numbers_without_names(office: Office) -> None:
    stranger = HttpPerson(office.site)
    for number in range(5):
        stranger.log_in(f"lost.owner.{number}@example.org", f"a password of somewhere else {number}")
    now = clock.now().replace(tzinfo=None, microsecond=0).isoformat(" ")
    office.site.sql(
        "INSERT INTO expunge_incident (slot, kind, begun, recognised, seen, closed, tries, refused, suspects, successes, accounts, "
        "networks, entered) VALUES (NULL, 'spray', ?, ?, ?, ?, 812, 640, 800, 2, 310, 12, 2)",
        now, now, now, now,
    )  # fmt: skip
    page = office.officer.get("/staff/attempts/?over=day")
    assert "Many accounts were tried" in page.words
    found = re.search(r"Address and password (\d+) (\d+) (\d+) (\d+)", page.words)
    assert found is not None
    assert int(found[2]) + int(found[3]) >= 5
    assert re.search(r"Enrolled with a link Passkey [1-9]", page.words)
    found = re.search(r"Passkeys (\d+) (\d+) (\d+) (\d+)", page.words)
    assert found is not None
    assert int(found[1]) >= 2, "what was right in a later request counts as right"
    link = re.search(r"/staff/attempts/\d+/", page.text)
    assert link is not None
    page = office.officer.get(link[0])
    assert "640 tries were not looked at" in page.words
    assert "172 were looked at" in page.words
    assert "The passwords of 2 accounts were right." in page.words
    for text in (page.text, office.officer.get("/staff/attempts/").text):
        assert "@example.org" not in text
        assert stranger.address not in text
    assert office.officer.get("/staff/attempts/999/").status == 404


def test_no_address_of_a_page_and_no_page_holds_the_id_of_an_account_but_in_forms(office: Office) -> None:
    ids = set(register_of(office.site).accounts)
    for path in ("/staff/people/", "/staff/review/", "/staff/people/admin-1/", "/staff/people/officer-1/"):
        text = office.officer.get(path).text
        assert not [each for each in ids if each in text], path
