"""Each page of staff at the desk in a browser: by axe, in dark, on a phone, without a complaint of the page's policy of sources."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from playwright.sync_api import Page

from expunge import clock
from expunge.bootstrap import Expunge
from expunge.core.journal.finding_events import FindingOpened
from expunge.core.noticing.findings import finding_id
from expunge.core.review.new_review import NewReview
from expunge.engine.kernel.journal_streams import FINDINGS, register
from tests.web.site.browser import Visitor
from tests.web.site.desk.desk_company import SEALED, new
from tests.web.site.desk.kit import Colleague, Desk
from tests.web.site.looking import Look, prove
from tests.web.site.office import Employee
from tests.web.site.rendered import pages


def night(**changes: object) -> NewReview:
    """A request about a camera of which nothing is known."""
    return new(name=SEALED, dataset="nights", **changes)


def sit(visitor: Visitor, person: Employee) -> Page:
    """Put a browser into the login of a person."""
    visitor.context.clear_cookies()
    visitor.context.add_cookies([{"name": name, "value": value, "url": person.site.origin} for name, value in person.cookies.items()])
    visitor.context.set_extra_http_headers({"X-Forwarded-For": person.address})
    return visitor.page


def plant(office: Desk, of: Colleague) -> str:
    """Enter a finding about a day."""
    day = clock.today() - timedelta(days=3)

    def enter() -> None:
        with Expunge.open(office.served.folder / "expunge.yaml") as opened:
            met = {"bedrooms": 3351, "same-household-again": 44, "long-watching": 9120}
            event = FindingOpened(clock.now(), finding_id(of.account, day), of.account, "reviewer", day.isoformat(), met, "0" * 64)
            register(opened.context.journal, FINDINGS, event)

    with ThreadPoolExecutor(1) as apart:
        apart.submit(enter).result()
    return finding_id(of.account, day)


def test_each_page_is_looked_at_in_every_way(office: Desk, person: Visitor) -> None:
    reviewer, officer, look = office["reviewer"], office["officer"], Look()
    waiting = office.door.ask(reviewer.caller, night(case_number="LE-96")).request
    lease = office.leased(case_number="LE-97")
    office.door.segment(reviewer.caller, lease.lease, 0, 2000)
    emergency = office.door.ask(office["reviewer-2"].caller, night(case_number="LE-98", break_glass=True)).request
    office.door.activate(office["reviewer-2"].caller, emergency)
    finding, origin = plant(office, office["reviewer-2"]), office.served.origin

    def see(name: str, *parts: str) -> None:
        path = pages().addresses[name]
        for part in parts:
            path = path.replace("<pk>", part, 1)
        person.go(f"{origin}{path}")
        look.at(person.page, name)

    page = sit(person, reviewer.browser())
    for name in ("desk_home", "desk_requests", "desk_request_new", "desk_request_emergency", "desk_records", "desk_again"):
        see(name)
    see("desk_request", lease.request)
    see("desk_request_extend", lease.request)
    see("desk_statement", "harm")
    page = sit(person, officer.browser())
    for name in ("desk_approvals", "desk_findings", "desk_people", "desk_train"):
        see(name)
    see("desk_approval", waiting)
    page.locator("button[value=approve]").click()
    page.get_by_text("This is what you decide").first.wait_for()
    look.at(page, "desk_approval.confirm")
    see("desk_judgement", emergency)
    see("desk_finding", finding)
    see("desk_looks")
    page.locator("[name=reviewer]").fill(reviewer.label)
    page.locator("form.card [type=submit]").click()
    page.get_by_text("No look of staff is missing").wait_for()
    look.at(page, "desk_looks.found")
    assert look.found == []
    assert person.complaints == []
    prove(__name__, look.seen)
