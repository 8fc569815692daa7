"""A bound on the time of ``make soak``: each property tries examples for so many seconds, and says how many they were and of which seed."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar

import pytest
from hypothesis import seed
from hypothesis.errors import FlakyStrategyDefinition, HypothesisException

SECONDS = float(os.environ.get("SOAK_SECONDS") or 60)
SOAKING = os.environ.get("HYPOTHESIS_PROFILE") == "soak"
TRIED = "tried"
_MANY = 2000
_SHARE = "_soak_share"
SEED = os.environ.get("SOAK_SEED") or ""
"""The seed of every property, to run one again as it was; by default each has a new one."""
THREADS = [1, pytest.param(2, marks=pytest.mark.soak)]
"""Threads that a library may use in a process of its own. That of the tests uses as many as the machine has: a process with one differs."""
_Test = TypeVar("_Test", bound=Callable[..., Any])


def examples(few: int, many: int = _MANY) -> int:
    """Return how many examples a slow property tries: a few, or in a soak as many as it has time for."""
    return many if SOAKING else few


def longer(times: int) -> Callable[[_Test], _Test]:
    """Give a property so many times the seconds of the others."""

    def mark(test: _Test) -> _Test:
        setattr(test, _SHARE, times)
        return test

    return mark


class Enough(pytest.skip.Exception):
    """Ends the run of a property at once, as a skip does; the test has passed all the same."""


@dataclass
class Bounded:
    """The body of one property, with the time that it has."""

    body: Callable[..., Any]
    until: float = 0.0
    tried: int = 0
    over: bool = False
    failed: bool = False
    seed: int = 0

    def begin(self, seconds: float) -> None:
        self.until, self.tried, self.over, self.failed = time.monotonic() + seconds, 0, False, False

    def call(self, /, *drawn: Any, **named: Any) -> Any:
        # What has failed is made smaller and told, however long it takes.
        if time.monotonic() > self.until and not self.failed:
            self.over = True
            raise Enough
        self.tried += 1
        try:
            return self.body(*drawn, **named)
        except HypothesisException:  # an example that does not fit
            raise
        except Exception:
            self.failed = True
            raise

    def told(self) -> str:
        return f"{self.tried} examples of seed {self.seed}" + (", then its time was over" if self.over else "")


_BOUNDED: dict[int, Bounded] = {}


def bounded(test: Any) -> Bounded:
    """Put a bound around a property; the same one each time."""
    handle = test.hypothesis
    found = _BOUNDED.get(id(handle))
    if found is None:
        found = _BOUNDED[id(handle)] = Bounded(handle.inner_test)

        # Why a function: a method's body is bound to its object like one.
        @wraps(found.body)
        def within(*drawn: Any, **named: Any) -> Any:
            return found.call(*drawn, **named)

        handle.inner_test = within
    return found


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Any:
    test = getattr(item, "obj", None)
    if not SOAKING or not hasattr(test, "hypothesis"):
        yield
        return
    within = bounded(test)
    within.begin(SECONDS * getattr(test, _SHARE, 1))
    within.seed = int(SEED) if SEED else random.SystemRandom().getrandbits(32)
    seed(within.seed)(getattr(test, "__func__", test))
    outcome = yield
    # An example that draws while it runs has drawn less when it was ended: the engine calls that flaky, in the course of the same end.
    if outcome.excinfo is not None and isinstance(outcome.excinfo[1], Enough | FlakyStrategyDefinition) and within.over:
        outcome.force_result(None)
    item.user_properties.append((TRIED, within.told()))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    reports = [each for kind in ("passed", "failed") for each in terminalreporter.stats.get(kind, ()) if each.when == "call"]
    told = [(each.nodeid, dict(each.user_properties)[TRIED]) for each in reports if TRIED in dict(each.user_properties)]
    if told:
        terminalreporter.section(f"examples tried, {SECONDS:g} s for each property")
        for name, said in sorted(told):
            terminalreporter.line(f"{name}: {said}")
