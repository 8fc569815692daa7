"""A parent stops things on the pages: it works at once, the page says what the gate's own list says, and faults are told as they are."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from expunge import clock
from expunge.bootstrap import Expunge, keeping
from expunge.bootstrap.clerk.desks.local_stopping import LocalStopping
from expunge.bootstrap.clerk.household import KeptHousehold
from expunge.faults import arm
from expunge.gate import GateReason, Subject
from tests.web.site.family_company import Guardian, guardian
from tests.web.site.handing_over import newest_account
from tests.web.site.kit import SiteServed
from tests.web.site.looking import prove
from tests.web.site.stopping_company import flag, give, stopping_site
from tests.web.site.test_accessibility import check, look_around
from tests.web.site.test_openings import place
from tests.web.site.walk_stopping import walk

STOPPED = re.compile(r"Stopped at \d\d:\d\d:\d\d")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SiteServed]:
    with stopping_site(tmp_path_factory.mktemp("stopping")) as running:
        yield running


@pytest.fixture(autouse=True)
def fresh(served: SiteServed) -> None:
    served.sql("DELETE FROM expunge_counter")


def gate_of(served: SiteServed, child: str, purpose: str) -> GateReason:
    with Expunge.open(served.folder / "expunge.yaml") as opened:
        return opened.gate().may_use(Subject("profile", child), purpose).reason


def words(one: Guardian, page: str) -> str:
    one.go(page)
    assert one.person.last is not None
    assert one.person.last.status == 200
    return one.person.last.words


@pytest.mark.duty("COP-11", "COP-06")
def test_a_parent_stops_training_and_programs_are_refused_within_a_second(served: SiteServed) -> None:
    give(served, "p-mia", "training", "review")
    one = guardian(served, "stops@home.example", "p-mia")
    board = words(one, "stop/")
    assert board.count("Allowed") == 2
    assert "Not allowed" in board, "what no person agreed to is said, and not left out"
    assert "Needed" in board
    assert "Goes to Skylark: voice recordings." in board
    page = one.go("stop/training/")
    assert one.person.last is not None
    assert "You can say no, and everything works as before." in one.person.last.words
    assert "Version 3" in one.person.last.words
    assert "How we knew: signed in the app." in one.person.last.words
    with Expunge.open(served.folder / "expunge.yaml") as opened:
        gate = opened.gate()
        assert gate.may_use(Subject("profile", "p-mia"), "training")
        began = time.monotonic()
        told = one.person.post(page)
        answer = gate.may_use(Subject("profile", "p-mia"), "training")
        took = time.monotonic() - began
        assert (answer.reason, gate.may_use(Subject("profile", "p-mia"), "review").allowed) == (GateReason.WITHDRAWN, True)
    assert took < 1, f"{took:.2f} s from the post to the refusal"
    assert STOPPED.search(told.words)
    assert "Programs are refused from now on. We read this from the list that programs ask" in told.words
    assert "Stopped: you, on these pages." in told.words
    again = one.person.post(page)
    assert again.words.count("Stopped: you, on these pages.") == 1, "the form came twice"
    link = re.search(r'href="([^"]*)">Agree to it, as a guardian', again.text)
    assert link is not None, "to allow it again is no button"
    assert one.person.get(link[1]).status == 200
    assert one.person.get("/account/sessions/").path == "/account/sessions/", "and it took no credential"


def test_another_guardian_is_told_whose_no_counts(served: SiteServed) -> None:
    give(served, "p-tom", "review")
    mother = guardian(served, "mother@home.example", "p-tom")
    mother.person.post(mother.go("stop/review/"))
    father = guardian(served, "father@home.example", "p-tom")
    page = words(father, "stop/review/")
    assert "Another person of the family said no. It stays stopped until a guardian agrees again" in page
    assert "Stopped: another person of the family, on these pages." in page
    assert "Stop now" not in page


def test_the_end_of_the_last_use_says_what_is_erased_and_names_the_order(served: SiteServed) -> None:
    give(served, "p-ada", "review")
    one = guardian(served, "ada.mother@home.example", "p-ada")
    page = one.go("stop/review/")
    assert one.person.last is not None
    assert "If you stop it: Voice recordings will be erased." in one.person.last.words
    told = one.person.post(page)
    assert re.search(
        r"Voice recordings will be erased\. .*Nothing else needs it\. The order for it has the reference ord-[a-z2-7]{20}\.", told.words
    )
    link = re.search(r'href="(/child/[^"]*/requests/[^"]*)"', told.text)
    assert link is not None
    assert one.person.get(link[1]).status == 200, "and what becomes of it has a page"


@pytest.mark.duty("COP-11")
def test_a_gate_that_cannot_be_written_is_not_called_stopped(served: SiteServed) -> None:
    give(served, "p-ada", "training")
    one = guardian(served, "unwritable@home.example", "p-ada")
    page = one.go("stop/training/")
    account = newest_account(served)
    kept = KeptHousehold(served.folder / "expunge.yaml", None)
    try:
        with kept.used() as household:
            (membership,) = household.register.memberships(account)
            with arm("gate.publish.swap:before", "error"):
                told = LocalStopping(household).stop(account, membership.family, "training")
    finally:
        kept.close()
    assert not told.in_force
    shown = one.person.get(page)
    assert "Not stopped yet" in shown.words
    assert not STOPPED.search(shown.words)
    assert "programs may still use the data" in shown.words
    assert gate_of(served, "p-ada", "training") is not GateReason.WITHDRAWN
    assert STOPPED.search(one.person.post(page).words), "the next try tells programs"
    assert gate_of(served, "p-ada", "training") is GateReason.WITHDRAWN


def test_who_is_guardian_no_more_stops_nothing(served: SiteServed) -> None:
    give(served, "p-tom", "training")
    one = guardian(served, "left@home.example", "p-tom")
    page = one.go("stop/training/")
    served.kept("UPDATE expunge_membership SET role = 'former'")
    assert "connected with no child" in one.person.post(page).words
    assert gate_of(served, "p-tom", "training") is GateReason.PERMITTED


def test_a_clerk_that_dies_meanwhile_stops_once_and_is_called_stopped_only_then(served: SiteServed) -> None:
    give(served, "p-ada", "sharing")
    one = guardian(served, "away@home.example", "p-ada")
    page = one.go("stop/sharing/")
    os.kill(keeping.process_status(place(served)).pid, signal.SIGKILL)
    told = one.person.post(page)
    until = time.monotonic() + 30
    while told.status == 503 and time.monotonic() < until:
        assert not STOPPED.search(told.words)
        told = one.person.post(page)
    assert STOPPED.search(told.words)
    assert told.words.count("Stopped: you, on these pages.") == 1


def test_what_is_no_purpose_kind_or_time_changes_nothing(served: SiteServed) -> None:
    one = guardian(served, "odd@home.example", "p-mia")
    home = one.go()
    assert one.person.get(f"{home}stop/nothing/").status == 404
    assert "Nothing was changed." in one.person.post(f"{home}stop/nothing/").words
    assert "Nothing was changed." in one.person.post(f"{home}stop/service/").words
    assert one.person.get(f"{home}keeping/nothing/").status == 404
    assert one.person.post(f"{home}keeping/voice/", period="forever").status == 404
    one.person.post(f"{home}keeping/location/", period="18 months")
    one.confirm()
    assert one.person.last is not None
    assert "Nothing was changed." in one.person.last.words, "a time that is not shorter is offered to no person"


def aged(served: SiteServed, child: str, days: float) -> list[Path]:
    found = sorted((served.folder / "world" / "media" / "voice" / child).glob("*.wav"))
    for path in found:
        os.utime(path, (clock.timestamp() - days * 86400,) * 2)
    return found


@pytest.mark.duty("COP-11")
def test_a_parent_chooses_a_shorter_time_and_sees_before_what_goes(served: SiteServed) -> None:
    files = aged(served, "p-mia", 40)
    one = guardian(served, "shorter@home.example", "p-mia")
    assert "Kept for 90 days, as the company says in public." in words(one, "keeping/")
    page = one.go("keeping/voice/")
    shown = one.person.get(f"{page}?period=30+days")
    assert "This removes 2 items now." in shown.words
    assert "transcripts: 2" in shown.words
    assert all(path.exists() for path in files), "to look changes nothing"
    one.person.send("period")
    one.confirm()
    assert one.person.last is not None
    assert "This removes 2 items now." in one.person.last.words, "the preview again, and nothing was saved before"
    saved = one.person.send("period")
    assert "Saved. What is older goes with the next daily run." in saved.words
    assert "30 days, since" in saved.words
    with Expunge.open(served.folder / "expunge.yaml") as opened:
        (order,) = opened.retention.retire().orders
        opened.plan(order)
        assert opened.apply(order).reasons == ()
    assert not any(path.exists() for path in files)
    assert "nothing is that old" in one.person.get(f"{page}?period=30+days").words
    assert "The company's own time holds again: 90 days." in one.person.post(page, period="").words
    assert "Your time" not in words(one, "keeping/")


def test_an_unused_profile_is_kept_by_a_button_and_twice_is_once(served: SiteServed) -> None:
    one = guardian(served, "idle@home.example", "p-tom")
    assert "is in use" in words(one, "unused/")
    flag(served, "p-tom")
    assert "This profile is not used. It will be erased by" in words(one, ""), "home says so"
    page = one.go("unused/")
    assert one.person.last is not None
    assert "It will be erased by" in one.person.last.words
    assert "is kept. There is nothing to do." in one.person.post(page).words
    assert "is kept. There is nothing to do." in one.person.post(page).words


@pytest.mark.parametrize(
    ("lang", "least", "options"), [("en", 24, {}), ("es", 44, {"is_mobile": True, "has_touch": True})], ids=["wide", "phone in Spanish"]
)
def test_no_page_violates_a_rule(served: SiteServed, browser: Browser, lang: str, least: int, options: dict[str, Any]) -> None:
    wide = {"viewport": {"width": 390, "height": 844}} if options else {"viewport": {"width": 1100, "height": 760}}
    way = partial(walk, name=f"walker.{lang}")
    looked = look_around(served, browser, least=least, walk=way, locale=lang, **wide, **options)
    check(looked, lang)
    assert len({shape["title"] for shape in looked.shapes.values()}) >= 6
    if options:
        prove(__name__, looked.seen)


def test_nothing_of_a_person_stands_in_an_address_or_in_the_log(served: SiteServed) -> None:
    log = (served.folder / "access.log").read_text()
    assert "portal_use" in log
    with closing(sqlite3.connect(served.folder / "world" / "app.db")) as database:
        names = [name for (name,) in database.execute("select profile_id from profiles")]
    families = [family for (family,) in served.kept("SELECT family FROM expunge_membership")]
    assert not any(each in log for each in (*names, *families))
