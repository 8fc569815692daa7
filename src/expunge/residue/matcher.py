"""Finds traced windows at every offset of a buffer, with numpy and without a compiler.

For each of the eight byte alignments a buffer is read as 64-bit words, hashed, and looked up in a table of booleans; the few survivors
are compared with sorted anchors, and the fewer that remain are decided by their keyed digest.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from expunge.core.traces import Traces
from expunge.residue.keyed import HIGH, Secret

Bytes = npt.NDArray[np.uint8]
Words = npt.NDArray[np.uint64]
Places = npt.NDArray[np.int64]

CHUNK = 1 << 17
PADDING = 32
"""Bytes a buffer must have beyond the length that is searched; their value does not matter."""
_SECOND_BITS = 20
_MANY = 1 << 15
_ONES = np.uint64(0x0101010101010101)


class Matcher:
    """All traces of one scan, ready to be looked for. Not for use by two threads at once."""

    def __init__(self, traces: Traces, wanted: Iterable[int] | None = None) -> None:
        secret = Secret(traces.key)
        self._secret = secret
        self._times_a = np.uint64(secret.times_a)
        self._flip_b, self._times_b = np.uint64(secret.flip_b), np.uint64(secret.times_b)
        self._traces = traces.traces
        self._sorted: dict[int, Words] = {}
        self._first: dict[int, int] = {}
        self._second: dict[int, npt.NDArray[np.bool_]] = {}
        self._members: list[list[int]] = []
        self._by_length: dict[int, dict[int, dict[bytes, list[int]]]] = {}
        self._group_of: dict[int, int] = {}
        indexes = range(len(self._traces)) if wanted is None else sorted(set(wanted))
        for width in (8, 16):
            self._index([i for i in indexes if self._traces[i].width == width], width)
        total = sum(len(each) for each in self._sorted.values())
        bits = min(22, max(16, total.bit_length() + 6))
        self._shift = np.uint64(64 - bits)
        self._table = np.zeros(1 << bits, dtype=np.bool_)
        for anchors in self._sorted.values():
            self._table[(anchors >> self._shift).astype(np.int64)] = True
        self._live = np.ones(len(self._members), dtype=np.bool_)
        self._waiting = [len(each) for each in self._members]
        self._hash = np.empty(CHUNK // 8, dtype=np.uint64)
        self._word = np.empty(CHUNK // 8, dtype=np.uint64)
        self._hit = np.empty(CHUNK // 8, dtype=np.bool_)

    def _index(self, indexes: list[int], width: int) -> None:
        by_anchor: dict[int, list[int]] = {}
        for index in indexes:
            by_anchor.setdefault(self._traces[index].anchor, []).append(index)
        anchors = np.array(list(by_anchor), dtype=np.uint64)
        order = np.argsort(anchors)
        self._first[width] = len(self._members)
        members = list(by_anchor.values())
        for number in order.tolist():
            self._group_of.update(dict.fromkeys(members[number], len(self._members)))
            self._members.append(members[number])
        self._sorted[width] = anchors[order]
        table = np.zeros(1 << _SECOND_BITS, dtype=np.bool_)
        table[_second(self._sorted[width], width)] = True
        self._second[width] = table

    def _group(self, number: int) -> dict[int, dict[bytes, list[int]]]:
        """Length -> digest -> traces of one group of equal anchors, made when it is first met."""
        known = self._by_length.get(number)
        if known is None:
            known = self._by_length[number] = {}
            for index in self._members[number]:
                trace = self._traces[index]
                known.setdefault(trace.length, {}).setdefault(trace.digest, []).append(index)
        return known

    def finished(self, trace: int) -> None:
        """Say that nobody needs further places of this trace; windows all of whose traces are finished are no longer looked at."""
        group = self._group_of[trace]
        self._waiting[group] -= 1
        if self._waiting[group] == 0:
            self._live[group] = False

    def find(self, buffer: Bytes, length: int) -> list[tuple[int, int, int]]:
        """Return (offset, length of the window, trace index) for every traced window that lies in ``buffer[:length]`` whole.

        ``buffer`` is contiguous and has :data:`PADDING` bytes more than ``length``.
        """
        found: list[tuple[int, int, int]] = []
        if not self._members:
            return found
        parts: list[Places] = []
        waiting = 0
        for base in range(0, length - 7, CHUNK):
            size = min(CHUNK, length - base)
            if constant(buffer[base : base + size + 7]):
                continue
            before = len(parts)
            self._survivors(buffer, base, size, parts)
            waiting += sum(part.size for part in parts[before:])
            if waiting > _MANY:
                self._narrow(buffer, length, np.concatenate(parts), found)
                parts, waiting = [], 0
        if parts:
            self._narrow(buffer, length, np.concatenate(parts), found)
        return found

    def _survivors(self, buffer: Bytes, base: int, size: int, parts: list[Places]) -> None:
        count = (size + 7) // 8
        hashes, word, hit = self._hash[:count], self._word[:count], self._hit[:count]
        as_bytes = word.view(np.uint8)
        slots = hashes.view(np.int64)
        for shift in range(8):
            start = base + shift
            # a copy into an aligned buffer is cheaper than numpy's own handling of unaligned words
            np.copyto(as_bytes, buffer[start : start + count * 8])
            np.multiply(word, self._times_a, out=hashes)
            np.right_shift(hashes, self._shift, out=hashes)
            np.take(self._table, slots, out=hit, mode="clip")
            (where,) = hit.nonzero()
            if where.size:
                where *= 8
                where += start
                parts.append(where)

    def _narrow(self, buffer: Bytes, length: int, places: Places, found: list[tuple[int, int, int]]) -> None:
        words: Words = np.ndarray((buffer.size - 7,), dtype="<u8", buffer=buffer, strides=(1,))
        places = places[places <= length - 8]
        first = words[places]
        if places.size > _MANY:
            # windows never begin with eight equal bytes, pages of zeros do
            keep = first != (first & np.uint64(0xFF)) * _ONES
            places, first = places[keep], first[keep]
        first = first * self._times_a
        for width in (8, 16):
            if not self._sorted[width].size:
                continue
            anchors = first
            if width == 16:
                anchors = (words[places + 8] ^ self._flip_b) * self._times_b
                anchors = (first & np.uint64(HIGH)) | ((first + anchors) >> np.uint64(32))
            (near,) = self._second[width].take(_second(anchors, width), mode="clip").nonzero()
            if near.size:
                self._decide(buffer, length, places[near], anchors[near], width, found)

    def _decide(self, buffer: Bytes, length: int, places: Places, anchors: Words, width: int, found: list[tuple[int, int, int]]) -> None:
        known = self._sorted[width]
        slots = np.minimum(np.searchsorted(known, anchors), known.size - 1)
        same = known[slots] == anchors
        groups = slots[same] + self._first[width]
        places = places[same]
        live = self._live[groups]
        for place, group in zip(places[live].tolist(), groups[live].tolist(), strict=True):
            for size, by_digest in self._group(group).items():
                if place + size <= length:
                    digest = self._secret.digest(buffer[place : place + size].tobytes())
                    found.extend((place, size, index) for index in by_digest.get(digest, ()))


def _second(anchors: Words, width: int) -> Places:
    # bits that the first table did not use: the low half of a wide anchor, the middle of a narrow one
    shifted = anchors if width == 16 else anchors >> np.uint64(22)
    return (shifted & np.uint64((1 << _SECOND_BITS) - 1)).view(np.int64)


def constant(part: Bytes) -> bool:
    """Whether all bytes are the same: a page of zeros holds no trace and no container."""
    value = part[0]
    if part[part.size // 2] != value or part[-1] != value:
        return False
    return bool((part == value).all())
