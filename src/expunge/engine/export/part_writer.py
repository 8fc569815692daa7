"""Write the parts of an export: zips of at most a chosen size, each streamed in one pass through a bounded amount of memory."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from hashlib import sha256
from types import TracebackType
from typing import IO, Self

from expunge.core.export.export_manifest import WrittenPart
from expunge.core.export.wanted_export import LEAST_PART
from expunge.errors import UsageError
from expunge.ports.exports.export_folder import ExportFolder, PartFile

MOST_AT_ONCE = 4 * 1024 * 1024
"""Bytes of a file that are held in memory."""
_HEADERS = 200
"""Bytes that a zip keeps about one file beside its name, which it has twice."""
_END = 128
"""Bytes behind the list of files."""
_PACKED = frozenset({"audio", "video", "image"})
"""Media types whose content is compressed already."""
_NO_ZIP64 = 2**31 - 1


class _Counted:
    """A part's file that counts and hashes what passes."""

    def __init__(self, file: PartFile) -> None:
        self._file = file
        self.bytes = 0
        self.digest = sha256()
        self.abandoned = False
        """Set after an error: a zip that is let go of writes its list of files once more."""

    def write(self, data: bytes, /) -> int:
        if self.abandoned:
            return len(data)
        self._file.write(data)
        self.digest.update(data)
        self.bytes += len(data)
        return len(data)

    def flush(self) -> None:
        self._file.flush()

    def close(self) -> None:
        """Leave the file open: its owner ends it."""


@dataclass
class _Open:
    """The part at hand."""

    number: int
    counted: _Counted
    archive: zipfile.ZipFile
    listed: int = 0
    """Bytes that the list of files will take at the end."""
    files: int = 0


@dataclass
class PartWriter:
    """Writes files one after the other. A part begins with the first file that needs it.

    ``ending`` is called right before a part is closed, and may write further small files into it: ``reserve`` tells how much room these
    take at most. A context manager: an error leaves nothing of the part at hand.
    """

    folder: ExportFolder
    limit: int
    reserve: Callable[[], int]
    ending: Callable[[bool], None]
    """Called with whether the part is the last one."""
    written: list[WrittenPart] = field(default_factory=list)
    _open: _Open | None = None
    _stack: ExitStack = field(default_factory=ExitStack, repr=False)

    def __post_init__(self) -> None:
        """Refuse parts that are too small for anything. Raises UsageError."""
        if self.limit < LEAST_PART:
            message = f"a part has at least {LEAST_PART // 1024**2} MiB"
            raise UsageError(message, help="the usual size is 2 GB: --part-size 2GB")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is None:
            self._close(last=True)
        else:
            if self._open is not None:
                self._open.counted.abandoned = True
            self._stack.__exit__(kind, error, None)

    @property
    def number(self) -> int:
        """The part that is written to, or the one that begins with the next file."""
        return self._open.number if self._open else len(self.written) + 1

    @property
    def at_once(self) -> int:
        """Bytes of a file that are read before it is decided where it goes."""
        return min(MOST_AT_ONCE, self.limit // 4)

    @property
    def used(self) -> int:
        """Bytes of the part at hand so far."""
        return self._open.counted.bytes if self._open else 0

    def room(self, name: str, beside: int = 0) -> int:
        """Return how many bytes a file of that name may have here; ``beside`` is what else has to fit because of it."""
        listed = self._open.listed if self._open else 0
        free = self.limit - self.used - listed - self.reserve() - _headers(name) - _END - beside
        # Packing data that cannot be packed makes it longer by less than a thousandth.
        return max(0, free - free // 1000 - 64)

    def begin(self) -> None:
        """Begin a part where none is open."""
        if self._open is not None:
            return
        number = len(self.written) + 1
        counted = _Counted(self._stack.enter_context(self.folder.part(number)))
        # Why with the file's place out of reach: a part may be sealed as it is written.
        archive = zipfile.ZipFile(counted, "w", zipfile.ZIP_DEFLATED)
        self._open = _Open(number, counted, archive)

    def turn(self) -> None:
        """Close the part at hand, so that the next file begins another one."""
        if self._open is not None:
            self._close(last=False)

    def whole(self, name: str, data: bytes, media_type: str) -> None:
        """Write a small file. The caller has asked for room."""
        with _entry(self._begun(), name, media_type, large=False) as out:
            out.write(data)
        self._enter(name)

    def stream(self, name: str, chunks: Iterator[bytes], room: int, media_type: str) -> Generator[int, None, None]:
        """Write a file from chunks until they end or ``room`` is used up, and yield the length of each chunk once it is written.

        No chunk is longer than the room that is left: the caller cuts them. An error of ``chunks`` passes, after the file was closed.
        """
        opened = self._begun()
        try:
            with _entry(opened, name, media_type, large=room > _NO_ZIP64) as out:
                for chunk in chunks:
                    out.write(chunk)
                    yield len(chunk)
        finally:
            self._enter(name)

    def _begun(self) -> _Open:
        self.begin()
        assert self._open is not None
        return self._open

    def _enter(self, name: str) -> None:
        opened = self._begun()
        opened.listed += _headers(name)
        opened.files += 1

    def _close(self, *, last: bool) -> None:
        self.begin()
        self.ending(last)
        opened = self._begun()
        opened.archive.close()
        self._stack.close()
        self._open = None
        self.written.append(WrittenPart(opened.number, opened.counted.bytes, opened.counted.digest.hexdigest(), opened.files))


def _headers(name: str) -> int:
    return _HEADERS + 2 * len(name.encode())


def _entry(opened: _Open, name: str, media_type: str, *, large: bool) -> AbstractContextManager[IO[bytes]]:
    # Why not stored: a file whose size is not known before it is written can be read by every program only where it is deflated.
    opened.archive.compresslevel = 0 if media_type.partition("/")[0] in _PACKED else 6
    return opened.archive.open(name, "w", force_zip64=large)
