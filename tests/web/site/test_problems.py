"""Pages that say what went wrong: what they show of what was sent."""

from __future__ import annotations

import pytest

from tests.web.site.http_person import HttpPerson
from tests.web.site.kit import SiteServed


@pytest.mark.parametrize(("origin", "shown"), [("same-origin", True), ("cross-site", False), ("same-site", False), ("", False)])
def test_a_late_form_shows_what_was_typed_only_where_it_was_ours(served_site: SiteServed, origin: str, shown: bool) -> None:
    """Another site may have filled the form in: nothing of it is shown as typed here. A password is never shown."""
    person = HttpPerson(served_site)
    person.get("/account/signup/")
    sent = {"email": "typed-late@example.org", "password1": "a secret of four words", "csrfmiddlewaretoken": "x" * 64}
    page = person.ask("POST", "/account/signup/", sent, **({"Sec-Fetch-Site": origin} if origin else {}))
    assert page.status == 403
    assert "This page was open for too long" in page.words
    assert ("typed-late@example.org" in page.text) is shown
    assert "a secret" not in page.text


def test_a_keeper_that_cannot_read_its_tables_is_told_as_away(served_site: SiteServed) -> None:
    person = HttpPerson(served_site)
    person.sign_up("tables@example.org")
    served_site.kept("ALTER TABLE expunge_credential RENAME TO away")
    try:
        for path in ("/account/2fa/", "/account/2fa/webauthn/", "/account/close/"):
            page = person.get(path) if path != "/account/close/" else person.post(path)
            assert page.status == 503, path
            assert "We cannot reach your account now" in page.words
        person.get("/staff/enrol/")
        assert person.post("/staff/sign-in/finish/", response="{}").status < 500
    finally:
        served_site.kept("ALTER TABLE away RENAME TO expunge_credential")
    assert person.get("/account/2fa/").status == 200


def test_a_page_that_is_not_there_repeats_no_address(served_site: SiteServed) -> None:
    page = HttpPerson(served_site).get("/account/ana@example.org/")
    assert page.status == 404
    assert "There is no such page" in page.words
    assert "ana@example.org" not in page.words


def test_a_language_or_appearance_leads_to_no_other_site(served_site: SiteServed) -> None:
    person = HttpPerson(served_site)
    person.get("/")
    for path, chosen in (("/language/", {"language": "es"}), ("/appearance/", {"appearance": "dark"})):
        sent = {"csrfmiddlewaretoken": person.cookies["csrf"], "next": "https://evil.example/", **chosen}
        assert person.ask("POST", path, sent, follow=False).headers["Location"] == "/"
    assert person.cookies["language"] == "es"
    assert person.cookies["appearance"] == "dark"
