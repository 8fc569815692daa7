"""A set of known passwords in a small file: a Golomb-coded set of SHA-1 prefixes, which can be asked without a connection (NST-06, NST-11).

The file is a head, an index of one entry for each block of values, and the values: differences, in Golomb-Rice code with a quotient in
unary and ``bits`` bits of remainder. A password that is in the set is always found; another one is taken for a known one with the
probability 2 ** -bits.
"""

from __future__ import annotations

import math
import struct
import unicodedata
from collections.abc import Iterable, Iterator
from hashlib import sha1
from typing import TypeAlias

Buffer: TypeAlias = bytes | memoryview
MAGIC = b"expunge-passwords/1\n"
_HEAD = struct.Struct(">20sBQQ")
"""Magic, bits, values, blocks."""
_ENTRY = struct.Struct(">QQ")
"""The value before a block, and the bit at which the block begins."""
_BLOCK = 256
_DIGEST_BITS = 64


class NotPasswords(ValueError):
    """A file that is no set of known passwords."""


def spelt(password: str) -> str:
    """Return a password in the form NFKC, in which it is hashed: keyboards write one character differently (SP 800-63B-4, 3.1.1.2)."""
    return unicodedata.normalize("NFKC", password)


def digest_prefix(password: str) -> int:
    """Return the first 64 bits of a password's SHA-1, the form in which lists of breached passwords are handed on."""
    return int.from_bytes(sha1(password.encode("utf-8", "surrogatepass"), usedforsecurity=False).digest()[:8])


def write_set(prefixes: Iterable[int], count: int, bits: int) -> Iterator[bytes]:
    """Yield the bytes of a set: its values first, the rest as the last piece, which belongs before them.

    Args:
        prefixes: the first 64 bits of SHA-1 digests, ascending; repeated ones count once.
        count: how many there are, which may be too many by repeated ones.
        bits: bits of a remainder: one password in ``2 ** bits`` is wrongly found.

    Raises:
        ValueError: prefixes descend.
    """
    packed, length, position = 0, 0, 0
    index, blocks = bytearray(), 0
    earlier, last, values = 0, -1, 0
    for prefix in prefixes:
        if prefix < last:
            raise ValueError("the digests do not ascend: sort the file first")
        value = _scaled(prefix, count, bits)
        if prefix == last or (values and value == earlier):
            last = prefix
            continue
        last = prefix
        if values % _BLOCK == 0:
            index += _ENTRY.pack(earlier, position)
            blocks += 1
        quotient, remainder = divmod(value - earlier, 1 << bits)
        width = quotient + 1 + bits
        packed = (packed << width) | (((1 << quotient) - 1) << (bits + 1)) | remainder
        length, position, earlier, values = length + width, position + width, value, values + 1
        if length >= 1 << 13:
            whole = length // 8
            yield (packed >> (length - whole * 8)).to_bytes(whole)
            length -= whole * 8
            packed &= (1 << length) - 1
    if length:
        pad = -length % 8
        yield (packed << pad).to_bytes((length + pad) // 8)
    yield _HEAD.pack(MAGIC, bits, count, blocks) + bytes(index)


class KnownPasswords:
    """A set of known passwords, read where it lies."""

    def __init__(self, content: Buffer) -> None:
        """Take the file's bytes, or a map of them into memory. Raises NotPasswords."""
        self._bytes = memoryview(content)
        try:
            magic, self.bits, self.count, self._blocks = _HEAD.unpack_from(self._bytes)
        except struct.error as error:
            raise NotPasswords("the file of known passwords is too short") from error
        self._values = _HEAD.size + self._blocks * _ENTRY.size
        if magic != MAGIC or len(self._bytes) < self._values or not 1 <= self.bits <= 40:
            raise NotPasswords("the file is no set of known passwords of this version")

    def __contains__(self, password: object) -> bool:
        """Return whether a password is known: always for one of the set, for one in ``2 ** bits`` others by chance."""
        if not isinstance(password, str) or not self._blocks:
            return False
        wanted = _scaled(digest_prefix(password), self.count, self.bits)
        low, high = 0, self._blocks
        while high - low > 1:
            middle = (low + high) // 2
            if self._entry(middle)[0] < wanted:
                low = middle
            else:
                high = middle
        return wanted in self._block(low)

    def _entry(self, number: int) -> tuple[int, int]:
        before, bit = _ENTRY.unpack_from(self._bytes, _HEAD.size + number * _ENTRY.size)
        return int(before), int(bit)

    def _block(self, number: int) -> Iterator[int]:
        value, begin = self._entry(number)
        end = self._entry(number + 1)[1] if number + 1 < self._blocks else (len(self._bytes) - self._values) * 8
        raw = self._bytes[self._values + begin // 8 : self._values + math.ceil(end / 8)]
        text = format(int.from_bytes(raw), f"0{len(raw) * 8}b") if raw else ""
        at, limit = begin % 8, begin % 8 + end - begin
        for _ in range(_BLOCK):
            stop = text.find("0", at)
            if stop < 0 or stop + 1 + self.bits > limit:
                return
            value += ((stop - at) << self.bits) + int(text[stop + 1 : stop + 1 + self.bits], 2)
            yield value
            at = stop + 1 + self.bits


def _scaled(prefix: int, count: int, bits: int) -> int:
    return (prefix * (count << bits)) >> _DIGEST_BITS
