"""Tell a folder that was emptied from one whose disk is away: both show nothing.

A disk that is not mounted leaves an empty directory behind, and it is another one: by its number, or by the file system that it lies on. So
the directories in which data lay are remembered. Where nothing lies now, the same directories say *nothing is held*; others, or none, say
*could not look*.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path

from expunge.core.datamap.datamap import Dataset
from expunge.errors import StoreUnavailable
from expunge.ports.optional.known_places import KnownPlaces

NOT_THERE = "the store's folder is not there"
ANOTHER = "nothing lies in the store's folder, and it is not the folder in which data lay before"
_MOUNTS = Path("/proc/self/mountinfo")


class FolderPresence:
    """The folder of one store, and those folders in it that the map names literally. Safe between threads."""

    def __init__(self, store: str, root: Path, datasets: Iterable[Dataset]) -> None:
        """Look at nothing yet."""
        self.known: KnownPlaces | None = None
        self._store, self._root = store, root
        self._places = {dataset.name: frozenset(map(_place, dataset.paths)) for dataset in datasets}
        self._file_systems: dict[tuple[int, int], str] = {}

    def require(self, *datasets: str) -> None:
        """Raise StoreUnavailable where the folder of some datasets, or of any, is not there or may be one whose disk is away."""
        found = self.trouble(*datasets)
        if found == NOT_THERE:
            message = f"store {self._store}: its folder is not there"
            raise StoreUnavailable(message, help="correct `url:` or mount the folder, then run again")
        if found:
            message = f"store {self._store}: {found}"
            raise StoreUnavailable(message, help=self.mend)

    @property
    def mend(self) -> str:
        """What to do where the folder may be one whose disk is away."""
        return f"mount what belongs there, then run again; if it is meant to be empty, run `expunge restored {self._store} --empty`"

    def trouble(self, *datasets: str) -> str:
        """Return why nothing can be said of some datasets, or of any; empty where something can. Raises OSError."""
        if not self._root.is_dir():
            return NOT_THERE
        if self.known is None:
            return ""
        places = {place for name in datasets or self._places for place in self._places.get(name, ())}
        marks = self.known.recall(self._store)
        return next((ANOTHER for place in sorted(places) if self._is_another(place, marks.get(place), self.known)), "")

    def _is_another(self, place: str, before: str | None, known: KnownPlaces) -> bool:
        """Return whether a place is empty that held data in another directory; remember the directory where data lies now."""
        mark = self._mark(place)
        if mark is not None and mark == before:
            return False
        if mark is None or not _holds(self._root / place):
            return before is not None
        if self._mark(place) == mark:
            # Else the disk came or went meanwhile: the next look says more.
            known.remember(self._store, place, mark)
        return False

    def _mark(self, place: str) -> str | None:
        """Return what tells the directories on the way to a place from others; None where one is missing."""
        folders = [self._root]
        for name in Path(place).parts:
            folders.append(folders[-1] / name)
        told = []
        for folder in folders:
            try:
                status = folder.stat()
            except (FileNotFoundError, NotADirectoryError):
                return None
            device = status.st_dev, status.st_ino
            if device not in self._file_systems:
                self._file_systems[device] = _file_system(folder) or str(status.st_dev)
            told.append(f"{status.st_ino} {self._file_systems[device]}")
        return sha256("\n".join(told).encode()).hexdigest()[:32]


def _place(path: str) -> str:
    """Return the folders at the beginning of a template that have no placeholder."""
    folders = path.split("/")[:-1]
    literal = next((number for number, name in enumerate(folders) if "{" in name), len(folders))
    return "/".join(folders[:literal])


def _holds(folder: Path) -> bool:
    """Return whether any file lies below a folder; hidden ones, which also lie in empty mount points, do not count."""
    waiting: list[str] = [os.fspath(folder)]
    while waiting:
        for entry in _entries(waiting.pop()):
            if entry.is_dir(follow_symlinks=False):
                waiting.append(entry.path)
            elif not entry.name.startswith("."):
                return True
    return False


def _entries(folder: str) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as listing:
            yield from listing
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        # A folder that may not be listed, such as `lost+found`, shows nothing; where data lies in it, the store says so itself.
        return


def _file_system(folder: Path) -> str:
    """Return type and source of the file system that a folder lies on (proc(5), mountinfo); empty where the system does not tell.

    Why not its device's number: that of a network, or of a logical volume, may be another one after each start of the machine.
    """
    resolved = folder.resolve()
    found, longest = "", -1
    try:
        lines = _MOUNTS.read_text(errors="surrogateescape").splitlines()
    except OSError:
        return ""
    for line in lines:
        before, _, after = line.partition(" - ")
        point = Path(before.split(" ")[4].replace("\\040", " "))
        # The last of several at one place covers the others.
        if len(point.parts) >= longest and resolved.is_relative_to(point):
            found, longest = " ".join(after.split(" ")[:2]), len(point.parts)
    return found
