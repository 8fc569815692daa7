"""A hold that is placed while a run is under way: what it keeps, and is there still, stays byte for byte, and the receipt says so."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import pytest

from expunge import Expunge, faults
from expunge.core.orders.run import Run
from expunge.core.values.order import OrderState
from expunge.engine.kernel.context import Progress
from expunge.engine.subjects import hold_register
from expunge.testing.forked import in_child
from tests.engine.evidence.test_honesty import receipt
from tests.engine.household import ANNA, Household, copy, difference, strings_of

EVIDENCE = {"ground": "evidence in a pending case", "authority": "district court", "purpose": "the case"}
STEPS = (
    "trace:app", "trace:media", "look:media", "erase:events", "erase:shared", "erase:transcripts", "erase:participants", "erase:voice",
    "erase:profiles", "purge:app", "purge:media", "verify:app", "verify:lake", "verify:media",
)  # fmt: skip
"""The steps before which a hold is placed."""
HELD = ("events", "shared", "transcripts", "voice", "profiles")
"""The datasets in which it is placed."""
QUICK = {("erase:shared", "voice"), ("erase:voice", "voice"), ("verify:app", "voice"), ("erase:transcripts", "transcripts")}
TABLE = [
    pytest.param(step, dataset, id=f"{dataset}-before-{step}", marks=[] if (step, dataset) in QUICK else pytest.mark.soak)
    for step in STEPS
    for dataset in HELD
]


def place(home: Household, dataset: str, *, items: tuple[str, ...] = ()) -> str:
    """Place a hold as another program does, which opens the installation for itself."""
    with Expunge.open(home.map) as other:
        anna = other.resolve(f"profile:{ANNA}")
        until = other.context.clock.now() + timedelta(days=30)
        return hold_register.place(other.context, anna.person, dataset, until=until, items=items, **EVIDENCE).id


@dataclass(frozen=True)
class Left:
    """What an order left: its state, what its receipt says of the things kept and erased, and what the company holds."""

    state: OrderState
    kept: dict[str, int]
    erased: dict[str, int]
    world: dict[str, str]


def left(home: Household, run: Run) -> Left:
    said = receipt(home, run.order)
    kept = {each.dataset: each.items for each in said.kept}
    return Left(run.state, kept, {each.dataset: each.items for each in said.datasets if each.items}, home.logical())


def apply(home: Household, *, before: str = "", act: Callable[[], object] = lambda: None) -> Run:
    """Erase Anna, and do something right before one of the steps begins."""
    order = home.order(f"profile:{ANNA}").order
    home.plan(order)
    waiting = [before] if before else []

    def told(progress: Progress) -> None:
        if progress.state == "start" and progress.step in waiting:
            waiting.clear()
            act()

    with home.open() as expunge:
        run = expunge.apply(order, report=told)
    assert not waiting, "the step was not reached"
    return run


@pytest.fixture(scope="session")
def undisturbed(template: Household, tmp_path_factory: pytest.TempPathFactory) -> Left:
    home = copy(template, tmp_path_factory.mktemp("undisturbed") / "home")
    return left(home, apply(home))


@pytest.fixture(scope="session")
def held_before(template: Household, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Left]:
    """What is left of an order that finds the hold when it begins, by the hold's dataset."""
    known: dict[str, Left] = {}

    def found(dataset: str) -> Left:
        if dataset not in known:
            home = copy(template, tmp_path_factory.mktemp("held-before") / "home")
            place(home, dataset)
            known[dataset] = left(home, apply(home))
        return known[dataset]

    return found


@pytest.mark.parametrize(("step", "dataset"), TABLE)
def test_a_hold_placed_before_a_step_binds_as_if_it_had_stood_before_the_order(
    step: str, dataset: str, home: Household, undisturbed: Left, held_before: Callable[[str], Left]
) -> None:
    run = apply(home, before=step, act=lambda: place(home, dataset))
    plan = [str(each.id) for each in run.plan.steps] if run.plan else []
    too_late = plan.index(step) > plan.index(f"erase:{dataset}")
    expected = undisturbed if too_late else held_before(dataset)
    assert left(home, run) == expected
    assert too_late or difference(home.logical(), undisturbed.world), "something of Anna's is there still"


@pytest.mark.duty("DSG-04")
def test_a_hold_placed_between_two_files_keeps_the_second_and_the_receipt_counts_both(home: Household) -> None:
    before = home.logical()
    order = home.order(f"profile:{ANNA}").order
    home.plan(order)
    held: list[str] = []

    def hold_the_rest() -> None:
        rest = [name for name in before if f"voice/{ANNA}/" in name and (home.world / name).exists()]
        assert len(rest) == 1
        held.extend(rest)
        place(home, "voice")

    with home.open() as expunge, faults.arm("files.erase.unlink:after", hold_the_rest, 2):
        run = expunge.apply(order)
    assert run.state is OrderState.IN_PART
    assert held
    after = home.logical()
    assert all(after[name] == before[name] for name in held), "byte for byte"
    said = receipt(home, run.order)
    assert [(each.dataset, each.items) for each in said.kept] == [("voice", 1)]
    assert next(each.items for each in said.datasets if each.dataset == "voice") == 1


def test_a_hold_lifted_during_a_run_keeps_until_its_end_and_the_rest_goes_by_itself(home: Household, undisturbed: Left) -> None:
    hold = place(home, "voice")

    def lift() -> None:
        with Expunge.open(home.map) as other:
            hold_register.end(other.context, hold, "the case is closed")

    run = apply(home, before="purge:app", act=lift)
    assert (run.state, left(home, run).kept) == (OrderState.IN_PART, {"voice": 2})
    with home.open() as expunge:
        (again,) = expunge.run_due()
    assert again.state is OrderState.FULFILLED
    assert home.logical() == undisturbed.world
    assert home.search(*strings_of(ANNA)) == []


def test_what_a_hold_of_the_middle_kept_goes_when_it_ends(home: Household) -> None:
    run = apply(home, before="erase:voice", act=lambda: place(home, "voice"))
    assert run.state is OrderState.IN_PART
    with home.open() as expunge:
        (hold,) = expunge.holds.active()
        assert expunge.run_due() == ()
        expunge.holds.end(hold.id, "the case is closed")
        (again,) = expunge.run_due()
        assert again.state is OrderState.FULFILLED
    assert home.search(*strings_of(ANNA)) == []


def test_a_second_hold_in_the_same_run_is_met_too(home: Household) -> None:
    def place_two() -> None:
        place(home, "voice")
        place(home, "profiles")

    before = home.logical()
    run = apply(home, before="erase:transcripts", act=place_two)
    assert set(left(home, run).kept) == {"voice", "profiles"}
    assert all(name not in difference(before, home.logical()) for name in before if f"voice/{ANNA}" in name)


KILLED = [
    pytest.param("store.erase:before", 4, id="before-the-next-erase"),
    pytest.param("store.erase:after", 3, id="after-an-erase", marks=pytest.mark.soak),
    pytest.param("store.purge:after", 1, id="after-a-purge", marks=pytest.mark.soak),
    pytest.param("store.probe:after", 1, id="in-the-look-after", marks=pytest.mark.soak),
]


@pytest.mark.parametrize(("name", "at"), KILLED)
def test_a_run_that_is_killed_after_the_hold_goes_on_with_it(
    name: str, at: int, home: Household, held_before: Callable[[str], Left]
) -> None:
    """The next start knows from the journal alone what was kept, and counts as one that never stopped."""

    def doomed() -> None:
        with faults.arm(name, "kill", at):
            apply(home, before="erase:transcripts", act=lambda: place(home, "voice"))

    assert in_child(doomed).killed_by == signal.SIGKILL
    with home.open() as expunge:
        (run,) = expunge.orders()
    assert left(home, home.apply(run.order)) == held_before("voice")


def test_a_run_that_is_killed_between_two_files_as_the_hold_comes_counts_the_first_once(home: Household) -> None:
    def placed_and_gone() -> None:
        place(home, "voice")
        os.kill(os.getpid(), signal.SIGKILL)

    def doomed() -> None:
        with faults.arm("files.erase.unlink:after", placed_and_gone, 2):
            apply(home)

    assert in_child(doomed).killed_by == signal.SIGKILL
    with home.open() as expunge:
        (run,) = expunge.orders()
    after = left(home, home.apply(run.order))
    assert (after.state, after.kept, after.erased["voice"]) == (OrderState.IN_PART, {"voice": 1}, 1)
