"""Points in time as data spells them: ISO 8601 text, seconds or milliseconds since 1970, dates.

Deletion by age must not guess. A value of another form is no time, and an item without a time is in no window. Text without a zone is UTC,
a date is its midnight in UTC. A number counts as seconds from 10^8 to 10^10 (1973 to 2286) and as milliseconds from 10^12 to 10^13 (2001 to
2286). Other numbers may as well be dates written as numbers (``20260131``), counts, or nothing (``0``). Eight digits as text are a date in
the basic form of ISO 8601.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICRO = timedelta(microseconds=1)
SECONDS = (10**8, 10**10)
"""Numbers from the first on and before the second are seconds."""
MILLISECONDS = (10**12, 10**13)
_ZONE = r"(?: ?(?:Z|UTC|[+-]\d\d(?::?[0-5]\d)?))?"
_ISO = re.compile(
    rf"\d{{4}}-\d\d-\d\d(?:[T ]\d\d(?::\d\d(?::\d\d(?:[.,]\d{{1,9}})?)?)?{_ZONE})?"
    rf"|\d{{8}}(?:T\d\d(?:\d\d(?:\d\d(?:[.,]\d{{1,9}})?)?)?{_ZONE})?",
    re.ASCII,
)
_COUNT = re.compile(r"\d{9,10}(?:\.\d{1,9})?|\d{13}", re.ASCII)


def moment(value: object) -> datetime | None:
    """The point in time that a value names, in UTC; None where it names none."""
    try:
        match value:
            case bool() | None:
                return None
            case datetime():
                return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
            case date():
                return datetime.combine(value, time(), UTC)
            case int() | float() | Decimal():
                return _counted(value)
            case str():
                return _said(value)
    except (ValueError, OverflowError):
        return None
    return None


def latest(values: Iterable[object]) -> datetime | None:
    """Return the latest of several times of one item. Return None where there is no time, or one cannot be read."""
    found = [moment(value) for value in values]
    known = [each for each in found if each is not None]
    return max(known) if known and len(known) == len(found) else None


def micros(moment_: datetime) -> int:
    """Microseconds since 1970."""
    return (moment_ - EPOCH) // MICRO


def _counted(value: float | Decimal) -> datetime | None:
    if SECONDS[0] <= value < SECONDS[1]:
        return EPOCH + timedelta(microseconds=int(value * 1_000_000))
    if MILLISECONDS[0] <= value < MILLISECONDS[1]:
        return EPOCH + timedelta(microseconds=int(value * 1_000))
    return None


def _said(text: str) -> datetime | None:
    if _COUNT.fullmatch(text):
        return _counted(Decimal(text))
    if not _ISO.fullmatch(text):
        return None
    plain = text.removesuffix("UTC").rstrip(" ") + "Z" if text.endswith("UTC") else text.replace(" Z", "Z")
    head, gap, zone = plain.rpartition(" ")
    read = datetime.fromisoformat(head + zone if gap and zone[0] in "+-" else plain)
    return read.astimezone(UTC) if read.tzinfo else read.replace(tzinfo=UTC)
