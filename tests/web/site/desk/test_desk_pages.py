"""The base of the desk's pages: who comes in, what waits, what is refused in words, and what is said when the clerk is away."""

from __future__ import annotations

import os
import signal
import time
from http import HTTPStatus
from uuid import UUID

import pytest

from expunge.bootstrap import keeping
from expunge.errors import DeskRefused
from tests.web.site.desk import desk_company
from tests.web.site.desk.kit import Desk, place_of
from tests.web.site.http_person import HttpPerson


def test_the_first_page_says_what_waits(office: Desk) -> None:
    reviewer, officer = office["reviewer"].browser(), office["officer"].browser()
    page = reviewer.get("/staff/desk/")
    assert page.status == HTTPStatus.OK
    assert "Nothing waits for you." in page.words
    assert 'href="/staff/desk/"' in page.text
    office.door.ask(office["reviewer"].caller, desk_company.new())
    assert "Support case LE-88" in reviewer.get("/staff/desk/").words
    shown = officer.get("/staff/desk/")
    assert "Waiting for an answer" in shown.words
    # No name of a recording, and no person.
    assert desk_company.MIA not in shown.text
    assert desk_company.RING not in shown.text


def test_nobody_else_comes_in(office: Desk) -> None:
    stranger = HttpPerson(office.served)
    for path in ("/staff/desk/", "/staff/desk/again/"):
        assert stranger.ask("GET", path, follow=False).headers["Location"] == "/staff/sign-in/"
    customer = HttpPerson(office.served)
    customer.sign_up("customer@desk-pages.example")
    assert customer.ask("GET", "/staff/desk/", follow=False).headers["Location"] == "/staff/sign-in/"


def test_a_login_that_the_keeper_does_not_know_shows_its_passkey_again(office: Desk) -> None:
    person = office["reviewer"].browser()
    assert person.get("/staff/desk/").path == "/staff/desk/"
    # As after another browser of the same person logged all others out, at the keeper alone.
    office.guard.end_sign_ins(UUID(office["reviewer"].account), office["reviewer"].caller.session)
    shown = person.get("/staff/desk/")
    assert shown.path == "/staff/desk/again/"
    assert "Show your passkey" in shown.words
    other = office["officer"].device
    mine, person.device = person.device, other
    assert "another account" in person.perform("/staff/desk/again/begin/")["trouble"]
    person.device = mine
    person.get("/staff/desk/")
    assert person.perform("/staff/desk/again/begin/") == {"to": "/staff/desk/"}
    assert person.get("/staff/desk/").path == "/staff/desk/"


@pytest.mark.parametrize("how", ["sign out", "other devices"])
def test_a_login_that_ends_at_a_page_ends_at_the_desk(office: Desk, how: str) -> None:
    """What the keeper knows a session by is sealed in it: a segment asked for by the same login tells whether it goes on."""
    person = office["reviewer"].browser()
    lease = office.leased(name=desk_company.OTHER_RING)
    stale = office["reviewer"].sign_in()
    assert office.door.rights(stale)
    if how == "other devices":
        person.post("/staff/security/sessions/", act="others")
        for caller in (stale, office["reviewer"].caller):
            with pytest.raises(DeskRefused, match="login"):
                office.door.rights(caller)
        with pytest.raises(DeskRefused):
            office.door.segment(office["reviewer"].caller, lease.lease, 0, 1000)
        office["reviewer"].caller = office["reviewer"].sign_in()
        assert person.get("/staff/desk/").path == "/staff/desk/"
        return
    cookies = dict(person.cookies)
    person.sign_out()
    person.cookies = cookies
    assert person.ask("GET", "/staff/desk/", follow=False).headers["Location"] == "/staff/sign-in/"


def test_without_the_clerk_the_page_says_so(office: Desk) -> None:
    """Last of the module: the clerk that the server begins anew goes on with the lease, which is in the journal."""
    person, lease = office["reviewer"].browser(), office.leased(name=desk_company.OTHER_RING)
    clerk = keeping.process_status(keeping.clerk_beside(place_of(office.served))).pid
    os.kill(clerk, signal.SIGKILL)
    # The connection has patience while another one begins.
    assert person.get("/staff/desk/").status in {HTTPStatus.OK, HTTPStatus.SERVICE_UNAVAILABLE}
    until = time.monotonic() + 60
    while person.get("/staff/desk/").status != HTTPStatus.OK:
        assert time.monotonic() < until
        time.sleep(0.5)
    assert office.door.segment(office["reviewer"].caller, lease.lease, 0, 1000).data
