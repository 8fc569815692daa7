"""Clean up folders of the ``files`` store. Empty folders named after a subject and leftovers of interrupted runs are removed."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from expunge import descriptors, durable, permit
from expunge.core.values.ids import Pseudonym
from expunge.core.values.outcome import Reason, Unable
from expunge.stores.tree.erase import trouble_of
from expunge.stores.tree.folder_layout import FolderLayout
from expunge.stores.tree.interface import Shares

_UNDECLARED = Unable(Reason.RESIDUE, "a folder named after the subject holds files that no dataset declares: declare them")


class Folders:
    """The folders on the way to the files of one dataset, for one call."""

    def __init__(self, root: Path, layout: FolderLayout, everything: Sequence[FolderLayout]) -> None:
        self._root = root
        self._layout = layout
        self._everything = everything

    def remove(
        self, keys: Mapping[str, Sequence[Pseudonym]], shares: Shares, named: Callable[[str], bool], inside: Callable[[str], Path]
    ) -> dict[str, set[Pseudonym]]:
        """Remove the folders that the template leaves open, deepest first, where they are empty.

        Returns the folders whose entries changed, or may have before a crash, and for whom: to be forced to the device.
        """
        touched: dict[str, set[Pseudonym]] = {}
        folders: dict[str, set[Pseudonym]] = {}
        for key, subjects in keys.items():
            touched.setdefault(_parent(key), set()).update(subjects)
            for folder in self._variable(key):
                folders.setdefault(folder, set()).update(subjects)
        for folder in sorted(folders, key=lambda name: -name.count("/")):
            concerned = folders[folder]
            try:
                gone = _remove_folder(folder, inside)
            except OSError as error:
                for subject in concerned:
                    shares[subject].troubles.append(trouble_of(error))
                continue
            if gone:
                touched.pop(folder, None)
                touched.setdefault(_parent(folder), set()).update(concerned)
                for subject in concerned:
                    shares[subject].folders += 1
            elif gone is False and named(folder) and not any(declared_inside(self._root, folder, self._everything)):
                for subject in concerned:
                    shares[subject].troubles.append(_UNDECLARED)
        return touched

    def _variable(self, key: str) -> Iterator[str]:
        """The folders above (or at) a key whose names the template leaves open, deepest first."""
        found = self._layout.template_of(key)
        parts = key.rstrip("/").split("/")
        depth = len(parts) if key.endswith("/") else len(parts) - 1
        for level in range(depth, 0, -1):
            if found and found[0].segments[level - 1].placeholders:
                yield "/".join(parts[:level]) + "/"

    def settle(self, touched: Mapping[str, set[Pseudonym]], shares: Shares) -> None:
        """Force every touched folder's entries to the device; also where a run before this one may have died before doing so."""
        waiting: dict[Path, set[Pseudonym]] = {}
        for folder, subjects in touched.items():
            path = self._root / folder
            while not path.is_dir() and path != self._root:
                path = path.parent
            waiting.setdefault(path, set()).update(subjects)
        for path, subjects in waiting.items():
            try:
                durable.fsync_directory(path, at="files.erase.folder")
            except FileNotFoundError:
                continue
            except OSError as error:
                for subject in subjects:
                    shares[subject].troubles.append(trouble_of(error))


def declared_inside(root: Path, folder: str, layouts: Sequence[FolderLayout]) -> Iterator[str]:
    """Yield the keys that any dataset declares in a folder, at any depth (the key of a folder ends with ``/``)."""
    for current, folders, names in os.walk(root / folder):
        for name in (*names, *(each for each in folders if Path(current, each).is_symlink())):
            key = Path(current, name).relative_to(root).as_posix()
            if any(layout.template_of(key) for layout in layouts):
                yield key


@dataclass(frozen=True)
class ListedFolder:
    """One folder below a root, and what lies in it."""

    path: str = field(repr=False)
    key: str = field(repr=False)
    """Below the root, with a slash at its end; empty for the root itself."""
    names: Sequence[str] = field(repr=False)
    """Of all that is no folder and leads to none, sorted."""
    links: Sequence[str] = field(repr=False)
    """Names of the links that lead to folders, sorted."""
    empty: bool


def listed_below(root: Path, refuse: Callable[[OSError], None]) -> Iterator[ListedFolder]:
    """Yield a folder and every folder below it, each before what lies in it; links are not followed.

    ``refuse`` is told of each folder that cannot be listed; what it raises is raised.
    """
    waiting = [(os.fspath(root), "")]
    while waiting:
        path, key = waiting.pop()
        folders: list[str] = []
        names: list[str] = []
        links: list[str] = []
        try:
            with os.scandir(path) as listing:
                for entry in listing:
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.name)
                    elif entry.is_symlink() and _leads_to_folder(entry):
                        links.append(entry.name)
                    else:
                        names.append(entry.name)
        except OSError as error:
            refuse(error)
            continue
        yield ListedFolder(path, key, sorted(names), sorted(links), not (folders or names or links))
        waiting += [(f"{path}/{name}", f"{key}{name}/") for name in sorted(folders, reverse=True)]


def _leads_to_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _remove_folder(folder: str, inside: Callable[[str], Path]) -> bool | None:
    """True when it went, False when something is in it, None when it was not there."""
    try:
        path = inside(folder)
        if path.is_symlink():
            return None
        leftovers = clear_temporaries(path)
        if leftovers.others:
            return False
        permit.check()
        durable.rmdir(path, at="files.erase.rmdir")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        if error.errno in {errno.ENOTEMPTY, errno.EEXIST}:
            return False
        raise
    return True


@dataclass(frozen=True)
class Leftovers:
    """The result of clearing a folder of our temporaries."""

    removed: int
    alive: int
    """Temporaries that a running erasure is writing."""
    others: int
    """Entries that are not ours."""


def clear_temporaries(folder: Path) -> Leftovers:
    """Remove leftovers of our interrupted runs from one folder. Raises OSError."""
    removed = alive = others = 0
    with os.scandir(folder) as listing:
        for entry in listing:
            if not entry.name.startswith(durable.TEMPORARY_PREFIX) or not entry.is_file(follow_symlinks=False):
                others += 1
            elif descriptors.is_being_written(Path(entry.path)):
                alive += 1
            else:
                durable.unlink(Path(entry.path), at="files.leftover.unlink")
                removed += 1
    return Leftovers(removed, alive, others + alive)


def _parent(key: str) -> str:
    head, slash, _ = key.rstrip("/").rpartition("/")
    return head + slash
