"""A lake in a bucket of an S3 service: one of the two places that :mod:`expunge.stores.parquet.store` works on. Every version counts."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

import pyarrow.parquet as pq

from expunge.core.datamap.datamap import Ignore, StoreSpec
from expunge.core.datamap.grounding import Capabilities
from expunge.core.values.copy import Copy, Cost, Finding, FindingKind, RawSource
from expunge.core.values.outcome import Absent, Erased, Outcome, Reason, Unable
from expunge.ports.optional.remote_content import RemoteObject
from expunge.stores.arrow.damage import Damaged
from expunge.stores.parquet.check import TAKEN_ALONG, FileCheck, overlap
from expunge.stores.parquet.erase import damage, table_of
from expunge.stores.parquet.folder_place import CACHES
from expunge.stores.parquet.lake.copy_keys import named
from expunge.stores.parquet.lake.lake_files import Coded, LakeLayout, LakeName, is_companion, opened_on, unescaped
from expunge.stores.s3 import ladder as s3_ladder
from expunge.stores.s3.bucket_connection import Bucket, BucketEntry, speaking
from expunge.stores.s3.bucket_tree import BucketTree
from expunge.stores.s3.client import BucketTrouble, NoBucket
from expunge.stores.s3.content import BucketContent
from expunge.stores.s3.object_rewrite import LARGEST, TOO_LARGE, refused_condition
from expunge.stores.s3.preflight import BucketPreflight
from expunge.stores.s3.store import S3
from expunge.stores.tree.erase import trouble_of
from expunge.stores.tree.folder_layout import FolderLayout
from expunge.stores.tree.interface import NameTrouble
from expunge.stores.tree.template_walk import Bindings, CompiledTemplate

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_LEAST = 1 << 16
"""Bytes that one request asks for at least."""
_LOGS = (("_delta_log/", "", "Delta Lake"), (".hoodie/", "", "Apache Hudi"), ("metadata/", ".metadata.json", "Apache Iceberg"))


class BucketLake:
    """The files under one prefix. See :class:`expunge.stores.parquet.lake.lake_files.Lake`."""

    def __init__(self, bucket: Bucket) -> None:
        self.bucket = bucket
        self.store = bucket.store
        self._versioned: bool | None = None
        self._formats: dict[str, str | None] = {}

    @property
    def versioned(self) -> bool:
        """True when the bucket has, or ever had, versions, as the last pass over it found. Raises as :meth:`Bucket.call`."""
        return self.ask_versioned() if self._versioned is None else self._versioned

    def ask_versioned(self) -> bool:
        """The same, asked for a new pass: a bucket without versions may have begun to keep some, and never does away with them."""
        self._versioned = self._versioned or self.bucket.versioned()
        return self._versioned

    def present(self) -> None:
        """Do nothing: the first call fails when the bucket does not exist."""

    def parts(self, template: CompiledTemplate, wanted: Callable[[Bindings], bool]) -> Iterator[LakeName]:
        """Every version of every object that fits a template."""
        head = template.text.partition("{")[0]
        for page in self.bucket.pages(head, versioned=self.ask_versioned()):
            for key, entries in page.items():
                if is_companion(key) or key.endswith("/"):
                    continue
                readings = tuple(way for reading in template.readings(key) if wanted(way := unescaped(template, reading)))
                if readings:
                    yield from (replace(part, readings=readings) for part in _parts(key, entries))

    def states(self, key: str) -> list[LakeName]:
        """Every version that has content."""
        return _parts(key, self.bucket.at(key, versioned=self.versioned))

    @contextmanager
    def opened(self, part: LakeName, coded: Coded | None = None) -> Iterator[pq.ParquetFile]:
        """Open a file and fetch only the requested bytes. Raises Damaged (Unreadable), OSError, BucketTrouble."""
        with io.BufferedReader(_Object(self.bucket, part), _LEAST) as file, opened_on(cast("BinaryIO", file), coded) as found:
            yield found

    @contextmanager
    def bytes_of(self, part: LakeName) -> Iterator[BinaryIO]:
        """The object's bytes."""
        with self.bucket.open(part.key, part.id) as file:
            yield file

    def exists(self, key: str) -> bool:
        """Return whether anything is listed under a name, older versions too."""
        return bool(self.bucket.at(key, versioned=self.versioned))

    def holds(self, folder: str, layouts: Sequence[FolderLayout]) -> bool:  # noqa: ARG002 - folders are part of keys here
        """Always: there are no folders that could be empty."""
        return True

    def table_format(self, key: str) -> str | None:
        """Return the table format that keeps a log beside or above a key."""
        folder = key
        while folder:
            folder = folder.rpartition("/")[0]
            if folder not in self._formats:
                self._formats[folder] = self._log(f"{folder}/" if folder else "")
            if self._formats[folder]:
                return self._formats[folder]
        return None

    def _log(self, folder: str) -> str | None:
        for name, ending, kind in _LOGS:
            if any(entry.key.endswith(ending) for entry in self.bucket.names(folder + name)):
                return kind
        return None


def _parts(key: str, entries: Sequence[BucketEntry]) -> list[LakeName]:
    contents = [entry for entry in entries if not entry.marker]
    number = 0 if entries and entries[0].latest and not entries[0].marker else 1
    return [
        LakeName(key, (), entry.size, f"{entry.etag} {entry.version}", older=number + at, id=entry.version)
        for at, entry in enumerate(contents)
    ]


class _Object(io.RawIOBase):
    """One state of an object, of which the ranges that are asked for are fetched."""

    def __init__(self, bucket: Bucket, part: LakeName) -> None:
        self._bucket = bucket
        self._part = part
        head = bucket.head(part.key, part.id)
        self._etag = str(head.get("ETag", ""))
        self._size = int(head["ContentLength"])
        self._at = 0

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
        view = memoryview(buffer).cast("B")
        wanted = min(len(view), self._size - self._at)
        if wanted <= 0:
            return 0
        data, _ = self._bucket.read(self._part.key, self._at, wanted, self._part.id, self._etag)
        view[: len(data)] = data
        self._at += len(data)
        return len(data)


class BucketPlace:
    """One prefix of one bucket; ``url`` is ``s3://BUCKET/PREFIX``."""

    def __init__(self, spec: StoreSpec, layouts: Mapping[str, LakeLayout]) -> None:
        self._spec = spec
        self._everything = tuple(layouts.values())
        self._plain = S3(spec, ())
        self._bucket = Bucket(spec)
        self._content = BucketContent(self._bucket, spec.url)
        self.lake = BucketLake(self._bucket)

    @property
    def capabilities(self) -> Capabilities:
        """Objects are removed; the disks below are the provider's."""
        plain = self._plain.capabilities
        return replace(plain, out_of_scope=(*plain.out_of_scope, CACHES))

    @contextmanager
    def fresh(self) -> Iterator[BucketLake]:
        """The lake over a connection of its own."""
        with closing(Bucket(self._spec)) as bucket:
            yield BucketLake(bucket)

    def tree(self, layout: LakeLayout) -> BucketTree:  # noqa: ARG002 - no folder has to be told from another
        """Return the tree that changes objects, for one call."""
        return BucketTree(self._bucket)

    def missing(self) -> Unable | None:
        """Return None: the first call reports a missing bucket."""
        return None

    def check(self, ignored: Sequence[str]) -> Iterator[Finding]:
        """Compare the bucket with the map, down to every object and the columns in it."""
        files = FileCheck(self.lake, self._everything, ignored)
        yield from files.datasets()
        try:
            yield from self._objects(files)
        except NoBucket:
            yield files.finding(FindingKind.MISSING, ".", "there is no such bucket", "correct `url:`, or make the bucket")
        except BucketTrouble as trouble:
            if trouble.unable.reason is not Reason.PERMISSION:
                raise
            mend = "give this key the rights listed in the reference of the s3 store"
            yield files.finding(FindingKind.PERMISSION, ".", "the bucket cannot be listed or read", mend)

    def keys(self) -> Iterator[str]:
        """Yield the names of all objects under the prefix."""
        for page in self._bucket.pages("", versioned=self.lake.ask_versioned()):
            yield from (key for key in page if not key.endswith("/"))

    def _objects(self, files: FileCheck) -> Iterator[Finding]:
        empty = True
        tables: set[str] = set()
        undeclared: dict[str, list[str]] = {}
        for page in self._bucket.pages("", versioned=self.lake.ask_versioned()):
            empty &= not page
            for key in page:
                if files.is_ignored(key) or is_companion(key) or key.endswith("/"):
                    continue
                folder = key.rpartition("/")[0]
                kind = self.lake.table_format(key)
                if kind is not None:
                    if kind not in tables:
                        tables.add(kind)
                        yield files.table(f"{folder}/", kind)
                    continue
                declaring = [layout for layout in self._everything if layout.template_of(key)]
                if not declaring:
                    undeclared.setdefault(folder or ".", []).append(key)
                for layout in declaring:
                    yield from files.declared(key, layout)
        for folder, keys in undeclared.items():
            yield from files.undeclared(folder, keys)
        if empty:
            yield files.finding(FindingKind.NOTE, ".", "nothing lies under the prefix", "correct `url:` if that is a surprise")

    def preflight(self, layout: LakeLayout, copies: Sequence[Copy], kept: Sequence[Copy]) -> tuple[Unable, ...]:
        """Rights to delete and to write, conditional writes, table formats, damaged objects, objects too large to rewrite."""
        files: dict[str, bool] = {}
        for key in (key for copy in copies for key in copy.keys):
            files[named(key).file] = files.get(named(key).file, False) or named(key).whole
        if not files:
            return ()
        try:
            asked = replace(copies[0], keys=(next(iter(files)),))
            found = [*BucketPreflight(self._bucket, layout).reasons([asked]), *self._conditional(files)]
            found += [reason for file, whole in files.items() for reason in self._about(layout, file, whole=whole)]
        except (NameTrouble, OSError) as error:
            return (trouble_of(error),)
        if kept and overlap(copies, kept):
            found.append(TAKEN_ALONG)
        return tuple(dict.fromkeys(found))

    def _conditional(self, files: Mapping[str, bool]) -> list[Unable]:
        many = [file for file, whole in files.items() if not whole]
        refused = refused_condition(self._bucket, many[0]) if many else None
        return [refused] if refused else []

    def _about(self, layout: LakeLayout, file: str, *, whole: bool) -> Iterator[Unable]:
        kept = self.lake.table_format(file)
        if kept is not None:
            yield table_of(kept)
        for part in self.lake.states(file) if not whole else ():
            try:
                with self.lake.opened(part):
                    pass
            except FileNotFoundError:
                continue
            except Damaged as error:
                about = damage(error)
                yield Unable(about.reason, f"{layout.dataset.name}: {about.detail}")
            if part.size > LARGEST:
                yield TOO_LARGE

    def cost(self, files: Sequence[str]) -> Cost:
        """All versions are read, the present one is written again."""
        parts = [part for file in files for part in self.lake.states(file)]
        return Cost(sum(part.size for part in parts), len(files), sum(part.size for part in parts if not part.older))

    def purge(self) -> Outcome:
        """Climb the rungs of the s3 store. Files with subject columns count as files of many subjects there."""
        many = tuple(
            FolderLayout(replace(each.dataset, format="parquet"), each.templates)
            for each in self._everything
            if any(each.columns(template, each.dataset.subject_fields) for template in each.templates)
        )
        way = s3_ladder.BucketClimb(self._bucket, many, str(self._spec.options.get("vacuum", "")))
        done = 0
        try:
            for rung in s3_ladder.RUNGS:
                done += rung.climb(way)
        except (NameTrouble, OSError) as error:
            return trouble_of(error)
        return Erased(done) if done else Absent()

    def key_of(self, path: Path) -> str | None:
        """Return the key of the present object at a url, of a folder on the way to some with ``/`` behind it; None for other paths."""
        place = self._content.place(path)
        if place is None or place.version:
            return None
        folder = f"{place.key}/"
        return folder if any(layout.template_of(folder) for layout in self._everything) else place.key

    def at(self, path: Path) -> RemoteObject | None:
        """Return the object at a url, to be read again."""
        return self._content.at(path)

    def name_of(self, path: Path) -> str | None:
        """Return the key of the object at a url, of whichever version; None for other paths."""
        place = self._content.place(path)
        return place.key if place is not None else None

    @property
    def interface(self) -> str:
        """The prefix."""
        return self._content.url

    def content(self) -> Iterator[RemoteObject]:
        """Every object: of those that datasets declare the present version, of others all.

        Why not the older ones of a dataset: whose a row of them is, nothing tells but a normal read, and these read the present version.
        """
        for found in self._content.objects(lambda _: True):
            place = self._content.place(found.path)
            if place is None or not place.version or not any(layout.template_of(place.key) for layout in self._everything):
                yield found

    def unreadable(self, ignored: Sequence[Ignore]) -> tuple[Finding, ...]:
        """Parts of open uploads that may be anybody's."""
        return self._content.unreadable(self._spec.name, (), ignored)

    def raw(self) -> Iterator[RawSource]:
        """Nothing: the disks are out of reach."""
        yield from ()

    def speaking(self, dataset: str = "") -> AbstractContextManager[None]:
        """Say troubles of the service as the port words them."""
        return speaking(self._spec, dataset)

    def close(self) -> None:
        """Let go of the connections."""
        self._plain.close()
        self._bucket.close()
