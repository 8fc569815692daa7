"""Read the bytes at a hit and around it, in a file and in a packed value of a database."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

from expunge.ports.optional.placing import PackedReader, PlaceReader
from expunge.ports.scanner import Residue, Scanner

AROUND = 512
"""Bytes on either side; an even number, of which every word takes less."""
Around = tuple[bytes, bytes, bytes]
"""The bytes before a window, the window, and those after it."""


class BytesAtHits:
    """Reads the bytes at hits; of packed values inside ``with`` alone.

    The file of the hit before stays open, and the value stays unpacked: a value has as many hits as it has windows.
    """

    def __init__(self, scanner: Scanner) -> None:
        """Take the scanner, which knows how to unpack values."""
        self._scanner = scanner
        self._entered = False
        self._path: Path | None = None
        self._reader: PlaceReader | None = None
        self._value: tuple[int, str, bytes] = (-1, "", b"")

    def __enter__(self) -> Self:
        """Begin to read."""
        self._entered = True
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close the file that is open."""
        self._entered = False
        self._leave()

    def around(self, place: Residue, form: str, length: int, offset: int | None = None) -> Around | None:
        """Return the bytes at a hit of a window in a form; None where they lie in a container, or cannot be read.

        ``offset`` is the place in the file, where it is another one than the hit's.
        """
        if place.inner is not None:
            return self._in_packed(place, length)
        return _in_file(place.path, place.offset if offset is None else offset, length) if place.hidden in {"plain", form} else None

    def _in_packed(self, place: Residue, length: int) -> Around | None:
        """Return the bytes at a hit in a packed value; None where the value cannot be unpacked. Raises RuntimeError outside ``with``."""
        if not self._entered:
            # Why refused: a file that stays open keeps the store from being erased.
            message = "packed values are read inside `with` alone"
            raise RuntimeError(message)
        if place.path != self._path:
            self._leave()
            try:
                self._reader = self._scanner.reader(place.path)
            except FileNotFoundError:
                # Content that a store shows through its interface alone, or a file that is gone by now: it stays unexplained here.
                self._reader = None
            self._path = place.path
        if place.inner is None or not isinstance(self._reader, PackedReader):
            return None
        if self._value[:2] != (place.offset, place.hidden):
            self._value = (place.offset, place.hidden, self._reader.unpacked(place.offset, place.hidden))
        data, at, end = self._value[2], place.inner, place.inner + length
        return (data[max(0, at - AROUND) : at], data[at:end], data[end : end + AROUND]) if end <= len(data) else None

    def _leave(self) -> None:
        if self._reader is not None:
            self._reader.close()
        self._path, self._reader, self._value = None, None, (-1, "", b"")


def _in_file(path: Path, offset: int, length: int) -> Around | None:
    first = max(0, offset - AROUND)
    try:
        with path.open("rb") as file:
            file.seek(first)
            data = file.read(offset - first + length + AROUND)
    except OSError:
        return None
    at = offset - first
    return data[:at], data[at : at + length], data[at + length :]
