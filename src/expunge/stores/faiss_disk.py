"""Index files of FAISS: reading and writing them, and the ``.ivf`` file beside one whose inverted lists lie on disk.

Layout of the part of an index file that names the other (faiss, impl/index_write.cpp): ``ilod``, then as 64-bit little-endian numbers
the count of lists and the bytes of a code, a vector of (size, capacity, offset) for each list, a vector of free slots, the file's name as
a vector of characters, and its size. In the ``.ivf`` file a list takes ``capacity`` codes, then ``capacity`` numbers.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from expunge.core.outcome import Reason
from expunge.stores.faiss_index import FAISS, ON_DISK, Codes, Ids, in_memory, sound
from expunge.stores.parquet_tree import Damaged

IVF = ".ivf"
TWIN = ".expunge"
"""Comes before the suffix of every other generation of an ``.ivf`` file: the old one stays whole until the index names the new one."""
_MARK = b"ilod"
_BINARY = b"IB"
_LONGEST = 4096


@dataclass(frozen=True)
class Loaded:
    """An index and where its lists lie."""

    index: Any
    lists: Path | None
    """The ``.ivf`` file; None where the lists are in the index file."""
    named: str
    """How the index file spells it."""


def load(file: BinaryIO, path: Path) -> Loaded:
    """Read an index from an open file of that name. Raises Damaged (also for types that cannot be handled) and OSError."""
    data = file.read()
    if data[:2] == _BINARY:
        message = "a binary index cannot be erased from; build it anew without them (on_erase: {rebuild: COMMAND})"
        raise Damaged(message, Reason.UNSUPPORTED)
    lists, named = None, ""
    found = _name(data)
    if found is not None:
        begin, end = found
        named = data[begin:end].decode("utf-8", "surrogateescape")
        lists = beside(path, named)
        if not lists.is_file():
            message = f"its inverted lists ({IVF}) are not there"
            raise Damaged(message)
        absolute = str(lists).encode("utf-8", "surrogateescape")
        data = data[: begin - 8] + struct.pack("<Q", len(absolute)) + absolute + data[end:]
    try:
        index = FAISS.read_index(FAISS.PyCallbackIOReader(io.BytesIO(data).read), FAISS.IO_FLAG_READ_ONLY)
    except RuntimeError as error:
        said = str(error)
        if "not recognized" in said and data[:1] == b"I":
            message = "an index of an unknown type cannot be erased from; build it anew without them (on_erase: {rebuild: COMMAND})"
            raise Damaged(message, Reason.UNSUPPORTED) from None
        message = "it is no sound FAISS index"
        raise Damaged(message) from None
    sound(index)
    return Loaded(index, lists, named)


def lists_of(path: Path) -> Path | None:
    """The file of lists that an index names, there or not; None where it names none. Raises OSError."""
    data = path.read_bytes()
    found = _name(data)
    return beside(path, data[slice(*found)].decode("utf-8", "surrogateescape")) if found else None


def _name(data: bytes) -> tuple[int, int] | None:
    """Where the name of the file of lists stands."""
    at = data.find(_MARK)
    while at >= 0:
        try:
            lists, code, count = struct.unpack_from("<QQQ", data, at + 4)
            slots = at + 28 + 24 * count
            (free,) = struct.unpack_from("<Q", data, slots)
            begin = slots + 8 + 16 * free
            (length,) = struct.unpack_from("<Q", data, begin)
            if lists == count and code > 0 and 0 < length <= _LONGEST and begin + 8 + length + 8 <= len(data):
                return begin + 8, begin + 8 + length
        except struct.error:
            pass
        at = data.find(_MARK, at + 1)
    return None


def beside(index: Path, named: str) -> Path:
    """The file that an index means: as it is spelt, or of that name beside the index, as FAISS looks for it."""
    spelt = Path(named)
    return spelt if spelt.is_absolute() and spelt.is_file() else index.parent / spelt.name


def twin(lists: Path) -> Path:
    """The name of the next generation of a file of lists; that of the one after it is the first again."""
    stem = lists.name.removesuffix(IVF)
    return lists.with_name(f"{stem.removesuffix(TWIN)}{IVF}" if stem.endswith(TWIN) else f"{stem}{TWIN}{IVF}")


def store(index: Any, file: BinaryIO) -> None:
    """Write an index to an open file. Raises OSError."""
    trouble: list[OSError] = []

    def write(data: bytes) -> int:
        try:
            return file.write(data)
        except OSError as error:
            trouble.append(error)
            return 0

    try:
        FAISS.write_index(index, FAISS.PyCallbackIOWriter(write))
    except RuntimeError as error:
        if trouble:
            raise trouble[0] from None
        message = "the index cannot be written"
        raise Damaged(message, Reason.ERROR) from error


class OnDisk:
    """Puts inverted lists into a new file, written by whoever makes files durable."""

    def __init__(self, named: str, new: Path, write: Callable[[Path, Callable[[BinaryIO], None]], None]) -> None:
        self._named = named
        self._new = new
        self._write = write

    def __call__(self, index: Any, kept: Iterator[tuple[int, Ids, Codes]]) -> None:
        """Write the lists that stay and let the index name them."""
        held = FAISS.downcast_InvertedLists(index.invlists)
        if type(held).__name__ != ON_DISK:
            in_memory(index, kept)
            return
        places: dict[int, tuple[int, int]] = {}

        def write(file: BinaryIO) -> None:
            offset = 0
            for number, found, stored in kept:
                places[number] = (len(found), offset)
                offset += file.write(np.ascontiguousarray(stored).tobytes()) + file.write(np.ascontiguousarray(found, "<i8").tobytes())
            if not offset:
                # An empty file cannot be mapped.
                file.write(bytes(8))

        self._write(self._new, write)
        for number in range(index.nlist):
            place = held.lists.at(number)
            place.size = place.capacity = places[number][0] if number in places else 0
            place.offset = places[number][1] if number in places else FAISS.OnDiskOneList().offset
        held.slots.clear()
        held.totsize = self._new.stat().st_size
        spelt = Path(self._named)
        held.filename = str(spelt.with_name(self._new.name))
