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
        return _ENCODER.sub(b"", _film(head))
    return head


def _jpeg(head: bytes) -> bytes:
    parts, at = list[bytes](), 2
    while (table := _TABLE.search(head, at)) is not None:
        parts.append(head[at : table.start()])
        at = table.start() + 2 + int.from_bytes(head[table.start() + 2 : table.start() + 4], "big")
    return b"".join([*parts, head[at:]])


def _film(head: bytes) -> bytes:
    """Return the block from the samples on (ISO 14496-12), as far as boxes can be followed."""
    at = 0
    while at + _BOX <= len(head):
        size, kind = int.from_bytes(head[at : at + 4], "big"), head[at + 4 : at + 8]
        if kind == b"mdat":
            return head[at + _BOX :]
        if size < _BOX:
            break
        at += size
    return b"" if at else head
