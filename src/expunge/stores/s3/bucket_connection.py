"""One bucket of an S3 service: connection, bounded retries, listings that are checked, conditional writes.

Keys are relative to the prefix of the store's url. Nothing here selects items to erase, and nothing here logs. The client library's own
retries are off. The retries here are bounded in time, so that a service that answers 503 for ever becomes an answer, too.
"""

from __future__ import annotations

import io
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar, cast

from expunge.core.datamap.datamap import StoreSpec
from expunge.core.values.outcome import Reason, Unable
from expunge.errors import CouldNotLook, StoreUnavailable
from expunge.stores.s3.client import ABSENT, WIDTH, BucketTrouble, ObjectChanged, asked_to_wait, new_client, rows, said
from expunge.stores.tree.record_files import Unreadable

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

T = TypeVar("T")
R = TypeVar("R")

BATCH = 1000
"""Keys in one DeleteObjects call: the protocol's own limit."""
_TRIES = 6
_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 5.0
_WINDOW = 8 << 20
"""Bytes that one ranged read asks for."""


@dataclass(slots=True, unsafe_hash=True)
class BucketEntry:
    """One line of a listing: an object, one of its versions, or a delete marker."""

    key: str = field(repr=False)
    version: str
    """Version id; ``""`` in a bucket that never had versions, ``"null"`` for what was written without."""
    size: int
    etag: str
    latest: bool
    marker: bool = False
    modified: str = ""
    """As the service wrote it (ISO 8601)."""


@dataclass(frozen=True)
class Upload:
    """A multipart upload that was begun and neither completed nor aborted."""

    key: str = field(repr=False)
    id: str
    initiated: str


class Bucket:
    """A connection, opened at first use. Safe to use from several threads; not across a fork."""

    def __init__(self, spec: StoreSpec) -> None:
        name, _, prefix = spec.url.removeprefix("s3://").partition("/")
        self.name = name
        self.prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        self.store = spec.name
        self._options = {key: value for key, value in spec.options.items() if isinstance(value, str)}
        self._lock = threading.Lock()
        self._client: Any = None

    @property
    def client(self) -> Any:
        """The library's client, for calls that have no method here. Raises Misconfigured when the library is missing."""
        with self._lock:
            if self._client is None:
                self._client = new_client(self.store, self._options)
            return self._client

    def close(self) -> None:
        """Let go of the connection; the next call opens another."""
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.close()

    # --- calls ----------------------------------------------------------------------------------

    def call(self, operation: str, **arguments: object) -> Any:
        """One operation on this bucket, tried again for about three seconds while the service is busy or out of reach.

        Args:
            operation: the method of the client (``head_object``).
            arguments: its arguments but for the bucket; ``Key`` and ``Prefix`` as the service knows them (:meth:`full`).

        Raises:
            ObjectChanged: a condition did not hold.
            FileNotFoundError: no such key, version or upload.
            BucketTrouble: everything else that the service or the network said.
        """
        return self._insist(lambda: getattr(self.client, operation)(Bucket=self.name, **arguments))

    def _insist(self, attempt: Callable[[], T]) -> T:
        _ = self.client  # says that the library is missing, where it is
        from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, PartialCredentialsError

        for number in range(_TRIES):
            wait = 0.0
            try:
                return attempt()
            except ClientError as error:
                trouble, again = said(error.response)
                wait = asked_to_wait(error.response)
                if not again:
                    raise trouble from None
            except (NoCredentialsError, PartialCredentialsError):
                raise BucketTrouble(Unable(Reason.PERMISSION, "no credentials: write access_key and secret_key into the map")) from None
            except (BotoCoreError, OSError):
                # Refused, cut off, timed out, half an answer. The exception's text holds the URL, and with it the key: it goes no further.
                trouble = BucketTrouble(Unable(Reason.UNREACHABLE, "the service cannot be reached, or breaks off"))
            if number + 1 < _TRIES:
                time.sleep(max(min(wait, _LONGEST_PAUSE), _FIRST_PAUSE * 2**number * random.uniform(0.7, 1.3)))  # noqa: S311 - jitter
        raise trouble from None

    def each(self, function: Callable[[T], R], things: Sequence[T]) -> list[R]:
        """Apply a function that only reads to many things, several at once; in their order. The first exception comes out."""
        if len(things) < 2:
            return [function(thing) for thing in things]
        with ThreadPoolExecutor(min(WIDTH, len(things))) as pool:
            return list(pool.map(function, things))

    def full(self, key: str) -> str:
        """A key as the service knows it."""
        return self.prefix + key

    # --- looking --------------------------------------------------------------------------------

    def versioned(self) -> bool:
        """Return whether the bucket has, or ever had, versions."""
        return bool(self.call("get_bucket_versioning").get("Status"))

    def locking(self) -> bool:
        """Return whether objects of the bucket can be locked; False where the service does not say."""
        try:
            found = self.call("get_object_lock_configuration")
        except FileNotFoundError:
            return False
        except BucketTrouble as trouble:
            if trouble.unable.reason is Reason.UNREACHABLE:
                raise
            return False
        return bool(found.get("ObjectLockConfiguration", {}).get("ObjectLockEnabled") == "Enabled")

    def names(self, prefix: str = "") -> Iterator[BucketEntry]:
        """Every live object whose key begins so, in the service's order. Raises BucketTrouble."""
        for page in self.pages(prefix, versioned=False):
            for entries in page.values():
                yield from entries

    def pages(self, prefix: str, *, versioned: bool) -> Iterator[dict[str, list[BucketEntry]]]:
        """Yield the keys under a prefix, page by page: key -> its live object, or all its versions and delete markers, the newest first.

        All states of a key are in one page, however many pages the service took for them. Raises BucketTrouble.
        """
        if not versioned:
            for page in self._pages("list_objects_v2", prefix, {"NextContinuationToken": "ContinuationToken"}):
                found = (self._entry(each, "", latest=True) for _, each in rows(page, "Contents"))
                yield {entry.key: [entry] for entry in found}
            return
        held: dict[str, list[BucketEntry]] = {}
        for page in self._pages("list_object_versions", prefix, {"NextKeyMarker": "KeyMarker", "NextVersionIdMarker": "VersionIdMarker"}):
            for kind, each in rows(page, "Version", "DeleteMarker"):
                entry = self._entry(each, each["VersionId"], latest=each.get("IsLatest") == "true", marker=kind == "DeleteMarker")
                held.setdefault(entry.key, []).append(entry)
            # More of the last key may stand on the next page.
            last = page.get("NextKeyMarker", "")[len(self.prefix) :] if page.get("IsTruncated") else ""
            open_end = {last: held.pop(last)} if last in held else {}
            yield {key: _newest_first(entries) for key, entries in held.items()}
            held = open_end
        if held:
            yield {key: _newest_first(entries) for key, entries in held.items()}

    def at(self, key: str, *, versioned: bool) -> list[BucketEntry]:
        """Return the listed states of one key, the newest first; empty when there are none."""
        for page in self.pages(key, versioned=versioned):
            if page:
                # The key itself comes before all longer ones.
                return page.get(key, [])
        return []

    def uploads(self, prefix: str = "") -> Iterator[Upload]:
        """Every open multipart upload whose key begins so."""
        for page in self._pages("list_multipart_uploads", prefix, {"NextKeyMarker": "KeyMarker", "NextUploadIdMarker": "UploadIdMarker"}):
            for each in page.get("Uploads", ()):
                if each["Key"].startswith(self.full(prefix)):
                    yield Upload(each["Key"][len(self.prefix) :], each["UploadId"], str(each.get("Initiated", "")))

    def _pages(self, operation: str, prefix: str, markers: Mapping[str, str]) -> Iterator[Any]:
        """All pages of a listing; one that says that it is not the last, and not where to go on, is no answer."""

        def following(page: Any, before: Mapping[str, str]) -> dict[str, str]:
            if not page.get("IsTruncated"):
                return {}
            marks = {argument: page[name] for name, argument in markers.items() if page.get(name)}
            if not marks or marks == before:
                raise BucketTrouble(Unable(Reason.ERROR, "a listing breaks off: the service says that there is more, and not where"))
            return marks

        page = self.call(operation, Prefix=self.full(prefix))
        going_on = following(page, {})
        if not going_on:
            yield page
            return
        # The next page is on its way while this one is looked at.
        with ThreadPoolExecutor(1) as ahead:
            while going_on:
                coming = ahead.submit(self.call, operation, Prefix=self.full(prefix), **going_on)
                yield page
                page = coming.result()
                going_on = following(page, going_on)
            yield page

    def _entry(self, each: Mapping[str, Any], version: str, *, latest: bool, marker: bool = False) -> BucketEntry:
        key = each["Key"][len(self.prefix) :]
        return BucketEntry(key, version, int(each.get("Size", 0)), each.get("ETag", ""), latest, marker, str(each.get("LastModified", "")))

    def head(self, key: str, version: str = "") -> Any:
        """Metadata of an object, as the client library words it; timestamps as text. Raises as :meth:`call`."""
        return self.call("head_object", Key=self.full(key), **_version(version))

    def read(self, key: str, start: int, length: int, version: str = "", etag: str = "") -> tuple[bytes, Any]:
        """Bytes of an object from ``start``, at most ``length``, and the answer's metadata; empty behind its end.

        Raises:
            ObjectChanged: ``etag`` is given and the object is another one by now.
            FileNotFoundError, BucketTrouble: as :meth:`call`.
        """
        condition = {"IfMatch": etag} if etag else {}
        wanted = {"Key": self.full(key), "Range": f"bytes={start}-{start + length - 1}", **_version(version), **condition}

        def attempt() -> tuple[bytes, Any]:
            answer = self.client.get_object(Bucket=self.name, **wanted)
            with answer["Body"] as body:
                return body.read(), answer

        try:
            return self._insist(attempt)
        except BucketTrouble as trouble:
            if trouble.code in {"InvalidRange", "416"}:
                return b"", self.head(key, version)
            raise

    def open(self, key: str, version: str = "", etag: str = "") -> BinaryIO:
        """An object as a seekable file of one state of it.

        Opening and reading raise FileNotFoundError, BucketTrouble while the service is out of reach, and Unreadable for what is refused or
        archived; ObjectChanged (which is one) when the object was replaced meanwhile.
        """
        return self.fetch(key, version, etag)[0]

    def fetch(self, key: str, version: str = "", etag: str = "") -> tuple[BinaryIO, Any]:
        """The same, with the metadata that came with the first bytes (as :meth:`head`)."""
        raw = _Ranges(self, key, version, etag)
        return cast("BinaryIO", io.BufferedReader(raw, 1 << 18)), raw.answer

    # --- changing -------------------------------------------------------------------------------

    def put(self, key: str, body: BinaryIO, size: int, etag: str, **arguments: object) -> Any:
        """Write an object in the place of the one with ``etag`` and of no other; ``etag`` ``""`` means in the place of none.

        Raises:
            ObjectChanged: there is another one (or one at all).
        """
        condition = {"IfMatch": etag} if etag else {"IfNoneMatch": "*"}

        def attempt() -> Any:
            body.seek(0)
            return self.client.put_object(Bucket=self.name, Key=self.full(key), Body=body, ContentLength=size, **condition, **arguments)

        try:
            return self._insist(attempt)
        except FileNotFoundError:
            # Some services answer 404 to If-Match where there is no object.
            raise ObjectChanged from None

    def delete(self, entries: Sequence[tuple[str, str]]) -> dict[tuple[str, str], str]:
        """Delete up to :data:`BATCH` (key, version) pairs in one call; return the service's error code for each failure.

        Raises BucketTrouble when the call as a whole failed. An entry that the service reports as deleted may still be there: list it.
        """
        objects = [{"Key": self.full(key), **_version(version)} for key, version in entries]
        answer = self.call("delete_objects", Delete={"Objects": objects, "Quiet": True})
        return {
            (each["Key"][len(self.prefix) :], each.get("VersionId", "")): each.get("Code", "")
            for each in answer.get("Errors", ())
            if each.get("Code", "") not in ABSENT
        }

    def delete_if(self, key: str, etag: str) -> None:
        """Delete the present object (where there are versions: hide it behind a delete marker) if it still is the one with ``etag``.

        Raises ObjectChanged, FileNotFoundError, BucketTrouble.
        """
        self.call("delete_object", Key=self.full(key), IfMatch=etag)

    def abort(self, upload: Upload) -> None:
        """End an upload and drop its parts. An upload that has ended already is no error."""
        try:
            self.call("abort_multipart_upload", Key=self.full(upload.key), UploadId=upload.id)
        except FileNotFoundError:
            return


class _Ranges(io.RawIOBase):
    """An object read in windows, always the same state of it."""

    def __init__(self, bucket: Bucket, key: str, version: str, etag: str) -> None:
        self._bucket = bucket
        self._key, self._version, self._etag = key, version, etag
        self._at = self._start = 0
        self._held = memoryview(b"")
        self._size = -1
        self.answer: Any = {}
        """What came with the first bytes."""
        self._fill(0)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        self._at = offset + (0, self._at, self._size)[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: WriteableBuffer) -> int:
        if self._at >= self._size:
            return 0
        if not self._start <= self._at < self._start + len(self._held):
            self._fill(self._at)
        view = memoryview(buffer).cast("B")
        inside = self._at - self._start
        count = min(len(view), len(self._held) - inside)
        view[:count] = self._held[inside : inside + count]
        self._at += count
        return count

    def _fill(self, start: int) -> None:
        try:
            data, answer = self._bucket.read(self._key, start, _WINDOW, self._version, self._etag)
        except BucketTrouble as trouble:
            if trouble.unable.reason is Reason.UNREACHABLE:
                raise
            raise Unreadable(trouble.unable.detail) from trouble
        if self._size < 0:
            self.answer = answer
            self._etag = self._etag or answer.get("ETag", "")
            whole = str(answer.get("ContentRange", "")).rpartition("/")[2]
            self._size = int(whole) if whole.isdigit() else len(data)
        if not data and start < self._size:
            raise Unreadable("an object ends before the length that the service gives")
        self._start, self._held = start, memoryview(data)


def _newest_first(entries: list[BucketEntry]) -> list[BucketEntry]:
    if len(entries) > 1:
        entries.sort(key=lambda entry: (entry.latest, entry.modified), reverse=True)
    return entries


def _version(version: str) -> dict[str, str]:
    return {"VersionId": version} if version else {}


@contextmanager
def speaking(spec: StoreSpec, dataset: str = "") -> Iterator[None]:
    """Say troubles of the service as the port words them. Raises StoreUnavailable, CouldNotLook."""
    where = f"store {spec.name}" + (f", dataset {dataset}" if dataset else "")
    try:
        yield
    except BucketTrouble as trouble:
        message = f"{where}: {trouble.unable.detail}"
        if trouble.unable.reason is Reason.UNREACHABLE:
            raise StoreUnavailable(message, help="start or mend the service, or correct the map, then run again") from None
        raise CouldNotLook(message, help="`expunge check` says more; mend it, then run again") from None
