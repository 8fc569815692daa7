"""Undo the encodings of Parquet (``Encodings.md``) that cut values up or put them in another sequence.

Nothing here trusts a length: values that do not fit raise Broken.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from expunge.residue.formats.decoders import Broken
from expunge.residue.formats.parquet_thrift import ThriftReader

PLAIN, PLAIN_DICTIONARY, DELTA_PACKED, DELTA_LENGTH, DELTA_BYTES, RLE_DICTIONARY, SPLIT = 0, 2, 5, 6, 7, 8, 9
BYTE_ARRAY, FIXED = 6, 7
WIDTHS = {1: 4, 2: 8, 3: 12, 4: 4, 5: 8}
"""Bytes of a value of each physical type that has a fixed number of them."""
WORD = 40
"""Bytes of the longest value of a dictionary of words."""
_FEWEST_WORDS = 6
_MOST_WORDS = 1 << 17
_BATCH = 1 << 20
_MOST = 1 << 24
_EQUAL = 64
_LETTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'.,?!-" + bytes(range(0x80, 0x100))


def unpack(data: bytes, at: int, count: int, width: int) -> npt.NDArray[np.uint64]:
    """``count`` numbers of ``width`` bits each (0 to 64), lowest bit first, from offset ``at``."""
    if width > 64 or count > _MOST or at + (count * width + 7) // 8 > len(data):
        raise Broken
    if not width:
        return np.zeros(count, dtype=np.uint64)
    part = np.frombuffer(data[at : at + (count * width + 7) // 8] + bytes(9), dtype=np.uint8)
    words: npt.NDArray[np.uint64] = np.ndarray((part.size - 7,), dtype="<u8", buffer=part, strides=(1,))
    bits = np.arange(count, dtype=np.int64) * width
    first, shift = bits >> 3, (bits & 7).astype(np.uint64)
    out: npt.NDArray[np.uint64] = words[first] >> shift
    if width > 56:
        high = shift > 0
        out[high] |= part[first[high] + 8].astype(np.uint64) << (np.uint64(64) - shift[high])
    return out & np.uint64((1 << width) - 1)


def indices(data: bytes, at: int, count: int) -> npt.NDArray[np.int64]:
    """Places in the dictionary: a byte with the width, then runs of equal numbers and packed ones in turn. At most ``count``."""
    # no window spans more than so many equal values
    parts = [np.repeat(numbers, min(times, _EQUAL)) for numbers, times in coded(data, at, count)]
    return np.concatenate(parts) if parts else np.empty(0, dtype=np.int64)


def shown(data: bytes, at: int, count: int) -> npt.NDArray[np.int64]:
    """Return the numbers of the values that :func:`indices` returns the places of: it leaves out most of a long run of equal ones."""
    parts: list[npt.NDArray[np.int64]] = []
    first = 0
    for numbers, times in coded(data, at, count):
        parts.append(np.arange(first, first + numbers.size * min(times, _EQUAL), dtype=np.int64))
        first += numbers.size * times
    return np.concatenate(parts) if parts else np.empty(0, dtype=np.int64)


def coded(data: bytes, at: int, count: int) -> Iterator[tuple[npt.NDArray[np.int64], int]]:
    """Yield (places in the dictionary, how many times each stands there) from a byte with their width on. At most ``count`` in all."""
    if at < len(data):
        yield from hybrid(data, at + 1, count, data[at])


def hybrid(data: bytes, at: int, count: int, width: int) -> Iterator[tuple[npt.NDArray[np.int64], int]]:
    """Yield (numbers of ``width`` bits, how many times each stands there): runs of equal numbers and packed ones in turn."""
    if width > 32:
        raise Broken
    reader = ThriftReader(data, at)
    left = min(count, _MOST)
    while left > 0 and reader.at < len(data):
        head = reader.varint()
        if head & 1:
            groups = min(head >> 1, (left + 7) // 8)
            fit = (len(data) - reader.at) * 8 // width if width else groups * 8
            part = unpack(data, reader.at, min(groups * 8, left, fit), width).astype(np.int64)
            left -= part.size
            reader.at += groups * width
            if not part.size:
                break
            yield part, 1
        else:
            size = (width + 7) // 8
            value = int.from_bytes(data[reader.at : reader.at + size], "little")
            reader.at += size
            times = min(head >> 1, left)
            left -= times
            if times:
                yield np.full(1, value, dtype=np.int64), times


def words(dictionary: bytes) -> npt.NDArray[np.uint8] | None:
    """Return the values of a dictionary of words, each filled up with zeros to the same length; None for any other dictionary."""
    found: list[bytes] = []
    at = 0
    while at + 4 <= len(dictionary) and len(found) <= _MOST_WORDS:
        size = int.from_bytes(dictionary[at : at + 4], "little")
        if size > WORD:
            return None
        found.append(dictionary[at + 4 : at + 4 + size])
        at += 4 + size
    letters = sum(not each.translate(None, _LETTERS) for each in found)
    if not _FEWEST_WORDS <= len(found) <= _MOST_WORDS or 2 * letters < len(found):
        return None
    width = max(map(len, found)) + 1
    return np.frombuffer(b"".join([each.ljust(width, b"\0") for each in found]), np.uint8).reshape(-1, width)


def shows_words(entries: int, count: int) -> bool:
    """Return whether so many values of so many different words may be sentences: of a column of categories few are different."""
    return entries * entries >= count


def delta_packed(data: bytes, at: int) -> tuple[npt.NDArray[np.int64], int]:
    """Numbers of DELTA_BINARY_PACKED, and where they end."""
    reader = ThriftReader(data, at)
    block, minis, count, first = reader.varint(), reader.varint(), reader.varint(), reader.zigzag()
    if not block or not minis or block % minis or block > 1 << 20 or count > _MOST:
        raise Broken
    each = block // minis
    if not count:
        return np.empty(0, dtype=np.int64), reader.at
    parts = [np.array([first & (1 << 64) - 1], dtype=np.uint64)]
    left = count - 1
    while left > 0:
        least = np.uint64(reader.zigzag() & (1 << 64) - 1)
        widths = data[reader.at : reader.at + minis]
        if len(widths) < minis:
            raise Broken
        reader.at += minis
        for width in widths:
            if left <= 0:
                break
            parts.append(unpack(data, reader.at, min(each, (len(data) - reader.at) * 8 // width if width else each), width)[:left] + least)
            if parts[-1].size < min(left, each):
                raise Broken
            reader.at += each * width // 8
            left -= parts[-1].size
    return np.cumsum(np.concatenate(parts), dtype=np.uint64).view(np.int64), reader.at


def delta_bytes(data: bytes, at: int) -> Iterator[list[bytes]]:
    """Decode values of DELTA_BYTE_ARRAY, in batches of about 1 MiB.

    Each value leaves out the prefix that it shares with the one before it.
    """
    prefixes, at = delta_packed(data, at)
    sizes, at = delta_packed(data, at)
    if prefixes.size != sizes.size or (sizes < 0).any() or (prefixes < 0).any():
        raise Broken
    before = b""
    batch: list[bytes] = []
    held = 0
    for prefix, size in zip(prefixes.tolist(), sizes.tolist(), strict=True):
        if prefix > len(before) or at + size > len(data):
            raise Broken
        before = before[:prefix] + data[at : at + size]
        at += size
        batch.append(before)
        held += len(before)
        if held >= _BATCH:
            yield batch
            batch, held = [], 0
    yield batch


def joined(data: bytes, width: int) -> bytes:
    """Undo BYTE_STREAM_SPLIT: the first bytes of all values, then all second bytes, and so on."""
    count = len(data) // width
    return np.frombuffer(data[: count * width], dtype=np.uint8).reshape(width, count).T.tobytes()
