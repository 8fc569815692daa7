"""Read what the pages of a PDF file say (ISO 32000-1): the text that is shown, whatever numbers its fonts give to letters."""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from collections.abc import Iterator
from typing import NamedTuple

from expunge.residue.formats.slices import Slice

MAGIC = b"%PDF-"
MOST = 1 << 24
"""Bytes of a file that are read, and bytes that one unpacks to."""
_READ = 1 << 16
_HEAD = re.compile(rb"%PDF-\d\.\d\s*[\r\n]")
_END = re.compile(rb"%%EOF\s*")
_GOES_ON = re.compile(rb"\d+\s+\d+\s+obj|xref\s")
_LONGEST_HEAD = 32
_OBJECT = re.compile(rb"(\d{1,10})\s+\d{1,5}\s+obj\b")
_STREAM = re.compile(rb"stream\r?\n")
_LENGTH = re.compile(rb"/Length\s+(\d+)(?!\s+\d+\s+R)")
_FILTER = re.compile(rb"/Filter\s*(\[[^\]]*\]|/\w+)")
_NAME = re.compile(rb"/(\w+)")
_REFERENCE = re.compile(rb"/([^\s/<>\[\]()]+)\s+(\d+)\s+\d+\s+R")
_INLINE_FONTS = re.compile(rb"/Font\s*<<(.*?)>>", re.DOTALL)
_NUMBER_OF = {name: re.compile(rb"/%s\s+(\d+)" % name) for name in (b"N", b"First")}
_CONTENTS = re.compile(rb"/Contents\s*(\[[^\]]*\]|\d+\s+\d+\s+R)")
_EACH = re.compile(rb"(\d+)\s+\d+\s+R")
_TOKEN = re.compile(
    rb"(?P<text>\((?:[^()\\]++|\\.|\((?:[^()\\]++|\\.)*+\))*+\))|(?P<hex><[0-9A-Fa-f\s]*>)|(?P<name>/[^\s/<>\[\]()]*)"
    rb"|(?P<number>[-+]?\d*\.?\d+)|(?P<act>[A-Za-z'\"]\w*\*?)",
    re.DOTALL,
)
_PICTURE = re.compile(rb"\bBI\s.*?\sEI\b", re.DOTALL)
_ESCAPE = re.compile(rb"\\([0-7]{1,3}|\r\n|.)", re.DOTALL)
_ESCAPES = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f", b"\r\n": b"", b"\n": b"", b"\r": b""}
_PARTS = "\x1f"
"""Between two parts of a line, which may be parts of a word."""
BETWEEN = b"\n\0\n"
"""Between the texts of two pages."""
_WIDE_GAP = -180.0
"""Thousandths of the size of letters from which on a gap between two parts of a line is a blank."""
_CODES = re.compile(rb"begincodespacerange\s*<([0-9A-Fa-f]+)>")
_CHARS, _RANGES = (re.compile(rb"begin%s(.*?)end%s" % (kind, kind), re.DOTALL) for kind in (b"bfchar", b"bfrange"))
_CHAR = re.compile(rb"<([0-9A-Fa-f\s]+)>\s*<([0-9A-Fa-f\s]*)>")
_RANGE = re.compile(rb"<([0-9A-Fa-f]+)>\s*<([0-9A-Fa-f]+)>\s*(?:<([0-9A-Fa-f\s]*)>|\[([^\]]*)\])")
_MOST_LETTERS = 1 << 16


class _Object(NamedTuple):
    said: bytes
    """Its dictionary, or all of it."""
    begin: int = 0
    end: int = 0
    """Where its stream lies in the file; both 0 where it has none."""


class _Font(NamedTuple):
    width: int
    """Bytes of a letter."""
    letters: dict[int, str]


_ORDINARY = _Font(1, {})


def runs(source: Slice) -> Iterator[tuple[int, str, Iterator[bytes]]]:
    """Yield (offset, how it was hidden, pieces) for the text of the PDF file that ``source`` begins with, in UTF-8."""
    data = _extent(source)
    said = text(data) if data else b""
    if said:
        yield 0, "pdf", iter((said,))


def text(data: bytes) -> bytes:
    """Return what all pages say: twice where it cannot be told whether parts of a line are parts of a word."""
    if b"/Encrypt" in data:
        return b""
    said = [*_File(data).said()]
    parted = [each.replace(_PARTS, " ") for each in said]
    joined = [each.replace(_PARTS, "") for each in said]
    return BETWEEN.join(each.encode("utf-8", "replace") for each in (parted if parted == joined else [*parted, *joined]))


def pictures_and_pages(data: bytes) -> Iterator[bytes]:
    """Yield the streams that are a document's own as they are packed: no fonts, profiles and tables, which many documents share."""
    file = _File(data)
    pages = {number for each in file.objects.values() for number in _contents(each)}
    for number, each in file.objects.items():
        if each.end and (number in pages or b"/Image" in each.said or b"/Form" in each.said):
            yield data[each.begin : each.end]


def _contents(page: _Object) -> list[int]:
    """Return the streams that say what a page shows."""
    found = _CONTENTS.search(page.said)
    return [int(number) for number in _EACH.findall(found[1])] if found else []


def _extent(source: Slice) -> bytes:
    """Return the file from its head to the last end mark that no further object follows."""
    data = b""
    if not _HEAD.match(source.read_at(0, _LONGEST_HEAD)):
        return b""
    looked = len(MAGIC)
    while len(data) < MOST and (more := source.read_at(len(data), _READ)):
        data += more
        following = data.find(MAGIC, looked)
        if following >= 0 and _HEAD.match(data, following):
            return data[:following]
        for end in _END.finditer(data, looked):
            if len(data) - end.end() < _LONGEST_HEAD and len(more) == _READ:
                break
            if not _GOES_ON.match(data, end.end()):
                return data[: end.end()]
        looked = max(len(MAGIC), len(data) - 2 * _LONGEST_HEAD)
    return data


class _File:
    """The objects of one file, and the fonts that its pages name."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._left = MOST
        self.objects: dict[int, _Object] = dict(self._written())
        for each in [*self.objects.values()]:
            if b"/ObjStm" in each.said:
                self.objects.update(self._packed(each))
        self._fonts: dict[int, _Font] = {}
        self._all = {name: number for each in self.objects.values() for name, number in self._named(each.said)}

    def _written(self) -> Iterator[tuple[int, _Object]]:
        data, at = self._data, 0
        while (head := _OBJECT.search(data, at)) is not None:
            end = data.find(b"endobj", head.end())
            end = len(data) if end < 0 else end
            stream = _STREAM.search(data, head.end(), end)
            if stream is None:
                yield int(head[1]), _Object(data[head.end() : end])
                at = end
                continue
            said = data[head.end() : stream.start()]
            length = _LENGTH.search(said)
            stop = stream.end() + int(length[1]) if length else -1
            if length is None or not data[stop : stop + 16].lstrip().startswith(b"endstream"):
                stop = data.find(b"endstream", stream.end())
                stop = len(data) if stop < 0 else stop
            yield int(head[1]), _Object(said, stream.end(), stop)
            at = stop

    def _packed(self, holder: _Object) -> Iterator[tuple[int, _Object]]:
        count, first = (_NUMBER_OF[name].search(holder.said) for name in (b"N", b"First"))
        content = self._content(holder)
        if count is None or first is None:
            return
        begin = int(first[1])
        numbers = [int(each) for each in re.findall(rb"\d+", content[:begin])[: 2 * int(count[1])]]
        bounds = [begin + each for each in numbers[1::2]]
        for number, start, end in zip(numbers[::2], bounds, [*bounds[1:], len(content)], strict=False):
            yield number, _Object(content[start:end])

    def _content(self, each: _Object) -> bytes:
        """Return what a stream holds, as far as it can be unpacked; nothing where it is no text."""
        data = self._data[each.begin : each.end]
        filters = _FILTER.search(each.said)
        for name in _NAME.findall(filters[1]) if filters else ():
            try:
                if name in {b"FlateDecode", b"Fl"}:
                    data = zlib.decompressobj().decompress(data, max(1, self._left))
                elif name in {b"ASCII85Decode", b"A85"}:
                    data = base64.a85decode(data.strip().removeprefix(b"<~").removesuffix(b"~>"))
                elif name in {b"ASCIIHexDecode", b"AHx"}:
                    data = binascii.unhexlify(b"".join(data.partition(b">")[0].split()))
                else:
                    return b""
            except (zlib.error, ValueError):
                return b""
        self._left -= len(data)
        return data

    def _named(self, said: bytes) -> Iterator[tuple[bytes, int]]:
        """Yield the fonts of a dictionary of resources by their names."""
        for each in _INLINE_FONTS.findall(said):
            yield from ((name, int(number)) for name, number in _REFERENCE.findall(each))
        for name, number in _REFERENCE.findall(said):
            if name == b"Font" and int(number) in self.objects:
                yield from ((inner, int(font)) for inner, font in _REFERENCE.findall(self.objects[int(number)].said))

    def _names(self, said: bytes) -> dict[bytes, int]:
        """Return the fonts that a page, or a form in it, may name."""
        named = dict(self._named(said))
        for name, number in _REFERENCE.findall(said):
            if name == b"Resources" and int(number) in self.objects:
                named.update(self._named(self.objects[int(number)].said))
        return self._all | named

    def said(self) -> Iterator[str]:
        """Yield what each page and each form says, with a mark where the next part goes on in the same line."""
        for each in [*self.objects.values()]:
            streams = [self.objects[number] for number in _contents(each) if number in self.objects]
            if not streams and each.end and (b"/Form" in each.said or b"/Pattern" in each.said):
                streams = [each]
            acts = b"\n".join(self._content(stream) for stream in streams)
            shown = self._shown(acts, self._names(each.said)) if acts else ""
            if shown.strip():
                yield shown

    def _shown(self, acts: bytes, names: dict[bytes, int]) -> str:
        shown: list[str] = []
        font, parts, numbers, named = _ORDINARY, list[str](), list[float](), b""
        for token in _TOKEN.finditer(_PICTURE.sub(b"", acts)):
            kind, word = token.lastgroup, token[0]
            if kind == "text":
                parts.append(_decoded(_unescaped(word[1:-1]), font))
            elif kind == "hex":
                digits = b"".join(word[1:-1].split())
                parts.append(_decoded(binascii.unhexlify(digits + b"0" * (len(digits) % 2)), font))
            elif kind == "name":
                named = word[1:]
            elif kind == "number":
                numbers.append(float(word))
                if parts and numbers[-1] < _WIDE_GAP:
                    parts.append(" ")
            else:
                if word == b"Tf":
                    font = self._font(names.get(named, -1))
                shown += _act(word, parts, numbers)
                parts, numbers = [], []
        return "".join(shown)

    def _font(self, number: int) -> _Font:
        known = self._fonts.get(number)
        if known is None:
            said = self.objects[number].said if number in self.objects else b""
            map_of = next((int(each) for name, each in _REFERENCE.findall(said) if name == b"ToUnicode"), -1)
            known = _letters(self._content(self.objects[map_of])) if map_of in self.objects else _ORDINARY
            self._fonts[number] = known
        return known


def _act(word: bytes, parts: list[str], numbers: list[float]) -> list[str]:
    """Return what an act shows."""
    if word in {b"Tj", b"TJ"}:
        return parts
    if word in {b"'", b'"'}:
        return ["\n", *parts]
    if word in {b"Td", b"TD"}:
        return ["\n" if numbers[-1:] != [0.0] else _PARTS]
    return {b"Tm": ["\n"], b"T*": ["\n"], b"ET": [_PARTS]}.get(word, [])


def _letters(content: bytes) -> _Font:
    """Return the letters of a font by the table that says which they are."""
    code = _CODES.search(content)
    letters: dict[int, str] = {}
    for block in _CHARS.findall(content):
        letters.update((int(b"".join(source.split()) or b"0", 16), _letter(target)) for source, target in _CHAR.findall(block))
    for block in _RANGES.findall(content):
        for first, last, target, each in _RANGE.findall(block):
            begin, end = int(first, 16), int(last, 16)
            if end - begin >= _MOST_LETTERS:
                continue
            if each:
                targets = re.findall(rb"<([0-9A-Fa-f\s]*)>", each)
                letters.update(zip(range(begin, end + 1), map(_letter, targets), strict=False))
            elif base := _letter(target):
                letters.update((begin + step, base[:-1] + chr(min(0x10FFFF, ord(base[-1]) + step))) for step in range(end - begin + 1))
    return _Font(len(code[1]) // 2 if code else 1, letters)


def _letter(digits: bytes) -> str:
    digits = b"".join(digits.split())
    return binascii.unhexlify(digits).decode("utf-16-be", "replace") if digits and len(digits) % 2 == 0 else ""


def _unescaped(data: bytes) -> bytes:
    return _ESCAPE.sub(_meant, data) if b"\\" in data else data


def _meant(escape: re.Match[bytes]) -> bytes:
    sign = escape[1]
    return bytes((int(sign, 8) & 0xFF,)) if sign[:1].isdigit() and sign[:1] < b"8" else _ESCAPES.get(sign, sign)


def _decoded(data: bytes, font: _Font) -> str:
    if font.width == 1:
        plain = data.decode("cp1252", "replace")
        return "".join(font.letters.get(byte, sign) for byte, sign in zip(data, plain, strict=True)) if font.letters else plain
    width = max(1, font.width)
    codes = (int.from_bytes(data[at : at + width], "big") for at in range(0, len(data), width))
    return "".join(font.letters.get(code, "") for code in codes)
