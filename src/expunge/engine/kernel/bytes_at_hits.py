"""Read the bytes at a hit and around it, in a file and in a packed value of a database."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from expunge.ports.optional.placing import PackedReader
from expunge.ports.scanner import Residue, Scanner

AROUND = 512
"""Bytes on either side; an even number, of which every word takes less."""
Around = tuple[bytes, bytes, bytes]
"""The bytes before a window, the window, and those after it."""


class BytesAtHits:
    """Reads the bytes at hits."""

    def __init__(self, scanner: Scanner) -> None:
        """Take the scanner, which knows how to unpack values."""
        self._scanner = scanner

    def around(self, place: Residue, form: str, length: int, offset: int | None = None) -> Around | None:
        """Return the bytes at a hit of a window in a form; None where they lie in a container, or cannot be read.

        ``offset`` is the place in the file, where it is another one than the hit's.
        """
        if place.inner is not None:
            return self._in_packed(place, length)
        return _in_file(place.path, place.offset if offset is None else offset, length) if place.hidden in {"plain", form} else None

    def _in_packed(self, place: Residue, length: int) -> Around | None:
        """Return the bytes at a hit in a packed value; None where the value cannot be unpacked."""
        try:
            reader = self._scanner.reader(place.path)
        except FileNotFoundError:
            # Content that a store shows through its interface alone, or a file that is gone by now: it stays unexplained here.
            return None
        if reader is None or place.inner is None:
            return None
        with closing(reader):
            data = reader.unpacked(place.offset, place.hidden) if isinstance(reader, PackedReader) else b""
        at, end = place.inner, place.inner + length
        return (data[max(0, at - AROUND) : at], data[at:end], data[end : end + AROUND]) if end <= len(data) else None


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
