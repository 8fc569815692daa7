"""A guardian watches a deletion in a real browser: each step is shown as it happens, and every page of the way keeps to the rules."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.web.site.browser import visitor
from tests.web.site.family_company import Guardian, guardian
from tests.web.site.handing_over import signed
from tests.web.site.kit import SiteServed, site
from tests.web.site.looking import Look, prove
from tests.web.site.walk_families import COOLING, slow_to_begin

pytestmark = pytest.mark.browser
SHOTS = os.environ.get("EXPUNGE_SHOTS", "")
"""A folder for pictures of the pages."""


def looked_at(looks: Look, page: Page, name: str) -> None:
    if SHOTS:
        page.screenshot(path=Path(SHOTS) / f"{name}.png", full_page=True)
    looks.at(page, name)


def ordered(page: Page, one: Guardian) -> None:
    """Confirm what the preview shows, with the passkey."""
    page.fill("#typed", "erase")
    # Why waited for: a page that is still coming has no form to sign.
    with page.expect_navigation():
        page.locator("main form .danger").click()
    confirmed(page, one)


def confirmed(page: Page, one: Guardian) -> None:
    """Confirm what the page asks, with the passkey."""
    page.evaluate(
        "answer => { const field = document.querySelector('main [name=credential]'); field.value = answer; field.form.submit() }",
        signed(page.content(), one.authenticator),
    )
    page.locator("#progress").wait_for()


@pytest.fixture(scope="module")
def slow_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SiteServed]:
    with site(tmp_path_factory.mktemp("live"), enrich=slow_to_begin) as served:
        yield served


def test_each_step_is_shown_as_it_happens(slow_site: SiteServed, browser: Browser) -> None:
    looks = Look()
    served = slow_site
    with visitor(browser) as person:
        one = guardian(served, "mia.mother@home.example", "p-mia", "p-tom")
        page = person.page
        page.set_viewport_size({"width": 1100, "height": 800})
        person.context.add_cookies([{"name": name, "value": value, "url": served.origin} for name, value in one.person.cookies.items()])
        person.context.set_extra_http_headers({"X-Forwarded-For": one.person.address})
        page.goto(f"{served.origin}/child/")
        page.locator("main ul a").first.click()
        page.locator("nav.rooms a[href$='/delete/']").click()
        looked_at(looks, page, "choose")
        page.locator("main form .danger").click()
        looked_at(looks, page, "preview")
        ordered(page, one)
        looked_at(looks, page, "cooling")
        assert "call this off" in page.locator("h1").inner_text()
        assert page.locator("[data-without-live]").is_hidden()
        with page.expect_navigation():
            page.locator("button", has_text="Call it off").click()
        looked_at(looks, page, "call-off")
        confirmed(page, one)
        page.wait_for_function("document.querySelector('h1').innerText === 'Called off'")
        looked_at(looks, page, "called-off")
        path = served.folder / "expunge.yaml"
        path.write_text(path.read_text().replace(COOLING, ""))
        page.locator("nav.rooms a[href$='/delete/']").click()
        page.locator("main form .danger").click()
        ordered(page, one)
        begun = time.monotonic()
        seen: list[str] = []
        while not seen or "Erased and" not in seen[-1]:
            shown = f"{page.locator('h1').inner_text()}: {page.locator('.lead').inner_text()}"
            if shown not in seen:
                seen.append(shown)
                if "erasing" in shown:
                    looked_at(looks, page, "working")
            assert time.monotonic() - begun < 60, seen
            page.wait_for_timeout(50)
        looked_at(looks, page, "done")
        assert len(seen) > 1, "the page was shown before it ended, and was not loaded again since"
        assert "Erased and verified" in seen[-1]
        assert page.locator("button", has_text="Call it off").count() == 0
        page.set_viewport_size({"width": 360, "height": 740})
        page.reload()
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        assert [each for each in person.complaints if "Failed to load" not in each] == []
    assert looks.found == []
    prove(__name__, looks.seen)
