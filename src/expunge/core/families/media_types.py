"""The media that families are given to play: a closed list, told by content alone. Names and claims of a type count for nothing.

A browser is told the type and forbidden to guess another (``X-Content-Type-Options: nosniff``), so that content that is a page as well is
never shown as one. Pictures that can hold scripts (SVG) are not on the list.
"""

from __future__ import annotations

from enum import StrEnum

HEAD = 64
"""Bytes from the beginning by which a type is told."""
_AUDIO_BRANDS = frozenset({b"M4A ", b"M4B ", b"M4P "})
_PICTURE_BRANDS = frozenset({b"avif", b"avis"})
_MP3_SYNC, _MP3_LAYER_3 = 0xE0, 0x02


class MediaType(StrEnum):
    """A type of media, in the words of RFC 6838."""

    WAV = "audio/wav"
    FLAC = "audio/flac"
    MP3 = "audio/mpeg"
    AAC = "audio/aac"
    OGG = "audio/ogg"
    M4A = "audio/mp4"
    OGG_VIDEO = "video/ogg"
    MP4 = "video/mp4"
    WEBM = "video/webm"
    JPEG = "image/jpeg"
    PNG = "image/png"
    GIF = "image/gif"
    WEBP = "image/webp"
    AVIF = "image/avif"

    @property
    def is_audio(self) -> bool:
        """Return whether it is sound alone."""
        return self in _AUDIO

    @property
    def is_picture(self) -> bool:
        """Return whether it is a picture."""
        return self in _PICTURES


_AUDIO = frozenset({MediaType.WAV, MediaType.FLAC, MediaType.MP3, MediaType.AAC, MediaType.OGG, MediaType.M4A})
_PICTURES = frozenset({MediaType.JPEG, MediaType.PNG, MediaType.GIF, MediaType.WEBP, MediaType.AVIF})


def media_type_of(head: bytes) -> MediaType | None:
    """Return the type of content that begins with these :data:`HEAD` bytes; None for anything that is not on the list."""
    if head[:4] == b"RIFF":
        return {b"WAVE": MediaType.WAV, b"WEBP": MediaType.WEBP}.get(head[8:12])
    if head[4:8] == b"ftyp":
        brand = head[8:12]
        return MediaType.AVIF if brand in _PICTURE_BRANDS else MediaType.M4A if brand in _AUDIO_BRANDS else MediaType.MP4
    if head.startswith(b"OggS"):
        return MediaType.OGG_VIDEO if b"theora" in head else MediaType.OGG
    for start, found in (
        (b"fLaC", MediaType.FLAC), (b"ID3", MediaType.MP3), (b"\xff\xd8\xff", MediaType.JPEG), (b"\x89PNG\r\n\x1a\n", MediaType.PNG),
        (b"GIF87a", MediaType.GIF), (b"GIF89a", MediaType.GIF),
    ):  # fmt: skip
        if head.startswith(start):
            return found
    if head.startswith(b"\x1aE\xdf\xa3"):
        return MediaType.WEBM if b"webm" in head else None
    return _by_sync(head)


def _by_sync(head: bytes) -> MediaType | None:
    """Tell MPEG audio without a tag by its first frame's header (ISO 11172-3, 2.4.1.3), and ADTS (ISO 13818-7, 6.2)."""
    if len(head) < 4 or head[0] != 0xFF:
        return None
    if head[1] & 0xF6 == 0xF0:
        return MediaType.AAC
    layer, version = head[1] >> 1 & 0x03, head[1] >> 3 & 0x03
    rate, bits = head[2] >> 2 & 0x03, head[2] >> 4
    sound = head[1] & _MP3_SYNC == _MP3_SYNC and layer == _MP3_LAYER_3 >> 1 and version != 1 and rate != 3
    return MediaType.MP3 if sound and bits not in {0, 0x0F} else None
