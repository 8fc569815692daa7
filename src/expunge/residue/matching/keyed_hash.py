"""The keyed fingerprint of a window: a cheap anchor finds candidates, and a digest decides.

The anchor is a multiply-shift hash of one or two 64-bit words: fast at every offset of a buffer, but not a pseudo-random function. So it is
only ever compared in memory; the stored anchor is masked under the key (``core.evidence.traces.dump``). The digest is keyed
BLAKE2b (RFC 7693).
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
import numpy.typing as npt

MASK = 2**64 - 1
HIGH = 0xFFFFFFFF_00000000
_TO_END = np.uint64(48)
MAX_LENGTH = 64
"""No window is longer, so that a reader of chunks need not keep more than this."""


class Secret:
    """The subkeys of one 32-byte trace key. Raises ValueError for a key of another size."""

    def __init__(self, key: bytes) -> None:
        if len(key) != 32:
            message = "a trace key has 32 bytes"
            raise ValueError(message)
        words = blake2b(b"anchor", key=key, person=b"expunge/trace/1", digest_size=32).digest()
        self.times_end = int.from_bytes(words[0:8], "little") | 1
        self.times_a = int.from_bytes(words[8:16], "little") | 1
        self.flip_b = int.from_bytes(words[16:24], "little")
        self.times_b = int.from_bytes(words[24:32], "little") | 1
        digest_key = blake2b(b"digest", key=key, person=b"expunge/trace/1", digest_size=32).digest()
        self._keyed = blake2b(key=digest_key, digest_size=16)

    def anchor(self, window: bytes, width: int) -> int:
        """Hash the first ``width`` (8 or 16) bytes.

        The upper half depends on the first 8 bytes alone for both widths, so that one table look-up per offset serves both.
        """
        first = (int.from_bytes(window[0:8], "little") * self.times_a) & MASK
        if width == 8:
            return first
        second = ((int.from_bytes(window[8:16], "little") ^ self.flip_b) * self.times_b) & MASK
        return (first & HIGH) | (((first + second) & MASK) >> 32)

    def anchors(self, windows: Sequence[bytes]) -> list[int]:
        """Hash many windows of at least 8 bytes, each over its first 16 bytes if it has so many, else over 8."""
        joined = b"".join([window[:16].ljust(16, b"\0") for window in windows])
        words = np.frombuffer(joined, dtype="<u8").astype(np.uint64).reshape(-1, 2)
        first = words[:, 0] * np.uint64(self.times_a)
        second = (words[:, 1] ^ np.uint64(self.flip_b)) * np.uint64(self.times_b)
        wide = (first & np.uint64(HIGH)) | ((first + second) >> np.uint64(32))
        lengths = np.fromiter(map(len, windows), dtype=np.int64, count=len(windows))
        found: list[int] = np.where(lengths >= 16, wide, first).tolist()
        return found

    def ends(self, windows: Sequence[bytes]) -> list[int]:
        """Hash the last eight bytes of many windows of at least 8 bytes, to 16 bits that are never 0."""
        words = np.frombuffer(b"".join([window[-8:] for window in windows]), dtype="<u8")
        found: list[int] = self.end_of(words).tolist()
        return found

    def end_of(self, words: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
        """Hash words of eight bytes as :meth:`ends` does."""
        return (words * np.uint64(self.times_end) >> _TO_END) | np.uint64(1)

    def digest(self, window: bytes) -> bytes:
        """Return the 16 bytes that decide whether a window is the traced one."""
        keyed = self._keyed.copy()
        keyed.update(window)
        return keyed.digest()
