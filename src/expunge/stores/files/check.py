"""Compare a folder with the map. Every file under it is declared, ignored with a reason, or a finding."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from expunge.core.values.copy import Finding, FindingKind
from expunge.durable import TEMPORARY_PREFIX
from expunge.stores.files.folders import ListedFolder, listed_below
from expunge.stores.files.local_tree import PresentState
from expunge.stores.files.presence import FolderPresence
from expunge.stores.tree.check import DECLARE, NamesCheck
from expunge.stores.tree.folder_layout import FolderLayout
from expunge.stores.tree.link_names import LinkNames

_NAMED_SINGLY = 3
"""Undeclared files of one folder that are named one by one; more are counted."""


class FilesCheck:
    """One comparison."""

    def __init__(self, store: str, root: Path, layouts: Sequence[FolderLayout], ignored: Sequence[str], presence: FolderPresence) -> None:
        self._root = root
        self._presence = presence
        self._layouts = layouts
        self._names = NamesCheck(store, layouts, ignored)
        self._second_names = LinkNames(root, layouts)

    def findings(self) -> Iterator[Finding]:
        """Everything that is wrong or not declared."""
        yield from self._names.templates()
        if not self._root.is_dir():
            yield self._names.finding(FindingKind.MISSING, ".", "the store's folder is not there", "correct `url:` or mount the folder")
            return
        if trouble := self._presence.trouble():
            yield self._names.finding(FindingKind.MISSING, ".", trouble, self._presence.mend)
        if not os.access(self._root, os.W_OK | os.X_OK, effective_ids=os.access in os.supports_effective_ids):
            yield self._names.finding(
                FindingKind.PERMISSION, ".", "the folder cannot be written to", "give this user the right to write to it"
            )
        unlisted: list[str] = []

        def refuse(error: OSError) -> None:
            unlisted.append(Path(error.filename).relative_to(self._root).as_posix())

        for folder in listed_below(self._root, refuse):
            yield from self._folder(folder, self._declared)
        for where in unlisted:
            yield self._names.finding(FindingKind.PERMISSION, where, "the folder cannot be listed", "give this user the right to read it")

    def undeclared(self) -> Iterator[Finding]:
        """Those of the findings that name places which nobody declared: all of them are told by names, and no record is read."""
        for folder in listed_below(self._root, lambda _: None):
            yield from (each for each in self._folder(folder, lambda _key, _layout: iter(())) if each.kind is FindingKind.UNDECLARED)

    # --- what lies there ------------------------------------------------------------------------

    def _folder(self, folder: ListedFolder, declared: Callable[[str, FolderLayout], Iterator[Finding]]) -> Iterator[Finding]:
        """What is wrong in one folder; ``declared`` says what is wrong with a file that a dataset declares."""
        prefix, where = folder.key, folder.key.rstrip("/") or "."
        if prefix and folder.empty and not self._on_the_way(prefix) and not self._names.is_ignored(where):
            yield self._names.finding(FindingKind.UNDECLARED, prefix, "an empty folder that no dataset declares", DECLARE)
        undeclared = []
        for name in folder.names:
            key = prefix + name
            if self._names.is_ignored(key):
                continue
            if name.startswith(TEMPORARY_PREFIX):
                mend = "nothing, if an erasure is running; else the next purge removes it"
                yield self._names.finding(FindingKind.NOTE, key, "a temporary file of an erasure", mend)
                continue
            declaring = self._names.declaring(key)
            if not declaring:
                undeclared.append(key)
            for layout in declaring:
                yield from declared(key, layout)
        yield from self._undeclared(where, undeclared)
        for name in folder.links:
            if not self._names.is_ignored(prefix + name):
                yield from self._linked_folder(f"{prefix}{name}/")

    def _undeclared(self, where: str, keys: list[str]) -> Iterator[Finding]:
        if len(keys) > _NAMED_SINGLY:
            yield self._names.finding(FindingKind.UNDECLARED, where, f"{len(keys)} files that no dataset declares", DECLARE)
            return
        for key in keys:
            yield self._names.finding(FindingKind.UNDECLARED, key, "a file that no dataset declares", DECLARE)

    def _linked_folder(self, key: str) -> Iterator[Finding]:
        if not self._on_the_way(key):
            yield self._names.finding(FindingKind.UNDECLARED, key, "a link to a folder, which no dataset declares", DECLARE)
        elif objection := self._second_names.objection(key):
            yield self._names.finding(FindingKind.UNSUPPORTED, key, objection.detail, "links are not followed")

    def _declared(self, key: str, layout: FolderLayout) -> Iterator[Finding]:
        objection = self._second_names.objection(key)
        if objection:
            yield self._names.finding(FindingKind.UNSUPPORTED, key, objection.detail, "one name for each file, inside a declared store")
        if not (self._root / key).is_symlink():
            yield from self._names.declared(key, layout, lambda: iter((PresentState(self._root / key),)))

    def _on_the_way(self, key: str) -> bool:
        return bool(self._names.declaring(key))
