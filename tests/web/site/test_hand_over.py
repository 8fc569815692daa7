"""A person comes from the company's app with a link, logs in, confirms it, and is guardian of a child with the keeper."""

from __future__ import annotations

import pytest

from expunge import clock
from tests.engine.accounts.company import Company
from tests.web.site.handing_over import enrol_kept, newest_account, token
from tests.web.site.http_person import HttpPerson, Shown
from tests.web.site.kit import SiteServed


def paste(person: HttpPerson, token: str) -> Shown:
    person.get("/handover/")
    return person.send("token", token=f"{person.site.origin}/handover/#{token}")


def test_a_person_signs_up_on_the_way_confirms_and_is_guardian(served_site: SiteServed) -> None:
    address = "ana@home.example"
    person = HttpPerson(served_site)
    made = token(served_site, address, ("profile:p-1", "guardian"), ("profile:p-2", "guardian"))
    page = paste(person, made)
    assert page.path == "/handover/"
    assert "Acme Doorbells says: you are the guardian of 2 children" in page.words
    assert "Log in first" in page.words
    assert made not in page.text
    assert "p-1" not in page.words
    person.get("/handover/confirm/")
    assert person.last
    assert person.last.path == "/account/login/", "an account confirms it"
    person.sign_up(address)
    assert "Protect your account first" in person.get("/handover/confirm/").words
    authenticator = enrol_kept(served_site, address)
    page = person.get("/handover/confirm/")
    assert "you are the guardian of 2 children" in page.words
    assert served_site.kept("SELECT * FROM expunge_membership") == []
    page = person.confirm(authenticator)
    assert page.path == "/handover/done/"
    assert "Your account is connected" in page.words
    roles = served_site.kept("SELECT account_id, role FROM expunge_membership")
    assert roles == [(newest_account(served_site).hex, "guardian")] * 2
    # Used, in this browser and in any other.
    assert person.get("/handover/").path == "/handover/"
    assert "This link was used before" in paste(person, made).words
    assert "This link was used before" in paste(HttpPerson(served_site), made).words
    served_site.sink.about(address, "Your families at Acme Doorbells were changed")


def test_a_wrong_signature_confirms_nothing_and_it_goes_on(served_site: SiteServed) -> None:
    address = "bela@home.example"
    person = HttpPerson(served_site)
    person.sign_up(address)
    authenticator = enrol_kept(served_site, address)
    paste(person, token(served_site, address, ("profile:p-7", "guardian")))
    person.get("/handover/confirm/")
    assert "That confirmed nothing" in person.send("credential", credential="{}").words
    before = served_site.kept("SELECT count(*) FROM expunge_membership")
    page = person.confirm(authenticator)
    assert page.path == "/handover/done/"
    assert served_site.kept("SELECT count(*) FROM expunge_membership") != before


def test_a_token_for_another_address_is_refused_by_the_keeper(served_site: SiteServed) -> None:
    address = "cleo@home.example"
    person = HttpPerson(served_site)
    person.sign_up(address)
    authenticator = enrol_kept(served_site, address)
    paste(person, token(served_site, "other@home.example"))
    person.get("/handover/confirm/")
    page = person.confirm(authenticator)
    assert page.status == 400
    assert "This link is for another account" in page.words
    assert served_site.kept(f"SELECT * FROM expunge_membership WHERE account_id = '{newest_account(served_site).hex}'") == []
    # The token is for another account of this person, who logs in to it here and need not open the app again.
    page = person.send("csrfmiddlewaretoken")
    assert page.path == "/handover/"
    assert "Log in first" in page.words
    assert not person.inside
    person.sign_up("other@home.example")
    authenticator = enrol_kept(served_site, "other@home.example")
    person.get("/handover/confirm/")
    assert person.confirm(authenticator).path == "/handover/done/"


def test_each_bad_token_has_a_page_that_says_what_to_do(served_site: SiteServed) -> None:
    now = clock.timestamp()
    stranger = Company(served_site.origin)
    for text, what in (
        ("nothing of the kind", "This link is not whole"),
        (token(served_site, "a@b", now=now - 700), "This link has ended"),
        (token(served_site, "a@b", now=now + 300), "A clock is wrong"),
        (stranger.token(now, address="a@b"), "This link is not from us"),
        (token(served_site, "a@b", ("pet:rex", "guardian")), "This link names no one we know"),
    ):
        page = paste(HttpPerson(served_site), text)
        assert page.status == 400
        assert what in page.words
        assert text not in page.text


def test_tokens_that_are_tried_are_throttled(served_site: SiteServed) -> None:
    person = HttpPerson(served_site)
    for _ in range(70):
        if paste(person, "x").status == 429:
            return
    pytest.fail("seventy tokens were looked at")


def test_no_token_is_in_a_log_or_an_address(served_site: SiteServed) -> None:
    person = HttpPerson(served_site)
    made = token(served_site, "dora@home.example", ("profile:canary-child", "guardian"))
    paste(person, made)
    told = "".join(path.read_text() for path in served_site.folder.glob("stderr-*"))
    assert "canary-child" not in told
    assert made[-40:] not in told
    held = b"".join(path.read_bytes() for path in served_site.database.parent.iterdir())
    assert b"canary-child" not in held
    assert made[-40:].encode() not in held
