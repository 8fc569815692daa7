"""Replace an object without losing concurrent writes, then its older versions."""

from __future__ import annotations

import io
import tempfile
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, BinaryIO, cast
from urllib.parse import urlencode

from expunge import permit
from expunge.core.values.outcome import Reason, Unable
from expunge.faults import failpoint
from expunge.stores.s3.bucket_connection import Bucket, BucketEntry
from expunge.stores.s3.client import WIDTH, BucketTrouble, ObjectChanged
from expunge.stores.s3.deletion import SETTLE, BucketDeleter
from expunge.stores.tree.interface import FileCut, NameTrouble, NobodyThere, NothingStays
from expunge.stores.waiting import Wait

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_TRIES = 20
_IN_MEMORY = 32 << 20
LARGEST = 5 << 30
"""Bytes of one PUT, the protocol's own limit."""
_BUSY = Unable(Reason.LOCKED, "an object is replaced by others faster than it can be rewritten; stop them, or wait")
TOO_LARGE = Unable(
    Reason.UNSUPPORTED, "an object of many people is larger than 5 GiB, which one conditional write cannot replace: split it"
)
_NOT_WRITTEN = Unable(Reason.ERROR, "the service answered that it had written, and lists the object as it was before")
_DRESS = (
    "CacheControl",
    "ContentDisposition",
    "ContentEncoding",
    "ContentLanguage",
    "ContentType",
    "Metadata",
    "ObjectLockLegalHoldStatus",
    "ObjectLockMode",
    "ObjectLockRetainUntilDate",
    "SSEKMSKeyId",
    "ServerSideEncryption",
    "StorageClass",
    "WebsiteRedirectLocation",
)


class ObjectRewrite:
    """Every state of one key."""

    def __init__(self, hand: BucketDeleter, key: str, cut: FileCut) -> None:
        self._hand = hand
        self._bucket = hand.bucket
        self._key = key
        self._cut = cut
        self._met = False

    def run(self) -> None:
        """Replace the present content by the rest, on condition that it still is the content that was read; then delete older versions.

        A crash before the PUT leaves the object as it was; after it, the older versions, which the next call deletes.

        Raises:
            NobodyThere: nothing of them is in any state.
            Trouble, Unreadable, OSError: as the cut, the service and armed failpoints say.
        """
        for attempt in range(_TRIES):
            try:
                written = self._present()
                break
            except (ObjectChanged, FileNotFoundError):
                time.sleep(min(0.2, 0.01 * 2**attempt))
        else:
            raise NameTrouble(_BUSY)
        if self._hand.versioned:
            self._older(written)
        if not self._met:
            raise NobodyThere

    # --- the present content ----------------------------------------------------------------------

    def _present(self) -> str:
        """Rewrite it; the version id of what was written, where there is one. Raises ObjectChanged when somebody else wrote."""
        try:
            old, head = self._bucket.fetch(self._key)
        except FileNotFoundError:
            return ""
        etag = str(head.get("ETag", ""))
        with old, tempfile.SpooledTemporaryFile(_IN_MEMORY) as spool:
            new = cast("BinaryIO", spool)
            try:
                self._cut(old, new)
            except NobodyThere:
                return ""
            except NothingStays:
                self._met = True
                self._drop(etag)
                return ""
            if not self._cut.met:
                return ""
            self._met = True
            size = new.tell()
            if size > LARGEST:
                raise NameTrouble(TOO_LARGE)
            dress = dressed(self._bucket, self._key, head)
            permit.check()
            failpoint("s3.rewrite.put:before")
            # commit point: readers see the object without them; only on condition that it still is the one that was read.
            answer = self._bucket.put(self._key, new, size, etag, **dress)
            failpoint("s3.rewrite.put:after")
        written = str(answer.get("VersionId", "")) if self._hand.versioned else ""
        if not written:
            self._replaced(etag)
        return written

    def _drop(self, etag: str) -> None:
        """The name goes with its last record. Where older versions stay, a delete marker keeps them from coming to light."""
        if self._hand.versioned:
            entries = self._bucket.at(self._key, versioned=True)
            if not any(not entry.marker and not entry.latest for entry in entries):
                return
        permit.check()
        failpoint("s3.rewrite.drop:before")
        # commit point: the name, and with it every record, is gone from normal reads.
        self._bucket.delete_if(self._key, etag)
        failpoint("s3.rewrite.drop:after")
        self._replaced(etag)

    def _replaced(self, etag: str) -> None:
        """See that a listing shows another present object, or none, than the one that was replaced."""
        wait = Wait(SETTLE)
        while any(entry.latest and entry.etag == etag for entry in self._bucket.at(self._key, versioned=self._hand.versioned)):
            if wait.over():
                raise NameTrouble(_NOT_WRITTEN)
            time.sleep(0.2)

    # --- older versions -------------------------------------------------------------------------

    def _older(self, written: str) -> None:
        entries = self._listing(written)
        contents = [entry for entry in entries if not entry.marker and entry.version != written]
        doomed: list[BucketEntry] = []
        for start in range(0, len(contents), WIDTH):
            few = contents[start : start + WIDTH]
            for entry, old in zip(few, self._bucket.each(self._opened, few), strict=True):
                if old is not None and self._theirs(entry, old):
                    doomed.append(entry)
        if doomed and all(entry.marker or entry in doomed for entry in entries):
            doomed += [entry for entry in entries if entry.marker]
        if not doomed:
            return
        deleted = self._hand.delete(doomed)
        for unable in deleted.failed.values():
            raise NameTrouble(unable)

    def _listing(self, written: str) -> list[BucketEntry]:
        """All states; the one that we wrote must be among them before anything older is deleted."""
        wait = Wait(SETTLE)
        while True:
            entries = self._bucket.at(self._key, versioned=True)
            if not written or any(entry.version == written for entry in entries):
                return entries
            if wait.over():
                raise NameTrouble(_NOT_WRITTEN)
            time.sleep(0.2)

    def _opened(self, entry: BucketEntry) -> BinaryIO | None:
        try:
            return self._bucket.open(self._key, entry.version)
        except FileNotFoundError:
            return None

    def _theirs(self, entry: BucketEntry, old: BinaryIO) -> bool:
        """Whether a version holds anything of them, and may go; what is locked is entered as kept."""
        with suppress(NobodyThere, NothingStays), old:
            self._cut(old, cast("BinaryIO", _Nowhere()))
        if not self._cut.met:
            return False
        self._met = True
        kept = self._hand.lock(entry)
        if kept:
            self._cut.keep(kept)
        return kept is None


def dressed(bucket: Bucket, key: str, head: Any) -> dict[str, Any]:
    """Return the properties that a rewritten object must be given again: type, metadata, tags, storage class, encryption, lock."""
    dress = {name: head[name] for name in _DRESS if head.get(name)}
    if "ExpiresString" in head:
        dress["Expires"] = head["ExpiresString"]
    if head.get("ObjectLockLegalHoldStatus") == "OFF":
        dress.pop("ObjectLockLegalHoldStatus")
    tags = tags_of(bucket, key, str(head.get("VersionId", "")), head)
    if tags:
        dress["Tagging"] = urlencode(tags)
    return dress


def tags_of(bucket: Bucket, key: str, version: str, head: Any) -> dict[str, str]:
    """The tags of an object. Raises as :meth:`Bucket.call`."""
    if not head.get("TagCount"):
        return {}
    wanted = {"VersionId": version} if version else {}
    answer = bucket.call("get_object_tagging", Key=bucket.full(key), **wanted)
    return {each["Key"]: each["Value"] for each in answer.get("TagSet", ())}


def refused_condition(bucket: Bucket, key: str) -> Unable | None:
    """Return the reason why a conditional write is impossible there; None when it is possible.

    The test is a write whose condition cannot hold.
    """
    name = f"{key.rpartition('/')[0]}/.expunge-rights".lstrip("/")
    try:
        answer = bucket.put(name, io.BytesIO(b""), 0, '"00000000000000000000000000000000"')
    except (ObjectChanged, FileNotFoundError):
        return None
    except BucketTrouble as trouble:
        return trouble.unable
    bucket.delete([(name, str(answer.get("VersionId", "")))])
    return Unable(Reason.UNSUPPORTED, "the service ignores If-Match, so what others write meanwhile could be lost")


class _Nowhere(io.RawIOBase):
    """What is written here is dropped."""

    def writable(self) -> bool:
        return True

    def write(self, data: ReadableBuffer, /) -> int:
        return memoryview(data).nbytes
