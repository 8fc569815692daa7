"""A walk through the pages on which a family erases data and takes copies, in a real browser: what looks at each page takes it along."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page

from tests.web.site import walk_held
from tests.web.site.browser import Visitor
from tests.web.site.family_company import enrich, guardian
from tests.web.site.handing_over import signed
from tests.web.site.kit import SiteServed
from tests.web.site.test_exporting import ask_for, ready

COOLING = "cooling_off: 30 minutes\n"


def slow_to_begin(folder: Path) -> None:
    """The company of families, whose orders can be called off for half an hour."""
    enrich(folder)
    path = folder / "expunge.yaml"
    path.write_text(path.read_text().replace("stores:\n", f"{COOLING}stores:\n", 1))


def walk(served: SiteServed, visitor: Visitor, look: Callable[[str, Page], None], name: str = "walker") -> None:
    """Visit every page and state. ``served``: pages of a company that :func:`slow_to_begin` enriched."""
    one = guardian(served, f"{name}@home.example", "p-mia")
    walk_held.held(served, visitor, one, look)
    ask_for(one, "voice recordings", "transcripts")
    ready(one)
    home, page = one.go(), visitor.page
    page.goto(f"{served.origin}{home}export/")
    look("portal_export", page)
    page.goto(f"{served.origin}{home}delete/")
    look("portal_delete", page)
    page.locator("main form .danger").click()
    look("portal_delete_preview", page)
    page.fill("#typed", "erase")
    page.locator("main form .danger").click()
    page.evaluate(
        "answer => { const field = document.querySelector('main [name=credential]'); field.value = answer; field.form.submit() }",
        signed(page.content(), one.authenticator),
    )
    page.locator("#progress").wait_for()
    look("portal_deletion", page)
