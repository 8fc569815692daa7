"""Consent that comes back before its withdrawal was carried out, and data that no consent carries."""

from __future__ import annotations

import os

import pytest

from expunge import clock
from expunge.core.consent.consent import ConsentReason
from expunge.core.datamap.clocks import ClockState
from expunge.core.values.order import OrderState
from tests.cli.running import expunge
from tests.engine.consents import AGREED, CHILD, PURPOSES, asking
from tests.engine.household import ANNA, BELA, CARA, DINO, Household
from tests.moment import dated

_VOICE = '"voice/{profile_id}/{recording_id}.wav", subject: {profile: profile_id}, retention: '


@pytest.fixture
def family(home: Household) -> Household:
    """Asks for consent, and keeps recordings for 90 days from the day they were made."""
    asking(home)
    text = home.map.read_text().replace(_VOICE + "life", _VOICE + "voice")
    schedule = "  voice: {period: 90 days, from: modified, purpose: answer, need: the service}\n"
    home.map.write_text(text.replace("retention:\n", f"retention:\n{schedule}", 1))
    return home


def recordings(home: Household, profile: str = ANNA) -> set[str]:
    return {path.name for path in (home.world / "media" / "voice" / profile).glob("*.wav")}


def withdrawn(home: Household) -> str:
    """Anna agreed and withdrew; the order is planned."""
    when = clock.timestamp() - 3600
    for path in (home.world / "media" / "voice" / ANNA).glob("*.wav"):
        os.utime(path, (when, when))
    with home.open() as opened:
        opened.consents.give(opened.resolve(CHILD), "training", AGREED)
        order = opened.consents.withdraw(opened.resolve(CHILD), "training").order
        assert order is not None
        opened.plan(order)
        return order


def recorded(home: Household) -> None:
    path = home.world / "media" / "voice" / ANNA / "rec-anna-new-X7.wav"
    path.write_bytes(b"RIFF" + b"the new song about herons" * 30)
    dated(path)


@pytest.mark.duty("COP-05", "COP-11")
def test_what_was_recorded_under_a_consent_that_was_given_again_stays_and_the_rest_goes(family: Household) -> None:
    order = withdrawn(family)
    with family.open() as opened:
        opened.consents.give(opened.resolve(CHILD), "training", AGREED)
    recorded(family)
    with family.open() as opened:
        assert opened.status(order).state is OrderState.CANCELLED
        (following,) = [run for run in opened.orders() if run.state is not OrderState.CANCELLED]
        assert "only what was recorded before" in following.received.scope.basis
        opened.plan(following.order)
        done = opened.apply(following.order)
        assert done.state is OrderState.FULFILLED, done.reasons
        assert opened.apply(order).state is OrderState.CANCELLED
        assert len(opened.orders()) == 2, "nothing is made twice"
    assert recordings(family) == {"rec-anna-new-X7.wav"}
    assert len(recordings(family, BELA)) == 2


def test_a_consent_that_came_another_way_counts_when_the_order_would_begin(family: Household, monkeypatch: pytest.MonkeyPatch) -> None:
    order = withdrawn(family)
    with monkeypatch.context() as patch, family.open() as opened:
        patch.setattr("expunge.engine.consent.given_again.narrow", lambda *_: {})
        opened.consents.give(opened.resolve(CHILD), "training", AGREED)
    recorded(family)
    with family.open() as opened:
        assert opened.apply(order).state is OrderState.CANCELLED
    assert "rec-anna-new-X7.wav" in recordings(family)


def test_a_withdrawal_that_stands_takes_everything(family: Household) -> None:
    order = withdrawn(family)
    recorded(family)
    with family.open() as opened:
        assert opened.apply(order).state is OrderState.FULFILLED
    assert recordings(family) == set()


def lacking(home: Household) -> dict[tuple[str, ConsentReason], int]:
    with home.open() as opened:
        return {(each.dataset, each.why): each.people for each in opened.sweep().groundless}


@pytest.mark.duty("COP-05", "FAIL-09")
def test_data_that_nobody_agreed_to_is_found_by_sweep_and_due(family: Household) -> None:
    assert lacking(family) == {("voice", ConsentReason.NEVER): 4}
    with family.open() as opened:
        for name in (BELA, CARA, DINO):
            opened.consents.give(opened.resolve(f"profile:{name}"), "training", AGREED)
        (owed,) = [each for each in opened.dues.all() if each.clock == "consent"]
    assert (owed.what, owed.standing, owed.why) == ("data in voice", ClockState.OVERDUE, "1 person: nobody has agreed")
    swept = expunge("sweep", cwd=family.folder)
    assert (swept.code, "voice: data of 1 person has no ground (nobody has agreed)" in swept.out) == (4, True)
    with family.open() as opened:
        opened.consents.give(opened.resolve(CHILD), "training", AGREED)
        assert [each for each in opened.dues.all() if each.clock == "consent"] == []
    assert expunge("sweep", cwd=family.folder).code == 0


@pytest.mark.duty("COP-05")
def test_data_whose_text_has_changed_is_found_until_they_agree_anew(family: Household) -> None:
    with family.open() as opened:
        for name in (ANNA, BELA, CARA, DINO):
            opened.consents.give(opened.resolve(f"profile:{name}"), "training", AGREED)
    assert lacking(family) == {}
    (family.folder / "consent" / "more.md").write_text("# We would like to sell it as well\n")
    first = "    - {version: 1, file: consent/training.md}\n"
    family.map.write_text(family.map.read_text().replace(first, first + "    - {version: 2, file: consent/more.md}\n"))
    assert lacking(family) == {("voice", ConsentReason.TEXT): 4}


def test_data_with_another_ground_needs_no_consent(family: Household) -> None:
    text = family.map.read_text()
    family.map.write_text(text.replace("datasets: [accounts, profiles]}", "datasets: [accounts, profiles, voice]}"))
    assert PURPOSES.count("accounts, profiles]") == 1
    assert lacking(family) == {}
