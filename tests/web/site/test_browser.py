"""The pages in a real browser, with passkeys."""

from __future__ import annotations

from tests.web.site.browser import Visitor
from tests.web.site.kit import SiteServed


def test_a_person_signs_up_with_a_passkey(served_site: SiteServed, person: Visitor) -> None:
    person.take_authenticator()
    page = person.go(f"{served_site.origin}/account/signup/passkey/")
    page.get_by_label("Email").fill("anna@example.org")
    page.locator("form button[type=submit], form [type=submit]").first.click()
    page.locator("input[name=code]").fill(served_site.sink.code("anna@example.org"))
    page.locator("form:has(input[name=code]) button[type=submit]").first.click()
    page.locator("#mfa_webauthn_signup").click()
    page.wait_for_url(lambda url: "signup" not in url)
    assert len(person.passkeys()) == 1
    assert not person.complaints
