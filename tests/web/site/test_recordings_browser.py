"""Recordings in Chromium: sounds play and seek in ranges, the list goes by keys and without them, and damaged files hurt nothing."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page

from tests.adapters.rendering.recorded import man_in_a_car
from tests.cli import world
from tests.web.site import walk_recordings
from tests.web.site.browser import Visitor
from tests.web.site.family_company import Guardian
from tests.web.site.kit import SiteServed
from tests.web.site.looking import prove
from tests.web.site.recordings_company import confirmed, recordings_site
from tests.web.site.test_accessibility import check, look_around

pytestmark = pytest.mark.browser
WIDE = {"width": 1100, "height": 760}


def until(page: Page, expression: str) -> None:
    """Wait until an expression is true. Playwright's own way evaluates text inside the page, which its policy forbids."""
    for _ in range(600):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(50)
    raise AssertionError(expression)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SiteServed]:
    with recordings_site(tmp_path_factory.mktemp("recorded")) as found:
        yield found


@pytest.fixture(scope="module")
def opened(served: SiteServed) -> tuple[Guardian, str]:
    return confirmed(served, "watches@home.example")


@pytest.fixture
def timeline(served: SiteServed, opened: tuple[Guardian, str], person: Visitor) -> Page:
    """The timeline in Chromium, in the session of a guardian who confirmed."""
    one, base = opened
    person.context.add_cookies([{"name": name, "value": value, "url": served.origin} for name, value in one.person.cookies.items()])
    return person.go(f"{served.origin}{base}timeline/")


def test_a_voice_plays_and_seeks(timeline: Page, person: Visitor) -> None:
    asked: list[str] = []
    timeline.on("request", lambda request: asked.append(request.headers.get("range", "")) if "/media/" in request.url else None)
    longest = timeline.evaluate("""() => {
      const size = row => parseFloat(row.innerText.match(/([\\d.]+).KB/)?.[1] ?? 0)
      const rows = [...document.querySelectorAll('[data-recording]')]
      return rows.reduce((a, b) => size(a) > size(b) ? a : b).querySelector('[data-play]').href
    }""")
    timeline.goto(longest)
    player = timeline.locator("audio")
    player.evaluate("each => { each.muted = true; return each.play() }")
    until(timeline, "document.querySelector('audio').currentTime > 0.3")
    length = player.evaluate("each => each.duration")
    assert length > 10
    player.evaluate("each => { each.currentTime = each.duration - 1 }")
    until(timeline, "(() => { const a = document.querySelector('audio'); return a.ended || a.currentTime > a.duration - 0.8 })()")
    assert player.evaluate("each => each.error") is None
    assert any(each.startswith("bytes=") for each in asked)
    assert not person.complaints


def test_the_list_goes_by_keys(timeline: Page, person: Visitor) -> None:
    rows = timeline.locator("[data-recording]")
    assert rows.count() == 6
    assert timeline.locator("[data-keys]").is_visible()
    timeline.keyboard.press("j")
    timeline.keyboard.press("j")
    assert rows.nth(1).get_attribute("aria-current") == "true"
    timeline.keyboard.press("k")
    assert rows.nth(0).get_attribute("aria-current") == "true"
    timeline.locator("#text").focus()
    timeline.keyboard.type("jk walrus")
    assert timeline.locator("#text").input_value() == "jk walrus", "keys that are typed into a field stay there"
    said = rows.filter(has_text=world.SAID["rec-m1-71835"])
    said.locator("[data-play]").focus()
    timeline.keyboard.press("Space")
    until(timeline, "document.querySelector('audio')?.currentTime > 0")
    timeline.keyboard.press("Space")
    assert not person.complaints


def test_it_goes_by_the_tab_key_alone(timeline: Page) -> None:
    reached = set[str]()
    for _ in range(90):
        timeline.keyboard.press("Tab")
        reached.add(timeline.evaluate("document.activeElement.id || document.activeElement.getAttribute('href') || ''"))
    assert {"kind-voice", "since", "until", "text"} <= reached
    assert sum("/play/" in each for each in reached) == 6
    assert {f"item-{number}" for number in range(1, 7)} | {"all"} <= reached


def test_damaged_files_and_pages_are_said_to_be_unplayable(timeline: Page, served: SiteServed, opened: tuple[Guardian, str]) -> None:
    one, base = opened
    until(timeline, "[...document.images].every(each => each.complete || each.loading === 'lazy')")
    found = dict.fromkeys(timeline.locator("[data-play]").evaluate_all("links => links.map(each => each.href)"))
    broken = 0
    for link in found:
        page = one.person.get(urlsplit(link).path)
        broken += "This cannot be played" in page.words
        assert "alert(document" not in page.text
    assert broken == 1, "the page; of the torn one the beginning is of a sound, which the player tells"
    again = timeline.goto(f"{served.origin}{base}timeline/")
    assert again is not None
    assert again.ok


def test_a_picture_is_shown_small_and_whole(timeline: Page) -> None:
    row = timeline.locator("[data-tag=img]")
    assert row.count() == 1
    row.locator("img").scroll_into_view_if_needed()
    until(timeline, "document.querySelector('[data-tag=img] img').naturalWidth > 0")
    assert row.locator("img").evaluate("each => Math.max(each.naturalWidth, each.naturalHeight)") == 256
    row.locator("[data-play]").click()
    until(timeline, "document.querySelector('img.whole')?.naturalWidth === 640")


def test_media_opened_by_itself_is_no_page(timeline: Page, served: SiteServed) -> None:
    for path in timeline.locator("[data-recording]").evaluate_all("rows => rows.map(each => each.dataset.media)"):
        answer = timeline.request.get(f"{served.origin}{path}", headers={"Range": "bytes=0-99"})
        assert answer.headers["content-type"].partition(";")[0] in {"audio/wav", "image/jpeg", "text/plain"}
        assert b"<script" not in answer.body()


@pytest.mark.parametrize(
    ("lang", "least", "options"),
    [pytest.param("en", 24, {}, marks=pytest.mark.soak), ("es", 44, {"is_mobile": True, "has_touch": True})],
    ids=["wide", "phone in Spanish"],
)
def test_no_page_violates_a_rule(served: SiteServed, browser: Browser, lang: str, least: int, options: dict[str, Any]) -> None:
    wide = {"viewport": {"width": 390, "height": 844}} if options else {"viewport": {"width": 1100, "height": 760}}
    way = partial(walk_recordings.walk, name=f"walker.{lang}")
    looked = look_around(served, browser, least=least, walk=way, locale=lang, **wide, **options)
    check(looked, lang)
    assert len({shape["title"] for shape in looked.shapes.values()}) == 6
    if options:
        prove(__name__, looked.seen)


def test_a_film_has_a_small_picture_and_then_its_length(served: SiteServed, person: Visitor) -> None:
    ring = served.folder / "world" / "media" / "films" / "p-mia" / "ring-1.mp4"
    ring.parent.mkdir(parents=True)
    ring.write_bytes(man_in_a_car())
    try:
        one, base = confirmed(served, "films@home.example")
        cookies = one.person.cookies.items()
        person.context.add_cookies([{"name": name, "value": value, "url": served.origin} for name, value in cookies])
        page = person.go(f"{served.origin}{base}timeline/")
        row = "[data-recording][data-tag=video]"
        until(page, f"document.querySelector('{row} img').naturalWidth > 0")
        assert page.evaluate(f"document.querySelector('{row} img').naturalWidth") == 176
        page.reload()
        assert "0:04" in page.locator(row).inner_text()
    finally:
        ring.unlink()
