"""Scans of signed forms: which bytes are taken for one. Nothing is decoded here or anywhere: a person looks at the scan.

A file that is two formats at once (a polyglot) loses what stands behind the end of its picture, as phones put films there; a PDF with
something behind its end is refused. A picture of more than :data:`MOST_PIXELS` is refused by the size in its header: a small file can take
much memory when it is opened.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum

MOST_BYTES = 10 << 20
MOST_PIXELS = 120_000_000
"""Twice an A4 page at 600 dots an inch, and then some."""
_BEHIND_PDF = 1024
"""The bytes behind the last ``%%EOF`` in which readers of PDF look for it (ISO 32000-1, implementation note 18)."""
_ACTIVE = re.compile(rb"/(JavaScript|JS|Launch|EmbeddedFile|RichMedia|XFA|OpenAction|AA|SubmitForm|ImportData)\b")
"""Names by which a PDF does something when it is opened, or holds another file."""
_ZIP_END = b"PK\x05\x06"
_PNG = b"\x89PNG\r\n\x1a\n"


class ScanFault(StrEnum):
    """The reason why bytes are not taken for a scan."""

    EMPTY = "there is no file"
    TOO_BIG = "the file has more than 10 MB"
    NO_SCAN = "the file is no PDF, JPEG or PNG"
    NOT_WHOLE = "the file ends before it should"
    MORE_BEHIND = "there is something else behind the end of the PDF"
    ACTIVE = "the PDF does something when it is opened, or holds other files"
    TOO_LARGE = "the picture has too many dots"


@dataclass(frozen=True)
class Scan:
    """A scan as it is kept."""

    media_type: str
    data: bytes = field(repr=False)


def read_scan(data: bytes) -> Scan | ScanFault:
    """Return a scan without what stands behind the end of its picture, or what is wrong with it."""
    if not data:
        return ScanFault.EMPTY
    if len(data) > MOST_BYTES:
        return ScanFault.TOO_BIG
    media_type = media_type_of(data)
    match media_type:
        case "application/pdf":
            return _fault_of_pdf(data) or Scan(media_type, data)
        case "image/png":
            end = _end_of_png(data)
        case "image/jpeg":
            end = _end_of_jpeg(data)
        case _:
            return ScanFault.NO_SCAN
    return end if isinstance(end, ScanFault) else Scan(media_type, data[:end])


def media_type_of(data: bytes) -> str:
    """Return the media type of a scan by its first bytes; empty for any other file."""
    if data.startswith(b"%PDF-"):
        return "application/pdf"
    if data.startswith(_PNG):
        return "image/png"
    return "image/jpeg" if data.startswith(b"\xff\xd8\xff") else ""


def _fault_of_pdf(data: bytes) -> ScanFault | None:
    end = data.rfind(b"%%EOF")
    if end < 0:
        return ScanFault.NOT_WHOLE
    behind = data[end + len(b"%%EOF") :]
    if len(behind) > _BEHIND_PDF or behind.strip(b"\r\n\t \0") or _ZIP_END in data[-(1 << 16) :]:
        return ScanFault.MORE_BEHIND
    return ScanFault.ACTIVE if _ACTIVE.search(data) else None


def _end_of_png(data: bytes) -> int | ScanFault:
    """Walk the chunks (PNG, third edition, 5.3), and return where the picture ends."""
    at, size = len(_PNG), len(data)
    while at + 12 <= size:
        length, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        if kind == b"IHDR":
            across, down = (int.from_bytes(data[at + 8 + each : at + 12 + each], "big") for each in (0, 4))
            if not 0 < across * down <= MOST_PIXELS:
                return ScanFault.TOO_LARGE
        at += 12 + length
        if kind == b"IEND":
            return at if at <= size else ScanFault.NOT_WHOLE
    return ScanFault.NOT_WHOLE


_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_ALONE = frozenset({0x01, *range(0xD0, 0xD8)})


def _end_of_jpeg(data: bytes) -> int | ScanFault:
    """Walk the segments (ISO 10918-1, annex B), and return where the picture ends."""
    at, size = 2, len(data)
    while at + 4 <= size:
        if data[at] != 0xFF:
            return ScanFault.NO_SCAN
        marker = data[at + 1]
        if marker == 0xFF or marker in _ALONE:
            at += 1 if marker == 0xFF else 2
            continue
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        if marker in _FRAMES:
            down, across = (int.from_bytes(data[at + 5 + each : at + 7 + each], "big") for each in (0, 2))
            if not 0 < across * down <= MOST_PIXELS:
                return ScanFault.TOO_LARGE
        at += 2 + length
        if marker == 0xDA:
            at = _past_entropy(data, at)
            if data[at : at + 2] == b"\xff\xd9":
                return at + 2
    return ScanFault.NOT_WHOLE


def _past_entropy(data: bytes, at: int) -> int:
    """Return where the compressed data of a scan ends: at the next marker that is neither stuffed nor a restart."""
    while (at := data.find(b"\xff", at)) >= 0 and at + 1 < len(data):
        if data[at + 1] != 0 and not 0xD0 <= data[at + 1] <= 0xD7:
            return at
        at += 2
    return len(data)
