"""A list of entries as the gate holds it in memory, for one question at a time and for many at once."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from hashlib import sha256
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from expunge.core.gate.gate_entry import ENTRY_BYTES
from expunge.errors import EvidenceInvalid

Words: TypeAlias = NDArray[np.uint64]
Mask: TypeAlias = NDArray[np.bool_]
_AT_ONCE = ENTRY_BYTES << 14
_FEWEST_BITS, _MOST_BITS = 16, 20
_HEAD = np.uint64(0xFFFFFFFF)


class EntryList:
    """Ascending entries, on shelves by their first bits. A lookup searches only the few entries that begin with the same bits.

    Keyed hashes are drawn evenly, so that all shelves are short. The bits that the shelf implies are not stored. Of the remaining first 8
    bytes, ``_heads`` has 32 bits and ``_tails`` the rest.

    For a list whose members are refused, the first 8 bytes are kept. Two random entries share them once in 2^64. Among ten million members
    one stranger in 10^12 would be refused, and no stranger allowed. For a list whose members are allowed, all 16 bytes are kept.
    """

    def __init__(self, count: int, *, exact: bool) -> None:
        self._bits = min(_MOST_BITS, max(_FEWEST_BITS, count.bit_length() - 3))
        self._heads = np.empty(count, np.uint32)
        self._tails = np.empty(count, np.uint16)
        self._second = np.empty(count, np.uint64) if exact else None
        self._shelves = np.zeros((1 << self._bits) + 1, np.uint32)
        """Where each begins, and where the last one ends."""
        self._filled = 0

    @classmethod
    def read(cls, read: Callable[[int], bytes], count: int, digest: str, *, exact: bool) -> EntryList:
        """Take ``count`` entries from a file, chunk by chunk.

        Args:
            read: hands out the next so many bytes.
            count: how many entries; at least one.
            digest: hex SHA-256 of all of them.
            exact: keep all 16 bytes.

        Raises:
            EvidenceInvalid: when they are fewer, hash to something else or are not strictly ascending.
        """
        made = cls(count, exact=exact)
        hashed, last = sha256(), b""
        for at in range(0, count * ENTRY_BYTES, _AT_ONCE):
            wanted = min(_AT_ONCE, count * ENTRY_BYTES - at)
            data = read(wanted)
            if len(data) != wanted:
                raise EvidenceInvalid("the snapshot is cut short")
            hashed.update(data)
            words = np.frombuffer(data, ">u8").astype(np.uint64).reshape(-1, 2)
            if data[:ENTRY_BYTES] <= last or not _ascending(words):
                raise EvidenceInvalid("the snapshot's entries are not in order")
            last = data[-ENTRY_BYTES:]
            made._take(words[:, 0], words[:, 1])
        if hashed.hexdigest() != digest:
            raise EvidenceInvalid("a list of the snapshot was changed")
        made._seal()
        return made

    def _take(self, first: Words, second: Words) -> None:
        at, end = self._filled, self._filled + len(first)
        shelf, self._heads[at:end], self._tails[at:end] = self._placed(first)
        if self._second is not None:
            self._second[at:end] = second
        begins = np.append(0, np.flatnonzero(np.diff(shelf)) + 1)
        self._shelves[shelf[begins] + 1] += np.diff(np.append(begins, len(shelf))).astype(np.uint32)
        self._filled = end

    def _seal(self) -> None:
        longest = int(self._shelves.max())
        np.cumsum(self._shelves, dtype=np.uint32, out=self._shelves)
        self._steps = longest.bit_length()
        self._run = self._longest_run()
        # For single questions: an element of an array takes longer to get than one of a view.
        self._views = (self._shelves.data, self._heads.data, self._tails.data, None if self._second is None else self._second.data)

    def _placed(self, first: Words) -> tuple[NDArray[np.intp], NDArray[np.uint32], NDArray[np.uint16]]:
        """Shelf, head and tail of the first 8 bytes of entries."""
        rest = 32 - self._bits
        shelf = (first >> np.uint64(64 - self._bits)).astype(np.intp)
        heads = ((first >> np.uint64(rest)) & _HEAD).astype(np.uint32)
        return shelf, heads, (first & np.uint64((1 << rest) - 1)).astype(np.uint16)

    def __len__(self) -> int:
        return self._filled

    def holds(self, entry: bytes) -> bool:
        """Return whether an entry is in the list."""
        first = int.from_bytes(entry[:8], "big")
        shelves, heads, tails, seconds = self._views
        shelf, rest = first >> (64 - self._bits), 32 - self._bits
        head, tail, end = first >> rest & 0xFFFFFFFF, first & ((1 << rest) - 1), shelves[shelf + 1]
        at = bisect_left(heads, head, shelves[shelf], end)
        while at < end and heads[at] == head:
            if tails[at] == tail and (seconds is None or seconds[at] == int.from_bytes(entry[8:], "big")):
                return True
            at += 1
        return False

    def among(self, first: Words, second: Words) -> Mask:
        """Return, for each of many entries given as words of 8 bytes, whether it is in the list."""
        shelf, heads, tails = self._placed(first)
        low, end = self._shelves[shelf], self._shelves[shelf + 1]
        high = end
        # The first place whose head is not below the one looked for, by halving each shelf, all of them at once.
        for _ in range(self._steps):
            middle = (low + high) >> np.uint32(1)
            below = (self._heads.take(middle, mode="clip") < heads) & (low < high)
            low, high = np.where(below, middle + np.uint32(1), low), np.where(below, high, middle)
        found = np.zeros(len(first), np.bool_)
        for step in range(self._run):
            place = low + np.uint32(step)
            same = (place < end) & (self._heads.take(place, mode="clip") == heads) & (self._tails.take(place, mode="clip") == tails)
            if self._second is not None:
                same &= self._second.take(place, mode="clip") == second
            found |= same
        return found

    def _longest_run(self) -> int:
        """How many members of one shelf share a head at most."""
        heads, longest = self._heads, 1
        parts = range(0, len(heads), _AT_ONCE)
        followed = (heads[at : min(at + _AT_ONCE, len(heads) - 1)] == heads[at + 1 : at + _AT_ONCE + 1] for at in parts)
        places = np.concatenate([at + np.flatnonzero(same) for at, same in zip(parts, followed, strict=True)])
        shelf_of = np.searchsorted(self._shelves, places, side="right")
        places = places[shelf_of == np.searchsorted(self._shelves, places + 1, side="right")]
        while len(places):
            longest += 1
            places = places[np.isin(places + 1, places)]
        return longest


def _ascending(words: Words) -> bool:
    first, second = words[:, 0], words[:, 1]
    tied = first[1:] == first[:-1]
    return bool(np.all((first[1:] > first[:-1]) | (tied & (second[1:] > second[:-1]))))
