"""Integers as Parquet packs them: bit packing, the hybrid of runs and bit packing, deltas.

All code here is numpy over whole arrays. Source: apache/parquet-format, Encodings.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from expunge.stores.parquet.format.footer import corrupt

Bytes = npt.NDArray[np.uint8]
Integers = npt.NDArray[np.integer[Any]]
Positions = npt.NDArray[np.int64]
FEW_RUNS, LONG_RUN, SAMPLE = 64, 16, 512
BLOCK, MINIBLOCKS = 128, 4


def unpack(data: Bytes, count: int, width: int) -> Integers:
    """``count`` integers of ``width`` bits (0 to 64), least significant bit first. Missing bytes at the end read as 0."""
    if width == 0 or count == 0:
        return np.zeros(count, np.uint8)
    if width == 1:
        return _long_enough(np.unpackbits(data[: (count + 7) // 8], bitorder="little"), count)
    groups = (count + 7) // 8
    padded = np.zeros(groups * width + 16, np.uint8)
    used = min(len(data), groups * width)
    padded[:used] = data[:used]
    out = np.empty((groups, 8), np.uint8 if width <= 8 else np.uint32 if width <= 32 else np.uint64)
    mask = np.uint64((1 << width) - 1)
    for lane in range(8):
        byte, shift = divmod(lane * width, 8)
        word: Any = np.ndarray((groups,), "<u8", buffer=padded.data, offset=byte, strides=(width,)) >> np.uint64(shift)
        if shift + width > 64:
            word |= np.ndarray((groups,), "<u8", buffer=padded.data, offset=byte + 8, strides=(width,)) << np.uint64(64 - shift)
        out[:, lane] = word & mask
    return out.reshape(-1)[:count]


def _long_enough(values: Integers, count: int) -> Integers:
    if len(values) < count:
        values = np.concatenate([values, np.zeros(count - len(values), values.dtype)])
    return values[:count]


def pack(values: Integers, width: int) -> bytes:
    """The other way round; whole groups of eight values, filled up with zeros."""
    if width == 0 or len(values) == 0:
        return b""
    groups = (len(values) + 7) // 8
    lanes = np.zeros((groups, 8), np.uint32 if width <= 32 else np.uint64)
    lanes.reshape(-1)[: len(values)] = values
    if width == 1:
        return np.packbits(lanes.astype(np.uint8).reshape(-1), bitorder="little").tobytes()
    columns = np.ascontiguousarray(lanes.T)
    out = np.zeros((groups, width), np.uint8)
    for byte in range(width):
        made: Any = None
        for lane in range(8 * byte // width, min(7, (8 * byte + 7) // width) + 1):
            shift = 8 * byte - lane * width
            part = columns[lane] >> shift if shift >= 0 else columns[lane] << -shift
            made = part if made is None else made | part
        out[:, byte] = made & 0xFF
    return out.tobytes()


class HybridRuns:
    """The runs of one hybrid sequence: each either one value repeated, or bit-packed values that start at byte ``at``."""

    def __init__(self, data: Bytes, count: int, width: int) -> None:
        self.data, self.count, self.width = data, count, width
        heads, self.at = _heads(data, count, width)
        self.packed = (heads & 1).astype(bool)
        self.counts = np.where(self.packed, (heads >> 1) * 8, heads >> 1)
        if int(self.counts.sum()) < count:
            raise corrupt("a sequence of levels or indexes is too short")
        octets = (width + 7) // 8
        self.values = np.zeros(len(heads), np.int64)
        single = ~self.packed
        for octet in range(octets):
            where = self.at[single] + octet
            if len(where) and int(where[-1]) >= len(data):
                raise corrupt("a run ends too early")
            self.values[single] |= data[where].astype(np.int64) << (8 * octet)

    @property
    def constant(self) -> int | None:
        """The value, where one run of one value is all there is."""
        if self.count and not self.packed[0] and int(self.counts[0]) >= self.count:
            return int(self.values[0])
        return None

    def expand(self) -> Integers:
        """All values."""
        if self.count and self.packed[0] and int(self.counts[0]) >= self.count:
            return unpack(self.data[int(self.at[0]) :], self.count, self.width)
        if len(self.packed) and self.packed.all():
            return self._unpacked()[: self.count]
        kind = np.uint8 if self.width <= 8 else np.uint32
        out = np.repeat(self.values.astype(kind), self.counts)
        if self.packed.any():
            out[np.repeat(self.packed, self.counts)] = self._unpacked()
        return out[: self.count]

    def _unpacked(self) -> Integers:
        """The values of all bit-packed runs, one after the other."""
        counts, at = self.counts[self.packed], self.at[self.packed]
        sizes = counts // 8 * self.width
        if len(self.data) > LONG_RUN * len(at):
            pieces = [self.data[start : start + size] for start, size in zip(at.tolist(), sizes.tolist(), strict=True)]
            return unpack(np.concatenate(pieces), int(counts.sum()), self.width)
        # The last run may be cut short by the writer; what is missing reads as zero.
        padded = np.concatenate([self.data, np.zeros(max(0, int(at[-1] + sizes[-1]) - len(self.data)), np.uint8)])
        where = np.arange(int(sizes.sum())) + np.repeat(at - (np.cumsum(sizes) - sizes), sizes)
        return unpack(padded[where], int(counts.sum()), self.width)

    def zeros(self) -> npt.NDArray[np.int64]:
        """The positions of all values that are 0, without writing out the runs of others. For width 1."""
        starts = np.cumsum(self.counts) - self.counts
        found = []
        if self.packed.any():
            counts = self.counts[self.packed]
            positions = np.arange(int(counts.sum())) + np.repeat(starts[self.packed] - (np.cumsum(counts) - counts), counts)
            found.append(positions[self._unpacked() == 0])
        single = ~self.packed & (self.values == 0)
        if single.any():
            counts = self.counts[single]
            found.append(np.arange(int(counts.sum())) + np.repeat(starts[single] - (np.cumsum(counts) - counts), counts))
        merged: npt.NDArray[np.int64] = np.concatenate(found) if found else np.zeros(0, np.int64)
        if len(found) > 1:
            merged.sort()
        return merged[: np.searchsorted(merged, self.count)]


def _heads(data: Bytes, count: int, width: int) -> tuple[Positions, Positions]:
    """The headers of all runs and where each header ends.

    Found by walking while runs are few or long, else by what repeats (lists of one length do), else by pointer doubling.
    """
    heads, ends, whole = _walked(data, count, width)
    if whole:
        return np.array(heads, np.int64), np.array(ends, np.int64)
    repeated = _repeated(data, heads, ends, width)
    if repeated is None:
        return _headers(data, _many(data, count, width))
    all_heads, all_ends, end = repeated
    left = count - int(np.where(all_heads & 1, (all_heads >> 1) * 8, all_heads >> 1).sum())
    if left <= 0:
        return all_heads, all_ends
    more_heads, more_ends = _heads(data[end:], left, width)
    return np.concatenate([all_heads, more_heads]), np.concatenate([all_ends, more_ends + end])


def _walked(data: Bytes, count: int, width: int) -> tuple[list[int], list[int], bool]:
    """Headers of runs and where they end, and whether these are all; they are not when runs are many and short."""
    heads: list[int] = []
    ends: list[int] = []
    at, seen, octets = 0, 0, (width + 7) // 8
    while seen < count:
        if len(heads) >= FEW_RUNS and at < len(heads) * LONG_RUN:
            return heads, ends, False
        head = shift = 0
        while True:
            if at >= len(data):
                raise corrupt("a run ends too early")
            byte = int(data[at])
            at += 1
            head |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
            if shift > 35:
                raise corrupt("a run is too long")
        if head >> 1 == 0:
            raise corrupt("a run is empty")
        heads.append(head)
        ends.append(at)
        seen += (head >> 1) * 8 if head & 1 else head >> 1
        at += (head >> 1) * width if head & 1 else octets
    return heads, ends, True


def _repeated(data: Bytes, heads: Sequence[int], ends: Sequence[int], width: int) -> tuple[Positions, Positions, int] | None:
    """Headers and their ends as far as a pattern of bytes at the start repeats, and where that ends."""
    for runs_of, (head, end) in enumerate(zip(heads, ends, strict=True), 1):
        period = end + ((head >> 1) * width if head & 1 else (width + 7) // 8)
        if len(data) >= period + SAMPLE and (data[period : period + SAMPLE] == data[:SAMPLE]).all():
            differs = data[period:] != data[:-period]
            first = int(np.argmax(differs))
            times = (first if differs[first] else len(differs)) // period + 1
            starts = np.arange(times, dtype=np.int64)[:, None] * period
            return np.tile(np.array(heads[:runs_of]), times), (starts + np.array(ends[:runs_of])).reshape(-1), times * period
    return None


def _headers(data: Bytes, at: Positions) -> tuple[Positions, Positions]:
    """The run headers that start at ``at``, were they there, and where they end."""
    padded = np.concatenate([data, np.zeros(5, np.uint8)])
    head = np.zeros(len(at), np.int64)
    end = at.copy()
    going = np.ones(len(at), bool)
    for step in range(5):
        byte = padded[at + step].astype(np.int64)
        head += np.where(going, (byte & 0x7F) << (7 * step), 0)
        end += going
        going &= byte >= 0x80
        if not going.any():
            break
    return head, end


def _many(data: Bytes, count: int, width: int) -> npt.NDArray[np.int64]:
    """Where runs start, found by pointer doubling: every byte is taken for a header, and the chain from byte 0 is followed."""
    size = len(data)
    head, end = _headers(data, np.arange(size))
    following = np.where(head & 1, end + (head >> 1) * width, end + (width + 7) // 8)
    jump = np.append(np.minimum(following, size), size)
    values = np.append(np.where(head & 1, (head >> 1) * 8, head >> 1), 0)
    chain = np.zeros(1, np.int64)
    while True:
        reached = np.cumsum(values[chain])
        if int(reached[-1]) >= count:
            return chain[: int(np.searchsorted(reached, count)) + 1]
        if chain[-1] == size:
            raise corrupt("a sequence of levels or indexes is too short")
        chain = np.concatenate([chain, jump[chain]])
        jump = jump[jump]


def varints(numbers: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Return rows of up to five bytes, and the number of bytes of each row that count. Numbers below 2**35."""
    rows = np.zeros((len(numbers), 5), np.uint8)
    sizes = np.ones(len(numbers), np.int64)
    for step in range(5):
        rest = numbers >> (7 * step)
        more = rest >= 0x80
        rows[:, step] = (rest & 0x7F) | (more << 7)
        sizes += more
    return rows, sizes


def runs(values: Integers, counts: npt.NDArray[np.int64], width: int) -> bytes:
    """Runs of one value each."""
    octets = (width + 7) // 8
    heads, sizes = varints(counts << 1)
    rows = np.zeros((len(counts), 5 + octets), np.uint8)
    rows[:, :5] = heads
    wide = values.astype(np.int64)
    index = np.arange(len(counts))
    for octet in range(octets):
        rows[index, sizes + octet] = (wide >> (8 * octet)) & 0xFF
    return rows[np.arange(5 + octets) < (sizes + octets)[:, None]].tobytes()


def hybrid(values: Integers, width: int) -> bytes:
    """Values as runs or as one bit-packed sequence, whichever is shorter."""
    count = len(values)
    if count == 0:
        return b""
    changes = values[1:] != values[:-1]
    if (int(np.count_nonzero(changes)) + 1) * (2 + (width + 7) // 8) > (count * width + 7) // 8 + 5:
        heads, sizes = varints(np.array([(count + 7) // 8 << 1 | 1]))
        return heads[0, : sizes[0]].tobytes() + pack(values, width)
    starts = np.concatenate([np.zeros(1, np.int64), np.flatnonzero(changes) + 1])
    return runs(values[starts], np.diff(np.append(starts, count)), width)


def lists(starts: npt.NDArray[np.int64], count: int) -> bytes:
    """Repetition levels of lists of depth one: 0 at each of ``starts``, 1 elsewhere."""
    lengths = np.diff(np.append(starts, count))
    lead = int(starts[0]) if len(starts) else count
    if lead == 0 and count and int(lengths[0]) >= FEW_RUNS and (lengths == lengths[0]).all():
        return runs(np.array([0, 1]), np.array([1, int(lengths[0]) - 1]), 1) * len(starts)
    if 5 * len(starts) >= count // 8:
        levels = np.ones(count, np.uint8)
        levels[starts] = 0
        return hybrid(levels, 1)
    counts = np.empty(2 * len(starts) + 1, np.int64)
    counts[0], counts[1::2], counts[2::2] = lead, 1, lengths - 1
    values = np.ones(len(counts), np.uint8)
    values[1::2] = 0
    real = counts > 0
    return runs(values[real], counts[real], 1)


def undelta(data: Bytes, bits: int) -> tuple[npt.NDArray[np.int64], int]:
    """The integers of one DELTA_BINARY_PACKED sequence (``bits`` is 32 or 64; signed), and where it ends."""
    raw = data.data
    try:
        return _undelta(raw, data, bits)
    except (IndexError, ValueError):
        raise corrupt("a sequence of deltas is damaged") from None


def _undelta(raw: memoryview, data: Bytes, bits: int) -> tuple[npt.NDArray[np.int64], int]:
    block, at = _varint(raw, 0)
    miniblocks, at = _varint(raw, at)
    total, at = _varint(raw, at)
    first, at = _varint(raw, at)
    size = block // miniblocks
    if total > 2**31 or size % 8 or size == 0:
        raise ValueError
    out = np.zeros(max(total, 1), np.uint64)
    out[0] = _wrap((first >> 1) ^ -(first & 1))
    done = 1
    while done < total:
        least, at = _varint(raw, at)
        widths = raw[at : at + miniblocks]
        at += miniblocks
        base = np.uint64(_wrap((least >> 1) ^ -(least & 1)))
        for width in widths:
            if done >= total:
                break
            take = min(size, total - done)
            out[done : done + take] = unpack(data[at : at + size * width // 8], take, width).astype(np.uint64) + base
            done += take
            at += size * width // 8
    values = np.cumsum(out[:total], dtype=np.uint64)
    if bits == 32:
        return values.astype(np.uint32).view(np.int32).astype(np.int64), at
    return values.view(np.int64), at


def _wrap(number: int) -> int:
    return number & 0xFFFFFFFFFFFFFFFF


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    result = shift = 0
    while True:
        byte = data[at]
        at += 1
        result |= (byte & 0x7F) << shift
        if byte < 0x80:
            return result, at
        shift += 7
        if shift > 70:
            raise ValueError


def _put(out: bytearray, number: int) -> None:
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)


def delta(values: npt.NDArray[np.int64], bits: int) -> bytes:
    """The integers as one DELTA_BINARY_PACKED sequence in blocks of 128. Differences wrap around at ``bits``, as the format says."""
    out = bytearray()
    first = int(values[0]) if len(values) else 0
    for number in (BLOCK, MINIBLOCKS, len(values), first << 1 if first >= 0 else (-first << 1) - 1):
        _put(out, number)
    wrapped = np.diff(values.view(np.uint64))
    differences = wrapped.astype(np.uint32).view(np.int32).astype(np.int64) if bits == 32 else wrapped.view(np.int64)
    size = BLOCK // MINIBLOCKS
    for start in range(0, len(differences), BLOCK):
        block = differences[start : start + BLOCK]
        least = int(block.min())
        _put(out, least << 1 if least >= 0 else (-least << 1) - 1)
        rest = block.view(np.uint64) - np.uint64(_wrap(least))
        if bits == 32:
            rest &= np.uint64(0xFFFFFFFF)
        parts = [rest[each : each + size] for each in range(0, BLOCK, size)]
        widths = [int(part.max()).bit_length() if len(part) else 0 for part in parts]
        out += bytes(widths)
        for part, width in zip(parts, widths, strict=True):
            full = np.zeros(size, np.uint64)
            full[: len(part)] = part
            if len(part):
                out += pack(full, width)
    return bytes(out)
