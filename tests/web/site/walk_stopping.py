"""A walk through the pages on which a family stops things, in a real browser: what looks at each page takes the walk along."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page

from tests.web.site.browser import Visitor
from tests.web.site.family_company import guardian
from tests.web.site.kit import SiteServed
from tests.web.site.stopping_company import flag, give


def walk(served: SiteServed, visitor: Visitor, look: Callable[[str, Page], None], name: str = "walker") -> None:
    """Visit every page and state. ``served``: pages of `stopping_company.stopping_site`."""
    give(served, "p-mia", "training", "review")
    one = guardian(served, f"{name}@home.example", "p-mia")
    home = one.go()
    visitor.context.add_cookies([{"name": key, "value": value, "url": served.origin} for key, value in one.person.cookies.items()])

    def see(path: str, state: str) -> None:
        visitor.page.goto(f"{served.origin}{home}{path}")
        visitor.page.wait_for_load_state()
        look(state, visitor.page)

    see("stop/", "portal_stop")
    see("stop/training/", "portal_use")
    see("stop/service/", "portal_use.needed")
    with visitor.page.expect_navigation():
        visitor.page.goto(f"{served.origin}{home}stop/training/")
    with visitor.page.expect_navigation():
        visitor.page.get_by_role("button", name="Stop now").or_(visitor.page.get_by_role("button", name="Detener ahora")).click()
    look("portal_use.stopped", visitor.page)
    see("stop/", "portal_stop.stopped")
    see("keeping/", "portal_keeping")
    see("keeping/voice/", "portal_keeping_kind")
    see("keeping/voice/?period=not+kept", "portal_keeping_kind.preview")
    see("unused/", "portal_unused")
    flag(served, "p-mia")
    see("unused/", "portal_unused.flagged")
