"""The permit to go on: code that destroys asks here right before each point of no return.

A lost lease refuses, and so does a hold that was placed since the step began.

The permit is ambient on purpose, as failpoints are. The same store code runs in one process without leases, where asking costs one
comparison, and in a worker whose lease may have been taken over while it was paused. The journal checks the lease's fencing token again, in
the same transaction as the outcome; this check keeps a late worker from touching a store at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_check: ContextVar[Callable[[], None] | None] = ContextVar("expunge_permit", default=None)


def check() -> None:
    """Raise TakenOver when another worker took over the step that runs here, HeldMeanwhile when a new hold reaches it."""
    asked = _check.get()
    if asked is not None:
        asked()


@contextmanager
def required(ask: Callable[[], None]) -> Iterator[None]:
    """Make ``ask`` decide for the length of a ``with`` block, in this thread, after the enclosing blocks' own questions.

    It raises TakenOver when the lease is lost, HeldMeanwhile when a hold was placed.
    """
    before = _check.get()

    def both() -> None:
        if before is not None:
            before()
        ask()

    token = _check.set(both)
    try:
        yield
    finally:
        _check.reset(token)
