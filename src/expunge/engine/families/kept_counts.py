"""Counts that are kept in memory: a page is answered at once with the last one, and a newer one is made beside it."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

from expunge.errors import ExpungeError

T = TypeVar("T")
FRESH_SECONDS = 120.0
"""An answer that is older is counted anew when it is asked for. Until then the older one is told, with its time."""
_AGAIN_SECONDS = 3.0
"""So long after a count that could not be made, another one is tried."""
PATIENCE_SECONDS = 0.05
"""How long a page waits for a first count before it is told that the count goes on."""
WATCH_SECONDS = 5.0
"""Seconds between two looks for orders, while counts are asked for."""
_ASKED_SECONDS = 600.0
"""So long after the last question nobody looks for orders, and no count is kept."""
_SHARE = 50
"""A look for orders pauses so many times as long as it took, so that it never takes more than a fiftieth of a core."""
MOST = 5_000
"""Families whose counts are kept; the one that was asked for longest ago gives way."""
_TOGETHER = 2


@dataclass(frozen=True)
class Kept(Generic[T]):
    """The last count of a family."""

    value: T | None
    """None while the first one goes on, or where the last one failed."""
    counting: bool
    """Whether a newer one goes on."""
    failed: ExpungeError | None = None
    """Why the last count could not be made."""


@dataclass
class _Entry(Generic[T]):
    value: T | None = None
    failed: ExpungeError | None = None
    made: float = -math.inf
    asked: float = 0.0
    running: threading.Event | None = None
    """Set when the count that goes on has ended."""
    dropped: bool = False
    """Whether an order changed while the count went on: it is made once more."""


class KeptCounts(Generic[T]):
    """Counts of many families. Safe between threads; a count of one family goes on once at a time."""

    def __init__(
        self,
        count: Callable[[str], T],
        changed: Callable[[], frozenset[str] | None],
        now: Callable[[], float] = time.monotonic,
        watch: float = WATCH_SECONDS,
    ) -> None:
        """Count nothing yet.

        Args:
            count: counts for a family, in a thread beside; what it raises of ours is told.
            changed: returns the families whose orders changed since the last call, None where it may be any.
            now: seconds of a clock that never goes back.
            watch: seconds between two looks for orders.
        """
        self._count, self._changed, self._now, self._watch = count, changed, now, watch
        self._guard = threading.Lock()
        self._entries: dict[str, _Entry[T]] = {}
        self._pool = ThreadPoolExecutor(_TOGETHER, "held")
        self._ending = threading.Event()
        self._watching: threading.Thread | None = None

    def get(self, family: str, patience: float = PATIENCE_SECONDS) -> Kept[T]:
        """Return the last count, and begin a newer one where it is old. The first one is waited for a moment, in seconds."""
        with self._guard:
            entry = self._entries.pop(family, None) or _Entry[T]()
            self._entries[family] = entry
            if len(self._entries) > MOST:
                self._entries.pop(next(iter(self._entries)))
            entry.asked = now = self._now()
            if entry.running is None and now - entry.made > (FRESH_SECONDS if entry.value is not None else _AGAIN_SECONDS):
                self._begin(family, entry)
            running, first = entry.running, entry.value is None
            self._look_for_orders()
        if running is not None and first:
            running.wait(patience)
        with self._guard:
            return Kept(entry.value, entry.running is not None, entry.failed)

    def forget(self, family: str) -> None:
        """Drop the count of a family, because something about it has changed."""
        with self._guard:
            entry = self._entries.get(family)
            if entry is not None:
                self._drop(entry)

    def close(self) -> None:
        """End the looks for orders, and wait for what goes on."""
        self._ending.set()
        self._pool.shutdown(wait=True, cancel_futures=True)
        if self._watching is not None:
            self._watching.join()

    def _drop(self, entry: _Entry[T]) -> None:
        entry.value, entry.failed, entry.made, entry.dropped = None, None, -math.inf, entry.running is not None

    def _begin(self, family: str, entry: _Entry[T]) -> None:
        entry.running = threading.Event()
        self._pool.submit(self._run, family, entry)

    def _run(self, family: str, entry: _Entry[T]) -> None:
        try:
            while not self._ending.is_set():
                began = self._now()
                value, failed = self._counted(family)
                with self._guard:
                    again, entry.dropped = entry.dropped, False
                    if not again:
                        entry.value, entry.failed, entry.made = value, failed, began
                        return
        finally:
            # Why here: whatever ends it, pages must not wait for it, and the next one counts anew.
            with self._guard:
                ended, entry.running = entry.running, None
            if ended is not None:
                ended.set()

    def _counted(self, family: str) -> tuple[T | None, ExpungeError | None]:
        try:
            return self._count(family), None
        except ExpungeError as error:
            return None, error

    def _look_for_orders(self) -> None:
        """Begin the thread that looks for orders, where none does. The guard is held."""
        if self._watching is None and not self._ending.is_set():
            self._watching = threading.Thread(target=self._look_always, name="held-orders", daemon=True)
            self._watching.start()

    def _look_always(self) -> None:
        pause = 0.0
        while not self._ending.wait(pause):
            began = self._now()
            try:
                changed = self._changed()
            except ExpungeError:
                # The journal is away: what was counted may be wrong by now.
                changed = None
            with self._guard:
                for family, entry in self._entries.items():
                    if pause and (changed is None or family in changed):
                        self._drop(entry)
                if not any(self._now() - entry.asked < _ASKED_SECONDS for entry in self._entries.values()):
                    self._entries.clear()
                    self._watching = None
                    return
            pause = max(self._watch, _SHARE * (self._now() - began))
