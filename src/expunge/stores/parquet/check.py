"""Compare a lake with the map, and find obstacles to erasing from it. Both change nothing."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from expunge.core.values.copy import Copy, Finding, FindingKind
from expunge.core.values.outcome import Reason, Unable
from expunge.durable import TEMPORARY_PREFIX
from expunge.stores.arrow.damage import Damaged
from expunge.stores.arrow.values import leaves
from expunge.stores.parquet.erase import damage, table_of
from expunge.stores.parquet.lake.copy_keys import named
from expunge.stores.parquet.lake.lake_files import Lake, LakeLayout, LakeName, LocalLake, is_companion
from expunge.stores.tree.link_names import LinkNames
from expunge.stores.tree.record_files import Unreadable
from expunge.stores.tree.safe_replace import busy

_NAMED_SINGLY = 3
"""Undeclared files of one folder that are named one by one; more are counted."""
_DECLARE = "declare it with a `path:` of a dataset, or name it under `ignore:` with a reason"
_EFFECTIVE = os.access in os.supports_effective_ids
_RIGHTS = Unable(Reason.PERMISSION, "names cannot be removed from a folder: give this user the right to write to it")
_READ = Unable(Reason.PERMISSION, "a file cannot be read: give this user the right to read it")
_BUSY = Unable(Reason.LOCKED, "another process has a file open for writing: stop it or let it finish")
TAKEN_ALONG = Unable(Reason.REFERENCED, "a row names somebody whose data is held as well: it would go with the others")


class FileCheck:
    """The findings about single files, wherever they lie."""

    def __init__(self, lake: Lake, layouts: Sequence[LakeLayout], ignored: Sequence[str]) -> None:
        self.lake = lake
        self.layouts = layouts
        self._ignored = ignored

    def datasets(self) -> Iterator[Finding]:
        """Yield the faults of the map alone."""
        for layout in self.layouts:
            if not layout.dataset.paths:
                yield self.finding(FindingKind.SUBJECT_PATH, layout.dataset.name, "the dataset has no path", "write `path:`")
            if layout.dataset.format:
                mend = "leave it out: the files say themselves what they are"
                yield self.finding(FindingKind.UNSUPPORTED, layout.dataset.name, "a Parquet lake has no `format:`", mend)

    def declared(self, key: str, layout: LakeLayout) -> Iterator[Finding]:
        """One file that a dataset declares."""
        found = layout.template_of(key)
        if found is None:
            return
        template, readings = found
        fields = [name for name in layout.dataset.subject_fields if name in template.placeholders]
        if len({tuple(reading[name] for name in fields) for reading in readings}) > 1:
            what = "the name can be read in two ways, so it can be two people's: it is erased only with both of them"
            mend = "separate the placeholders by '/' or by a character that no identifier holds"
            yield self.finding(FindingKind.SUBJECT_PATH, key, what, mend)
        wanted = [*([] if fields else layout.dataset.subject_fields), *layout.dataset.follow]
        for part in self.lake.states(key):
            yield from self._columns(part, layout.columns(template, wanted), needed=not fields)

    def _columns(self, part: LakeName, wanted: Sequence[str], *, needed: bool) -> Iterator[Finding]:
        try:
            with self.lake.opened(part) as file:
                there = {leaf.field for leaf in leaves(file.schema_arrow)}
                empty = not file.metadata.num_rows
        except FileNotFoundError:
            return
        except PermissionError:
            yield self.finding(FindingKind.PERMISSION, part.key, "the file cannot be read", "give this user the right to read it")
            return
        except (Unreadable, OSError) as error:
            what = str(error) if isinstance(error, Unreadable) else "the file cannot be read"
            mend = "repair or restore it, or move it out of the store; until then nobody's order can be complete here"
            yield self.finding(FindingKind.UNREADABLE, part.key, what, mend)
            return
        missing = [name for name in dict.fromkeys(wanted) if name not in there]
        if missing and not empty and (not needed or len(missing) == len(set(wanted))):
            what = f"it has no column {' or '.join(missing)}"
            yield self.finding(FindingKind.SUBJECT_PATH, part.key, what, "correct `subject:`; dots lead into structs (user.profile_id)")

    def table(self, where: str, kind: str) -> Finding:
        """A folder whose files a table format keeps a log of."""
        mend = "declare it as a store of that kind, or name the folder under `ignore:` with a reason"
        return self.finding(FindingKind.UNSUPPORTED, where, f"{kind} table: its log names every file", mend)

    def undeclared(self, where: str, keys: Sequence[str]) -> Iterator[Finding]:
        """Yield a finding for each undeclared file of one folder."""
        if len(keys) > _NAMED_SINGLY:
            yield self.finding(FindingKind.UNDECLARED, where, f"{len(keys)} files that no dataset declares", _DECLARE)
            return
        for key in keys:
            yield self.finding(FindingKind.UNDECLARED, key, "a file that no dataset declares", _DECLARE)

    def on_the_way(self, key: str) -> bool:
        """Return whether a name leads to files of some dataset, or is a file of one."""
        return any(layout.template_of(key) for layout in self.layouts)

    def is_ignored(self, key: str) -> bool:
        """Return whether the map declares that the file holds no personal data."""
        return any(fnmatchcase(key, pattern) or fnmatchcase(f"{key}/", pattern) for pattern in self._ignored)

    def finding(self, kind: FindingKind, where: str, what: str, mend: str) -> Finding:
        """A finding in this store."""
        return Finding(kind, self.lake.store, where, what, mend)


class LakeCheck:
    """One comparison of a folder with the map."""

    def __init__(self, lake: LocalLake, layouts: Sequence[LakeLayout], ignored: Sequence[str]) -> None:
        self._files = FileCheck(lake, layouts, ignored)
        self._lake = lake
        self._root = lake.root
        self._second_names = LinkNames(lake.root, layouts)

    def findings(self) -> Iterator[Finding]:
        """Everything that is wrong or not declared."""
        say = self._files.finding
        yield from self._files.datasets()
        if not self._root.is_dir():
            yield say(FindingKind.MISSING, ".", "the store's folder is not there", "correct `url:` or mount the folder")
            return
        if trouble := self._lake.presence.trouble():
            yield say(FindingKind.MISSING, ".", trouble, self._lake.presence.mend)
        if not os.access(self._root, os.W_OK | os.X_OK, effective_ids=_EFFECTIVE):
            yield say(FindingKind.PERMISSION, ".", "the folder cannot be written to", "give this user the right to write to it")
        unlisted: list[str] = []

        def refuse(error: OSError) -> None:
            unlisted.append(Path(error.filename).relative_to(self._root).as_posix())

        for folder, folders, names in os.walk(self._root, onerror=refuse):
            yield from self._folder(Path(folder), folders, names)
        for where in unlisted:
            yield say(FindingKind.PERMISSION, where, "the folder cannot be listed", "give this user the right to read it")

    def _folder(self, folder: Path, folders: list[str], names: list[str]) -> Iterator[Finding]:
        files = self._files
        where = folder.relative_to(self._root).as_posix()
        prefix = "" if where == "." else f"{where}/"
        kept = self._lake.table_format(f"{prefix}x")
        if kept is not None:
            folders.clear()
            if not files.is_ignored(where):
                yield files.table(prefix or ".", kept)
            return
        if prefix and not folders and not names and not files.on_the_way(prefix) and not files.is_ignored(where):
            yield files.finding(FindingKind.UNDECLARED, prefix, "an empty folder that no dataset declares", _DECLARE)
        undeclared: list[str] = []
        for name in names:
            key = prefix + name
            if name.startswith(TEMPORARY_PREFIX):
                what = "left over from an interrupted run of Expunge"
                yield files.finding(FindingKind.UNDECLARED, key, what, "run an order, or remove it")
            elif not files.is_ignored(key) and not self._belongs(folder, name, names):
                declaring = [layout for layout in files.layouts if layout.template_of(key)]
                if not declaring:
                    undeclared.append(key)
                for layout in declaring:
                    yield from self._declared(key, layout)
        yield from files.undeclared(where, undeclared)
        for name in folders:
            if (folder / name).is_symlink() and not files.is_ignored(prefix + name):
                yield from self._linked_folder(f"{prefix}{name}/")

    def _belongs(self, folder: Path, name: str, names: Sequence[str]) -> bool:
        """Whether it is something that writers put beside data, and its data is there; markers must be empty."""
        if not is_companion(name):
            return False
        if name.endswith(".crc"):
            return name[1 : -len(".crc")] in names
        return name != "_SUCCESS" or not (folder / name).stat().st_size

    def _linked_folder(self, key: str) -> Iterator[Finding]:
        if not self._files.on_the_way(key):
            yield self._files.finding(FindingKind.UNDECLARED, key, "a link to a folder, which no dataset declares", _DECLARE)
        elif objection := self._second_names.objection(key):
            yield self._files.finding(FindingKind.UNSUPPORTED, key, objection.detail, "links are not followed")

    def _declared(self, key: str, layout: LakeLayout) -> Iterator[Finding]:
        objection = self._second_names.objection(key)
        if objection:
            yield self._files.finding(FindingKind.UNSUPPORTED, key, objection.detail, "one name for each file, inside a declared store")
        if not (self._root / key).is_symlink():
            yield from self._files.declared(key, layout)


class LakePreflight:
    """Foreseeable reasons, one dataset at a time."""

    def __init__(self, lake: LocalLake, layout: LakeLayout, everything: Sequence[LakeLayout]) -> None:
        self._lake = lake
        self._layout = layout
        self._second_names = LinkNames(lake.root, everything)

    def reasons(self, copies: Sequence[Copy], kept: Sequence[Copy]) -> tuple[Unable, ...]:
        """Each reason once."""
        files: dict[str, bool] = {}
        for key in (key for copy in copies for key in copy.keys):
            about = named(key)
            files[about.file] = files.get(about.file, False) or about.whole
        found = [reason for file, whole in files.items() for reason in self._about(file, whole=whole)]
        if kept and overlap(copies, kept):
            found.append(TAKEN_ALONG)
        rewritten = [self._lake.root / file for file, whole in files.items() if not whole]
        largest = max((path.stat().st_size for path in rewritten if path.is_file()), default=0)
        if largest and shutil.disk_usage(self._lake.root).free < largest:
            found.append(Unable(Reason.DISK_FULL, f"rewriting the largest file needs {largest} bytes free beside it"))
        return tuple(dict.fromkeys(found))

    def _about(self, key: str, *, whole: bool) -> Iterator[Unable]:
        path = self._lake.root / key
        objection = self._second_names.objection(key)
        if objection:
            yield objection
        kept = self._lake.table_format(key)
        if kept is not None:
            yield table_of(kept)
        if not path.exists() and not path.is_symlink():
            return
        if not _may_remove_from(path.parent, path):
            yield _RIGHTS
        if path.is_symlink() or key.endswith("/"):
            return
        if not os.access(path, os.R_OK, effective_ids=_EFFECTIVE):
            yield _READ
        elif not whole:
            yield from self._about_rows(key, path)

    def _about_rows(self, key: str, path: Path) -> Iterator[Unable]:
        try:
            for part in self._lake.states(key):
                with self._lake.opened(part):
                    pass
            if busy(path):
                yield _BUSY
        except FileNotFoundError:
            return
        except PermissionError:
            yield _READ
        except Damaged as error:
            about = damage(error)
            yield Unable(about.reason, f"{self._layout.dataset.name}: {about.detail}")


def overlap(copies: Sequence[Copy], kept: Sequence[Copy]) -> bool:
    """Return whether a row, or a whole file, of the copies is among those that stay."""
    staying: dict[str, set[int]] = {}
    for key in (key for copy in kept for key in copy.keys):
        staying.setdefault(named(key).file, set()).update(named(key).numbers())
    for key in (key for copy in copies for key in copy.keys):
        about = named(key)
        if about.file in staying and (about.whole or staying[about.file] & about.numbers()):
            return True
    return False


def _may_remove_from(folder: Path, path: Path) -> bool:
    if not os.access(folder, os.W_OK | os.X_OK, effective_ids=_EFFECTIVE):
        return False
    status = folder.stat()
    mine = {status.st_uid, path.lstat().st_uid}
    return not status.st_mode & stat.S_ISVTX or os.geteuid() in {0, *mine}
