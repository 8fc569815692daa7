"""Compare a vault with the labels of its recordings."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from expunge.core.datamap.datamap import ByField, Through
from expunge.core.values.copy import Finding, FindingKind
from expunge.ports.vault.sealed_library import LibraryFile, SealedLibrary
from expunge.stores.tree.check import NamesCheck
from expunge.stores.vault.sealed_tree import SealedLayout, shown_by

_NAMED_SINGLY = 3
"""The number of strange files that are named one by one; further ones are counted."""
_STRANGE = "put it where a store of the map has it, or remove it; if the key table was put back from a backup, put back the newer one"

_UNNAMED = "add the paths and fields by which they came in; `path:` takes a list"


class VaultCheck:
    """One comparison."""

    def __init__(
        self, store: str, root: Path, library: SealedLibrary | None, layouts: Sequence[SealedLayout], ignored: Sequence[str]
    ) -> None:
        self._root = root
        self._library = library
        self._layouts = layouts
        self._names = NamesCheck(store, layouts, ignored)

    def findings(self) -> Iterator[Finding]:
        """Yield everything that is wrong or not declared."""
        yield from self._names.templates()
        for layout in self._names.layouts:
            if not isinstance(layout.dataset.subject, ByField | Through):
                what = "a recording is found by the person whom its name says, or by the recording that it was made from"
                yield self._names.finding(FindingKind.SUBJECT_PATH, layout.dataset.name, what, "subject: {KIND: PLACEHOLDER}")
        if not self._root.is_dir():
            yield self._without_folder()
            return
        if not os.access(self._root, os.W_OK | os.X_OK, effective_ids=os.access in os.supports_effective_ids):
            mend = "give this user the right to write to it"
            yield self._names.finding(FindingKind.PERMISSION, ".", "the folder cannot be written to", mend)
        if self._library is None:
            what = "its recordings lie sealed, and the keys are not here: only the folder was looked at"
            yield self._names.finding(FindingKind.NOTE, ".", what, "nothing; `expunge doctor` and orders look with the keys")
            return
        yield from self._files(self._library)

    def _without_folder(self) -> Finding:
        if self._library is not None and self._library.without_file():
            mend = "correct `url:` or mount the folder, then check again"
            return self._names.finding(FindingKind.MISSING, ".", "the vault's folder is not there, and it has recordings", mend)
        mend = "nothing, where no recording has come in yet; the first `expunge ingest` makes it"
        return self._names.finding(FindingKind.NOTE, ".", "the vault's folder is not there", mend)

    def undeclared(self) -> Iterator[Finding]:
        """Yield the findings that name undeclared places."""
        if self._library is not None and self._root.is_dir():
            yield from (each for each in self._files(self._library) if each.kind is FindingKind.UNDECLARED)

    def _files(self, library: SealedLibrary) -> Iterator[Finding]:
        here = {path.relative_to(self._root).as_posix(): kind for path, kind in library.examine(shown_by(self._layouts, library)).items()}
        strange = sorted(key for key, kind in here.items() if kind is LibraryFile.STRANGE and not self._names.is_ignored(key))
        if len(strange) > _NAMED_SINGLY:
            what = f"{len(strange)} files that are no recording's, or of another size than their recording's"
            yield self._names.finding(FindingKind.UNDECLARED, ".", what, _STRANGE)
        for key in strange if len(strange) <= _NAMED_SINGLY else ():
            what = "a file that is no recording's, or of another size than its recording's"
            yield self._names.finding(FindingKind.UNDECLARED, key, what, _STRANGE)
        left = sum(kind is LibraryFile.LEFTOVER for kind in here.values())
        if left:
            what = f"{left} leftovers of an ingest or an erasure"
            yield self._names.finding(FindingKind.NOTE, ".", what, "nothing, if one is running; else the next purge settles them")
        unnamed = sum(kind is LibraryFile.UNNAMED for kind in here.values())
        if unnamed:
            what = (
                f"{unnamed} recordings that no order finds: their names fit no path of their dataset, no field says who else is in them, or"
                " they lead to no living recording, or to those of other people"
            )
            yield self._names.finding(FindingKind.UNDECLARED, ".", what, _UNNAMED)
        missing = library.without_file()
        if missing:
            what = f"{missing} recordings have a key and no file: their ingest was cut off, or the files were lost"
            yield self._names.finding(FindingKind.MISSING, ".", what, "ingest them again, or restore the files; an order erases their keys")
