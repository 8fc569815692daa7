"""Employees come in: by a link that works once, with a passkey, in sessions of their own, from the networks of the company alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from playwright.sync_api import Route

from expunge.testing.accounts.soft_authenticator import SoftAuthenticator
from tests.cli.running import expunge
from tests.web.site.browser import Visitor
from tests.web.site.http_person import HttpPerson
from tests.web.site.kit import SiteServed, site
from tests.web.site.office import Employee, confirm, employee, link_of, staff_of


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SiteServed]:
    """The pages of a company whose staff is in 10.0.0.0/8. The first administrator is enrolled by the link that the server told."""
    with site(tmp_path_factory.mktemp("office"), networks="10.0.0.0/8, '2001:db8::/32'") as served:
        assert served.served.process.stdout
        told = json.loads(served.served.process.stdout.readline())
        assert told["schema"] == "expunge.staff-first-link/1"
        first = told["link"]
        assert first.startswith(f"{served.origin}/staff/enrol/#expunge-staff-")
        people = [Employee(served), Employee(served)]
        with ThreadPoolExecutor(2) as both:
            ends = list(both.map(lambda each: each.enrol(first), people))
        came = [end for end in ends if end.get("to")]
        assert len(came) == 1, ends
        assert "Another person used this link first" in next(end["trouble"] for end in ends if "trouble" in end)
        yield served


def _sealed(office: SiteServed, person: Employee) -> None:
    """Hold that neither the database of the pages nor its log of writes has what a thief would want."""
    secrets_ = [each.key.private_numbers().private_value.to_bytes(32, "big") for each in person.device.made.values()]
    data = b"".join(path.read_bytes() for path in office.database.parent.iterdir() if path.is_file())
    assert not any(secret in data for secret in secrets_)


def test_the_first_administrator_does_nothing_before_the_command_line_confirmed_the_passkey(office: SiteServed) -> None:
    account = staff_of(office.folder)["first-administrator"]
    assert account["awaits_key"]
    assert account["rights"] == []
    ran = expunge("staff", "confirm-key", "first-administrator", "aaaa-aaaa-aaaa-aaaa", cwd=office.folder)
    assert ran.code == 1
    assert "suspend the account" in ran.err
    confirm(office.folder, "first-administrator")
    assert staff_of(office.folder)["first-administrator"]["rights"] == ["manage-staff", "read-staff"]


@pytest.mark.duty("RNG-17", "DSG-10")
def test_an_employee_enrols_is_confirmed_signs_out_and_in(office: SiteServed) -> None:
    link = link_of(office.folder, "invite", "desk-1", "--function", "reviewer")
    person = Employee(office)
    assert person.enrol(link) == {"to": "/staff/security/"}
    (card,) = staff_of(office.folder)["desk-1"]["keys"]
    shown = person.get("/staff/security/")
    assert card in shown.words
    assert "let your passkey be confirmed" in shown.words
    assert "may do nothing yet" in person.get("/staff/").words
    reviewed = expunge("staff", "review", cwd=office.folder)
    assert f"desk-1 does nothing before its passkey is confirmed, by confirm-key: {card}" in " ".join(reviewed.out.split())
    confirm(office.folder, "desk-1")
    assert "See the part of a recording that was approved" in person.get("/staff/").words
    before = dict(person.cookies)
    assert person.sign_out().path == "/staff/sign-in/"
    assert not person.in_office
    thief = Employee(office, cookies=dict(before))
    assert not thief.in_office, "the session ended on the server"
    assert person.sign_in() == {"to": "/staff/"}
    assert person.in_office
    assert person.cookies["session"] != before["session"]
    account = staff_of(office.folder)["desk-1"]["account"].replace("-", "")
    rows = office.sql("SELECT password, last_login FROM expunge_account WHERE id = ?", account)
    assert rows[0][0].startswith("!"), "no password"
    assert office.sql("SELECT count(*) FROM expunge_staff_entry WHERE outcome = 'came in' AND method = 'passkey'")[0][0] == 1
    _sealed(office, person)


def test_a_second_passkey_is_confirmed_by_the_first_and_the_first_can_go(office: SiteServed) -> None:
    person = employee(office, "desk-2")
    first = person.device
    person.get("/staff/security/")
    begun = person.told("/staff/security/add/", name="key ring")
    made = person.told(begun["finish"], response=first.sign(begun["options"]).decode())
    person.device = SoftAuthenticator(office.origin, "localhost", synced=True)
    assert person.told(made["finish"], response=person.device.create(made["options"]).decode()) == {"to": "/staff/security/"}
    keys = staff_of(office.folder)["desk-2"]
    assert len(keys["keys"]) == 2
    assert keys["rights"], "a passkey that a confirmed one vouched for needs no further call"
    person.sign_out()
    assert "to" in person.sign_in()
    (credential,) = first.made
    # A passkey that another person has not heard removes none: it may be of code that had the employee sign it in.
    with pytest.raises(StopIteration):
        person.perform("/staff/security/remove/", credential=credential.hex())
    confirm(office.folder, "desk-2")
    assert person.perform("/staff/security/remove/", credential=credential.hex()) == {"to": "/staff/security/"}
    (last,) = person.device.made
    assert "last passkey" in person.perform("/staff/security/remove/", credential=last.hex())["trouble"]
    person.sign_out()
    person.device = first
    assert "does not open these pages" in person.sign_in()["trouble"]


def test_a_link_opens_once_and_says_why_it_opens_nothing(office: SiteServed) -> None:
    link = link_of(office.folder, "invite", "desk-3", "--function", "reviewer")
    person, other = Employee(office), Employee(office)
    person.get("/staff/enrol/")
    secret = link.rpartition("#")[2]
    for _ in range(2):
        assert "options" in person.told("/staff/enrol/prove/", secret=secret), "the same browser may go on where an answer was lost"
    assert "used already" in other.enrol(link)["trouble"]
    assert "to" in person.enrol(link)
    withdrawn = link_of(office.folder, "invite", "desk-4", "--function", "reviewer")
    assert expunge("staff", "withdraw", "desk-4", cwd=office.folder).code == 0
    assert "withdrawn" in other.enrol(withdrawn)["trouble"]
    for none in ("", "expunge-staff-made-up", "é" * 300, f"{secret}x"):
        assert "no link that we made" in other.enrol(none)["trouble"]


def test_a_ceremony_without_its_beginning_or_with_another_answer_changes_nothing(office: SiteServed) -> None:
    person = Employee(office)
    person.get("/staff/sign-in/")
    assert "trouble" in person.told("/staff/sign-in/finish/", response="{}")
    assert "trouble" in person.told("/staff/enrol/finish/", response="{}")
    secret = link_of(office.folder, "invite", "desk-5", "--function", "reviewer").rpartition("#")[2]
    begun = person.told("/staff/enrol/prove/", secret=secret)
    assert "trouble" in person.told(begun["finish"], response="[]")
    assert "trouble" in person.told(begun["finish"], response="{" * 70_000)
    assert staff_of(office.folder)["desk-5"]["keys"] == []
    assert person.post("/staff/sign-in/begin/", csrfmiddlewaretoken="x" * 64).status == 403
    assert person.ask("GET", "/staff/sign-in/begin/", follow=False).status == 405
    assert not person.in_office


def test_pages_of_staff_and_of_customers_are_apart(office: SiteServed) -> None:
    person = employee(office, "desk-6")
    for path in ("/", "/account/email/", "/account/login/", "/account/signup/", "/account/sessions/", "/account/close/"):
        assert person.get(path).path == "/staff/", path
    assert person.post("/language/", language="es", next="/staff/").path == "/staff/"
    customer = HttpPerson(office)
    customer.sign_up("cora@home.example")
    for path in ("/staff/", "/staff/security/"):
        assert customer.get(path).path == "/staff/sign-in/"
    assert customer.post("/staff/security/add/", name="x").path == "/staff/sign-in/"
    asked = customer.ask("GET", "/staff/security/", follow=False, **{"HX-Request": "true"})
    assert asked.headers["HX-Redirect"] == "/staff/sign-in/"
    assert asked.text == ""


def test_another_network_is_refused_before_anything_else_and_counted(office: SiteServed) -> None:
    person = employee(office, "desk-7")
    counted = office.sql("SELECT coalesce(sum(tries), 0) FROM expunge_staff_entry WHERE outcome = 'other network'")[0][0]
    for address in ("192.0.2.9", "2001:db9::1", "unknown", ""):
        person.address = address
        for path in ("/staff/", "/staff/security/", "/staff/sign-in/", "/staff/nowhere/", "/staff/enrol/"):
            shown = person.ask("GET", path, follow=False)
            assert (shown.status, "Not from this network" in shown.words) == (403, True), (address, path)
    begun = person.ask("POST", "/staff/sign-in/begin/", {}, follow=False)
    assert begun.status == 403
    assert office.sql("SELECT sum(tries) FROM expunge_staff_entry WHERE outcome = 'other network'")[0][0] == counted + 21
    person.address = "192.0.2.9"
    for path in ("/x/staff/sign-in/", "/x/staff/security/", "/x/staff/by/work/back/"):
        assert person.ask("GET", path, follow=False, SCRIPT_NAME="/x").status in {403, 404}, "a page is nowhere else"
    person.address = "::ffff:192.0.2.9"
    assert person.ask("GET", "/staff/sign-in/", follow=False).status == 403
    person.address = "10.1.2.3, 192.0.2.9"
    assert person.ask("GET", "/staff/sign-in/", follow=False).status == 403, "what stands left of it was written by the client"
    person.address = "::ffff:10.1.2.3"
    assert person.in_office, "an address of the company's, as a socket for both versions tells it"
    person.address = "2001:db8::7"
    assert person.in_office, "the session is as it was"
    assert HttpPerson(office, address="192.0.2.9").get("/").status == 200, "customers come from everywhere"


def test_a_suspended_account_is_out_at_its_next_request_and_comes_in_no_more(office: SiteServed) -> None:
    person = employee(office, "desk-8")
    elsewhere = Employee(office)
    elsewhere.device = person.device
    assert "to" in elsewhere.sign_in()
    assert expunge("staff", "suspend", "desk-8", "--reason", "incident", cwd=office.folder).code == 0
    shown = person.get("/staff/security/")
    assert shown.path == "/staff/sign-in/"
    assert "closed now" in shown.words
    assert not elsewhere.in_office
    assert "closed now" in person.sign_in()["trouble"]
    assert expunge("staff", "restore", "desk-8", cwd=office.folder).code == 0
    assert not person.in_office, "the session does not come back"
    assert "to" in person.sign_in()


def test_sessions_are_listed_and_ended_everywhere_else(office: SiteServed) -> None:
    person, elsewhere = employee(office, "desk-9"), Employee(office)
    elsewhere.device = person.device
    assert "to" in elsewhere.sign_in()
    assert "Log out all other devices" in person.get("/staff/security/").words
    assert person.post("/staff/security/sessions/", act="others").path == "/staff/security/"
    assert person.in_office
    assert not elsewhere.in_office


def test_a_customers_passkey_opens_no_page_of_staff_and_reads_as_one_that_is_not_known(office: SiteServed) -> None:
    stranger = Employee(office)
    stranger.get("/staff/sign-in/")
    begun = stranger.told("/staff/sign-in/begin/")
    stranger.device.create({**begun["options"], "user": {"id": "AAAAAAAAAAAAAAAAAAAAAA"}})
    told = stranger.told(begun["finish"], response=stranger.device.sign(begun["options"]).decode())
    assert told == {"trouble": "This passkey does not open these pages. Use the one that you enrolled here."}
    assert not stranger.in_office


def test_links_are_throttled_and_an_office_that_signs_in_is_not(office: SiteServed) -> None:
    guesser = Employee(office)
    guesser.get("/staff/enrol/")
    ends: list[Any] = [guesser.post("/staff/enrol/prove/", secret=f"expunge-staff-{number}").status for number in range(62)]
    assert ends[:60] == [400] * 60
    assert ends[60:] == [429, 429]
    person = employee(office, "desk-10")
    for _ in range(4):
        person.sign_out()
        assert "to" in person.sign_in()


def test_a_browser_enrols_by_the_link_adds_a_second_key_signs_in_and_is_refused_elsewhere(office: SiteServed, person: Visitor) -> None:
    link, page = link_of(office.folder, "invite", "desk-11", "--function", "reviewer"), person.page
    page.goto(f"{office.origin}/staff/enrol/")
    person.take_authenticator()
    page.goto(link)
    page.wait_for_function("document.getElementById('secret').value !== ''")
    assert page.input_value("#secret") == link.rpartition("#")[2]
    assert "#" not in page.url, "the secret is gone from the address, and from the history"
    page.locator("main form[data-ceremony] [type=submit]").click()
    page.wait_for_url("**/staff/security/")
    shown = page.locator("main").inner_text()
    assert staff_of(office.folder)["desk-11"]["keys"][0] in shown

    def reach_for_the_other_key(route: Route) -> None:
        person.take_security_key()
        route.continue_()

    page.route("**/security/add/confirmed/", reach_for_the_other_key)
    page.fill("#name", "key ring")
    page.locator("form.card [type=submit]").click()
    page.get_by_text("The passkey is added.").wait_for()
    assert len(staff_of(office.folder)["desk-11"]["keys"]) == 2
    confirm(office.folder, "desk-11")
    page.locator("header").get_by_role("button", name="Log out").click()
    page.wait_for_url("**/staff/sign-in/")
    page.locator("main form[data-ceremony] [type=submit]").click()
    page.wait_for_url("**/staff/")
    assert "desk-11" in page.locator("h1").inner_text()
    person.context.set_extra_http_headers({"X-Forwarded-For": "192.0.2.9"})
    answer = page.goto(f"{office.origin}/staff/")
    assert answer
    assert answer.status == 403
    assert "Not from this network" in page.locator("h1").inner_text()
    assert [each for each in person.complaints if "403" not in each] == []
