"""Of pictures, recordings and films what every other of the same maker has as well is left out, and all of what is their own stays."""

from __future__ import annotations

import random

import pytest

from expunge.residue.take import media_heads

OWN = random.Random(3).randbytes(4000).replace(b"\xff", b"\xfe")
TABLE = bytes(range(64))
BRACKETS = {
    "JPEG": (b"\xff\xd8\xff\xe0\x00\x10JFIF" + bytes(10) + b"\xff\xc4\x00\x42" + TABLE + b"\xff\xda\x00\x08" + bytes(6), b""),
    "PNG": (b"\x89PNG\r\n\x1a\n" + TABLE + b"IDAT", b""),
    "GIF": (b"GIF89a\x00\x00\x00\x00\x81\x00\x00" + bytes(range(12)), b""),
    "MP4": (b"\x00\x00\x00\x0cftypisom\x00\x00\x0f\xa8mdat", b"\x00\x00\x00\x48moov" + TABLE),
    "Ogg": (b"OggS\x00\x02" + bytes(8) + TABLE, b""),
    "Matroska": (b"\x1a\x45\xdf\xa3" + TABLE, b""),
    "other": (b"", b""),
}


@pytest.mark.parametrize("kind", BRACKETS)
def test_what_is_its_own_stays_and_tables_go(kind: str) -> None:
    before, behind = BRACKETS[kind]
    own = b"OggS\x00\x00" + b"\x07" * 8 + OWN if kind == "Ogg" else b"\x1f\x43\xb6\x75" + OWN if kind == "Matroska" else OWN
    found = media_heads.own(before + own + behind)
    assert OWN in found
    assert TABLE not in found or kind == "other"


@pytest.mark.parametrize("kind", BRACKETS)
def test_of_a_damaged_head_something_is_left(kind: str) -> None:
    before, _ = BRACKETS[kind]
    for size in range(1, len(before)):
        assert media_heads.own(before[:size]) != b""
