"""A part of a recording as a seekable file, whatever the bytes come from."""

from __future__ import annotations

import io
import os


class PartFile(io.RawIOBase):
    """The places of a part. Place 0 is the part's first byte. A subclass reads. One thread at a time may use it."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size
        self._position = 0

    def readable(self) -> bool:
        """Return yes."""
        return True

    def seekable(self) -> bool:
        """Return yes."""
        return True

    def tell(self) -> int:
        """Return the place in the part."""
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Go to a place in the part. Raises ValueError for one before its beginning."""
        starts = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self.size}
        if whence not in starts or starts[whence] + offset < 0:
            raise ValueError("no such place in the recording")
        self._position = starts[whence] + offset
        return self._position

    def check_open(self) -> None:
        """Raise ValueError where it is closed."""
        if self.closed:
            raise ValueError("read from a closed recording")

    @property
    def left(self) -> int:
        """Bytes from here to the end of the part."""
        return max(0, self.size - self._position)
