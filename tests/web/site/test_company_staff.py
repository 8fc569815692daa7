"""Staff come by the login of their company only where it cannot be phished, or where a written equivalence holds now (RNG-17)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from expunge import clock
from expunge.core.note import Algorithm, VerifierKey
from tests.cli.running import expunge
from tests.web.site.browser import Visitor
from tests.web.site.companies.company import AtCompany, Company, Person, running
from tests.web.site.companies.kit import there
from tests.web.site.http_person import HttpPerson, Shown
from tests.web.site.kit import SiteServed, free_port, site
from tests.web.site.looking import Look, prove
from tests.web.site.office import Employee, employee, staff_of

PEOPLE = [Person(name, f"{name}@acme.example") for name in ("ada", "ben", "cleo", "dora", "emil", "fay", "gus")]
STRONG = {"acr": "phr", "amr": ["hwk", "pin"]}


@dataclass
class Office:
    """Pages of a company whose employees have accounts at its provider."""

    site: SiteServed
    work: Company
    key: Path
    """Of the programme head."""

    def button(self, person: HttpPerson, process: str = "login") -> str:
        """Press the button; returns the address at the provider."""
        person.get("/staff/sign-in/" if process == "login" else "/staff/company-logins/")
        return there(person.post("/staff/by/work/", process=process))

    def come_in(self, person: HttpPerson, name: str, **claims: object) -> Shown:
        """Sign in with the login of the company, of which its ID token says this."""
        answer = AtCompany(self.work).log_in(self.button(person), name)
        with self.work.behaving(claims=claims):
            return person.get(answer)

    def connected(self, label: str, name: str) -> Employee:
        """An employee with a passkey, who connected the login of the company."""
        person = employee(self.site, label)
        person.sign_in()
        page = person.get(AtCompany(self.work).log_in(self.button(person, "connect"), name))
        assert page.path == "/staff/company-logins/", page.words
        assert "It is connected" in page.words
        person.sign_out()
        return person


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    folder = tmp_path_factory.mktemp("office")
    head = Ed25519PrivateKey.generate()
    key = folder / "head.pem"
    key.write_bytes(head.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    key.chmod(0o600)
    verifier = VerifierKey("programme-head", Algorithm.ED25519, head.public_key().public_bytes_raw())
    port = free_port()
    with running(folder / "work", "work", "Acme accounts", PEOPLE, f"http://localhost:{port}", back="staff") as work:
        further = f"providers: [{work.entry('staff', alias='name')}]\napprovers:\n  programme-head: '{verifier}'"
        (folder / "site").mkdir()
        with site(folder / "site", port=port, further=further) as served:
            yield Office(served, work, key)


def test_a_login_that_cannot_be_phished_lets_an_employee_in(office: Office) -> None:
    ada = office.connected("desk-ada", "ada")
    assert not ada.in_office
    assert office.come_in(ada, "ada", **STRONG).path == "/staff/"
    assert ada.in_office
    assert "desk-ada" in ada.get("/staff/").words
    # It opens no page of customers, and the account is in no list of theirs.
    assert ada.get("/account/3rdparty/").path == "/staff/"


@pytest.mark.duty("RNG-17")
@pytest.mark.parametrize(
    "claims",
    [{}, {"amr": ["pwd"]}, {"amr": ["pwd", "otp", "mfa"]}, {"amr": ["hwk"]}, {"acr": "phr", "amr": ["hwk", "pin", "sms"]}],
    ids=["nothing", "a password", "a typed code", "a key alone", "a text message beside it"],
)
def test_a_login_that_can_be_phished_lets_no_one_in(office: Office, claims: dict[str, object]) -> None:
    if "desk-ben" not in staff_of(office.site.folder):
        office.connected("desk-ben", "ben")
    ben = Employee(office.site)
    page = office.come_in(ben, "ben", **claims)
    assert page.status == 403
    assert "did not tell us that you used a passkey or a security key" in page.words
    assert not ben.in_office


@pytest.mark.duty("RNG-17", "DSG-10")
def test_an_equivalence_lets_in_until_it_ends_at_the_next_request(office: Office) -> None:
    cleo = office.connected("desk-cleo", "cleo")
    assert office.come_in(cleo, "cleo", amr=["pwd", "otp"]).status == 403
    folder = office.site.folder
    why = folder / "why.md"
    why.write_text("The provider asks for a key of the company's own.\n")
    until = (clock.now() + timedelta(days=60)).date().isoformat()
    given = ("staff", "equivalence", "desk-cleo", str(why), "--reference", "SEC-17", "--until", until, "--key", str(office.key))
    # One for another method is none.
    assert expunge(*given, "--method", "totp", cwd=folder).code == 0
    assert office.come_in(cleo, "cleo", amr=["pwd", "otp"]).status == 403
    assert expunge(*given, "--method", "provider", cwd=folder).code == 0
    assert office.come_in(cleo, "cleo", amr=["pwd", "otp"]).path == "/staff/"
    assert cleo.in_office
    # A text message does not become as good as a passkey by it.
    other = Employee(office.site)
    assert office.come_in(other, "cleo", amr=["pwd", "sms"]).status == 403
    assert expunge("staff", "equivalence", "desk-cleo", "--end", cwd=folder).code == 0
    page = cleo.get("/staff/")
    assert page.path == "/staff/sign-in/"
    assert "does not count any more" in page.words
    assert not cleo.in_office


def test_a_login_that_is_connected_to_no_account_opens_none(office: Office) -> None:
    stranger = Employee(office.site)
    accounts = office.site.sql("SELECT count(*) FROM expunge_account")
    page = office.come_in(stranger, "dora", **STRONG)
    assert page.status == 403
    assert "connected to no account here" in page.words
    assert office.site.sql("SELECT count(*) FROM expunge_account") == accounts, "nobody of staff signs up"
    assert not stranger.in_office


def test_a_suspended_account_is_closed_to_the_company_too(office: Office) -> None:
    emil = office.connected("desk-emil", "emil")
    assert office.come_in(emil, "emil", **STRONG).path == "/staff/"
    assert expunge("staff", "suspend", "desk-emil", "--reason", "left", cwd=office.site.folder).code == 0
    assert not emil.in_office, "the open session ends at its next request"
    page = office.come_in(emil, "emil", **STRONG)
    assert (page.status, "This account is closed now" in page.words) == (403, True)


def test_only_a_passkey_of_a_moment_ago_connects_and_disconnects(office: Office) -> None:
    fay = office.connected("desk-fay", "fay")
    assert fay.post("/staff/by/work/", process="connect").path == "/staff/sign-in/"
    office.come_in(fay, "fay", **STRONG)
    assert "log in with your passkey" in fay.get("/staff/company-logins/").words
    for page in (fay.post("/staff/by/work/", process="connect"), fay.post("/staff/company-logins/", number="1")):
        assert "Log out, and log in with your passkey" in page.words
    fay.sign_out()
    fay.sign_in()
    fay.get("/staff/company-logins/")
    assert "It is disconnected" in fay.send("number").words
    fay.sign_out()
    assert office.come_in(fay, "fay", **STRONG).status == 403


@pytest.mark.soak
def test_providers_of_staff_are_no_way_in_for_customers(office: Office) -> None:
    person = HttpPerson(office.site)
    assert "Acme accounts" not in person.get("/account/login/").words
    assert person.post("/account/by/work/").status == 404
    assert person.get("/account/by/work/back/?state=x&code=y").status == 404
    assert person.get("/staff/by/work/back/?state=x&code=y").status == 400


@pytest.mark.soak
def test_the_pages_in_a_real_browser(office: Office, person: Visitor) -> None:
    page, origin = person.page, office.site.origin
    gus = office.connected("desk-gus", "gus")
    gus.sign_in()
    looks = Look()

    def look(name: str, path: str) -> None:
        page.goto(f"{origin}{path}")
        page.wait_for_load_state()
        assert page.locator("main").count() == page.locator("h1").count() == 1, name
        looks.at(page, name)
        if folder := os.environ.get("EXPUNGE_PICTURES"):
            page.screenshot(path=f"{folder}/{name}.png", full_page=True)

    look("staff-entrance", "/staff/sign-in/")
    page.get_by_role("button", name="Log in with Acme accounts").click()
    page.wait_for_url(f"{office.work.issuer}/**")
    person.context.add_cookies([{"name": "session", "value": gus.cookies["session"], "url": origin}])
    look("staff-logins", "/staff/company-logins/")
    assert page.get_by_text("Gus", exact=True).is_visible()
    assert looks.found == []
    prove(__name__, looks.seen)
    assert [each for each in person.complaints if origin in each] == []
