"""Find obstacles to erasing files, without changing anything."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from expunge.core.values.copy import Copy
from expunge.core.values.outcome import Reason, Unable
from expunge.stores.tree.folder_layout import FolderLayout, WantedValues, opened
from expunge.stores.tree.link_names import LinkNames
from expunge.stores.tree.record_files import Unreadable
from expunge.stores.tree.safe_replace import busy

_RIGHTS = Unable(Reason.PERMISSION, "names cannot be removed from a folder: give this user the right to write to it")
_READ = Unable(Reason.PERMISSION, "a file cannot be read: give this user the right to read it")
_EFFECTIVE = os.access in os.supports_effective_ids
_BUSY = Unable(Reason.LOCKED, "another process has a file open for writing: stop it or let it reopen its files")


class FilesPreflight:
    """Foreseeable reasons, one dataset at a time."""

    def __init__(self, root: Path, layout: FolderLayout, everything: Sequence[FolderLayout]) -> None:
        self._root = root
        self._layout = layout
        self._second_names = LinkNames(root, everything)

    def reasons(self, copies: Sequence[Copy]) -> tuple[Unable, ...]:
        """Each reason once."""
        wanted = WantedValues(copy.selector for copy in copies if copy.selector)
        keys = dict.fromkeys(key for copy in copies for key in copy.keys)
        found = [reason for key in keys for reason in self._about(key, wanted)]
        return tuple(dict.fromkeys(found))

    def _about(self, key: str, wanted: WantedValues) -> Iterator[Unable]:
        path = self._root / key
        objection = self._second_names.objection(key)
        if objection:
            yield objection
        if not path.exists() and not path.is_symlink():
            return
        if not _may_remove_from(path.parent, path):
            yield _RIGHTS
        if not path.is_symlink() and not os.access(path, os.R_OK, effective_ids=_EFFECTIVE):
            yield _READ
        elif not key.endswith("/") and not path.is_symlink() and not self._layout.says(key, wanted).whole:
            yield from self._about_records(path, key, wanted)

    def _about_records(self, path: Path, key: str, wanted: WantedValues) -> Iterator[Unable]:
        try:
            size = path.stat().st_size
            for _ in self._layout.holding(lambda: opened(path), key, (*wanted.fields, *self._layout.beside(wanted)), ()):
                pass
            if busy(path):
                yield _BUSY
            if shutil.disk_usage(path.parent).free < size:
                yield Unable(Reason.DISK_FULL, f"rewriting a file needs {size} bytes free beside it")
        except FileNotFoundError:
            return
        except PermissionError:
            yield _READ
        except Unreadable as error:
            yield Unable(Reason.CORRUPT, f"{self._layout.dataset.name}: a file cannot be read: {error}; `expunge check` names it")


def _may_remove_from(folder: Path, path: Path) -> bool:
    if not os.access(folder, os.W_OK | os.X_OK, effective_ids=_EFFECTIVE):
        return False
    status = folder.stat()
    mine = {status.st_uid, path.lstat().st_uid}
    return not status.st_mode & stat.S_ISVTX or os.geteuid() in {0, *mine}
