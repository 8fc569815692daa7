"""Counts that are kept in memory: told at once, made anew beside, and dropped when an order changed."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from expunge.bootstrap import Expunge
from expunge.engine.families.kept_counts import FRESH_SECONDS, Kept, KeptCounts
from expunge.engine.families.order_watch import OrderWatch
from expunge.errors import StateUnavailable
from tests.engine.families.company import BEN, MIA, Clock, build


class Counter:
    """Counts how often it counted, as slowly as a test wants."""

    def __init__(self) -> None:
        self.times, self.now = 0, 1000.0
        self.may_end = threading.Event()
        self.may_end.set()
        self.changed: frozenset[str] | None = frozenset()
        self.looked = threading.Semaphore(0)
        self.away = False

    def count(self, family: str) -> str:
        self.may_end.wait(10)
        self.times += 1
        if self.away:
            raise StateUnavailable("the state is away", help="wait")
        return f"{family} {self.times}"

    def look(self) -> frozenset[str] | None:
        changed, self.changed = self.changed, frozenset()
        self.looked.release()
        return changed


@contextmanager
def counting() -> Iterator[tuple[Counter, KeptCounts[str]]]:
    counter = Counter()
    kept = KeptCounts(counter.count, counter.look, lambda: counter.now, watch=0.01)
    try:
        yield counter, kept
    finally:
        counter.may_end.set()
        kept.close()


def settled(kept: KeptCounts[str], family: str = "a") -> str | None:
    """The answer once nothing is counted any more."""
    for _ in range(2000):
        found = kept.get(family, 0.01)
        if not found.counting:
            return found.value
        time.sleep(0.001)
    raise AssertionError("it counts for ever")


def test_a_second_question_is_answered_without_a_count() -> None:
    with counting() as (counter, kept):
        assert settled(kept) == "a 1"
        assert kept.get("a") == Kept("a 1", counting=False)
        assert counter.times == 1


def test_a_slow_first_count_is_not_waited_for_long() -> None:
    with counting() as (counter, kept):
        counter.may_end.clear()
        assert kept.get("a", 0.01) == Kept(None, counting=True)
        counter.may_end.set()
        assert settled(kept) == "a 1"


def test_an_old_answer_is_told_while_a_newer_one_is_counted() -> None:
    with counting() as (counter, kept):
        settled(kept)
        counter.may_end.clear()
        counter.now += FRESH_SECONDS + 1
        assert kept.get("a") == Kept("a 1", counting=True)
        counter.may_end.set()
        assert settled(kept) == "a 2"


def test_an_order_of_the_family_drops_its_count_and_no_other() -> None:
    with counting() as (counter, kept):
        settled(kept, "a")
        settled(kept, "b")
        # Two looks: the one after the change was handed over has ended.
        counter.changed = frozenset({"a"})
        for _ in range(3):
            assert counter.looked.acquire(timeout=10)
            counter.changed = counter.changed or frozenset()
        counter.looked.acquire(timeout=10)
        assert settled(kept, "b") == "b 2"
        assert settled(kept, "a") == "a 3"


def test_what_changed_during_a_count_is_counted_once_more() -> None:
    with counting() as (counter, kept):
        counter.may_end.clear()
        kept.get("a", 0.0)
        kept.forget("a")
        counter.may_end.set()
        assert settled(kept) == "a 2"


def test_a_count_that_fails_is_told_as_failed_and_tried_again() -> None:
    with counting() as (counter, kept):
        counter.away = True
        settled(kept)
        found = kept.get("a")
        assert found.value is None
        assert isinstance(found.failed, StateUnavailable)
        counter.away = False
        counter.now += 10
        assert settled(kept) == "a 2"


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("watched") / "company")


def test_orders_are_noticed_by_their_people(company: Path) -> None:
    with Expunge.open(company, clock=Clock()) as opened:
        mia, ben = (opened.resolve(f"profile:{name}") for name in (MIA, BEN))
        watch = OrderWatch(opened.context.journal)
        assert watch.changed() is None
        assert watch.changed() == frozenset()
        order = opened.order_erase([mia]).order
        assert watch.changed() == frozenset({mia.person.subject})
        opened.order_erase([ben])
        opened.plan(order)
        assert watch.changed() == frozenset({mia.person.subject, ben.person.subject})
        assert watch.changed() == frozenset()


def test_an_order_about_a_class_of_items_may_be_about_anybody(company: Path) -> None:
    clock = Clock()
    with Expunge.open(company, clock=clock) as opened:
        watch = OrderWatch(opened.context.journal)
        watch.changed()
        clock.at = clock.at.replace(year=2029)
        opened.retention.retire()
        assert watch.changed() is None
