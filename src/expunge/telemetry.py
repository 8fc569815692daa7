"""Structured log records from a closed list of actions, and nothing that belongs to a person.

``log(Action.X, key=value)`` refuses every value that is not a number, a boolean, an enum member or an opaque id type, so that an
identifier cannot reach a log line by accident.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum, StrEnum
from pathlib import PurePath
from types import TracebackType

_logger = logging.getLogger("expunge")


class Action(StrEnum):
    """What can be logged; a new event starts by adding its name here."""

    ORDER_RECEIVED = "order_received"
    FENCED = "fenced"
    PLANNED = "planned"
    QUEUED = "queued"
    TAKEN_OVER = "taken_over"
    WORK_FAILED = "work_failed"
    STEP_INTENDED = "step_intended"
    STEP_ENDED = "step_ended"
    RECEIPT_PUBLISHED = "receipt_published"
    ORDER_ENDED = "order_ended"
    RECOVERED = "recovered"
    SWEPT = "swept"
    DATA_CAME_BACK = "data_came_back"
    TOLD = "told"
    READER_FAILED = "reader_failed"
    EXPORT_MADE = "export_made"
    EXPORT_MADE_AGAIN = "export_made_again"
    EXPORT_FAILED = "export_failed"
    LETTER_LOST = "letter_lost"
    NOTICES_SENT = "notices_sent"
    NOTICES_HELD = "notices_held"
    LEASES_HELD = "leases_held"
    CREDENTIAL_COPIED = "credential_copied"
    ATTACK_BEGAN = "attack_began"
    ATTACK_ENDED = "attack_ended"
    CLERK_LATE = "clerk_late"
    REMINDED = "reminded"


class Opaque(str):
    """A string that is known to hold no identifier: an order id, a step id, a dataset or store name of the map."""

    __slots__ = ()


def log(action: Action, **fields: float | bool | Enum | Opaque | None) -> None:
    """Write one structured record at INFO.

    Raises:
        TypeError: for a field that is a plain string or another type; wrap names of the map and ids in :class:`Opaque`.
    """
    for name, value in fields.items():
        if value is not None and not isinstance(value, float | int | Enum | Opaque):
            message = f"telemetry field {name!r} may not be a {type(value).__name__}"
            raise TypeError(message)
    _logger.info(action.value, extra={"action": action.value, "fields": fields})


def silence(*names: str) -> None:
    """Keep the log lines of some libraries back for as long as the process lives: they name accounts."""
    for name in names:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)


@contextmanager
def hushed(*names: str) -> Iterator[None]:
    """Keep the log lines of some libraries back for the length of a block: they quote arguments, addresses and tracebacks."""
    loggers = [logging.getLogger(name) for name in names]
    before = [logger.level for logger in loggers]
    for each in loggers:
        each.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for each, level in zip(loggers, before, strict=True):
            each.setLevel(level)


_DEEPEST = 3
"""Frames of a fault that are told, innermost last."""


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


def tell_places_alone(tell: Callable[[str], None]) -> None:
    """Take over the log lines of every library of this process.

    Libraries quote addresses, forms and statements, and without a handler Python writes warnings to standard error.
    """
    root = logging.getLogger()
    for handler in [*root.handlers]:
        root.removeHandler(handler)
    root.addHandler(FaultPlaces(tell))


def _place(frames: TracebackType | None) -> str:
    told = [f"{PurePath(frame.filename).name}:{frame.lineno}" for frame in traceback.extract_tb(frames)[-_DEEPEST:]]
    return " > ".join(told) or "an unknown place"
