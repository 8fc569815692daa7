"""The same answer to the same call: a form that was posted twice is told what the first was told."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

T = TypeVar("T")
TOGETHER = 1000
"""Calls whose answers are kept. One more forgets the oldest."""
_WAIT = 30.0
"""Seconds for which a call waits for the same one that is under way."""


class RepeatedCalls(Generic[T]):
    """Answers, in memory, by a digest of the call. Safe between threads."""

    def __init__(self, seconds: float, now: Callable[[], float] = time.monotonic) -> None:
        """Set up none yet.

        Args:
            seconds: for which an answer is given again.
            now: seconds, from anywhere, never back.
        """
        self._seconds, self._now = seconds, now
        self._guard = threading.Lock()
        self._kept: OrderedDict[bytes, tuple[float, Future[T]]] = OrderedDict()

    def answer(self, call: bytes, act: Callable[[], T]) -> T:
        """Return what ``act`` returns, or what it returned to the same call before. Raises what it raises, or raised."""
        with self._guard:
            self._sweep()
            known = self._kept.get(call)
            mine: Future[T] = Future()
            if known is None:
                self._kept[call] = self._now() + self._seconds, mine
        if known is not None:
            return known[1].result(timeout=_WAIT)
        try:
            mine.set_result(act())
        except BaseException as error:
            mine.set_exception(error)
            raise
        return mine.result()

    def _sweep(self) -> None:
        now = self._now()
        while self._kept and (len(self._kept) >= TOGETHER or next(iter(self._kept.values()))[0] <= now):
            self._kept.popitem(last=False)
