"""The walk through the pages on which employees manage people and rights."""

from __future__ import annotations

from typing import TYPE_CHECKING

from expunge import clock
from expunge.core.accounts.staff import JobFunction
from expunge.core.accounts.staff_acts import InviteStaff, SuspendStaff
from expunge.core.accounts.staff_events import StaffReason
from tests.web.site.deciders import confirm_keys, decided, was_there
from tests.web.site.desk.orders_company import LIST, approver, planned

if TYPE_CHECKING:
    from tests.web.site.walk import Walk


def manage(walk: Walk) -> None:
    """Look at each page, as an administrator and as an officer."""
    desk = f"year-{walk.family}"
    was_there(walk.served, desk, JobFunction.REVIEWER, days=350)
    was_there(walk.served, f"late-{walk.family}", JobFunction.OPERATOR, days=370)
    attack(walk)
    _come(walk, f"admin-{walk.family}", JobFunction.ADMINISTRATOR)
    walk.visit("staff_people")
    walk.visit("staff_attempts")
    walk.page.locator("main .rows a").first.click()
    walk.see("staff_incident")
    walk.go(f"/staff/people/admin-{walk.family}/")
    walk.see("staff_person", "own")
    walk.go(f"/staff/people/{desk}/")
    walk.see("staff_person")
    walk.go(f"/staff/people/{desk}/suspend/")
    walk.see("staff_decide")
    walk.go(f"/staff/people/{desk}/reviewer/revoke/")
    walk.see("staff_decide_function", "revoke")
    walk.visit("staff_invite")
    walk.fill(label="Ann Lee")
    walk.page.locator("[name=function]").select_option("officer")
    _go_on(walk)
    walk.see("staff_invite", "problem")
    walk.fill(label=f"new-{walk.family}")
    _go_on(walk)
    walk.see("staff_invite", "means")
    walk.page.locator("form[data-ceremony] [type=submit]").click()
    walk.page.locator("#link").wait_for()
    walk.see("staff_invite", "link")
    officer = _come(walk, f"officer-{walk.family}", JobFunction.OFFICER)
    walk.visit("staff_review")
    walk.go(f"/staff/people/{desk}/reviewer/confirm/")
    walk.see("staff_decide_function")
    walk.page.locator("[name=reason]").select_option("needed")
    _go_on(walk)
    walk.see("staff_decide_function", "problem")
    _orders(walk, f"officer-{walk.family}")
    incidents(walk)
    walk.visit("staff_review", "open")
    decided(walk.served, SuspendStaff(officer, StaffReason.AWAY))
    walk.page.locator("[role=status] h1").wait_for(timeout=10_000)
    walk.see("staff_review", "stopped")


def _orders(walk: Walk, label: str) -> None:
    """Look at an order before and after its plan is signed."""
    order = planned(walk.served, f"p-{walk.family}")
    with approver(walk.served, label):
        walk.visit("desk_orders")
        walk.go(f"{LIST}{order}/")
        walk.see("desk_order")
        walk.page.locator("form[data-ceremony] [type=submit]").click()
        walk.page.locator("[role=status]").wait_for()
        walk.see("desk_order", "approved")


def incidents(walk: Walk) -> None:
    """Enter an incident, and look at each page about it."""
    walk.visit("desk_incident_new")
    walk.page.locator("[name=kind]").select_option("copy")
    walk.fill(began="2026-01-05T08:00", discovered="2026-01-07T08:00", reference="SEC-1042")
    with walk.page.expect_navigation():
        walk.page.locator("main form.card [type=submit]").click()
    walk.see("desk_incident_new", "problem")
    walk.page.locator("#what-copied").check()
    walk.fill(began="2026-01-05T08:00", discovered="2026-01-07T08:00", reference="SEC-1042")
    with walk.page.expect_navigation():
        walk.page.locator("main form.card [type=submit]").click()
    walk.see("desk_incident")
    here = walk.page.url.removeprefix(walk.served.origin)
    walk.visit("desk_incidents")
    for name, path in {
        "desk_incident_change": "enter/fact/",
        "desk_incident_close": "close/",
        "desk_incident_letter": "letter/people/",
    }.items():
        walk.go(f"{here}{path}")
        walk.see(name)
    walk.go(f"{here}enter/reach/")
    walk.see("desk_incident_change", "reach")
    walk.go(f"{here}letter/authority/")
    walk.see("desk_incident_letter", "report")


def attack(walk: Walk) -> None:
    """Enter an attack that is over."""
    now = clock.now().replace(tzinfo=None, microsecond=0).isoformat(" ")
    walk.served.sql(
        "INSERT INTO expunge_incident (slot, kind, begun, recognised, seen, closed, tries, refused, suspects, successes, accounts, "
        "networks, entered) VALUES (NULL, 'spray', ?, ?, ?, ?, 812, 640, 800, 2, 310, 12, 2)",
        now, now, now, now,
    )  # fmt: skip


def _come(walk: Walk, label: str, function: JobFunction) -> str:
    """Enrol by a link as an account that is confirmed; return the account."""
    walk.visitor.context.clear_cookies(name="session")
    # An authenticator of Chromium's keeps three passkeys that it knows by itself.
    walk.visitor.lose_authenticator()
    walk.visitor.take_authenticator()
    made = decided(walk.served, InviteStaff(label, function))
    walk.go(f"/staff/enrol/#{made.secret}")
    walk.page.locator("form[data-ceremony] [type=submit]").click()
    # What every page of staff has, or what went wrong.
    walk.page.locator("#still, [data-trouble]:visible").first.wait_for(state="attached")
    assert walk.page.url.endswith("/staff/security/"), walk.page.locator("main").inner_text()
    confirm_keys(walk.served, made.account)
    return made.account


def _go_on(walk: Walk) -> None:
    with walk.page.expect_navigation():
        walk.page.locator("main form [name=step]").first.click()
