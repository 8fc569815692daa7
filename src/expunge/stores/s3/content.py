"""All that a bucket shows below a prefix, handed to the scan: every version of every object, declared or not, and names without any."""

from __future__ import annotations

import errno
import io
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from expunge.core.datamap.datamap import Ignore
from expunge.core.values.copy import Finding, FindingKind
from expunge.ports.optional.remote_content import Notes, RemoteObject
from expunge.stores.s3.bucket_connection import Bucket, BucketEntry, Upload
from expunge.stores.s3.bucket_tree import BucketTree, ObjectVersion, notes_of
from expunge.stores.s3.client import WIDTH
from expunge.stores.tree.folder_layout import FolderLayout
from expunge.stores.tree.interface import FileState, NameTrouble
from expunge.stores.tree.record_files import Unreadable

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_VERSION = re.compile(r"\(version ([^()/]*)\)")
_UPLOAD = "(upload)"
_FINISH = "complete it, or abort it, and apply again"
_MOST_NAMED = 3


@dataclass(frozen=True)
class ObjectPlace:
    """What a url of the content names."""

    key: str
    version: str = ""
    """Of an older version."""


class BucketContent:
    """The content of one prefix. Its calls raise BucketTrouble when the service is out of reach."""

    def __init__(self, bucket: Bucket, url: str) -> None:
        self._bucket = bucket
        self.url = url.rstrip("/")

    @property
    def root(self) -> Path:
        """The prefix, as the scan reports places."""
        return Path(self.url)

    def objects(self, declared: Callable[[str], bool], *, undeclared: bool = True) -> Iterator[RemoteObject]:
        """Yield every version of every object, and the names of delete markers and open uploads.

        Args:
            declared: whether a key belongs to a dataset.
            undeclared: False where the map says that other objects are not read.
        """
        few: list[_Fetched] = []
        for fetched in self._states(lambda key: undeclared or declared(key)):
            few.append(fetched)
            if len(few) == WIDTH:
                yield from self._begun(few)
                few = []
        yield from self._begun(few)
        for upload in self._bucket.uploads():
            yield RemoteObject(self.url_of_upload(upload), None)

    def _begun(self, few: Sequence[_Fetched]) -> Iterator[RemoteObject]:
        """The same objects, the first bytes of which were fetched side by side."""
        self._bucket.each(_Fetched.begin, [each for each in few if each.entry is not None])
        yield from (each.object() for each in few)

    def _states(self, wanted: Callable[[str], bool]) -> Iterator[_Fetched]:
        for page in self._bucket.pages("", versioned=self._bucket.versioned()):
            for key, entries in page.items():
                if not wanted(key):
                    continue
                states = [entry for entry in entries if not entry.marker]
                yield from (_Fetched(self._bucket, self.url_of(entry), entry) for entry in states)
                if not states:
                    yield _Fetched(self._bucket, f"{self.url}/{key}", None)

    def url_of(self, entry: BucketEntry) -> str:
        """The url of one version of an object."""
        if entry.latest or not entry.version:
            return f"{self.url}/{entry.key}"
        return f"{self.url}/(version {_plain(entry.version)})/{entry.key}"

    def url_of_upload(self, upload: Upload) -> str:
        """The url of an open upload, which has a name and no bytes."""
        return f"{self.url}/{_UPLOAD}/{upload.key}"

    def place(self, path: Path) -> ObjectPlace | None:
        """What a path names; None for one that is none of this prefix's."""
        if not path.is_relative_to(self.root):
            return None
        relation = path.relative_to(self.root).as_posix()
        return None if relation == "." else place_of(relation)

    def at(self, path: Path) -> RemoteObject | None:
        """The object at a path, to be read again."""
        place = self.place(path)
        if place is None:
            return None
        return _Fetched(self._bucket, os.fspath(path), BucketEntry(place.key, place.version, 0, "", latest=not place.version)).object()

    def unreadable(
        self, store: str, layouts: Sequence[FolderLayout], ignored: Sequence[Ignore], *, known: Callable[[str], bool] = lambda _: False
    ) -> tuple[Finding, ...]:
        """Open uploads whose parts may be anybody's: they can be listed, and nothing reads them but who completes the upload.

        Args:
            store: the store's name.
            layouts: the datasets.
            ignored: what the map does not look at.
            known: whether it is known what is uploaded to a key.
        """
        patterns = [each.pattern for each in ignored if each.store == store]
        found = [each for each in self._bucket.uploads() if not known(each.key) and self._holds_anybodys(each, layouts, patterns)]
        what = f"the parts of {len(found)} unfinished uploads, which nobody can read before they are completed"
        return tuple(Finding(FindingKind.UNREADABLE, store, upload.key, what, _FINISH) for upload in found)[:_MOST_NAMED]

    def _holds_anybodys(self, upload: Upload, layouts: Sequence[FolderLayout], patterns: Sequence[str]) -> bool:
        if any(fnmatchcase(upload.key, each) for each in patterns):
            return False
        declaring = [layout for layout in layouts if layout.template_of(upload.key)]
        # Why not all: what is uploaded to the key of one person's object is that person's, and goes or stays with it.
        if declaring and not any(layout.many_in_a_file for layout in declaring):
            return False
        try:
            answer = self._bucket.call("list_parts", Key=self._bucket.full(upload.key), UploadId=upload.id, MaxParts=1)
        except FileNotFoundError:
            # It ended meanwhile.
            return False
        return bool(answer.get("Parts"))


def place_of(relation: str) -> ObjectPlace:
    """What a url names that is relative to the prefix."""
    first, slash, rest = relation.partition("/")
    if slash and first == _UPLOAD:
        return ObjectPlace(rest)
    found = _VERSION.fullmatch(first) if slash else None
    return ObjectPlace(rest, found[1]) if found else ObjectPlace(relation)


def _plain(version: str) -> str:
    """A version as a part of a path."""
    return version.replace("/", "_")


class OneVersion(BucketTree):
    """The tree as it was when an older version of an object was the present one."""

    def __init__(self, bucket: Bucket, version: str) -> None:
        super().__init__(bucket)
        self._version = version

    def states(self, key: str) -> Iterator[FileState]:
        """That version alone."""
        return (each for each in super().states(key) if isinstance(each, ObjectVersion) and _plain(each.entry.version) == self._version)


class _Fetched:
    """An object whose first bytes may be fetched while others are read."""

    def __init__(self, bucket: Bucket, url: str, entry: BucketEntry | None) -> None:
        self._bucket = bucket
        self._url = url
        self.entry = entry
        self._begun: tuple[BinaryIO, Notes] | OSError | NameTrouble | Unreadable | None = None

    def begin(self) -> None:
        """Fetch them; what goes wrong comes out when the object is opened."""
        try:
            self._begun = self._fetch()
        except (OSError, NameTrouble, Unreadable) as error:
            self._begun = error

    def object(self) -> RemoteObject:
        return RemoteObject(self._url, None if self.entry is None else self._open)

    def _open(self) -> tuple[BinaryIO, Notes]:
        begun, self._begun = self._begun, None
        with _as_os_errors():
            if isinstance(begun, Exception):
                raise begun
            file, notes = begun or self._fetch()
        return cast("BinaryIO", io.BufferedReader(_Translated(file), 1 << 18)), notes

    def _fetch(self) -> tuple[BinaryIO, Mapping[str, str]]:
        assert self.entry is not None
        file, answer = self._bucket.fetch(self.entry.key, self.entry.version)
        return file, notes_of(self._bucket, self.entry.key, self.entry.version, answer)


class _Translated(io.RawIOBase):
    """An object's bytes, with what a service refuses said as an operating system says it."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__()
        self._file = file

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        with _as_os_errors():
            return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        view = memoryview(buffer).cast("B")
        with _as_os_errors():
            data = self._file.read(len(view))
        view[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._file.close()
        super().close()


@contextmanager
def _as_os_errors() -> Iterator[None]:
    try:
        yield
    except Unreadable as error:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES)) from error
    except NameTrouble as error:
        raise OSError(errno.EIO, os.strerror(errno.EIO)) from error
