"""Bytes of remote objects for readers that want to read at any place: fetched into memory, never onto a disk."""

from __future__ import annotations

import errno
import os
from contextlib import closing
from typing import BinaryIO

from expunge.ports.optional.remote_content import RemoteObject

LARGEST = 1 << 30
"""Bytes of the largest object that is fetched."""
_CHUNK = 1 << 20


def fetched(found: RemoteObject) -> int:
    """Return a descriptor of an object's bytes, which the caller closes. Raises OSError as the object, and where it is too large."""
    descriptor = os.memfd_create("expunge", os.MFD_CLOEXEC)
    try:
        if found.open is not None:
            _fill(descriptor, found.open()[0])
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _fill(descriptor: int, file: BinaryIO) -> None:
    size = 0
    with closing(file):
        while data := file.read(_CHUNK):
            size += len(data)
            if size > LARGEST:
                raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
            view = memoryview(data)
            while view:
                view = view[os.write(descriptor, view) :]
