"""The ways in that people are offered: a second factor on the first screen, none that needs a telephone, and how strong they are."""

from __future__ import annotations

import re

import pytest

from expunge.core.accounts.accounts_spec import AccountsSpec
from expunge.core.accounts.credential_strength import Method
from expunge.web.site import settings
from tests.web.site.http_person import HttpPerson
from tests.web.site.kit import SiteServed
from tests.web.site.test_operation import issue, metrics

_PHONE = re.compile(r"phone|\btel\b|sms|mobile|msisdn", re.IGNORECASE)


@pytest.fixture
def anna(served_site: SiteServed) -> HttpPerson:
    return HttpPerson(served_site)


@pytest.mark.duty("RNG-21")
def test_a_customer_is_offered_a_second_factor_on_the_first_screen(anna: HttpPerson) -> None:
    page = anna.sign_up("offered@example.org")
    assert page.path == "/account/protect/"
    assert 'href="/account/2fa/webauthn/add/"' in page.text
    assert 'href="/account/2fa/totp/activate/"' in page.text
    # And later, as long as there is none.
    assert "Add a passkey" in anna.get("/").words


@pytest.mark.duty("RNG-21")
def test_adoption_is_counted_without_a_person(served_site: SiteServed, anna: HttpPerson) -> None:
    token = issue(served_site.folder, "prometheus-adoption", "metrics")
    factors = ("passkey", "code app", "none")
    before = {each: metrics(served_site, token).get(("expunge_accounts", each), 0) for each in factors}
    anna.sign_up("counted-1@example.org")
    anna.enrol_passkey(anna.authenticator())
    bert = HttpPerson(served_site)
    bert.sign_up("counted-2@example.org")
    bert.enrol_app()
    HttpPerson(served_site).sign_up("counted-3@example.org")
    unproven = HttpPerson(served_site)
    unproven.get("/account/signup/")
    unproven.send("password1", email="counted-4@example.org", password1="a heron stood in the reeds")
    found = metrics(served_site, token)
    assert {each: found["expunge_accounts", each] - before[each] for each in factors} == dict.fromkeys(factors, 1)
    assert not any("counted" in label or "@" in label for name in found for label in name)


@pytest.mark.duty("NST-05", "DSG-10")
def test_no_way_in_is_a_text_message_or_a_call(served_site: SiteServed, anna: HttpPerson) -> None:
    """Walks what the pages are set to offer, the columns of the accounts' database, and every form that a person meets."""
    offered = settings._logins(AccountsSpec("https://privacy.example"))
    assert set(offered["MFA_SUPPORTED_TYPES"]) == {"webauthn", "totp", "recovery_codes"}
    assert not [name for name, value in offered.items() if _PHONE.search(f"{name} {value}")]
    tables = [name for (name,) in served_site.sql("SELECT name FROM sqlite_master WHERE type = 'table'")]
    columns = [name for table in tables for (name,) in served_site.sql("SELECT name FROM pragma_table_info(?)", table)]
    assert len(columns) > 50
    assert not [name for name in columns if _PHONE.search(name)]
    anna.sign_up("methods@example.org")
    stranger = HttpPerson(served_site)
    pages = [stranger.get(f"/account/{path}/") for path in ("login", "signup", "signup/passkey", "password/reset", "recovery")]
    pages += [anna.get(f"/account/{path}/") for path in ("protect", "2fa", "2fa/totp/activate", "email", "password/change")]
    for page in pages:
        assert page.status == 200, page.path
        for field in re.findall(r"<(?:input|select|textarea)\b[^>]*>", page.text):
            if 'name="csrfmiddlewaretoken"' in field:  # random letters, in which any word may stand
                continue
            assert not _PHONE.search(field), (page.path, field)


@pytest.mark.duty("DSG-10")
def test_a_method_takes_no_telephone_number(anna: HttpPerson) -> None:
    anna.sign_up("nophone@example.org")
    words = anna.get("/account/protect/").words
    assert "You need no phone" in words
    assert "An app on a phone or a computer" in words
    # A passkey of a computer, all the way.
    assert len(re.findall(r"\b\d{8}\b", anna.enrol_passkey(anna.authenticator(), "Computer").text)) == 10


@pytest.mark.duty("NST-04")
def test_the_page_says_how_strong_the_account_is_by_its_weakest_way(anna: HttpPerson) -> None:
    anna.sign_up("strength@example.org")
    assert "One thing is enough to log in" in anna.get("/account/2fa/").words
    anna.get("/account/2fa/webauthn/add/")
    phone = anna.authenticator()
    anna.enrol_passkey(phone)
    # The password with a recovery code is a way in as well.
    assert "Two things are needed" in anna.get("/account/2fa/").words
    assert "after 3 days" in anna.get("/account/2fa/").words, "the recovery by mail"
    second = HttpPerson(anna.site)
    second.get("/account/signup/passkey/")
    second.send("email", email="strong@example.org")
    second.send("code", code=anna.site.sink.code("strong@example.org"))
    second.enrol_passkey(second.authenticator())
    words = second.get("/account/2fa/").words
    assert "works on our pages alone" in words
    assert "The weakest way in is your mailbox" in words


def test_every_method_is_rated() -> None:
    from expunge.core.accounts.credential_strength import _STRENGTH

    assert set(_STRENGTH) == set(Method)
