"""Seals content in chunks, so that any part of it can be read alone, and no changed byte is given out.

The format is C2SP chunked-encryption with AES-256-GCM and SHA-512 (`docs/spec/sealed.md`): 24 bytes of salt, 32 of commitment to
key, salt and context, then chunks of 16 KiB, each with its tag of 16 bytes. The last chunk is shorter than the others, so that it
alone proves the length of the content.
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
from expunge.vault.large_pages import use_large_pages

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

KEY: Final = 32
CHUNK: Final = 16 * 1024
"""Bytes of content in each chunk except the last, which has fewer."""
HEADER: Final = 56

_SALT, _COMMITMENT, _NONCE, _TAG = 24, 32, 12, 16
_SEALED_CHUNK = CHUNK + _TAG
_MOST_CHUNKS = 2**38
_AT_A_TIME = 16
"""Chunks that are written to a file, or read from it, in one call."""
_LABEL = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0"
_CONTEXT = b"expunge/vault/1"


class SealedFile(Protocol):
    """The source of a reader: a binary file that can seek."""

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Go to a byte, and return its number."""
        ...

    def readinto(self, buffer: WriteableBuffer, /) -> int | None:
        """Fill as much of ``buffer`` as comes at once, and return how much; 0 at the end."""
        ...


class Sink(Protocol):
    """The target of a writer: a binary file, or any other object that takes bytes in sequence.

    ``write`` must not keep the bytes after it returns, because the writer uses their memory again.
    """

    def write(self, data: memoryview, /) -> int | None:
        """Take some of ``data`` and return how much; None for all of it."""
        ...


def object_context(dataset: str, object_id: str) -> bytes:
    """Return the context under which one object of a dataset is sealed. No two objects have the same context. Raises UsageError."""
    if "\0" in dataset:
        raise UsageError("the name of a dataset holds a NUL")
    return b"\0".join((_CONTEXT, dataset.encode(), object_id.encode()))


def sealed_size(size: int) -> int:
    """Return the sealed size of ``size`` bytes of content. Raises UsageError for content of 4 PiB or more."""
    chunks = size // CHUNK + 1
    if chunks > _MOST_CHUNKS:
        raise UsageError("content of 4 PiB or more cannot be sealed as one", help="seal it in parts")
    return HEADER + size + chunks * _TAG


def opened_size(sealed: int) -> int:
    """Return the size of the content in ``sealed`` sealed bytes, if these are whole. Raises SealInvalid for a length that is never made."""
    full, rest = divmod(sealed - HEADER, _SEALED_CHUNK)
    if sealed < HEADER or rest < _TAG or full >= _MOST_CHUNKS:
        raise _cut()
    return full * CHUNK + rest - _TAG


def seal(key: bytes, plaintext: ReadableBuffer, context: bytes) -> bytes:
    """Return the content sealed under a fresh salt. ``key`` is 32 random bytes. Raises UsageError for another length."""
    box = _Box.fresh(key, context)
    view = memoryview(plaintext).cast("B")
    whole, out = _blank(sealed_size(len(view)))
    last = len(view) // CHUNK
    with out:
        out[:HEADER] = box.header
        at = HEADER + box.seal(0, view[: last * CHUNK], out[HEADER:]) if last else HEADER
        box.seal(last, view[last * CHUNK :], out[at:])
    return whole.getvalue()


def open_sealed(key: bytes, sealed: ReadableBuffer, context: bytes) -> bytes:
    """Return the content of what :func:`seal` or a writer made. Raises SealInvalid, and gives nothing, if a single bit was changed."""
    view = memoryview(sealed).cast("B")
    size = opened_size(len(view))
    box = _Box.opening(key, context, bytes(view[:HEADER]))
    last = size // CHUNK
    whole, out = _blank(size)
    at = HEADER + last * _SEALED_CHUNK
    with out:
        # Why the last first: it alone proves the length.
        box.open(last, view[at:], out[last * CHUNK :])
        box.open(0, view[HEADER:at], out)
    return whole.getvalue()


class SealingWriter:
    """Seals the content that is written to it, with at most one chunk in memory; ``close`` writes the last chunk.

    A writer that an exception leaves writes no last chunk: the file's length is then one that never opens. The same holds after a
    write that failed, and for a writer that was never closed. It is no :class:`io.IOBase`, because the buffers of :mod:`io` close the
    object that they wrap when an exception passes, as if all had been written. The file stays open: the caller makes it durable.
    """

    def __init__(self, file: Sink, key: bytes, context: bytes) -> None:
        """Write the header. Raises UsageError for a key of another length than 32, and whatever the file raises."""
        self._file, self._box = file, _Box.fresh(key, context)
        self._number = self._filled = 0
        self._waiting, self._sealed = bytearray(CHUNK), memoryview(bytearray())
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
        """Do nothing: a chunk is sealed when it is full, or when it is the last."""

    def close(self) -> None:
        """Write the last chunk. Does nothing where the writer is closed or abandoned. Raises whatever the file raises."""
        if self.closed:
            return
        try:
            self._seal(memoryview(self._waiting)[: self._filled])
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Close without the last chunk, so that the written bytes never open."""
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
        chunks = len(view) // CHUNK or 1
        if len(self._sealed) < chunks * _SEALED_CHUNK:
            # Why grown: most recordings are short, and memory for long ones takes longer to have than they take to seal.
            self._sealed = memoryview(bytearray(chunks * _SEALED_CHUNK))
        size = self._box.seal(self._number, view, self._sealed)
        self._number += chunks
        self._hand_over(self._sealed[:size])

    def _hand_over(self, view: memoryview) -> None:
        while view:
            # An unbuffered file may take less than it is given.
            taken = self._file.write(view)
            view = view[len(view) if taken is None else taken :]


class UnsealingReader(io.RawIOBase):
    """Reads sealed content from any place; only the chunks that a read needs are read and opened.

    The header and the last chunk are checked when a reader is made: there is none for content that was cut, lengthened or moved to
    another context, or is under another key. Each other chunk is checked, together with its place, before a byte of it is given out.
    One thread at a time may use a reader. The file stays open.
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
        """Return yes."""
        return True

    def seekable(self) -> bool:
        """Return yes: a read can begin at any place."""
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
        """Fill ``buffer`` as far as there is content, and return how much. Raises SealInvalid; then the buffer is blank."""
        self._check_open()
        view = memoryview(buffer).cast("B")
        view = view[: max(0, self.size - self._position)]
        try:
            self._give(view)
        except BaseException:
            # The cipher writes plaintext before it knows that the chunk is genuine.
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
        """Wipe the chunk at hand. The file stays open."""
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

        A chunk that is needed only in part stays at hand.
        """
        chunks = max(1, min(_AT_A_TIME, -(-(within + len(view)) // CHUNK)))
        size = min(chunks * CHUNK, self.size - number * CHUNK) + chunks * _TAG
        if size > len(self._sealed):
            self._sealed = memoryview(bytearray(size))
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
    """The cipher, the base nonce and the header of one sealed object."""

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

    def seal(self, number: int, view: memoryview, out: memoryview) -> int:
        """Seal whole chunks from a number on, or the last one, into the beginning of ``out``; return how much of it."""
        if number + max(0, len(view) - 1) // CHUNK >= _MOST_CHUNKS:
            raise UsageError("content of 4 PiB or more cannot be sealed as one", help="seal it in parts")
        # Why all in one function: a call for each chunk takes a tenth of the cipher's time.
        encrypt, base, at = self._aead.encrypt_into, self._base, 0
        for start in range(0, len(view) or 1, CHUNK):
            part = view[start : start + CHUNK]
            end = at + len(part) + _TAG
            encrypt((base ^ number).to_bytes(_NONCE), part, None, out[at:end])
            number, at = number + 1, end
        return at

    def open(self, number: int, sealed: memoryview, out: memoryview) -> None:
        """Open chunks from a number on into the beginning of ``out``.

        Raise SealInvalid unless these are the chunks of those numbers; ``out`` then holds what must not be given out.
        """
        decrypt, base, at = self._aead.decrypt_into, self._base, 0
        try:
            for start in range(0, len(sealed), _SEALED_CHUNK):
                part = sealed[start : start + _SEALED_CHUNK]
                end = at + len(part) - _TAG
                decrypt((base ^ number).to_bytes(_NONCE), part, None, out[at:end])
                number, at = number + 1, end
        except InvalidTag:
            message = f"chunk {number} of sealed content is not the one that was sealed"
            raise SealInvalid(message, help="it was changed, cut or moved; use another copy") from None


def _cut() -> SealInvalid:
    return SealInvalid("sealed content was cut, or is none", help="its length is none that sealing makes; use another copy")


def _blank(size: int) -> tuple[io.BytesIO, memoryview]:
    """Return a buffer of so many bytes. Once the view is released, ``getvalue`` gives them without a copy."""
    # The bytes then belong to the file alone: CPython writes to them, and gives them out, without a copy.
    whole = io.BytesIO(bytes(size))
    view = whole.getbuffer()
    use_large_pages(view)
    return whole, view
