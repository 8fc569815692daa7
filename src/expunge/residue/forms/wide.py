"""Text in UTF-16 and UTF-32 without a mark: runs of characters of which all bytes but one are zero."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from expunge.residue.forms.written import LONG, Places, Written
from expunge.residue.matching.matcher import Bytes

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


class WideRuns(NamedTuple):
    """Runs of a block, as columns: one row each."""

    begins: Places
    ends: Places
    widths: Places
    """Bytes of a character."""

    def only(self, chosen: npt.NDArray[np.bool_]) -> WideRuns:
        """Return some of them."""
        return WideRuns(self.begins[chosen], self.ends[chosen], self.widths[chosen])


def find(block: Bytes, end: int) -> WideRuns | None:
    """Return the runs of two words of eight bytes and more, in either sequence of bytes; None where there are none."""
    zeros = block[: end // 8 * 8] == 0
    if np.count_nonzero(zeros) < 8:
        return None
    words = zeros.view(np.uint64)
    found: list[tuple[Places, Places, Places]] = []
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
                firsts, lasts = _whole(block, end, firsts[letters], lasts[letters], width)
                found.append((firsts, lasts, np.full(firsts.size, width)))
    return WideRuns(*(np.concatenate(column) for column in zip(*found, strict=True))) if found else None


def _whole(block: Bytes, end: int, firsts: Places, lasts: Places, width: int) -> tuple[Places, Places]:
    """Return runs with the characters before and behind that no whole word holds."""
    for _ in range(0, 8, width):
        before = (firsts >= width) & (block[firsts - width] != 0)
        behind = (lasts < end) & (block[lasts] != 0)
        for number in range(1, width):
            before &= block[firsts - number] == 0
            behind &= block[np.minimum(lasts + number, block.size - 1)] == 0
        firsts = firsts - width * before
        lasts = lasts + width * behind
    return firsts, np.minimum(lasts, end)


def say(block: Bytes, runs: WideRuns) -> Iterator[Written]:
    """Yield what the runs say: long ones alone, so that a container in one ends where it ends, short ones together."""
    for width in (2, 4):
        own = runs.only(runs.widths == width)
        alone = own.ends - own.begins >= LONG
        for first, last in zip(own.begins[alone].tolist(), own.ends[alone].tolist(), strict=True):
            yield Written(f"utf-{8 * width}", _in_utf_8(block[first:last:width].tobytes()), [(first, last, 0)], (width, 1))
        if not alone.all():
            yield _together(block, own.only(~alone), width)


def _together(block: Bytes, runs: WideRuns, width: int) -> Written:
    """Return what several runs say, with a zero between two."""
    counts = (runs.ends - runs.begins + width - 1) // width
    begins = np.cumsum(counts + 1) - counts - 1
    said = np.zeros(int(counts.sum()) + counts.size, np.uint8)
    at = np.arange(said.size - counts.size) + np.repeat(np.arange(counts.size), counts)
    said[at] = block[(at - np.repeat(begins, counts)) * width + np.repeat(runs.begins, counts)]
    # Why: a letter beyond ASCII takes two bytes.
    more = np.cumsum(said >= 0x80)
    starts = begins + more[begins] - (said[begins] >= 0x80)
    return Written(f"utf-{8 * width}", _in_utf_8(said.tobytes()), np.stack((runs.begins, runs.ends, starts), axis=1), (width, 1))


def _in_utf_8(said: bytes) -> bytes:
    return said if said.isascii() else said.decode("latin-1").encode()
