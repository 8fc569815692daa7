"""Errors of the estimators, each with the action to take. No message holds a record, an identifier or a value."""

from __future__ import annotations


class BadInput(ValueError):
    """The arrays cannot be learnt from: wrong shape, not finite, or records that contradict one another."""


class NotNumbers(BadInput, TypeError):
    """Something among the features is neither a number nor text that says one."""


class OutOfBounds(BadInput):
    """The exact sums could run over: nothing was added. Scale the features, or take fewer fractional bits."""


class RecordChanged(BadInput):
    """A row that is to be forgotten is not the row that was learnt: nothing was changed. Give back the rows as they were."""


class NothingLearned(ValueError):
    """The model has seen nothing yet, or has forgotten all subjects."""


class SourceNeeded(LookupError):
    """A file holds no rows: hand ``forget`` a ``source(records)`` that returns them."""


class UnknownSubjects(LookupError):
    """Nothing is known of some of the subjects that are named: nothing was changed. Perhaps a name is spelled otherwise."""


class FileRefused(ValueError):
    """The file is no model of this kind, was altered, or is of another key."""


def above_zero(name: str, setting: float) -> None:
    """Raise BadInput unless a setting is a finite number above 0."""
    if not 0 < setting < float("inf"):
        message = f"{name} is {setting!r}: it must be above 0"
        raise BadInput(message)
