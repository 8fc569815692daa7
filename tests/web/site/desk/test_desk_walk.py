"""The base of the desk's pages in a real browser, by axe, in dark, and on a phone."""

from __future__ import annotations

from playwright.sync_api import Page

from tests.web.site.browser import Visitor
from tests.web.site.desk import desk_company
from tests.web.site.desk.kit import Colleague, Desk
from tests.web.site.looking import Look, prove


def seated(visitor: Visitor, colleague: Colleague) -> Page:
    """Give a browser the login of a member of staff."""
    person = colleague.browser()
    origin = colleague.served.origin
    visitor.context.add_cookies([{"name": key, "value": value, "url": origin} for key, value in person.cookies.items()])
    return visitor.page


def test_the_base_pages_are_looked_at(office: Desk, person: Visitor) -> None:
    look = Look()
    page = seated(person, office["reviewer"])
    page.goto(f"{office.served.origin}/staff/desk/")
    look.at(page, "desk_home.nothing")
    office.leased()
    office.door.ask(office["reviewer"].caller, desk_company.new(dataset="nights", name=desk_company.SEALED))
    page.reload()
    assert page.locator("main .rows li").count() >= 2
    look.at(page, "desk_home")
    page.goto(f"{office.served.origin}/staff/desk/again/")
    look.at(page, "desk_again")
    assert look.found == []
    assert person.complaints == []
    prove(__name__, look.seen)
