"""Cut the values of a page in place, or decode them, by encoding. Source: apache/parquet-format, Encodings.md."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from expunge.errors import CouldNotLook
from expunge.stores.parquet.format.bit_packing import Bytes, HybridRuns, Integers, delta, hybrid, pack, undelta, unpack
from expunge.stores.parquet.format.footer import SchemaLeaf, corrupt
from expunge.stores.parquet.format.pages import Buffer, Positions, cut

PLAIN, _GROUP_VAR_INT, PLAIN_DICTIONARY, RLE, _BIT_PACKED, DELTA, DELTA_LENGTH, DELTA_BYTES, DICTIONARY, STREAM_SPLIT = range(10)
INDEXED = frozenset({PLAIN_DICTIONARY, DICTIONARY})
BOOLEAN, INT32, INT64, INT96, FLOAT, DOUBLE, BYTE_ARRAY, FIXED = range(8)
SIZES = {INT32: 4, INT64: 8, INT96: 12, FLOAT: 4, DOUBLE: 8}
UNSIGNED_CONVERTED = frozenset({11, 12, 13, 14})
LOGICAL_INTEGER = 10

Values = npt.NDArray[Any] | list[bytes]
"""Decoded values: numbers in one dimension, values of other fixed sizes as rows of bytes, byte arrays as a list."""


def size_of(leaf: SchemaLeaf) -> int:
    """Bytes of one value in PLAIN, for types of fixed size."""
    size = leaf.length if leaf.physical == FIXED else SIZES[leaf.physical]
    if size <= 0:
        raise corrupt("a type has no size")
    return size


def is_unsigned(leaf: SchemaLeaf) -> bool:
    """Return whether the integers of a column are sorted as unsigned ones."""
    if leaf.logical == LOGICAL_INTEGER:
        return not leaf.element.value(10).value(LOGICAL_INTEGER).value(2, default=True)
    return leaf.converted in UNSIGNED_CONVERTED


def number_type(leaf: SchemaLeaf) -> np.dtype[Any] | None:
    """Return the numpy type of the values of a numeric column; None for values that are not numbers."""
    if leaf.physical in {INT32, INT64}:
        return np.dtype(f"<{'u' if is_unsigned(leaf) else 'i'}{SIZES[leaf.physical]}")
    others = {BOOLEAN: "u1", FLOAT: "<f4", DOUBLE: "<f8"}
    return np.dtype(others[leaf.physical]) if leaf.physical in others else None


def fixed(leaf: SchemaLeaf, body: Any) -> npt.NDArray[Any]:
    """PLAIN bytes of values of fixed size, as numbers or as rows of bytes."""
    kind = number_type(leaf)
    data = np.frombuffer(body, np.uint8)
    return data.view(kind) if kind is not None else data.reshape(-1, size_of(leaf))


def ends(body: Bytes, count: int) -> Positions:
    """Return the start of each of the first ``count`` byte arrays of a PLAIN sequence, and the end of the last of them."""
    if count == 0:
        return np.zeros(1, np.int64)
    if len(body) < 4:
        raise corrupt("a page has too few values")
    stride = 4 + int(body[:4].view("<u4")[0])
    if stride * count <= len(body):
        lengths = np.ndarray((count,), "<u4", buffer=body.data, strides=(stride,))
        if (lengths == stride - 4).all():
            return np.arange(count + 1, dtype=np.int64) * stride
    read = struct.Struct("<I").unpack_from
    raw = body.data
    found, at = [0], 0
    try:
        for _ in range(count):
            at += 4 + read(raw, at)[0]
            found.append(at)
    except struct.error:
        at = len(body) + 1
    if at > len(body):
        raise corrupt("a page has too few values")
    return np.array(found, np.int64)


def indexes(body: Bytes, count: int) -> Integers:
    """The dictionary indexes of a page."""
    if count == 0:
        return np.zeros(0, np.uint32)
    if not len(body) or body[0] > 32:
        raise corrupt("a page of dictionary indexes is damaged")
    width = int(body[0])
    return HybridRuns(body[1:], count, width).expand() if width else np.zeros(count, np.uint8)


def indexed(values: Integers, entries: int) -> list[Buffer]:
    """Dictionary indexes as the values of a page, for a dictionary of so many entries."""
    width = max(entries - 1, 1).bit_length() if entries else 0
    return [bytes([width]), hybrid(values, width)]


def cut_values(encoding: int, leaf: SchemaLeaf, body: Bytes, count: int, gone: tuple[Positions, Positions]) -> tuple[list[Buffer], Values]:
    """The encoded values without the stretches ``gone`` of (from, to), and the values that were there. Not for dictionary indexes."""
    low, high = gone
    if encoding == PLAIN and leaf.physical == BYTE_ARRAY:
        edges = ends(body, int(high[-1]) if len(high) else 0)
        return _slices(body, edges[low], edges[high]), _strings(body, edges, low, high)
    if encoding == PLAIN and leaf.physical != BOOLEAN:
        size = size_of(leaf)
        if count * size > len(body):
            raise corrupt("a page has too few values")
        erased = [body.data[start * size : stop * size] for start, stop in zip(low.tolist(), high.tolist(), strict=True)]
        return _slices(body[: count * size], low * size, high * size), fixed(leaf, b"".join(erased))
    values = decode(encoding, leaf, body, count)
    return encode(encoding, leaf, _cut(values, low, high)), _pick(values, low, high)


def without(leaf: SchemaLeaf, entries: Bytes, count: int, gone: Positions, edges: Positions | None) -> list[Buffer]:
    """A dictionary, PLAIN, without some of its entries; ``edges`` as of :func:`ends`, where the caller has them."""
    if leaf.physical == BYTE_ARRAY:
        edges = ends(entries, count) if edges is None else edges
        return _slices(entries, edges[gone], edges[gone + 1])
    return cut_values(PLAIN, leaf, entries, count, (gone, gone + 1))[0]


def _slices(body: Bytes, low: Positions, high: Positions) -> list[Buffer]:
    parts: list[Buffer] = []
    raw, at = body.data, 0
    for start, stop in zip(low.tolist(), high.tolist(), strict=True):
        if start > at:
            parts.append(raw[at:start])
        at = stop
    parts.append(raw[at:])
    return parts


def _strings(body: Bytes, edges: Positions, low: Positions, high: Positions) -> list[bytes]:
    raw = body.data
    which = [each for start, stop in zip(low.tolist(), high.tolist(), strict=True) for each in range(start, stop)]
    return [bytes(raw[int(edges[each]) + 4 : int(edges[each + 1])]) for each in which]


def _cut(values: Values, low: Positions, high: Positions) -> Values:
    if isinstance(values, list):
        found = list(values)
        for start, stop in zip(low.tolist()[::-1], high.tolist()[::-1], strict=True):
            del found[start:stop]
        return found
    result: npt.NDArray[Any] = cut(values, low, high)
    return result


def _pick(values: Values, low: Positions, high: Positions) -> Values:
    pairs = list(zip(low.tolist(), high.tolist(), strict=True))
    if isinstance(values, list):
        return [value for start, stop in pairs for value in values[start:stop]]
    return np.concatenate([values[:0], *(values[start:stop] for start, stop in pairs)])


def decode(encoding: int, leaf: SchemaLeaf, body: Bytes, count: int) -> Values:
    """All values of a page that does not use a dictionary. Raises CouldNotLook for encodings that are not known."""
    if count == 0:
        return [] if leaf.physical == BYTE_ARRAY else fixed(leaf, b"")
    if encoding == PLAIN:
        return _plain(leaf, body, count)
    if encoding == RLE and leaf.physical == BOOLEAN:
        return HybridRuns(body[4:], count, 1).expand()
    if encoding == STREAM_SPLIT and leaf.physical != BYTE_ARRAY:
        return fixed(leaf, np.ascontiguousarray(body[: count * size_of(leaf)].reshape(size_of(leaf), count).T))
    if encoding == DELTA and leaf.physical in {INT32, INT64}:
        numbers = _exactly(undelta(body, 8 * SIZES[leaf.physical])[0], count)
        return np.asarray(numbers.astype(f"<i{SIZES[leaf.physical]}").view(number_type(leaf)))
    if encoding == DELTA_LENGTH and leaf.physical == BYTE_ARRAY:
        return _by_lengths(body, count)[0]
    if encoding == DELTA_BYTES and leaf.physical in {BYTE_ARRAY, FIXED}:
        return _shared_prefixes(leaf, body, count)
    raise CouldNotLook("a Parquet file uses an encoding that is not known here", help="erase with the program that wrote it")


def _exactly(values: Any, count: int) -> Any:
    if len(values) != count:
        raise corrupt("a page has too few values")
    return values


def _plain(leaf: SchemaLeaf, body: Bytes, count: int) -> Values:
    if leaf.physical == BOOLEAN:
        return unpack(body, count, 1)
    if leaf.physical == BYTE_ARRAY:
        edges = ends(body, count)
        return _strings(body, edges, np.zeros(1, np.int64), np.array([count]))
    size = size_of(leaf)
    if count * size > len(body):
        raise corrupt("a page has too few values")
    return fixed(leaf, body[: count * size])


def _by_lengths(body: Bytes, count: int) -> tuple[list[bytes], int]:
    lengths, at = undelta(body, 32)
    stops = np.cumsum(_exactly(lengths, count)) + at
    if (lengths < 0).any() or int(stops[-1]) > len(body):
        raise corrupt("a page has too few values")
    raw = body.data
    return [bytes(raw[stop - length : stop]) for stop, length in zip(stops.tolist(), lengths.tolist(), strict=True)], int(stops[-1])


def _shared_prefixes(leaf: SchemaLeaf, body: Bytes, count: int) -> Values:
    prefixes, at = undelta(body, 32)
    suffixes, _ = _by_lengths(body[at:], count)
    values: list[bytes] = []
    last = b""
    for prefix, suffix in zip(_exactly(prefixes, count).tolist(), suffixes, strict=True):
        last = last[:prefix] + suffix
        values.append(last)
    return values if leaf.physical == BYTE_ARRAY else fixed(leaf, b"".join(values))


def encode(encoding: int, leaf: SchemaLeaf, values: Values) -> list[Buffer]:
    """The values of a page in an encoding that :func:`decode` knows."""
    if isinstance(values, list) or encoding == DELTA_BYTES:
        return _encoded_strings(encoding, values if isinstance(values, list) else [value.tobytes() for value in values])
    if encoding == STREAM_SPLIT:
        return [np.ascontiguousarray(np.ascontiguousarray(values).view(np.uint8).reshape(len(values), size_of(leaf)).T).tobytes()]
    if encoding == DELTA:
        numbers = values.view(f"<i{SIZES[leaf.physical]}").astype(np.int64)
        return [delta(numbers, 8 * SIZES[leaf.physical])]
    if leaf.physical == BOOLEAN:
        if encoding == RLE:
            packed = hybrid(values, 1)
            return [len(packed).to_bytes(4, "little"), packed]
        return [pack(values, 1)]
    return [values.tobytes()]


def _encoded_strings(encoding: int, values: Sequence[bytes]) -> list[Buffer]:
    if encoding == PLAIN:
        return [part for value in values for part in (len(value).to_bytes(4, "little"), value)]
    prefixes: list[bytes] = []
    if encoding == DELTA_BYTES:
        shared = [_shared(before, each) for before, each in zip([b"", *values], values, strict=False)]
        prefixes = [delta(np.array(shared, np.int64), 32)]
        values = [each[length:] for each, length in zip(values, shared, strict=True)]
    return [*prefixes, delta(np.array([len(value) for value in values], np.int64), 32), *values]


def _shared(first: bytes, second: bytes) -> int:
    most = min(len(first), len(second))
    return next((at for at in range(most) if first[at] != second[at]), most)
