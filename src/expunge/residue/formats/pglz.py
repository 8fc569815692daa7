"""Decode bytes that PostgreSQL compressed, as far as they go: pglz (its own method) and raw LZ4 blocks.

Neither has a magic or a checksum, so bytes that only look compressed, and values that were overwritten in part, are met all the time. A
decoder here never raises and never reads or refers outside of its input. It returns the decoded bytes and whether all of the input fitted.

pglz (PostgreSQL, ``src/common/pg_lzcompress.c``): a control byte, then eight items, lowest bit first. 0 is one literal byte. 1 is a match
of two bytes, length - 3 in four bits and the distance (1 to 4095) in twelve, with a third byte of further length when all four are set.
"""

from __future__ import annotations

import lz4.block

from expunge.residue.formats.decoders import Piece

PGLZ, LZ4 = 0, 1
"""The two bits in which a value says how it is compressed (``varatt.h``, ``va_tcinfo``)."""
MOST = {PGLZ: 92, LZ4: 256}
"""More bytes than this never come out of one that goes in."""
_TRIED = 1 << 12
"""Bytes that are tried before much memory is asked for."""


def _runs(control: int) -> tuple[tuple[int, ...], int]:
    """The literals before each match, and those after the last."""
    before, count = [], 0
    for bit in range(8):
        if control >> bit & 1:
            before.append(count)
            count = 0
        else:
            count += 1
    return tuple(before), count


_RUNS = tuple(_runs(control) for control in range(256))


def unpack(data: Piece, size: int, method: int) -> tuple[bytes, bool]:
    """Decode one value.

    Args:
        data: the compressed bytes, without any header.
        size: bytes that it decodes to.
        method: ``PGLZ`` or ``LZ4``.

    Returns:
        At most ``size`` bytes, and whether they are the whole value and ``data`` was used up exactly.
    """
    if method == PGLZ:
        return pglz(data, size)
    if size > _TRIED and not lz4_prefix(data[:_TRIED], size)[1]:
        return b"", False
    try:
        out = lz4.block.decompress(data, uncompressed_size=size)
    except (lz4.block.LZ4BlockError, ValueError, MemoryError, OverflowError):
        return lz4_prefix(data, size)[0], False
    return out, len(out) == size


def pglz(data: Piece, size: int) -> tuple[bytes, bool]:
    """Decode pglz; see :func:`unpack`."""
    source = bytes(data)
    out = bytearray()
    at, end, whole = 0, len(source), True
    try:
        while at < end and len(out) < size:
            control = source[at]
            at += 1
            if not control:
                out += source[at : at + 8]
                at += 8
                continue
            before, after = _RUNS[control]
            for count in before:
                if count:
                    out += source[at : at + count]
                    at += count
                first = source[at]
                distance = (first & 0xF0) << 4 | source[at + 1]
                length = (first & 0x0F) + 3
                at += 2
                if length == 18:
                    length += source[at]
                    at += 1
                start = len(out) - distance
                if start < 0 or not distance:
                    return bytes(out[:size]), False
                if distance >= length:
                    out += out[start : start + length]
                else:
                    out += (out[start:] * (length // distance + 1))[:length]
            if after:
                out += source[at : at + after]
                at += after
    except IndexError:
        # it ends within a match
        whole = False
    return bytes(out[:size]), whole and len(out) == size and at >= end


def lz4_prefix(data: Piece, size: int) -> tuple[bytes, bool]:
    """Return the bytes to which a damaged or cut LZ4 block decodes, and whether it breaks only at its end.

    The library gives nothing of such a block.
    """
    source = bytes(data)
    out = bytearray()
    at, end = 0, len(source)
    try:
        while at < end and len(out) < size:
            token = source[at]
            at += 1
            count, at = _length(source, at, token >> 4)
            out += source[at : at + count]
            at += count
            if at >= end:
                break
            distance = source[at] | source[at + 1] << 8
            count, at = _length(source, at + 2, token & 15)
            count = min(count + 4, size - len(out))
            start = len(out) - distance
            if start < 0 or not distance:
                return bytes(out[:size]), False
            out += out[start : start + count] if distance >= count else (out[start:] * (count // distance + 1))[:count]
    except IndexError:
        pass
    return bytes(out[:size]), True


def _length(source: bytes, at: int, count: int) -> tuple[int, int]:
    if count == 15:
        while True:
            more = source[at]
            at += 1
            count += more
            if more != 255:
                break
    return count, at
