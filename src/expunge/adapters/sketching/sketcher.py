"""Makes sketches in a process of its own, which is closed before it is given the first byte: recordings come from strangers.

The process is kept for the next sketch. One that takes too long, dies or says nonsense is ended, and the next sketch begins another.
"""

from __future__ import annotations

import threading

from expunge.adapters.closed.closed_child import ChildEnded, ClosedChild
from expunge.core.families.media_types import MediaType
from expunge.errors import Unplayable
from expunge.ports.families.sketching import BARS, Sketch
from expunge.ports.review.range_source import RangeSource

MODULE = "expunge.adapters.sketching.sketching_process"
SECONDS = 5.0
"""The time for one sketch, without that of the source."""
_MOST_PICTURE = 256 << 10


class SketchProcess:
    """Implements :class:`expunge.ports.families.sketching.Sketcher`."""

    def __init__(self) -> None:
        """Start nothing yet."""
        self._lock = threading.Lock()
        self._child: ClosedChild | None = None

    def sketch(self, media: MediaType, source: RangeSource, size: int) -> Sketch:
        """See the port."""
        if media.is_picture and size > source.size:
            raise Unplayable("this picture is too large for a small copy", help="open it")
        with self._lock:
            if self._child is None or not self._child.runs:
                self._end()
                self._child = ClosedChild(MODULE)
            try:
                told, picture = self._child.ask({"media": media.value, "whole": size}, source, SECONDS)
                return _read(told, picture)
            except ChildEnded as error:
                self._end()
                message = "the recording took too long to draw, or could not be decoded"
                raise Unplayable(message, help="play it, or export it; nothing of it was shown") from error
            except _Damaged as error:
                raise Unplayable("the recording is damaged, or of a form that is not drawn", help="play it, or export it") from error
            except BaseException:
                # Why: the child waits for a part that it will never get.
                self._end()
                raise

    def close(self) -> None:
        """See the port."""
        with self._lock:
            self._end()

    def _end(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            child.end()


class _Damaged(Exception):
    """The process says that there is no sketch."""


def _read(told: object, picture: bytes) -> Sketch:
    """Return the sketch of an answer. Raises ChildEnded for nonsense: the process was taken over, or is broken."""
    match told:
        case {"damaged": True}:
            raise _Damaged
        case {"bars": list(bars), "ms": int(ms), "cut": bool(cut)} if len(bars) in {0, BARS} and len(picture) <= _MOST_PICTURE:
            loud = [min(bar, 100) for bar in bars if isinstance(bar, int) and bar >= 0]
            if len(loud) == len(bars):
                return Sketch(tuple(loud), ms / 1000 if ms >= 0 else None, cut, picture)
    raise ChildEnded
