"""Leases that nobody would give back: of a step that was begun with the outcome of the last, by a worker that then ran into trouble."""

from __future__ import annotations

import pytest

from expunge.core.orders.run import next_steps
from expunge.core.values.ids import OrderId
from expunge.core.values.order import OrderState
from expunge.engine.kernel.context import Progress
from tests.engine.conftest import home, template
from tests.engine.execution.test_going_on import Hints, ended, order, working
from tests.engine.household import Household

__all__ = ["home", "order", "template"]


def test_what_was_begun_is_free_at_once_when_the_worker_stumbles_after_the_step_before_it(home: Household, order: OrderId) -> None:
    """Else the next step would wait for as long as a lease lasts."""
    hints = Hints()
    with working(home, order, hints) as (worker, opened):

        def stumbles(progress: Progress) -> None:
            if progress.state == "done":
                raise OSError("the terminal has gone")

        worker.report = stumbles
        first = str(next_steps(opened.status(order))[0])
        with pytest.raises(OSError, match="terminal"):
            worker.handle((order,), first)
        begun = [each for each, state in opened.status(order).current.steps.items() if state.open]
        assert begun, "its intent was journalled with the outcome of the first"
        assert worker.leases.held() == ()
        worker.report = lambda _: None
        worker.handle((order,), str(begun[0]))
        assert opened.status(order).state is OrderState.FULFILLED
        assert set(ended(opened, order).values()) == {1}
