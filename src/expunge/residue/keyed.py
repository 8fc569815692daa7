"""The keyed fingerprint of a window: a cheap anchor to find candidates by, and a digest that decides.

The anchor is a multiply-shift hash of one or two 64-bit words: fast at every offset of a buffer, but not a pseudo-random function. So it is
only ever compared in memory; what is stored is masked under the key (``core.traces.dump``). The digest is keyed BLAKE2b (RFC 7693).
"""

from __future__ import annotations

from hashlib import blake2b

MASK = 2**64 - 1
HIGH = 0xFFFFFFFF_00000000
MAX_LENGTH = 64
"""No window is longer, so that a reader of chunks need not keep more than this."""


class Secret:
    """The subkeys of one 32-byte trace key. Raises ValueError for a key of another size."""

    def __init__(self, key: bytes) -> None:
        if len(key) != 32:
            message = "a trace key has 32 bytes"
            raise ValueError(message)
        words = blake2b(b"anchor", key=key, person=b"expunge/trace/1", digest_size=32).digest()
        self.times_a = int.from_bytes(words[8:16], "little") | 1
        self.flip_b = int.from_bytes(words[16:24], "little")
        self.times_b = int.from_bytes(words[24:32], "little") | 1
        self._digest_key = blake2b(b"digest", key=key, person=b"expunge/trace/1", digest_size=32).digest()

    def anchor(self, window: bytes, width: int) -> int:
        """Hash the first ``width`` (8 or 16) bytes.

        The upper half depends on the first 8 bytes alone for both widths, so that one table look-up per offset serves both.
        """
        first = (int.from_bytes(window[0:8], "little") * self.times_a) & MASK
        if width == 8:
            return first
        second = ((int.from_bytes(window[8:16], "little") ^ self.flip_b) * self.times_b) & MASK
        return (first & HIGH) | (((first + second) & MASK) >> 32)

    def digest(self, window: bytes) -> bytes:
        """The 16 bytes that decide whether a window is the traced one."""
        return blake2b(window, key=self._digest_key, digest_size=16).digest()
