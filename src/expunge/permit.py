"""The permit to go on: code that destroys asks here right before each point of no return.

A lost lease refuses, and so does a hold that was placed since the step began.

The permit is ambient on purpose, as failpoints are. The same store code runs in one process without leases, where asking costs one
comparison, and in a worker whose lease may have been taken over while it was paused. The journal checks the lease's fencing token again, in
the same transaction as the outcome; this check keeps a late worker from touching a store at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

NameQuestion = Callable[[Sequence[str]], Mapping[str, Exception]]
_names: ContextVar[NameQuestion | None] = ContextVar("expunge_permit_names", default=None)
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


def objections(names: Sequence[str]) -> Mapping[str, Exception]:
    """Return which of some names must not go, right before they would, each with the error that stands for the reason.

    Stores of names with content ask it beside :func:`check`: a name may have other content by now than when its removal was decided.
    """
    asked = _names.get()
    return {} if asked is None else asked(names)


def are_named() -> bool:
    """Return whether there is a question about each name here: what has one must be removed only as it is now."""
    return _names.get() is not None


@contextmanager
def required_of_names(ask: NameQuestion) -> Iterator[None]:
    """Make ``ask`` decide about each name for the length of a ``with`` block, in this thread."""
    token = _names.set(ask)
    try:
        yield
    finally:
        _names.reset(token)
