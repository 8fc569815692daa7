"""Children who stopped using it, whose recordings went long before anybody could call them inactive."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from expunge.bootstrap import Expunge
from expunge.core.retention.inactivity import GONE, IdleState
from expunge.core.values.order import OrderState
from expunge.errors import UsageError
from tests.engine.household import ANNA, BELA, CARA, DINO, Household
from tests.engine.retention.idle_profiles import DAY, Clock, looked, stand, used, watched

_LIFE = "subject: {profile: profile_id}, retention: life}"


def expiring(home: Household, **days: float) -> Clock:
    """The watched household whose recordings go after 30 days."""
    clock = watched(home, **days)
    text = home.map.read_text().replace(
        "retention:\n", "retention:\n  voice: {period: 30 days, from: modified, purpose: answer, need: the service}\n", 1
    )
    path = '"voice/{profile_id}/{recording_id}.wav", '
    home.map.write_text(text.replace(path + _LIFE, path + _LIFE.replace("life", "voice")))
    return clock


def expired(home: Household, clock: Clock) -> None:
    """One run of retention alone, carried out."""
    with Expunge.open(home.map, clock=clock) as opened:
        for order in opened.retention.retire().orders:
            opened.plan(order)
            assert opened.apply(order).state is OrderState.FULFILLED


def recordings(home: Household, profile: str) -> int:
    return len(list((home.world / "media" / "voice" / profile).glob("*.wav")))


def kept_in_use(home: Household, clock: Clock) -> None:
    """The other three go on using it; retention has emptied their folders."""
    for profile in (BELA, CARA, DINO):
        folder = home.world / "media" / "voice" / profile
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "again.wav").write_bytes(profile.encode() * 40)
        used(home, profile, clock.at)


@pytest.mark.duty("AMZ-01", "AMZ-02")
def test_a_child_whose_recordings_expired_is_found_by_the_last_use_that_was_remembered(home: Household) -> None:
    clock = expiring(home, anna=20)
    last = clock.at - 20 * DAY
    clock.at += 15 * DAY
    expired(home, clock)
    assert recordings(home, ANNA) == 0
    clock.at = last + 540 * DAY
    kept_in_use(home, clock)
    assert looked(home, clock)[0].flagged == (), "not a day early"
    clock.at = last + 551 * DAY
    kept_in_use(home, clock)
    found, _ = looked(home, clock)
    assert list(found.named.values()) == [f"profile:{ANNA}"]
    assert found.flagged[0].last_used.date() == last.date()
    clock.at += 60 * DAY
    kept_in_use(home, clock)
    _, (run,) = looked(home, clock)
    assert run.state is OrderState.FULFILLED
    assert home.search(ANNA) == []
    with Expunge.open(home.map, clock=clock) as opened:
        journal = b"".join(opened.context.journal.read("idle"))
    assert ANNA.encode() not in journal
    assert b"again" not in journal


@pytest.mark.duty("AMZ-02")
def test_a_flagged_profile_whose_last_item_went_is_given_up_all_the_same(home: Household) -> None:
    clock = watched(home, anna=600)
    looked(home, clock)
    for path in (home.world / "media" / "voice" / ANNA).glob("*.wav"):
        path.unlink()
    with closing(sqlite3.connect(home.database)) as db, db:
        db.execute("DELETE FROM transcripts WHERE recording_id LIKE ?", (f"rec-{ANNA[4:8]}-%",))
    clock.at += 61 * DAY
    _, (run,) = looked(home, clock)
    assert run.state is OrderState.FULFILLED
    assert home.search(ANNA) == []


@pytest.mark.duty("AMZ-02")
def test_a_flagged_profile_of_which_nothing_is_left_falls_due_no_more(home: Household) -> None:
    clock = watched(home, anna=600)
    looked(home, clock)
    assert home.erase(f"profile:{ANNA}").state is OrderState.FULFILLED
    clock.at += GONE + DAY
    assert looked(home, clock)[1] == []
    assert stand_of_the_flagged(home, clock) == [IdleState.GONE]
    with Expunge.open(home.map, clock=clock) as opened:
        assert [each for each in opened.dues.all() if each.clock == "unused"] == []


def stand_of_the_flagged(home: Household, clock: Clock) -> list[IdleState]:
    with Expunge.open(home.map, clock=clock) as opened:
        return [each.state for each in opened.retention.idle().values()]


@pytest.mark.duty("AMZ-01")
def test_a_profile_that_was_never_seen_in_use_is_counted_from_the_first_look(home: Household) -> None:
    clock = watched(home)
    for path in (home.world / "media" / "voice" / ANNA).glob("*.wav"):
        path.unlink()
    assert looked(home, clock)[0].flagged == ()
    clock.at += 551 * DAY
    kept_in_use(home, clock)
    assert list(looked(home, clock)[0].named.values()) == [f"profile:{ANNA}"]


def ordered(home: Household) -> tuple[Clock, str]:
    """Anna's profile given up; the order for it is planned and not carried out."""
    clock = watched(home, anna=600)
    looked(home, clock)
    clock.at += 61 * DAY
    with Expunge.open(home.map, clock=clock) as opened:
        (order,) = opened.retention.watch().orders
        opened.plan(order)
    return clock, order


@pytest.mark.duty("AMZ-02")
def test_who_uses_it_again_before_the_order_is_carried_out_keeps_it(home: Household) -> None:
    clock, order = ordered(home)
    clock.at += DAY
    used(home, ANNA, clock.at)
    with Expunge.open(home.map, clock=clock) as opened:
        assert opened.apply(order).state is OrderState.CANCELLED
    assert recordings(home, ANNA) == 2
    assert stand(home, clock, ANNA) is IdleState.USED
    assert looked(home, clock)[1] == []


@pytest.mark.duty("AMZ-02")
def test_the_night_finds_that_it_was_used_again_too(home: Household) -> None:
    clock, order = ordered(home)
    clock.at += DAY
    used(home, ANNA, clock.at)
    found, runs = looked(home, clock)
    assert (len(found.used), runs) == (1, [])
    with Expunge.open(home.map, clock=clock) as opened:
        assert opened.status(order).state is OrderState.CANCELLED


@pytest.mark.duty("AMZ-02")
def test_a_parent_keeps_it_before_the_order_is_carried_out_and_not_after(home: Household) -> None:
    clock, order = ordered(home)
    with Expunge.open(home.map, clock=clock) as opened:
        person = opened.resolve(f"profile:{ANNA}")
        assert opened.retention.keep(person, "the parent").state is IdleState.KEPT
        assert opened.status(order).state is OrderState.CANCELLED
    clock.at += 551 * DAY
    kept_in_use(home, clock)
    found, _ = looked(home, clock)
    assert list(found.named.values()) == [f"profile:{ANNA}"], "the period began anew"
    clock.at += 61 * DAY
    looked(home, clock)
    with Expunge.open(home.map, clock=clock) as opened, pytest.raises(UsageError, match="the profile is ordered"):
        opened.retention.keep(person, "the parent")


@pytest.mark.duty("AMZ-02")
def test_an_order_that_was_cancelled_comes_again(home: Household) -> None:
    clock, order = ordered(home)
    with Expunge.open(home.map, clock=clock) as opened:
        opened.order_cancel(order, "the wrong week")
    clock.at += DAY
    _, (run,) = looked(home, clock)
    assert run.order != order
    assert run.state is OrderState.FULFILLED
    assert home.search(ANNA) == []
