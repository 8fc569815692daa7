"""Objects that no dataset declares, handed to the scan: it reads their bytes, names, tags and metadata."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from expunge.ports.optional.remote_content import RemoteObject
from expunge.stores.s3.bucket_connection import Bucket
from expunge.stores.s3.bucket_tree import BucketKey, BucketTree
from expunge.stores.tree.folder_layout import FolderLayout
from expunge.stores.tree.interface import FileState, NameTrouble
from expunge.stores.tree.record_files import Unreadable

_CHUNK = 1 << 20


def undeclared_objects(bucket: Bucket, url: str, layouts: Sequence[FolderLayout]) -> Iterator[RemoteObject]:
    """Yield every version of every object whose key fits no template, ignored or not. Raises BucketTrouble."""
    tree = BucketTree(bucket)
    for page in bucket.pages("", versioned=tree.hand.versioned):
        for key, entries in page.items():
            if not any(layout.template_of(key) for layout in layouts):
                for state in tree.states_of(BucketKey(key, (), entries)):
                    yield _object(f"{url.rstrip('/')}/{key}", state)


def _object(url: str, state: FileState) -> RemoteObject:
    def chunks() -> Iterator[bytes]:
        with _as_os_errors(), state.open() as file:
            while data := file.read(_CHUNK):
                yield data

    def notes() -> Mapping[str, str]:
        with _as_os_errors():
            return state.notes()

    return RemoteObject(url, chunks, notes)


@contextmanager
def _as_os_errors() -> Iterator[None]:
    """Let what a service refuses come out as an operating system says it."""
    try:
        yield
    except Unreadable as error:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES)) from error
    except NameTrouble as error:
        raise OSError(errno.EIO, os.strerror(errno.EIO)) from error
