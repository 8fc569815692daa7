"""The first page of a family, its places and the page for the public: what they say, and what they do not say before they may."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from expunge import clock
from expunge.bootstrap import Expunge
from expunge.bootstrap.clerk.held_room import HeldRoom
from expunge.bootstrap.clerk.household import KeptHousehold
from expunge.core.accounts.family_events import MembershipDecided
from expunge.core.accounts.memberships import MembershipRole
from expunge.core.accounts.staff_events import ByMachineUser
from expunge.engine.kernel.journal_streams import FAMILIES, register
from tests.web.site.family_company import Guardian, family_site, guardian
from tests.web.site.handing_over import newest_account
from tests.web.site.http_person import HttpPerson, Shown
from tests.web.site.kit import SiteServed

NOTICE = "About an order against us\n\nWe kept recordings of children for too long.\n\nWrite to us if you have questions.\n"
FURTHER = 'posted: [{id: order, file: order.txt, from: "2026-01-01", until: "2099-01-01"}]'


def counted(person: HttpPerson, path: str) -> Shown:
    """The first page, once the count has ended."""
    for _ in range(200):
        page = person.get(path)
        if "We are counting" not in page.words:
            return page
        time.sleep(0.05)
    raise AssertionError("it counts for ever")


@pytest.fixture(scope="module")
def mother(served_family: SiteServed) -> Guardian:
    return guardian(served_family, "held.mother@home.example", "p-mia")


def test_home_says_in_numbers_what_is_held(served_family: SiteServed, mother: Guardian) -> None:
    words = counted(mother.person, mother.go()).words
    assert re.search(r"\d+ voice recordings", words)
    assert "3 places" in words
    assert re.search(r"Counted (a moment|1 minute|\d+ minutes) ago\.", words), "another test may have had it counted before"
    assert "The oldest is of" in words
    # Numbers need no credential; nothing of the content is there.
    assert "51.4" not in words
    assert mother.person.get(f"{mother.go()}").status == 200


def test_home_of_a_person_of_whom_nothing_is_held_says_so_in_one_sentence(served_family: SiteServed, mother: Guardian) -> None:
    """What is about data that is not there leads nowhere: no such page is offered as something to do, until data comes in."""
    of_data = {"Recordings", "Places", "Erase", "A copy of the data"}
    stranger = guardian(served_family, "held.stranger@home.example", "p-nobody")
    page = counted(stranger.person, stranger.go())
    assert page.words.count("Acme Doorbells holds no recordings, no places and nothing else of this person now.") == 1
    assert re.search(r"Counted (a moment|1 minute|\d+ minutes) ago\. How long each kind is kept", page.words)
    assert not {each for each in of_data if each in offered(page)}
    assert {"Requests", "Who looked", "What is allowed"} <= offered(page)
    spanish = HttpPerson(served_family, cookies={**stranger.person.cookies, "language": "es"}, agent=stranger.person.agent)
    assert "Acme Doorbells no guarda ahora grabaciones ni lugares de esta persona, ni nada más sobre ella." in spanish.get(page.path).words
    # Of a person of whom something is held all of it is offered, and no such sentence is said.
    held = counted(mother.person, mother.go())
    assert "nothing else of this person" not in held.words
    assert of_data <= offered(held)


def offered(page: Shown) -> set[str]:
    """The pages that the first one names as something to do, beside the navigation."""
    return set(re.findall(r"<h3><a [^>]*>(.*?)</a></h3>", page.text))


@pytest.mark.duty("AMZ-06", "DSG-11")
def test_places_are_shown_after_a_credential_and_never_before(served_family: SiteServed, mother: Guardian) -> None:
    path = mother.go("places/")
    asked = mother.person.last
    assert asked is not None
    assert asked.path == "/account/confirm/"
    assert "51.4" not in asked.text
    mother.confirm()
    page = mother.person.last
    assert page is not None
    assert page.path == path
    assert "3 places are held." in page.words
    assert page.words.count("51.4779° N, 0.0015° W") == 1
    # The picture has the squares of the list, and a program that reads aloud finds the words.
    assert len(re.findall(r"<rect ", page.text.partition('class="plot"')[2].partition("</svg>")[0])) == 3
    assert "We write to you about this every six months." in page.words
    # The company's service rests on no consent here: there is nothing to switch off, and the page says so.
    assert "because its service does not work without them" in page.words
    assert mother.person.get(f"{path}?page=99999999").status == 200
    assert mother.person.get(f"{path}?page=-1").status == 200


def test_an_opening_of_one_child_shows_no_other(served_family: SiteServed) -> None:
    both = guardian(served_family, "held.both@home.example", "p-mia", "p-tom")
    links = sorted(set(re.findall(r'href="(/child/[^"/]+/)"', both.person.get("/child/").text)))
    both.person.get(f"{links[0]}places/")
    both.confirm()
    assert both.person.last is not None
    assert both.person.last.path == f"{links[0]}places/"
    assert both.person.get(f"{links[1]}places/").path == "/account/confirm/"


def test_a_choice_that_means_nothing_is_told_and_keeps_the_page(served_family: SiteServed, mother: Guardian) -> None:
    path = mother.go("places/")
    if mother.person.last is not None and mother.person.last.path == "/account/confirm/":
        mother.confirm()
    for fields in (
        {"act": "places"},
        {"act": "squares"},
        {"act": "squares", "square": "9.9", "look": "x"},
        {"act": "places", "place": "made up"},
    ):
        page = mother.person.post(path, **fields)
        assert page.path == path
        assert page.status == 200
    for edges in (
        {"south": "a"},
        {"south": "91", "west": "0", "north": "92", "east": "1"},
        {"south": "nan", "west": "0", "north": "1", "east": "1"},
    ):
        page = mother.person.post(path, act="area", **edges)
        assert "Write each edge as a number of degrees" in page.words


def places_of(one: Guardian) -> Shown:
    """The page of places, opened."""
    one.go("places/")
    if one.person.last is not None and one.person.last.path == "/account/confirm/":
        one.confirm()
    assert one.person.last is not None
    return one.person.last


@pytest.mark.parametrize(
    ("chosen", "count"),
    [
        (lambda page: {"act": "places", "place": re.findall(r'name="place" value="(\w+)"', page.text)[0]}, "1"),
        (lambda page: {"act": "squares", "square": re.findall(r'name="square" value="([\d.]+)"', page.text)[0]}, "1"),
        (lambda _: {"act": "area", "south": "51,47", "west": "-1", "north": "51.49", "east": "0"}, "2"),
    ],
    ids=["by hand", "by square", "by area"],
)
def test_chosen_places_lead_to_what_erasing_them_means(
    served_family: SiteServed, mother: Guardian, chosen: Callable[[Shown], dict[str, str]], count: str
) -> None:
    page = places_of(mother)
    look = re.findall(r'name="look" value="(\w+)"', page.text)[0]
    preview = mother.person.post(page.path, look=look, **chosen(page))
    assert preview.path == page.path.replace("/places/", "/delete/preview/")
    assert f"Places {count} item" in preview.words


def test_places_that_were_read_anew_are_not_chosen_by_an_old_page(served_family: SiteServed, mother: Guardian) -> None:
    page = places_of(mother)
    handle = re.findall(r'name="place" value="(\w+)"', page.text)[0]
    told = mother.person.post(page.path, act="places", place=handle, look="0" * 12)
    assert told.path == page.path
    assert "Look at them and choose anew." in told.words


@pytest.mark.duty("AMZ-09")
def test_anybody_reads_how_long_places_and_voices_are_kept(served_family: SiteServed) -> None:
    page = HttpPerson(served_family).get("/what-we-keep/")
    assert page.status == 200
    places = page.text.partition('id="places"')[2].partition("</section>")[0]
    assert "30 days, counted from: seen at." in places
    assert "find the telephone" in places
    assert 'id="voice"' in page.text
    text = (served_family.folder / "expunge.yaml").read_text()
    before = re.findall(r"Version (\w+) of", page.words)
    (served_family.folder / "expunge.yaml").write_text(text.replace("place: {period: 30 days", "place: {period: 21 days"))
    try:
        page = HttpPerson(served_family).get("/what-we-keep/")
        assert "21 days, counted from: seen at." in page.text
        after = re.findall(r"Version (\w+) of", page.words)
        assert before[0] != after[0]
        assert before[1] == after[1]
    finally:
        (served_family.folder / "expunge.yaml").write_text(text)


@pytest.fixture(scope="module")
def under_an_order(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SiteServed]:
    folder: Path = tmp_path_factory.mktemp("posted")
    (folder / "order.txt").write_text(NOTICE)
    with family_site(folder, FURTHER) as served:
        yield served


@pytest.mark.duty("AMZ-10")
def test_the_notice_of_an_order_stands_on_the_first_page_of_a_parent_and_where_anybody_reads_it(under_an_order: SiteServed) -> None:
    one = guardian(under_an_order, "posted@home.example", "p-mia")
    for page in (one.person.get(one.go()), HttpPerson(under_an_order).get("/what-we-keep/")):
        assert "About an order against us" in page.words
        assert "We kept recordings of children for too long." in page.words
    (under_an_order.folder / "order.txt").unlink()
    page = one.person.get(one.go())
    assert page.status == 200
    assert "About an order against us" not in page.words


@pytest.mark.duty("DSG-11")
def test_a_reminder_goes_out_once_and_names_no_child(served_family: SiteServed) -> None:
    address = "reminded@home.example"
    one = guardian(served_family, address, "p-tom")
    account = newest_account(served_family)
    ((family,),) = served_family.kept("SELECT family FROM expunge_membership WHERE account_id = ?", account.hex)
    path = served_family.folder / "expunge.yaml"
    with Expunge.open(path) as opened:
        since = clock.now() - timedelta(days=200)
        event = MembershipDecided(since, str(account), family, MembershipRole.GUARDIAN, ByMachineUser("omar"))
        register(opened.context.journal, FAMILIES, event)
    kept = KeptHousehold(path)
    room = HeldRoom(kept.used)
    try:
        room.remind()
        room.remind()
    finally:
        room.close()
        kept.close()
    mails = [mail for mail in served_family.sink.to(address) if "collects places" in str(mail["Subject"])]
    assert len({mail["Message-ID"] for mail in mails}) == 1
    text = mails[0].as_string()
    assert "every six months" in text
    assert not any(word in text for word in ("p-tom", "Tom", family, "/child/", "51.4"))
    one.go("places/")
    one.confirm()
    assert one.person.last is not None
    assert "The last letter went out on" in one.person.last.words
