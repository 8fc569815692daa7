"""What explains the bytes of a PDF file (ISO 32000-1): objects, pages that were read, pictures by their size, and what its streams hold."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator

from expunge.residue.formats.containers import pdf, pdf_acts, pdf_filters, unmarked
from expunge.residue.formats.containers.pdf import Stream
from expunge.residue.formats.slices import Slice
from expunge.residue.opaque.stretches import BLOCK, named

_BEGIN = re.compile(rb"(?P<obj>\d{1,10}\s+\d{1,5}\s+obj\b)|(?P<xref>xref\s)|(?P<trailer>trailer)|(?P<end>startxref\s+\d{1,20}\s+%%EOF)")
_STARTXREF = re.compile(rb"trailer|startxref"), re.compile(rb"startxref")
_BOXES, _CODE = (b"\0\0\0\x0cjP  ", b"\xff\x4f\xff\x51")
_SIDES = tuple(re.compile(rb"/%s\s+(\d{1,6})\b(?!\s+\d+\s+R)" % name) for name in (b"Width", b"Height"))
_BITS = re.compile(rb"/BitsPerComponent\s+(\d{1,2})\b")
_SIZES = re.compile(rb"/(?:FunctionType|ShadingType)\s+\d")
_ROWS = re.compile(rb"/W\s*\[\s*(\d)\s+(\d)\s+(\d)\s*\]")
_GLYPH = re.compile(rb"\s*(?:[-+\d.]+\s+){2,6}d[01]\s")
"""Begins the acts that draw a letter of a Type 3 font (9.6.5)."""
_HINTS = re.compile(rb"/S\s+\d+\b")
"""In the dictionary of the tables for reading a file before all of it is there (annex F)."""
_MOST_LETTERS = 1 << 16
_PROGRAM = re.compile(rb"/Length1\s")
_COMPACT = re.compile(rb"/(?:Type1C|CIDFontType0C)\b")
_KEY, _FACTOR, _OFFSET = 55665, 52845, 22719
"""Of the cipher of Type 1 fonts (Adobe Type 1 Font Format, 7.1)."""
_GLANCE = 512
_WORST, _SLACK = 4, 1024
"""How many times its bits a picture of noise takes, and bytes beside it."""
_CHANNELS = (1, 2, 3, 4)


def document(source: Slice, most: int, refused: Callable[[int], None], inside: Callable[[bytes], None]) -> Iterator[tuple[int, int]]:
    """Yield the stretches of a PDF file that its objects explain, as far as a scan reads it that keeps ``most`` bytes of a file.

    Args:
        source: the file, and what follows it.
        most: bytes that one stream is unpacked to.
        refused: is told how many bytes are not explained since the file is encrypted, or shows text that is not read.
        inside: is given what a stream holds that is to be accounted for like a file.
    """
    if source.size > pdf.LONGEST:
        return
    data = source.read_at(0, source.size)
    read = [*pdf.files(source, most)]
    if any(streams is None for _, _, streams in read):
        refused(source.size)
        yield 0, source.size
        return
    if read and read[0][0] == 0:
        yield 0, data.find(b"\n") + 1
    begins = [begin for begin, _, _ in read]
    by_place = {each.begin: each for _, _, streams in read for each in streams or ()}
    for start, stop in _parts(data):
        at = bisect_right(begins, start) - 1
        if at < 0 or stop > read[at][1]:
            continue
        mark = pdf.STREAM.search(data, start, stop)
        stream = by_place.get(mark.end()) if mark else None
        sure = mark is None or (stream is not None and _explains(stream, data[stream.begin : stream.end], most, refused, inside))
        yield start, stop if sure or mark is None else mark.end()
    if read:
        yield read[-1][1], read[-1][1]


def _parts(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield where objects, tables of cross references, trailers and end marks begin and end."""
    at = 0
    while (found := _BEGIN.search(data, at)) is not None:
        at = found.end()
        if found.lastgroup == "obj":
            stop = data.find(b"endobj", at) + len(b"endobj")
            if stop < at:
                return
            at = stop
        elif found.lastgroup != "end":
            stopped = _STARTXREF[found.lastgroup == "trailer"].search(data, at)
            if stopped is None:
                return
            at = stopped.start()
        yield found.start(), at


def _explains(stream: Stream, packed: bytes, most: int, refused: Callable[[int], None], inside: Callable[[bytes], None]) -> bool:
    """Return whether a stream is what its dictionary says, or what it holds was given to ``inside``."""
    picture = stream.filters[-1] if stream.filters and stream.filters[-1] in pdf.PICTURES else b""
    try:
        filters = stream.filters[:-1] if picture else stream.filters
        content = pdf_filters.whole(packed, filters, pdf.LONGEST if _is_picture(stream.said) else most)
    except pdf_filters.Refused:
        return stream.shown
    if picture in pdf.BITMAPS:
        return len(content) <= _WORST * min(_bitmaps(stream.said), default=0) + _SLACK
    if picture == pdf.JPEG_2000:
        return _is_jpeg_2000(content)
    if not picture and not stream.shown and not _is_picture(stream.said) and not pdf.UNOPENED.isdisjoint(stream.filters):
        # Why not judged as it lies there: in letters it is plain text.
        refused(len(packed))
        return True
    if not picture and not stream.shown and (sure := _by_structure(stream, content)) is not None:
        return sure
    inside(pdf_acts.beside_letters(content) if stream.shown or _GLYPH.match(content) else content)
    return True


def _by_structure(stream: Stream, content: bytes) -> bool | None:
    """Return whether a stream has the structure that its dictionary says; None where none is known."""
    if _is_picture(stream.said):
        return any(size <= len(content) <= size + 2 for size in _bitmaps(stream.said))
    if b"/XRef" in stream.said:
        return _is_cross_references(stream.said, content)
    if _is_font_or_numbers(stream, content):
        return True
    return None if stream.filters or _GLYPH.match(content) else False


def _is_picture(said: bytes) -> bool:
    return all(side.search(said) for side in _SIDES)


def _bitmaps(said: bytes) -> Iterator[int]:
    """Yield the bytes that a picture of this size may have, with and without a byte before each row that says how it was foretold."""
    found = [side.search(said) for side in _SIDES]
    width, height = (int(each[1]) if each else 0 for each in found)
    bits = _BITS.search(said)
    for channels in _CHANNELS if width * height else ():
        row = -(-width * channels * (int(bits[1]) if bits else 1) // 8)
        yield from (row * height, (row + 1) * height)


def _is_jpeg_2000(content: bytes) -> bool:
    """Return whether boxes, or code, reach to the end (ITU T.800, annexes A and I)."""
    if content.startswith(_CODE):
        return content.rstrip(b"\r\n").endswith(b"\xff\xd9")
    at = 0 if content.startswith(_BOXES) else len(content)
    while at + 8 <= len(content) and (size := int.from_bytes(content[at : at + 4], "big")) >= 8:
        at += size
    # Why a last box of size 0: it reaches to the end.
    return content.startswith(_BOXES) and (content[at : at + 4] == bytes(4) or at - 2 <= len(content) <= at + 2)


def _is_cross_references(said: bytes, content: bytes) -> bool:
    """Return whether all rows are of a kind that there is (7.5.8), with or without the byte that says how a row was foretold."""
    widths = _ROWS.search(said)
    if widths is None:
        return False
    row = sum(map(int, widths.groups()))
    if b"/Predictor" in said:
        return row > 0 and len(content) % (row + 1) == 0 and not content[:: row + 1].translate(None, bytes(range(5)))
    return row > 0 and len(content) % row == 0 and (widths[1] != b"1" or not content[::row].translate(None, bytes(range(3))))


def _is_font_or_numbers(stream: Stream, content: bytes) -> bool:
    """Return whether a stream is a font, a profile, or a table of numbers, by more than its name, and does not look like noise."""
    said = stream.said
    if _PROGRAM.search(said) and content.startswith(b"%!"):
        return _is_type_1(content)
    compact = _COMPACT.search(said) and content[:1] == b"\1" and content[2:3] == b"\4"
    profile = content[36:40] == b"acsp" and int.from_bytes(content[:4], "big") == len(content)
    hints = b"/Type" not in said and len(content) < BLOCK and _HINTS.search(said)
    letters = stream.of_letters and len(content) <= 2 * _MOST_LETTERS
    if not (compact or profile or hints or letters or _SIZES.search(said)):
        return False
    plain = content.rstrip(b"\r\n")
    if unmarked.kind_of(plain[: unmarked.HEAD], "", len(plain)) is not None:
        return False
    return not any(named(content[at : at + BLOCK]).counts for at in range(0, len(content), BLOCK))


def _is_type_1(content: bytes) -> bool:
    """Return whether a font's cipher, whose key is the same in all fonts, is one."""
    head, _, rest = content.partition(b"eexec")
    key, said = _KEY, bytearray()
    for byte in rest.lstrip(b" \t\r\n")[:_GLANCE]:
        said.append(byte ^ (key >> 8))
        key = ((byte + key) * _FACTOR + _OFFSET) & 0xFFFF
    return bool(head) and b"/Private" in said
