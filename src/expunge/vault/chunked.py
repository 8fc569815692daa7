"""Seals content in chunks, so that any part of it can be read alone and nothing that was changed is given out.

The format is C2SP chunked-encryption with AES-256-GCM and SHA-512 (`docs/spec/sealed.md`): 24 bytes of salt, 32 of commitment to
key, salt and context, then chunks of 16 KiB, each with its tag of 16 bytes. The last chunk is shorter than the others, so that it
alone proves how long the content is.
"""

from __future__ import annotations

import hmac
import io
import os
import secrets
from types import TracebackType
from typing import TYPE_CHECKING, Final, Protocol, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from expunge.errors import SealInvalid, UsageError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

KEY: Final = 32
CHUNK: Final = 16 * 1024
"""Bytes of content in each chunk but the last, which has fewer."""
HEADER: Final = 56

_SALT, _COMMITMENT, _NONCE, _TAG = 24, 32, 12, 16
_SEALED_CHUNK = CHUNK + _TAG
_MOST_CHUNKS = 2**38
_AT_A_TIME = 16
"""Chunks that are handed to a file, or asked of one, in one call."""
_LABEL = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0"
_CONTEXT = b"expunge/vault/1"


class SealedFile(Protocol):
    """What a reader reads from: a binary file that can seek."""

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Go to a byte and return its number."""
        ...

    def readinto(self, buffer: WriteableBuffer, /) -> int | None:
        """Fill as much of ``buffer`` as comes at once, and return how much; nothing at the end."""
        ...


class Sink(Protocol):
    """What a writer writes to: a binary file, or anything else that takes bytes one after another.

    ``write`` has to be done with the bytes when it returns, because the writer uses their memory again.
    """

    def write(self, data: memoryview, /) -> int | None:
        """Take some of ``data`` and return how much; None for all of it."""
        ...


def object_context(dataset: str, object_id: str) -> bytes:
    """Return the context under which one object of a dataset is sealed. Two objects never have the same. Raises UsageError."""
    if "\0" in dataset:
        raise UsageError("the name of a dataset holds a NUL")
    return b"\0".join((_CONTEXT, dataset.encode(), object_id.encode()))


def sealed_size(size: int) -> int:
    """Return how many bytes so many become when they are sealed. Raises UsageError for content of 4 PiB or more."""
    chunks = size // CHUNK + 1
    if chunks > _MOST_CHUNKS:
        raise UsageError("content of 4 PiB or more cannot be sealed as one", help="seal it in parts")
    return HEADER + size + chunks * _TAG


def opened_size(sealed: int) -> int:
    """Return how many bytes of content so many sealed ones hold, if they are whole. Raises SealInvalid for a length that is never made."""
    full, rest = divmod(sealed - HEADER, _SEALED_CHUNK)
    if sealed < HEADER or rest < _TAG or full >= _MOST_CHUNKS:
        raise _cut()
    return full * CHUNK + rest - _TAG


def seal(key: bytes, plaintext: ReadableBuffer, context: bytes) -> bytes:
    """Return the content sealed under a fresh salt. ``key`` is 32 random bytes. Raises UsageError for another length."""
    box = _Box.fresh(key, context)
    view = memoryview(plaintext).cast("B")
    whole, out = _blank(sealed_size(len(view)))
    with out:
        out[:HEADER] = box.header
        for number in range(len(view) // CHUNK + 1):
            part = view[number * CHUNK : (number + 1) * CHUNK]
            at = HEADER + number * _SEALED_CHUNK
            box.seal(number, part, out[at : at + len(part) + _TAG])
    return whole.getvalue()


def open_sealed(key: bytes, sealed: ReadableBuffer, context: bytes) -> bytes:
    """Return the content of what :func:`seal` or a writer made. Raises SealInvalid, and gives nothing, if one bit of it is another."""
    view = memoryview(sealed).cast("B")
    size = opened_size(len(view))
    box = _Box.opening(key, context, bytes(view[:HEADER]))
    last = size // CHUNK
    whole, out = _blank(size)
    with out:
        for number in (last, *range(last)):
            at = HEADER + number * _SEALED_CHUNK
            box.open(number, view[at : at + _SEALED_CHUNK], out[number * CHUNK : (number + 1) * CHUNK])
    return whole.getvalue()


class SealingWriter:
    """Seals what is written to it, with at most one chunk of it in memory; ``close`` writes the last chunk.

    Left by an exception, it writes no last chunk: what lies in the file is then shorter than anything that opens. So it is after a
    write that failed, and for a writer that is forgotten. It is no :class:`io.IOBase`, because the buffers of :mod:`io` close what
    they wrap when an exception passes, as if all had been written. The file stays open: the caller makes it durable.
    """

    def __init__(self, file: Sink, key: bytes, context: bytes) -> None:
        """Write the header. Raises UsageError for a key of another length than 32, and whatever the file raises."""
        self._file, self._box = file, _Box.fresh(key, context)
        self._number = self._filled = 0
        self._waiting, self._sealed = bytearray(CHUNK), memoryview(bytearray(_AT_A_TIME * _SEALED_CHUNK))
        self.closed = False
        self._hand_over(memoryview(self._box.header))

    def write(self, data: ReadableBuffer, /) -> int:
        """Take all of ``data`` and return its length. Raises whatever the file raises; the writer is closed then."""
        if self.closed:
            raise ValueError("write to a closed writer")
        view = memoryview(data).cast("B")
        try:
            self._take(view)
        except BaseException:
            self.abandon()
            raise
        return len(view)

    def tell(self) -> int:
        """Return how many bytes of content were written."""
        return self._number * CHUNK + self._filled

    def flush(self) -> None:
        """Do nothing: a chunk is sealed when it is full, or the last."""

    def close(self) -> None:
        """Write the last chunk. Closed already, or abandoned, nothing happens. Raises whatever the file raises."""
        if self.closed:
            return
        try:
            self._seal(memoryview(self._waiting)[: self._filled])
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Close without the last chunk: what was written never opens."""
        self.closed = True
        self._waiting[:] = bytes(CHUNK)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is None:
            self.close()
        else:
            self.abandon()

    def _take(self, view: memoryview) -> None:
        if self._filled:
            view = self._fill_up(view)
            if self._filled < CHUNK:
                return
            self._filled = 0
            self._seal(memoryview(self._waiting))
        full = len(view) - len(view) % CHUNK
        for start in range(0, full, _AT_A_TIME * CHUNK):
            self._seal(view[start : min(full, start + _AT_A_TIME * CHUNK)])
        self._fill_up(view[full:])

    def _fill_up(self, view: memoryview) -> memoryview:
        """Keep the beginning of ``view`` until a chunk is full; return the rest."""
        taken = min(CHUNK - self._filled, len(view))
        self._waiting[self._filled : self._filled + taken] = view[:taken]
        self._filled += taken
        return view[taken:]

    def _seal(self, view: memoryview) -> None:
        """Seal whole chunks, or the last one."""
        size = 0
        for start in range(0, len(view) or 1, CHUNK):
            part = view[start : start + CHUNK]
            self._box.seal(self._number, part, self._sealed[size : size + len(part) + _TAG])
            self._number += 1
            size += len(part) + _TAG
        self._hand_over(self._sealed[:size])

    def _hand_over(self, view: memoryview) -> None:
        while view:
            # A file without a buffer may take less than it is given.
            taken = self._file.write(view)
            view = view[len(view) if taken is None else taken :]


class UnsealingReader(io.RawIOBase):
    """Reads sealed content from any place in it; only the chunks that are asked for are read and opened.

    The header and the last chunk are checked before there is a reader: cut, lengthened, moved to another context or under another
    key, there is none. Each other chunk is checked, as the one of its place, before a byte of it is given out. Not for several
    threads at once. The file stays open.
    """

    def __init__(self, file: SealedFile, key: bytes, context: bytes) -> None:
        """Check header and last chunk. Raises SealInvalid, UsageError for a key of another length than 32, whatever the file raises."""
        super().__init__()
        self._held, self._held_number = bytearray(CHUNK), -1
        self._sealed = memoryview(bytearray(_SEALED_CHUNK))
        self._file, self._position = file, 0
        self.size: Final = opened_size(file.seek(0, os.SEEK_END))
        """Bytes of content, proven by the last chunk."""
        header = memoryview(bytearray(HEADER))
        self._fetch(0, header)
        self._box = _Box.opening(key, context, bytes(header))
        self._open(self.size // CHUNK, 0, memoryview(bytearray()))

    def readable(self) -> bool:
        """Return that it can be read."""
        return True

    def seekable(self) -> bool:
        """Return that any place of it can be gone to."""
        return True

    def tell(self) -> int:
        """Return the place in the content."""
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Go to a place in the content. Raises ValueError for one before its beginning."""
        self._check_open()
        starts = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self.size}
        if whence not in starts or starts[whence] + offset < 0:
            raise ValueError("no such place in the content")
        self._position = starts[whence] + offset
        return self._position

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Fill ``buffer``, or as much of it as there is content, and return how much. Raises SealInvalid; the buffer is blank then."""
        self._check_open()
        view = memoryview(buffer).cast("B")
        view = view[: max(0, self.size - self._position)]
        try:
            self._give(view)
        except BaseException:
            # A chunk is decrypted before it is known to be genuine.
            view[:] = bytes(len(view))
            raise
        self._position += len(view)
        return len(view)

    def readall(self) -> bytes:
        """Return the content from here to its end. Raises SealInvalid."""
        whole, out = _blank(max(0, self.size - self._position))
        with out:
            self.readinto(out)
        return whole.getvalue()

    def close(self) -> None:
        """Wipe what is at hand; the file stays open."""
        if not self.closed:
            self._held[:] = bytes(CHUNK)
            self._held_number = -1
        super().close()

    def _check_open(self) -> None:
        if self.closed:
            raise ValueError("read from a closed reader")

    def _give(self, view: memoryview) -> None:
        done = 0
        while done < len(view):
            number, within = divmod(self._position + done, CHUNK)
            if number == self._held_number:
                taken = min(CHUNK - within, len(view) - done)
                view[done : done + taken] = memoryview(self._held)[within : within + taken]
            else:
                taken = self._open(number, within, view[done:])
            done += taken

    def _open(self, number: int, within: int, view: memoryview) -> int:
        """Open chunks from ``number`` on, all with one call of the file, and fill ``view`` from ``within``; return how much of it.

        A chunk of which only a part is asked for stays at hand.
        """
        chunks = max(1, min(_AT_A_TIME, -(-(within + len(view)) // CHUNK)))
        size = min(chunks * CHUNK, self.size - number * CHUNK) + chunks * _TAG
        if size > len(self._sealed):
            self._sealed = memoryview(bytearray(_AT_A_TIME * _SEALED_CHUNK))
        sealed = self._sealed[:size]
        self._fetch(HEADER + number * _SEALED_CHUNK, sealed)
        done = 0
        for each in range(chunks):
            part = sealed[each * _SEALED_CHUNK : (each + 1) * _SEALED_CHUNK]
            length = len(part) - _TAG
            if not within and length <= len(view) - done:
                self._box.open(number + each, part, view[done : done + length])
                done += length
                continue
            held, self._held_number = memoryview(self._held)[:length], -1
            self._box.open(number + each, part, held)
            self._held_number = number + each
            taken = min(length - within, len(view) - done)
            view[done : done + taken] = held[within : within + taken]
            done, within = done + taken, 0
        return done

    def _fetch(self, offset: int, view: memoryview) -> None:
        self._file.seek(offset)
        while view:
            taken = self._file.readinto(view)
            if not taken:
                raise _cut()
            view = view[taken:]


class _Box:
    """What one sealed object's chunks are sealed with."""

    __slots__ = ("_aead", "_base", "header")

    def __init__(self, key: bytes, context: bytes, salt: bytes) -> None:
        if len(key) != KEY:
            message = f"a key has {KEY} bytes, not {len(key)}"
            raise UsageError(message)
        kdf = HKDFExpand(SHA512(), KEY + _NONCE + _COMMITMENT, _LABEL + salt + context)
        derived = kdf.derive(key)
        self._aead = AESGCM(derived[:KEY])
        self._base = int.from_bytes(derived[KEY : KEY + _NONCE])
        self.header: Final = salt + derived[KEY + _NONCE :]

    @classmethod
    def fresh(cls, key: bytes, context: bytes) -> _Box:
        return cls(key, context, secrets.token_bytes(_SALT))

    @classmethod
    def opening(cls, key: bytes, context: bytes, header: bytes) -> _Box:
        """Raise SealInvalid unless the header commits to this key and context."""
        box = cls(key, context, header[:_SALT])
        if not hmac.compare_digest(box.header, header):
            raise SealInvalid("sealed content does not open under this key and context", help="it is of another object, or was changed")
        return box

    def seal(self, number: int, part: memoryview, out: memoryview) -> None:
        if number >= _MOST_CHUNKS:
            raise UsageError("content of 4 PiB or more cannot be sealed as one", help="seal it in parts")
        self._aead.encrypt_into(self._nonce(number), part, None, out)

    def open(self, number: int, sealed: memoryview, out: memoryview) -> None:
        """Raise SealInvalid unless this is the chunk of that number; ``out`` then holds what must not be given out."""
        try:
            self._aead.decrypt_into(self._nonce(number), sealed, None, out)
        except InvalidTag:
            message = f"chunk {number} of sealed content is not the one that was sealed"
            raise SealInvalid(message, help="it was changed, cut or moved; use another copy") from None

    def _nonce(self, number: int) -> bytes:
        return (self._base ^ number).to_bytes(_NONCE)


def _cut() -> SealInvalid:
    return SealInvalid("sealed content was cut, or is none", help="its length is none that sealing makes; use another copy")


def _blank(size: int) -> tuple[io.BytesIO, memoryview]:
    """Return so many bytes to be filled, which ``getvalue`` then gives without a copy once the view is released."""
    # The bytes belong to the file alone then: CPython lets them be written to, and gives them out, as they are.
    whole = io.BytesIO(bytes(size))
    return whole, whole.getbuffer()
