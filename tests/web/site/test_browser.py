"""The pages in a real browser, with passkeys: sign up, lose the phone, stay out, be ended."""

from __future__ import annotations

import time

from playwright.sync_api import Page

from tests.moment import stored
from tests.web.site.browser import Visitor
from tests.web.site.handing_over import as_chromium, enrol_kept, token
from tests.web.site.http_person import PASSWORD, HttpPerson
from tests.web.site.kit import SiteServed


def submit(page: Page, field: str, value: str) -> None:
    """Fill a field and send its form."""
    page.locator(f"input[name={field}]").fill(value)
    page.locator(f"form:has(input[name={field}]) button[type=submit]").first.click()


def press(page: Page, button: str) -> None:
    """Press a button of a script, once the script has run: before that nothing listens."""
    page.locator(button).wait_for()
    page.wait_for_load_state("load")
    page.locator(button).click()


def sign_up_with_a_passkey(site: SiteServed, person: Visitor, address: str) -> Page:
    person.take_authenticator()
    page = person.go(f"{site.origin}/account/signup/passkey/")
    submit(page, "email", address)
    submit(page, "code", site.sink.code(address))
    press(page, "#mfa_webauthn_signup")
    page.wait_for_url(f"{site.origin}/account/protect/")
    return page


def log_in_with_a_passkey(site: SiteServed, person: Visitor) -> Page:
    page = person.go(f"{site.origin}/account/login/")
    press(page, "#passkey_login")
    return page


def log_out(site: SiteServed, person: Visitor) -> None:
    page = person.go(f"{site.origin}/account/logout/")
    page.locator("form[action*=logout] button[type=submit], form button[type=submit]").last.click()
    page.wait_for_url(f"{site.origin}/")


def path_of(page: Page, site: SiteServed) -> str:
    return page.url.removeprefix(site.origin)


def test_a_person_signs_up_with_a_passkey_and_logs_in_with_it(served_site: SiteServed, person: Visitor) -> None:
    page = sign_up_with_a_passkey(served_site, person, "anna-key@example.org")
    assert "no phone" in page.inner_text("body")
    assert len(person.passkeys()) == 1
    # A further one is confirmed by the first, and the browser makes none on a machine that has one.
    page = person.go(f"{served_site.origin}/account/2fa/webauthn/add/")
    assert path_of(page, served_site) == "/account/confirm/"
    press(page, "#confirm_by_passkey")
    page.wait_for_url("**/webauthn/add/")
    press(page, "#mfa_webauthn_add")
    page.wait_for_selector("#passkey-trouble:not([hidden])")
    assert "already has a passkey" in page.inner_text("#passkey-trouble")
    log_out(served_site, person)
    page = log_in_with_a_passkey(served_site, person)
    page.wait_for_url(f"{served_site.origin}/")
    page = person.go(f"{served_site.origin}/account/sessions/")
    assert path_of(page, served_site) == "/account/sessions/"
    # Recovery codes for paper, asked for by the passkey of the sign-up or once more by it.
    page = person.go(f"{served_site.origin}/account/2fa/recovery-codes/generate/")
    if "reauthenticate" in page.url:
        press(page, "#mfa_webauthn_reauthenticate")
        page.wait_for_url("**/recovery-codes/generate/**")
    page.locator("form[action*=generate] button[type=submit]").click()
    page.wait_for_url("**/recovery-codes/")
    assert not person.complaints


def test_who_lost_the_phone_recovers_after_the_wait(served_site: SiteServed, person: Visitor, other: Visitor) -> None:
    address = "phone@example.org"
    page = sign_up_with_a_passkey(served_site, person, address)
    log_out(served_site, person)
    person.lose_authenticator()
    # Another machine, which has never been here.
    other.take_authenticator()
    page = other.go(f"{served_site.origin}/account/recovery/")
    submit(page, "email", address)
    submit(page, "code", served_site.sink.kept_code(address))
    page.wait_for_url("**/recovery/waiting/")
    served_site.sink.about(address, "A person wants to get back into your account")
    served_site.kept(f"UPDATE expunge_account_recovery SET ready_at = '{stored(minutes=-1)}'")
    page = other.go(f"{served_site.origin}/account/recovery/")
    submit(page, "email", address)
    submit(page, "code", served_site.sink.kept_code(address, 1))
    page.wait_for_url("**/account/protect/")
    page = other.go(f"{served_site.origin}/account/sessions/")
    assert path_of(page, served_site) == "/account/protect/"
    page = other.go(f"{served_site.origin}/account/2fa/webauthn/add/")
    press(page, "#mfa_webauthn_add")
    page.wait_for_url("**/recovery-codes/")
    log_out(served_site, other)
    page = log_in_with_a_passkey(served_site, other)
    page.wait_for_url(f"{served_site.origin}/")
    assert not other.complaints


def test_a_passkey_whose_counter_goes_back_is_refused_and_told(served_site: SiteServed, person: Visitor) -> None:
    address = "copied-key@example.org"
    sign_up_with_a_passkey(served_site, person, address)
    log_out(served_site, person)
    log_in_with_a_passkey(served_site, person).wait_for_url(f"{served_site.origin}/")
    log_out(served_site, person)
    (passkey,) = person.passkeys()
    person.put_passkey({**passkey, "signCount": 0})
    page = log_in_with_a_passkey(served_site, person)
    page.wait_for_selector("text=there may be a copy of it")
    assert path_of(person.go(f"{served_site.origin}/account/sessions/"), served_site).startswith("/account/login/")
    served_site.sink.about(address, "There may be a copy of your passkey")
    # The passkey itself, which counts on, still lets in.
    person.put_passkey({**passkey, "signCount": passkey["signCount"] + 1})
    log_in_with_a_passkey(served_site, person).wait_for_url(f"{served_site.origin}/")


def test_a_passkey_that_is_missing_is_told_on_the_page(served_site: SiteServed, person: Visitor) -> None:
    person.take_authenticator()
    page = log_in_with_a_passkey(served_site, person)
    page.wait_for_selector("#passkey-trouble:not([hidden])", timeout=90_000)
    assert "another way" in page.inner_text("#passkey-trouble")


def test_an_attacker_with_the_right_password_stays_out(served_site: SiteServed, person: Visitor) -> None:
    address = "target@example.org"
    HttpPerson(served_site).sign_up(address)
    page = person.go(f"{served_site.origin}/account/login/")
    page.locator("input[name=login]").fill(address)
    submit(page, "password", PASSWORD)
    page.wait_for_url("**/login/code/confirm/")
    for path in ("/", "/account/sessions/", "/account/email/", "/account/2fa/", "/account/protect/", "/account/close/"):
        page = person.go(f"{served_site.origin}{path}")
        assert path == "/" or "login" in page.url, path
        assert "Sign Out" not in page.content(), path
    for _ in range(3):
        page = person.go(f"{served_site.origin}/account/login/code/confirm/")
        submit(page, "code", "BBBB-BBBB")
    assert not page.url.endswith("/code/confirm/"), "more than three tries of one code"


def test_a_session_that_is_ended_elsewhere_stops_within_a_second(served_site: SiteServed, person: Visitor, other: Visitor) -> None:
    address = "two-machines@example.org"
    page = sign_up_with_a_passkey(served_site, person, address)
    second = HttpPerson(served_site)
    second.cookies = {each["name"]: each["value"] for each in person.context.cookies()}
    log_out(served_site, person)
    assert not second.inside, "a copied cookie outlived the log-out"
    log_in_with_a_passkey(served_site, person).wait_for_url(f"{served_site.origin}/")
    keys = person.passkeys()
    other.take_authenticator()
    for key in keys:
        other.put_passkey({**key, "signCount": key["signCount"] + 1})
    log_in_with_a_passkey(served_site, other).wait_for_url(f"{served_site.origin}/")
    page = person.go(f"{served_site.origin}/account/sessions/")
    page.locator("form:has(input[value=others]) button").click()
    page.wait_for_url("**/sessions/")
    at = time.monotonic()
    copied = HttpPerson(served_site, cookies={each["name"]: each["value"] for each in other.context.cookies()})
    assert not copied.inside
    assert time.monotonic() - at < 1.0
    assert "/account/login/" in other.go(f"{served_site.origin}/account/sessions/").url
    assert path_of(person.go(f"{served_site.origin}/account/sessions/"), served_site) == "/account/sessions/"


def test_a_link_of_the_companys_app_is_confirmed_with_a_passkey(served_site: SiteServed, person: Visitor) -> None:
    address = "handed@example.org"
    page = person.go(f"{served_site.origin}/account/signup/")
    page.locator("input[name=email]").fill(address)
    submit(page, "password1", PASSWORD)
    submit(page, "code", served_site.sink.code(address))
    page.wait_for_url("**/account/protect/")
    person.take_authenticator()
    person.put_passkey(as_chromium(enrol_kept(served_site, address, synced=False)))
    told = token(served_site, address, ("profile:p-3", "guardian"))
    page = person.go(f"{served_site.origin}/handover/#{told}")
    page.get_by_text("you are the guardian of one child").wait_for()
    assert path_of(page, served_site) == "/handover/"
    assert "#" not in page.url
    page.get_by_role("link", name="Go on").click()
    page.get_by_role("button", name="Confirm with your passkey").click()
    page.wait_for_url("**/handover/done/")
    assert served_site.kept("SELECT role FROM expunge_membership") == [("guardian",)]
    assert not person.complaints
