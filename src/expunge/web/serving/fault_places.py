"""Log lines of libraries in the web process: nothing but the place of a fault is told. They quote addresses, forms and statements."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from pathlib import PurePath
from types import TracebackType

_DEEPEST = 3
"""Frames that are told, innermost last."""


class FaultPlaces(logging.Handler):
    """Tells the operator the kind and the place of an exception that nobody expected, and no word of its text. Drops all else."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        """``tell``: tells the operator something, in one line."""
        super().__init__(logging.ERROR)
        self._tell = tell

    def emit(self, record: logging.LogRecord) -> None:
        """Tell of a record that has an exception."""
        if record.exc_info and record.exc_info[0] is not None:
            kind, _, frames = record.exc_info
            self._tell(f"a request failed: {kind.__name__} at {_place(frames)}")


def take_over(tell: Callable[[str], None]) -> None:
    """Take over the log lines of every library of this process: without a handler, Python writes warnings to standard error."""
    root = logging.getLogger()
    for handler in [*root.handlers]:
        root.removeHandler(handler)
    root.addHandler(FaultPlaces(tell))


def _place(frames: TracebackType | None) -> str:
    told = [f"{PurePath(frame.filename).name}:{frame.lineno}" for frame in traceback.extract_tb(frames)[-_DEEPEST:]]
    return " > ".join(told) or "an unknown place"
