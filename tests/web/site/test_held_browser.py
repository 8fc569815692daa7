"""What is held, in Chromium: the pages by axe, wide and on a phone, and the numbers that come by themselves."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from expunge.bootstrap import Expunge
from expunge.engine.consent.consent_decisions import Agreement
from tests.moment import first_day
from tests.web.site import family_company
from tests.web.site.browser import visitor
from tests.web.site.family_company import Guardian, guardian
from tests.web.site.kit import SiteServed, site
from tests.web.site.looking import prove
from tests.web.site.rendered import address_of
from tests.web.site.test_accessibility import _SHAPE, AXE, OF_COLOURS, TAGS, Looked, axe, check
from tests.web.site.walk import WAYS
from tests.web.site.walk_held import NAMES, held

pytestmark = pytest.mark.browser
PURPOSE = """\
purposes:
  telephone: {description: find the telephone of a child, needs: consent, use: collection, datasets: [whereabouts], text: telephone}
texts:
  telephone: [{version: 1, file: telephone.md}]
"""


def enrich(folder: Path) -> None:
    """The company of the pages of families, which asks before it collects places; Mia was at 40 of them."""
    family_company.enrich(folder)
    (folder / "telephone.md").write_text("# We would like to know where the telephone is\n\nYou can say no.\n")
    path = folder / "expunge.yaml"
    path.write_text(path.read_text() + PURPOSE)
    begin = first_day() - timedelta(days=26)
    with closing(sqlite3.connect(folder / "world" / "app.db")) as database, database:
        for number in range(40):
            spot = 51.4779 + (number * 7 % 23) / 400, -0.0015 + (number * 5 % 17) / 300
            seen = f"{begin + timedelta(days=number % 25)}T{number % 24:02}:10:00Z"
            database.execute("insert into whereabouts (profile_id, latitude, longitude, seen_at) values ('p-mia', ?, ?, ?)", (*spot, seen))


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SiteServed]:
    with site(tmp_path_factory.mktemp("held"), enrich=enrich) as found:
        yield found


@pytest.fixture(scope="module")
def mother(served: SiteServed) -> Guardian:
    agreed(served)
    return guardian(served, "held.in.browser@home.example", "p-mia")


def agreed(served: SiteServed) -> None:
    """The app has asked, and Mia's mother has agreed."""
    with Expunge.open(served.folder / "expunge.yaml") as opened:
        opened.consents.give(opened.resolve("profile:p-mia"), "telephone", Agreement("app 4.2, find my telephone", "pressed"))


@pytest.mark.parametrize(
    ("lang", "size", "least"), [pytest.param("en", (1100, 760), 24, marks=pytest.mark.soak), ("es", (390, 780), 44)], ids=["wide", "phone"]
)
def test_no_page_violates_a_rule(
    served: SiteServed, mother: Guardian, browser: Browser, lang: str, size: tuple[int, int], least: int
) -> None:
    looked = Looked()

    def look(name: str, page: Page) -> None:
        looked.shapes[name] = page.evaluate(_SHAPE.replace("LEAST", str(least)))
        looked.violations += axe(page, name, {"type": "tag", "values": TAGS})
        page.emulate_media(color_scheme="dark", reduced_motion="reduce")
        looked.violations += axe(page, f"{name}, dark", {"type": "rule", "values": OF_COLOURS})
        page.emulate_media(color_scheme="light", reduced_motion="reduce")
        looked.seen[address_of(page.url)] = set(WAYS)

    with visitor(browser, viewport={"width": size[0], "height": size[1]}, locale=lang) as person:
        person.page.add_init_script(AXE)
        held(served, person, mother, look)
        looked.complaints += person.complaints
    check(looked, lang)
    assert tuple(looked.shapes) == NAMES
    if size[0] < 400:
        prove(__name__, looked.seen)
