"""Undo the filters of streams in PDF files (ISO 32000-1, 7.4)."""

from __future__ import annotations

import base64
import binascii
import re
import zlib

_CLEAR, _END = 256, 257
_WIDEST = 12
FLATE = frozenset({b"FlateDecode", b"Fl"})
_EARLY = re.compile(rb"/EarlyChange\s+0")
_PREDICTOR = re.compile(rb"/Predictor\s+(\d+)")


class Refused(Exception):
    """A stream does not decode, or has a filter that is not known."""


def undone(data: bytes, names: list[bytes], said: bytes, most: int) -> bytes:
    """Return what a stream holds, as far as it is allowed: ``names`` of its filters, ``said`` in its dictionary. Raises Refused."""
    for name in names:
        try:
            data = _undone(data, name, said, most)
        except (zlib.error, ValueError) as error:
            raise Refused from error
    return data


def whole(data: bytes, names: list[bytes], most: int) -> bytes:
    """Return all that a stream holds, where its filters take all of it; rows keep what a predictor made of them.

    Raises:
        Refused: a filter is not known, or does not end with the stream, or it holds more than ``most`` bytes.
    """
    for name in names:
        data = _inflated(data, most) if name in FLATE else undone(data, [name], b"", most)
        if len(data) > most:
            raise Refused
    return data


def _inflated(data: bytes, most: int) -> bytes:
    unpacking = zlib.decompressobj()
    try:
        found = unpacking.decompress(data, most + 1)
    except zlib.error as error:
        raise Refused from error
    if not unpacking.eof or unpacking.unused_data.strip():
        raise Refused
    return found


def _undone(data: bytes, name: bytes, said: bytes, most: int) -> bytes:
    if name in {*FLATE, b"LZWDecode", b"LZW"} and any(int(each) > 1 for each in _PREDICTOR.findall(said)):
        raise Refused
    if name in FLATE:
        return zlib.decompressobj().decompress(data, max(1, most))
    if name in {b"LZWDecode", b"LZW"}:
        return _of_words(data, 0 if _EARLY.search(said) else 1, most)
    if name in {b"RunLengthDecode", b"RL"}:
        return _of_runs(data, most)
    if name in {b"ASCII85Decode", b"A85"}:
        return base64.a85decode(data.strip().removeprefix(b"<~").removesuffix(b"~>"))
    if name in {b"ASCIIHexDecode", b"AHx"}:
        digits = b"".join(data.partition(b">")[0].split())
        return binascii.unhexlify(digits + b"0" * (len(digits) % 2))
    raise Refused


def _of_words(data: bytes, early: int, most: int) -> bytes:
    """Return what LZW packed, with codes of 9 to 12 bits."""
    out = bytearray()
    words: list[bytes] = []
    bits, held, width, last = 0, 0, 9, b""
    plain = [bytes((each,)) for each in range(256)] + [b"", b""]
    for byte in data:
        bits, held = (bits << 8) | byte, held + 8
        if held < width:
            continue
        held -= width
        code, bits = bits >> held, bits & ((1 << held) - 1)
        if code == _END or len(out) > most:
            break
        if code == _CLEAR:
            words, width, last = [*plain], 9, b""
            continue
        if not words or code > len(words) or (code == len(words) and not last):
            raise ValueError(code)
        word = words[code] if code < len(words) else last + last[:1]
        out += word
        if last and len(words) < 1 << _WIDEST:
            words.append(last + word[:1])
        last = word
        if len(words) + early >= 1 << width and width < _WIDEST:
            width += 1
    return bytes(out)


def _of_runs(data: bytes, most: int) -> bytes:
    """Return what runs of equal and of other bytes say."""
    out, at = bytearray(), 0
    while at < len(data) and data[at] != 128 and len(out) <= most:
        length = data[at]
        if length < 128:
            out += data[at + 1 : at + 2 + length]
            at += 2 + length
        else:
            out += data[at + 1 : at + 2] * (257 - length)
            at += 2
    return bytes(out)
