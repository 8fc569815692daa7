"""Bytes that no structure explains: text, zeros, what looks like noise, and the rest.

Text counts in the encodings that the scan has a form for: ASCII, UTF-8, UTF-16, Latin-1 and Windows-1252. Text in any of them is text
whatever it says, so base64 of noise is text here: whoever decodes such runs has to judge what comes out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

BLOCK = 1 << 16
"""Bytes that are judged together."""
ROW = 64
"""Bytes that count or do not: shorter runs never do."""
_DENSE_BITS = 7.9
"""Bits a byte from which on bytes look like noise: vectors of floats have up to 7.6, what is encrypted has 7.95."""
_DENSE_LEAST = 4096
"""Bytes that it takes to tell."""
_SAMPLE = 1 << 14
_GLANCE = 256
_ZEROS = re.compile(rb"\0{32,}")
"""Zeros that are explained among other bytes, as where a log was torn."""
_FEW_CONTROLS = 3
"""Control characters of a row of text: a log may be torn, or coloured."""
_MOST_HIGH = 24
"""Bytes beyond ASCII in a row of single-byte text. EBCDIC has more, and so has text in alphabets that the scan has no form for."""

_PLAIN = bytes([7, 8, 9, 10, 11, 12, 13, 27, *range(32, 127)])
_HIGH = bytes(range(128, 256))
_FOLLOWING = bytes(range(0x80, 0xC0))
_PRINTED = _PLAIN + _HIGH
_IS_CONTROL = np.array([(byte < 32 and byte not in _PLAIN) or byte == 127 for byte in range(256)], dtype=np.uint8)


@dataclass
class Unread:
    """Bytes that nothing explains."""

    opaque: int = 0
    """Those that look like noise, or are refused: encrypted, damaged, packed in an unknown way."""
    unknown: int = 0

    def add(self, other: Unread) -> None:
        """Add those of another run."""
        self.opaque += other.opaque
        self.unknown += other.unknown

    @property
    def counts(self) -> bool:
        """Whether there are enough to count."""
        return self.opaque + self.unknown >= ROW


def is_dense(data: bytes) -> bool:
    """Return whether some bytes look like noise."""
    if len(data) < _DENSE_LEAST:
        return False
    counts = np.bincount(np.frombuffer(data, dtype=np.uint8), minlength=256)
    shares = counts[counts > 0] / len(data)
    return float(-(shares * np.log2(shares)).sum()) >= _DENSE_BITS


def is_plain(block: bytes) -> bool:
    """Return whether a block is text in ASCII or UTF-8, or nothing but zeros."""
    if block[:_GLANCE].strip(b"\0").translate(None, _PRINTED):
        return False
    if not block.translate(None, _PLAIN):
        return True
    return not block.strip(b"\0") or (not block.translate(None, _PRINTED) and _is_utf_8(block))


def judge(block: bytes) -> Unread:
    """Judge a block, of at most :data:`BLOCK` bytes, that no structure explains."""
    if is_dense(block[:_SAMPLE]):
        return Unread(opaque=len(block))
    beyond = block.translate(None, _PLAIN)
    if not beyond:
        return Unread()
    if not beyond.translate(None, b"\0") and len(beyond) == len(block):
        return Unread()
    high_only = not beyond.translate(None, _HIGH)
    if high_only and _is_utf_8(block):
        return Unread()
    if not high_only and _is_utf_16(block):
        return Unread()
    odd = _odd_rows(block, single_byte=not _is_utf_8(block))
    if not odd:
        return Unread()
    return Unread(unknown=min(len(block), odd * ROW))


def named(block: bytes) -> Unread:
    """Judge a block of a format that is known by name alone: noise in it is noise all the same."""
    return Unread(opaque=len(block)) if is_dense(block[:_SAMPLE]) else Unread()


def _is_utf_8(block: bytes) -> bool:
    """Return whether a block is part of a text in UTF-8: it may begin and end within a character."""
    head = block[:3].lstrip(_FOLLOWING) + block[3:]
    try:
        head.decode()
    except UnicodeDecodeError as error:
        return error.reason == "unexpected end of data" and error.start > len(head) - 4
    return True


def _is_utf_16(block: bytes) -> bool:
    if len(block) < 4:
        return False
    even = block[: len(block) // 2 * 2]
    marked = even[:2] in (b"\xff\xfe", b"\xfe\xff")
    for codec in ("utf-16-le", "utf-16-be"):
        try:
            text = even[2 * marked :].decode(codec)
        except UnicodeDecodeError as error:
            if error.start < len(even) - 4:
                continue
            text = even[2 * marked : error.start].decode(codec)
        if not text.translate(_WHITE).isprintable() or not text:
            continue
        # Why: bytes of a single-byte code decode as ideographs by chance; text of people has spaces, or characters of few kinds
        if marked or any(each in text for each in " \n,.0") or len({ord(each) >> 8 for each in text}) * 8 < len(text):
            return True
    return False


_WHITE = {9: " ", 10: " ", 11: " ", 12: " ", 13: " ", 27: " ", 0xA0: " ", 0x2028: " ", 0x2029: " ", 0x3000: " ", 0xFEFF: " ", 0xAD: " "}


def _odd_rows(block: bytes, *, single_byte: bool) -> int:
    """Count the rows that are no text, and not one byte again and again."""
    data = np.frombuffer(_ZEROS.sub(b"", block), dtype=np.uint8)
    whole = len(data) // ROW * ROW
    odd = _odd(data[:whole].reshape(-1, ROW), single_byte=single_byte) if whole else 0
    rest = data[whole:]
    if len(rest) >= ROW // 4:
        odd += _odd(rest.reshape(1, -1), single_byte=single_byte)
    return odd


def _odd(rows: npt.NDArray[np.uint8], *, single_byte: bool) -> int:
    width = rows.shape[1]
    controls = _IS_CONTROL[rows].sum(axis=1)
    odd = controls * ROW > _FEW_CONTROLS * width
    if single_byte:
        odd |= (rows >= 0x80).sum(axis=1) * ROW > _MOST_HIGH * width
    return int(np.count_nonzero(odd & (rows.max(axis=1) != rows.min(axis=1))))
