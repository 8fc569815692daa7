"""Which bytes of a block are printed signs of ASCII other than the space: one bit for each."""

from __future__ import annotations

import numpy as np

from expunge.residue.matching.matcher import Bytes

FULL = 0xFF
"""The mask of eight bytes of which each is such a sign."""
_PART = 1 << 17
"""Bytes that are looked at together."""


def masks(block: Bytes, end: int) -> Bytes:
    """Return the mask of each word of eight bytes that lies in the block whole; the first byte has the highest bit."""
    signed = block[: end // 8 * 8].view(np.int8)
    found = np.empty(signed.size // 8, np.uint8)
    inked = np.empty(min(signed.size, _PART), np.bool_)
    for base in range(0, signed.size, _PART):
        # Why in parts: what fits into the caches is several times as fast.
        part = signed[base : base + _PART]
        there = inked[: part.size]
        np.greater(part, ord(" "), out=there)
        found[base // 8 : (base + part.size) // 8] = np.packbits(there)
    return found
