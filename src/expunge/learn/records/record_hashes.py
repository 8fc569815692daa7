"""Hashes of a set of records: collision-free ones of contents, and keyed ones of names and subjects, which decide placement.

Hashes that must not collide are SHA-256. Hashes that only have to be keyed and quick (a sequence, a place) are SipHash-2-4 under a key of
its own for each purpose, many at once. Cf. Aumasson and Bernstein, *SipHash: a fast short-input PRF*, INDOCRYPT 2012.
"""

from __future__ import annotations

import functools
import hmac
import struct
from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b, sha256
from itertools import pairwise
from typing import Any

import numpy as np

TAG = 16
"""Bytes of a subject's tag."""
CONTENT = 32
"""Bytes of a content hash."""
_TOGETHER = 1 << 18
"""Bytes that are put together at a time, so that they stay in the processor's cache."""
_LANES = 1 << 12
"""Numbers that are mixed at a time, for the same reason."""
_FEW = 64
"""Labels of text that are hashed one after the other, each over all of its rows."""
_LONG = 64
"""Names of more bytes are mixed by their SHA-256."""


# ---- subjects ------------------------------------------------------------------------------------------------------


def tag(key: bytes, subject: str) -> bytes:
    """Return the keyed tag of a subject, 16 bytes."""
    return tags(key, (subject,))[0]


def tags(key: bytes, subjects: Iterable[str]) -> list[bytes]:
    """Return the keyed tags of several."""
    keyed, found = _keyed(key), []
    for subject in subjects:
        state = keyed.copy()
        state.update(subject.encode("utf-8", "surrogatepass"))
        found.append(state.digest())
    return found


@functools.lru_cache(maxsize=8)
def _keyed(key: bytes) -> blake2b:
    # Why hashed before: a key may be longer than BLAKE2 takes.
    return blake2b(digest_size=TAG, key=sha256(b"expunge.learn subjects\0" + key).digest())


# ---- contents ------------------------------------------------------------------------------------------------------


def contents(features: Any, labels: np.ndarray | None) -> np.ndarray:
    """Content hash of each row: (n, 32) uint8, SHA-256 over its features and its label.

    Args:
        features: (n, ...) array of the type that the estimator learns from, or of text; or a CSR matrix with sorted indices. Without -0.0,
            see :func:`expunge.learn.base.fixed_point.without_negative_zeros`.
        labels: (n,) or (n, t) array, or None. Numbers count by value (1 and 1.0 are the same label), text as it is.
    """
    n = features.shape[0]
    if not n:
        return np.empty((0, CONTENT), np.uint8)
    ends = _labels(labels, n)
    if hasattr(features, "indptr") or features.dtype.kind == "U":
        return _digests(map(bytes.__add__, _rows(features, n), ends if isinstance(ends, list) else map(bytes, ends)))
    rows = np.ascontiguousarray(features).reshape(n, -1)
    flat = rows.view(np.uint8) if rows.size else np.empty((n, 0), np.uint8)
    if isinstance(ends, np.ndarray):
        return _alike(flat, ends)
    kinds = {each: number for number, each in enumerate(dict.fromkeys(ends))}
    if len(kinds) > _FEW:
        return _digests(map(bytes.__add__, map(bytes, flat), ends))
    found, which = np.empty((n, CONTENT), np.uint8), np.fromiter(map(kinds.__getitem__, ends), np.int64, n)
    for each, number in kinds.items():
        there = np.flatnonzero(which == number)
        found[there] = _alike(np.take(flat, there, axis=0), np.broadcast_to(np.frombuffer(each, np.uint8), (len(there), len(each))))
    return found


def _alike(flat: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Hashes of (n, size) bytes, each with its (n, k) bytes behind it."""
    n, size = flat.shape
    width = size + ends.shape[1]
    if not width:
        return _digests([b""] * n)
    step = max(1, _TOGETHER // width)
    held, parts = np.empty((min(step, n), width), np.uint8), []
    for start in range(0, n, step):
        some = held[: min(step, n - start)]
        some[:, :size] = flat[start : start + step]
        some[:, size:] = ends[start : start + step]
        parts += [sha256(row).digest() for (row,) in struct.iter_unpack(f"{width}s", some.data)]
    return np.frombuffer(b"".join(parts), np.uint8).reshape(n, CONTENT)


def _digests(rows: Iterable[bytes]) -> np.ndarray:
    return np.frombuffer(b"".join([sha256(row).digest() for row in rows]), np.uint8).reshape(-1, CONTENT)


def _rows(features: Any, n: int) -> Iterator[bytes]:
    if hasattr(features, "indptr"):
        starts = features.indptr.tolist()
        where, values = features.indices.astype(np.int64, copy=False).tobytes(), np.ascontiguousarray(features.data)
        size, held = values.itemsize, values.tobytes()
        for start, end in pairwise(starts):
            yield where[8 * start : 8 * end] + held[size * start : size * end]
    else:
        # Why not the bytes of the array: a text takes as many as the longest one beside it.
        for values in features.reshape(n, -1).tolist():
            texts = [value.encode("utf-8", "surrogatepass") for value in values]
            yield b"".join(len(text).to_bytes(8, "big") + text for text in texts)


def _labels(labels: np.ndarray | None, n: int) -> np.ndarray | list[bytes]:
    """What is put behind each row: as many bytes for each, (n, k), or others for each."""
    if labels is None:
        return np.empty((n, 0), np.uint8)
    if labels.ndim == 2:
        return _marked("|", labels)
    if labels.dtype.kind in "biuf":
        numbers = labels.astype(np.float64)
        exact = _marked("n", numbers[:, None])
        large = np.flatnonzero(np.abs(numbers) >= 2**53) if labels.dtype.kind in "iu" else ()
        if not len(large):
            return exact
        # Whole numbers that no float can tell apart.
        found = list(map(bytes, exact))
        for row in large:
            found[row] = b"i" + str(labels[row]).encode()
        return found
    given = labels.tolist()
    known = {each: b"t" + str(each).encode("utf-8", "surrogatepass") for each in dict.fromkeys(given)}
    return list(map(known.__getitem__, given))


def _marked(mark: str, numbers: np.ndarray) -> np.ndarray:
    bits = np.ascontiguousarray(numbers, np.float64).view(np.uint8) if numbers.size else np.empty((len(numbers), 0), np.uint8)
    return np.hstack([np.full((len(numbers), 1), ord(mark), np.uint8), bits])


# ---- orders and places ---------------------------------------------------------------------------------------------


def place(key: bytes, context: str, name: bytes) -> int:
    """Return a keyed number of 64 bits, from HMAC: a seed."""
    return int.from_bytes(hmac.digest(key, context.encode() + b"\0" + name, "sha256")[:8], "big")


def named(key: bytes, context: str, names: Sequence[bytes]) -> np.ndarray:
    """Return a keyed number of 64 bits for each name, (n,) uint64, by a key of its own for the context."""
    found, secret = np.empty(len(names), np.uint64), _secret(key, context)
    for start in range(0, len(names), _LANES):
        some = names[start : start + _LANES]
        sizes = np.fromiter(map(len, some), np.int64, len(some))
        if sizes.max() > _LONG:
            some = [each if len(each) <= _LONG else sha256(each).digest() for each in some]
            sizes = np.fromiter(map(len, some), np.int64, len(some))
        # Shorter ones at the end, so that each step takes a piece of all that are left.
        order = np.argsort(-(sizes // 8), kind="stable")
        width = 8 * (int(sizes.max()) // 8 + 1)
        words = np.array(some, f"S{width}").view("<u8").reshape(len(some), -1)[order].astype(np.uint64, copy=False)
        found[start + order] = _siphash(secret, words, sizes[order])
    return found


def numbered(key: bytes, context: str, words: np.ndarray) -> np.ndarray:
    """Return the same of (n, w) uint64: each row of words is a name of 8 w bytes, little-endian."""
    found, secret = np.empty(len(words), np.uint64), _secret(key, context)
    for start in range(0, len(words), _LANES):
        some = words[start : start + _LANES]
        found[start : start + _LANES] = _siphash(secret, some, np.full(len(some), 8 * words.shape[1]))
    return found


def _secret(key: bytes, context: str) -> tuple[int, int]:
    found = hmac.digest(key, context.encode(), "sha256")
    return int.from_bytes(found[:8], "little"), int.from_bytes(found[8:16], "little")


def _siphash(secret: tuple[int, int], words: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """SipHash-2-4 of (n,) messages of ``sizes`` bytes, in little-endian words with zeros behind them; those of more words come first."""
    n, whole = len(words), sizes // 8
    one, two = (np.uint64(each) for each in secret)
    starts = (0x736F6D6570736575, 0x646F72616E646F6D, 0x6C7967656E657261, 0x7465646279746573)
    state = np.empty((4, n), np.uint64)
    for number, (start, by) in enumerate(zip(starts, (one, two, one, two), strict=True)):
        state[number] = np.uint64(start) ^ by
    spare = np.empty(n, np.uint64)
    for number in range(int(whole.max(initial=0))):
        left = int(np.searchsorted(-whole, -number, "left"))
        _taken(state[:, :left], words[:left, number], spare[:left])
    last = (sizes & 255).astype(np.uint64) << np.uint64(56)
    for size in np.unique(whole[sizes % 8 > 0]).tolist():
        there = (whole == size) & (sizes % 8 > 0)
        last[there] |= words[there, size]
    _taken(state, last, spare)
    state[2] ^= np.uint64(0xFF)
    for _ in range(4):
        _round(state, spare)
    return np.asarray(state[0] ^ state[1] ^ state[2] ^ state[3])


def _taken(state: np.ndarray, words: np.ndarray, spare: np.ndarray) -> None:
    state[3] ^= words
    _round(state, spare)
    _round(state, spare)
    state[0] ^= words


def _round(state: np.ndarray, spare: np.ndarray) -> None:
    for into, by, first, second in ((0, 1, 13, 32), (2, 3, 16, 0), (0, 3, 21, 0), (2, 1, 17, 32)):
        state[into] += state[by]
        _turn(state[by], first, spare)
        state[by] ^= state[into]
        if second:
            _turn(state[into], second, spare)


def _turn(numbers: np.ndarray, bits: int, spare: np.ndarray) -> None:
    """Rotate left."""
    np.left_shift(numbers, np.uint64(bits), out=spare)
    np.right_shift(numbers, np.uint64(64 - bits), out=numbers)
    np.bitwise_or(numbers, spare, out=numbers)
