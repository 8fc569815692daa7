"""Read and write index files of FAISS, and the ``.ivf`` file beside an index whose inverted lists lie on disk.

An index file names its ``.ivf`` file in this layout (faiss, impl/index_write.cpp): ``ilod``, then as 64-bit little-endian numbers the count
of lists and the bytes of a code, a vector of (size, capacity, offset) for each list, a vector of free slots, the file's name as a vector of
characters, and its size. In the ``.ivf`` file a list takes ``capacity`` codes, then ``capacity`` numbers.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from expunge.core.values.outcome import Reason
from expunge.stores.arrow.damage import Damaged
from expunge.stores.faiss.memory_index import FAISS, ON_DISK, Codes, Ids, in_memory, sound

IVF = ".ivf"
TWIN = ".expunge"
"""Comes before the suffix of every other generation of an ``.ivf`` file: the old one stays whole until the index names the new one."""
_MARK = b"ilod"
_BINARY = b"IB"
_LONGEST = 4096
_NOWHERE = (0, 0, 2**64 - 1)
"""A list that has nothing, as FAISS writes it."""


@dataclass(frozen=True)
class LoadedIndex:
    """An index and where its lists lie."""

    index: Any
    lists: Path | None
    """The ``.ivf`` file; None where the lists are in the index file."""
    named: str
    """How the index file spells it."""


def load(file: BinaryIO, path: Path) -> LoadedIndex:
    """Read an index from an open file of that name. Raises Damaged (also for types that cannot be handled) and OSError."""
    data = file.read()
    if data[:2] == _BINARY:
        message = "a binary index cannot be erased from; build it anew without them (on_erase: {rebuild: COMMAND})"
        raise Damaged(message, Reason.UNSUPPORTED)
    lists, named = None, ""
    found = _part(data)
    if found is not None:
        named = data[found.name : found.end_of_name].decode("utf-8", "surrogateescape")
        lists = beside(path, named)
        if not lists.is_file():
            message = f"its inverted lists ({IVF}) are not there"
            raise Damaged(message)
        # FAISS looks from the present folder, and says on standard output where else it looks.
        data = data[: found.name - 8] + _spelt(lists) + data[found.end_of_name :]
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
    return LoadedIndex(index, lists, named)


def lists_of(path: Path) -> Path | None:
    """The file of lists that an index names, there or not; None where it names none. Raises OSError."""
    data = path.read_bytes()
    found = _part(data)
    return beside(path, data[found.name : found.end_of_name].decode("utf-8", "surrogateescape")) if found else None


@dataclass(frozen=True)
class _Part:
    """Where the part that names the file of lists stands in an index file."""

    begin: int
    lists: int
    """Where the vector of lists stands."""
    name: int
    """Where the name begins."""
    end_of_name: int


def _part(data: bytes) -> _Part | None:
    at = data.find(_MARK)
    while at >= 0:
        try:
            lists, code, count = struct.unpack_from("<QQQ", data, at + 4)
            (free,) = struct.unpack_from("<Q", data, at + 28 + 24 * count)
            length_at = at + 36 + 24 * count + 16 * free
            (length,) = struct.unpack_from("<Q", data, length_at)
            if lists == count and code > 0 and 0 < length <= _LONGEST and length_at + 16 + length <= len(data):
                return _Part(at, at + 20, length_at + 8, length_at + 8 + length)
        except struct.error:
            pass
        at = data.find(_MARK, at + 1)
    return None


def _spelt(path: Path) -> bytes:
    """A name as a vector of characters."""
    name = str(path).encode("utf-8", "surrogateescape")
    return struct.pack("<Q", len(name)) + name


def beside(index: Path, named: str) -> Path:
    """The file that an index means: as it is spelt, or of that name beside the index, as FAISS looks for it."""
    spelt = Path(named)
    return spelt if spelt.is_absolute() and spelt.is_file() else index.parent / spelt.name


def twin(lists: Path) -> Path:
    """The name of the next generation of a file of lists; that of the one after it is the first again."""
    stem = lists.name.removesuffix(IVF)
    return lists.with_name(f"{stem.removesuffix(TWIN)}{IVF}" if stem.endswith(TWIN) else f"{stem}{TWIN}{IVF}")


def store(index: Any, file: BinaryIO, disk: OnDisk | None = None) -> None:
    """Write an index to an open file, with lists where they were put. Raises OSError, Damaged."""
    target = io.BytesIO() if disk is not None and disk.written else file
    trouble: list[OSError] = []

    def write(data: bytes) -> int:
        try:
            return target.write(data)
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
    if isinstance(target, io.BytesIO) and disk is not None:
        file.write(disk.named_in(target.getvalue()))


class OnDisk:
    """Puts inverted lists into a new file, written by the caller's function for durable files."""

    def __init__(self, named: str, new: Path, write: Callable[[Path, Callable[[BinaryIO], None]], None]) -> None:
        self._named = named
        self._new = new
        self._write = write
        self._places: list[tuple[int, int, int]] = []
        self.written = False
        """Whether the index has lists on disk indeed."""

    def __call__(self, index: Any, kept: Iterator[tuple[int, Ids, Codes]]) -> None:
        """Write the lists that stay; that the index names them is up to :meth:`named_in`."""
        if type(FAISS.downcast_InvertedLists(index.invlists)).__name__ != ON_DISK:
            in_memory(index, kept)
            return
        places: dict[int, tuple[int, int, int]] = {}

        def write(file: BinaryIO) -> None:
            offset = 0
            for number, found, stored in kept:
                places[number] = (len(found), len(found), offset)
                offset += file.write(np.ascontiguousarray(stored).tobytes()) + file.write(np.ascontiguousarray(found, "<i8").tobytes())
            if not offset:
                # An empty file cannot be mapped.
                file.write(bytes(8))

        self._write(self._new, write)
        self._places = [places.get(number, _NOWHERE) for number in range(index.nlist)]
        self.written = True

    def named_in(self, data: bytes) -> bytes:
        """The bytes of an index file, naming the new file and the places in it; no slot is free."""
        found = _part(data)
        if found is None:
            message = "the index does not name its inverted lists"
            raise Damaged(message, Reason.ERROR)
        lists = struct.pack("<Q", len(self._places)) + b"".join(struct.pack("<QQQ", *place) for place in self._places)
        name = _spelt(Path(self._named).with_name(self._new.name))
        size = struct.pack("<Q", self._new.stat().st_size)
        return data[: found.lists] + lists + struct.pack("<Q", 0) + name + size + data[found.end_of_name + 8 :]
