"""Find traced windows at every offset of a buffer, with numpy and without a compiler.

For each of the eight byte alignments a buffer is read as 64-bit words, hashed, and looked up in a table of booleans. The few survivors are
compared with sorted anchors, and the fewer that remain are decided by their keyed digest.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from expunge.core.evidence.traces import AS_IT_IS, FOLDED, Traces
from expunge.residue.matching import folding, spacing
from expunge.residue.matching.folding import SPACED, Folder
from expunge.residue.matching.keyed_hash import HIGH, MAX_LENGTH, Secret
from expunge.residue.matching.marks import marked
from expunge.residue.matching.patterns import TracePatterns
from expunge.residue.matching.window_ends import WindowEnds

Bytes = npt.NDArray[np.uint8]
Words = npt.NDArray[np.uint64]
Places = npt.NDArray[np.int64]

CHUNK = 1 << 18
PADDING = 32
"""Bytes a buffer must have beyond the length that is searched; their value does not matter."""
_MOST_BITS = 20
"""Size of the largest second table; one place of a table in some eighty is true."""
_MANY = 1 << 15
"""Places that wait to be decided."""
_MANY_HERE = 1 << 14
"""Places of one chunk at which it is looked whether eight equal bytes stand there."""
_MOST_MET = 1 << 16
_FEW = 256
"""Places that are decided one by one without a look at how they end."""
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
_NOWHERE: Places = np.zeros(0, np.int64)
_Near = dict[int, list[tuple[Places, Words]]]
"""By the width of the anchors: places that may begin a window, with the anchors there."""
_Windows = tuple[int, int, dict[bytes, SameTraces]]
"""Length, how far they are folded, digest -> traces."""


class _Searched(NamedTuple):
    """A buffer, as far as it was read."""

    buffer: Bytes
    length: int
    gaps: Places
    """Where two bytes of white space stand beside each other ..."""
    known: int
    """... before this place."""


class Matcher:
    """All traces of one scan, ready to be looked for. Not for use by two threads at once."""

    def __init__(self, sought: Traces | TracePatterns, wanted: Iterable[int] | None = None) -> None:
        """Make the tables. ``wanted`` are indexes of traces; without it all of them are looked for."""
        needles = sought if isinstance(sought, TracePatterns) else TracePatterns.of(sought, wanted)
        # Why two: traces that older versions took know bytes as they are alone.
        apart = needles.folds == AS_IT_IS
        chosen = ((needles.only(rows), folded) for rows, folded in ((~apart, True), (apart, False)) if rows.any())
        self._tables = [WindowTable(some, folded=folded) for some, folded in chosen]

    def finished(self, alike: SameTraces) -> None:
        """Record that no further places of these traces are needed. Windows all of whose traces are finished are no longer looked at."""
        for table in self._tables:
            table.finished(alike)

    def find(self, buffer: Bytes, length: int) -> list[tuple[int, int, SameTraces]]:
        """Return (offset, length of the window, traces) for every traced window that lies in ``buffer[:length]`` whole.

        ``buffer`` is contiguous and has :data:`PADDING` bytes more than ``length``.
        """
        return [each for table in self._tables for each in table.find(buffer, length)]


class WindowTable:
    """Windows whose anchors are all folded, or none of them."""

    def __init__(self, needles: TracePatterns, *, folded: bool) -> None:
        secret = Secret(needles.key)
        self._secret = secret
        self._times_a = np.uint64(secret.times_a)
        self._flip_b, self._times_b = np.uint64(secret.flip_b), np.uint64(secret.times_b)
        self._needles = needles
        # one by one, numbers are got at faster in these than in arrays
        self._lengths, self._indexes, self._folds = needles.lengths.tobytes(), needles.indexes.tolist(), needles.folds.tobytes()
        self._folder = Folder(CHUNK + PADDING) if folded else None
        self._text = FOLDED in self._folds
        """Whether any of them is text."""
        self._sorted: dict[int, Words] = {}
        self._first: dict[int, int] = {}
        self._second: dict[int, npt.NDArray[np.bool_]] = {}
        self._rows: Places = np.zeros(0, dtype=np.int64)
        """Rows of the needles, those of one group of equal anchors together."""
        self._begin: Places = np.zeros(1, dtype=np.int64)
        """Where each group begins among them, and their end."""
        self._by_length: dict[int, tuple[_Windows, ...]] = {}
        for width in (8, 16):
            self._index(np.flatnonzero(needles.widths == width), width)
        sizes = np.diff(self._begin)
        self._group_of = np.zeros(len(needles.indexes), dtype=np.int64)
        self._group_of[self._rows] = np.repeat(np.arange(sizes.size), sizes)
        self._ends = WindowEnds(needles, self._group_of, secret, folded=folded)
        # one place of the table in some eighty is true: a smaller one is met too often in vain, a larger one does not fit into the caches
        bits = min(22, max(16, int(sizes.size).bit_length() + 6))
        self._shift = np.uint64(64 - bits)
        self._table = np.zeros(1 << bits, dtype=np.bool_)
        for anchors in self._sorted.values():
            self._table[(anchors >> self._shift).astype(np.int64)] = True
        self._live = np.ones(sizes.size, dtype=np.bool_)
        self._waiting = sizes
        self._met: dict[tuple[int, int, bytes], SameTraces | None] = {}
        """Windows that were decided, and the traces they are: what begins like a traced window is often met again and again."""
        self._word = np.empty(CHUNK // 8, dtype=np.uint64)
        self._hit = np.empty(CHUNK, dtype=np.bool_)

    def _index(self, rows: Places, width: int) -> None:
        anchors = self._needles.anchors[rows]
        order = np.argsort(anchors, kind="stable")
        known, begins = np.unique(anchors[order], return_index=True)
        self._first[width] = self._begin.size - 1
        self._begin = np.concatenate([self._begin[:-1], begins + self._rows.size, [self._rows.size + rows.size]])
        self._rows = np.concatenate([self._rows, rows[order]])
        self._sorted[width] = known
        table = np.zeros(1 << min(_MOST_BITS, max(12, int(known.size).bit_length() + 6)), dtype=np.bool_)
        table[_second(known, width, table.size)] = True
        self._second[width] = table

    def _group(self, number: int) -> tuple[_Windows, ...]:
        """The windows of one group of equal anchors, made when it is first met."""
        known = self._by_length.get(number)
        if known is None:
            made: dict[tuple[int, int], dict[bytes, list[int]]] = {}
            for row in self._rows[self._begin[number] : self._begin[number + 1]].tolist():
                by_digest = made.setdefault((self._lengths[row], self._folds[row]), {})
                by_digest.setdefault(self._needles.digest(row), []).append(self._indexes[row])
            known = tuple(
                (size, fold, {digest: SameTraces(tuple(each)) for digest, each in by_digest.items()})
                for (size, fold), by_digest in made.items()
            )
            self._by_length[number] = known
        return known

    def finished(self, alike: SameTraces) -> None:
        """Record that no further places of these traces are needed, if they are of these windows."""
        row = int(np.searchsorted(self._needles.indexes, alike.traces[0]))
        if row == self._needles.indexes.size or self._needles.indexes[row] != alike.traces[0]:
            return
        group = self._group_of[row]
        self._waiting[group] -= len(alike.traces)
        if self._waiting[group] == 0:
            self._live[group] = False

    def find(self, buffer: Bytes, length: int) -> list[tuple[int, int, SameTraces]]:
        """Return what :meth:`Matcher.find` returns, of these windows."""
        found: list[tuple[int, int, SameTraces]] = []
        near: _Near = {8: [], 16: []}
        spaced: list[Places] = []
        waiting = 0
        for base in range(0, length - 7, CHUNK):
            size = min(CHUNK, length - base)
            part = buffer[base : base + size + PADDING]
            if constant(part[: size + 7]):
                continue
            if self._folder is not None:
                part = self._folder.shape(part)
                if self._text and (at := spacing.pairs(part == spacing.SPACE, size)).size:
                    spaced.append(at + base)
            waiting += self._narrow(*self._survivors(part, base, size), near)
            if waiting > _MANY:
                self._decide(_Searched(buffer, length, _joined(spaced), base + size), near, found)
                near, waiting = {8: [], 16: []}, 0
        gaps = _joined(spaced)
        begins, ends = spacing.between_words(buffer, gaps, length) if spaced else (_NOWHERE, _NOWHERE)
        if self._folder is not None and begins.size:
            self._narrow(*spacing.joined(buffer, begins, ends, self._folder, self._may_begin), near)
        self._decide(_Searched(buffer, length, gaps, length), near, found)
        if begins.size > 1:
            self._find_close(buffer, length, *spacing.close(buffer, begins, ends, length), found)
        return found

    def _find_close(self, buffer: Bytes, length: int, text: bytes, places: Places, found: list[tuple[int, int, SameTraces]]) -> None:
        """Find the windows of a text of which parts were left out, where they are whole in the buffer."""
        padded = np.frombuffer(text + bytes(PADDING), np.uint8)
        for place, size, alike in self.find(padded, len(text)) if text else ():
            begin = int(places[place])
            whole = spacing.window(buffer[begin : begin + size + spacing.LONGEST].tobytes(), size)
            if whole is not None and begin + whole[1] <= length and whole[0] == folding.text(text[place : place + size]):
                found.append((begin, whole[1], alike))

    def _may_begin(self, words: Words) -> npt.NDArray[np.bool_]:
        """Return which words may be the first of a window."""
        hashes = words * self._times_a
        hashes >>= self._shift
        return self._table.take(hashes.view(np.int64), mode="wrap")

    def _survivors(self, part: Bytes, base: int, size: int) -> tuple[Places, Words, Words]:
        """Return the places of a part at which a window may begin, and the two words there."""
        count = (size + 7) // 8
        bits = (count - 1).bit_length()
        hit = self._hit[: 8 << bits].reshape(8, -1)
        hit[:, count:] = False
        word = self._word[:count]
        as_bytes, slots = word.view(np.uint8), word.view(np.int64)
        for shift in range(8):
            # a copy into an aligned buffer is cheaper than numpy's own handling of unaligned words
            np.copyto(as_bytes, part[shift : shift + count * 8])
            np.multiply(word, self._times_a, out=word)
            np.right_shift(word, self._shift, out=word)
            self._table.take(slots, out=hit[shift, :count], mode="wrap")
        # Why all at once: each step costs as much for ten places as for a thousand.
        shifts = marked(hit.ravel())
        places = shifts & ((1 << bits) - 1)
        places <<= 3
        shifts >>= bits
        places |= shifts
        both: npt.NDArray[np.void] = np.ndarray((part.size - 15,), "V16", buffer=part, strides=(1,))
        words = both[places].view(np.uint64)
        places += base
        return places, words[::2].copy(), words[1::2].copy()

    def _narrow(self, places: Places, first: Words, second: Words, near: _Near) -> int:
        """Keep the places whose words may be those of windows in ``near``; return how many."""
        if places.size > _MANY_HERE:
            # windows never begin with eight equal bytes, pages of zeros do
            keep = first != (first & np.uint64(0xFF)) * _ONES
            places, first, second = places[keep], first[keep], second[keep]
        first *= self._times_a
        kept = 0
        for width, table in self._second.items():
            if not self._sorted[width].size:
                continue
            anchors = first
            if width == 16:
                second ^= self._flip_b
                second *= self._times_b
                second += first
                second >>= np.uint64(32)
                first &= np.uint64(HIGH)
                second |= first
                anchors = second
            (at,) = table.take(_second(anchors, width, table.size), mode="wrap").nonzero()
            if at.size:
                near[width].append((places[at], anchors[at]))
                kept += at.size
        return kept

    def _decide(self, searched: _Searched, near: _Near, found: list[tuple[int, int, SameTraces]]) -> None:
        for width, parts in near.items():
            if parts:
                places, anchors = (np.concatenate(column) for column in zip(*parts, strict=True))
                self._decide_of(searched, places, anchors, width, found)

    def _decide_of(self, searched: _Searched, places: Places, anchors: Words, width: int, found: list[tuple[int, int, SameTraces]]) -> None:
        known = self._sorted[width]
        slots = np.minimum(np.searchsorted(known, anchors), known.size - 1)
        same = known[slots] == anchors
        groups = slots[same] + self._first[width]
        places = places[same]
        live = self._live[groups]
        length = searched.length
        view, met, by_length = searched.buffer.data, self._met, self._by_length
        for place, group, wanted in self._fitting(searched, places[live], groups[live]):
            # Why so bare: windows that many rows begin with are met a hundred thousand times in a scan.
            for size, fold, by_digest in by_length.get(group) or self._group(group):
                end = place + size
                if end <= length and wanted in {0, size}:
                    key = (group, fold, view[place:end].tobytes())
                    alike = met.get(key, _UNDECIDED)
                    if alike is _UNDECIDED:
                        alike = self._meet(key, by_digest)
                    if alike is not None:
                        found.append((place, size, alike))
                    elif fold == FOLDED and b"  " in view[place : end + 1].tobytes().translate(SPACED):
                        self._decide_spaced(view[place : min(length, end + spacing.LONGEST)].tobytes(), place, size, by_digest, found)

    def _fitting(self, searched: _Searched, places: Places, groups: Places) -> Iterator[tuple[int, int, int]]:
        """Yield place, group and length of what may be a window; 0 for every length that the group has."""
        if places.size < _FEW or not self._ends:
            for place, group in zip(places.tolist(), groups.tolist(), strict=True):
                yield place, group, 0
            return
        # Why apart: white space that stands further on may be part of them.
        late = places > searched.known - MAX_LENGTH if searched.known < searched.length else np.zeros(places.size, np.bool_)
        if late.any():
            yield from self._fitting(searched._replace(known=searched.length), places[~late], groups[~late])
            for place, group in zip(places[late].tolist(), groups[late].tolist(), strict=True):
                yield place, group, 0
            return
        for at, size in self._ends.fitting(searched.buffer, searched.length, places, groups, searched.gaps):
            for place, group in zip(places[at].tolist(), groups[at].tolist(), strict=True):
                yield place, group, size

    def _decide_spaced(
        self, raw: bytes, place: int, size: int, by_digest: dict[bytes, SameTraces], found: list[tuple[int, int, SameTraces]]
    ) -> None:
        window = spacing.window(raw, size)
        if window is not None and (alike := by_digest.get(self._secret.digest(window[0]))) is not None:
            found.append((place, window[1], alike))

    def _meet(self, key: tuple[int, int, bytes], by_digest: dict[bytes, SameTraces]) -> SameTraces | None:
        if len(self._met) >= _MOST_MET:
            self._met.clear()
        _, fold, window = key
        alike = self._met[key] = by_digest.get(self._secret.digest(folding.text(window) if fold == FOLDED else window))
        return alike


def _joined(places: list[Places]) -> Places:
    return np.concatenate(places) if places else _NOWHERE


def _second(anchors: Words, width: int, size: int) -> Places:
    # bits that the first table did not use: the low half of a wide anchor, the middle of a narrow one
    shifted = anchors if width == 16 else anchors >> np.uint64(22)
    return (shifted & np.uint64(size - 1)).view(np.int64)


def constant(part: Bytes) -> bool:
    """Return whether all bytes are the same: a page of zeros holds no trace and no container."""
    value = part[0]
    if part[part.size // 2] != value or part[-1] != value:
        return False
    return bool((part == value).all())


def printed(part: Bytes) -> bool:
    """Return whether all bytes are of ASCII, and none is a control character before the tab: text, and no numbers."""
    return bool(part.max(initial=0) < 0x80 and part.min(initial=0xFF) >= 0x09)
