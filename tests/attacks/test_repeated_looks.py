"""A store that is asked again: what it showed once is not taken back, and what it does not say is not nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from expunge.core.datamap.datamap import Dataset
from expunge.core.orders.run import Run
from expunge.core.values.copy import Copy, Probed
from expunge.core.values.order import OrderState
from expunge.ports.store import Store
from tests.engine import household
from tests.engine.household import ANNA, CARA, Household

Answer = Callable[[list[Probed]], list[Probed]]


@pytest.fixture
def home(tmp_path: Path) -> Household:
    return household.build(tmp_path / "home")


class Fickle:
    """A store whose first probes of voices are answered in another way than the next ones."""

    def __init__(self, real: Store, first: Answer, times: int) -> None:
        self.real = real
        self.answers = [first] * times

    def probe(self, dataset: Dataset, copies: Sequence[Copy]) -> Iterator[Probed]:
        said = list(self.real.probe(dataset, copies))
        yield from self.answers.pop()(said) if dataset.name == "voice" and self.answers else said

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)


def erased(home: Household, first: Answer, times: int = 1) -> tuple[Run, int]:
    """Erase two children over such a store; how the order ended, and how often it paused."""
    paused: list[float] = []
    order = home.order(f"profile:{ANNA}", f"profile:{CARA}").order
    home.plan(order)
    with home.open() as opened:
        inner = opened.context.open_store
        fickle = cast(Store, Fickle(inner("media"), first, times))
        opened.context = replace(opened.context, pause=paused.append, open_store=lambda name: fickle if name == "media" else inner(name))
        return opened.apply(order), len(paused)


def one_there_the_other_locked(said: list[Probed]) -> list[Probed]:
    return [replace(said[0], items=1), replace(said[1], could_not="locked")]


def one_read_path_shows_it_and_another_is_locked(said: list[Probed]) -> list[Probed]:
    return [replace(said[0], items=1, could_not="locked"), said[1]]


@pytest.mark.parametrize("first", [one_there_the_other_locked, one_read_path_shows_it_and_another_is_locked])
def test_what_one_probe_found_is_not_taken_back_by_the_next(home: Household, first: Answer) -> None:
    run, paused = erased(home, first)
    assert paused == 1
    assert (run.state, run.reasons) == (OrderState.IN_PART, ("voice: residue found",))


def test_who_is_left_out_of_an_answer_is_asked_for_again(home: Household) -> None:
    run, paused = erased(home, lambda said: said[:1])
    assert paused == 1
    assert (run.state, run.reasons) == (OrderState.FULFILLED, ())


def test_a_store_that_never_answers_for_somebody_does_not_read_as_done(home: Household) -> None:
    run, _ = erased(home, lambda said: said[:1], times=3)
    assert (run.state, run.reasons) == (OrderState.IN_PART, ("voice: cannot tell",))
