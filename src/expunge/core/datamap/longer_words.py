"""Words around an identifier in a text: ``ann@example.org.uk`` names another person, and ``ask ann@example.org.`` does not.

A letter, a digit or a hyphen makes another word of it, on either side. A dot does so before an address. Any other character leaves it open:
the longer word may be an identifier of its own, which the identifiers of people decide.
"""

from __future__ import annotations

import re

_WORD = re.compile(r"[\w-]")
_ASCII_WORD = re.compile(r"[\w-]", re.ASCII)
_BREAK = re.compile(r"[\s\"'`<>()\[\]{},;\x00-\x1f]")
"""Characters that stand in no identifier."""
_FARTHEST = 80
"""Characters on either side that a longer word may have more."""
_CUTS = 12
"""Ends on either side that are tried."""


def alone(text: str, begin: int, value: str, *, ascii_only: bool = False) -> bool:
    """Return whether a value that stands at a place of a text is a word there; ``ascii_only`` for bytes read as Latin-1."""
    word, end = _ASCII_WORD if ascii_only else _WORD, begin + len(value)
    if word.match(text, end):
        return False
    return not begin or not (word.match(text, begin - 1) or (text[begin - 1] == "." and "@" in value))


def longer_words(text: str, begin: int, end: int) -> frozenset[str]:
    """Return the longer words that a stretch of a text may be a part of, to one side or to both."""
    firsts = [begin, *(at for at in _outward(text, begin, -1) if _adds(text[at:begin]))][: _CUTS + 1]
    lasts = [end, *(at for at in _outward(text, end, 1) if _adds(text[end:at]))][: _CUTS + 1]
    return frozenset(text[first:last] for first in firsts for last in lasts if last - first > end - begin)


def _outward(text: str, start: int, step: int) -> list[int]:
    """The ends of words and of marks beside a place, from there outward."""
    found, at = [], start
    for _ in range(_FARTHEST):
        beside = at if step > 0 else at - 1
        if not 0 <= beside < len(text) or _BREAK.match(text, beside):
            break
        at += step
        beyond = at if step > 0 else at - 1
        ends = not 0 <= beyond < len(text) or bool(_BREAK.match(text, beyond))
        if ends or not (_WORD.match(text, beside) and _WORD.match(text, beyond)):
            found.append(at)
    return found


def _adds(more: str) -> bool:
    """Whether a part beside an identifier has a letter or a digit: a dot alone ends a sentence."""
    return any(map(str.isalnum, more))
