"""Text in UTF-16 and UTF-32 without a mark: runs of characters of which all bytes but one are zero."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from expunge.residue.forms.written import Places, Written
from expunge.residue.matching.matcher import Bytes

LONG = 512
"""Bytes from which on a run is read by itself."""
_ZEROS = {
    (2, 0): 0x0100010001000100,
    (2, 1): 0x0001000100010001,
    (4, 0): 0x0101010001010100,
    (4, 1): 0x0101000101010001,
    (4, 2): 0x0100010101000101,
    (4, 3): 0x0001010100010101,
}
"""(Bytes of a character, place of the first) -> which bytes of a word are zero, the first in the lowest."""

_FIRST_LETTER, _LAST_LETTER = 0x20, 0x7E
"""Three of four of the first characters have to be printable: other bytes that are zero half the time are numbers."""


def find(block: Bytes, end: int) -> Iterator[tuple[int, int, int]]:
    """Yield (begin, end, bytes of a character) for each run of two words of eight bytes and more, in either sequence of bytes."""
    zeros = block[: end // 8 * 8] == 0
    if np.count_nonzero(zeros) < 8:
        return
    words = zeros.view(np.uint64)
    for (width, shift), pattern in _ZEROS.items():
        there = words == np.uint64(pattern)
        at = (there[1:] & there[:-1]).nonzero()[0]
        if at.size:
            breaks = (np.diff(at) > 1).nonzero()[0]
            firsts = at[np.concatenate(([0], breaks + 1))] * 8 + shift
            lasts = at[np.concatenate((breaks, [at.size - 1]))] * 8 + 16 + shift
            signs = block[firsts[:, None] + np.arange(0, 16, width)]
            letters = ((signs >= _FIRST_LETTER) & (signs <= _LAST_LETTER)).sum(axis=1) * 4 >= 3 * signs.shape[1]
            if letters.any():
                some = _whole(block, end, firsts[letters], lasts[letters], width)
                yield from ((*each, width) for each in zip(*some, strict=True))


def _whole(block: Bytes, end: int, firsts: Places, lasts: Places, width: int) -> tuple[list[int], list[int]]:
    """Return runs with the characters before and behind that no whole word holds."""
    for _ in range(0, 8, width):
        before = (firsts >= width) & (block[firsts - width] != 0)
        behind = (lasts < end) & (block[lasts] != 0)
        for number in range(1, width):
            before &= block[firsts - number] == 0
            behind &= block[np.minimum(lasts + number, block.size - 1)] == 0
        firsts = firsts - width * before
        lasts = lasts + width * behind
    return firsts.tolist(), np.minimum(lasts, end).tolist()


def say(block: Bytes, runs: Sequence[tuple[int, int, int]]) -> Iterator[Written]:
    """Yield what the runs say: long ones alone, so that a container in one ends where it ends, short ones together."""
    for width in (2, 4):
        places, parts, at = [], [], 0
        for first, last, each in runs:
            if each != width:
                continue
            said = block[first:last:width].tobytes()
            said = said if said.isascii() else said.decode("latin-1").encode()
            if last - first >= LONG:
                yield Written(f"utf-{8 * width}", said, [(first, last, 0)], (width, 1))
            else:
                places.append((first, last, at))
                parts.append(said)
                at += len(said) + 1
        if parts:
            yield Written(f"utf-{8 * width}", b"\0".join(parts), places, (width, 1))
