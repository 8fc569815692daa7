"""Find traced windows at every offset of a buffer, with numpy and without a compiler.

For each of the eight byte alignments a buffer is read as 64-bit words, hashed, and looked up in a table of booleans. The few survivors are
compared with sorted anchors, and the fewer that remain are decided by their keyed digest.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from expunge.core.evidence.traces import Traces
from expunge.residue.matching.keyed_hash import HIGH, Secret
from expunge.residue.matching.patterns import TracePatterns

Bytes = npt.NDArray[np.uint8]
Words = npt.NDArray[np.uint64]
Places = npt.NDArray[np.int64]

CHUNK = 1 << 17
PADDING = 32
"""Bytes a buffer must have beyond the length that is searched; their value does not matter."""
_SECOND_BITS = 20
_MANY = 1 << 15
_MOST_MET = 1 << 16
_ONES = np.uint64(0x0101010101010101)


class SameTraces:
    """Traces that are the same bytes. A window that many subjects' data holds has many."""

    __slots__ = ("most", "places", "traces")

    def __init__(self, traces: tuple[int, ...]) -> None:
        self.traces = traces
        """Their indexes."""
        self.places = 0
        """How many places whoever counts them has been told."""
        self.most = 0
        """How many it wants; 0 before the first."""


_UNDECIDED = SameTraces(())


class Matcher:
    """All traces of one scan, ready to be looked for. Not for use by two threads at once."""

    def __init__(self, sought: Traces | TracePatterns, wanted: Iterable[int] | None = None) -> None:
        """Make the tables. ``wanted`` are indexes of traces; without it all of them are looked for."""
        needles = sought if isinstance(sought, TracePatterns) else TracePatterns.of(sought, wanted)
        secret = Secret(needles.key)
        self._secret = secret
        self._times_a = np.uint64(secret.times_a)
        self._flip_b, self._times_b = np.uint64(secret.flip_b), np.uint64(secret.times_b)
        self._needles = needles
        # one by one, numbers are got at faster in these than in arrays
        self._lengths, self._indexes = needles.lengths.tobytes(), needles.indexes.tolist()
        self._sorted: dict[int, Words] = {}
        self._first: dict[int, int] = {}
        self._second: dict[int, npt.NDArray[np.bool_]] = {}
        self._rows: Places = np.zeros(0, dtype=np.int64)
        """Rows of the needles, those of one group of equal anchors together."""
        self._begin: Places = np.zeros(1, dtype=np.int64)
        """Where each group begins among them, and their end."""
        self._by_length: dict[int, tuple[tuple[int, dict[bytes, SameTraces]], ...]] = {}
        for width in (8, 16):
            self._index(np.flatnonzero(needles.widths == width), width)
        sizes = np.diff(self._begin)
        self._group_of = np.zeros(len(needles.indexes), dtype=np.int64)
        self._group_of[self._rows] = np.repeat(np.arange(sizes.size), sizes)
        # one place of the table in some forty is true: a smaller one is met too often in vain, a larger one does not fit into the caches
        bits = min(22, max(16, int(sizes.size).bit_length() + 5))
        self._shift = np.uint64(64 - bits)
        self._table = np.zeros(1 << bits, dtype=np.bool_)
        for anchors in self._sorted.values():
            self._table[(anchors >> self._shift).astype(np.int64)] = True
        self._live = np.ones(sizes.size, dtype=np.bool_)
        self._waiting = sizes
        self._met: dict[tuple[int, bytes], SameTraces | None] = {}
        """Windows that were decided, and the traces they are: what begins like a traced window is often met again and again."""
        self._hash = np.empty(CHUNK // 8, dtype=np.uint64)
        self._word = np.empty(CHUNK // 8, dtype=np.uint64)
        self._hit = np.empty(CHUNK // 8, dtype=np.bool_)

    def _index(self, rows: Places, width: int) -> None:
        anchors = self._needles.anchors[rows]
        order = np.argsort(anchors, kind="stable")
        known, begins = np.unique(anchors[order], return_index=True)
        self._first[width] = self._begin.size - 1
        self._begin = np.concatenate([self._begin[:-1], begins + self._rows.size, [self._rows.size + rows.size]])
        self._rows = np.concatenate([self._rows, rows[order]])
        self._sorted[width] = known
        table = np.zeros(1 << _SECOND_BITS, dtype=np.bool_)
        table[_second(known, width)] = True
        self._second[width] = table

    def _group(self, number: int) -> tuple[tuple[int, dict[bytes, SameTraces]], ...]:
        """(Length, digest -> traces) of one group of equal anchors, made when it is first met."""
        known = self._by_length.get(number)
        if known is None:
            made: dict[int, dict[bytes, list[int]]] = {}
            for row in self._rows[self._begin[number] : self._begin[number + 1]].tolist():
                by_digest = made.setdefault(self._lengths[row], {})
                by_digest.setdefault(self._needles.digest(row), []).append(self._indexes[row])
            known = tuple(
                (size, {digest: SameTraces(tuple(each)) for digest, each in by_digest.items()}) for size, by_digest in made.items()
            )
            self._by_length[number] = known
        return known

    def finished(self, alike: SameTraces) -> None:
        """Record that no further places of these traces are needed. Windows all of whose traces are finished are no longer looked at."""
        group = self._group_of[np.searchsorted(self._needles.indexes, alike.traces[0])]
        self._waiting[group] -= len(alike.traces)
        if self._waiting[group] == 0:
            self._live[group] = False

    def find(self, buffer: Bytes, length: int) -> list[tuple[int, int, SameTraces]]:
        """Return (offset, length of the window, traces) for every traced window that lies in ``buffer[:length]`` whole.

        ``buffer`` is contiguous and has :data:`PADDING` bytes more than ``length``.
        """
        found: list[tuple[int, int, SameTraces]] = []
        if not self._live.size:
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
            self._table.take(slots, out=hit, mode="clip")
            (where,) = hit.nonzero()
            if where.size:
                where *= 8
                where += start
                parts.append(where)

    def _narrow(self, buffer: Bytes, length: int, places: Places, found: list[tuple[int, int, SameTraces]]) -> None:
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

    def _decide(
        self, buffer: Bytes, length: int, places: Places, anchors: Words, width: int, found: list[tuple[int, int, SameTraces]]
    ) -> None:
        known = self._sorted[width]
        slots = np.minimum(np.searchsorted(known, anchors), known.size - 1)
        same = known[slots] == anchors
        groups = slots[same] + self._first[width]
        places = places[same]
        live = self._live[groups]
        view, met, by_length = buffer.data, self._met, self._by_length
        for place, group in zip(places[live].tolist(), groups[live].tolist(), strict=True):
            # Why so bare: windows that many rows begin with are met a million times in a scan.
            for size, by_digest in by_length.get(group) or self._group(group):
                end = place + size
                if end <= length:
                    key = (group, view[place:end].tobytes())
                    alike = met.get(key, _UNDECIDED)
                    if alike is _UNDECIDED:
                        alike = self._meet(key, by_digest)
                    if alike is not None:
                        found.append((place, size, alike))

    def _meet(self, key: tuple[int, bytes], by_digest: dict[bytes, SameTraces]) -> SameTraces | None:
        if len(self._met) >= _MOST_MET:
            self._met.clear()
        alike = self._met[key] = by_digest.get(self._secret.digest(key[1]))
        return alike


def _second(anchors: Words, width: int) -> Places:
    # bits that the first table did not use: the low half of a wide anchor, the middle of a narrow one
    shifted = anchors if width == 16 else anchors >> np.uint64(22)
    return (shifted & np.uint64((1 << _SECOND_BITS) - 1)).view(np.int64)


def constant(part: Bytes) -> bool:
    """Return whether all bytes are the same: a page of zeros holds no trace and no container."""
    value = part[0]
    if part[part.size // 2] != value or part[-1] != value:
        return False
    return bool((part == value).all())
