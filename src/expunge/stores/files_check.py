"""Comparing a folder with the map: every file under it is declared, ignored with a reason, or a finding."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from expunge.core.copy import Finding, FindingKind
from expunge.durable import TEMPORARY_PREFIX
from expunge.stores.layout import Layout, opened
from expunge.stores.records import FORMATS, Unreadable
from expunge.stores.second_names import SecondNames
from expunge.stores.templates import Template

_NAMED_SINGLY = 3
"""Undeclared files of one folder that are named one by one; more are counted."""
_DECLARE = "declare it with a `path:` of a dataset, or name it under `ignore:` with a reason"


class FilesCheck:
    """One comparison."""

    def __init__(self, store: str, root: Path, layouts: Sequence[Layout], ignored: Sequence[str]) -> None:
        self._store = store
        self._root = root
        self._layouts = layouts
        self._ignored = ignored
        self._second_names = SecondNames(root, layouts)

    def findings(self) -> Iterator[Finding]:
        """Everything that is wrong or not declared."""
        yield from self._templates()
        if not self._root.is_dir():
            yield self._finding(FindingKind.MISSING, ".", "the store's folder is not there", "correct `url:` or mount the folder")
            return
        if not os.access(self._root, os.W_OK | os.X_OK, effective_ids=os.access in os.supports_effective_ids):
            yield self._finding(FindingKind.PERMISSION, ".", "the folder cannot be written to", "give this user the right to write to it")
        unlisted: list[str] = []

        def refuse(error: OSError) -> None:
            unlisted.append(Path(error.filename).relative_to(self._root).as_posix())

        for folder, folders, names in os.walk(self._root, onerror=refuse):
            yield from self._folder(Path(folder), folders, names)
        for where in unlisted:
            yield self._finding(FindingKind.PERMISSION, where, "the folder cannot be listed", "give this user the right to read it")

    # --- the map itself -------------------------------------------------------------------------

    def _templates(self) -> Iterator[Finding]:
        for layout in self._layouts:
            dataset = layout.dataset
            if not dataset.paths:
                yield self._finding(FindingKind.SUBJECT_PATH, dataset.name, "the dataset has no path", "write `path:`")
            if dataset.format and dataset.format not in FORMATS:
                mend = f"one of: {', '.join(sorted(FORMATS))}; nothing for whole files"
                yield self._finding(FindingKind.UNSUPPORTED, dataset.name, f"there is no format {dataset.format!r}", mend)
            if dataset.format or not layout.subject_fields:
                continue
            for template in layout.templates:
                lost = [name for name in (*layout.subject_fields, *dataset.follow) if name not in template.placeholders]
                if not set(layout.subject_fields) & template.placeholders or set(lost) & set(dataset.follow):
                    what = f"the path has no placeholder for {', '.join(lost)}"
                    mend = f"put {{{lost[0]}}} into the path, or say in which `format:` its records are"
                    yield self._finding(FindingKind.SUBJECT_PATH, dataset.name, what, mend)

    # --- what lies there ------------------------------------------------------------------------

    def _folder(self, folder: Path, folders: list[str], names: list[str]) -> Iterator[Finding]:
        where = folder.relative_to(self._root).as_posix()
        prefix = "" if where == "." else f"{where}/"
        if prefix and not folders and not names and not self._on_the_way(prefix) and not self._is_ignored(where):
            yield self._finding(FindingKind.UNDECLARED, prefix, "an empty folder that no dataset declares", _DECLARE)
        undeclared = []
        for name in sorted(names):
            key = prefix + name
            if self._is_ignored(key):
                continue
            if name.startswith(TEMPORARY_PREFIX):
                mend = "nothing, if an erasure is running; else the next purge removes it"
                yield self._finding(FindingKind.NOTE, key, "a temporary file of an erasure", mend)
                continue
            declaring = [layout for layout in self._layouts if layout.template_of(key)]
            if not declaring:
                undeclared.append(key)
            for layout in declaring:
                yield from self._declared(key, layout)
        yield from self._undeclared(where, undeclared)
        for name in folders:
            if (folder / name).is_symlink() and not self._is_ignored(prefix + name):
                yield from self._linked_folder(f"{prefix}{name}/")

    def _undeclared(self, where: str, keys: list[str]) -> Iterator[Finding]:
        if len(keys) > _NAMED_SINGLY:
            yield self._finding(FindingKind.UNDECLARED, where, f"{len(keys)} files that no dataset declares", _DECLARE)
            return
        for key in keys:
            yield self._finding(FindingKind.UNDECLARED, key, "a file that no dataset declares", _DECLARE)

    def _linked_folder(self, key: str) -> Iterator[Finding]:
        if not self._on_the_way(key):
            yield self._finding(FindingKind.UNDECLARED, key, "a link to a folder, which no dataset declares", _DECLARE)
        elif objection := self._second_names.objection(key):
            yield self._finding(FindingKind.UNSUPPORTED, key, objection.detail, "links are not followed")

    def _declared(self, key: str, layout: Layout) -> Iterator[Finding]:
        objection = self._second_names.objection(key)
        if objection:
            yield self._finding(FindingKind.UNSUPPORTED, key, objection.detail, "one name for each file, inside a declared store")
        found = layout.template_of(key)
        if found is None or (self._root / key).is_symlink():
            return
        template, readings = found
        fields = [name for name in layout.subject_fields if name in template.placeholders]
        if len({tuple(reading[name] for name in fields) for reading in readings}) > 1:
            what = "the name can be read in two ways, so it can be two people's: it is erased only with both of them"
            mend = "separate the placeholders by '/' or by a character that no identifier holds"
            yield self._finding(FindingKind.SUBJECT_PATH, key, what, mend)
        recorded = layout.recorded(template, layout.subject_fields)
        if recorded and layout.dataset.format in FORMATS:
            yield from self._records(key, layout, template, recorded)

    def _records(self, key: str, layout: Layout, template: Template, recorded: Sequence[str]) -> Iterator[Finding]:
        records = with_subject = 0
        try:
            with opened(self._root / key) as file:
                for record in layout.read(file, key, recorded):
                    records += record.value is not None
                    with_subject += any(record.texts(name) for name in recorded)
        except FileNotFoundError:
            return
        except PermissionError:
            yield self._finding(FindingKind.PERMISSION, key, "the file cannot be read", "give this user the right to read it")
        except (Unreadable, OSError) as error:
            what = str(error) if isinstance(error, Unreadable) else "the file cannot be read"
            mend = "repair or restore it, or move it out of the store; until then nobody's order can be complete here"
            yield self._finding(FindingKind.UNREADABLE, key, what, mend)
        if records and not with_subject and not set(layout.subject_fields) & template.placeholders:
            what = f"none of its {records} records has a field {' or '.join(recorded)}"
            yield self._finding(FindingKind.SUBJECT_PATH, key, what, "correct `subject:`; dots lead into objects (user.profile_id)")

    # --- words ----------------------------------------------------------------------------------

    def _on_the_way(self, key: str) -> bool:
        return any(layout.template_of(key) for layout in self._layouts)

    def _is_ignored(self, key: str) -> bool:
        return any(fnmatchcase(key, pattern) or fnmatchcase(f"{key}/", pattern) for pattern in self._ignored)

    def _finding(self, kind: FindingKind, where: str, what: str, mend: str) -> Finding:
        return Finding(kind, self._store, where, what, mend)
