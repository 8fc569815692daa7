"""Read only those lines of files of JSON lines that can hold some texts, where all others are known to be sound.

A line that cannot be parsed may be anybody's, so every line is parsed once. Only a digest of the whole content is remembered of that.
Lines that a rewrite copies were parsed when they were read: of the file that they make, the digest is known as well.
Later reads go through every byte again and compare their digest: content that was written since is parsed line by line again. So nothing
that is remembered can be out of date.
"""

from __future__ import annotations

import io
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TYPE_CHECKING, BinaryIO, cast

from expunge.stores.tree.record_files import BOM, DAMAGED, FileRecord, decoded, ends_of, json_line

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

DIGEST = 32
_MOST_FILES = 10_000
"""Files of which a digest is remembered."""
_MOST_TEXTS = 16
"""Texts that are looked for one by one; of more, each line is parsed."""
_MOST_LINES, _MOST_BYTES = 4096, 1 << 22
"""Lines and bytes that are kept until the digest of the whole is known."""
_LINE_LIMIT = 1 << 24
_BLOCK = 1 << 18
_OTHER_ENCODINGS = (b"\xff\xfe", b"\xfe\xff")
_ESCAPED = frozenset('"\\/').union(map(chr, range(32)))
"""Characters that JSON writes in more ways than as themselves and by their numbers."""
_NUMERIC = frozenset("0123456789+-.eE")
_WORDS = frozenset({"true", "false", "inf", "-inf", "nan"})
_BY_NUMBER = b"\\u"


@dataclass(frozen=True)
class Needles:
    """Texts that stand in a line of JSON as they are, unless characters are written by their numbers."""

    texts: tuple[bytes, ...] = field(repr=False)
    near: bool
    """Texts that are near them count as well (:func:`expunge.core.datamap.spelling.near`)."""

    @classmethod
    def of(cls, texts: Collection[str], *, near: bool = False) -> Needles | None:
        """Return what to look for; None where a line can hold one of the texts in other ways, or there are too many.

        Args:
            texts: whole values of fields.
            near: texts near them are meant as well; they are in lower case then.
        """
        # Why none of numbers: 1000 may be written as 1e3.
        if len(texts) > _MOST_TEXTS or not all(map(_plain, texts)):
            return None
        return cls(tuple(sorted(text.encode() for text in texts)), near)

    def lines(self, data: bytes) -> Iterator[tuple[int, int]]:
        """Yield where each line begins and ends that can hold one of them, in order. Raises Unsearchable."""
        searched = data
        if self.near:
            if not data.isascii():
                # Why not: other letters may have relatives that are found by their own rules.
                raise Unsearchable
            searched = data.lower()
        starts = set[int]()
        for sought in (*self.texts, _BY_NUMBER):
            at = searched.find(sought)
            while at >= 0:
                starts.add(searched.rfind(b"\n", 0, at) + 1)
                end = searched.find(b"\n", at)
                at = searched.find(sought, end) if end >= 0 else -1
        for start in sorted(starts):
            yield start, (data.find(b"\n", start) + 1) or len(data)


class Unsearchable(Exception):
    """Every line has to be parsed."""


class SoundFiles:
    """The files of one dataset that were parsed to their ends without trouble."""

    def __init__(self) -> None:
        self._digests: dict[str, bytes] = {}

    def note(self, key: str, digest: bytes) -> None:
        """Record that every line of the content with this digest was parsed."""
        if len(self._digests) >= _MOST_FILES:
            self._digests.clear()
        self._digests[key] = digest

    def knows(self, key: str) -> bool:
        """Return whether a file of this name was parsed before, whatever it holds now."""
        return key in self._digests

    def holding(self, file: BinaryIO, key: str, needles: Needles, fields: Sequence[str]) -> list[FileRecord] | None:
        """Return the records, in order, that can hold one of the texts; None where every line has to be parsed.

        Args:
            file: as it lies on disk, at its start.
            key: its name.
            needles: the texts.
            fields: that the caller will ask for.

        Raises:
            OSError: when it cannot be read.
        """
        try:
            with decoded(file, key) as plain:
                found, digest = _found(plain, needles)
        except (Unsearchable, *DAMAGED):
            return None
        if digest != self._digests.get(key):
            return None
        ends = ends_of(fields)
        return [json_line(raw, number, ends) for raw, number in found]


def _found(plain: BinaryIO, needles: Needles) -> tuple[list[tuple[bytes, int]], bytes]:
    """The lines that can hold one of the texts, with their numbers, and the digest of the whole. Raises Unsearchable."""
    digest = blake2b(digest_size=DIGEST)
    found: list[tuple[bytes, int]] = []
    number, size, rest, begun = 1, 0, b"", False
    while block := plain.read(_BLOCK):
        digest.update(block)
        if not begun and block.startswith(_OTHER_ENCODINGS):
            raise Unsearchable
        whole = rest + block.removeprefix(BOM) if not begun else rest + block
        begun = True
        end = whole.rfind(b"\n") + 1
        whole, rest = whole[:end], whole[end:]
        if len(rest) > _LINE_LIMIT:
            raise Unsearchable
        number, size = _take(whole, needles, number, size, found)
    _take(rest, needles, number, size, found)
    return found, digest.digest()


def _take(data: bytes, needles: Needles, number: int, size: int, found: list[tuple[bytes, int]]) -> tuple[int, int]:
    """Add what is found in some whole lines; return the number of the line after them, and the bytes that are kept."""
    counted = 0
    for start, end in needles.lines(data):
        number += data.count(b"\n", counted, start)
        counted = start
        found.append((data[start:end], number))
        size += end - start
        if len(found) > _MOST_LINES or size > _MOST_BYTES:
            raise Unsearchable
    return number + data.count(b"\n", counted), size


def _plain(text: str) -> bool:
    """Whether a field that has the text can only be written as a string, and in one way but for numbers of characters."""
    if not text or _NUMERIC.issuperset(text) or text.lower() in _WORDS or not _ESCAPED.isdisjoint(text):
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


class DigestingReader(io.RawIOBase):
    """A stream whose bytes go into a digest as they are read."""

    def __init__(self, inner: BinaryIO) -> None:
        super().__init__()
        self._inner = inner
        self.digest = blake2b(digest_size=DIGEST)

    @classmethod
    def around(cls, inner: BinaryIO) -> tuple[DigestingReader, BinaryIO]:
        """Return the reader, and the same as a file with a buffer."""
        reader = cls(inner)
        return reader, cast("BinaryIO", io.BufferedReader(reader, _BLOCK))

    def readable(self) -> bool:
        """Yes."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """As for every file."""
        view = memoryview(buffer).cast("B")
        data = self._inner.read(len(view))
        self.digest.update(data)
        view[: len(data)] = data
        return len(data)


class DigestingWriter(io.RawIOBase):
    """A stream whose bytes go into a digest as they are written."""

    def __init__(self, inner: BinaryIO) -> None:
        super().__init__()
        self._inner = inner
        self.digest = blake2b(digest_size=DIGEST)

    @classmethod
    @contextmanager
    def around(cls, inner: BinaryIO) -> Iterator[tuple[DigestingWriter, BinaryIO]]:
        """Hand out the writer, and the same as a file with a buffer that is written when the block ends."""
        writer = cls(inner)
        buffer = io.BufferedWriter(writer, _BLOCK)
        try:
            yield writer, cast("BinaryIO", buffer)
        finally:
            buffer.flush()

    def writable(self) -> bool:
        """Yes."""
        return True

    def write(self, data: ReadableBuffer) -> int:
        """As for every file."""
        self.digest.update(data)
        self._inner.write(data)
        return memoryview(data).nbytes
