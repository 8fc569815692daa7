"""Logins that are under way, and the account's owner acts meanwhile: what was proven before counts no more."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.web.site.http_person import HttpPerson, code_of
from tests.web.site.kit import SiteServed

NEW = "quiet rivers carry old stones"


def reset(site: SiteServed, address: str) -> HttpPerson:
    """The owner sets a new password by mail, on a browser of their own."""
    owner = HttpPerson(site)
    mails = site.sink.count(address)
    owner.get("/account/password/reset/")
    owner.send("email", email=address)
    owner.send("code", code=site.sink.code(address, mails + 1))
    owner.send("password1", password1=NEW, password2=NEW)
    return owner


def change(site: SiteServed, owner: HttpPerson) -> None:
    """The owner changes the password where they are logged in."""
    owner.get("/account/password/change/")
    owner.send("oldpassword", oldpassword="correct horse battery staple", password1=NEW, password2=NEW)


def end_others(site: SiteServed, owner: HttpPerson) -> None:
    owner.get("/account/sessions/")
    owner.post("/account/sessions/", act="others")


@pytest.mark.parametrize(
    ("name", "acts"),
    [("reset", lambda site, _owner: reset(site, "half-reset@example.org")), ("change", change), ("others", end_others)],
    ids=["reset", "change", "others"],
)
def test_a_login_that_waits_for_its_code_ends(served_site: SiteServed, name: str, acts: Callable[[SiteServed, HttpPerson], object]) -> None:
    address = f"half-{name}@example.org"
    owner, attacker = HttpPerson(served_site), HttpPerson(served_site)
    owner.sign_up(address)
    mails = served_site.sink.count(address)
    assert attacker.log_in(address).path == "/account/login/code/confirm/"
    code = served_site.sink.code(address, mails + 1)
    token = attacker.cookies["csrf"]
    acts(served_site, owner)
    page = attacker.ask("POST", "/account/login/code/confirm/", {"code": code, "csrfmiddlewaretoken": token})
    assert not attacker.inside
    assert "changed meanwhile" in page.words
    if name != "reset":
        assert owner.inside, "the owner's own session ended"


def test_a_login_that_waits_for_its_second_factor_ends(served_site: SiteServed) -> None:
    address = "half-factor@example.org"
    owner, attacker = HttpPerson(served_site), HttpPerson(served_site)
    owner.sign_up(address)
    seed = owner.enrol_app()
    assert attacker.log_in(address).path == "/account/2fa/authenticate/"
    waiting = attacker.last
    assert waiting is not None
    end_others(served_site, owner)
    attacker.last = waiting
    attacker.send("code", code=code_of(seed, 1))
    assert not attacker.inside
    # Control: the same code lets in who begins anew.
    attacker.log_in(address)
    attacker.send("code", code=code_of(seed, 1))
    assert attacker.inside


def test_a_reset_whose_code_was_given_sets_no_password_after_the_owners(served_site: SiteServed) -> None:
    address = "half-mailbox@example.org"
    owner, attacker = HttpPerson(served_site), HttpPerson(served_site)
    owner.sign_up(address)
    mails = served_site.sink.count(address)
    attacker.get("/account/password/reset/")
    attacker.send("email", email=address)
    page = attacker.send("code", code=served_site.sink.code(address, mails + 1))
    assert "password1" in page.text
    owner = reset(served_site, address)
    attacker.last = page
    attacker.send("password1", password1="another one that is long", password2="another one that is long")
    owner.log_in(address, NEW)
    assert owner.last is not None
    assert owner.last.path in {"/", "/account/login/code/confirm/"}, "the attacker's password is the account's"
