"""White space of several bytes between two words: a copy of a text may have it where the text has one space.

A window that begins more than an anchor before it is found by its anchor as any other, and decided with one space in each such place. For
windows that begin closer, the words are put together here as if there were one space.
"""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt

from expunge.residue.matching import folding

_Bytes = npt.NDArray[np.uint8]
_Places = npt.NDArray[np.int64]

ANCHOR = 16
"""Bytes of the widest anchor."""
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


def places(spaces: npt.NDArray[np.bool_], part: _Bytes, size: int) -> tuple[_Places, _Places]:
    """Return where white space of several bytes begins and ends that stands between two words, and begins before ``size``.

    ``spaces`` says which bytes of the part are white space.
    """
    (at,) = (spaces[1:] & spaces[:-1]).nonzero()
    if not at.size:
        return at, at
    breaks = (np.diff(at) > 1).nonzero()[0]
    begins, ends = at[np.concatenate(([0], breaks + 1))], at[np.concatenate((breaks, [at.size - 1]))] + 2
    inside = (begins > 0) & (begins < size) & (ends < part.size)
    begins, ends = begins[inside], ends[inside]
    between = _BEFORE[part[begins - 1]] & _AFTER[part[ends]]
    return begins[between], ends[between]


def joined(buffer: _Bytes, begins: _Places, ends: _Places) -> tuple[_Places, npt.NDArray[np.uint64]]:
    """Return each place that is less than an anchor before such white space, with the two words there when that is one space."""
    before = np.maximum(begins[:, None] + np.arange(-ANCHOR, 0), 0)
    behind = np.minimum(ends[:, None] + np.arange(ANCHOR), buffer.size - 1)
    text = np.full((begins.size, 2 * ANCHOR + 1), SPACE, np.uint8)
    text[:, :ANCHOR], text[:, ANCHOR + 1 :] = folding.SHAPES[buffer[before]], folding.SHAPES[buffer[behind]]
    words = np.lib.stride_tricks.sliding_window_view(text, ANCHOR, axis=1)[:, :ANCHOR].reshape(-1, ANCHOR).view("<u8")
    return before.reshape(-1), words


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
