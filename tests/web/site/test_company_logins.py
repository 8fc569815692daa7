"""People come in by the account that they have at a company: a real OpenID provider, in a process of its own."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from tests.web.site.browser import Visitor
from tests.web.site.companies.company import CLIENT, SECRET, AtCompany, Person
from tests.web.site.companies.company import PASSWORD as COMPANY_PASSWORD
from tests.web.site.companies.kit import Connected, begin, come_in, connected, there
from tests.web.site.http_person import PASSWORD, HttpPerson, code_of
from tests.web.site.looking import Look, prove
from tests.web.site.test_stolen_database import search

NAMES = ("marta", "leo", "ines", "paul", "rosa", "vera", "tom", "uma", "ned", "zoe", "eve", "pia", "kim", "amy")
PEOPLE = [
    *(Person(name, f"{name}@families.example") for name in NAMES),
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


def confirm_by_mail(person: HttpPerson, path: str, address: str) -> None:
    """Go to a page that asks: the keeper has the company's word for an address, and wants a code back from it."""
    mails = person.site.sink.count(address)
    person.get(path)
    person.confirm(code=person.site.sink.code(address, mails + 1))


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
    assert "Example Home paul@families.example Connected on" in paul.get("/account/3rdparty/").words
    # Another account cannot have it as well.
    uma = HttpPerson(companies.site)
    come_in(uma, companies.other, "uma")
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
    confirm_by_mail(ines, "/account/2fa/totp/activate/", "ines@families.example")
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


@pytest.mark.duty("NST-04")
def test_a_companys_login_counts_where_the_account_is_said_to_be_strong(companies: Connected) -> None:
    """A passkey alone cannot be tricked out of a person; the company's login with a recovery code can."""
    amy = HttpPerson(companies.site)
    come_in(amy, companies.home, "amy")
    assert "One thing is enough to log in" in amy.get("/account/2fa/").words
    confirm_by_mail(amy, "/account/2fa/webauthn/add/", "amy@families.example")
    amy.enrol_passkey(amy.authenticator())
    assert "Two things are needed to log in" in amy.get("/account/2fa/").words


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
    mails = companies.site.sink.count("zoe@families.example")
    zoe.get("/account/close/")
    zoe.send("csrfmiddlewaretoken")
    zoe.confirm(code=companies.site.sink.code("zoe@families.example", mails + 1))
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
    lines = [line for line in (companies.home.folder / "log.txt").read_text().splitlines() if "/oauth/authorize?" in line][-8:]
    secrets += [value for line in lines for name, value in parse_qsl(urlsplit(line.split()[6]).query) if name in {"state", "nonce"}]
    identity = sha256(f"{companies.home.issuer}\0marta".encode()).hexdigest()
    haystack = b"".join(each.read_bytes() for each in companies.site.database.parent.iterdir())
    assert b"socialaccount_socialaccount" in haystack
    assert len(secrets) > 25
    assert search(haystack, [*secrets, identity]) == []
    assert companies.site.sql("SELECT count(*) FROM socialaccount_socialtoken") == [(0,)]
    assert companies.site.sql("SELECT count(*) FROM socialaccount_socialapp") == [(0,)]
    assert set(companies.site.sql("SELECT length(uid) > 80 FROM socialaccount_socialaccount")) == {(1,)}
    for (further,) in companies.site.sql("SELECT extra_data FROM socialaccount_socialaccount"):
        assert set(json.loads(further)) <= {"alias"}


# Attacks, and companies that do not work.


def told(companies: Connected) -> str:
    """What the server has told its operator."""
    return "".join(file.read_text() for file in companies.site.folder.glob("stderr-*"))


def accounts(companies: Connected) -> object:
    return companies.site.sql("SELECT (SELECT count(*) FROM expunge_account), (SELECT count(*) FROM socialaccount_socialaccount)")


OTHER = "https://other.example"
FALSE_TOKENS = {
    "no signature": ({"signed": "none"}, "alg none"),
    "another key under the same name": ({"signed": "by a stranger"}, "InvalidSignatureError"),
    "the public key as a secret": ({"signed": "with the public key"}, "alg HS256"),
    "for another client": ({"claims": {"aud": "another-client"}}, "InvalidAudienceError"),
    "for two clients, of whom another asked": ({"claims": {"aud": [CLIENT, "another-client"], "azp": "another-client"}}, "azp"),
    "for two clients, without a word of who asked": ({"claims": {"aud": [CLIENT, "another-client"]}}, "azp"),
    "of another issuer": ({"claims": {"iss": "https://other.example"}}, "InvalidIssuerError"),
    "of another login": ({"claims": {"nonce": "a nonce of another login"}}, "nonce"),
    "of no login": ({"without": ["nonce"]}, "nonce"),
    "without a subject": ({"without": ["sub"]}, "sub"),
    "an empty subject": ({"claims": {"sub": ""}}, "sub"),
    "a subject that is no text": ({"claims": {"sub": 7}}, "InvalidSubjectError"),
    "a subject too long": ({"claims": {"sub": "x" * 256}}, "sub"),
    "without an end": ({"without": ["exp"]}, "exp"),
    "without the time of the login": ({"without": ["auth_time"]}, "auth_time"),
    "a login of long ago": ({"claims": {"auth_time": "now-4000"}}, "auth_time"),
    "userinfo of another person": ({"userinfo": {"sub": "marta"}}, "userinfo"),
}
"""What is wrong with a token -> how the company behaves, and what the operator is told."""


@pytest.mark.parametrize("name", FALSE_TOKENS)
def test_a_token_that_is_not_for_this_login_lets_no_one_in(companies: Connected, name: str) -> None:
    before = accounts(companies)
    person = HttpPerson(companies.site)
    conduct, why = FALSE_TOKENS[name]
    with companies.home.behaving(**conduct):
        page = come_in(person, companies.home, "eve")
    assert page.status == 502, page.words
    assert f"do not work: untrusted: {why}\n" in told(companies)
    assert "could not trust the answer of Example Home" in page.words
    assert not person.inside
    assert accounts(companies) == before


@pytest.mark.parametrize("claims", [{"exp": "now-400"}, {"iat": "now400", "exp": "now4000"}, {"auth_time": "now400"}], ids=range(3))
def test_clocks_that_differ_are_named(companies: Connected, claims: dict[str, str]) -> None:
    person = HttpPerson(companies.site)
    with companies.home.behaving(claims=claims):
        page = come_in(person, companies.home, "eve")
    assert (page.status, "The clock of Example Home and ours differ" in page.words) == (502, True)
    assert not person.inside


@pytest.mark.parametrize("said", ["true", 1, None], ids=["text", "number", "nothing"])
def test_an_address_counts_as_proven_by_the_word_true_alone(companies: Connected, said: object) -> None:
    person = HttpPerson(companies.site)
    with companies.home.behaving(claims={"email_verified": said, "email": "marta@families.example"}):
        assert come_in(person, companies.home, "eve").path == "/account/3rdparty/signup/"
    assert not person.inside


def test_an_answer_is_taken_once_and_in_its_own_browser(companies: Connected) -> None:
    victim, thief = HttpPerson(companies.site), HttpPerson(companies.site)
    answer = AtCompany(companies.home).log_in(begin(victim, companies.home), "marta")
    # A stolen answer in another browser, with and without a login begun there; and the thief's own answer in the victim's.
    assert thief.get(answer).status == 400
    begin(thief, companies.home)
    assert "begun in another browser" in thief.get(answer).words
    own = AtCompany(companies.home).log_in(begin(thief, companies.home), "eve")
    assert victim.get(own).status == 400
    assert not thief.inside
    assert not victim.inside
    # The thief's code under the victim's own state: the code belongs to another verifier.
    mixed = dict(parse_qsl(urlsplit(answer).query)) | {"code": dict(parse_qsl(urlsplit(own).query))["code"]}
    assert victim.get(f"/account/by/home/back/?{urlencode(mixed)}").status == 502
    assert not victim.inside
    answer = AtCompany(companies.home).log_in(begin(victim, companies.home), "marta")
    victim.get(answer)
    again = victim.get(answer)
    assert again.status == 400
    assert "took too long" in again.words


def test_answers_of_two_companies_are_not_mixed_up(companies: Connected) -> None:
    person = HttpPerson(companies.site)
    answer = urlsplit(AtCompany(companies.home).log_in(begin(person, companies.home), "marta"))
    asked = len(companies.other.asked())
    assert person.get(f"/account/by/other/back/?{answer.query}").status == 400, "the state is of another company"
    assert len(companies.other.asked()) == asked, "no code of one company goes to another"
    for issuer in (companies.other.issuer, ""):
        answer = urlsplit(AtCompany(companies.home).log_in(begin(person, companies.home), "marta"))
        query = dict(parse_qsl(answer.query))
        assert query.pop("iss") == companies.home.issuer
        query |= {"iss": issuer} if issuer else {}
        assert person.get(f"{answer.path}?{urlencode(query)}").status == 502
    assert not person.inside


@pytest.mark.parametrize(("said", "status"), [("access_denied", 403), ("temporarily_unavailable", 503), ("invalid_request", 502)])
def test_a_company_that_says_no(companies: Connected, said: str, status: int) -> None:
    person = HttpPerson(companies.site)
    with companies.home.behaving(denies=said):
        page = come_in(person, companies.home, "marta")
    assert page.status == status
    assert "Nothing was changed, and nothing is lost" in page.words
    assert said not in page.words


TROUBLES = {
    "fails": ({"fails": "/oauth/token"}, 502, "it refuses the code"),
    "leads elsewhere": ({"leads_from": "/oauth/token", "leads_to": "http://127.0.0.1:9/"}, 502, "it leads to another address"),
    "never ends": ({"endless": "/oauth/userinfo"}, 502, "its answer is too long"),
    "is slow": ({"slow": "/oauth/token", "delay": 20}, 503, "ReadTimeout"),
    "comes in drops": ({"trickles": "/oauth/userinfo"}, 503, "Timeout"),
}


@pytest.mark.parametrize("name", TROUBLES)
def test_a_company_that_does_not_work(companies: Connected, name: str) -> None:
    conduct, status, why = TROUBLES[name]
    person = HttpPerson(companies.site)
    answer = AtCompany(companies.home).log_in(begin(person, companies.home), "eve")
    with companies.home.behaving(**conduct):
        began = time.monotonic()
        page = person.get(answer)
        assert time.monotonic() - began < 8, "no thread of the server waits longer"
    assert page.status == status, page.words
    assert f": {why}\n" in told(companies)
    assert "You are not logged in" in page.words
    assert not person.inside


@pytest.mark.soak
def test_a_slow_company_holds_up_nobody_else(companies: Connected) -> None:
    people = [HttpPerson(companies.site) for _ in range(12)]
    answers = [AtCompany(companies.home).log_in(begin(person, companies.home), "eve") for person in people]
    with companies.home.behaving(slow="/oauth/token", delay=20), ThreadPoolExecutor(12) as pool:
        waiting = [pool.submit(person.get, answer) for person, answer in zip(people, answers, strict=True)]
        time.sleep(1)
        began = time.monotonic()
        assert HttpPerson(companies.site).get("/account/login/").status == 200
        assert time.monotonic() - began < 3
        shown = [each.result() for each in waiting]
    assert {page.status for page in shown} == {503}


def test_a_company_that_was_gone_works_again(companies: Connected) -> None:
    person = HttpPerson(companies.site)
    answer = AtCompany(companies.other).log_in(begin(person, companies.other), "leo")
    companies.other.stop()
    page = person.get(answer)
    assert page.status == 503
    assert "does not answer us now" in page.words
    companies.other.start()
    come_in(person, companies.other, "leo")
    assert person.last is not None
    # The first time here or not: another test may have come in as the same person.
    assert person.last.path in {"/account/protect/", "/account/login/code/confirm/"}


def test_tries_without_end_are_refused(companies: Connected) -> None:
    person = HttpPerson(companies.site)
    statuses = [person.get(f"/account/by/home/back/?state=guess{number}&code=x").status for number in range(70)]
    assert statuses[0] == 400
    assert statuses[-1] == 429
    other = HttpPerson(companies.site)
    assert other.get("/account/by/home/back/?state=guess&code=x").status == 400


def test_the_operator_is_told_and_no_person_is_named(companies: Connected) -> None:
    test_a_token_that_is_not_for_this_login_lets_no_one_in(companies, "no signature")
    lines = told(companies)
    assert "logins by the provider home do not work: untrusted:" in lines
    assert not any(person.email in lines for person in PEOPLE)
    assert COMPANY_PASSWORD not in lines
    assert SECRET not in lines


@pytest.mark.soak
def test_every_page_in_a_real_browser(companies: Connected, person: Visitor) -> None:
    page, origin = person.page, companies.site.origin
    looks = Look()

    def look(name: str) -> None:
        page.wait_for_load_state()
        assert page.locator("main").count() == page.locator("h1").count() == 1, name
        looks.at(page, name)
        if folder := os.environ.get("EXPUNGE_PICTURES"):
            page.screenshot(path=f"{folder}/{name}.png", full_page=True)

    def press(company: str = "Example Home") -> None:
        page.goto(f"{origin}/account/login/")
        page.get_by_role("button", name=f"Log in with {company}").click()

    def at_the_company(name: str) -> None:
        page.wait_for_url(f"{companies.home.issuer}/**")
        page.locator("[name=login]").fill(name)
        page.locator("[name=login]").press("Enter")
        page.locator("[name=password]").fill(COMPANY_PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(f"{origin}/**")

    # Why: the company's own script sends its forms itself, which its policy then forbids to lead elsewhere.
    page.route("**/static/htmx/**", lambda route: route.fulfill(status=204) if origin not in route.request.url else route.continue_())
    page.goto(f"{origin}/account/login/")
    look("login")
    page.goto(f"{origin}/account/signup/")
    look("signup")
    # Held back, so that the page on the way can be looked at.
    page.route(f"{companies.home.issuer}/**", lambda route: route.fulfill(status=204))
    press()
    page.get_by_role("heading", name="On to Example Home").wait_for()
    look("leaving")
    page.unroute(f"{companies.home.issuer}/**")
    page.get_by_role("link", name="Continue").click()
    at_the_company("pia")
    page.wait_for_url("**/account/protect/")
    page.goto(f"{origin}/")
    look("overview")
    page.goto(f"{origin}/account/3rdparty/")
    assert page.get_by_text("pia@families.example").is_visible()
    look("connected")
    page.goto(f"{origin}/account/confirm-by-company/?next=/account/email/")
    look("again")
    page.get_by_role("button", name="Log in with Example Home").click()
    page.wait_for_url(f"{companies.home.issuer}/**")
    page.locator("[name=password]").fill(COMPANY_PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/account/email/")
    person.context.clear_cookies()
    press()
    at_the_company("unproven")
    page.wait_for_url("**/3rdparty/signup/")
    look("missing")
    person.context.clear_cookies()
    HttpPerson(companies.site).sign_up("kim@families.example")
    press()
    at_the_company("kim")
    assert page.get_by_role("heading", name="You have an account already").is_visible()
    look("taken")
    with companies.home.behaving(denies="access_denied"):
        press()
        page.wait_for_url("**/by/home/back/**")
    look("denied")
    assert looks.found == []
    prove(__name__, looks.seen)
    ours = [each for each in person.complaints if origin in each and "Failed to load resource" not in each]
    assert ours == []
