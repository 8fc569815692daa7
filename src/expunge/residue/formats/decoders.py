"""Decompressors that are pushed pieces and yield bounded pieces, one class a family.

Each takes input in small pieces, so that even the densest bomb yields no more than some megabytes at once. The caller counts the output and
stops when it is too much.
"""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable, Iterator
from typing import Any, Protocol, TypeAlias

import cramjam
import lz4.frame
import zstandard

from expunge.residue.formats.avro import Container
from expunge.residue.formats.custom_dump import Chunks
from expunge.residue.matching.session import TooLarge

Piece: TypeAlias = "bytes | memoryview"
_OUT = 1 << 18
_WINDOW = 1 << 27
MEMORY = 1 << 27
"""Bytes that a dictionary of LZMA may take."""


class Broken(Exception):
    """The bytes do not decode any further."""


class Encrypted(Exception):
    """The bytes are encrypted."""


class Unsupported(Exception):
    """A known container with a method that is not decoded here."""


class Decoder(Protocol):
    """One stream being decoded."""

    done: bool
    """The end of the stream was reached; further input belongs to somebody else."""
    piece: int
    """Bytes that one call takes at most."""

    def feed(self, piece: Piece) -> Iterator[bytes]:
        """Take at most ``piece`` bytes and yield the decoded bytes.

        Raises Broken, TooLarge, Encrypted or Unsupported.
        """
        ...


class Deflate:
    """gzip (RFC 1952), zlib (RFC 1950) and raw deflate (RFC 1951), told apart by zlib's ``wbits``."""

    piece = 1 << 14

    def __init__(self, wbits: int) -> None:
        self._inner = zlib.decompressobj(wbits)
        self.done = False

    def feed(self, piece: Piece) -> Iterator[bytes]:
        """See :class:`Decoder`."""
        data: Piece = piece
        while data and not self.done:
            try:
                out = self._inner.decompress(data, _OUT)
            except zlib.error as error:
                raise Broken from error
            if out:
                yield out
            self.done = self._inner.eof
            data = self._inner.unconsumed_tail


class Zstd:
    """One Zstandard frame (RFC 8878) with a window of at most 128 MiB."""

    # the library cannot be told how much to yield, and 4 bytes can stand for 128 KiB
    piece = 1 << 12

    def __init__(self) -> None:
        self._inner: Any = zstandard.ZstdDecompressor(max_window_size=_WINDOW).decompressobj()
        self.done = False

    def feed(self, piece: Piece) -> Iterator[bytes]:
        """See :class:`Decoder`."""
        try:
            out: bytes = self._inner.decompress(piece)
        except zstandard.ZstdError as error:
            if "too much memory" in str(error):
                raise TooLarge from error
            raise Broken from error
        except MemoryError as error:
            raise TooLarge from error
        if out:
            yield out
        self.done = bool(self._inner.eof)


class Stepwise:
    """bzip2, xz, LZMA and LZ4 frames: the decompressors of one common shape."""

    piece = 1 << 16

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.done = False

    def feed(self, piece: Piece) -> Iterator[bytes]:
        """See :class:`Decoder`."""
        data: Piece = piece
        while not self.done:
            try:
                out = self._inner.decompress(data, max_length=_OUT)
            except lzma.LZMAError as error:
                if "emory" in str(error):
                    raise TooLarge from error
                raise Broken from error
            except (OSError, EOFError, RuntimeError, ValueError) as error:
                raise Broken from error
            except MemoryError as error:
                raise TooLarge from error
            if out:
                yield out
            self.done = bool(self._inner.eof)
            data = b""
            if self._inner.needs_input:
                return


def begins_lzma(head: bytes) -> bool:
    """Return whether the bytes may begin a ``.lzma`` file: usual properties, a usual dictionary, and the first byte, which is always 0."""
    dictionary = int.from_bytes(head[1:5], "little")
    usual = 1 << 16 <= dictionary <= MEMORY and f"{dictionary:b}".rstrip("0") in {"1", "11"}
    return usual and len(head) >= 14 and head[0] == 0x5D and head[13] == 0


class Snappy:
    """The snappy framing format: a stream identifier, then chunks of at most 64 KiB."""

    piece = 1 << 16

    def __init__(self) -> None:
        self._kept = bytearray()
        self._begun = False
        self.done = False

    def feed(self, piece: Piece) -> Iterator[bytes]:
        """See :class:`Decoder`."""
        self._kept += piece
        while len(self._kept) >= 4:
            kind, size = self._kept[0], int.from_bytes(self._kept[1:4], "little")
            if kind == 0xFF and self._begun and size == 6:
                self.done = True
                return
            if 0x02 <= kind <= 0x7F or (kind == 0xFF and size != 6) or (kind < 2 and size <= 4):
                raise Broken
            if len(self._kept) < 4 + size:
                return
            body = bytes(self._kept[4 : 4 + size])
            del self._kept[: 4 + size]
            self._begun = True
            if kind == 0x00:
                yield _snappy_block(body[4:])
            # an uncompressed chunk (0x01) lies in the outer bytes as it is, but its neighbours do not
            elif kind == 0x01:
                yield body[4:]


def _snappy_block(body: bytes) -> bytes:
    try:
        if cramjam.snappy.decompress_raw_len(body) > 1 << 20:
            raise TooLarge
        return bytes(cramjam.snappy.decompress_raw(body))
    except (cramjam.DecompressionError, ValueError, OverflowError) as error:
        raise Broken from error


class ZipMember:
    """One member of a zip archive from its local header on (APPNOTE.TXT 4.3.7), whatever the central directory says."""

    piece = 1 << 14

    def __init__(self) -> None:
        self._head = bytearray()
        self._inner: Decoder | None = None
        self.done = False

    def feed(self, piece: Piece) -> Iterator[bytes]:
        """See :class:`Decoder`."""
        if self._inner is None:
            self._head += piece
            if len(self._head) < 30:
                return
            start = 30 + int.from_bytes(self._head[26:28], "little") + int.from_bytes(self._head[28:30], "little")
            if len(self._head) < start:
                return
            method = int.from_bytes(self._head[8:10], "little")
            if self._head[6] & 1:
                raise Encrypted
            if method in _IN_THE_OPEN:
                self.done = True
                return
            if method not in {8, 14}:
                raise Unsupported
            if method == 14:
                # the version of the program, the size of the properties, and these (APPNOTE.TXT 5.8.8)
                if len(self._head) < start + 9:
                    return
                known = not self._head[6] & 2
                size = bytes(self._head[22:26]) + bytes(4) if known else b"\xff" * 8
                self._inner = Stepwise(lzma.LZMADecompressor(format=lzma.FORMAT_ALONE, memlimit=MEMORY))
                piece = bytes(self._head[start + 4 : start + 9]) + size + bytes(self._head[start + 9 :])
            else:
                self._inner = Deflate(-15)
                piece = bytes(self._head[start:])
        yield from self._inner.feed(piece)
        self.done = self._inner.done


class Avro:
    """An Avro object container file (Avro 1.12, "Object Container Files"): its blocks, each decoded by itself."""

    piece = 1 << 14

    def __init__(self) -> None:
        self._inner = Container()
        self._broken = 0
        self.done = False

    @property
    def damaged(self) -> bool:
        """True when a block did not decode, or something is not a block. Later blocks were read all the same."""
        return self._broken > 0 or (not self.done and self._inner.damaged)

    def feed(self, piece: Piece) -> Iterator[bytes]:
        """See :class:`Decoder`."""
        self._inner.add(piece)
        while not self.done and (block := self._inner.block()) is not None:
            try:
                yield from self._decoded(block)
            except Broken:
                self._broken += 1
        if self._inner.broken:
            raise Broken

    def _decoded(self, block: bytes) -> Iterator[bytes]:
        codec = self._inner.codec
        if codec == "null":
            # it lies open
            self.done = True
            return
        if codec == "snappy":
            # a checksum of four bytes follows
            yield _snappy_block(block[:-4])
            return
        if codec not in _OF_AVRO:
            self.done = True
            raise Unsupported
        decoder = MAKERS[_OF_AVRO[codec]]() if codec != "deflate" else Deflate(-15)
        for at in range(0, len(block), decoder.piece):
            yield from decoder.feed(block[at : at + decoder.piece])


class CustomDump:
    """A custom-format dump of PostgreSQL: the data of all its tables and large objects, one after the other."""

    piece = 1 << 12

    def __init__(self) -> None:
        self._inner = Chunks()
        self._stream: Decoder | None = None
        self._broken = 0
        self.done = False

    @property
    def damaged(self) -> bool:
        """True when data did not decode, or has begun and did not end. Later data was read all the same."""
        return self._broken > 0 or self._inner.torn

    def feed(self, piece: Piece) -> Iterator[bytes]:
        """See :class:`Decoder`."""
        self._inner.add(piece)
        while (part := self._inner.part()) is not None:
            kind, data = part
            if kind:
                self._stream = MAKERS[kind]()
            if not data:
                self._broken += self._stream is not None and not self._stream.done
                self._stream = None
            if self._stream is None:
                continue
            try:
                yield from self._stream.feed(data)
            except Broken:
                self._broken += 1
                self._stream = None
                self._inner.lose()


class Utf32:
    """Text in UTF-32 with its lowest byte first, from its mark on: it comes out in UTF-8."""

    piece = 1 << 16

    def __init__(self) -> None:
        self._left = b""
        self.done = False

    def feed(self, piece: Piece) -> Iterator[bytes]:
        """See :class:`Decoder`."""
        data = self._left + bytes(piece)
        end = len(data) // 4 * 4
        self._left = data[end:]
        try:
            text = data[:end].decode("utf-32-le")
        except UnicodeDecodeError as error:
            # Why the end and no damage: nothing says how long such a text is, and other bytes may follow.
            text, self.done = data[: error.start].decode("utf-32-le"), True
        if text:
            yield text.encode()


_OF_AVRO = {"deflate": "zlib", "zstandard": "zstd", "bzip2": "bzip2", "xz": "xz"}

_IN_THE_OPEN = frozenset({0, 12, 93, 95})
"""Stored, or with a magic of its own that is carved by itself: bzip2, zstd, xz."""

MAKERS: dict[str, Callable[[], Decoder]] = {
    "gzip": lambda: Deflate(31),
    "zlib": lambda: Deflate(15),
    "deflate": lambda: Deflate(-15),
    "zstd": Zstd,
    "lz4": lambda: Stepwise(lz4.frame.LZ4FrameDecompressor()),
    "snappy": Snappy,
    "bzip2": lambda: Stepwise(bz2.BZ2Decompressor()),
    "xz": lambda: Stepwise(lzma.LZMADecompressor(format=lzma.FORMAT_XZ, memlimit=MEMORY)),
    "lzma": lambda: Stepwise(lzma.LZMADecompressor(format=lzma.FORMAT_ALONE, memlimit=MEMORY)),
    "zip": ZipMember,
    "avro": Avro,
    "pg_dump": CustomDump,
    "utf-32": Utf32,
}
