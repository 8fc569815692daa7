"""Delete from a bucket and verify it: locks first, batches, each key's own answer, then a fresh listing."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from expunge import clock, permit
from expunge.core.values.outcome import Kept, Reason, Unable
from expunge.faults import failpoint
from expunge.stores.s3.bucket_connection import BATCH, Bucket, BucketEntry, Upload
from expunge.stores.s3.client import BucketTrouble, ObjectChanged, refusal
from expunge.stores.tree.erase import trouble_of
from expunge.stores.waiting import Wait

SETTLE = 10.0
"""Seconds within which a listing must show what was deleted as gone."""
_FIRST_LOOK = 0.05
_STILL_THERE = Unable(Reason.ERROR, "the service answered that it had deleted, and still lists what it said was gone")
_REPLACED = Unable(Reason.LOCKED, "an object was replaced while it was to be deleted")
HOLD = "legal hold on the object"


@dataclass
class DeletionResult:
    """The result of deleting some entries."""

    kept: dict[BucketEntry, Kept] = field(default_factory=dict)
    """Locked: they stay."""
    failed: dict[BucketEntry, Unable] = field(default_factory=dict)
    """Not deleted, for a reason."""

    def went(self, entry: BucketEntry) -> bool:
        """Return whether an entry is gone."""
        return entry not in self.kept and entry not in self.failed


class BucketDeleter:
    """Deletes in one bucket, for one call."""

    def __init__(self, bucket: Bucket) -> None:
        self.bucket = bucket

    @cached_property
    def versioned(self) -> bool:
        """True when the bucket has, or ever had, versions; the service is asked once, when it matters. Raises as :meth:`Bucket.call`."""
        return self.bucket.versioned()

    @cached_property
    def _locking(self) -> bool:
        return self.versioned and self.bucket.locking()

    # --- looking --------------------------------------------------------------------------------

    def held(self, keys: Sequence[str]) -> dict[str, list[BucketEntry]]:
        """Return the entries of a fresh listing for each key; keys with none are left out."""
        found: dict[str, list[BucketEntry]] = {}
        alone: list[str] = []
        for together in _neighbours(keys):
            if not self._listed(together, found):
                alone += together
        listed = self.bucket.each(lambda key: self.bucket.at(key, versioned=self.versioned), alone)
        found.update((key, entries) for key, entries in zip(alone, listed, strict=True) if entries)
        return found

    def _listed(self, keys: Sequence[str], found: dict[str, list[BucketEntry]]) -> bool:
        """Look neighbours up by one listing, unless that takes more calls than to ask for each."""
        if len(keys) < 3:
            return False
        wanted = set(keys)
        here: dict[str, list[BucketEntry]] = {}
        for number, page in enumerate(self.bucket.pages(common_head(keys), versioned=self.versioned)):
            if number > len(keys) // 2:
                return False
            here.update((key, entries) for key, entries in page.items() if key in wanted)
        found.update(here)
        return True

    def lock(self, entry: BucketEntry) -> Kept | None:
        """Return the service's own lock on an entry now; None when there is none, or the service does not say."""
        if not self._locking or entry.marker:
            return None
        return self._lock(entry)

    def _lock(self, entry: BucketEntry) -> Kept | None:
        try:
            head = self.bucket.head(entry.key, entry.version)
        except FileNotFoundError:
            return None
        except BucketTrouble as trouble:
            if trouble.unable.reason is Reason.UNREACHABLE:
                raise
            return None
        return kept_by(head, clock.now())

    # --- deleting -------------------------------------------------------------------------------

    def delete(self, entries: Sequence[BucketEntry]) -> DeletionResult:
        """Delete entries for good, oldest first within a key, so that no older state is shown in between.

        Idempotent. Raises OSError for an armed failpoint, and BucketTrouble when the service fails as a whole.
        """
        done = DeletionResult()
        going: list[BucketEntry] = []
        for entry, kept in zip(entries, self.bucket.each(self.lock, entries), strict=True):
            if kept:
                done.kept[entry] = kept
            else:
                going.append(entry)
        self._delete(going, done)
        left = self._left([entry for entry in going if done.went(entry)])
        # A service under load may answer before it has deleted, or without: it is told once more.
        self._delete(list(left), done)
        for entry in self._left([entry for entry in left if done.went(entry)]):
            done.failed[entry] = _STILL_THERE
        return done

    def _delete(self, going: Sequence[BucketEntry], done: DeletionResult) -> None:
        ordered = sorted(going, key=lambda entry: (entry.latest, entry.modified))
        for start in range(0, len(ordered), BATCH):
            batch = {(entry.key, entry.version): entry for entry in ordered[start : start + BATCH]}
            permit.check()
            against = permit.objections(list(dict.fromkeys(key for key, _ in batch)))
            for name in [each for each in batch if each[0] in against]:
                done.failed[batch.pop(name)] = trouble_of(against[name[0]])
            if permit.are_named() and not self.versioned:
                self._delete_unchanged(list(batch.values()), done)
                continue
            failpoint("s3.erase.delete:before")
            # commit point: what the service deletes of a batch does not come back.
            refused = self.bucket.delete(list(batch)) if batch else {}
            failpoint("s3.erase.delete:after")
            for name, code in refused.items():
                self._refused(batch.get(name) or batch[name[0], ""], code, done)

    def _delete_unchanged(self, entries: Sequence[BucketEntry], done: DeletionResult) -> None:
        """Delete objects one by one, each only while it is the one that was listed: without versions, a key says nothing of its content."""

        def delete(entry: BucketEntry) -> Unable | None:
            try:
                self.bucket.delete_if(entry.key, entry.etag)
            except ObjectChanged:
                return _REPLACED
            except FileNotFoundError:
                return None
            except BucketTrouble as trouble:
                return trouble.unable
            return None

        failpoint("s3.erase.each:before")
        # commit point: what the service deletes does not come back.
        answers = self.bucket.each(delete, entries)
        failpoint("s3.erase.each:after")
        done.failed |= {entry: unable for entry, unable in zip(entries, answers, strict=True) if unable is not None}

    def _refused(self, entry: BucketEntry, code: str, done: DeletionResult) -> None:
        kept = self._lock(entry) if code == "AccessDenied" and self.versioned else None
        if kept:
            done.kept[entry] = kept
        else:
            done.failed[entry] = refusal(code)

    def _left(self, gone: Sequence[BucketEntry]) -> set[BucketEntry]:
        """Which of the entries a listing still shows, after the time that a listing may lag behind."""
        left = set(gone)
        pause, wait = _FIRST_LOOK, Wait(SETTLE)
        while left:
            held = self.held(list(dict.fromkeys(entry.key for entry in left)))
            left &= {_plain(entry, left) for entries in held.values() for entry in entries}
            if not left or wait.over():
                break
            time.sleep(pause)
            pause = min(2 * pause, 1.0)
        return left

    def abort(self, uploads: Iterable[Upload]) -> int:
        """End uploads and drop their parts; return their number. Raises as :meth:`delete`."""
        count = 0
        for upload in uploads:
            permit.check()
            failpoint("s3.erase.abort:before")
            self.bucket.abort(upload)
            failpoint("s3.erase.abort:after")
            count += 1
        return count


def _plain(entry: BucketEntry, among: set[BucketEntry]) -> BucketEntry:
    """The same entry as it was before others of its key went: a version may have become the latest meanwhile."""
    other = BucketEntry(entry.key, entry.version, entry.size, entry.etag, not entry.latest, entry.marker, entry.modified)
    return other if other in among else entry


def kept_by(head: Mapping[str, Any], now: datetime) -> Kept | None:
    """Return the lock in an object's metadata: a legal hold has no date, a retention has its own; None when there is none (any more)."""
    if str(head.get("ObjectLockLegalHoldStatus", "")).upper() == "ON":
        return Kept(HOLD, None, 1)
    said = str(head.get("ObjectLockRetainUntilDate", ""))
    if not said:
        return None
    until = datetime.fromisoformat(said)
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    mode = "COMPLIANCE" if str(head.get("ObjectLockMode", "")).upper() == "COMPLIANCE" else "GOVERNANCE"
    return Kept(f"object lock ({mode})", until, 1) if until > now else None


def together(kept: Sequence[Kept]) -> tuple[Kept, ...]:
    """Several locks on the versions of one key as one item that stays: until the last of them ends."""
    if not kept:
        return ()
    endless = [each for each in kept if each.until is None]
    last = endless[0] if endless else max(kept, key=lambda each: each.until or datetime.max.replace(tzinfo=UTC))
    return (Kept(last.ground, last.until, 1),)


def _neighbours(keys: Sequence[str]) -> Iterator[list[str]]:
    """Keys grouped by the folder that they lie in."""
    groups: dict[str, list[str]] = {}
    for key in keys:
        groups.setdefault(key.rpartition("/")[0], []).append(key)
    yield from groups.values()


def common_head(keys: Sequence[str]) -> str:
    """Return the common beginning of all keys, letter by letter."""
    low, high = min(keys), max(keys)
    return next((low[:at] for at, letter in enumerate(low) if at >= len(high) or high[at] != letter), low)
