"""Forms that come twice, late, tampered with or from another session; addresses of all kinds; mail that does not go out."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing

import pytest

from tests.moment import stored
from tests.web.site.http_person import PASSWORD, HttpPerson
from tests.web.site.kit import SiteServed


@pytest.fixture
def anna(served_site: SiteServed) -> HttpPerson:
    return HttpPerson(served_site)


def test_an_address_that_has_an_account_is_not_told(served_site: SiteServed, anna: HttpPerson) -> None:
    anna.sign_up("taken@example.org")
    other = HttpPerson(served_site)
    other.get("/account/signup/")
    known = other.send("password1", email="Taken@Example.org", password1="another long password")
    fresh = HttpPerson(served_site)
    fresh.get("/account/signup/")
    unknown = fresh.send("password1", email="fresh@example.org", password1="another long password")
    assert known.path == unknown.path == "/account/confirm-email/"
    assert known.words.replace("taken@example.org", "ADDRESS") == unknown.words.replace("fresh@example.org", "ADDRESS")
    served_site.sink.to("taken@example.org", 2)
    assert "already" in served_site.sink.subjects("taken@example.org")[-1].lower()


def test_a_form_that_is_sent_twice_makes_one_account(served_site: SiteServed, anna: HttpPerson) -> None:
    page = anna.get("/account/signup/")
    action, held = page.form("password1")
    values = held | {"email": "twice@example.org", "password1": PASSWORD}
    anna.ask("POST", action, values)
    anna.ask("POST", action, values)
    anna.get("/account/confirm-email/")
    anna.send("code", code=served_site.sink.code("twice@example.org"))
    assert anna.inside
    # The code once more, from the browser's history.
    assert anna.post("/account/confirm-email/", code="BBBB-BBBB").status < 500


def test_two_who_sign_up_at_once_with_one_address(served_site: SiteServed) -> None:
    people = [HttpPerson(served_site) for _ in range(4)]
    for each in people:
        each.get("/account/signup/")
    shown: list[int] = []
    threads = [
        threading.Thread(target=lambda one=each: shown.append(one.send("password1", email="race@example.org", password1=PASSWORD).status))
        for each in people
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(status < 500 for status in shown), shown
    winners = 0
    codes = _codes(served_site, "race@example.org")
    assert codes
    for each in people:
        for code in codes:
            if 'name="code"' in each.get("/account/confirm-email/").text:
                each.send("code", code=code)
        winners += each.inside
    assert winners == 1
    assert served_site.sql("SELECT count(*) FROM expunge_account WHERE id NOT IN (SELECT user_id FROM account_emailaddress)") == [(0,)]


def _codes(site: SiteServed, address: str) -> list[str]:
    from tests.web.site.kit import CODE

    found = []
    for message in site.sink.to(address):
        body = message.get_body(("plain",))
        assert body is not None
        if match := CODE.search(body.get_content()):
            found.append(match[1])
    return found


def test_what_was_typed_when_the_session_had_ended_is_kept(served_site: SiteServed, anna: HttpPerson) -> None:
    anna.sign_up("typing@example.org")
    page = anna.get("/account/email/")
    action, held = page.form("action_add")
    del anna.cookies["session"]
    page = anna.ask("POST", action, held | {"email": "typed@example.org", "action_add": "", "password": "never kept"})
    assert page.path == "/account/login/"
    page = anna.send("login", login="typing@example.org", password=PASSWORD)
    assert page.path == "/account/typed-before/"
    assert "typed@example.org" in page.words
    assert "never kept" not in page.text
    mails = served_site.sink.count("typing@example.org")
    anna.send("action_add")
    page = anna.confirm(code=served_site.sink.code("typing@example.org", mails + 1))
    assert page.path == "/account/confirm-email/"
    assert served_site.sink.code("typed@example.org")


@pytest.mark.parametrize(
    "credential", ["", "{}", "[]", "null", '"x"', '{"response": {}}', '{"response": {"userHandle": "AA"}}', '{"id": "a", "response": 1}']
)
def test_rubbish_instead_of_a_passkey_lets_nobody_in(served_site: SiteServed, anna: HttpPerson, credential: str) -> None:
    anna.get("/account/login/")
    page = anna.post("/account/2fa/webauthn/login/", credential=credential)
    assert page.status in {200, 429}
    assert not anna.inside


def test_numbers_of_others_sessions_and_passkeys_are_not_taken(served_site: SiteServed, anna: HttpPerson) -> None:
    anna.sign_up("mine@example.org")
    other = HttpPerson(served_site)
    other.sign_up("notmine@example.org")
    ((number,),) = served_site.sql("SELECT max(id) FROM usersessions_usersession")
    anna.post("/account/sessions/", act="end", number=str(number))
    anna.post("/account/sessions/", act="end", number="-1")
    anna.post("/account/sessions/", act="forget", number="1 OR 1=1")
    assert other.inside
    assert anna.post("/account/2fa/webauthn/", act="remove", number="1").status == 404
    assert anna.get("/account/2fa/webauthn/keys/1/remove/").status == 404


def test_a_form_of_another_session_is_refused(served_site: SiteServed, anna: HttpPerson) -> None:
    anna.sign_up("here@example.org")
    page = anna.get("/account/sessions/")
    action, held = page.form("act")
    other = HttpPerson(served_site)
    other.sign_up("there@example.org")
    assert other.ask("POST", action, held).status == 403
    assert other.ask("POST", action, held, Origin="https://evil.example").status == 403


@pytest.mark.parametrize("address", ["ana@exämple.org", "ANA+Tag@EXAMPLE.org", "o'brien@example.org"])
def test_addresses_of_all_kinds(served_site: SiteServed, anna: HttpPerson, address: str) -> None:
    anna.get("/account/signup/")
    page = anna.send("password1", email=address, password1=PASSWORD)
    assert page.path == "/account/confirm-email/", page.words


@pytest.mark.parametrize(
    "address", ["anna", "anna@", "@example.org", "a b@example.org", "anna@example.org\nBcc: x@example.org", "x" * 500 + "@example.org"]
)
def test_what_is_no_address_is_told_and_stays_typed(served_site: SiteServed, anna: HttpPerson, address: str) -> None:
    anna.get("/account/signup/")
    page = anna.send("password1", email=address, password1=PASSWORD)
    assert page.path == "/account/signup/"
    assert page.status == 200
    assert PASSWORD not in page.text


def test_mail_that_does_not_go_out_waits_and_no_page_does(served_site: SiteServed, anna: HttpPerson) -> None:
    served_site.sink.refusing = True
    try:
        anna.get("/account/signup/")
        page = anna.send("password1", email="late@example.org", password1=PASSWORD)
        assert page.path == "/account/confirm-email/"
    finally:
        served_site.sink.refusing = False
    assert served_site.sink.count("late@example.org") == 0
    with closing(sqlite3.connect(served_site.database, timeout=20)) as connection, connection:
        connection.execute(f"UPDATE expunge_mail_waiting SET due = '{stored(minutes=-1)}'")
    anna.send("code", code=served_site.sink.code("late@example.org"))
    assert anna.inside
