"""Find the beginnings of compressed frames, media and databases, at every offset of a buffer."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from expunge.residue.formats import parquet
from expunge.residue.formats.decoders import begins_lzma
from expunge.residue.matching.marks import marked
from expunge.residue.matching.matcher import Bytes, constant, printed

LOOKAHEAD = 32
"""Bytes from the magic on that decide whether it is one."""
_CHUNK = 1 << 17
_PRINTED = 64


def _gzip(head: bytes) -> bool:
    return len(head) >= 10 and head[3] < 0x20


def _zip(head: bytes) -> bool:
    if len(head) < 30:
        return False
    method = int.from_bytes(head[8:10], "little")
    return head[4] < 64 and method < 100 and 0 < int.from_bytes(head[26:28], "little") < 4096


def _bzip2(head: bytes) -> bool:
    return len(head) >= 10 and 0x31 <= head[3] <= 0x39 and head[4:10] == b"\x31\x41\x59\x26\x53\x59"


def _lzma(head: bytes) -> bool:
    # Why no stated length: pages of databases have such bytes by chance; a whole run that states its length is told by `unmarked`.
    return begins_lzma(head) and head[5:13] == b"\xff" * 8


def _flac(head: bytes) -> bool:
    return len(head) >= 8 and head[4] & 0x7F == 0 and head[5:8] == b"\x00\x00\x22"


def _wave(head: bytes) -> bool:
    return head[8:12] == b"WAVE"


def _sqlite(head: bytes) -> bool:
    return head[:16] == b"SQLite format 3\0"


def _avro(head: bytes) -> bool:
    return len(head) > 5 and 0 < head[4] < 0x80


def _custom_dump(head: bytes) -> bool:
    # the version, the sizes of numbers and offsets, and the format
    return len(head) >= 11 and head[5] == 1 and head[6] < 32 and head[8] in {4, 8} and head[9] == 8 and head[10] == 1


def _parquet(head: bytes) -> bool:
    return parquet.begins(head)


def _zlib(head: bytes) -> bool:
    # two bytes are found by chance in every 8 KiB: see at once whether it can be, and whether it decodes at all
    kind = head[2] & 6 if len(head) > 6 else 0
    if kind == 6 or (kind == 0 and len(head) > 6 and (head[3] ^ head[5] != 0xFF or head[4] ^ head[6] != 0xFF)):
        return False
    try:
        zlib.decompressobj().decompress(head, 256)
    except zlib.error:
        return False
    return True


def _orc(head: bytes) -> bool:
    # after the magic comes a chunk, or a message of an index
    return len(head) >= 8 and (head[5] <= 8 or (head[3] == 0x0A and head[5] in {0x08, 0x0A, 0x12}))


def _utf_32(head: bytes) -> bool:
    # a mark and the first characters: five or more that can be ones
    units = [int.from_bytes(head[at : at + 4], "little") for at in range(4, len(head) - 3, 4)]
    return len(units) >= 5 and all(9 <= unit < 0x30000 and not 0xD800 <= unit < 0xE000 for unit in units)


def _pdf(head: bytes) -> bool:
    return head[5:8].replace(b".", b"").isdigit() and head[8:9] in {b"\r", b"\n", b" ", b"\t", b"%"}


def _always(_head: bytes) -> bool:
    return True


_DOCUMENT = b"%PDF-"
_MARK = b"\xff\xfe\x00\x00"
"""What text in UTF-32 begins with."""
_MAGICS: tuple[tuple[bytes, str, Callable[[bytes], bool]], ...] = (
    (b"\x1f\x8b\x08", "gzip", _gzip),
    (b"\x28\xb5\x2f\xfd", "zstd", _always),
    (b"\x04\x22\x4d\x18", "lz4", _always),
    (b"\xff\x06\x00\x00sNaPpY", "snappy", _always),
    (b"PK\x03\x04", "zip", _zip),
    (b"BZh", "bzip2", _bzip2),
    (b"\xfd7zXZ\x00", "xz", _always),
    (b"\x5d\x00\x00", "lzma", _lzma),
    (b"\x78\x01", "zlib", _zlib),
    (b"\x78\x5e", "zlib", _zlib),
    (b"\x78\x9c", "zlib", _zlib),
    (b"\x78\xda", "zlib", _zlib),
    (b"fLaC", "flac", _flac),
    (b"RIFF", "wave", _wave),
    (b"SQLite", "sqlite", _sqlite),
    (b"7z\xbc\xaf\x27\x1c", "7z", _always),
    (b"PAR1", "parquet", _parquet),
    (b"ORC", "orc", _orc),
    (b"Obj\x01", "avro", _avro),
    (b"PGDMP", "pg_dump", _custom_dump),
    (_DOCUMENT, "pdf", _pdf),
    (_MARK, "utf-32", _utf_32),
    (b"\x37\x7f\x06\x82\x00\x2d\xe2\x18", "sqlite wal", _always),
    (b"\x37\x7f\x06\x83\x00\x2d\xe2\x18", "sqlite wal", _always),
    (b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7", "sqlite journal", _always),
)

_BY_PAIR: dict[bytes, tuple[tuple[bytes, str, Callable[[bytes], bool]], ...]] = {}
for _magic in _MAGICS:
    _BY_PAIR[_magic[0][:2]] = (*_BY_PAIR.get(_magic[0][:2], ()), _magic)


def _tables() -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Which pairs of bytes begin a magic, which of these are all of it, and which pairs follow the others."""
    first, short, second = (np.zeros(1 << 16, dtype=np.bool_) for _ in range(3))
    for magic, _, _ in _MAGICS:
        first[int.from_bytes(magic[:2], "little")] = True
        if len(magic) == 2:
            short[int.from_bytes(magic, "little")] = True
        elif len(magic) == 3:
            second[magic[2] :: 256] = True
        else:
            second[int.from_bytes(magic[2:4], "little")] = True
    return first, short, second


_FIRST, _SHORT, _SECOND = _tables()


def _documents(text: bytes, base: int) -> Iterator[int]:
    """Yield the places of the heads of documents, but those that are looked at anyway."""
    at = text.find(_DOCUMENT)
    while 0 <= at < len(text) - _PRINTED:
        yield base + at
        at = text.find(_DOCUMENT, at + 1)


def begins(head: bytes) -> str:
    """Return the kind of what begins with ``head``, as of :func:`starts`; empty where nothing does."""
    return next((kind for magic, kind, check in _BY_PAIR.get(head[:2], ()) if head.startswith(magic) and check(head)), "")


def starts(buffer: Bytes, length: int) -> list[tuple[int, str]]:
    """Return (offset, kind) of everything that may begin in ``buffer[:length]``, in order.

    ``buffer`` has padding of at least 4 bytes beyond ``length``. Kinds are those of ``decoders.MAKERS``, ``flac``, ``wave``, ``parquet``,
    ``orc``, ``7z``, ``pdf``, ``sqlite``, ``sqlite wal`` and ``sqlite journal``.
    """
    found: list[tuple[int, str]] = []
    pairs: npt.NDArray[np.uint16] = np.ndarray((buffer.size - 1,), dtype="<u2", buffer=buffer, strides=(1,))
    parts: list[npt.NDArray[np.int64]] = []
    ends: list[int] = []
    for base in range(0, length, _CHUNK):
        size = min(_CHUNK, length - base)
        part = buffer[base : base + size]
        if constant(part):
            continue
        if size > 2 * _PRINTED and printed(part):
            # of printed characters alone are only documents: any other container can begin only at the end, and go on in what follows
            ends.append(base + size - _PRINTED)
            documents = np.array([*_documents(part.tobytes(), base)], dtype=np.int64)
            parts += [documents] if documents.size else []
            continue
        count = (size + 1) // 2
        for shift in (0, 1):
            first = _FIRST.take(buffer[base + shift : base + shift + count * 2].view("<u2"), mode="clip")
            parts.append(marked(first) * 2 + (base + shift))
    if ends:
        places = (np.array(ends)[:, None] + np.arange(_PRINTED)).ravel()
        parts.append(places[_FIRST[pairs[places]]])
    if not parts:
        return found
    # Why all at once: each step costs as much for ten places as for a thousand.
    near = np.concatenate(parts)
    near = near[_SHORT[pairs[near]] | _SECOND[pairs[near + 2]]]
    for place in near[near < length].tolist():
        head = buffer[place : min(place + LOOKAHEAD, length)].tobytes()
        if head.startswith(_MARK) and buffer[max(0, place - len(_MARK)) : place].tobytes() == _MARK:
            # Why: the text that begins with the mark before it goes on with this one.
            continue
        found.extend((place, kind) for magic, kind, check in _BY_PAIR.get(head[:2], ()) if head.startswith(magic) and check(head))
    found.sort()
    return found
