"""Find names that lead to the same bytes: symbolic links, and hard links. Removing one name must not pass for removing the data."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path

from expunge.core.values.outcome import Reason, Unable
from expunge.stores.tree.folder_layout import FolderLayout

Inode = tuple[int, int]

LEADS_OUT = Unable(
    Reason.UNSUPPORTED,
    "a name is a symbolic link to data that no dataset declares: declare the place where it lies, or move it to where the link is",
)
OUTSIDE = Unable(Reason.REFERENCED, "a file has a further name (hard link) outside this store: remove that name")
UNDECLARED = Unable(Reason.REFERENCED, "a file has a further name (hard link) that no dataset declares: declare it or remove it")


class LinkNames:
    """Looks for them, once for a whole call and only when a file has any."""

    def __init__(self, root: Path, layouts: Sequence[FolderLayout]) -> None:
        self._root = root
        self._layouts = layouts
        self._names: dict[Inode, list[str]] | None = None

    def objection(self, key: str) -> Unable | None:
        """Return the reason why removing or rewriting ``key`` would leave its data elsewhere; None when it would not.

        A second name that some dataset of the store declares is no objection: it is found there in its own right.
        """
        path = self._root / key
        try:
            status = path.lstat()
        except OSError:
            return None
        if stat.S_ISLNK(status.st_mode):
            return None if self._leads_to_declared(path) else LEADS_OUT
        if stat.S_ISREG(status.st_mode) and status.st_nlink > 1:
            names = self._all_names().get((status.st_dev, status.st_ino), [])
            if len(names) < status.st_nlink:
                return OUTSIDE
            if not all(self._declared(name) for name in names):
                return UNDECLARED
        return None

    def _leads_to_declared(self, link: Path) -> bool:
        try:
            target = link.resolve()
            if not target.exists():
                return True
            key = target.relative_to(self._root).as_posix()
        except (OSError, RuntimeError, ValueError):
            return False
        return self._declared(f"{key}/" if target.is_dir() else key)

    def _declared(self, key: str) -> bool:
        return any(layout.template_of(key) for layout in self._layouts)

    def _all_names(self) -> dict[Inode, list[str]]:
        if self._names is None:
            self._names = {}
            for folder, _, names in os.walk(self._root):
                for name in names:
                    path = Path(folder, name)
                    status = path.lstat()
                    if stat.S_ISREG(status.st_mode) and status.st_nlink > 1:
                        self._names.setdefault((status.st_dev, status.st_ino), []).append(path.relative_to(self._root).as_posix())
        return self._names
