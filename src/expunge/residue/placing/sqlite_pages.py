"""The pages of a SQLite database as its next reader would see them: the file, and the committed frames of its write-ahead log."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from expunge import descriptors
from expunge.residue.placing.sqlite_records import ENCODINGS, DamagedPage

MAGIC = b"SQLite format 3\0"
LOG_MAGIC = (b"\x37\x7f\x06\x82", b"\x37\x7f\x06\x83")
LOG = "-wal"
_LOCKED = 1 << 30
"""The byte whose page holds locks and nothing else (file format 1.3.5.1)."""
_FRAME, _LOG_HEAD = 24, 32
_KEPT = 64
"""Images that are kept in memory."""


@dataclass(frozen=True, slots=True)
class ImagePlace:
    """A place within the image of a page."""

    number: int
    at: int
    current: bool
    """Whether a reader would see this image; False for one that a later frame of the log replaces."""
    offset: int
    """Where the image begins in its file."""


State: TypeAlias = tuple[int, ...]


class DatabasePages:
    """An open database and its log. Pages are numbered from 1."""

    def __init__(self, path: Path, *, log: bool) -> None:
        """Open a database.

        Args:
            path: the database.
            log: whether places are those of the log beside it.

        Raises:
            OSError: when the file cannot be opened.
            DamagedPage: when the header makes no sense.
        """
        self._in_log = log
        self._paths = (path, path.with_name(path.name + LOG))
        self._main, self._log = -1, -1
        try:
            self.renew()
        except BaseException:
            self.close()
            raise

    def renew(self) -> None:
        """Open the files again and read headers and log. Raises OSError and DamagedPage."""
        self.close()
        self._images: dict[int, bytes] = {}
        self._frames: dict[int, int] = {}
        self.state = self._state()
        self._main = descriptors.take(self._paths[0])
        self._log = _open_if_there(self._paths[1])
        head = os.pread(self._main, 100, 0)
        size = int.from_bytes(head[16:18], "big")
        self.size = 65536 if size == 1 else size
        self._length = os.fstat(self._main).st_size
        committed = self._read_log()
        if self.size < 512 or self.size & (self.size - 1):
            raise DamagedPage
        self.head = self._read(1)[:100] if 1 in self._frames else head
        if self.head[:16] != MAGIC:
            raise DamagedPage
        self.usable = self.size - self.head[20]
        counted = self._number(28) if self.head[24:28] == self.head[92:96] else 0
        there = max(self._length // self.size, max(self._frames, default=0))
        self.count = min(committed or counted or there, there)
        if self.usable < 480:
            raise DamagedPage
        self.encoding = ENCODINGS.get(self._number(56), "utf-8")
        self.trunk = self._number(32)
        self.pointer_maps = bool(self._number(52))
        self.lock_page = _LOCKED // self.size + 1

    def changed(self) -> bool:
        """Return whether the file or its log was written since it was read."""
        return self._state() != self.state

    def image(self, number: int) -> bytes:
        """Return the current image of a page. Raises DamagedPage."""
        image = self._images.get(number)
        if image is None:
            if len(self._images) >= _KEPT:
                self._images.clear()
            image = self._images[number] = self.passing_image(number)
        return image

    def passing_image(self, number: int) -> bytes:
        """As :meth:`image`, for one that is needed once. Raises DamagedPage."""
        if not 1 <= number <= self.count:
            raise DamagedPage
        image = self._read(number)
        if len(image) != self.size:
            raise DamagedPage
        return image

    def following(self, number: int) -> int:
        """Return the number with which an overflow page begins: that of the next one. Raises DamagedPage."""
        if not 2 <= number <= self.count:
            raise DamagedPage
        return int.from_bytes(self._read(number, 4), "big")

    def place(self, offset: int) -> ImagePlace | None:
        """Return the page that an offset of the file lies in; None where no page is (headers of a log, a torn end)."""
        if not self._in_log:
            number, at = divmod(offset, self.size)
            frame = self._frames.get(number + 1)
            current = frame is None or os.pread(self._main, self.size, offset - at) == self.image(number + 1)
            return ImagePlace(number + 1, at, current, offset - at)
        step = _FRAME + self.size
        frame, at = divmod(offset - _LOG_HEAD, step)
        if frame < 0 or at < _FRAME:
            return None
        start = _LOG_HEAD + frame * step
        number = int.from_bytes(self._read_log_at(start, 4), "big")
        if number < 1:
            return None
        return ImagePlace(number, at - _FRAME, self._frames.get(number) == start + _FRAME, start + _FRAME)

    def image_at(self, place: ImagePlace) -> bytes:
        """Return the image that a place lies in, current or not."""
        return self._read_log_at(place.offset, self.size) if self._in_log else os.pread(self._main, self.size, place.offset)

    def any_after_end(self) -> bool:
        """Return whether the file holds anything but zeros behind its last page."""
        end = self.count * self.size
        return any(any(os.pread(self._main, self.size, at)) for at in range(end, self._length, self.size))

    def replaced(self) -> Iterator[tuple[int, bytes]]:
        """Yield page number and image for each image, in the file or its log, that no reader sees any more. What is torn has number 0."""
        for number in sorted(self._frames):
            image = os.pread(self._main, self.size, (number - 1) * self.size)
            if image and number <= self.count and image != self._read(number):
                yield number, image
        length = os.fstat(self._log).st_size if self._log >= 0 else 0
        step = _FRAME + self.size
        for start in range(_LOG_HEAD, length, step):
            number = int.from_bytes(self._read_log_at(start, 4), "big")
            image = self._read_log_at(start + _FRAME, self.size)
            whole = len(image) == self.size
            if not whole or self._frames.get(number) != start + _FRAME:
                yield number if whole else 0, image

    def is_pointer_map(self, number: int) -> bool:
        """Return whether a page says where others hang, in a database that shrinks by itself (file format 1.8)."""
        if not self.pointer_maps or number < 2:
            return False
        every = self.usable // 5 + 1
        first = (number - 2) // every * every + 2
        return number == (first + 1 if first == self.lock_page else first)

    def close(self) -> None:
        """Close the files; safe to call twice."""
        for descriptor in (self._main, self._log):
            if descriptor >= 0:
                descriptors.give_back(descriptor)
        self._main, self._log = -1, -1

    def _number(self, at: int) -> int:
        return int.from_bytes(self.head[at : at + 4], "big")

    def _read(self, number: int, count: int = 0) -> bytes:
        frame = self._frames.get(number)
        if frame is not None:
            return self._read_log_at(frame, count or self.size)
        return os.pread(self._main, count or self.size, (number - 1) * self.size)

    def _read_log_at(self, offset: int, count: int) -> bytes:
        return os.pread(self._log, count, offset) if self._log >= 0 else b""

    def _state(self) -> State:
        found: list[int] = []
        for path in self._paths:
            try:
                status = path.stat()
            except FileNotFoundError:
                continue
            found += (status.st_ino, status.st_size, status.st_mtime_ns)
        return tuple(found)

    def _read_log(self) -> int:
        """Note the last committed frame of each page; return the database's pages after the last commit, 0 without one.

        Frames left from before the log was begun anew have another salt. Checksums are not computed: they differ only in what a crash
        tore, which the next writer that opens the database takes away.
        """
        head = self._read_log_at(0, _LOG_HEAD)
        size = int.from_bytes(head[8:12], "big")
        if len(head) < _LOG_HEAD or head[:4] not in LOG_MAGIC or size < 512 or (self._length and size != self.size):
            return 0
        self.size = size
        committed, waiting, start = 0, dict[int, int](), _LOG_HEAD
        length = os.fstat(self._log).st_size
        while start + _FRAME + size <= length:
            frame = self._read_log_at(start, 16)
            if frame[8:16] != head[16:24]:
                break
            waiting[int.from_bytes(frame[:4], "big")] = start + _FRAME
            count = int.from_bytes(frame[4:8], "big")
            if count:
                committed = count
                self._frames.update(waiting)
                waiting = {}
            start += _FRAME + size
        return committed


def _open_if_there(path: Path) -> int:
    try:
        return descriptors.take(path)
    except FileNotFoundError:
        return -1
