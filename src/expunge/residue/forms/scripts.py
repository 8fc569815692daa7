"""Text of other than Latin letters in UTF-16 and UTF-32 without a mark: runs of units that are all common characters of a script."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from expunge.residue.forms.written import Places, Written
from expunge.residue.matching.matcher import Bytes, printed

_PART = 1 << 17
"""Bytes that are looked at together."""
_AROUND = 16
"""Bytes on both sides of what is surely such text that are read as well."""
_CLOSE = 4
"""Words of eight bytes between two stretches of one text."""
_FIRST_BEYOND_LATIN = 0x250
_LEAST_BEYOND = {2: 3, 4: 2}
"""Characters beyond Latin among those of two words, by the bytes of a character."""
_SMALL = ((0x20, 0x7F), (0xA0, 0x250), (0x370, 0x530), (0x5B0, 0x700), (0x900, 0xE60), (0x10A0, 0x1100), (0x2010, 0x2040))
_LARGE = ((0x3000, 0x3100), (0x4E00, 0x9FB0), (0xAC00, 0xD7A4), (0xFF01, 0xFF60))
_LINES = (0x09, 0x0A, 0x0D, 0x20AC)


def _common() -> npt.NDArray[np.bool_]:
    table = np.zeros(1 << 16, np.bool_)
    for first, last in (*_SMALL, *_LARGE):
        table[first:last] = True
    table[list(_LINES)] = True
    return table


_COMMON = _common()
_SCRIPT = np.zeros(256, np.bool_)
_SCRIPT[[*range(0x03, 0x08), *range(0x09, 0x0F), 0x10]] = True
"""First bytes of the characters of small scripts: of one text one of these, and those of ASCII and of typographic signs."""
_ODD, _EVEN = 0xFF00FF00FF00FF00, 0x00FF00FF00FF00FF
_BEYOND_ASCII = np.uint64(0x8080808080808080)
_HIGH = 2
"""Characters among eight of a large script that letters of ASCII do not make."""
_DIFFERENT = 3
"""Different first bytes among eight characters of a large script: one alone is the first byte of letters in UTF-8."""


def gathered(block: Bytes, end: int, since: int) -> Iterator[Written]:
    """Yield what such text says; what ended before ``since`` was looked at before."""
    near: dict[_Way, list[Places]] = {}
    for base in range(0, end - 15, _PART):
        part = block[base : min(base + _PART + 40, end)]
        if printed(part):
            continue
        for way, at in _places(part):
            if at.size:
                near.setdefault(way, []).append(at + base)
    found: dict[tuple[int, str], list[Places]] = {}
    for (width, order, large), parts in near.items():
        # Why all at once: each step costs as much for ten places as for a thousand.
        sure = _sure(block, np.concatenate(parts), f"{'<' if order == 'le' else '>'}u{width}", large=large)
        if sure.size:
            found.setdefault((width, f"utf-{8 * width}-{order}"), []).append(sure)
    for (width, encoding), parts in found.items():
        written = _say(block, end, width, encoding, np.unique(np.concatenate(parts)), since)
        if written is not None:
            yield written


_Way = tuple[int, str, bool]
"""Bytes of a character, their order, whether the script is a large one."""


def _places(part: Bytes) -> Iterator[tuple[_Way, Places]]:
    """Yield where such text may begin in a part, for each way in which it may be written."""
    text = part[: part.size // 8 * 8]
    words = text.view(np.uint64)
    large = int(part.max()) >= 0x80
    if large:
        says = (text - np.uint8(0x30)) < 0x70
        says |= (text - np.uint8(0xAC)) < 0x2C
        allowed = (text & np.uint8(0xDF)) == 0
        allowed |= says
    for high, first in ((_ODD, "le"), (_EVEN, "be")):
        second = "be" if first == "le" else "le"
        at = _small(words, high) * 8
        yield (2, first, False), at
        yield (2, second, False), at + 1
        if large:
            ones = np.uint64(high & 0x0101010101010101)
            there = (allowed.view(np.uint64) & ones) == ones
            there[:-2] &= there[2:]
            (at,) = (there[1:-2] & there[:-3]).nonzero()
            seen = says.view(np.uint64) & ones
            at = (
                at[
                    (((words[at] | words[at + 1] | words[at + 2] | words[at + 3]) & _BEYOND_ASCII) != 0)
                    & (seen[at] != 0)
                    & (seen[at + 1] != 0)
                ]
                * 8
            )
            yield (2, first, True), at
            yield (2, second, True), at + 1
    zeros = text == 0
    # Why first: without two zeros beside each other there is none, and recordings have few.
    for shift in range(0, 32, 8) if (zeros[1:] & zeros[:-1]).any() else ():
        lanes = [np.uint64(_turned(lane, shift)) for lane in (0xFFFE0000FFFE0000, 0x000000FF000000FF, 0x0000FF000000FF00)]
        wide = (words & lanes[0]) == 0
        (at,) = (wide[1:] & wide[:-1]).nonzero()
        if at.size:
            # Why both: of Latin letters one of these bytes is zero, and of numbers as well.
            at = at[((words[at] & lanes[1]) != 0) & ((words[at] & lanes[2]) != 0)] * 8
            yield (4, "le", False), at + shift // 8
            yield (4, "be", False), at + (shift // 8 + 2) % 4


def _turned(lane: int, shift: int) -> int:
    return (lane << shift | lane >> (64 - shift)) & (1 << 64) - 1


def _small(words: npt.NDArray[np.uint64], high: int) -> Places:
    """Return which words, and those behind them, have first bytes of one small script and of ASCII alone."""
    small = (words & np.uint64(high & 0xF0F0F0F0F0F0F0F0)) == 0
    (at,) = (small[2:] & small[1:-1] & small[:-2]).nonzero()
    if at.size:
        both = (words[at] | words[at + 1]) & np.uint64(high)
        both |= both >> np.uint64(32)
        both |= both >> np.uint64(16)
        at = at[_SCRIPT[((both | both >> np.uint64(8)) & np.uint64(0xFF)).astype(np.int64)]]
    found: Places = at
    return found


def _sure(block: Bytes, at: Places, unit: str, *, large: bool = False) -> Places:
    """Return the places from which on sixteen bytes are common characters, some of them beyond Latin."""
    at = at[at <= block.size - 16]
    if not at.size:
        return at
    every: npt.NDArray[np.void] = np.ndarray((block.size - 15,), "V16", buffer=block, strides=(1,))
    characters = every[at].view(unit).reshape(at.size, -1)
    common = (characters < 1 << 16) & _COMMON[np.minimum(characters, 0xFFFF)]
    sure = common.all(axis=1) & ((characters >= _FIRST_BEYOND_LATIN).sum(axis=1) >= _LEAST_BEYOND[characters.itemsize])
    if large:
        # Why: of letters in UTF-8 each begins with one of these, and of one script with one or two of them.
        first = np.sort(characters >> 8, axis=1)
        leads = (first[:, 0] >= 0xC2) & (first[:, -1] <= 0xDF)
        sure &= ~leads | ((first[:, 1:] != first[:, :-1]).sum(axis=1) >= _DIFFERENT - 1)
        # Why: letters of ASCII in twos read as such characters, and of these about half have a high second byte.
        sure &= ((characters & 0x80 != 0) | (characters >= 0x8000)).sum(axis=1) >= _HIGH
    found: Places = at[sure]
    return found


def _say(block: Bytes, end: int, width: int, encoding: str, at: Places, since: int) -> Written | None:
    """Return what the text says, one stretch after the other, in UTF-8; None where each is too short."""
    runs: list[tuple[int, int, int]] = []
    said, size = [], 0
    for offset in range(width):
        own = at[at % width == offset]
        if own.size:
            breaks = (np.diff(own) > 8 * _CLOSE).nonzero()[0]
            firsts, lasts = own[np.concatenate(([0], breaks + 1))], own[np.concatenate((breaks, [own.size - 1]))]
            # Why: the shortest text that is read has three such places, and what looks like it by chance has one.
            longer = lasts > firsts
            firsts, lasts = firsts[longer] - _AROUND, lasts[longer] + 16 + _AROUND
            for first, last in zip(np.where(firsts < 0, offset, firsts).tolist(), lasts.tolist(), strict=True):
                cut = min(last, first + (end - first) // width * width)
                said.append(block[first:cut].tobytes().decode(encoding, "replace").encode("utf-8", "replace"))
                runs.append((first, cut, size))
                size += len(said[-1]) + 1

    if not runs:
        return None

    def places() -> Places:
        each = (
            np.append(_each_place(block[first:cut], width, encoding, len(text)) + first, cut)
            for (first, cut, _), text in zip(runs, said, strict=True)
        )
        return np.concatenate([*each])

    return Written(f"utf-{8 * width}", b"\0".join([*said, b""]), runs, places=places, since=since, leaf=True)


def _each_place(data: Bytes, width: int, encoding: str, size: int) -> Places:
    """Return where each byte of a text in UTF-8 is written."""
    units = np.frombuffer(data.tobytes(), f"{'<' if encoding.endswith('le') else '>'}u{width}").astype(np.int64)
    sizes = 1 + (units >= 0x80) + (units >= 0x800) + (units >= 0x10000)
    if width == 2:
        sizes[(units >= 0xD800) & (units < 0xDC00)] = 4
        sizes[(units >= 0xDC00) & (units < 0xE000)] = 0
    if int(sizes.sum()) != size:
        # Why roughly: half of a pair, or a number that is no character, was replaced.
        return np.linspace(0, max(0, data.size - 1), size).astype(np.int64)
    return np.repeat(np.arange(units.size) * width, sizes)
