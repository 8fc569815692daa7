"""A guardian deletes on the pages, without JavaScript: sees what would go, confirms, watches, and calls off."""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.moment import days_ago
from tests.web.site.family_company import Guardian, family_site, guardian
from tests.web.site.kit import SiteServed


@pytest.fixture(scope="module")
def family_alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SiteServed]:
    """The pages of a company of its own: these tests delete. The children are Ada, Tom and Mia, in this order."""
    with family_site(tmp_path_factory.mktemp("deleting")) as served:
        yield served


def ended(one: Guardian, address: str, within: float = 60.0) -> str:
    """The words of a status page, once its stage is an end."""
    until = time.monotonic() + within
    while True:
        page = one.person.get(address)
        # The title: each place has such words of its own, sooner.
        title = page.text.partition("<h1>")[2].partition("</h1>")[0]
        if any(word in title for word in ("Erased and verified", "Erased in part", "with exceptions", "Called off")):
            return page.words
        assert time.monotonic() < until, page.words
        time.sleep(0.2)


def previewed(one: Guardian, of: str, **more: str) -> str:
    """Go to the preview of what was chosen, and return the home of the family."""
    home = one.go()
    one.person.get(f"{home}delete/")
    one.person.post(f"{home}delete/", of=of, **more)
    return home


def places(served: SiteServed, profile: str) -> int:
    with closing(sqlite3.connect(served.folder / "world" / "app.db")) as database:
        (found,) = database.execute("SELECT count(*) FROM whereabouts WHERE profile_id = ?", (profile,)).fetchone()
        return int(found)


@pytest.mark.duty("COP-11", "AMZ-07", "TIM-04")
def test_a_guardian_deletes_everything_and_watches(family_alone: SiteServed) -> None:
    one = guardian(family_alone, "ada.mother@home.example", "p-ada")
    home = previewed(one, "everything")
    page = one.person.last
    assert page.path == f"{home}delete/preview/"
    assert "Nothing has been erased yet" in page.words
    assert "Transcripts" in page.words
    assert "Places" in page.words
    one.person.send("typed", typed="no")
    assert "type the word" in one.person.last.words
    one.person.send("typed", typed="Erase")
    assert "Confirm that it is you" in one.person.last.words
    assert places(family_alone, "p-ada") == 1, "nothing goes before the credential"
    one.confirm()
    address = one.person.last.path
    assert re.fullmatch(rf"{home}delete/ord-[a-z2-7]{{20}}/", address)
    words = ended(one, address)
    assert "Erased and verified" in words
    assert "Reference" in words
    assert address.split("/")[-2] in words
    assert "p-ada" not in one.person.last.text
    assert places(family_alone, "p-ada") == 0
    assert places(family_alone, "p-tom") == 1
    stream = one.person.get(f"{address}live/")
    assert stream.text.startswith("retry: 3000\n\nevent: over\n")
    assert "Erased and verified" in stream.text


def test_a_stretch_of_time_goes_and_the_rest_stays(family_alone: SiteServed) -> None:
    one = guardian(family_alone, "tom.father@home.example", "p-tom")
    home = previewed(one, "range", kind="LOCATION", since=days_ago(24), until=days_ago(24))
    assert "Confirm" in one.person.last.words
    one.confirm()
    page = one.person.last
    assert page.path == f"{home}delete/preview/"
    assert "Places 1 item" in " ".join(page.words.split())
    one.person.send("digest")
    assert "Erased and verified" in ended(one, one.person.last.path)
    assert places(family_alone, "p-tom") == 0
    assert places(family_alone, "p-mia") >= 2


def test_a_form_that_waited_too_long_or_is_of_another_window_deletes_nothing(family_alone: SiteServed) -> None:
    one = guardian(family_alone, "mia.aunt@home.example", "p-mia")
    home = previewed(one, "everything")
    first = one.person.last
    previewed(one, "everything")
    one.person.last = first
    one.person.send("typed", typed="erase")
    assert one.person.last.path == f"{home}delete/"
    assert "Nothing was erased" in one.person.last.words
    assert places(family_alone, "p-mia") >= 2


def test_what_changed_between_preview_and_confirmation_is_shown_again(family_alone: SiteServed) -> None:
    one = guardian(family_alone, "mia.uncle@home.example", "p-mia")
    home = previewed(one, "everything")
    with closing(sqlite3.connect(family_alone.folder / "world" / "app.db")) as database, database:
        row = "INSERT INTO whereabouts (profile_id, latitude, longitude, seen_at) VALUES ('p-mia', 1, 2, ?)"
        database.execute(row, (days_ago(3),))
    one.person.send("typed", typed="erase")
    one.confirm()
    assert one.person.last.path == f"{home}delete/preview/"
    assert "look at it again" in one.person.last.words
    assert places(family_alone, "p-mia") >= 3


def test_another_family_finds_no_page_of_the_order(family_alone: SiteServed) -> None:
    one = guardian(family_alone, "mia.gran@home.example", "p-mia")
    previewed(one, "range", kind="LOCATION", since=days_ago(7), until=days_ago(7))
    one.confirm()
    one.person.send("digest")
    address = one.person.last.path
    assert "Erased and verified" in ended(one, address)
    order = address.split("/")[-2]
    stranger = guardian(family_alone, "tom.gran@home.example", "p-tom")
    home = stranger.go()
    found = stranger.person.get(f"{home}delete/{order}/")
    assert found.path == f"{home}delete/"
    assert "no such request" in found.words
    assert order not in found.text
    assert stranger.person.get(f"{home}delete/{order}/live/").status == 204


@pytest.mark.duty("AMZ-05", "COP-11")
def test_one_recording_of_the_timeline_goes_with_its_transcript_and_voiceprint(family_alone: SiteServed) -> None:
    one = guardian(family_alone, "mia.cousin@home.example", "p-mia")
    home = one.go("timeline/").removesuffix("timeline/")
    one.confirm()
    handles = re.findall(r'name="item" value="([0-9a-f]{32})"', one.person.last.text)
    assert len(handles) == 2, one.person.last.words
    one.person.post(f"{home}timeline/choose/", act="erase", item=handles[0])
    page = one.person.last
    assert page.path == f"{home}delete/preview/"
    words = " ".join(page.words.split())
    assert "Voice recordings 1 item" in words
    assert "Transcripts 1 item" in words
    assert "Voiceprints 1 item" in words
    one.person.send("digest")
    assert "Erased and verified" in ended(one, one.person.last.path)
    left = list((family_alone.folder / "world" / "media" / "voice" / "p-mia").glob("*"))
    assert len(left) == 1
    with closing(sqlite3.connect(family_alone.folder / "world" / "app.db")) as database:
        assert database.execute("SELECT count(*) FROM voiceprints WHERE recording_id = ?", (left[0].stem,)).fetchone() == (1,)
