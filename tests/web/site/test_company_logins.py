"""People come in by the account that they have at a company: a real OpenID provider, in a process of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from hashlib import sha256
from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.web.site.companies.company import PASSWORD as COMPANY_PASSWORD
from tests.web.site.companies.company import SECRET, AtCompany, Person
from tests.web.site.companies.kit import Connected, begin, come_in, connected, there
from tests.web.site.http_person import PASSWORD, HttpPerson, code_of
from tests.web.site.test_stolen_database import search

PEOPLE = [
    *(Person(name, f"{name}@families.example") for name in ("marta", "leo", "ines", "paul", "rosa", "vera", "tom", "uma", "ned", "zoe")),
    Person("unproven", "known@families.example", proven=False),
    Person("ghost", "ghost@families.example", proven=False),
]


@pytest.fixture(scope="module")
def companies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connected]:
    with connected(tmp_path_factory.mktemp("companies"), PEOPLE) as running:
        yield running


@pytest.fixture(autouse=True)
def fresh_counters_first(companies: Connected) -> None:
    fresh_counters(companies)


def fresh_counters(companies: Connected) -> None:
    """Let an address have another mail, and a client another try, at once."""
    companies.site.sql("DELETE FROM expunge_counter")


def test_a_customer_of_the_company_has_an_account_at_once(companies: Connected) -> None:
    marta = HttpPerson(companies.site)
    shown = come_in(marta, companies.home, "marta")
    assert shown.path == "/account/protect/", shown.words
    assert marta.inside
    assert "marta@families.example" in marta.get("/").words
    marta.log_out()
    assert come_in(marta, companies.home, "marta").path == "/"
    assert marta.inside


def test_what_is_asked_of_the_provider(companies: Connected) -> None:
    asked = urlsplit(begin(HttpPerson(companies.site), companies.home))
    query = dict(parse_qsl(asked.query))
    assert query["redirect_uri"] == f"{companies.site.origin}/account/by/home/back/"
    assert (query["response_type"], query["prompt"], query["code_challenge_method"]) == ("code", "login", "S256")
    assert set(query["scope"].split()) == {"openid", "email", "profile"}
    assert len(query["code_challenge"]) == 43
    assert len(query["nonce"]) == 32
    assert len(query["state"]) >= 16


def test_a_client_without_a_secret_and_a_company_of_an_authority_of_its_own(companies: Connected) -> None:
    assert companies.other.issuer.startswith("https://")
    leo = HttpPerson(companies.site)
    assert come_in(leo, companies.other, "leo").path == "/account/protect/"
    assert leo.inside


def test_an_address_that_the_company_has_not_proven_is_typed_and_proven_here(companies: Connected) -> None:
    ghost = HttpPerson(companies.site)
    page = come_in(ghost, companies.home, "ghost")
    assert page.path == "/account/3rdparty/signup/"
    assert "ghost@" not in page.text
    ghost.send("email", email="ghost.by.hand@families.example")
    assert not ghost.inside
    ghost.get("/account/confirm-email/")
    ghost.send("code", code=companies.site.sink.code("ghost.by.hand@families.example"))
    assert ghost.inside


def test_an_address_opens_no_account_that_is_there(companies: Connected) -> None:
    owner = HttpPerson(companies.site)
    owner.sign_up("known@families.example")
    before = companies.site.sql("SELECT count(*) FROM expunge_account")
    stranger = HttpPerson(companies.site)
    page = come_in(stranger, companies.home, "unproven")
    assert page.path == "/account/3rdparty/signup/", "what is not proven is not taken"
    mails = companies.site.sink.count("known@families.example")
    fresh_counters(companies)
    stranger.send("email", email="known@families.example")
    companies.site.sink.to("known@families.example", mails + 1)
    assert not stranger.inside
    assert companies.site.sql("SELECT count(*) FROM expunge_account") == before
    assert owner.inside


def test_a_person_with_an_account_connects_the_company_from_inside(companies: Connected) -> None:
    paul = HttpPerson(companies.site)
    paul.sign_up("paul@families.example")
    outside = HttpPerson(companies.site)
    page = come_in(outside, companies.home, "paul")
    assert page.status == 409
    assert "You have an account already" in page.words
    assert not outside.inside
    page = paul.get(AtCompany(companies.home).log_in(begin(paul, companies.home, "connect"), "paul"))
    assert page.path == "/account/3rdparty/"
    assert "Example Home paul@families.example Connected on" in page.words
    companies.site.sink.about("paul@families.example", "A company's login was connected")
    paul.log_out()
    assert come_in(paul, companies.home, "paul").path == "/"
    assert paul.inside
    # Another account cannot have it as well.
    uma = HttpPerson(companies.site)
    come_in(uma, companies.home, "uma")
    page = uma.get(AtCompany(companies.home).log_in(begin(uma, companies.home, "connect"), "paul"))
    assert "That login opens another account here" in page.words
    # Disconnected, it opens nothing.
    paul.get("/account/3rdparty/")
    assert paul.send("number").path == "/account/reauthenticate/", "a company's login confirms nothing where there is a password"
    assert "It is disconnected" in paul.send("password", password=PASSWORD).words
    companies.site.sink.about("paul@families.example", "A company's login was disconnected")
    assert come_in(HttpPerson(companies.site), companies.home, "paul").status == 409


def test_an_account_with_a_second_factor_proves_it_still(companies: Connected) -> None:
    ines = HttpPerson(companies.site)
    come_in(ines, companies.home, "ines")
    seed = ines.enrol_app()
    ines.log_out()
    page = come_in(ines, companies.home, "ines")
    assert page.path == "/account/2fa/authenticate/"
    assert not ines.inside
    ines.send("code", code=code_of(seed, 1))
    assert ines.inside
    # However strong the company says its login was.
    ines.log_out()
    with companies.home.behaving(claims={"acr": "phrh", "amr": ["hwk", "pin", "mfa"]}):
        assert come_in(ines, companies.home, "ines").path == "/account/2fa/authenticate/"


def test_a_login_of_one_factor_on_a_new_browser_needs_a_code(companies: Connected) -> None:
    rosa = HttpPerson(companies.site)
    come_in(rosa, companies.home, "rosa")
    elsewhere = HttpPerson(companies.site)
    mails = companies.site.sink.count("rosa@families.example")
    page = come_in(elsewhere, companies.home, "rosa")
    assert page.path == "/account/login/code/confirm/", page.path
    assert not elsewhere.inside
    elsewhere.send("code", code=companies.site.sink.code("rosa@families.example", mails + 1))
    assert elsewhere.inside
    third = HttpPerson(companies.site)
    with companies.home.behaving(claims={"amr": ["pwd", "otp"]}):
        assert come_in(third, companies.home, "rosa").path == "/"
    assert third.inside


def test_the_company_proves_once_more_who_is_logged_in(companies: Connected) -> None:
    vera = HttpPerson(companies.site)
    come_in(vera, companies.home, "vera")
    page = vera.get("/account/confirm-by-company/?next=/account/close/")
    assert "Log in with Example Home" in page.words
    leading = there(vera.send("process"))
    assert vera.get(AtCompany(companies.home).log_in(leading, "vera")).path == "/account/close/"
    # Another person's login proves nothing, and logs no one in or out.
    vera.get("/account/confirm-by-company/?next=/account/close/")
    leading = there(vera.send("process"))
    page = vera.get(AtCompany(companies.home).log_in(leading, "marta"))
    assert page.status == 403
    assert "belongs to another account" in page.words
    assert "vera@families.example" in vera.get("/").words


def test_an_account_keeps_a_way_in(companies: Connected) -> None:
    tom = HttpPerson(companies.site)
    come_in(tom, companies.home, "tom")
    tom.get("/account/3rdparty/")
    assert "This is your only way in" in tom.send("number").words
    assert tom.get("/account/3rdparty/").words.count("Connected on") == 1


def test_an_account_that_is_closed_is_connected_no_more(companies: Connected) -> None:
    zoe = HttpPerson(companies.site)
    come_in(zoe, companies.home, "zoe")
    connected_logins = companies.site.sql("SELECT count(*) FROM socialaccount_socialaccount")[0][0]
    zoe.get("/account/close/")
    zoe.send("csrfmiddlewaretoken")
    assert companies.site.sql("SELECT count(*) FROM socialaccount_socialaccount")[0][0] == connected_logins - 1
    assert come_in(zoe, companies.home, "zoe").path == "/account/protect/", "a new account"


def test_a_login_leads_on_to_pages_of_ours_alone(companies: Connected) -> None:
    ned = HttpPerson(companies.site)
    assert come_in(ned, companies.home, "ned", back="/account/email/").path == "/account/email/"
    for back in ("https://evil.example/", "//evil.example/", "/\\evil.example/", "javascript:alert(1)"):
        ned.log_out()
        page = ned.get(AtCompany(companies.home).log_in(begin(ned, companies.home, back=back), "ned"))
        assert page.url == f"{companies.site.origin}/", back


def test_only_a_form_of_ours_begins_a_login(companies: Connected) -> None:
    person = HttpPerson(companies.site)
    asked = len(companies.home.asked())
    assert person.get("/account/by/home/").path == "/account/login/"
    assert person.ask("POST", "/account/by/home/", {"csrfmiddlewaretoken": "x" * 64}).status == 403
    assert person.get("/account/by/nobody/").status == 404
    assert person.post("/account/by/home/", process="redirect").status == 404
    assert len(companies.home.asked()) == asked
    # What the address of the form says has no say.
    person.get("/account/login/")
    query = dict(parse_qsl(urlsplit(there(person.post("/account/by/home/?scope=admin&auth_params=prompt%3Dnone"))).query))
    assert query["prompt"] == "login"
    assert "admin" not in query["scope"]


def test_a_stolen_database_tells_nothing_of_companies(companies: Connected) -> None:
    secrets = [SECRET, COMPANY_PASSWORD, *(each.email for each in PEOPLE)]
    told = [line for line in (companies.home.folder / "log.txt").read_text().splitlines() if "/oauth/authorize?" in line]
    secrets += [value for line in told for name, value in parse_qsl(urlsplit(line.split()[6]).query) if name in {"state", "nonce"}]
    identity = sha256(f"{companies.home.issuer}\0marta".encode()).hexdigest()
    haystack = b"".join(each.read_bytes() for each in companies.site.database.parent.iterdir())
    assert b"socialaccount_socialaccount" in haystack
    assert len(secrets) > 40
    assert search(haystack, [*secrets, identity]) == []
    assert companies.site.sql("SELECT count(*) FROM socialaccount_socialtoken") == [(0,)]
    assert companies.site.sql("SELECT count(*) FROM socialaccount_socialapp") == [(0,)]
    assert set(companies.site.sql("SELECT length(uid) > 80 FROM socialaccount_socialaccount")) == {(1,)}
    for (further,) in companies.site.sql("SELECT extra_data FROM socialaccount_socialaccount"):
        assert set(json.loads(further)) <= {"alias"}
