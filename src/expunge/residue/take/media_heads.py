"""Take out of a picture or a film what any other of the same maker has as well: tables, profiles, settings. No window is taken of these."""

from __future__ import annotations

import re

_JPEG, _PNG, _GIF = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", (b"GIF87a", b"GIF89a")
_TABLE = re.compile(rb"\xff[\xc0\xc1\xc2\xc4\xdb\xdd\xda\xe0-\xef]")
"""Segments of a JPEG file that say how it is packed, and by which program; within packed samples none of these bytes follow one another."""
_ENCODER = re.compile(rb"x26[45] [(-][ -~]{32,}|Lavf[ -~]{4,}|Lavc[ -~]{4,}")
"""What encoders of films write of themselves, with all their settings."""
_BOXES = re.compile(rb"....ftyp", re.DOTALL)
_BOX = 8
_BEYOND = 1 << 62
_OGG, _MATROSKA, _CLUSTER = b"OggS", b"\x1a\x45\xdf\xa3", b"\x1f\x43\xb6\x75"


def own(head: bytes) -> bytes:
    """Return what of the first block of a file is its own; all of it where nothing would be left, or nothing is known of it."""
    return _own(head) or head


def _own(head: bytes) -> bytes:
    if head.startswith(_JPEG):
        return _jpeg(head)
    if head.startswith(_PNG):
        begin = head.find(b"IDAT")
        return head[begin + 4 :] if begin >= 0 else head
    if head.startswith(_GIF) and len(head) > 10:
        return head[13 + (3 << (head[10] & 7) + 1 if head[10] & 0x80 else 0) :]
    if _BOXES.match(head):
        begin, end = _samples(head)
        return _ENCODER.sub(b"", head[begin:end])
    if head.startswith(_OGG):
        return head[_first_sound(head) :]
    if head.startswith(_MATROSKA):
        return _ENCODER.sub(b"", head[max(0, head.find(_CLUSTER)) :])
    return head


def end(head: bytes) -> int:
    """Return where in the file the samples of a film end, after which its tables follow; a number beyond any file for all else."""
    return _samples(head)[1] if _BOXES.match(head) else _BEYOND


def _jpeg(head: bytes) -> bytes:
    parts, at = list[bytes](), 2
    while (table := _TABLE.search(head, at)) is not None:
        parts.append(head[at : table.start()])
        at = table.start() + 2 + int.from_bytes(head[table.start() + 2 : table.start() + 4], "big")
    return b"".join([*parts, head[at:]])


def _samples(head: bytes) -> tuple[int, int]:
    """Return where the samples of a film begin and end (ISO 14496-12), as far as boxes can be followed."""
    at = 0
    while at + _BOX <= len(head):
        size, kind = int.from_bytes(head[at : at + 4], "big"), head[at + 4 : at + 8]
        begin = at + _BOX
        if size == 1:
            size, begin = int.from_bytes(head[begin : begin + 8], "big"), begin + 8
        if kind == b"mdat":
            return begin, at + size if size else _BEYOND
        if size < _BOX:
            break
        at += size
    return len(head) if at else 0, _BEYOND


def _first_sound(head: bytes) -> int:
    """Return where the first page of an Ogg file begins that has sound (RFC 3533): on those before nothing has been played."""
    at = 0
    while (at := head.find(_OGG, at)) >= 0:
        if head[at + 6 : at + 14] not in {bytes(8), b"\xff" * 8}:
            return at
        at += len(_OGG)
    return 0
