"""The text of a file of records: without its compression, any stretch of it, and as one byte for each unit of its encoding."""

from __future__ import annotations

import os
import zlib
from bisect import bisect_right
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import numpy as np
import zstandard

_READ = 1 << 20
_OUT = 1 << 18
_PIECE = 1 << 12
"""Bytes of zstd that are decoded at a time: a few can stand for very many."""
_SEARCHED = 1 << 20
_MOST_FOUND = 100
"""Places at which bytes that lie in the open inside a compressed file are looked for in its content."""
_GZIP_HEAD, _GZIP_TAIL = 10, 8
_EXTRA, _NAME, _COMMENT, _CHECKSUM = 4, 8, 16, 2
"""Flags of a gzip header (RFC 1952)."""
_LITTLE, _BIG = b"\xff\xfe", b"\xfe\xff"
_WIDE_LITTLE = b"\xff\xfe\x00\x00"
UTF8_MARK = b"\xef\xbb\xbf"
_SINGLE = ("latin-1", "windows-1252")
_ASCII = 128
_OTHER = ord("x")
"""Stands for every unit that is no ASCII character."""

Stretch: TypeAlias = tuple[int, int]
"""Bytes of the content, from the first up to but not including the second."""


class DamagedContent(Exception):
    """The compressed data does not decode."""


@dataclass(frozen=True)
class Member:
    """One gzip member or zstd frame."""

    start: int
    """Place in the file."""
    body: int
    """Place in the file at which the compressed bytes begin."""
    end: int
    first: int
    """Place of its first byte in the content of the file."""
    last: int


class Content(Protocol):
    """Decoded bytes of a file."""

    def chunks(self) -> Iterator[bytes]:
        """Yield all of it. Raises DamagedContent."""
        ...

    def read(self, start: int, end: int) -> bytes:
        """Return a stretch; fewer bytes where the content ends. Raises DamagedContent."""
        ...

    def places(self, offset: int, length: int) -> list[Stretch]:
        """Return the stretches of the content in which bytes lie that lie in the open in the file; none where they are no content."""
        ...

    def inside(self, container: int, inner: int, length: int) -> list[Stretch]:
        """Return the stretch of the content that a scan decoded from the container at ``container``; none where that is no part of it."""
        ...


class PlainContent:
    """A file that is not compressed."""

    def __init__(self, descriptor: int) -> None:
        """Take an open file, which stays open."""
        self._descriptor = descriptor

    def chunks(self) -> Iterator[bytes]:
        """See :class:`Content`."""
        at = 0
        while data := os.pread(self._descriptor, _READ, at):
            at += len(data)
            yield data

    def read(self, start: int, end: int) -> bytes:
        """See :class:`Content`."""
        parts: list[bytes] = []
        while start < end and (data := os.pread(self._descriptor, end - start, start)):
            parts.append(data)
            start += len(data)
        return b"".join(parts)

    def places(self, offset: int, length: int) -> list[Stretch]:
        """See :class:`Content`."""
        return [(offset, offset + max(length, 1))]

    def inside(self, container: int, inner: int, length: int) -> list[Stretch]:  # noqa: ARG002 - it lies where the container begins
        """See :class:`Content`."""
        return [(container, container + 1)]


class PackedContent:
    """A file that is compressed as a whole: gzip members or zstd frames, one after the other.

    Stretches are best asked for in ascending order: to go back, the file is decoded from its start again.
    """

    def __init__(self, descriptor: int, *, gzip: bool) -> None:
        """Take an open file, which stays open."""
        self._descriptor = descriptor
        self._gzip = gzip
        self._members: list[Member] = []
        self._known = False
        self._pass: Iterator[bytes] = iter(())
        self._held = bytearray()
        self._at: int | None = None
        self._found: dict[tuple[Member, bytes], list[int]] = {}

    def chunks(self) -> Iterator[bytes]:
        """See :class:`Content`."""
        members: list[Member] = []
        yield from self._decoded(members)
        self._members, self._known = members, True

    def read(self, start: int, end: int) -> bytes:
        """See :class:`Content`."""
        if self._at is None or start < self._at:
            self._pass, self._held, self._at = self._decoded([]), bytearray(), 0
        while self._at + len(self._held) < end:
            self._drop(start)
            data = next(self._pass, b"")
            if not data:
                break
            self._held += data
        self._drop(start)
        return bytes(self._held[: end - start])

    def _drop(self, before: int) -> None:
        gone = min(before - (self._at or 0), len(self._held))
        del self._held[:gone]
        self._at = (self._at or 0) + gone

    def places(self, offset: int, length: int) -> list[Stretch]:
        """See :class:`Content`. Stored blocks and literals lie in the open as they are; headers and checksums are no content."""
        member = self._member(offset)
        end = offset + length
        if member is None or offset < member.body or end > member.end - (_GZIP_TAIL if self._gzip else 0) or not length:
            return []
        data = os.pread(self._descriptor, length, offset)
        if (member, data) not in self._found:
            self._found[member, data] = self._search(member, data)
        return [(place, place + length) for place in self._found[member, data]]

    def inside(self, container: int, inner: int, length: int) -> list[Stretch]:
        """See :class:`Content`."""
        member = self._member(container)
        if member is None or member.start != container:
            return []
        return [(member.first + inner, member.first + inner + max(length, 1))]

    def _search(self, member: Member, data: bytes) -> list[int]:
        found: list[int] = []
        for start in range(member.first, member.last, _SEARCHED):
            stretch = self.read(start, min(start + _SEARCHED + len(data) - 1, member.last))
            at = stretch.find(data)
            while at >= 0 and len(found) < _MOST_FOUND:
                found.append(start + at)
                at = stretch.find(data, at + 1)
        return found

    def _member(self, offset: int) -> Member | None:
        if not self._known:
            for _ in self.chunks():
                pass
        number = bisect_right(self._members, offset, key=lambda member: member.start) - 1
        return self._members[number] if number >= 0 and offset < self._members[number].end else None

    def _decoded(self, members: list[Member]) -> Iterator[bytes]:
        position = produced = start = first = 0
        data = b""
        decoder: Any = None
        while True:
            if not data:
                data = os.pread(self._descriptor, _READ if self._gzip else _PIECE, position)
                position += len(data)
            if not data:
                if decoder is not None:
                    raise DamagedContent
                return
            if decoder is None:
                # gzip members may be padded with zeros
                data = data.lstrip(b"\0") if self._gzip else data
                if not data:
                    continue
                decoder = zlib.decompressobj(31) if self._gzip else zstandard.ZstdDecompressor().decompressobj()
                start, first = position - len(data), produced
            try:
                out = decoder.decompress(data, _OUT) if self._gzip else decoder.decompress(data)
            except (zlib.error, zstandard.ZstdError) as error:
                raise DamagedContent from error
            data = decoder.unused_data if decoder.eof else (decoder.unconsumed_tail if self._gzip else b"")
            produced += len(out)
            if decoder.eof:
                body = start + (_head(os.pread(self._descriptor, _READ, start)) if self._gzip else 0)
                members.append(Member(start, body, position - len(data), first, produced))
                decoder = None
            if out:
                yield out


def _head(data: bytes) -> int:
    """Length of a gzip header."""
    flags, at = data[3], _GZIP_HEAD
    if flags & _EXTRA:
        at += 2 + int.from_bytes(data[at : at + 2], "little")
    for flag in (_NAME, _COMMENT):
        if flags & flag:
            end = data.find(b"\0", at)
            at = len(data) if end < 0 else end + 1
    return at + (2 if flags & _CHECKSUM else 0)


class TextUnits:
    """The text of a file by its units: bytes, or pairs of bytes in UTF-16.

    Line ends, quotes and brackets are ASCII in every encoding that files of records have. A stretch is returned with one byte for each
    unit, so that whoever looks for them needs to know nothing of encodings.
    """

    def __init__(self, path: Path, encoding: str, content: Callable[[], int] | None = None) -> None:
        """Open a file; its name tells the compression.

        Args:
            path: the file.
            encoding: of a file without a byte order mark; empty for UTF-8.
            content: opens the bytes of what is no file of this machine.

        Raises:
            OSError: when it cannot be opened.
            DamagedContent: when its compression is damaged from the start.
        """
        self._descriptor = content() if content else os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW)
        packed = path.name.endswith((".gz", ".zst"))
        self.content: Content = (
            PackedContent(self._descriptor, gzip=path.name.endswith(".gz")) if packed else PlainContent(self._descriptor)
        )
        try:
            self.width, self._order, self._codec, self.mark = _encoding(self.content.read(0, 4), encoding)
        except BaseException:
            self.close()
            raise

    def all(self) -> Iterator[bytes]:
        """Yield the whole text. Raises DamagedContent."""
        held = b""
        for data in self.content.chunks():
            whole = held + data if held else data
            held = whole[len(whole) - len(whole) % self.width :]
            yield self._skeleton(whole)

    def stretch(self, start: int, end: int) -> bytes:
        """Return some units. Raises DamagedContent."""
        return self._skeleton(self.content.read(start * self.width, end * self.width))

    def text(self, start: int, end: int) -> str:
        """Return some units as they are written; what is not of the encoding is replaced. Raises DamagedContent."""
        return self.content.read(start * self.width, end * self.width).decode(self._codec, "replace")

    def identity(self) -> tuple[int, ...]:
        """Return what changes when the file is written or replaced."""
        status = os.fstat(self._descriptor)
        return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns

    def close(self) -> None:
        """Close the file; safe to call twice."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            with suppress(OSError):
                os.close(descriptor)

    def _skeleton(self, data: bytes) -> bytes:
        if self.width == 1:
            return data
        units = np.frombuffer(data, self._order, len(data) // self.width)
        return np.where(units < _ASCII, units, _OTHER).astype(np.uint8).tobytes()


def _encoding(head: bytes, encoding: str) -> tuple[int, str, str, int]:
    """Return bytes of a unit, their order as numpy names it, Python's codec, and units of the byte order mark."""
    if head.startswith(UTF8_MARK):
        return 1, "", "utf-8", len(UTF8_MARK)
    if head.startswith(_LITTLE) and not head.startswith(_WIDE_LITTLE):
        return 2, "<u2", "utf-16-le", 1
    if head.startswith(_BIG):
        return 2, ">u2", "utf-16-be", 1
    orders = {"utf-16-le": "<u2", "utf-16-be": ">u2"}
    if encoding in orders:
        return 2, orders[encoding], encoding, 0
    # the ASCII part is the same in all others
    return 1, "", encoding if encoding in _SINGLE else "utf-8", 0
