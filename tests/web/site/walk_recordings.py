"""A walk through the pages of recordings, in a real browser: what looks at each page takes the walk along."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page


def walk(page: Page, family: str, look: Callable[[str, Page], None]) -> None:
    """Visit every page and state.

    Args:
        page: of a guardian who confirmed that it is the guardian.
        family: the address of the pages of one child, which has recordings.
        look: looks at each page.
    """
    page.goto(f"{family}timeline/")
    look("portal_timeline", page)
    plays = page.locator("[data-recording]").evaluate_all(
        "rows => rows.map(each => [each.dataset.tag, each.querySelector('[data-play]').href])"
    )
    page.goto(f"{family}timeline/?until=2001-01-01")
    look("portal_timeline.none", page)
    told: set[str] = set()
    for tag, address in plays:
        page.goto(address)
        state = tag if page.locator(f"main {tag}.whole").count() else "broken"
        if state not in told:
            told.add(state)
            look(f"portal_play.{state}", page)
    page.goto(f"{family}play/{'0' * 32}/")
    look("portal_play.gone", page)
    page.goto(f"{family}looked/")
    look("portal_looked", page)
