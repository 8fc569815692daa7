"""How far a picture, a recording or a film reaches, by its structure. What lies behind, and private parts in it, it does not explain."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator

from expunge.residue.formats.slices import Slice

Extent = tuple[int, list[tuple[int, int]]]
"""Where it ends, and the stretches before that which the structure does not explain."""
_READ = 1 << 20
_STANDALONE = frozenset({0x01, *range(0xD0, 0xD8)})
_JPEG_PARTS = frozenset({*range(0xC0, 0xD0), 0xDA, 0xDB, 0xDD, 0xDC, 0xDE, 0xDF, 0xFE, *range(0xE0, 0xF0)})
_APPLICATIONS = (
    b"JFIF\0", b"JFXX\0", b"Exif\0", b"http://ns.adobe.com/", b"ICC_PROFILE\0", b"MPF\0", b"Photoshop 3.0\0", b"Adobe", b"Ducky", b"FPXR",
)  # fmt: skip


def jpeg(source: Slice) -> Extent | None:
    """Return the extent of a JPEG file (ITU T.81, annex B)."""
    at, private = 2, list[tuple[int, int]]()
    while True:
        head = source.read_at(at, 4)
        if len(head) < 2 or head[0] != 0xFF:
            return (at, private) if at > 2 else None
        kind = head[1]
        if kind == 0xFF:
            at += 1
            continue
        if kind == 0xD9:
            return at + 2, private
        if kind in _STANDALONE:
            at += 2
            continue
        size = int.from_bytes(head[2:4], "big")
        if kind not in _JPEG_PARTS or size < 2 or at + 2 + size > source.size:
            return (at, private) if at > 2 else None
        if 0xE0 <= kind < 0xF0 and not source.read_at(at + 4, 32).startswith(_APPLICATIONS):
            private.append((at + 4, at + 2 + size))
        at += 2 + size
        if kind == 0xDA:
            at = _scan_end(source, at)


def _scan_end(source: Slice, at: int) -> int:
    """Return the place of the next marker behind packed samples, or the end."""
    while data := source.read_at(at, _READ):
        place = data.find(b"\xff")
        while 0 <= place < len(data) - 1:
            if data[place + 1] and not 0xD0 <= data[place + 1] < 0xD8:
                return at + place
            place = data.find(b"\xff", place + 2)
        if len(data) < 2:
            return at + len(data)
        at += len(data) - (1 if data[-1] == 0xFF else 0)
    return at


_PNG_PUBLIC = frozenset(
    b"IHDR PLTE IDAT IEND tRNS cHRM gAMA iCCP sBIT sRGB tEXt zTXt iTXt bKGD hIST pHYs sPLT tIME eXIf acTL fcTL fdAT cICP mDCv cLLi".split()
)


def png(source: Slice) -> Extent | None:
    """Return the extent of a PNG file (ISO 15948): its chunks have checksums, and its picture inflates."""
    at, private, inner = 8, list[tuple[int, int]](), zlib.decompressobj()
    while True:
        head = source.read_at(at, 8)
        size, kind = int.from_bytes(head[:4], "big"), head[4:]
        if len(head) < 8 or at + 12 + size > source.size:
            return (at, private) if at > 8 else None
        body = source.read_at(at + 8, size + 4)
        if zlib.crc32(body[:-4], zlib.crc32(kind)) != int.from_bytes(body[-4:], "big"):
            return (at, private) if at > 8 else None
        if kind not in _PNG_PUBLIC or (kind == b"IDAT" and not _inflates(inner, body[:-4])):
            private.append((at + 8, at + 8 + size))
        at += 12 + size
        if kind == b"IEND":
            return at, private


def _inflates(inner: object, data: bytes) -> bool:
    try:
        while data:
            inner.decompress(data, 1 << 18)  # type: ignore[attr-defined]
            data = inner.unconsumed_tail  # type: ignore[attr-defined]
    except zlib.error:
        return False
    return not inner.unused_data  # type: ignore[attr-defined]


def gif(source: Slice) -> Extent | None:
    """Return the extent of a GIF file (GIF89a)."""
    head = source.read_at(0, 13)
    if len(head) < 13:
        return None
    at = 13 + (3 << (head[10] & 7) + 1 if head[10] & 0x80 else 0)
    while True:
        kind = source.read_at(at, 10)
        if kind[:1] == b"\x3b":
            return at + 1, []
        if kind[:1] == b"\x21":
            at += 2
        elif kind[:1] == b"\x2c" and len(kind) == 10:
            at += 11 + (3 << (kind[9] & 7) + 1 if kind[9] & 0x80 else 0)
        else:
            return at, []
        while size := int.from_bytes(source.read_at(at, 1), "big"):
            at += 1 + size
        at += 1


_RIFF = {
    b"WAVE": frozenset({b"fmt ", b"data", b"LIST", b"fact", b"cue ", b"smpl", b"bext", b"PEAK", b"inst", b"JUNK", b"id3 ", b"plst"}),
    b"WEBP": frozenset({b"VP8 ", b"VP8L", b"VP8X", b"ANIM", b"ANMF", b"ALPH", b"ICCP", b"EXIF", b"XMP "}),
    b"AVI ": frozenset({b"LIST", b"idx1", b"JUNK"}),
}


def riff(source: Slice) -> Extent | None:
    """Return the extent of a WAV, WebP or AVI file."""
    head = source.read_at(0, 12)
    known = _RIFF.get(head[8:12])
    if known is None:
        return None
    end, at, private = min(source.size, 8 + int.from_bytes(head[4:8], "little")), 12, list[tuple[int, int]]()
    while at + 8 <= end:
        part = source.read_at(at, 8)
        size = int.from_bytes(part[4:], "little")
        if part[:4] not in known or part[:4] == b"JUNK":
            private.append((at + 8, min(end, at + 8 + size)))
        at += 8 + size + (size & 1)
    return min(at, source.size), private


_BOXES = frozenset(
    b"ftyp moov mdat meta moof mfra sidx styp pdin ssix emsg idat udta free skip wide mvhd pnot prft".split()
)  # fmt: skip


def film(source: Slice) -> Extent | None:
    """Return the extent of an MP4, MOV, HEIC or AVIF file (ISO 14496-12): its boxes, of which some are private."""
    at, private, seen = 0, list[tuple[int, int]](), set[bytes]()
    while True:
        head = source.read_at(at, 16)
        size, kind, begin = int.from_bytes(head[:4], "big"), head[4:8], 8
        if size == 1 and len(head) == 16:
            size, begin = int.from_bytes(head[8:], "big"), 16
        elif size == 0:
            size = source.size - at if len(head) >= 8 else 0
        if size < begin or kind not in _BOXES | {b"uuid"} or at + size > source.size:
            return (at, private) if seen & {b"moov", b"meta", b"moof"} else None
        if kind in {b"uuid", b"free", b"skip", b"wide"}:
            private.append((at + begin, at + size))
        seen.add(kind)
        at += size


def ogg(source: Slice) -> Extent | None:
    """Return the extent of an Ogg file (RFC 3533), page by page."""
    at = 0
    while (head := source.read_at(at, 27 + 255))[:4] == b"OggS" and len(head) > 27 and head[4] == 0:
        count = head[26]
        size = 27 + count + sum(head[27 : 27 + count])
        if at + size > source.size:
            break
        at += size
    return (at, []) if at else None


_RATES = {
    3: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    2: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_HERTZ = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
_FEW = 3
"""Frames that have to follow one another."""


def mp3(source: Slice) -> Extent | None:
    """Return the extent of an MP3 file: a tag, frames, and tags behind them."""
    head = source.read_at(0, 10)
    at = 0
    if head[:3] == b"ID3" and len(head) == 10:
        at = 10 + sum((byte & 0x7F) << 7 * place for place, byte in enumerate(reversed(head[6:10])))
        while source.read_at(at, 1) == b"\0":
            at += 1
    count, base, data = 0, at, source.read_at(at, _READ)
    while True:
        if at + 4 > base + len(data):
            base, data = at, source.read_at(at, _READ)
        size = _frame(data[at - base : at - base + 4])
        if not size or at + size > source.size:
            break
        count, at = count + 1, at + size
    if count < _FEW:
        return None
    for mark, length in ((b"TAG", 128),):
        if source.read_at(at, len(mark)) == mark and at + length <= source.size:
            at += length
    return at, []


def _frame(head: bytes) -> int:
    """Return the length of a frame of MPEG audio, layer III; 0 where it is none."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE6 != 0xE2:
        return 0
    version, rate, hertz = head[1] >> 3 & 3, head[2] >> 4, head[2] >> 2 & 3
    if version == 1 or rate in {0, 15} or hertz == 3:
        return 0
    kilobits = _RATES[3 if version == 3 else 2][rate]
    return (144 if version == 3 else 72) * kilobits * 1000 // _HERTZ[version][hertz] + (head[2] >> 1 & 1)


def flac(source: Slice) -> Extent | None:
    """Return the extent of a FLAC file (RFC 9639): blocks of metadata, and as far as frames follow one another."""
    at, longest, private = 4, 0, list[tuple[int, int]]()
    while True:
        head = source.read_at(at, 4)
        if len(head) < 4:
            return None
        size, kind = int.from_bytes(head[1:], "big"), head[0] & 0x7F
        if kind == 0:
            longest = int.from_bytes(source.read_at(at + 11, 3), "big")
        elif kind not in {1, 3, 4, 5, 6}:
            private.append((at + 4, at + 4 + size))
        at += 4 + size
        if head[0] & 0x80:
            break
    last, longest = at, longest or 1 << 16
    for place in _frames(source, at):
        if place - last > 2 * longest:
            break
        last = place
    return _frame_end(source.read_at(last, 2 * longest)) + last, private


def _frame_end(data: bytes) -> int:
    """Return where the last frame ends by its checksum: at the end of the file, or before."""
    value, first = 0, 0
    for place, byte in enumerate(data):
        if not first and place > 8 and data[place : place + 2] == value.to_bytes(2, "big"):
            first = place + 2
        value = (value << 8 & 0xFFFF) ^ _CRC_16[value >> 8 ^ byte]
    return len(data) if not value else first


def _crc_16(byte: int) -> int:
    value = byte << 8
    for _ in range(8):
        value = (value << 1 ^ 0x8005) & 0xFFFF if value & 0x8000 else value << 1
    return value


_CRC_16 = tuple(map(_crc_16, range(256)))


def _frames(source: Slice, at: int) -> Iterator[int]:
    """Yield the places of frame headers whose checksum holds."""
    while data := source.read_at(at, _READ + 32):
        place = data.find(b"\xff")
        while 0 <= place < min(len(data) - 6, _READ):
            if data[place + 1] & 0xFE == 0xF8 and _is_frame(data[place : place + 20]):
                yield at + place
            place = data.find(b"\xff", place + 1)
        at += _READ


def _is_frame(head: bytes) -> bool:
    if head[3] & 1 or head[2] >> 4 == 0 or head[2] & 15 == 15:
        return False
    lead = head[4]
    size = 4 + (1 if lead < 0x80 else 8 - (lead ^ 0xFF).bit_length())
    size += {6: 1, 7: 2}.get(head[2] >> 4, 0) + {12: 1, 13: 2, 14: 2}.get(head[2] & 15, 0)
    if size >= len(head):
        return False
    value = 0
    for byte in head[:size]:
        value ^= byte
        for _ in range(8):
            value = (value << 1 ^ 0x07) & 0xFF if value & 0x80 else value << 1
    return value == head[size]


_SEGMENT = b"\x18\x53\x80\x67"


def matroska(source: Slice) -> Extent | None:
    """Return the extent of a Matroska or WebM file (RFC 9559): its head, and one segment."""
    size, width = _length(source.read_at(4, 8))
    at = 4 + width + size
    if source.read_at(at, 4) != _SEGMENT:
        return None
    size, width = _length(source.read_at(at + 4, 8))
    unknown = size == (1 << 7 * width) - 1
    return (source.size if unknown else min(source.size, at + 4 + width + size)), []


def _length(head: bytes) -> tuple[int, int]:
    width = 9 - head[0].bit_length() if head and head[0] else 8
    return int.from_bytes(head[:width], "big") & (1 << 7 * width) - 1, width


MEDIA: tuple[tuple[int, bytes, Callable[[Slice], Extent | None]], ...] = (
    (0, b"\xff\xd8\xff", jpeg),
    (0, b"\x89PNG\r\n\x1a\n", png),
    (0, b"GIF87a", gif),
    (0, b"GIF89a", gif),
    (0, b"RIFF", riff),
    (4, b"ftyp", film),
    (4, b"moov", film),
    (0, b"OggS", ogg),
    (0, b"ID3", mp3),
    (0, b"\xff\xfb", mp3),
    (0, b"\xff\xf3", mp3),
    (0, b"\xff\xf2", mp3),
    (0, b"fLaC", flac),
    (0, b"\x1a\x45\xdf\xa3", matroska),
)
"""Where a magic lies, the magic, and what tells the extent."""
