"""A walk through the pages of recordings, in a real browser: what looks at each page takes the walk along."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Page

from tests.web.site import looks_company
from tests.web.site.browser import Visitor
from tests.web.site.kit import SiteServed
from tests.web.site.recordings_company import confirmed


def walk(served: SiteServed, visitor: Visitor, look: Callable[[str, Page], None], name: str = "walker") -> None:
    """Visit every page and state. ``served``: pages of `recordings_company.recordings_site`."""
    one, home = confirmed(served, f"{name}@home.example")
    visitor.context.add_cookies([{"name": key, "value": value, "url": served.origin} for key, value in one.person.cookies.items()])
    page = visitor.page

    def see(path: str, state: str) -> None:
        page.goto(f"{served.origin}{home}{path}")
        page.wait_for_load_state()
        look(state, page)

    see("timeline/", "portal_timeline")
    plays = page.locator("[data-recording]").evaluate_all(
        "rows => rows.map(each => [each.dataset.tag, each.querySelector('[data-play]').getAttribute('href')])"
    )
    see("timeline/?until=2001-01-01", "portal_timeline.none")
    told: set[str] = set()
    for tag, address in plays:
        page.goto(f"{served.origin}{address}")
        state = tag if page.locator(f"main {tag}.whole").count() else "broken"
        if state not in told:
            told.add(state)
            look(f"portal_play.{state}", page)
    see(f"play/{'0' * 32}/", "portal_play.gone")
    see("reviews/", "portal_reviews.none")
    request = looks_company.ask(served.folder, "p-mia", "rec-m1-71835")
    see("reviews/", "portal_reviews.asked")
    one.person.post(f"{home}reviews/answer/", request=request, word="allow")
    one.confirm()
    looks_company.look(served.folder, request)
    see("looked/", "portal_looked")
    one.person.post(f"{home}reviews/answer/", request=request, word="deny")
    one.person.post(f"{home}reviews/bar/", request=request)
    one.person.post(f"{home}reviews/bar/")
    looks_company.ask(served.folder, "p-mia", "rec-m2-90417", number=89)
    see("reviews/", "portal_reviews")
    for bar in re.findall(r'name="end" value="([0-9a-z]+)"', one.person.get(f"{home}reviews/").text):
        # Why ended: another walk through the same company begins without any.
        one.person.post(f"{home}reviews/bar/", end=bar)
        one.confirm()
    one.person.get(home)
    one.person.send("csrfmiddlewaretoken")
    see("looked/", "portal_looked.counts")
