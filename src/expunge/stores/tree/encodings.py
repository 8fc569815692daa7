"""Read text files of several encodings as UTF-8.

UTF-16 is recognised by its byte order mark, whatever the data map says. Latin-1 and Windows-1252 have none: the map says ``encoding:``.
Every encoding here gives back the same bytes when text is decoded and encoded again, so that what stays of a file stays as it was.
"""

from __future__ import annotations

import codecs
import io
from typing import TYPE_CHECKING, BinaryIO, cast

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

CODECS = {
    "utf-8": "utf-8",
    "utf-16": "",
    "utf-16-le": "utf-16-le",
    "utf-16-be": "utf-16-be",
    "latin-1": "latin-1",
    "windows-1252": "cp1252",
}
"""The words of a map -> Python's codec; UTF-16 without more needs a mark."""
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_CHUNK = 1 << 16


class UndecodableText(Exception):
    """The bytes are not of the encoding; the text says so, without any content."""


def utf8_of(file: BinaryIO, encoding: str) -> tuple[BinaryIO, str]:
    """Return a stream of the same text in UTF-8, and Python's codec for the bytes of the file.

    Args:
        file: without its compression, at its start.
        encoding: of a file without a mark; a key of :data:`CODECS`, or empty for UTF-8.

    Raises:
        UndecodableText: for an encoding that is not known; reads of the stream raise it for bytes that are not of the encoding.
    """
    head = _peek(file)
    marked = next((name for mark, name in _MARKS if head.startswith(mark)), "")
    if marked == "utf-32":
        message = "the file is UTF-32, which cannot be read"
        raise UndecodableText(message)
    codec = marked or CODECS.get(encoding or "utf-8", encoding)
    if not codec:
        message = "the file has no byte order mark: write `encoding: utf-16-le` or `utf-16-be`"
        raise UndecodableText(message)
    if codec == "utf-8":
        return file, codec
    try:
        decoder = codecs.getincrementaldecoder(codec)("strict")
    except LookupError as error:
        message = f"there is no encoding {encoding!r}; one of {', '.join(CODECS)}"
        raise UndecodableText(message) from error
    return cast("BinaryIO", io.BufferedReader(_Utf8(file, decoder, codec), _CHUNK)), codec


def _peek(file: BinaryIO) -> bytes:
    """The first bytes, which are still to be read."""
    if isinstance(file, io.BufferedReader):
        return file.peek(4)[:4]
    at = file.tell()
    head = file.read(4)
    file.seek(at)
    return head


class _Utf8(io.RawIOBase):
    """Bytes in UTF-8 of a file in another encoding."""

    def __init__(self, file: BinaryIO, decoder: codecs.IncrementalDecoder, codec: str) -> None:
        self._file = file
        self._decoder = decoder
        self._codec = codec
        self._ready = b""
        self._ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        while not self._ready and not self._ended:
            chunk = self._file.read(_CHUNK)
            self._ended = not chunk
            try:
                self._ready = self._decoder.decode(chunk, final=self._ended).encode("utf-8")
            except UnicodeError as error:
                message = f"the file is not {self._codec}"
                raise UndecodableText(message) from error
        count = min(len(view), len(self._ready))
        view[:count] = self._ready[:count]
        self._ready = self._ready[count:]
        return count
