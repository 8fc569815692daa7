"""An officer approves a plan in a real browser, by the keyboard, with the passkey of a virtual authenticator."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from expunge.core.accounts.staff import JobFunction
from expunge.core.accounts.staff_acts import InviteStaff
from tests.web.site.browser import Visitor
from tests.web.site.deciders import confirm_keys, decided
from tests.web.site.desk.orders_company import LIST, approver, planned, state_of
from tests.web.site.kit import SiteServed


@pytest.mark.duty("NST-10")
def test_an_officer_signs_a_plan_by_the_keyboard_and_reads_that_it_is_approved(served_site: SiteServed, person: Visitor) -> None:
    site = served_site
    made = decided(site, InviteStaff("signs-9", JobFunction.OFFICER))
    person.take_authenticator()
    page = person.go(f"{site.origin}/staff/enrol/#{made.secret}")
    page.get_by_role("button", name="Make my passkey").click()
    page.wait_for_url("**/staff/security/")
    confirm_keys(site, made.account)
    order = planned(site, "p-browser")
    with approver(site, "signs-9"):
        person.go(f"{site.origin}{LIST}")
        link = page.get_by_role("listitem").filter(has_text=order).get_by_role("link")
        link.focus()
        page.keyboard.press("Enter")
        page.wait_for_url(f"**{LIST}{order}/")
        text = page.get_by_label("The text that you sign")
        assert text.inner_text() == f"expunge approval/1\n{order}\n{state_of(site, order)['digest']}\n"
        before = [each["signCount"] for each in person.passkeys()]
        button = page.get_by_role("button", name="Approve with passkey")
        expect(button).to_be_enabled()
        button.focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("status")).to_contain_text("You approved the plan as dana.")
        expect(page.get_by_role("row", name="Approved by")).to_contain_text("passkey of dana")
        assert [each["signCount"] for each in person.passkeys()] == [each + 1 for each in before]
        told = state_of(site, order)
        assert (told["state"], told["approvals"][0]["by"]) == ("approved", "passkey of dana")
    assert not person.complaints
