"""A sign-up with another person's address, which nobody proves, is in the way of nothing that its owner does."""

from __future__ import annotations

from tests.web.site.http_person import PASSWORD, HttpPerson
from tests.web.site.kit import SiteServed

THEIRS = "a password of the stranger"


def planted(site: SiteServed, address: str) -> HttpPerson:
    stranger = HttpPerson(site)
    stranger.get("/account/signup/")
    assert stranger.send("password1", email=address, password1=THEIRS).path == "/account/confirm-email/"
    return stranger


def accounts(site: SiteServed) -> int:
    [[number]] = site.sql("SELECT count(*) FROM expunge_account")
    return int(number)


def test_the_owner_of_an_address_signs_up_as_if_nothing_had_been(served_site: SiteServed) -> None:
    planted(served_site, "planted-owner@example.org")
    mails = served_site.sink.count("planted-owner@example.org")
    owner = HttpPerson(served_site)
    assert owner.sign_up("planted-owner@example.org").path == "/account/protect/"
    assert owner.inside
    assert served_site.sink.count("planted-owner@example.org") > mails
    second = HttpPerson(served_site)
    second.log_in("planted-owner@example.org", THEIRS)
    assert not second.inside
    owner.log_out()
    assert owner.log_in("planted-owner@example.org", PASSWORD).path == "/"


def test_a_reset_leads_into_no_account_whose_address_was_never_proven(served_site: SiteServed) -> None:
    planted(served_site, "planted-reset@example.org")
    owner = HttpPerson(served_site)
    owner.get("/account/password/reset/")
    owner.send("email", email="planted-reset@example.org")
    served_site.sink.about("planted-reset@example.org", "There is no account with this address")


def test_sign_ups_with_one_address_do_not_pile_up(served_site: SiteServed) -> None:
    before = accounts(served_site)
    for _ in range(3):
        planted(served_site, "planted-often@example.org")
        served_site.sql("UPDATE expunge_account SET since = datetime(since, '-1 hours')")
    assert accounts(served_site) == before + 1
