"""Read 7z archives (``7zFormat.txt`` of 7-Zip): the names in the header at their end, and the members of each folder one after the other.

Read are LZMA, LZMA2, the filters before them, deflate, bzip2, Zstandard and LZ4. What is only stored lies open in the file.
"""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from expunge.residue.formats.decoders import MAKERS, MEMORY, Broken, Decoder, Deflate, Encrypted, Stepwise, Unsupported
from expunge.residue.formats.slices import Slice
from expunge.residue.matching.session import TooLarge

MAGIC = b"7z\xbc\xaf\x27\x1c"
_HEAD = 32
_MOST = 1 << 26
_READ = 1 << 14
_ENCODED, _HEADER, _STREAMS, _PACKED, _FOLDERS = 0x17, 0x01, 0x04, 0x06, 0x07
_COPY, _AES = b"\x00", b"\x06\xf1\x07\x01"
_LZMA, _LZMA2, _DELTA = b"\x03\x01\x01", b"\x21", b"\x03"
_FILTERS = {
    b"\x03\x03\x01\x03": lzma.FILTER_X86,
    b"\x03\x03\x02\x05": lzma.FILTER_POWERPC,
    b"\x03\x03\x04\x01": lzma.FILTER_IA64,
    b"\x03\x03\x05\x01": lzma.FILTER_ARM,
    b"\x03\x03\x07\x01": lzma.FILTER_ARMTHUMB,
    b"\x03\x03\x08\x05": lzma.FILTER_SPARC,
    b"\x04": lzma.FILTER_X86,
    b"\x05": lzma.FILTER_POWERPC,
    b"\x06": lzma.FILTER_IA64,
    b"\x07": lzma.FILTER_ARM,
    b"\x08": lzma.FILTER_ARMTHUMB,
    b"\x09": lzma.FILTER_SPARC,
}
_OTHERS: dict[bytes, Callable[[], Decoder]] = {
    b"\x04\x01\x08": lambda: Deflate(-15),
    b"\x04\x02\x02": lambda: Stepwise(bz2.BZ2Decompressor()),
    b"\x04\xf7\x11\x01": MAKERS["zstd"],
    b"\x04\xf7\x11\x04": MAKERS["lz4"],
}

Skip = Callable[[str], None]
Run = tuple[int, str, Iterator[bytes]]


class _Coder(NamedTuple):
    method: bytes
    properties: bytes


class _Folder(NamedTuple):
    """Members that are packed together."""

    coders: tuple[_Coder, ...]
    """In the order in which they are undone; empty where they do not follow one another."""
    inputs: int
    """Packed streams that it takes."""
    outputs: int


class _Streams(NamedTuple):
    folders: list[_Folder]
    starts: list[int]
    sizes: list[int]
    unpacked: list[int]
    """Sizes of what each folder decodes to."""


def extent(head: bytes) -> int:
    """Return the size of the archive that begins with ``head``, of which at least 32 bytes are given."""
    return _HEAD + int.from_bytes(head[12:20], "little") + int.from_bytes(head[20:28], "little")


def runs(source: Slice, skip: Skip, *, sure: bool) -> Iterator[Run]:
    """Yield (offset, how it was hidden, pieces) for the header and for what each folder decodes to.

    Args:
        source: begins with a 7z archive, and may go on beyond it.
        skip: told ``corrupt``, ``unsupported`` or ``encrypted`` for each thing that could not be read.
        sure: a file begins here, so that what is damaged counts.

    Raises:
        TooLarge: here or while pieces are taken; a dictionary or a header would take too much memory.
    """

    def count(reason: str) -> None:
        if sure or reason != "corrupt":
            skip(reason)

    try:
        yield from _members(source, count)
    except Encrypted:
        count("encrypted")
    except Unsupported:
        count("unsupported")
    except (Broken, IndexError):
        count("corrupt")
        # without its header: the members that are written first, as most programs pack them
        yield _HEAD, "7z", _guarded(_decoded(source, _HEAD, source.size, (_Coder(_LZMA2, b"\x1c"),), None), lambda _: None)


def _members(source: Slice, skip: Skip) -> Iterator[Run]:
    head = source.read_at(0, _HEAD)
    at, size = _HEAD + int.from_bytes(head[12:20], "little"), int.from_bytes(head[20:28], "little")
    if size > _MOST:
        raise TooLarge
    header = source.read_at(at, size)
    if len(header) < size or zlib.crc32(header) != int.from_bytes(head[28:32], "little"):
        raise Broken
    for _ in range(4):
        if not header or header[0] != _ENCODED:
            break
        reader = _Reader(header, 1)
        streams = reader.streams()
        if not streams.folders or streams.unpacked[0] > _MOST:
            raise Broken
        place, end = streams.starts[0], streams.starts[0] + streams.sizes[0]
        header = b"".join(_decoded(source, place, end, streams.folders[0].coders, streams.unpacked[0]))
        yield place, "7z", iter((header,))
    if not header:
        return
    reader = _Reader(header, 1)
    if header[0] != _HEADER or (kind := reader.byte()) != _STREAMS:
        if header[0] == _HEADER and kind in {0, 5}:
            # nothing but empty files
            return
        raise Broken
    streams = reader.streams()
    number = 0
    for folder, unpacked in zip(streams.folders, streams.unpacked, strict=True):
        place = streams.starts[number]
        if not folder.coders:
            skip("unsupported")
        elif {each.method for each in folder.coders} != {_COPY}:
            yield place, "7z", _guarded(_decoded(source, place, place + streams.sizes[number], folder.coders, unpacked), skip)
        number += folder.inputs


def _guarded(parts: Iterator[bytes], skip: Skip) -> Iterator[bytes]:
    try:
        yield from parts
    except Encrypted:
        skip("encrypted")
    except Unsupported:
        skip("unsupported")
    except Broken:
        skip("corrupt")


def _decoded(source: Slice, at: int, end: int, coders: tuple[_Coder, ...], size: int | None) -> Iterator[bytes]:
    """What a folder decodes to. Raises Broken, TooLarge, Encrypted or Unsupported."""
    decoder: Decoder | None = None
    left = size
    while at < end and left != 0:
        if decoder is None or decoder.done:
            decoder = _decoder(coders)
        data = source.read_at(at, min(_READ, decoder.piece, end - at))
        if not data:
            raise Broken
        at += len(data)
        for out in decoder.feed(data):
            part = out if left is None else out[:left]
            left = None if left is None else left - len(part)
            yield part
    if left:
        raise Broken


def _decoder(coders: tuple[_Coder, ...]) -> Decoder:
    if any(each.method == _AES for each in coders):
        raise Encrypted
    if len(coders) == 1 and coders[0].method in _OTHERS:
        return _OTHERS[coders[0].method]()
    chain = [_filter(each) for each in reversed(coders)]
    try:
        return Stepwise(lzma.LZMADecompressor(format=lzma.FORMAT_RAW, filters=chain))
    except (lzma.LZMAError, ValueError) as error:
        raise Unsupported from error


def _filter(coder: _Coder) -> dict[str, Any]:
    method, properties = coder
    if method in _FILTERS:
        return {"id": _FILTERS[method]}
    if method == _DELTA and properties:
        return {"id": lzma.FILTER_DELTA, "dist": properties[0] + 1}
    if method == _LZMA2 and properties and properties[0] < 40:
        return {"id": lzma.FILTER_LZMA2, "dict_size": _bounded((2 | properties[0] & 1) << (properties[0] // 2 + 11))}
    if method == _LZMA and len(properties) == 5 and properties[0] < 225:
        rest, lc = divmod(properties[0], 9)
        pb, lp = divmod(rest, 5)
        return {"id": lzma.FILTER_LZMA1, "dict_size": _bounded(int.from_bytes(properties[1:], "little")), "lc": lc, "lp": lp, "pb": pb}
    raise Unsupported


def _bounded(size: int) -> int:
    if size > MEMORY:
        raise TooLarge
    return max(size, 4096)


class _Reader:
    """A cursor over a header; raises Broken or IndexError where the bytes cannot be one."""

    def __init__(self, data: bytes, at: int) -> None:
        self._data = data
        self._at = at

    def byte(self) -> int:
        """The next byte."""
        self._at += 1
        return self._data[self._at - 1]

    def _bytes(self, count: int) -> bytes:
        out = self._data[self._at : self._at + count]
        if len(out) < count:
            raise Broken
        self._at += count
        return out

    def _number(self) -> int:
        first = self.byte()
        more = next((bit for bit in range(8) if not first & (0x80 >> bit)), 8)
        low = int.from_bytes(self._bytes(more), "little")
        return low | (first & (0x7F >> more)) << (8 * more) if more < 7 else low

    def _count(self) -> int:
        """A number of things of at least a byte each."""
        count = self._number()
        if count > len(self._data):
            raise Broken
        return count

    def _digests(self, count: int) -> None:
        known = count if self.byte() else sum(each.bit_count() for each in self._bytes((count + 7) // 8))
        self._bytes(4 * known)

    def streams(self) -> _Streams:
        """Where the packed streams lie, and how each folder is packed."""
        starts: list[int] = []
        sizes: list[int] = []
        folders: list[_Folder] = []
        unpacked: list[int] = []
        kind = self.byte()
        if kind == _PACKED:
            at, count = _HEAD + self._number(), self._count()
            while (part := self.byte()) != 0:
                if part == 9:
                    sizes = [self._number() for _ in range(count)]
                else:
                    self._digests(count)
            for size in sizes:
                starts.append(at)
                at += size
            kind = self.byte()
        if kind == _FOLDERS:
            if self.byte() != 0x0B:
                raise Broken
            count = self._count()
            if self.byte():
                raise Unsupported
            folders = [self._folder() for _ in range(count)]
            while (part := self.byte()) != 0:
                if part == 0x0C:
                    unpacked = [max(self._number() for _ in range(each.outputs)) for each in folders]
                else:
                    self._digests(count)
        if len(unpacked) != len(folders) or len(sizes) < sum(each.inputs for each in folders):
            raise Broken
        return _Streams(folders, starts, sizes, unpacked)

    def _folder(self) -> _Folder:
        coders: list[_Coder] = []
        inputs = outputs = 0
        for _ in range(self._count()):
            flags = self.byte()
            method = self._bytes(flags & 15)
            ins, outs = (self._count(), self._count()) if flags & 16 else (1, 1)
            inputs, outputs = inputs + ins, outputs + outs
            coders.append(_Coder(method, self._bytes(self._count()) if flags & 32 else b""))
        bound = {self._number(): self._number() for _ in range(outputs - 1)}
        packed = inputs - len(bound)
        first = [self._number() for _ in range(packed)] if packed > 1 else [each for each in range(inputs) if each not in bound]
        if packed < 1 or outputs < 1:
            raise Broken
        order: list[_Coder] = []
        if inputs == outputs == len(coders):
            takers = {given: taken for taken, given in bound.items()}
            at: int | None = first[0]
            while at is not None and at < len(coders) and len(order) < len(coders):
                order.append(coders[at])
                at = takers.get(at)
        encrypted = tuple(each for each in coders if each.method == _AES)
        return _Folder(tuple(order) or encrypted, packed, outputs)
