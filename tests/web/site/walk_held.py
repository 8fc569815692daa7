"""The pages about what is held, in a browser with the session of a guardian: what looks at each page takes the walk along."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page

from tests.web.site.browser import Visitor
from tests.web.site.family_company import Guardian
from tests.web.site.kit import SiteServed

NAMES = ("portal_home.counted", "portal_places", "portal_places_off")


def held(served: SiteServed, visitor: Visitor, one: Guardian, look: Callable[[str, Page], None]) -> None:
    """Look at what is held about the first family, at its places and at the switch."""
    base = one.go()
    one.person.get(f"{base}places/")
    if one.person.last is not None and one.person.last.path != f"{base}places/":
        one.confirm()
    visitor.context.add_cookies([{"name": name, "value": value, "url": served.origin} for name, value in one.person.cookies.items()])
    page = visitor.go(f"{served.origin}{base}")
    # The page counts by itself until the numbers are there.
    page.locator("#held .rows").wait_for()
    look(NAMES[0], page)
    for name, path in ((NAMES[1], "places/"), (NAMES[2], "places/off/")):
        page.goto(f"{served.origin}{base}{path}")
        page.wait_for_load_state()
        for fold in page.locator("main details.fold > summary").all():
            fold.click()
        look(name, page)
