"""Read what the pages of a PDF file say (ISO 32000-1): the text that is shown, whatever numbers its fonts give to letters.

Every version of every object is read, and every stream that shows text, whether a page names it or not. What is not read is told.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

from expunge.residue.formats.containers import pdf_acts, pdf_filters
from expunge.residue.formats.containers.pdf_acts import plain_name
from expunge.residue.formats.containers.pdf_fonts import SIGN, UNKNOWN, Font, font
from expunge.residue.formats.slices import Slice

MAGIC = b"%PDF-"
MOST = 1 << 24
"""Bytes of a file inside another that are read, and bytes that one unpacks to."""
LONGEST = 1 << 26
"""Bytes of a file that are read."""
_READ = 1 << 16
_HEAD = re.compile(rb"%PDF-\d\.\d[\s%]")
_END = re.compile(rb"%%EOF\s*")
_GOES_ON = re.compile(rb"(?:%(?!PDF-)[^\r\n]{0,200}[\r\n]+\s*){0,8}(?:\d+\s+\d+\s+obj|xref\s)")
_AHEAD = 2048
_OBJECT = re.compile(rb"(\d{1,10})\s+\d{1,5}\s+obj\b")
STREAM = re.compile(rb"\bstream(?:\r\n|\n|\r)")
_LENGTH = re.compile(rb"/Length\s+(\d+)(?!\s+\d+\s+R)")
_ENCRYPTED = re.compile(rb"/Encrypt\s*(?:\d+\s+\d+\s+R|<<)")
_FILTER = re.compile(rb"/Filter\s*(\[[^\]]*\]|/\w+|\d+\s+\d+\s+R)")
_NAME = re.compile(rb"/(\w+)")
_ENTRY = re.compile(rb"<<|>>|/(?P<name>[^\s/<>\[\]()]+)|(?P<number>\d+)\s+\d+\s+R")
_BRACES = re.compile(rb"<<|>>")
_NUMBER_OF = {name: re.compile(rb"/%s\s+(\d+)" % name) for name in (b"N", b"First")}
_CONTENTS = re.compile(rb"/Contents\s*(\[[^\]]*\]|\d+\s+\d+\s+R)")
_EACH = re.compile(rb"(\d+)\s+\d+\s+R")
_FONT = re.compile(rb"/Type\s*/Font\b")
_LETTERS = re.compile(rb"/(?:CIDSet|CIDToGIDMap)\s+(\d+)\s+\d+\s+R")
_GRAPHICS_FONT = re.compile(rb"/Font\s*\[\s*(\d+)\s+\d+\s+R")
_IMAGE = re.compile(rb"/Subtype\s*/Image\b")
BITMAPS = frozenset({b"CCITTFaxDecode", b"CCF", b"JBIG2Decode"})
JPEG_2000 = b"JPXDecode"
PICTURES = BITMAPS | {JPEG_2000, b"DCTDecode", b"DCT"}
"""Filters that pack pictures."""
_STRUCTURE = re.compile(rb"/Type\s*/(?:ObjStm|XRef)\b")
_FONT_PROGRAMS = (b"%!", b"\0\1\0\0", b"OTTO", b"true", b"ttcf", b"\1\0\4")
_ACTS = re.compile(rb"[\t\n\f\r\x20-\x7e]*\Z")
_GLANCE = 64
UNOPENED = frozenset({b"LZWDecode", b"LZW", b"RunLengthDecode", b"RL"})
"""Filters that are undone for pages alone: a scan opens all others wherever they are."""
_NO_SIGNS = dict.fromkeys(map(ord, SIGN))
BETWEEN = b"\n\0\n"
"""Between the texts of two pages."""
_MOST_READINGS = 16
_MOST_PARENTS = 16
_FEW = 4
"""Different numbers without a letter from which on a text counts as not read: single signs of fonts of symbols have none in many files."""
_DINGBATS = re.compile("[\u2701-\u27be]")
_MANY_DINGBATS = 12
"""Different ones on a page from which on they stand for letters: some programs count them up where they know none."""
_PROGRAM = 1 << 15
_WORK = 1 << 27
"""Bytes of dictionaries that are looked through in one file, each as often as it is: those that refer to each other have no end."""
_PAGE = 1 << 10
"""Bytes that the looking for what a page shows counts as."""


class _Tangled(Exception):
    """A file whose dictionaries refer to more than is looked through."""


class _Object(NamedTuple):
    said: bytes
    """Its dictionary, or all of it."""
    begin: int = 0
    end: int = 0
    """Where its stream lies in the file; both 0 where it has none."""


class Stream(NamedTuple):
    """A stream of a file, as it is packed."""

    begin: int
    end: int
    said: bytes
    """Its dictionary."""
    filters: list[bytes]
    shown: bool
    """Whether what it shows is read, or its objects are."""
    of_letters: bool
    """Whether it says which letters a font has, with a bit for each, or their numbers."""


_Named = dict[bytes, list[int | bytes]]
"""Fonts by name: numbers of objects, or dictionaries."""


def runs(source: Slice) -> Iterator[tuple[int, str, Iterator[bytes]]]:
    """Yield (offset, how it was hidden, pieces) for the text of the PDF file that ``source`` begins with, in UTF-8."""
    data = _extent(source)
    said = text(data) if data else b""
    if said:
        yield 0, "pdf", iter((said,))


def begins(head: bytes) -> bool:
    """Return whether a file begins with some bytes."""
    return _HEAD.match(head) is not None


def text(data: bytes) -> bytes:
    """Return what all pages say: twice where it cannot be told whether parts of a line are parts of a word, or how letters run."""
    said = [*dict.fromkeys(_shown_by(_File(data)))]
    parted = [each.replace(pdf_acts.PARTS, " ") for each in said]
    joined = [each.replace(pdf_acts.PARTS, "") for each in said]
    every = parted if parted == joined else [*parted, *joined]
    leftward = [ordered for each in every if (ordered := pdf_acts.in_order_of_reading(each))]
    return BETWEEN.join(each.translate(_NO_SIGNS).encode("utf-8", "replace") for each in (*every, *leftward))


def files(data: Slice, most: int) -> Iterator[tuple[int, int, list[Stream] | None]]:
    """Yield (begin, end, streams) for each PDF file in ``data``, as a scan reads it that keeps ``most`` bytes of a file.

    None for the streams of a file of which not all that it shows is read.
    """
    whole, at = data.read_at(0, data.size), 0
    while (at := whole.find(MAGIC, at)) >= 0:
        one = _extent(data.part(at), most) if _HEAD.match(whole, at) else b""
        if one:
            yield at, at + len(one), _streams(one, at)
        at += max(len(MAGIC), len(one))


def _streams(data: bytes, at: int) -> list[Stream] | None:
    if _ENCRYPTED.search(data):
        return None
    file = _File(data)
    for _ in _shown_by(file):
        pass
    if file.refused or len(file.dark) >= _FEW:
        return None
    bits = {int(number) for each in file.each() for number in _LETTERS.findall(each.said)}
    return [
        Stream(at + each.begin, at + each.end, each.said, file.filters(each), (each.begin, each.end) in file.read, number in bits)
        for number, versions in file.objects.items()
        for each in versions
        if each.end
    ]


def _shown_by(file: _File) -> Iterator[str]:
    try:
        yield from file.said()
    except _Tangled:
        file.refused = True


def pictures_and_pages(data: bytes) -> Iterator[bytes]:
    """Yield the streams that are a document's own as they are packed: no fonts, profiles and tables, which many documents share."""
    file = _File(data)
    pages = {number for each in file.each() for number in file.contents(each)}
    for number, versions in file.objects.items():
        for each in versions:
            if each.end and (number in pages or b"/Image" in each.said or b"/Form" in each.said):
                yield data[each.begin : each.end]


def _extent(source: Slice, most: int = LONGEST) -> bytes:
    """Return the file from its head to the last end mark that no further object follows."""
    data = bytearray()
    if not _HEAD.match(source.read_at(0, _AHEAD)):
        return b""
    looked = len(MAGIC)
    while len(data) < most and (more := source.read_at(len(data), min(_READ, most - len(data)))):
        data += more
        following = data.find(MAGIC, looked)
        if following >= 0 and _HEAD.match(data, following):
            return bytes(data[:following])
        for end in _END.finditer(data, looked):
            if len(data) - end.end() < _AHEAD and len(more) == _READ:
                break
            if not _GOES_ON.match(data, end.end()):
                return bytes(data[: end.end()])
        looked = max(len(MAGIC), len(data) - 2 * _AHEAD)
    return bytes(data)


class _File:
    """The objects of one file in all their versions, and the fonts that its pages name."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._left, self._work = MOST, _WORK
        self.refused = False
        """Whether a stream that may show text does not decode."""
        self.dark: set[int] = set()
        """Numbers of letters that are shown and that no font says."""
        self.read: set[tuple[int, int]] = set()
        """Where the streams lie of which is read what they show, and which objects they hold."""
        self.objects: dict[int, list[_Object]] = {}
        for number, each in self._written():
            self.objects.setdefault(number, []).append(each)
        for each in [*self.each()]:
            if b"/ObjStm" in each.said:
                for number, inner in self._packed(each):
                    self.objects.setdefault(number, []).append(inner)
        self._fonts: dict[int | bytes, list[Font]] = {}
        self._own: dict[bytes, _Named] = {}
        self._all: _Named | None = None
        self._any: list[int | bytes] = [
            number for number, versions in self.objects.items() if any(_FONT.search(version.said) for version in versions)
        ]
        self._of_graphics: list[int | bytes] = [int(number) for each in self.each() for number in _GRAPHICS_FONT.findall(each.said)]

    def each(self) -> Iterator[_Object]:
        """Yield all versions of all objects."""
        for versions in self.objects.values():
            yield from versions

    def _written(self) -> Iterator[tuple[int, _Object]]:
        data, at = self._data, 0
        while (head := _OBJECT.search(data, at)) is not None:
            end = data.find(b"endobj", head.end())
            end = len(data) if end < 0 else end
            stream = STREAM.search(data, head.end(), end)
            if stream is None:
                yield int(head[1]), _Object(_plain_names(data[head.end() : end]))
                at = end
                continue
            said = _plain_names(data[head.end() : stream.start()])
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
            self.refused = True
            return
        self.read.add((holder.begin, holder.end))
        # Why: a scan finds what these objects say in what it unpacks itself.
        self.refused |= not UNOPENED.isdisjoint(self.filters(holder))
        begin = int(first[1])
        numbers = [int(each) for each in re.findall(rb"\d+", content[:begin])[: 2 * int(count[1])]]
        bounds = [begin + each for each in numbers[1::2]]
        for number, start, end in zip(numbers[::2], bounds, [*bounds[1:], len(content)], strict=False):
            yield number, _Object(_plain_names(content[start:end]))

    def _content(self, each: _Object) -> bytes:
        """Return what a stream holds, as far as it can be unpacked and is allowed."""
        try:
            data = self._undone(each, self._left + 1)
        except pdf_filters.Refused:
            self.refused = True
            return b""
        self._left -= len(data)
        if self._left < 0:
            self.refused = True
            return data[: self._left] if self._left + len(data) > 0 else b""
        return data

    def _undone(self, each: _Object, most: int) -> bytes:
        return pdf_filters.undone(self._data[each.begin : each.end], self.filters(each), each.said, most)

    def filters(self, each: _Object) -> list[bytes]:
        """Return the names of a stream's filters, the first to be undone first."""
        found = _FILTER.search(each.said)
        return _NAME.findall(b"".join(self._said_by(found[1]))) if found else []

    def _said_by(self, value: bytes) -> Iterator[bytes]:
        """Yield a value, and what it refers to."""
        yield value
        for number in _EACH.findall(value):
            yield from (each.said for each in self.objects.get(int(number), [])[-1:])

    def contents(self, page: _Object) -> list[int]:
        """Return the streams that say what a page shows."""
        found = _CONTENTS.search(page.said)
        numbers = [int(number) for number in _EACH.findall(found[1])] if found else []
        lists = [each.said for number in numbers for each in self.objects.get(number, []) if not each.end]
        return [*numbers, *(int(number) for each in lists if each.lstrip().startswith(b"[") for number in _EACH.findall(each))]

    def _spend(self, size: int) -> None:
        """Count bytes that are looked through. Raises _Tangled when there were too many."""
        self._work -= size
        if self._work < 0:
            raise _Tangled

    def _dictionaries(self, said: bytes, key: bytes) -> Iterator[bytes]:
        """Yield the dictionaries that an entry says or refers to, in all versions."""
        self._spend(len(said))
        for found in re.finditer(rb"/%s\s*(?:<<|(\d+)\s+\d+\s+R)" % key, said):
            for each in [version.said for version in self.objects.get(int(found[1]), ())] if found[1] else [_inside(said, found.end())]:
                self._spend(len(each))
                yield each

    def _named(self, said: bytes) -> _Named:
        """Return the fonts of a dictionary of resources by their names."""
        named: _Named = {}
        for inner in self._dictionaries(said, b"Font"):
            for name, font_of in _entries(inner):
                named.setdefault(name, []).append(font_of)
        return named

    def _all_named(self) -> _Named:
        """Return the fonts of all dictionaries of the file by their names."""
        if self._all is None:
            self._all = {}
            for each in self.each():
                self._add(self._all, self._named(each.said))
        return self._all

    def _add(self, to: _Named, more: _Named) -> None:
        for name, fonts in more.items():
            known = to.setdefault(name, [])
            self._spend(len(known) * len(fonts))
            known += [each for each in fonts if each not in known]

    def _names(self, said: bytes) -> _Named:
        """Return the fonts that a page, or a form, may name by its resources and those of its parents."""
        named: _Named = {}
        parents, seen = [said], {said}
        for _ in range(_MOST_PARENTS):
            for each in parents:
                self._add(named, {name: fonts for name, fonts in self._named_by(each).items() if name not in named})
            above = [one for each in parents[:_MOST_PARENTS] for one in self._dictionaries(each, b"Parent")]
            parents = [one for one in dict.fromkeys(above) if one not in seen]
            seen.update(parents)
        return named

    def _named_by(self, said: bytes) -> _Named:
        """Return the fonts that a dictionary and its resources name. It is not to be changed: many pages have it in common."""
        if said not in self._own:
            self._own[said] = self._named(said)
            for resources in self._dictionaries(said, b"Resources"):
                self._add(self._own[said], self._named(resources))
        return self._own[said]

    def _units(self) -> Iterator[tuple[bytes, _Named]]:
        """Yield what is shown together, and the fonts that it may name: pages, and streams that no page names."""
        for each in self.each():
            numbers = self.contents(each)
            if not numbers:
                continue
            names = self._names(each.said)
            self.refused |= any(number not in self.objects for number in numbers)
            streams = [self.objects[number] for number in numbers if number in self.objects]
            for back in range(max(map(len, streams), default=0)):
                versions = [of[max(0, len(of) - 1 - back)] for of in streams]
                self._spend(_PAGE)
                self.read.update((version.begin, version.end) for version in versions)
                yield b"\n".join(self._content(version) for version in versions if version.end), names
        for each in self.each():
            if each.end and (each.begin, each.end) not in self.read and self._may_show(each):
                self.read.add((each.begin, each.end))
                yield self._content(each), self._names(each.said)

    def _may_show(self, each: _Object) -> bool:
        """Return whether a stream that no page names has acts that show text."""
        filters = self.filters(each)
        image = _IMAGE.search(each.said) and b"/Width" in each.said and b"/BBox" not in each.said
        if image or _STRUCTURE.search(each.said) or not PICTURES.isdisjoint(filters):
            return False
        try:
            content = self._undone(each, MOST)
        except pdf_filters.Refused:
            self.refused |= b"/Length1" not in each.said and b"/EmbeddedFile" not in each.said
            return False
        self._spend(len(content) // 4)
        acts = not content.startswith(_FONT_PROGRAMS) and _ACTS.match(content[:_GLANCE])
        return bool(acts and pdf_acts.SHOWS.search(content))

    def said(self) -> Iterator[str]:
        """Yield what each page and each form says, with a mark where the next part goes on in the same line."""
        for content, names in self._units():
            if not pdf_acts.SHOWS.search(content):
                continue
            acts, _ = pdf_acts.parted(content)
            fonts = {
                name: self._fonts_of(names.get(name) or self._all_named().get(name, self._any))
                for name in map(plain_name, pdf_acts.USED.findall(acts))
            }
            of_graphics = self._fonts_of(self._of_graphics) if self._of_graphics else []
            readings = max(map(len, (*fonts.values(), of_graphics)), default=1) or 1
            self.refused |= readings > _MOST_READINGS
            most: set[int] = set()
            for turn in range(min(readings, _MOST_READINGS)):
                of = {name: each[turn % len(each)] for name, each in fonts.items()}
                shown, dark = pdf_acts.shown(acts, of, of_graphics[turn % len(of_graphics)] if of_graphics else None)
                most = max(most, dark, key=len)
                self.refused |= len({*_DINGBATS.findall(shown)}) >= _MANY_DINGBATS
                if shown.strip():
                    yield shown
            self.dark |= most
        for each in self.each():
            yield from pdf_acts.strings(each.said)

    def _fonts_of(self, keys: list[int | bytes]) -> list[Font]:
        """Return the fonts that a name may mean."""
        found: list[Font] = []
        for key in keys:
            if key not in self._fonts:
                versions = [key] if isinstance(key, bytes) else [each.said for each in self.objects.get(key, ())]
                self._fonts[key] = [each for said in versions for each in self._versions(said)]
            found += [each for each in self._fonts[key] if each not in found]
        return found or [UNKNOWN]

    def _versions(self, said: bytes) -> Iterator[Font]:
        """Yield a font in the versions of what it refers to."""
        count = max((len(self.objects.get(int(number), ())) for number in _EACH.findall(said)), default=1)

        def part(name: bytes, back: int) -> tuple[bytes, bytes]:
            within = part(b"FontDescriptor", back)[0] if name == b"FontFile" else said
            found = re.search(rb"/%s\s*(?:(\d+)\s+\d+\s+R|(/[^\s/<>\[\]()]+)|<<)" % name, within)
            if found is None:
                return b"", b""
            if found[1] is None:
                return found[2] or _inside(within, found.end()), b""
            versions = self.objects.get(int(found[1]), ())
            if not versions:
                return b"", b""
            meant = versions[max(0, len(versions) - 1 - back)]
            try:
                content = self._undone(meant, _PROGRAM if name == b"FontFile" else MOST) if meant.end else b""
            except pdf_filters.Refused:
                content = b""
            return meant.said, content

        for back in range(min(max(1, count), _MOST_READINGS)):
            yield font(said, partial(part, back=back))


def _plain_names(said: bytes) -> bytes:
    """Return a dictionary with the letters of names that are written as numbers."""
    return re.sub(rb"/[^\s/<>\[\]()]*#[^\s/<>\[\]()]*", lambda found: plain_name(found[0]), said) if b"#" in said else said


def _inside(said: bytes, begin: int) -> bytes:
    """Return what stands up to the end of the dictionary that begins before ``begin``."""
    depth = 1
    for found in _BRACES.finditer(said, begin):
        depth += 1 if found[0] == b"<<" else -1
        if not depth:
            return said[begin : found.start()]
    return said[begin:]


def _entries(said: bytes) -> Iterator[tuple[bytes, int | bytes]]:
    """Yield the names of a dictionary with what they refer to, or the dictionaries that they say."""
    depth, name, said = 0, b"", said.strip()
    said = _inside(said, 2) if said.startswith(b"<<") else said
    for found in _ENTRY.finditer(said):
        if found[0] == b"<<":
            if not depth and name:
                yield name, _inside(said, found.end())
                name = b""
            depth += 1
        elif found[0] == b">>":
            depth = max(0, depth - 1)
        elif found["name"] is not None and depth == 0:
            name = found["name"]
        elif found["number"] is not None and depth == 0 and name:
            yield name, int(found["number"])
            name = b""
