"""``due`` names data past its period, by dataset: retention that never ran is not silent."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from expunge import clock
from expunge.cli.terminal.exit_codes import Exit
from tests.cli.running import expunge
from tests.engine.household import ANNA, BELA, Household
from tests.engine.retention.test_retention import aged, events, ran, with_schedules


def told(home: Household) -> dict[str, dict[str, str]]:
    answer = expunge("due", "--json", cwd=home.folder).json
    return {each["what"]: each for each in answer["due"] if each["source"] == "the map's `retention`"}


@pytest.mark.duty("COP-15")
def test_items_past_their_period_are_due_until_a_run_takes_them(home: Household) -> None:
    with_schedules(home)
    aged(home, ANNA, 90 + 95)
    aged(home, BELA, 20)
    events(home, anna=3)
    ran_first = expunge("due", cwd=home.folder)
    assert ran_first.code == Exit.FAILED
    found = told(home)
    assert set(found) == {"data in voice"}
    voice = found["data in voice"]
    assert (voice["standing"], voice["clock"], voice["duty"]) == ("overdue", "voice", "erase it: `expunge retention run`")
    assert voice["why"] == "2 items past 90 days from modified, the oldest by 90 days at least; retention has never made an order here"
    assert (clock.now() - datetime.fromisoformat(voice["due"])) >= timedelta(days=87)
    ran(home)
    assert told(home) == {}
    assert expunge("due", cwd=home.folder).code == Exit.OK


def test_what_the_last_night_left_is_due_and_not_over(home: Household) -> None:
    with_schedules(home)
    aged(home, ANNA, 90.5)
    events(home, anna=3)
    voice = told(home)["data in voice"]
    assert (voice["standing"], expunge("due", cwd=home.folder).code) == ("running", Exit.OK)


def test_what_is_held_is_not_due_once_a_receipt_names_it(home: Household) -> None:
    with_schedules(home)
    aged(home, ANNA, 120)
    events(home, anna=3)
    with home.open() as opened:
        until = clock.now() + timedelta(days=300)
        opened.holds.place(opened.resolve(f"profile:{ANNA}"), "voice", ground="a dispute", authority="counsel", until=until)
    ran(home)
    assert told(home) == {}


def test_what_nobody_decided_and_what_cannot_be_looked_at_is_listed(home: Household) -> None:
    with_schedules(home)
    home.map.write_text(home.map.read_text().replace("from: at, purpose", 'from: at, guess: "a month?", purpose'))
    media = home.world / "media"
    media.rename(media.with_name("away"))
    found = told(home)
    assert found["retention log"]["why"] == "nobody has decided it"
    assert "data in events" not in found
    assert found["data in voice"]["why"].startswith("its age cannot be told: ")
    assert found["data in voice"]["why"].endswith("retention has never made an order here")
