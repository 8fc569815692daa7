"""Tell audio, pictures and video by their first bytes, whatever a file is called, and whether a picture says where it was taken."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from expunge.ports.recognition import MediaKind, Recognised
from expunge.residue.formats.slices import MemorySlice
from expunge.residue.opaque.media import mp3

_PLAIN: tuple[tuple[int, bytes, MediaKind], ...] = (
    (0, b"\xff\xd8\xff", MediaKind.IMAGE),
    (0, b"\x89PNG\r\n\x1a\n", MediaKind.IMAGE),
    (0, b"GIF87a", MediaKind.IMAGE),
    (0, b"GIF89a", MediaKind.IMAGE),
    (0, b"II*\0", MediaKind.IMAGE),
    (0, b"MM\0*", MediaKind.IMAGE),
    (0, b"\0\0\0\x0cjP  \r\n\x87\n", MediaKind.IMAGE),
    (0, b"\xff\x0a", MediaKind.IMAGE),
    (0, b"fLaC", MediaKind.AUDIO),
    (0, b"#!AMR", MediaKind.AUDIO),
    (0, b"caff", MediaKind.AUDIO),
    (0, b".snd\0", MediaKind.AUDIO),
    (0, b"\x1a\x45\xdf\xa3", MediaKind.VIDEO),
    (0, b"FLV\x01", MediaKind.VIDEO),
    (0, b"\0\0\x01\xba", MediaKind.VIDEO),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", MediaKind.VIDEO),
    (4, b"moov", MediaKind.VIDEO),
)
_FORMS = {
    (b"RIFF", b"WAVE"): MediaKind.AUDIO,
    (b"RF64", b"WAVE"): MediaKind.AUDIO,
    (b"RIFF", b"WEBP"): MediaKind.IMAGE,
    (b"RIFF", b"AVI "): MediaKind.VIDEO,
    (b"FORM", b"AIFF"): MediaKind.AUDIO,
    (b"FORM", b"AIFC"): MediaKind.AUDIO,
}
_PICTURES = frozenset({b"heic", b"heix", b"mif1", b"msf1", b"avif", b"heif"})
_SOUNDS = frozenset({b"M4A ", b"M4B ", b"F4A "})
_VIDEO_STREAM = (b"theora", b"BBCD", b"OVP80")
_GPS, _LATITUDE = 0x8825, 2
"""Tags of EXIF. A directory of positions may be there with its version alone."""
_ENTRIES = 512


def recognise(head: bytes) -> Recognised:
    """Return what content is by its first bytes; see :data:`expunge.ports.recognition.Recognise`."""
    media = _media(head)
    return Recognised(media, media is MediaKind.IMAGE and _is_located(head))


def _media(head: bytes) -> MediaKind | None:
    for place, magic, kind in _PLAIN:
        if head[place : place + len(magic)] == magic:
            return kind
    if (found := _FORMS.get((head[:4], head[8:12]))) is not None:
        return found
    if head[4:8] == b"ftyp":
        brand = head[8:12]
        return MediaKind.IMAGE if brand in _PICTURES else MediaKind.AUDIO if brand in _SOUNDS else MediaKind.VIDEO
    if head[:4] == b"OggS":
        return MediaKind.VIDEO if any(each in head[:512] for each in _VIDEO_STREAM) else MediaKind.AUDIO
    if head[:1] == b"G" and head[188:189] == b"G" and head[376:377] == b"G":
        return MediaKind.VIDEO
    if head[:3] == b"ID3" or (head[:1] == b"\xff" and len(head) > 1 and head[1] & 0xE0 == 0xE0):
        return MediaKind.AUDIO if head[:3] == b"ID3" or mp3(MemorySlice(head)) is not None or _is_adts(head) else None
    return None


def _is_adts(head: bytes) -> bool:
    """Whether three frames of AAC follow one another (ISO 13818-7, ADTS)."""
    at = 0
    for _ in range(3):
        part = head[at : at + 7]
        if len(part) < 7 or part[0] != 0xFF or part[1] & 0xF6 != 0xF0:
            return False
        at += (part[3] & 3) << 11 | part[4] << 3 | part[5] >> 5
    return True


def _is_located(head: bytes) -> bool:
    """Whether a picture's EXIF has a directory of positions (tag 0x8825) that is not empty."""
    start = head.find(b"Exif\0\0")
    begin = start + 6 if start >= 0 else head.find(b"eXIf") + 4 if b"eXIf" in head else 0 if head[:4] in {b"II*\0", b"MM\0*"} else -1
    tiff = head[begin:] if begin >= 0 else b""
    if tiff[:2] not in {b"II", b"MM"}:
        return False
    order: Literal["little", "big"] = "little" if tiff[:2] == b"II" else "big"
    gps = next((value for tag, value in _directory(tiff, int.from_bytes(tiff[4:8], order), order) if tag == _GPS), None)
    return gps is not None and any(tag == _LATITUDE for tag, _ in _directory(tiff, gps, order))


def _directory(tiff: bytes, at: int, order: Literal["little", "big"]) -> Iterator[tuple[int, int]]:
    """Yield tag and value of each entry of a directory (TIFF 6.0)."""
    for entry in range(min(int.from_bytes(tiff[at : at + 2], order), _ENTRIES)):
        part = tiff[at + 2 + 12 * entry : at + 14 + 12 * entry]
        yield int.from_bytes(part[:2], order), int.from_bytes(part[8:], order)
