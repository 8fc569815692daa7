"""Anything may happen in any order; what must always hold is checked after every step.

What is drawn never depends on what the product did: rules that have nothing to do do nothing.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from expunge import Expunge, clock, faults
from expunge.core import merkle
from expunge.core.evidence.receipt import Verdict
from expunge.core.orders.run import Run
from expunge.core.values.ids import OrderId, pseudonym
from expunge.core.values.order import OrderState
from expunge.core.verification import receipt_verify
from expunge.engine.intake import person_orders
from expunge.errors import Drift, IllegalTransition, KeyDestroyed, StateCorrupt, StoreUnavailable
from expunge.gate import Subject
from tests.estate import simulated
from tests.estate.worlds import WHO, World, clip

PERSON = st.sampled_from(WHO)
SOAK = os.environ.get("HYPOTHESIS_PROFILE") == "soak"


class Crash(BaseException):
    """The process dies here, as far as the engine is concerned."""


class _Anywhere(str):
    """Equal to the name of every failpoint."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = str.__hash__


class _Dying:
    name = _Anywhere("anywhere")

    def __init__(self, at: int) -> None:
        self.left = at

    def pass_through(self) -> None:
        self.left -= 1
        if self.left == 0:
            raise Crash


@contextmanager
def dying(at: int) -> Iterator[None]:
    """Die at the given failpoint, counted from here; survive when there are not so many. 0 means never."""
    before = faults._armed
    faults._armed = _Dying(at) if at else before  # type: ignore[assignment]
    try:
        with suppress(Crash):
            yield
    finally:
        faults._armed = before


class Machine(RuleBasedStateMachine):
    """A company in a folder, and what we expect of it."""

    template: World

    @initialize()
    def found(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="expunge-machine-"))
        shutil.copytree(self.template.folder, self.folder / "home")
        self.world = type(self.template)(self.folder / "home")
        self.time = 0
        self.written: dict[str, int] = dict.fromkeys(WHO, 0)
        self.done: dict[str, int] = dict.fromkeys(WHO, -1)
        self.expected = {(store, who): self.world.rows(store, who) for store in self.world.stores for who in WHO}
        self.people: dict[OrderId, tuple[str, ...]] = {}
        self.ends: dict[OrderId, tuple[OrderState, int]] = {}
        self.holds: dict[str, str] = {}
        self.kept: dict[str, Counter[str]] = {}
        self.head = (0, merkle.tree_root(0, lambda level, index: b""))

    # --- what happens ----------------------------------------------------------------------------

    @rule(who=st.lists(PERSON, min_size=1, max_size=2, unique=True), at=st.sampled_from([0, 0, 0, 1, 2, 4, 7, 11]))
    def order(self, who: list[str], at: int) -> None:
        if len(self.pending()) > 3:
            return
        with dying(at), self.world.open() as opened, suppress(StoreUnavailable):
            accepted = opened.order_erase([opened.resolve(f"profile:{each}") for each in who])
            self.people[accepted.order] = tuple(who)
            opened.plan(accepted.order)

    @rule(which=st.integers(1, 15), at=st.one_of(st.just(0), st.integers(1, 120)))
    def apply(self, which: int, at: int) -> None:
        """One order or several together, perhaps to the middle only."""
        self._apply([each for number, each in enumerate(self.pending()) if which & 1 << number], at)

    def _apply(self, orders: list[OrderId], at: int) -> None:
        if not orders:
            return
        with dying(at), self.world.open() as opened:
            for each in orders:
                if opened.status(each).state in (OrderState.RECEIVED, OrderState.FENCED):
                    opened.plan(each)
            try:
                opened.apply_all(orders)
            except Drift:
                for each in orders:
                    with suppress(IllegalTransition):
                        opened.plan(each)

    @rule(who=st.lists(PERSON, min_size=1, max_size=2, unique=True), at=st.one_of(st.just(0), st.integers(1, 120)))
    def order_and_apply(self, who: list[str], at: int) -> None:
        """What happens most."""
        if len(self.pending()) > 3:
            return
        self.order(who, 0)
        self._apply(self.pending(), at)

    @rule()
    def apply_all_there_are(self) -> None:
        self._apply(self.pending(), 0)

    @rule(store=st.integers(0, 2), what=st.sampled_from(["away", "read_only", "lies", "reader", "loses"]))
    def turn_bad(self, store: int, what: str) -> None:
        mood = self.mood(store)
        setattr(mood, what, 1 if what == "loses" else True)

    @rule()
    def all_well_again(self) -> None:
        for number in range(len(self.world.stores)):
            self.mood(number).__init__()  # type: ignore[misc]

    @rule(who=PERSON, store=st.integers(0, 2))
    def written_again(self, who: str, store: int) -> None:
        """By a program that asked no gate."""
        self.tick()
        self.written[who] = self.time
        # Why what points goes along: rows that nothing leads to are a sweep's to find, not an order's.
        for name in dict.fromkeys((self.world.stores[0], self.world.stores[store % len(self.world.stores)])):
            before = self.world.rows(name, who)
            self.world.write(name, who)
            self.expected[name, who] += self.world.rows(name, who) - before

    @rule(store=st.integers(0, 2), guarded=st.booleans())
    def restored(self, store: int, guarded: bool) -> None:
        """From a copy of the first day: everybody is in it."""
        name = self.world.stores[store % len(self.world.stores)]
        self.tick()
        self.world.restore(name)
        for who in WHO:
            self.written[who] = self.time
            self.expected[name, who] = self.world.rows(name, who)
            self.kept[who] = self.notes(who)
        with self.world.open() as opened:
            if guarded:
                with suppress(Drift):
                    opened.restored(name)
            else:
                opened.sweep()
        self._learn_followers()

    @rule()
    def swept(self) -> None:
        with self.world.open() as opened:
            opened.sweep()
        self._learn_followers()

    @rule(who=PERSON)
    def held(self, who: str) -> None:
        if who not in self.holds:
            with self.world.open() as opened, suppress(StoreUnavailable):
                hold = opened.holds.place(
                    opened.resolve(f"profile:{who}"), self.world.held, ground="a claim", authority="counsel",
                    until=clock.now() + timedelta(days=1),
                )  # fmt: skip
                self.holds[who] = hold.id
                self.kept[who] = self.notes(who)

    @rule(who=PERSON)
    def let_go(self, who: str) -> None:
        if who in self.holds:
            with self.world.open() as opened:
                opened.holds.end(self.holds.pop(who), "settled")

    @rule(which=st.integers(0, 3))
    def cancelled(self, which: int) -> None:
        for order in self.pending()[which : which + 1]:
            with self.world.open() as opened, suppress(IllegalTransition):
                opened.order_cancel(order)

    @rule(which=st.integers(0, 3))
    def looked_at_again(self, which: int) -> None:
        for order in [each for each, (state, _) in self.ends.items() if state is OrderState.FULFILLED][which : which + 1]:
            with self.world.open() as opened, suppress(IllegalTransition):
                looked = opened.verify(order)
                if all(self.is_gone(who) for who in self.people[order]):
                    assert looked.found == 0, "what is gone was found again"

    # --- what we know ----------------------------------------------------------------------------

    def tick(self) -> None:
        self.time += 1

    def mood(self, store: int) -> simulated.Mood:
        return simulated.mood(self.world.place(self.world.stores[store % len(self.world.stores)]))

    def pending(self) -> list[OrderId]:
        over = {OrderState.FULFILLED, OrderState.CANCELLED, OrderState.REOPENED}
        return [each for each in self.people if self.ends.get(each, (None, 0))[0] not in over]

    def notes(self, who: str) -> Counter[str]:
        """Rows of the dataset on which holds are placed."""
        rows = self.world.rows(self.world.stores[0], who)
        return Counter({row: count for row, count in rows.items() if clip(who) in row})

    def is_gone(self, who: str) -> bool:
        """Erased by an order since anything was last written, and no other order that is still to erase something of them."""
        return self.done[who] > self.written[who] and not any(who in self.people[each] for each in self.pending())

    def _learn_followers(self) -> None:
        with self.world.open() as opened:
            for run in opened.orders():
                before = run.received.follows
                if run.order not in self.people and before in self.people:
                    named = dict(zip(opened.status(before).subjects, self.people[before], strict=True))
                    names = self._subjects(opened)
                    self.people[run.order] = tuple(names.get(each, named.get(each, "")) for each in run.subjects)

    def _subjects(self, opened: Expunge) -> dict[str, str]:
        return {str(pseudonym(opened.context.keys.pseudonym_key(), "profile", who)): who for who in WHO}

    # --- what must always hold -------------------------------------------------------------------

    @invariant()
    def what_must_hold_holds(self) -> None:
        self.tick()
        with self.world.open() as opened:
            opened.recover()
            runs = opened.orders()
            if any(run.order not in self.people for run in runs):  # an order that was received, and its entry killed
                names = self._subjects(opened)
                for run in runs:
                    self.people.setdefault(run.order, tuple(names[each] for each in run.subjects))
            for run in runs:
                if (run.state, run.round) != self.ends.get(run.order):
                    self._ended(opened, run)
            self._evidence(opened, runs)
            self._gate(opened, runs)
        self._who_is_gone_is_gone()
        self._who_stays_is_whole(runs)
        assert all(self.kept[who] <= self.notes(who) for who in self.holds), "what was held is gone"
        assert self.world.search(*(mark for who in WHO for mark in self.world.marks(who)), where="state") == [], "the state names somebody"

    def _ended(self, opened: Expunge, run: Run) -> None:
        """An order's end, or that of its round: what its receipts say is what it says."""
        self.ends[run.order] = (run.state, run.round)
        if run.state is OrderState.FULFILLED:
            for who in self.people[run.order]:
                self.done[who] = self.time
                assert not self.notes(who) or who not in self.holds, "held, and fulfilled"
        if run.state in (OrderState.FULFILLED, OrderState.IN_PART) and run.history:
            for number in range(1, len(run.subjects) + 1):
                files = opened.receipt_folder(run.order, number)
                said = receipt_verify.verify(files, files["trust-policy.txt"], at=None).receipt
                if run.state is OrderState.FULFILLED:
                    assert said.verdict is Verdict.FULFILLED, "in part, and called fulfilled"
            assert (run.state is OrderState.FULFILLED) == (not run.reasons), "partial reads as done"

    def _evidence(self, opened: Expunge, runs: tuple[Run, ...]) -> None:
        """Receipts are leaves: one per person and round; the log only grows; keys of final orders are gone."""
        leaves = [index for run in runs for _, _, index in run.history]
        assert len(set(leaves)) == len(leaves), "a leaf was entered twice"
        for run in runs:
            assert all(count == 1 for count in Counter((turn, who) for turn, who, _ in run.history).values()), "two receipts for one round"
            if run.final:
                assert run.key_destroyed
                with pytest.raises((KeyDestroyed, StateCorrupt)):
                    person_orders.open_people(opened.context, run.order)
        log = opened.context.log
        head = log.head()
        assert len(leaves) <= head.size, "a receipt without a leaf"
        if not any(run.state is OrderState.RUNNING for run in runs):
            assert len(leaves) == head.size, "a leaf without a receipt"
        size, root = self.head
        assert head.size >= size, "the log has shrunk"
        if size:
            merkle.verify_consistency(size, head.size, root, head.root, log.prove_consistency(size, head.size))
        self.head = (head.size, head.root)

    def _gate(self, opened: Expunge, runs: tuple[Run, ...]) -> None:
        gate = opened.gate(timedelta(hours=1))
        fenced = {who for run in runs if run.fenced_at and run.state is not OrderState.CANCELLED for who in self.people[run.order]}
        for who in WHO:
            assert bool(gate.may_use(Subject("profile", who), "train")) == (who not in fenced), "the gate is wrong"

    def _who_is_gone_is_gone(self) -> None:
        gone = [who for who in WHO if self.is_gone(who)]
        left = self.world.search(*(mark for who in gone for mark in self.world.marks(who))) if gone else []
        assert left == [], "fulfilled, and still there"

    def _who_stays_is_whole(self, runs: tuple[Run, ...]) -> None:
        touched = {who for run in runs if run.round for who in self.people[run.order]}
        for (store, who), rows in self.expected.items():
            if who not in touched:
                assert self.world.rows(store, who) == rows, "somebody lost or got data who never asked"

    def teardown(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


def bounded(examples: int, in_soak: int, steps: int = 12) -> settings:
    """Return settings for a few examples, or for the many of a soak."""
    return settings(
        max_examples=in_soak if SOAK else examples, stateful_step_count=steps, deadline=None, suppress_health_check=list(HealthCheck)
    )
