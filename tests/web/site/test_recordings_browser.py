"""Recordings in Chromium: sounds play and seek in ranges, the list goes by keys and without them, and damaged files hurt nothing."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
import soundfile
from PIL import Image
from playwright.sync_api import Page

from tests.cli import world
from tests.vault.doorbells import speech
from tests.web.site import family_company, walk_recordings
from tests.web.site.browser import Visitor
from tests.web.site.family_company import Guardian, guardian
from tests.web.site.kit import SiteServed, site
from tests.web.site.test_accessibility import AXE, OF_COLOURS, TAGS, axe

pytestmark = pytest.mark.browser
PAGE = b"<!doctype html><title>hers</title><script>alert(document.domain)</script>"
PHOTOS = """\
  photos:
    store: media
    path: "photos/{profile_id}/{photo_id}.jpg"
    subject: {profile: profile_id}
    categories: [user.content.photo]
    retention: voice
"""


def voice() -> bytes:
    """A real voice as WAV, long enough to come in several ranges."""
    try:
        samples, rate = soundfile.read(io.BytesIO(speech(0)), dtype="int16")
    except soundfile.LibsndfileError:
        rate = 16_000
        samples = (8000 * np.sin(np.arange(20 * rate) / 20)).astype(np.int16)
    out = io.BytesIO()
    soundfile.write(out, samples[: 20 * rate], rate, format="WAV")
    return out.getvalue()


def until(page: Page, expression: str) -> None:
    """Wait until an expression is true. Playwright's own way evaluates text inside the page, which its policy forbids."""
    for _ in range(600):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(50)
    raise AssertionError(expression)


def enrich(folder: Path) -> None:
    """A company whose recordings are of every sort: a long voice, a page, a damaged one, a picture."""
    family_company.enrich(folder)
    media = folder / "world" / "media"
    for name, data in (("rec-long", voice()), ("rec-page", PAGE), ("rec-torn", b"RIFF\xff\xff\xff\xffWAVEfmt torn off here")):
        (media / "voice" / "p-mia" / f"{name}.wav").write_bytes(data)
    picture = io.BytesIO()
    Image.linear_gradient("L").resize((640, 400)).save(picture, "JPEG")
    photo = media / "photos" / "p-mia" / "photo-1.jpg"
    photo.parent.mkdir(parents=True)
    photo.write_bytes(picture.getvalue())
    path = folder / "expunge.yaml"
    path.write_text(path.read_text().replace("datasets:\n", f"datasets:\n{PHOTOS}", 1))


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SiteServed]:
    with site(tmp_path_factory.mktemp("recorded"), enrich=enrich) as found:
        yield found


@pytest.fixture(scope="module")
def opened(served: SiteServed) -> tuple[Guardian, str]:
    one = guardian(served, "watches@home.example", "p-mia")
    base = one.go()
    one.person.get(f"{base}timeline/")
    one.confirm()
    return one, base


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
    for _ in range(40):
        timeline.keyboard.press("Tab")
        reached.add(timeline.evaluate("document.activeElement.id || document.activeElement.getAttribute('href') || ''"))
    assert {"kind-voice", "since", "until", "text"} <= reached
    assert sum("/play/" in each for each in reached) == 6


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


def test_no_page_violates_a_rule(timeline: Page, served: SiteServed, opened: tuple[Guardian, str], person: Visitor) -> None:
    found: list[str] = []
    titles: set[str] = set()

    def look(name: str, page: Page) -> None:
        page.evaluate(AXE)
        found.extend(axe(page, name, {"type": "tag", "values": TAGS}))
        page.emulate_media(color_scheme="dark", reduced_motion="reduce")
        found.extend(axe(page, f"{name}, dark", {"type": "rule", "values": OF_COLOURS}))
        page.emulate_media(color_scheme="light", reduced_motion="reduce")
        assert page.locator("h1").count() == 1
        assert not page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"), name
        titles.add(page.title())

    for size in ({"width": 1100, "height": 760}, {"width": 360, "height": 740}):
        timeline.set_viewport_size(size)
        walk_recordings.walk(timeline, f"{served.origin}{opened[1]}", look)
    assert found == []
    assert len(titles) == 5
    assert [each for each in person.complaints if "Failed to load resource" not in each] == []
