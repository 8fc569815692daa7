"""Reads a recording as long as the gate lets its reader: after a refusal no further byte is given."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, BinaryIO

from expunge.vault.part_file import PartFile

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


class GatedReader(PartFile):
    """The part of a recording that was entered in the register of openings. Before each read, the gate and the file are asked again."""

    def __init__(self, content: BinaryIO, first: int, last: int, ask: Callable[[], None], is_erased: Callable[[], bool]) -> None:
        """Take over the content, which is closed with this reader.

        Args:
            content: that of the whole recording, seekable.
            first: where the part begins: place 0 of this reader.
            last: where it ends.
            ask: raises the refusal, if there is one; then nothing more is read.
            is_erased: returns whether the recording was erased since; then nothing more is read either.
        """
        super().__init__(last - first)
        self._content, self._ask, self._is_erased = content, ask, is_erased
        self.first, self.last = first, last
        self.whole = content.seek(0, os.SEEK_END)
        """Bytes of the whole recording."""

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Fill the buffer as far as the part goes. Raises what ``ask`` raises, OSError."""
        self.check_open()
        try:
            self._ask()
            if self._is_erased():
                raise FileNotFoundError(errno.ENOENT, "the recording was erased")
        except BaseException:
            self.close()
            raise
        view = memoryview(buffer).cast("B")[: self.left]
        if not view:
            return 0
        self._content.seek(self.first + self._position)
        taken: int = self._content.readinto(view) or 0  # type: ignore[attr-defined]
        self._position += taken
        return taken

    def is_over(self) -> bool:
        """Return whether no further byte can be read: it was closed, or the recording was erased."""
        return self.closed or self._is_erased()

    def close(self) -> None:
        """Close the content as well."""
        if not self.closed:
            self._content.close()
        super().close()
