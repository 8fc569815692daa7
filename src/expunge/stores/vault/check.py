"""Compare a vault with the labels of its recordings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from expunge.core.datamap.datamap import ByField, Through
from expunge.core.values.copy import Finding, FindingKind
from expunge.ports.vault.sealed_library import LibraryFile, SealedLibrary
from expunge.stores.tree.check import NamesCheck
from expunge.stores.vault.sealed_tree import SealedLayout, shown_by

FOLDER = "folder"
_NAMED_SINGLY = 3
"""The number of strange files that are named one by one; further ones are counted."""
_STRANGE = "put it where a store of the map has it, or remove it; if the key table was put back from a backup, put back the newer one"

_UNNAMED = "add the paths and fields by which they came in; `path:` takes a list"


@dataclass(frozen=True)
class Place:
    """The place of the sealed files, which can be looked at without keys."""

    noun: str
    root: Path
    is_there: Callable[[], bool]
    is_writable: Callable[[], bool]


class VaultCheck:
    """One comparison."""

    def __init__(
        self, store: str, place: Place, library: SealedLibrary | None, layouts: Sequence[SealedLayout], ignored: Sequence[str]
    ) -> None:
        self._place = place
        self._root = place.root
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
        noun = self._place.noun
        if not self._place.is_there():
            yield self._without_place()
            return
        if not self._place.is_writable():
            mend = "give this user the right to write to it"
            yield self._names.finding(FindingKind.PERMISSION, ".", f"the {noun} cannot be written to", mend)
        if self._library is None:
            what = f"its recordings lie sealed, and this command opens no key: only the {noun} was looked at"
            yield self._names.finding(FindingKind.NOTE, ".", what, "nothing; `expunge doctor` and orders look with the keys")
            return
        yield from self._files(self._library)

    def _without_place(self) -> Finding:
        noun, what = self._place.noun, f"the vault's {self._place.noun} is not there"
        if noun != FOLDER:
            return self._names.finding(FindingKind.MISSING, ".", what, f"correct `url:`, or make the {noun}, then check again")
        if self._library is not None and any(True for each in self._layouts for _ in self._library.recordings(each.dataset.name)):
            mend = "correct `url:` or mount the folder, then check again"
            return self._names.finding(FindingKind.MISSING, ".", f"{what}, and it has recordings", mend)
        mend = "nothing, where no recording has come in yet; the first `expunge ingest` makes it"
        return self._names.finding(FindingKind.NOTE, ".", what, mend)

    def undeclared(self) -> Iterator[Finding]:
        """Yield the findings that name undeclared places."""
        if self._library is not None and self._place.is_there():
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
