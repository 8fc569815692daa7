"""A list of entries as the gate holds it in memory, for one question at a time and for many at once."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from hashlib import sha256
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from expunge.core.gate_entry import ENTRY_BYTES
from expunge.errors import EvidenceInvalid

Words: TypeAlias = NDArray[np.uint64]
Mask: TypeAlias = NDArray[np.bool_]
_AT_ONCE = ENTRY_BYTES << 16


class Entries:
    """Ascending entries, each as one or two 64-bit words.

    Of a list whose members are refused, the first word is kept: two random entries share it once in 2^64, so that among ten million
    members one stranger in 10^12 would be refused, and nobody allowed. Of a list whose members are allowed, both words are kept.
    """

    def __init__(self, first: Words, second: Words | None) -> None:
        self.first = first
        self.second = second
        self._firsts = first.data
        self._seconds = second.data if second is not None else None
        self._shift = 64 - min(16, max(1, len(first).bit_length()))
        starts = np.arange(1 << (64 - self._shift), dtype=np.uint64) << np.uint64(self._shift)
        self._shelves = [*np.searchsorted(first, starts).tolist(), len(first)]
        """Where entries that begin with the same few bits start: what is drawn evenly is found in a few steps from there."""
        self._run = _longest_run(first) if second is not None else 1

    @classmethod
    def read(cls, read: Callable[[int], bytes], count: int, digest: str, *, exact: bool) -> Entries:
        """Take ``count`` entries from a file, chunk by chunk.

        Args:
            read: hands out the next so many bytes.
            count: how many entries.
            digest: hex SHA-256 of all of them.
            exact: keep both words.

        Raises:
            EvidenceInvalid: when they are fewer, hash to something else or are not strictly ascending.
        """
        first = np.empty(count, np.uint64)
        second = np.empty(count, np.uint64) if exact else None
        hashed, last, at = sha256(), b"", 0
        while at < count:
            data = read(min(_AT_ONCE, (count - at) * ENTRY_BYTES))
            if not data or len(data) % ENTRY_BYTES:
                raise EvidenceInvalid("the snapshot is cut short")
            hashed.update(data)
            words = np.frombuffer(data, ">u8").astype(np.uint64).reshape(-1, 2)
            if data[:ENTRY_BYTES] <= last or not _ascending(words):
                raise EvidenceInvalid("the snapshot's entries are not in order")
            last, end = data[-ENTRY_BYTES:], at + len(words)
            first[at:end] = words[:, 0]
            if second is not None:
                second[at:end] = words[:, 1]
            at = end
        if hashed.hexdigest() != digest:
            raise EvidenceInvalid("a list of the snapshot was changed")
        return cls(first, second)

    def __len__(self) -> int:
        return len(self.first)

    def holds(self, entry: bytes) -> bool:
        """Whether an entry is in the list."""
        first = int.from_bytes(entry[:8], "big")
        shelf = first >> self._shift
        end = self._shelves[shelf + 1]
        at = bisect_left(self._firsts, first, self._shelves[shelf], end)
        if self._seconds is None:
            return at < end and self._firsts[at] == first
        second = int.from_bytes(entry[8:], "big")
        while at < end and self._firsts[at] == first:
            if self._seconds[at] == second:
                return True
            at += 1
        return False

    def among(self, first: Words, second: Words) -> Mask:
        """For each of many entries, given as words, whether it is in the list."""
        # Why sorted: the search then walks through memory once, and not all over it for each.
        order = np.argsort(first)
        wanted = first[order]
        at = np.searchsorted(self.first, wanted)
        found = self._matches(at, wanted, second[order] if self.second is not None else None)
        answer = np.empty(len(first), np.bool_)
        answer[order] = found
        return answer

    def _matches(self, at: NDArray[np.intp], first: Words, second: Words | None) -> Mask:
        last = len(self.first) - 1
        near = np.minimum(at, last)
        found: Mask = self.first[near] == first
        if second is None or self.second is None:
            return found
        found &= self.second[near] == second
        for step in range(1, self._run):
            near = np.minimum(at + step, last)
            found |= (self.first[near] == first) & (self.second[near] == second)
        return found


def _ascending(words: Words) -> bool:
    first, second = words[:, 0], words[:, 1]
    tied = first[1:] == first[:-1]
    return bool(np.all((first[1:] > first[:-1]) | (tied & (second[1:] > second[:-1]))))


def _longest_run(first: Words) -> int:
    """How many members share a first word at most."""
    longest, same = 1, first[1:] == first[:-1]
    while same.any():
        longest += 1
        same = same[1:] & same[:-1]
    return longest
