"""Kill -9, a full disk and a lost reply at every failpoint that an order passes.

Resumed: the same end, one receipt, one leaf, nothing else touched.
"""

from __future__ import annotations

import errno
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from expunge import faults
from expunge.core.order import OrderState
from expunge.durable import TEMPORARY_PREFIX
from expunge.errors import ExpungeError
from expunge.faults import ReplyLost
from expunge.testing.forked import in_child
from tests.architecture.failpoints import all_failpoints
from tests.engine.household import ANNA, Household, build, copy, strings_of

GOING = (OrderState.RECEIVED, OrderState.FENCED)


def carry_on(home: Household) -> None:
    """What an operator does after a crash: look what there is, and go on. The same calls as the first time."""
    with home.open() as opened:
        opened.recover()
        if not opened.orders():
            opened.order_erase([opened.resolve(f"profile:{ANNA}")], contact="parent@example.org")
        (run,) = opened.orders()
        if run.state in GOING:
            opened.plan(run.order)
        for _ in range(3):
            if opened.apply(run.order).state is OrderState.FULFILLED:
                break


def passed(home: Household, act: Callable[[Household], None]) -> Counter[str]:
    with faults.record() as names:
        act(home)
    return Counter(names)


def final_state(home: Household) -> dict[str, str]:
    return home.logical()


@pytest.fixture(scope="module")
def reference(template: Household, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """How an undisturbed order ends."""
    home = copy(template, tmp_path_factory.mktemp("reference") / "home")
    carry_on(home)
    return final_state(home)


def points() -> list[tuple[str, int]]:
    """(failpoint, pass) of a whole order: every name at its first pass, and those passed often also in the middle and at the end."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        counts = passed(build(Path(folder) / "home"), carry_on)
    chosen = []
    for name, count in sorted(counts.items()):
        chosen += [(name, at) for at in sorted({1, count // 2 + 1, count} if count > 4 else {1})]
    return chosen


POINTS = points()


def assert_ended_well(home: Household, reference: dict[str, str]) -> None:
    with home.open() as opened:
        (run,) = opened.orders()
        assert run.state is OrderState.FULFILLED
        assert run.key_destroyed
        assert len(run.history) == 1, "one receipt"
        assert opened.context.log.head().size == 1, "one leaf"
        assert opened.receipt_folder(run.order)
    assert home.search(*strings_of(ANNA), "parent@example.org") == []
    assert final_state(home) == reference, "something else was touched"
    assert [each for each in home.folder.rglob(f"{TEMPORARY_PREFIX}*") if "state" not in each.parts] == [], (
        "a temporary was left in the world"
    )


@pytest.mark.parametrize(("name", "at"), POINTS, ids=[f"{name}@{at}" for name, at in POINTS])
def test_killed_at_a_failpoint_and_resumed(name: str, at: int, home: Household, reference: dict[str, str]) -> None:
    def doomed() -> None:
        with faults.arm(name, "kill", at):
            carry_on(home)

    ended = in_child(doomed)
    assert ended.killed_by == 9, ended.error or "the failpoint was not passed"
    carry_on(home)
    assert_ended_well(home, reference)


WITHIN = ("store.", "journal.append:", "journal.begin:", "journal.register:")
"""Around whole calls, where no operating system error arises: those arise at the points inside, which are in the table."""
FULL = [name for name, at in POINTS if at == 1 and name.endswith(":before") and not name.startswith(WITHIN)]


@pytest.mark.parametrize("name", FULL)
def test_a_full_disk_is_said_and_nothing_is_lost(name: str, home: Household, reference: dict[str, str]) -> None:
    said: ExpungeError | None = None
    try:
        with faults.arm(name, "full"):
            carry_on(home)
    except ExpungeError as error:
        said = error
    except OSError as error:
        pytest.fail(f"a bare operating system error reached the caller: {errno.errorcode[error.errno or 0]}")
    assert said is None or said.help, "an error says what to do"
    carry_on(home)
    if_in_part_then_done(home, reference)


LOST = [name for name, at in POINTS if at == 1 and name in ("store.erase:after", "store.purge:after", "store.probe:after")]


@pytest.mark.parametrize("name", LOST)
@pytest.mark.parametrize("at", [1, 2, 3])
def test_a_lost_reply_is_settled_by_looking(name: str, at: int, home: Household, reference: dict[str, str]) -> None:
    try:
        with faults.arm(name, "lost", at):
            carry_on(home)
    except ReplyLost:
        pytest.fail("a lost reply reached the caller")
    assert_ended_well(home, reference)


def if_in_part_then_done(home: Household, reference: dict[str, str]) -> None:
    """A full disk may have ended the first round in part, with a receipt that says so; then there are two receipts."""
    with home.open() as opened:
        (run,) = opened.orders()
        assert run.state is OrderState.FULFILLED
        assert len(run.history) == opened.context.log.head().size
        assert len(run.history) <= 2
    assert home.search(*strings_of(ANNA), "parent@example.org") == []
    assert final_state(home) == reference


def test_every_failpoint_of_an_order_is_in_the_code_and_was_killed(capsys: pytest.CaptureFixture[str]) -> None:
    known, killed = set(all_failpoints()), {name for name, _ in POINTS}
    with capsys.disabled():
        print(f"\n{len(killed)} of {len(known)} failpoints lie on the way of an order; killed at {len(POINTS)} passes")
    assert killed <= known
    assert len(killed) > 60, "an order passes that many places where durability changes"
