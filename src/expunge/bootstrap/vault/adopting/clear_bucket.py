"""Recordings in the clear in a bucket: opened in their newest version, told from each later state, and listed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import BinaryIO, cast

from expunge import clock
from expunge.bootstrap.vault.adopting.clear_place import CHANGED, ClearName, Mark, StaysInTheClear
from expunge.core.datamap.datamap import Dataset, StoreSpec
from expunge.core.values.outcome import Reason
from expunge.core.values.timestamps import moment
from expunge.stores.s3.bucket_connection import Bucket, BucketEntry, speaking
from expunge.stores.s3.bucket_tree import BucketTree
from expunge.stores.s3.client import BucketTrouble, ObjectChanged
from expunge.stores.s3.deletion import BucketDeleter, common_head
from expunge.stores.tree.record_files import Unreadable
from expunge.stores.tree.template_walk import CompiledTemplate

_DELETED = "it was deleted in the bucket, which still has older versions of it: an order or retention erases them"
_UNFINISHED = "an upload to it is under way: the next run takes it as it is then"
_ABANDONED = timedelta(days=7)
"""After so long, nobody finishes an upload: it goes with the object."""
_AHEAD = 10_000
"""Names whose versions are kept from the listing until they are opened."""


@dataclass(frozen=True)
class ObjectMark:
    """Tells the versions of an object from those of each later moment."""

    versions: tuple[tuple[str, str, int, bool], ...] = field(repr=False)
    """Version id, ETag, bytes, whether it is a delete marker; the newest first."""
    written: datetime

    @classmethod
    def of(cls, entries: Sequence[BucketEntry]) -> ObjectMark:
        """Return the mark of the states of one key."""
        return cls(_versions(entries), moment(entries[0].modified) or clock.now())


@dataclass(frozen=True)
class ClearBucket:
    """Implements :class:`expunge.bootstrap.vault.adopting.clear_place.ClearPlace`."""

    spec: StoreSpec
    bucket: Bucket
    _listed: dict[str, Sequence[BucketEntry]] = field(default_factory=dict, repr=False)
    """Versions by name, as the listing had them. What is opened has to be what was listed."""
    together = True

    def names(self, dataset: Dataset) -> Iterator[ClearName]:
        """See the protocol."""
        with speaking(self.spec, dataset.name):
            tree = BucketTree(self.bucket)
            for path in dataset.paths:
                with closing(tree.walk(CompiledTemplate.of(path), lambda _: True, {})) as walked:  # type: ignore[type-var]
                    for found in walked:
                        self._listed[found.key] = found.entries
                        while len(self._listed) > _AHEAD:
                            del self._listed[next(iter(self._listed))]
                        yield ClearName(found.key, found.size)

    def require_own(self, name: str) -> None:
        """Do nothing: there are no links."""

    @contextmanager
    def opened(self, name: str) -> Iterator[tuple[BinaryIO, Mark]]:
        """See the protocol."""
        with self._speaking():
            entries = self._listed.pop(name, None)
            if entries is None:
                entries = self.bucket.at(name, versioned=self.bucket.versioned())
        if not entries or entries[0].marker or not entries[0].latest:
            raise StaysInTheClear(_DELETED if entries else _UNFINISHED)
        with self._speaking():
            file = self.bucket.open(name, entries[0].version, entries[0].etag)
        with file:
            yield cast("BinaryIO", _ClearObject(self, file)), ObjectMark.of(entries)

    def changed(self, marks: Mapping[str, Mark]) -> Mapping[str, StaysInTheClear]:
        """See the protocol: by a fresh listing of objects and uploads."""
        if not marks:
            return {}
        names = list(marks)
        with speaking(self.spec):
            held = BucketDeleter(self.bucket).held(names)
            limit = clock.now() - _ABANDONED
            begun = {each.key for each in self.bucket.uploads(common_head(names)) if (moment(each.initiated) or limit) >= limit}
        found: dict[str, StaysInTheClear] = {}
        for name, mark in marks.items():
            if name in begun:
                found[name] = StaysInTheClear(_UNFINISHED)
            elif _versions(held.get(name, ())) != cast("ObjectMark", mark).versions:
                found[name] = StaysInTheClear(CHANGED)
        return found

    def close(self) -> None:
        """Let go of the connection."""
        self.bucket.close()

    @contextmanager
    def _speaking(self) -> Iterator[None]:
        """Say troubles of one object as its reason to stay, and those of the whole service as a store does. Raises StoreUnavailable."""
        with speaking(self.spec):
            try:
                yield
            except (ObjectChanged, FileNotFoundError) as error:
                raise StaysInTheClear(CHANGED) from error
            except Unreadable as error:
                message = f"it cannot be read: {error}"
                raise StaysInTheClear(message) from error
            except BucketTrouble as trouble:
                if trouble.unable.reason is Reason.UNREACHABLE:
                    raise
                message = f"it cannot be read: {trouble.unable.detail}"
                raise StaysInTheClear(message) from trouble


class _ClearObject:
    """An object in the clear. An error while reading it counts as its own, and not as the vault's."""

    def __init__(self, place: ClearBucket, file: BinaryIO) -> None:
        self._place = place
        self._file = file

    def read(self, size: int) -> bytes:
        with self._place._speaking():  # noqa: SLF001 - a part of it
            return self._file.read(size)


def _versions(entries: Sequence[BucketEntry]) -> tuple[tuple[str, str, int, bool], ...]:
    return tuple((each.version, each.etag, each.size, each.marker) for each in entries)
