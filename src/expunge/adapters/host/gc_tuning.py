"""The frequency of Python's search for cycles of dead objects while an installation is open.

An order for ten thousand people keeps some millions of objects alive, hardly any of them in a cycle. At its default the collector walks
them over and over again, for a third of all processor time. Objects outside cycles are freed at once all the same.
"""

from __future__ import annotations

import gc
import threading

THRESHOLDS = (100_000, 20, 20)
"""For ``gc.set_threshold``: so many new objects that lie in no cycle yet are some megabytes."""

_lock = threading.Lock()
_open: set[RelaxedCollector] = set()
_before = gc.get_threshold()


class RelaxedCollector:
    """Collects rarely until it ends; where several are open, until the last of them ends. A collector that is off stays off."""

    def __init__(self) -> None:
        """Begin."""
        global _before  # noqa: PLW0603 - so is the collector's setting: one of the process
        with _lock:
            if not _open:
                _before = gc.get_threshold()
                if _before[0]:
                    # Why the larger one: the command line begins with another, so that imports alone are not walked over.
                    gc.set_threshold(max(_before[0], THRESHOLDS[0]), *THRESHOLDS[1:])
            _open.add(self)

    def end(self) -> None:
        """Put back the earlier setting; safe to call twice."""
        with _lock:
            if self in _open:
                _open.remove(self)
                if not _open:
                    gc.set_threshold(*_before)
