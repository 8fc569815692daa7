"""Text in which several bytes of white space stand again and again between two words: read with one space there.

Where they stand once in a window, the matcher finds it.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from expunge.residue.forms.escapes import around
from expunge.residue.forms.written import Places, Written
from expunge.residue.matching import spacing
from expunge.residue.matching.keyed_hash import MAX_LENGTH
from expunge.residue.matching.matcher import Bytes

_FORM = "white space"
_PART = 1 << 16
"""Bytes that are looked at together."""
_DENSE = 64
"""Where such a place comes in so many bytes, all of the text is read at once."""
_LONGEST = 256
"""Bytes of white space between two words at the edge of a part."""


def gathered(block: Bytes, whole: bytes, end: int, since: int) -> Iterator[Written]:
    """Yield what text says in which white space is irregular; what ended before ``since`` was looked at before."""
    begins, ends = _irregular(block, end)
    if not begins.size:
        return
    if begins.size * _DENSE > end:
        spaces = _spaces(block[:end])
        keep = np.ones(end, np.bool_)
        np.logical_and(spaces[1:], spaces[:-1], out=keep[1:])
        np.logical_not(keep[1:], out=keep[1:])
        text = np.where(spaces, np.uint8(ord(" ")), block[:end])[keep].tobytes()
        yield Written(_FORM, text, [(0, end, 0)], places=lambda: keep.nonzero()[0], source=whole, since=since)
    else:
        yield around(_FORM, block, whole, end, np.stack([begins, ends], axis=1).reshape(-1), _read, since)


def _spaces(part: Bytes) -> npt.NDArray[np.bool_]:
    found: npt.NDArray[np.bool_] = (part - np.uint8(9)) < 5
    found |= part == ord(" ")
    return found


def _irregular(block: Bytes, end: int) -> tuple[Places, Places]:
    """Return where white space of several bytes begins and ends that stands between two words, with more of it near."""
    parts = []
    for base in range(0, end, _PART):
        part = block[base : min(base + _PART + _LONGEST, end)]
        found = spacing.places(_spaces(part), part, min(_PART, part.size))
        if found[0].size:
            parts.append((found[0] + base, found[1] + base))
    if not parts:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    begins, ends = (np.concatenate(column) for column in zip(*parts, strict=True))
    close = begins[1:] - ends[:-1] < MAX_LENGTH
    chosen = np.concatenate((close, [False])) | np.concatenate(([False], close))
    return begins[chosen], ends[chosen]


def _read(block: Bytes, _at: Places, changed: Bytes, keep: npt.NDArray[np.bool_]) -> None:
    spaces = _spaces(block)
    changed[spaces] = ord(" ")
    keep[1:] &= ~(spaces[1:] & spaces[:-1])
