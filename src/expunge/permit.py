"""The permit to go on: whoever works under a lease asks here right before each point from which there is no way back.

Ambient on purpose, as failpoints are: the same store code runs in one process without leases, where asking costs one comparison, and in a
worker whose lease may have been taken over while it was paused. The lease's fencing token is checked again by the journal, in the same
transaction as the outcome; this check keeps a late worker from touching a store at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_check: ContextVar[Callable[[], None] | None] = ContextVar("expunge_permit", default=None)


def check() -> None:
    """Raise :class:`expunge.errors.TakenOver` when the step that runs here was taken over by somebody else; otherwise do nothing."""
    asked = _check.get()
    if asked is not None:
        asked()


@contextmanager
def required(ask: Callable[[], None]) -> Iterator[None]:
    """Make ``ask`` decide for the length of a ``with`` block, in this thread; it raises TakenOver when the lease is lost."""
    token = _check.set(ask)
    try:
        yield
    finally:
        _check.reset(token)
