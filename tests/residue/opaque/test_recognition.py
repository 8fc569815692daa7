"""Audio, pictures and video are told by their first bytes; texts and arrays are none."""

from __future__ import annotations

import io

import pytest

from expunge.ports.recognition import MediaKind
from expunge.residue.opaque.recognition import recognise
from tests.engine.household import wav

FRAME = b"\xff\xfb\x90\x00" + bytes(413)
MEDIA = {
    "wav": (wav("x", 0.01), MediaKind.AUDIO),
    "flac": (b"fLaC" + bytes(40), MediaKind.AUDIO),
    "mp3": (FRAME * 4, MediaKind.AUDIO),
    "mp3 with a tag": (b"ID3\x03" + bytes(20), MediaKind.AUDIO),
    "ogg": (b"OggS\0\2" + bytes(22) + b"OpusHead", MediaKind.AUDIO),
    "ogg video": (b"OggS\0\2" + bytes(22) + b"\x80theora", MediaKind.VIDEO),
    "amr": (b"#!AMR\n" + bytes(20), MediaKind.AUDIO),
    "m4a": (b"\0\0\0\x20ftypM4A " + bytes(20), MediaKind.AUDIO),
    "mp4": (b"\0\0\0\x20ftypisom" + bytes(20), MediaKind.VIDEO),
    "heic": (b"\0\0\0\x20ftypheic" + bytes(20), MediaKind.IMAGE),
    "webm": (b"\x1a\x45\xdf\xa3" + bytes(20), MediaKind.VIDEO),
    "transport stream": ((b"G" + bytes(187)) * 3, MediaKind.VIDEO),
    "webp": (b"RIFF\0\0\0\0WEBPVP8 ", MediaKind.IMAGE),
    "tiff": (b"II*\0\x08\0\0\0\0\0", MediaKind.IMAGE),
}


@pytest.mark.parametrize("name", MEDIA)
def test_media_are_told_by_their_first_bytes(name: str) -> None:
    head, kind = MEDIA[name]
    assert recognise(head).media is kind


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"Good morning",
        b"\xff\xfe" + "text".encode("utf-16-le"),
        b"\xff\xfb",
        b"\x93NUMPY\1\0",
        b"%PDF-1.7",
        b"G" * 3,
        b"RIFF",
        bytes(999),
    ],
)
def test_other_content_is_no_medium(head: bytes) -> None:
    assert recognise(head) == (None, False)


def test_a_picture_that_says_where_it_was_taken_is_told_from_one_that_does_not() -> None:
    image = pytest.importorskip("PIL.Image")
    pictures = []
    for where in ({}, {1: "N", 2: (52.0, 31.0, 12.0), 3: "E", 4: (13.0, 24.0, 18.0)}):
        picture, out = image.new("RGB", (8, 8)), io.BytesIO()
        exif = image.Exif()
        exif[0x010F] = "a camera"
        if where:
            exif.get_ifd(0x8825).update(where)
        picture.save(out, "JPEG", exif=exif)
        pictures.append(recognise(out.getvalue()))
    assert [(each.media, each.located) for each in pictures] == [(MediaKind.IMAGE, False), (MediaKind.IMAGE, True)]
