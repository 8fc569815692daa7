"""Describe pyarrow's errors in sentences of our own. Its texts may quote a subject's values."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa

from expunge.core.values.outcome import Reason
from expunge.stores.tree.record_files import Unreadable


class Damaged(Unreadable):
    """A file that cannot be read as Parquet. Its reason says how to mend it."""

    def __init__(self, message: str, reason: Reason = Reason.CORRUPT) -> None:
        super().__init__(message)
        self.reason = reason


@contextmanager
def readable() -> Iterator[None]:
    """Translate pyarrow's errors about a file into our words: its own may quote content."""
    try:
        yield
    except Damaged:
        raise
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
        if isinstance(error, OSError) and error.errno:
            raise
        if isinstance(error, Unreadable):
            raise
        told = str(error).lower()
        if "encrypt" in told or "decrypt" in told:
            raise Damaged("a column is encrypted", Reason.ENCRYPTED) from None
        raise Damaged("it is no sound Parquet file") from None
