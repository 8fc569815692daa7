"""White space of several bytes between two words: a copy of a text may have it where the text has one space.

A window that begins more than an anchor before it is found by its anchor as any other, and decided with one space in each such place. For
windows that begin closer, the words are put together here as if there were one space; where more of it follows, all of the text is.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from expunge.residue.matching import folding
from expunge.residue.matching.folding import Folder
from expunge.residue.matching.keyed_hash import MAX_LENGTH
from expunge.residue.matching.marks import marked

_Bytes = npt.NDArray[np.uint8]
_Places = npt.NDArray[np.int64]
_Words = npt.NDArray[np.uint64]

ANCHOR = 16
"""Bytes of the widest anchor."""
_ANCHOR_BITS = 4
_WORD = 8
_AROUND = np.dtype([("before", f"V{ANCHOR + 1}"), ("space", "u1"), ("after", f"V{ANCHOR}")])
"""What stands around white space, with one space."""
LONGEST = 256
"""Bytes of white space in one window."""
SPACE = ord(" ")
_SEVERAL = re.compile(b" {2,}")
_LETTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789" + bytes(range(0x80, 0x100))


def _table(signs: bytes) -> npt.NDArray[np.bool_]:
    table = np.zeros(256, np.bool_)
    table[np.frombuffer(signs, np.uint8)] = True
    return table


_BEFORE, _AFTER = _table(_LETTERS + b".,:!?)'-"), _table(_LETTERS + b"('")
"""What stands on both sides of it in a sentence; in programs and documents there are brackets and quotation marks."""


def pairs(spaces: npt.NDArray[np.bool_], size: int) -> _Places:
    """Return where two bytes of white space begin that stand beside each other, below ``size``."""
    return marked(spaces[1 : size + 1] & spaces[:size])


def between_words(buffer: _Bytes, at: _Places, length: int) -> tuple[_Places, _Places]:
    """Return where white space of several bytes begins and ends that stands between two words, from where two bytes of it begin."""
    breaks = (np.diff(at) > 1).nonzero()[0]
    begins, ends = at[np.concatenate(([0], breaks + 1))], at[np.concatenate((breaks, [at.size - 1]))] + 2
    inside = (begins > 0) & (ends < length)
    begins, ends = begins[inside], ends[inside]
    between = _BEFORE[buffer[begins - 1]] & _AFTER[buffer[ends]]
    return begins[between], ends[between]


def joined(
    buffer: _Bytes, begins: _Places, ends: _Places, folder: Folder, may_begin: Callable[[_Words], npt.NDArray[np.bool_]]
) -> tuple[_Places, _Words, _Words]:
    """Return the places less than an anchor before such white space where a window may begin, with the two words there if it is one space.

    ``may_begin`` tells of first words which are those of a window.
    """
    if begins[0] <= ANCHOR:
        # Why longer: what a buffer begins with has nothing before it.
        longer = np.concatenate([np.full(ANCHOR + 1, SPACE, np.uint8), buffer])
        places, first, second = joined(longer, begins + ANCHOR + 1, ends + ANCHOR + 1, folder, may_begin)
        inside = places > ANCHOR
        return places[inside] - ANCHOR - 1, first[inside], second[inside]
    text = np.empty(begins.size, _AROUND)
    text["before"] = _pieces(buffer, ANCHOR + 1, begins - ANCHOR - 1)
    text["space"] = SPACE
    text["after"] = _pieces(buffer, ANCHOR, np.minimum(ends, buffer.size - ANCHOR))
    letters, size = text.view(np.uint8), _AROUND.itemsize
    folder.shape_into(letters, letters)
    # Why at each place: in a page of a database a letter may stand before the first word of a value.
    first = np.ndarray((begins.size, ANCHOR), "<u8", buffer=letters, offset=1, strides=(size, 1)).ravel()
    at = marked(may_begin(first))
    rows, columns = at >> _ANCHOR_BITS, at & (ANCHOR - 1)
    every: _Words = np.ndarray((letters.size - 7,), "<u8", buffer=letters, strides=(1,))
    return begins[rows] - ANCHOR + columns, first[at], every[rows * size + columns + 1 + _WORD]


def _pieces(buffer: _Bytes, size: int, places: _Places) -> npt.NDArray[np.void]:
    """Return so many bytes at each place."""
    every: npt.NDArray[np.void] = np.ndarray((buffer.size - size + 1,), f"V{size}", buffer=buffer, strides=(1,))
    return every[places]


def close(buffer: _Bytes, begins: _Places, ends: _Places, length: int) -> tuple[bytes, _Places]:
    """Return text around white space that comes more than once in a window, with one space in each place; and where each byte was."""
    near = begins[1:] - ends[:-1] < MAX_LENGTH
    chosen = np.concatenate((near, [False])) | np.concatenate(([False], near))
    if not near.any():
        return b"", begins[:0]
    begins, ends = np.maximum(begins[chosen] - MAX_LENGTH, 0), np.minimum(ends[chosen] + MAX_LENGTH, length)
    breaks = (begins[1:] > ends[:-1]).nonzero()[0]
    firsts, lasts = begins[np.concatenate(([0], breaks + 1))], ends[np.concatenate((breaks, [ends.size - 1]))]
    sizes = lasts - firsts
    places = np.arange(int(sizes.sum())) + np.repeat(firsts - np.cumsum(sizes) + sizes, sizes)
    text = buffer[places]
    spaces = (text == SPACE) | ((text - np.uint8(9)) < 5)
    text[spaces] = SPACE
    kept = np.ones(text.size, np.bool_)
    kept[1:] = ~(spaces[1:] & spaces[:-1])
    return text[kept].tobytes(), places[kept]


def window(raw: bytes, size: int) -> tuple[bytes, int] | None:
    """Return the folded window of so many bytes that ``raw`` begins with when white space is one space, and its bytes in ``raw``.

    None where no white space in it is longer.
    """
    small = folding.text(raw)
    end, at, parts = size, 0, []
    for several in _SEVERAL.finditer(small):
        if several.start() >= end:
            break
        parts.append(small[at : several.start() + 1])
        at = several.end()
        end += at - several.start() - 1
    if not parts or end > len(small):
        return None
    return b"".join([*parts, small[at:end]]), end


def one_spaced(value: str) -> str:
    """Return a text folded, with one space for all white space between two words, and none around it."""
    return _SEVERAL.sub(b" ", folding.text(value.strip().encode("utf-8", "surrogatepass"))).decode("utf-8", "replace")
