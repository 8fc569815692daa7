"""Copies in Chromium: the pages about them, and those inside a copy, opened from a folder without a server."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from expunge.core.export.wanted_export import WantedExport
from tests.engine.export import company
from tests.engine.export.company import CHILD
from tests.engine.export.test_exporting import HOSTILE
from tests.web.site.browser import Visitor
from tests.web.site.family_company import guardian
from tests.web.site.kit import SiteServed
from tests.web.site.looking import Look, prove
from tests.web.site.test_accessibility import AXE, OF_COLOURS, TAGS, axe
from tests.web.site.test_exporting import ask_for, ready

pytestmark = pytest.mark.browser
_PLAYED = """async () => {
  const sound = document.querySelector('audio');
  sound.muted = true;
  await sound.play();
  return sound.duration;
}"""


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("copy")
    home = company.build(folder, HOSTILE)
    with home.open() as opened:
        opened.export(opened.resolve(f"profile:{CHILD}"), folder / "out", WantedExport())
    with zipfile.ZipFile(folder / "out" / "part-1.zip") as archive:
        archive.extractall(folder / "unpacked")
    return folder / "unpacked"


@pytest.fixture(scope="module", autouse=True)
def made_before_the_browser(served_family: SiteServed, unpacked: Path) -> None:
    """Playwright runs a loop in this thread, in which a database opens no more."""
    assert served_family
    assert unpacked


@pytest.fixture
def offline(browser: Browser) -> Iterator[Page]:
    """A page that fails the test where it asks anything but the disk, or opens a dialog."""
    context = browser.new_context(viewport={"width": 900, "height": 900})
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("dialog", lambda dialog: asked.append(f"dialog: {dialog.message}"))
    page.on("console", lambda message: asked.append(f"console: {message.text}"))
    yield page
    assert [each for each in asked if not each.startswith("file://")] == []
    context.close()


def test_a_copy_opens_from_a_folder_and_its_sounds_play(unpacked: Path, offline: Page) -> None:
    offline.goto(f"{(unpacked / 'index.html').as_uri()}")
    offline.get_by_role("link", name="Voice recordings").click()
    assert offline.evaluate(_PLAYED) == pytest.approx(0.3, abs=0.05)
    offline.get_by_role("link", name="Back to the first page").click()
    offline.get_by_role("link", name="Español").click()
    offline.get_by_role("link", name="Puntos de ubicación").click()
    offline.get_by_role("link", name="Mapa").click()
    assert offline.locator("svg.map circle").count() == 40
    assert offline.locator("svg.map").evaluate("each => getComputedStyle(each).display") == "block", "the style counts"


def test_nothing_of_a_hostile_file_runs(unpacked: Path, offline: Page) -> None:
    offline.goto((unpacked / "part-1" / "pages" / "en" / "voice-recordings-1.html").as_uri())
    files = offline.locator("a", has_text="Open the file as text")
    links = files.evaluate_all("links => links.map(each => each.href)")
    assert len(links) >= 3
    for link in links:
        offline.goto(link)
        assert offline.evaluate("document.contentType") == "text/plain"
        assert offline.locator("script, svg").count() == 0


def test_pages_of_a_copy_are_accessible_on_screen_telephone_and_paper(unpacked: Path, offline: Page) -> None:
    found: list[str] = []
    inside = ("en/voice-recordings-1", "en/location-points-map", "es/profiles-1")
    for path in (unpacked / "index.html", unpacked / "index.es.html", *(unpacked / f"part-1/pages/{name}.html" for name in inside)):
        offline.goto(path.as_uri())
        for width in (900, 360):
            offline.set_viewport_size({"width": width, "height": 800})
            assert not offline.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"), path.name
        offline.evaluate(AXE)
        found.extend(axe(offline, path.name, {"type": "tag", "values": TAGS}))
        offline.emulate_media(color_scheme="dark")
        found.extend(axe(offline, f"{path.name}, dark", {"type": "rule", "values": OF_COLOURS}))
        offline.emulate_media(color_scheme="light", media="print")
        assert offline.locator("audio:visible").count() == 0
        offline.emulate_media(media="screen")
    assert found == []
    offline.goto((unpacked / "index.html").as_uri())
    assert len(offline.pdf()) > 10_000


@pytest.mark.soak
def test_the_page_of_copies_violates_no_rule(served_family: SiteServed, person: Visitor) -> None:
    one = guardian(served_family, "copies-seen@home.example", "p-mia")
    home = one.go()
    page, looks = person.page, Look()
    person.context.add_cookies([{"name": key, "value": value, "url": served_family.origin} for key, value in one.person.cookies.items()])

    def look(name: str) -> None:
        page.goto(f"{served_family.origin}{home}export/")
        looks.at(page, name)

    look("portal_export")
    ask_for(one, "voice recordings")
    ready(one)
    look("portal_export.ready")
    assert looks.found == []
    prove(__name__, looks.seen)
    assert person.complaints == []
