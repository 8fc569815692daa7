"""Tell a folder that was emptied from one whose disk is away: both show nothing.

A disk that is not mounted leaves an empty directory behind, and it is another one: by its number, or by the file system that it lies on. So
the directories in which data lay are remembered. Where nothing lies now, the same directories say *nothing is held*; others, or none, say
*could not look*. So do places below which fewer disks are mounted than data lay on.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from expunge.core.datamap.datamap import Dataset
from expunge.errors import StoreUnavailable
from expunge.ports.optional.known_places import ANY_PLACE, KnownPlaces

NOT_THERE = "the store's folder is not there"
ANOTHER = "nothing lies in the store's folder, and it is not the folder in which data lay before"
FEWER = "fewer disks are mounted below the store's folder than data lay on before"
_MOUNTS = Path("/proc/self/mountinfo")
_OWN_NUMBER = frozenset({"ext2", "ext3", "ext4", "btrfs", "zfs"})
"""Types of file systems whose number (statvfs(3), f_fsid) was drawn when they were made, and is in no way their device's."""
_BELOW = "//"
"""Behind a place: the number of disks below it on which data lay. A number alone: their folders may be named after people."""


class FolderPresence:
    """The folder of one store, and those folders in it that the map names literally. Safe between threads."""

    def __init__(self, store: str, root: Path, datasets: Iterable[Dataset]) -> None:
        """Look at nothing yet."""
        self.known: KnownPlaces | None = None
        self._store, self._root = store, root
        self._places = {dataset.name: frozenset(map(_place, dataset.paths)) for dataset in datasets}
        self._seen = b"", dict[tuple[int, int], str]()
        """What was mounted at the last look, and the file systems of directories as they were then."""

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
        return f"mount what belongs there, then run again; if it is empty, or gone, for good, run `expunge restored {self._store} --empty`"

    def trouble(self, *datasets: str) -> str:
        """Return why nothing can be said of some datasets, or of any; empty where something can. Raises OSError."""
        if not self._root.is_dir():
            return NOT_THERE
        if self.known is None:
            return ""
        places = {place for name in datasets or self._places for place in self._places.get(name, ())}
        marks = self.known.recall(self._store)
        lost = marks.get(ANY_PLACE)
        for place in sorted(places):
            if self._is_another(place, marks.get(place, lost), self.known):
                return ANOTHER
            below = marks.get(f"{place}{_BELOW}", "")
            if self._are_fewer(place, int(below) if below.isdecimal() else 0, self.known):
                return FEWER
        return ""

    @contextmanager
    def throughout(self, *datasets: str) -> Iterator[None]:
        """Require before and after a block that looks: a disk that goes away meanwhile leaves nothing. Raises as :meth:`require`."""
        self.require(*datasets)
        yield
        self.require(*datasets)

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

    def _are_fewer(self, place: str, before: int, known: KnownPlaces) -> bool:
        """Return whether fewer disks are mounted below a place than held data before; remember how many do now, where more.

        One that was emptied still counts, as long as it is mounted.
        """
        below = _mounted_below(self._root / place, _mounted())
        if len(below) > before and (holding := sum(map(_holds, below))) > before:
            known.remember(self._store, f"{place}{_BELOW}", str(holding))
        return len(below) < before

    def _mark(self, place: str) -> str | None:
        """Return what tells the directories on the way to a place from others; None where one is missing."""
        mounts = _mounted()
        before, file_systems = self._seen
        if mounts != before:
            # Why: the number of a device that is away is given to the next one.
            file_systems = {}
            self._seen = mounts, file_systems
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
            if device not in file_systems:
                file_systems[device] = _file_system(folder, mounts) or str(status.st_dev)
            told.append(f"{status.st_ino} {file_systems[device]}")
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


def _mounted() -> bytes:
    """Return what is mounted (proc(5), mountinfo); empty where the system does not tell."""
    try:
        return _MOUNTS.read_bytes()
    except OSError:
        return b""


def _mounted_below(folder: Path, mounts: bytes) -> list[Path]:
    """Return where something is mounted below a folder; not what an automounter mounts, and takes away when it is idle."""
    prefix = os.path.join(folder.resolve(), "")  # noqa: PTH118 - with a slash at its end
    automounters, found = set[str](), dict[Path, str]()
    for line in os.fsdecode(mounts).splitlines():
        before, _, after = line.partition(" - ")
        number, parent, _, _, point = before.split(" ")[:5]
        if after.startswith("autofs "):
            automounters.add(number)
        elif (path := point.replace("\\040", " ")).startswith(prefix):
            found[Path(path)] = parent
    return [point for point, parent in found.items() if parent not in automounters]


def _file_system(folder: Path, mounts: bytes) -> str:
    """Return type and source of the file system that a folder lies on; its own number instead of a source where it has one.

    Why not its device's number: that of a network, or of a logical volume, may be another one after each start of the machine. And why not
    the source alone: a blank disk in the place of another one has its name.
    """
    resolved = folder.resolve()
    kind, source, longest = "", "", -1
    for line in os.fsdecode(mounts).splitlines():
        before, _, after = line.partition(" - ")
        point = Path(before.split(" ")[4].replace("\\040", " "))
        # The last of several at one place covers the others.
        if len(point.parts) >= longest and resolved.is_relative_to(point):
            (kind, source), longest = after.split(" ")[:2], len(point.parts)
    return f"{kind} {os.statvfs(folder).f_fsid:x}" if kind in _OWN_NUMBER else f"{kind} {source}".strip()
