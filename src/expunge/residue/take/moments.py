"""Tell dates and times, and stretches cut out of them, from content. A moment says when, not who."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import product
from typing import NamedTuple

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_NAME = "|".join(_MONTHS)


class _Numbers(NamedTuple):
    """Patterns of the numbers in a moment."""

    year: str
    month: str
    day: str
    bare_day: str
    hour: str
    minute: str
    second: str
    zone_hour: str


_REAL = _Numbers(
    r"(?:19|20)\d\d", r"(?:0[1-9]|1[0-2])", r"(?:0[1-9]|[12]\d|3[01])", "[1-9]", r"(?:[01]\d|2[0-4])", r"[0-5]\d", r"(?:[0-5]\d|60)",
    r"(?:0\d|1[0-4])",
)  # fmt: skip
_ANY = _Numbers(r"\d{4}", r"\d\d", r"\d\d", r"\d", r"\d\d", r"\d\d", r"\d\d", r"\d\d")
"""Any digits where digits may stand."""


def _spellings(of: _Numbers) -> str:
    date = f"{of.year}-{of.month}-{of.day}"
    clock = rf"{of.hour}:{of.minute}(?::{of.second}(?:[.,]\d{{1,2}})?)?"
    time = rf"{clock}(?: ?(?:Z|UTC|GMT|[+-]{of.zone_hour}(?::?{of.minute})?))?"
    return "|".join(
        (
            rf"{date}(?:[T ]{time})?",
            rf"{of.year}{of.month}{of.day}T{of.hour}{of.minute}(?:{of.minute})?(?:Z|[+-]\d{{4}})?",
            rf"{of.year}/{of.month}/{of.day}(?: {time})?",
            rf"{of.day}[./-]{of.day}[./-]{of.year}(?:,? {time})?",
            rf"(?:(?:{'|'.join(_DAYS)}), )?{of.day}[ /-](?:{_NAME})[ /-]{of.year}(?:[ :]{time})?",
            rf"(?:{'|'.join(_DAYS)}) (?:{_NAME}) (?: {of.bare_day}|{of.day}) {clock}(?: {of.year})?",
            time,
        )
    )


_MOMENT = re.compile(_spellings(_REAL))
"""ISO 8601 in both forms, with slashes and dots, RFC 9110, access logs, ``ctime``, times alone; seconds to a hundredth at most, because
finer ones tell rows apart."""
_SHAPE = re.compile(_spellings(_ANY))
WITHIN = re.compile(rf"(?<![\w.-])(?<!\d:)(?:{_MOMENT.pattern})(?![\w.]|[:-]\w)")
"""A whole moment between other things."""
_CUT = tuple(
    form.replace("Y", year).replace("N", digit)
    for form, year, digit in product(
        (
            "Y-N1-N1TN1:N1:N1.11+N1:N1",
            "Y-N1-N1TN1:N1:N1+N1:N1",
            "Y-N1-N1TN1:N1:N1Z",
            "Y-N1-N1 N1:N1:N1.11 +N1N1",
            "YN1N1TN1N1N1+N1N1",
            "YN1N1TN1N1N1Z",
            "Y/N1/N1 N1:N1:N1 +N1:N1",
            "N1.N1.Y, N1:N1:N1 +N1:N1",
            "N1.N1.Y N1:N1:N1Z",
            "N1/N1/Y N1:N1:N1 +N1:N1",
            "N1-N1-Y N1:N1:N1 +N1:N1",
            "N1 Jan Y N1:N1:N1 +N1N1",
            "N1/Jan/Y:N1:N1:N1 +N1N1",
            "N1-Jan-Y N1:N1:N1 GMT",
        ),
        ("2011", "1911"),
        "01",
    )
)
"""Moments in which any cut can be completed: behind each first digit any second one may stand, and before each second one this first."""
_CUT_WITH_NAME = ("N1 M Y N1:N1:N1 +N1N1", "N1/M/Y:N1:N1:N1 +N1N1", "N1-M-Y N1:N1:N1 GMT", "Wed M N1 N1:N1:N1 Y")
_PLAIN = re.compile(r"[\d:T.,+/ Z-]+")
_NAMED = re.compile(rf"[\d:T.,+/ ZUTCGM-]*({_NAME})[\d:T.,+/ ZUTCGM-]*")
_BEGINS = re.compile(r"(?=(?:19|20)\d\d-\d)")
"""Where a second moment can begin right behind the first."""
_LONGEST = 35
_ANY_DIGIT = re.compile(r"\d")
_BEGINNINGS = frozenset("0123456789MTWFS")


def is_moment(text: str) -> bool:
    """Return whether a text is a date or a time, and nothing else."""
    return len(text) <= _LONGEST and text[:1] in _BEGINNINGS and _MOMENT.fullmatch(text) is not None


@lru_cache(maxsize=1 << 13)
def part_of_moment(text: str) -> bool:
    """Return whether a text is a moment, or a stretch cut out of one, and nothing else. Digits alone are a number."""
    if len(text) > _LONGEST or len(text) < 3:
        return False
    if text.islower():
        # as a text index folds it
        text = text.upper()
    plain = _PLAIN.fullmatch(text) is not None
    named = None if plain else _NAMED.fullmatch(text)
    if (not plain and named is None) or text.isdigit() or not any(each.isdigit() for each in text):
        return False
    if is_moment(text):
        return True
    if named is None:
        return any(
            _MOMENT.fullmatch(form[:at] + text + form[at + len(text) :]) is not None for form, at in _cuts(_ANY_DIGIT.sub("0", text))
        )
    forms = product(_CUT_WITH_NAME, ("2011", "1911"), "01")
    return any(_completes(text, form.replace("M", named[1]).replace("Y", year).replace("N", digit)) for form, year, digit in forms)


def parts_of_moments(text: str) -> bool:
    """Return whether a text is a stretch cut out of a moment, or of two that touch each other, as values of a row do."""
    if part_of_moment(text):
        return True
    if len(text) < 6 or len(text) > 2 * _LONGEST or _PLAIN.fullmatch(text) is None or text.isdigit():
        return False
    starts = (found.start() for found in _BEGINS.finditer(text, 3))
    return any(part_of_moment(text[:at]) and part_of_moment(text[at:]) for at in starts)


@lru_cache(maxsize=1 << 12)
def _cuts(shape: str) -> tuple[tuple[str, int], ...]:
    """Return (form, place in it) of each cut of which a text with this shape can be the part; a shape has 0 for every digit."""
    size = len(shape)
    return tuple(
        (form, at)
        for form in _CUT
        for at in range(len(form) - size + 1)
        if _SHAPE.fullmatch(form[:at] + shape + form[at + size :]) is not None
    )


def _completes(text: str, form: str) -> bool:
    size = len(text)
    return any(_MOMENT.fullmatch(form[:at] + text + form[at + size :]) is not None for at in range(len(form) - size + 1))


_LEFT_OVER = frozenset(name[at:] for name in (*_MONTHS, *_DAYS) for at in (1, 2))
_RIGHT_OVER = frozenset(name[:at] for name in (*_MONTHS, *_DAYS, "GMT", "UTC") for at in (1, 2))
_DIGITS_LEFT, _DIGITS_RIGHT = re.compile(r"\d{1,2}|\d?Z"), re.compile(r"(?:19|20)\d?\d?|[12]")


def end_of_moment(text: str) -> bool:
    """Return whether a text can be the last one to three characters of a moment that begins before the window."""
    return text in _LEFT_OVER or _DIGITS_LEFT.fullmatch(text) is not None


def beginning_of_moment(text: str) -> bool:
    """Return whether a text can be the first characters of a moment that goes on behind the window: of a year, or of a name."""
    return text in _RIGHT_OVER or _DIGITS_RIGHT.fullmatch(text) is not None
