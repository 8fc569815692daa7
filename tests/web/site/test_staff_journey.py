"""An administrator enrols a reviewer and takes the right away, in two real browsers: the open page stops."""

from __future__ import annotations

import re
from typing import Literal

import pytest
from playwright.sync_api import Locator, expect

from expunge.core.accounts.staff import JobFunction
from expunge.core.accounts.staff_acts import InviteStaff
from tests.web.site.browser import Visitor
from tests.web.site.deciders import confirm_keys, decided, was_there
from tests.web.site.kit import SiteServed

WITHIN = 8_000
"""Milliseconds within which an open page has to stop: it asks every three seconds."""


def enrol(visitor: Visitor, link: str) -> None:
    """Open a link, and make a passkey with it."""
    visitor.take_authenticator()
    page = visitor.go(link)
    page.get_by_role("button", name="Make my passkey").click()
    page.wait_for_url("**/staff/security/")


def decide(visitor: Visitor, to: str) -> None:
    """Go on from a form, and decide with the passkey."""
    page = visitor.page
    page.get_by_role("button", name="Go on").click()
    page.get_by_role("button", name="Decide with your passkey").click()
    page.wait_for_url(f"**{to}")


@pytest.mark.duty("RNG-18", "AMZ-16")
def test_an_administrator_enrols_a_reviewer_and_takes_the_right_away(served_site: SiteServed, person: Visitor, other: Visitor) -> None:
    site = served_site
    made = decided(site, InviteStaff("admin-7", JobFunction.ADMINISTRATOR))
    enrol(person, f"{site.origin}/staff/enrol/#{made.secret}")
    confirm_keys(site, made.account)
    admin = person.go(f"{site.origin}/staff/invite/")
    admin.get_by_label("Label").fill("night-desk-7")
    admin.get_by_label("Job function").select_option("reviewer")
    admin.get_by_role("button", name="Go on").click()
    admin.get_by_role("button", name="Decide with your passkey").click()
    expect(admin.get_by_role("heading", name="The link is made")).to_be_focused()
    link = admin.locator("#link").inner_text()
    assert re.fullmatch(rf"{site.origin}/staff/enrol/#expunge-staff-[\w-]{{43}}", link)
    assert "#" not in admin.url

    enrol(other, link)
    reviewer = other.page
    assert "#" not in reviewer.url
    fingerprint = reviewer.locator(".note .code").inner_text()
    person.go(f"{site.origin}/staff/people/night-desk-7/confirm-key/")
    admin.get_by_label("Check letters").fill(fingerprint)
    decide(person, "/staff/people/night-desk-7/")
    expect(admin.get_by_role("status")).to_contain_text("The passkeys of night-desk-7 are confirmed.")

    other.go(f"{site.origin}/staff/")
    expect(reviewer.locator("main")).to_contain_text("See the part of a recording that was approved")
    reviewer.wait_for_timeout(4_000)
    expect(reviewer.locator("main")).to_contain_text("See the part of a recording that was approved")
    admin.get_by_role("link", name=re.compile("Take away")).click()
    admin.get_by_label("Ask to see part of a recording").uncheck()
    admin.get_by_label("Reason").select_option("moved")
    decide(person, "/staff/people/night-desk-7/")
    stopped = reviewer.get_by_role("heading", name="This page has stopped")
    expect(stopped).to_be_focused(timeout=WITHIN)
    assert reviewer.title().startswith("This page has stopped")
    assert "See the part of a recording" not in reviewer.content()
    assert "night-desk-7" not in reviewer.content()
    assert person.complaints == other.complaints == []
    reviewer.get_by_role("link", name="To the first page").click()
    expect(reviewer.locator("main")).not_to_contain_text("See the part of a recording")
    expect(reviewer.locator("main")).to_contain_text("Ask to see part of a recording")

    admin.get_by_role("link", name="Suspend").click()
    admin.get_by_label("Reason").select_option("incident")
    decide(person, "/staff/people/night-desk-7/")
    expect(reviewer.get_by_role("heading", name="This page has stopped")).to_be_focused(timeout=WITHIN)
    expect(reviewer.locator("main")).to_contain_text("This account is closed now.")
    assert person.complaints == other.complaints == []


def tab_to(target: Locator) -> None:
    """Press Tab until an element has the focus."""
    for _ in range(60):
        target.page.keyboard.press("Tab")
        if target.evaluate("each => each === document.activeElement"):
            return
    raise AssertionError(f"Tab does not come to it: {target}")


@pytest.mark.duty("RNG-18")
def test_an_administrator_signs_in_and_decides_with_the_keyboard_alone(served_site: SiteServed, person: Visitor) -> None:
    made = decided(served_site, InviteStaff("keys-only", JobFunction.ADMINISTRATOR))
    was_there(served_site, "desk-7", JobFunction.REVIEWER, days=9)
    enrol(person, f"{served_site.origin}/staff/enrol/#{made.secret}")
    confirm_keys(served_site, made.account)
    person.context.clear_cookies(name="session")
    page = person.go(f"{served_site.origin}/staff/sign-in/")

    def press(key: str, name: str, role: Literal["button", "link"] = "link") -> None:
        tab_to(page.locator("body").get_by_role(role, name=name, exact=role == "link").first)
        page.keyboard.press(key)

    press("Enter", "Log in with a passkey", "button")
    page.wait_for_url("**/staff/")
    press("Enter", "People and rights")
    page.wait_for_url("**/staff/people/")
    press("Enter", "desk-7")
    page.wait_for_url("**/desk-7/")
    press("Enter", "Suspend")
    reason = page.get_by_label("Reason")
    tab_to(reason)
    for _ in range(9):
        if reason.input_value() == "incident":
            break
        page.keyboard.press("ArrowDown")
    assert reason.input_value() == "incident"
    press("Space", "Go on", "button")
    page.get_by_role("button", name="Decide with your passkey").wait_for()
    press("Space", "Decide with your passkey", "button")
    page.wait_for_url("**/staff/people/desk-7/")
    expect(page.get_by_role("status")).to_contain_text("desk-7")
    assert person.complaints == []


@pytest.mark.soak
def test_a_page_about_which_nothing_answers_is_taken_away_after_half_a_minute(served_site: SiteServed, person: Visitor) -> None:
    made = decided(served_site, InviteStaff("admin-9", JobFunction.ADMINISTRATOR))
    enrol(person, f"{served_site.origin}/staff/enrol/#{made.secret}")
    confirm_keys(served_site, made.account)
    page = person.page
    page.clock.install()
    person.go(f"{served_site.origin}/staff/people/")
    page.route("**/staff/still/**", lambda route: route.fulfill(status=503, body="<p>away</p>"))
    page.clock.run_for(20_000)
    expect(page.get_by_role("heading", name="People and rights")).to_be_visible()
    for _ in range(12):
        page.clock.run_for(3_000)
    expect(page.get_by_role("heading", name="This page has stopped")).to_be_focused()
    assert "admin-9" not in page.content()
