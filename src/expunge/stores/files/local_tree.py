"""The tree of a folder on this machine. Links and further names are seen, concurrent writes carried over, entries forced to the device."""

from __future__ import annotations

import errno
import io
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, cast

from expunge import durable, permit
from expunge.core.values.ids import Pseudonym
from expunge.core.values.outcome import Unable
from expunge.stores.files.folders import Folders, declared_inside
from expunge.stores.tree.folder_layout import FolderLayout, opened
from expunge.stores.tree.interface import FileCut, FileState, NameTrouble, NobodyThere, NothingStays, Removal, RemovalResult, Shares
from expunge.stores.tree.interface import FoundName as AnyFound
from expunge.stores.tree.link_names import LinkNames
from expunge.stores.tree.record_files import Unreadable
from expunge.stores.tree.safe_replace import rewrite
from expunge.stores.tree.template_walk import Bindings, CompiledTemplate, FoundFile, walk


@dataclass(frozen=True)
class PresentState:
    """A file has one state: the present one."""

    path: Path
    older = 0

    def open(self) -> BinaryIO:
        """See :class:`expunge.stores.tree.interface.FileState`."""
        return opened(self.path)

    def notes(self) -> Mapping[str, str]:
        """Nothing lies beside the bytes; extended attributes go with the file."""
        return {}


class LocalTree:
    """One folder, for one call over the files of one dataset."""

    def __init__(self, root: Path, layout: FolderLayout, everything: Sequence[FolderLayout]) -> None:
        self._root = root
        self._everything = everything
        """All layouts of the store: a folder in which another dataset has files is not bare."""
        self._second_names = LinkNames(root, everything)
        self._folders = Folders(root, layout, everything)
        self._sound: set[Path] = set()
        """Folders that were found to be reached by no link."""

    # --- looking --------------------------------------------------------------------------------

    def walk(
        self,
        template: CompiledTemplate,
        wanted: Callable[[Bindings], bool],
        only: Mapping[str, Collection[str]],
    ) -> Iterator[FoundFile]:
        """See :class:`expunge.stores.tree.interface.Tree`."""
        return walk(self._root, template, wanted, only)

    def states_of(self, found: AnyFound) -> Iterator[FileState]:
        """The file itself."""
        yield PresentState(self._root / found.key)

    def states(self, key: str) -> Iterator[FileState]:
        """Yield the file, or the file that a link leads to inside this folder."""
        path = self._root / key
        if path.is_symlink():
            if not path.is_file() or not path.resolve().is_relative_to(self._root):
                return
            path = path.resolve()
        yield PresentState(path)

    def objection(self, key: str) -> Unable | None:
        """Return the obstacle where a link leads out, or a hard link is not declared."""
        return self._second_names.objection(key)

    def bare(self, found: AnyFound) -> bool:
        """Return whether a folder holds nothing that any dataset declares."""
        return found.is_link or not any(True for _ in declared_inside(self._root, found.key, self._everything))

    def is_link(self, key: str) -> bool:
        """Return whether a name is a symbolic link, to any target."""
        return (self._root / key).is_symlink()

    def is_folder(self, key: str) -> bool:
        """A name that ends with a slash."""
        return key.endswith("/")

    # --- changing -------------------------------------------------------------------------------

    def remove(self, removals: Iterable[Removal]) -> Iterator[RemovalResult]:
        """Unlink, one by one."""
        for removal in removals:
            try:
                yield self._remove(removal)
            except (OSError, Unreadable, NameTrouble) as error:
                yield RemovalResult(removal, there=False, error=error)

    def _remove(self, removal: Removal) -> RemovalResult:
        path = self._sound_path(removal.key)
        try:
            if removal.cut is not None:
                try:
                    with opened(path) as file:
                        removal.cut(file, cast("BinaryIO", io.BytesIO()))
                except NothingStays:
                    pass
            status = path.lstat()
        except (FileNotFoundError, NobodyThere):
            return RemovalResult(removal, there=False)
        if removal.late(datetime.fromtimestamp(status.st_mtime, UTC)):
            return RemovalResult(removal, there=False)
        permit.check()
        if against := permit.objections([removal.key]):
            raise against[removal.key]
        durable.unlink(path, at="files.erase.unlink")
        return RemovalResult(removal, there=True, bytes=status.st_size)

    def rewrite(self, key: str, cut: FileCut) -> None:
        """Under a lease, or compared before and after. See :mod:`expunge.stores.tree.safe_replace`."""
        rewrite(self._sound_path(key), cut)

    def finish(self, keys: Mapping[str, Sequence[Pseudonym]], shares: Shares, named: Callable[[str], bool]) -> None:
        """Folders that the template names and that are empty now; then every touched folder's entries to the device."""
        touched = self._folders.remove(keys, shares, named, self._sound_path)
        self._folders.settle(touched, shares)

    def _sound_path(self, key: str) -> Path:
        """The path of a key, refused when a link on the way leads elsewhere."""
        path = self._root / key
        folder = path.parent
        if folder not in self._sound:
            if folder.resolve() != folder:
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
            self._sound.add(folder)
        return path
