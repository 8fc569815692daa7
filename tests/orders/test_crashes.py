"""Kill -9 at every failpoint that entering an order passes: looked at again, the same things go, and no order is left half-made."""

from __future__ import annotations

from collections import Counter

import pytest

from expunge import faults
from expunge.core.disgorgement.disgorgement_events import DisgorgementState
from expunge.core.values.order import ENDED, OrderState
from expunge.testing.forked import in_child
from tests.orders.camera import Home
from tests.orders.worlds import ORDERS


def enter(home: Home) -> None:
    with home.open() as opened:
        opened.disgorgements.enter(opened.disgorgements.read(ORDERS / "ring.yaml"))


COMMITS = 10
"""To the journal, while an order is entered."""
POINTS = [("journal.commit:before", at) for at in range(1, COMMITS + 1)] + [("journal.commit:after", at) for at in range(1, COMMITS + 1)]
OFTEN = (1, COMMITS // 2, COMMITS)
"""The passes that are killed outside a soak."""


def test_each_commit_of_entering_is_killed(home: Home) -> None:
    with faults.record() as names:
        enter(home)
    assert Counter(name for name in names if name.startswith("journal.commit:")) == Counter(name for name, _ in POINTS), (
        "COMMITS has changed"
    )


def killed_and_looked_at_again(home: Home, name: str, at: int) -> DisgorgementState:
    def doomed() -> None:
        with faults.arm(name, "kill", at):
            enter(home)

    assert in_child(doomed).killed_by == 9, "the failpoint was not passed"
    with home.open() as opened:
        opened.recover()
        entered = opened.disgorgements.standings()
        if entered:
            return opened.disgorgements.again(next(iter(entered)))
    return home.enter()


@pytest.mark.parametrize(
    ("name", "at"),
    [pytest.param(name, at, id=f"{name}@{at}", marks=[] if at in OFTEN else pytest.mark.soak) for name, at in POINTS],
)
def test_killed_while_it_is_entered_and_looked_at_again(name: str, at: int, home: Home) -> None:
    standing = killed_and_looked_at_again(home, name, at)
    latest = [standing.of_limb(each.name)[-1] for each in standing.order.limbs]
    assert [each.items for each in latest] == [{"recordings": 2}, {"faces": 3}, {"models": 4}]
    with home.open() as opened:
        waiting = {run.order for run in opened.orders() if run.state not in ENDED}
    assert waiting == {each.order for each in latest}, "each limb has one order that waits, and nothing else does"


def test_what_was_entered_again_is_carried_out_whole(home: Home) -> None:
    name, at = next((name, at) for name, at in POINTS if name.endswith(":after") and at > 4)
    standing = killed_and_looked_at_again(home, name, at)
    assert set(home.carry_out(standing).values()) == {OrderState.FULFILLED}
    assert home.world.files() == {"media/video/acc-2/rec-2.mp4"}
    with home.open() as opened:
        assert opened.disgorgements.statement(standing.id).draft.parts[0].lines[0].number == 2
