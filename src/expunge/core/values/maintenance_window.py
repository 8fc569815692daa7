"""Maintenance windows: ``HH:MM-HH:MM`` in UTC, possibly across midnight."""

from __future__ import annotations

from datetime import UTC, datetime


def inside(window: str, at: datetime) -> bool:
    """Return whether the instant lies in the window; its end is outside. Raises ValueError for a window of another form."""
    start, end = (_minutes(each) for each in window.split("-"))
    when = at.astimezone(UTC)
    now = when.hour * 60 + when.minute
    return start <= now < end if start <= end else now >= start or now < end


def _minutes(text: str) -> int:
    hours, minutes = text.split(":")
    value = int(hours) * 60 + int(minutes)
    if not 0 <= value <= 24 * 60 or len(hours) != 2 or len(minutes) != 2 or int(minutes) > 59:
        message = f"{text!r} is no time of day"
        raise ValueError(message)
    return value
