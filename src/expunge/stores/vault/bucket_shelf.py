"""The shelf of a vault in a bucket.

::

    objects/ab…         a sealed recording, named by its random id
    (marks) ab…         an empty file on this machine while the recording comes in; its writer holds a lock on it

An object is there as a whole or not at all: short ones are sent with one PUT, long ones in parts that become an object when all are there.
The mark is durable before anything is sent, so that whatever a dead ingest began is found again.
"""

from __future__ import annotations

import errno
import fcntl
import io
import os
import secrets
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from expunge import descriptors, durable
from expunge.core.values.copy import RawSource
from expunge.core.values.outcome import Reason, Unable
from expunge.errors import StoreUnavailable
from expunge.faults import failpoint
from expunge.ports.vault.shelf import ComingFile, LyingFile, is_id
from expunge.stores.s3.bucket_connection import BATCH, Bucket, BucketEntry, Upload
from expunge.stores.s3.client import BucketTrouble, ObjectChanged
from expunge.stores.s3.content import BucketContent
from expunge.stores.s3.deletion import BucketDeleter, common_head

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

OBJECTS = "objects/"
_COMING = "(coming)"
PART = 8 << 20
"""Bytes up to which an object is sent with one PUT, and of each of the first parts of a longer one."""
_GROWING = 1_000
"""Parts of one size: those that follow are larger, so that 10,000, the protocol's limit, are enough for 440 GiB."""
_LEAST, _MOST = 1 << 16, 4 << 20
"""Bytes that a read asks for: anywhere, and at the most when reads follow one another."""
_FIRST = 1 << 18
_NOBODYS = f"{OBJECTS}.expunge-rights"


class _Coming:
    """Sealed bytes in memory, as many as one part has, and the parts that were sent."""

    def __init__(self, bucket: Bucket, id_: str, mark: Path) -> None:
        self.id = id_
        self.mark = mark
        self.size = 0
        self._bucket = bucket
        self._key = bucket.full(OBJECTS + id_)
        self._waiting = bytearray()
        self._upload = ""
        self._parts: list[dict[str, object]] = []

    def write(self, data: memoryview, /) -> int | None:
        self._waiting += data
        self.size += len(data)
        most = PART * (1 + len(self._parts) // _GROWING)
        if len(self._waiting) > most:
            self._send(most)
        return len(data)

    def settle(self) -> None:
        if self._upload:
            self._send(len(self._waiting))
        failpoint("vault.bucket.sent:after")

    def _send(self, size: int) -> None:
        with told():
            if not self._upload:
                failpoint("vault.bucket.begin:before")
                self._upload = str(self._bucket.call("create_multipart_upload", Key=self._key)["UploadId"])
            body, number = bytes(self._waiting[:size]), len(self._parts) + 1
            failpoint("vault.bucket.part:before")
            answer = self._bucket.call("upload_part", Key=self._key, UploadId=self._upload, PartNumber=number, Body=body)
        self._parts.append({"PartNumber": number, "ETag": answer["ETag"]})
        del self._waiting[:size]

    def name(self) -> None:
        """Make it an object, whole. Raises StoreUnavailable, OSError."""
        with told():
            failpoint("vault.bucket.name:before")
            # commit point: the recording is there.
            if self._upload:
                try:
                    parts = {"Parts": self._parts}
                    self._bucket.call("complete_multipart_upload", Key=self._key, UploadId=self._upload, MultipartUpload=parts)
                except FileNotFoundError:
                    # An answer was lost, and the call was made again: then it is there.
                    self._require_there()
            else:
                self._bucket.call("put_object", Key=self._key, Body=bytes(self._waiting))
            failpoint("vault.bucket.name:after")
        unmark(self.mark)

    def _require_there(self) -> None:
        found = self._bucket.head(OBJECTS + self.id)
        if int(found.get("ContentLength", -1)) != self.size:
            raise OSError(errno.EIO, "the service did not put the parts of an upload together")

    def drop(self) -> None:
        if self._upload:
            with told():
                self._bucket.abort(Upload(OBJECTS + self.id, self._upload, ""))
        unmark(self.mark)


class BucketShelf:
    """Implements :class:`expunge.ports.vault.shelf.Shelf`."""

    is_near = False

    def __init__(self, bucket: Bucket, url: str, marks: Path) -> None:
        self._bucket = bucket
        self._content = BucketContent(bucket, url)
        self._marks = marks

    # --- in -------------------------------------------------------------------------------------

    def prepare(self) -> None:
        """See the port. A bucket is never made here."""
        if self.is_away():
            # Why asked: where there is none, every recording of it would pass for lost.
            raise StoreUnavailable("the vault's bucket is not there", help="correct `url:`, or make the bucket, then run again")
        if not self._marks.is_dir():
            self._marks.mkdir(mode=0o700, parents=True, exist_ok=True)
            durable.fsync_directory(self._marks.parent, at="vault.bucket.marks")

    @contextmanager
    def begin(self, number: int) -> Iterator[Sequence[ComingFile]]:
        """See the port."""
        with ExitStack() as stack:
            begun = []
            for id_ in (secrets.token_hex(16) for _ in range(number)):
                handle = os.open(self._marks / id_, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
                stack.callback(os.close, handle)
                fcntl.flock(handle, fcntl.LOCK_EX)
                begun.append(_Coming(self._bucket, id_, self._marks / id_))
            if begun:
                durable.fsync_directory(self._marks, at="vault.bucket.mark")
            yield begun

    def keep(self, files: Sequence[ComingFile]) -> None:
        """See the port."""
        self._bucket.each(_Coming.name, cast("Sequence[_Coming]", files))

    def finish(self, id_: str, size: int) -> None:
        """Do nothing: what was not sent whole was in the memory of a process that died."""

    # --- looking --------------------------------------------------------------------------------

    def size(self, id_: str) -> int | None:
        """See the port."""
        try:
            with told():
                return int(self._bucket.head(OBJECTS + id_)["ContentLength"])
        except FileNotFoundError:
            return None

    def missing(self, ids: Collection[str]) -> int:
        """See the port: by one listing."""
        with told():
            there = {entry.key.removeprefix(OBJECTS) for entry in self._bucket.names(OBJECTS)}
        return sum(each not in there for each in ids)

    def open(self, id_: str, *, afresh: bool = False) -> BinaryIO:  # noqa: ARG002 - no bytes are at hand here
        """See the port."""
        return cast("BinaryIO", _SealedObject(self._bucket, OBJECTS + id_))

    def heads(self, ids: Sequence[str], size: int) -> Iterator[tuple[Path, bytes]]:
        """See the port."""

        def head(id_: str) -> bytes:
            with suppress(FileNotFoundError):
                return self._bucket.read(OBJECTS + id_, 0, size)[0]
            return b""

        with told():
            found = self._bucket.each(head, ids)
        yield from ((self._path(id_), data) for id_, data in zip(ids, found, strict=True) if data)

    def _path(self, id_: str) -> Path:
        return self._content.root / OBJECTS / id_

    def files(self) -> Iterator[LyingFile]:
        """See the port: every version of every object, names without one, open uploads, and marks."""
        with told():
            for page in self._bucket.pages("", versioned=self._bucket.versioned()):
                for entries in page.values():
                    yield from (self._lying(entry) for entry in entries)
            for upload in self._bucket.uploads():
                id_ = id_of(upload.key)
                yield LyingFile(Path(self._content.url_of_upload(upload)), id_, is_coming=self.comes_in(id_), size=-1)
        for mark in sorted(self._marks.iterdir()) if self._marks.is_dir() else ():
            if is_id(mark.name):
                yield LyingFile(self._content.root / _COMING / mark.name, mark.name, is_coming=True, size=0)

    def _lying(self, entry: BucketEntry) -> LyingFile:
        url = f"{self._content.url}/{entry.key}" if entry.marker else self._content.url_of(entry)
        return LyingFile(Path(url), id_of(entry.key), is_coming=False, size=-1 if entry.marker else entry.size)

    # --- away -----------------------------------------------------------------------------------

    def remove(self, ids: Sequence[str]) -> Mapping[str, OSError]:
        """See the port: every version, every delete marker, and the uploads to them."""
        stays: dict[str, OSError] = {}
        for start in range(0, len(ids), BATCH):
            some = ids[start : start + BATCH]
            try:
                with told():
                    stays |= self._remove([OBJECTS + each for each in some])
            except OSError as error:
                stays |= dict.fromkeys(some, error)
        return stays

    def _remove(self, keys: Sequence[str]) -> Mapping[str, OSError]:
        hand, wanted = BucketDeleter(self._bucket), set(keys)
        hand.abort([each for each in self._bucket.uploads(common_head(keys)) if each.key in wanted])
        deleted = hand.delete([entry for entries in hand.held(keys).values() for entry in entries])
        return {id_of(entry.key): _error(unable) for entry, unable in deleted.failed.items()}

    def comes_in(self, id_: str) -> bool:
        """See the port: there is a mark."""
        return is_id(id_) and (self._marks / id_).is_file()

    def is_held(self, id_: str) -> bool:
        """See the port."""
        mark = self._marks / id_
        return not mark.exists() or descriptors.is_being_written(mark)

    def was_kept(self, id_: str) -> bool:
        """See the port."""
        if self.size(id_) is None:
            return False
        unmark(self._marks / id_)
        return True

    def take_back(self, id_: str) -> None:
        """See the port."""
        for error in self.remove([id_]).values():
            raise error
        unmark(self._marks / id_)

    # --- the place ------------------------------------------------------------------------------

    def sources(self) -> Iterator[RawSource]:
        """Yield nothing: the disks are out of reach."""
        yield from ()

    def is_away(self) -> bool:
        """See the port."""
        return not is_there(self._bucket)

    def is_writable(self) -> bool:
        """See the port."""
        return is_writable(self._bucket)

    def close(self) -> None:
        """See the port."""
        self._bucket.close()


class _SealedObject(io.RawIOBase):
    """One state of an object, of which its reader asks for a few parts, or for all parts in order."""

    def __init__(self, bucket: Bucket, key: str) -> None:
        super().__init__()
        self._bucket, self._key = bucket, key
        self._at = self._start = 0
        self._etag = ""
        self._next = _FIRST
        self._ahead = _FIRST
        self._held = b""
        data, answer = self._read(0, _FIRST)
        whole = str(answer.get("ContentRange", "")).rpartition("/")[2]
        self._size = int(whole) if whole.isdigit() else len(data)
        self._etag = str(answer.get("ETag", ""))
        self._beginning = self._held = data

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        self._at = offset + (0, self._at, self._size)[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        view = memoryview(buffer).cast("B")
        if self._at >= self._size or not view:
            return 0
        if self._at < len(self._beginning):
            start, held = 0, self._beginning
        else:
            if not self._start <= self._at < self._start + len(self._held):
                self._fetch(len(view))
            start, held = self._start, self._held
        inside = self._at - start
        count = min(len(view), len(held) - inside)
        view[:count] = held[inside : inside + count]
        self._at += count
        return count

    def _fetch(self, wanted: int) -> None:
        """Read from here on, the more the longer reads follow one another."""
        follows = self._at == self._next
        self._ahead = min(_MOST, 2 * self._ahead) if follows else _LEAST
        data, _ = self._read(self._at, max(self._ahead, min(wanted, _MOST)))
        if not data:
            raise OSError(errno.EIO, "an object ends before the length that the service gives")
        if self._at + len(data) < self._size or follows:
            # Why not the end: a reader asks for it first, and then reads on from the beginning.
            self._next = self._at + len(data)
        self._start, self._held = self._at, data

    def _read(self, start: int, length: int) -> tuple[bytes, Any]:
        try:
            return self._bucket.read(self._key, start, length, etag=self._etag)
        except ObjectChanged as error:
            raise OSError(errno.EBADMSG, "a sealed file is not what was sealed") from error
        except BucketTrouble as trouble:
            raise _error(trouble.unable) from trouble


def unmark(mark: Path) -> None:
    """Remove a mark. One that comes back after a power cut is of an object that is there, or is not: both are settled."""
    durable.unlink(mark, at="vault.bucket.unmark")


def is_there(bucket: Bucket) -> bool:
    """Return whether the bucket exists. Raises StoreUnavailable."""
    try:
        with told():
            bucket.call("head_bucket")
    except FileNotFoundError:
        return False
    return True


def is_writable(bucket: Bucket) -> bool:
    """Delete a version of an object that never was: a service that refuses this would refuse the real thing. Raises StoreUnavailable."""
    with told():
        return not bucket.delete([(_NOBODYS, "null" if bucket.versioned() else "")])


def _error(unable: Unable) -> OSError:
    return OSError(errno.EACCES if unable.reason is Reason.PERMISSION else errno.EIO, unable.detail)


def id_of(key: str) -> str:
    """Return the id of a recording by the key of its object; empty for another key."""
    name = key.removeprefix(OBJECTS)
    return name if key.startswith(OBJECTS) and is_id(name) else ""


@contextmanager
def told() -> Iterator[None]:
    """Say troubles of the service as the port does. Raises StoreUnavailable."""
    try:
        yield
    except BucketTrouble as trouble:
        message = f"the vault's bucket: {trouble.unable.detail}"
        raise StoreUnavailable(message, help="start or mend the service, or correct the map, then run again") from None
