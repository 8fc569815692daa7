"""People who stay do not stay for ever: an order that waits is judged by those who are there when it is carried out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from expunge import Expunge
from expunge.core.orders.run import Run
from expunge.core.values.copy import RawSource
from expunge.core.values.order import OrderState
from expunge.engine.evidence import tracing
from expunge.ports.store import Store
from tests.engine import household
from tests.engine.household import ANNA, BELA, CARA, DINO, Household, shorten_pauses, strings_of
from tests.engine.recipients.test_dues import Set

NOON = datetime(2031, 5, 2, 12, tzinfo=UTC)
WEEK = timedelta(days=7)
EVIDENCE = {"ground": "evidence in a pending case", "authority": "district court", "purpose": "the case"}


@pytest.fixture
def home(tmp_path: Path) -> Household:
    return household.build(tmp_path / "home")


class Elsewhere:
    """A store that names an empty folder as the place of its bytes."""

    def __init__(self, real: Store, empty: Path) -> None:
        self.real = real
        self.empty = empty

    def raw(self) -> Iterator[RawSource]:
        yield RawSource(self.empty, "data")

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)


def waiting(opened: Expunge, *leaving: str) -> str:
    """Anna's recordings are held; she is erased but for them, and others are erased after her. The order."""
    anna = opened.resolve(f"profile:{ANNA}")
    opened.holds.place(anna, "voice", until=NOON + WEEK, **EVIDENCE)
    order = erased(opened, ANNA)
    assert order.state is OrderState.IN_PART
    for other in leaving:
        assert erased(opened, other).state is OrderState.FULFILLED
    return order.order


def erased(opened: Expunge, name: str) -> Run:
    order = opened.order_erase([opened.resolve(f"profile:{name}")]).order
    opened.plan(order)
    return opened.apply(order)


def due(home: Household, *leaving: str, blind: bool = False) -> Run:
    """Run the order when the hold has ended."""
    clock = Set(NOON)
    with Expunge.open(home.map, clock=clock) as opened:
        shorten_pauses(opened)
        waiting(opened, *leaving)
        clock.at = NOON + WEEK
        if blind:
            inner = opened.context.open_store
            (home.folder / "empty").mkdir()
            other = cast("Store", Elsewhere(inner("media"), home.folder / "empty"))
            opened.context = replace(opened.context, open_store=lambda name: other if name == "media" else inner(name))
        (run,) = opened.run_due()
    return run


@pytest.mark.parametrize(
    "leaving", [pytest.param((BELA,), id="one"), pytest.param((BELA, CARA, DINO), id="everybody", marks=pytest.mark.soak)]
)
def test_an_order_that_waited_ends_although_its_first_controls_were_erased_meanwhile(home: Household, leaving: tuple[str, ...]) -> None:
    run = due(home, *leaving)
    assert (run.state, run.reasons) == (OrderState.FULFILLED, ())
    assert home.search(*strings_of(ANNA)) == []


def test_a_scan_that_went_blind_between_two_rounds_does_not_read_as_done(home: Household) -> None:
    run = due(home, BELA, blind=True)
    assert (run.state, run.reasons) == (OrderState.IN_PART, ("shared: cannot tell", "voice: cannot tell"))


@pytest.mark.soak
def test_a_later_look_sees_by_people_who_are_there_then(home: Household) -> None:
    with home.open() as opened, pytest.MonkeyPatch.context() as patched:
        patched.setattr(tracing, "CONTROLS", 1)
        order = erased(opened, ANNA).order
        for other in (BELA, CARA):
            erased(opened, other)
        later = opened.verify(order)
    assert (later.found, later.failed) == (0, {})
