"""What a withdrawal took came back: it goes again, unless somebody agreed to it since or something else needs it."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from expunge.core.values.ids import OrderId
from expunge.core.values.order import OrderKind, OrderState
from tests.engine.consents import AGREED, CHILD, asking
from tests.engine.household import ANNA, SAID, Household


@pytest.fixture
def family(home: Household, tmp_path: Path) -> Household:
    """A child's recordings rest on one consent, which was withdrawn; copies of everything were taken before."""
    family = asking(home)
    with family.open() as opened:
        opened.consents.give(opened.resolve(CHILD), "training", AGREED)
    shutil.copytree(family.world, tmp_path / "copies")
    with family.open() as opened:
        order = opened.consents.withdraw(opened.resolve(CHILD), "training").order
    assert order is not None
    assert carried_out(family, order) is OrderState.FULFILLED
    return family


def carried_out(family: Household, order: OrderId) -> OrderState:
    family.plan(order)
    return family.apply(order).state


def put_back(family: Household, copies: Path) -> None:
    shutil.rmtree(family.world)
    shutil.copytree(copies, family.world)


def voices(family: Household) -> list[Path]:
    return list((family.world / "media" / "voice" / ANNA).glob("*.wav"))


@pytest.mark.duty("TIM-02")
def test_a_restored_store_serves_only_when_what_was_withdrawn_is_gone_again(family: Household, tmp_path: Path) -> None:
    put_back(family, tmp_path / "copies")
    assert voices(family)
    with family.open() as opened:
        for store in opened.map.stores:
            assert opened.restored(store).may_serve
    assert not voices(family)
    assert not family.search(*SAID[ANNA], where=("world/app.db",))
    assert family.search(ANNA, where=("world",)), "the account goes on"


def test_a_sweep_finds_it_and_the_order_that_follows_erases_it(family: Household, tmp_path: Path) -> None:
    put_back(family, tmp_path / "copies")
    with family.open() as opened:
        (back,) = opened.sweep().came_back
        assert back.datasets == ("transcripts", "voice")
        assert opened.status(back.order).state is OrderState.REOPENED
        run = opened.status(back.followed_by)
        assert (run.received.kind, run.received.follows) == (OrderKind.WITHDRAWAL, back.order)
        assert opened.sweep().came_back == (), "one order is enough"
    assert carried_out(family, back.followed_by) is OrderState.FULFILLED
    assert not voices(family)
    with family.open() as opened:
        assert opened.sweep().came_back == ()


def test_what_was_taken_in_by_somebody_who_did_not_ask_goes_too(family: Household, tmp_path: Path) -> None:
    (family.world / "media" / "voice" / ANNA).mkdir(parents=True, exist_ok=True)
    shutil.copy(next((tmp_path / "copies" / "media" / "voice" / ANNA).glob("*.wav")), family.world / "media" / "voice" / ANNA / "new.wav")
    with family.open() as opened:
        (back,) = opened.sweep().came_back
    assert carried_out(family, back.followed_by) is OrderState.FULFILLED
    assert not voices(family)


def test_who_agreed_again_is_left_alone(family: Household, tmp_path: Path) -> None:
    with family.open() as opened:
        opened.consents.give(opened.resolve(CHILD), "training", AGREED)
    put_back(family, tmp_path / "copies")
    with family.open() as opened:
        assert opened.sweep().came_back == ()
    assert voices(family)


def test_what_another_purpose_needs_by_now_stays(family: Household, tmp_path: Path) -> None:
    with family.open() as opened:
        opened.consents.give(opened.resolve(CHILD), "review", replace(AGREED, surface="app 4.3, help"))
    put_back(family, tmp_path / "copies")
    with family.open() as opened:
        assert opened.sweep().came_back == ()
    assert voices(family)
