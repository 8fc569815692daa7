"""Anything may happen in any order: orders, cancellations, crashes, data coming back. What must always hold is checked after every step."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from expunge import Expunge, faults
from expunge.core.values.ids import OrderId
from expunge.core.values.order import ENDED, OrderState
from expunge.testing.forked import in_child
from tests.engine.household import PEOPLE, Household, copy, strings_of, wav

POINTS = [
    "journal.append:after", "store.erase:after", "store.purge:before", "store.trace:after", "shelf.put.swap:before",
    "log.publish.swap:before", "log.publish.swap:after", "files.erase.unlink:after", "sqlite.erase.commit:after",
    "sqlite.purge.vacuum:after", "keys.wipe.overwrite:after", "files.rewrite.swap:before", "store.probe:before",
]  # fmt: skip
WHO = st.sampled_from(sorted(PEOPLE))


class Company(RuleBasedStateMachine):
    """The real thing on disk, and what we expect of it: who is live, who was ordered erased."""

    template: Household

    @initialize()
    def found(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.home = copy(self.template, self.folder / "home")
        self.live = set(PEOPLE)
        self.open_orders: dict[OrderId, str] = {}
        self.log_size = 0
        self.killed = False
        """Since somebody last took up what a crash left."""

    @rule(who=WHO)
    def order(self, who: str) -> None:
        if len(self.open_orders) < 3:
            self.open_orders[self.home.order(f"profile:{who}").order] = who

    @precondition(lambda self: self.open_orders)
    @rule(data=st.data())
    def plan_and_apply(self, data: st.DataObject) -> None:
        order = data.draw(st.sampled_from(sorted(self.open_orders)))
        self._plan(order)
        run = self.home.apply(order)
        assert run.state is OrderState.FULFILLED, run.reasons
        self.live.discard(self.open_orders.pop(order))

    @precondition(lambda self: self.open_orders)
    @rule(data=st.data(), point=st.sampled_from(POINTS), at=st.integers(1, 4))
    def apply_and_crash(self, data: st.DataObject, point: str, at: int) -> None:
        order = data.draw(st.sampled_from(sorted(self.open_orders)))
        self._plan(order)

        def doomed() -> None:
            with faults.arm(point, "kill", at):
                self.home.apply(order)

        ended = in_child(doomed)
        assert ended.killed_by == 9 or not ended.error, ended.error
        self.killed = self.killed or ended.killed_by == 9
        if self._run_state(order) is OrderState.FULFILLED:
            self.live.discard(self.open_orders.pop(order))

    @precondition(lambda self: self.open_orders)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        order = data.draw(st.sampled_from(sorted(self.open_orders)))
        if self._run_state(order) is not OrderState.RUNNING:
            with self.home.open() as opened:
                opened.order_cancel(order)
            del self.open_orders[order]

    @precondition(lambda self: set(PEOPLE) - self.live)
    @rule(data=st.data())
    def comes_back(self, data: st.DataObject) -> None:
        """A backup is restored over the database and a folder."""
        who = data.draw(st.sampled_from(sorted(set(PEOPLE) - self.live)))
        with sqlite3.connect(self.home.database) as db:
            db.execute("INSERT OR IGNORE INTO profiles VALUES (?, ?, NULL)", (who, PEOPLE[who]))
        db.close()
        folder = self.home.world / "media" / "voice" / who
        folder.mkdir(exist_ok=True)
        (folder / f"rec-{who[4:8]}-0-X7.wav").write_bytes(wav(f"{who}0"))
        with self.home.open() as opened:
            back = opened.sweep().came_back
        going = set(self.open_orders.values())
        if who not in going:
            (found,) = [each for each in back if "voice" in each.datasets]
            self.open_orders[found.followed_by] = who
        self.live.add(who)

    @invariant()
    def who_is_gone_is_gone_and_who_stays_is_whole(self) -> None:
        for who in PEOPLE:
            left = self.home.search(*strings_of(who), where=("world",))
            if who not in self.live:
                assert left == [], "somebody was fulfilled and is still there"
            elif who not in self.open_orders.values() and not self._was_ever_erased(who):
                assert len([each for each in left if "rec-" in each or "app.db" in each]) >= 2, "somebody lost data who never asked"

    @invariant()
    def the_log_only_grows_and_has_a_leaf_for_every_receipt(self) -> None:
        with self.home.open() as opened:
            size = opened.context.log.head().size
            receipts = sum(len(run.history) for run in opened.orders())
            assert size >= self.log_size
            assert receipts <= size, "a receipt without a leaf"
            self.log_size = size
            if not self._keys_are_gone(opened):
                # A process that dies between an order's end and its key's: whoever starts next destroys it.
                assert self.killed, "an order has ended and its key is there"
                opened.recover()
                self.killed = False
                assert self._keys_are_gone(opened)

    @invariant()
    def the_state_names_nobody(self) -> None:
        assert self.home.search(*PEOPLE, where=("state",)) == []

    def teardown(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def _plan(self, order: OrderId) -> None:
        if self._run_state(order) in (OrderState.RECEIVED, OrderState.FENCED):
            self.home.plan(order)

    def _keys_are_gone(self, opened: Expunge) -> bool:
        return all(run.key_destroyed for run in opened.orders() if run.state in ENDED and run.state is not OrderState.CANCELLED)

    def _run_state(self, order: OrderId) -> OrderState:
        with self.home.open() as opened:
            return opened.status(order).state

    def _was_ever_erased(self, who: str) -> bool:
        with self.home.open() as opened:
            subject = opened.resolve(f"profile:{who}").person.subject
            return any(subject in run.subjects and run.history for run in opened.orders())


@pytest.fixture(scope="module", autouse=True)
def _template(template: Household) -> None:
    Company.template = template


TestCompany = Company.TestCase
TestCompany.settings = settings(
    max_examples=60 if os.environ.get("HYPOTHESIS_PROFILE") == "soak" else 2,
    stateful_step_count=8,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
