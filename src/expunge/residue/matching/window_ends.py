"""The last bytes of traced windows: most of what begins like such a window ends in another way, and is told from it without a digest."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from expunge.residue.matching import folding
from expunge.residue.matching.keyed_hash import Secret
from expunge.residue.matching.patterns import TracePatterns

_Places = npt.NDArray[np.int64]
_Words = npt.NDArray[np.uint64]

_WORD = 8
_ONE, _GROUP, _LENGTH = np.uint64(1), np.uint64(24), np.uint64(16)


class WindowEnds:
    """How the windows of each group of equal anchors end."""

    def __init__(self, needles: TracePatterns, groups: _Places, secret: Secret, *, folded: bool) -> None:
        """Make the tables; ``groups`` is the group of each row of the needles."""
        self._secret, self._folded = secret, folded
        lengths, ends = needles.lengths.astype(np.uint64), needles.ends.astype(np.uint64)
        count = int(groups.max(initial=-1)) + 1
        self._lengths, self._open = np.zeros(count, np.uint64), np.zeros(count, np.uint64)
        bits = _ONE << lengths - _ONE
        np.bitwise_or.at(self._lengths, groups, bits)
        unknown = ends == 0
        np.bitwise_or.at(self._open, groups[unknown], bits[unknown])
        self._known = np.unique(_keys(groups, lengths, ends)[~unknown])

    def __bool__(self) -> bool:
        return self._known.size > 0

    def fitting(
        self, buffer: npt.NDArray[np.uint8], length: int, places: _Places, groups: _Places, gaps: _Places
    ) -> Iterator[tuple[_Places, int]]:
        """Yield which of the places may begin a window of which length: indexes of ``places``, and the length.

        Args:
            buffer: what is searched.
            length: how much of it.
            places: where windows of the groups may begin.
            groups: the group at each place.
            gaps: where two bytes of white space stand beside each other, in ascending order. What has some is longer than the window, and
                ends elsewhere.
        """
        lengths = self._lengths[groups]
        present = int(np.bitwise_or.reduce(lengths)) if lengths.size else 0
        for size in range(1, 65):
            if not present >> (size - 1) & 1:
                continue
            bit = np.uint64(1 << (size - 1))
            (at,) = ((lengths & bit != 0) & (places <= length - size)).nonzero()
            if not at.size:
                continue
            theirs, begins = groups[at], places[at]
            fits = self._open[theirs] & bit != 0
            if gaps.size:
                following = gaps[np.minimum(np.searchsorted(gaps, begins), gaps.size - 1)]
                fits |= (following >= begins) & (following < begins + size)
            words = sliding_window_view(buffer, _WORD)[begins + (size - _WORD)].tobytes()
            hashed = self._secret.end_of(np.frombuffer(folding.shape(words) if self._folded else words, "<u8"))
            keys = _keys(theirs, np.uint64(size), hashed)
            fits |= self._known[np.minimum(np.searchsorted(self._known, keys), self._known.size - 1)] == keys
            yield at[fits], size


def _keys(groups: _Places, lengths: _Words | np.uint64, ends: _Words) -> _Words:
    return groups.astype(np.uint64) << _GROUP | lengths << _LENGTH | ends
