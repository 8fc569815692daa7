"""Looks for pieces of recordings in every file of a place. Any run of 31 bytes of a recording holds one of the windows."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np

WINDOW = 16
TELLING = 9
"""A window of fewer different bytes is padding, which is nobody's."""


class Windows:
    """The windows of some recordings, at every 16th byte."""

    def __init__(self, recordings: Iterable[bytes]) -> None:
        every = {data[at : at + WINDOW] for data in recordings for at in range(0, len(data) - WINDOW + 1, WINDOW)}
        self.windows = {each for each in every if len(set(each)) >= TELLING}
        assert len(self.windows) > 1000, "nothing to look for"
        self._heads = np.unique(np.frombuffer(b"".join(each[:8] for each in self.windows), "<u8"))

    def within(self, data: bytes) -> bool:
        """Return whether a window lies anywhere in some bytes, at any place."""
        for shift in range(8):
            words = np.frombuffer(data, "<u8", max(0, (len(data) - shift) // 8), shift) if len(data) >= shift + WINDOW else ()
            if not len(words):
                continue
            at = np.minimum(np.searchsorted(self._heads, words), len(self._heads) - 1)
            for place in np.flatnonzero(self._heads[at] == words):
                if data[shift + 8 * place : shift + 8 * place + WINDOW] in self.windows:
                    return True
        return False

    def lying_in(self, files: Iterable[Path]) -> set[Path]:
        """Return the files that hold one, in their bytes or in their name."""
        found = set()
        for path in files:
            # Why: elsewhere on the machine files come and go.
            with suppress(OSError):
                if self.within(path.read_bytes()) or self.within(os.fsencode(path.name)):
                    found.add(path)
        return found


def files_below(place: Path) -> Iterator[Path]:
    """Yield every file below a folder, links not followed."""
    for folder, _, names in os.walk(place):
        yield from (path for name in names if (path := Path(folder, name)).is_file() and not path.is_symlink())


def files_since(place: Path, since: float, but: Path) -> Iterator[Path]:
    """Yield this user's files below a folder that were written since a time, but those below another folder."""
    for folder, names, files in os.walk(place):
        if but.is_relative_to(folder):
            names[:] = [name for name in names if Path(folder, name) != but]
        for name in files:
            with suppress(OSError):
                status = Path(folder, name).lstat()
                if status.st_mtime >= since and status.st_uid == os.getuid() and Path(folder, name).is_file():
                    yield Path(folder, name)
