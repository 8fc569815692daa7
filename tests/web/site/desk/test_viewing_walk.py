"""Each page of a view by axe, wide, on a phone and in the dark; and by the tab key alone."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from expunge.core.journal.review_words import Clarity, Sound
from tests.web.site.browser import Visitor
from tests.web.site.desk.watching import PHOTO, SOUND, Watching
from tests.web.site.looking import Look, prove
from tests.web.site.test_recordings_browser import until

pytestmark = pytest.mark.browser


def test_no_page_of_a_view_violates_a_rule(watched: Watching, person: Visitor) -> None:
    watched.sit_at(person)
    look, request = Look(), watched.approved(clarity=Clarity.FACES_HIDDEN, sound=Sound.MASKED)
    page = person.go(f"{watched.site.origin}/staff/desk/view/start/{request}/")
    look.at(page, "start")
    page.get_by_role("button", name="Begin the view").click()
    page.wait_for_url("**/staff/desk/view/*/")
    until(page, "document.querySelector('video').currentTime > 0.5")
    page.keyboard.press("Space")
    look.at(page, "playing")
    page.get_by_role("link", name="End the view").click()
    look.at(page, "result")
    page.get_by_role("button", name="Close the request").click()
    expect(page.locator("[aria-invalid=true]")).to_be_visible()
    look.at(page, "result with a problem")
    page.go_back()
    page.go_back()
    watched.revoke(request)
    expect(page.get_by_role("heading", name="The view has ended")).to_be_visible()
    look.at(page, "stopped")
    page.reload()
    look.at(page, "over")
    page = person.go(f"{watched.site.origin}{watched.began(PHOTO)}")
    look.at(page, "still")
    page = person.go(f"{watched.site.origin}{watched.began(SOUND, seconds=8)}")
    look.at(page, "sound")
    assert look.found == []
    prove(__name__, look.seen)
    assert person.complaints == []


def test_it_goes_by_the_tab_key_alone(watched: Watching, person: Visitor) -> None:
    watched.sit_at(person)
    page: Page = person.go(f"{watched.site.origin}{watched.began()}")
    until(page, "document.querySelector('video').currentTime > 0.2")
    reached = []
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.append(str(page.evaluate("document.activeElement.dataset.part || document.activeElement.innerText")).strip())
    assert {"play", "back", "on", "slide", "keys", "I know this person", "This harms me", "End the view"} <= set(reached)
    assert "Clearer: in colour, faces hidden" in reached
    # Those who speak to their computer turn single letters off.
    keys = page.locator("[data-part=keys]")
    keys.click()
    assert keys.get_attribute("aria-pressed") == "false"
    page.keyboard.press("k")
    page.wait_for_timeout(500)
    assert page.locator("video").count() == 1
