"""Local folders: media and other whole files, and files with records of many subjects.

The ladder to ``scrubbed``, each rung with a test that fails without it, is in ``docs/reference/stores/files.md``.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import TypeVar

from expunge import durable
from expunge.core.datamap.datamap import AboutNobody, Dataset, Ignore, StoreSpec
from expunge.core.datamap.grounding import Capabilities, Grounding
from expunge.core.retention.age_histogram import Ages, AgeSpan
from expunge.core.values.copy import Copy, Cost, Finding, Item, Probed, RawSource, Selector
from expunge.core.values.ids import IdempotencyKey, Pseudonym
from expunge.core.values.outcome import Absent, Erased, Outcome, Outcomes, Reason, Unable
from expunge.errors import CouldNotLook, StoreUnavailable
from expunge.ports.optional.file_listing import NameFile, StoreFile
from expunge.ports.optional.item_listing import ListedItem
from expunge.ports.optional.known_places import KnownPlaces
from expunge.ports.optional.placing import FileLayout, LiveRows
from expunge.ports.optional.ranged_reading import ItemState, check_range
from expunge.ports.optional.spelling_search import StoreEquality
from expunge.ports.optional.surroundings import Near
from expunge.ports.review.ways_in import Way
from expunge.ports.scanner import Tracer
from expunge.stores.files import ranges
from expunge.stores.files.check import FilesCheck
from expunge.stores.files.folders import clear_temporaries, listed_below
from expunge.stores.files.local_tree import LocalTree
from expunge.stores.files.open_files import holders
from expunge.stores.files.preflight import FilesPreflight
from expunge.stores.files.presence import FolderPresence
from expunge.stores.near.lying_files import files_of
from expunge.stores.reach import file_readers, folder_shares
from expunge.stores.tree.ages import TreeAging
from expunge.stores.tree.content import TreeContent
from expunge.stores.tree.erase import TreeEraser, reason_of
from expunge.stores.tree.folder_layout import FolderLayout
from expunge.stores.tree.items import TreeItems
from expunge.stores.tree.nominated import NominatedItems, PlacedCopy
from expunge.stores.tree.search import TreeSearch
from expunge.stores.tree.sound_files import SoundFiles
from expunge.stores.tree.spellings import RememberedSpellings, TreeSpellings

_CAPABILITIES = Capabilities(
    Grounding.SCRUBBED,
    batch=10_000,
    out_of_scope=(
        "the disk below the file system: blocks of removed files stay on the device until they are overwritten or trimmed (fstrim)",
        "snapshots, copies and backups of the file system",
        "removed files that a process of another user, container or machine still holds open: their bytes go when it closes them",
    ),
)
_Each = TypeVar("_Each")


class Files:
    """One folder on this machine. ``url`` is its path; a file's key is its path below it, with forward slashes."""

    def __init__(self, spec: StoreSpec, datasets: tuple[Dataset, ...], sound: Mapping[str, SoundFiles] | None = None) -> None:
        """Take what the map says; ``sound`` is what another one for the same folder has parsed, by dataset."""
        self._spec = spec
        self._sound = {dataset.name: SoundFiles() for dataset in datasets} if sound is None else sound
        self._datasets = datasets
        self._root = Path(spec.url.removeprefix("file://")).resolve()
        self._layouts = {dataset.name: FolderLayout.of(dataset, self._sound[dataset.name]) for dataset in datasets}
        self._remembered = {dataset.name: RememberedSpellings() for dataset in datasets}
        self._presence = FolderPresence(spec.name, self._root, datasets)

    def follow(self, known: KnownPlaces) -> None:
        """Compare the folder, and those in it that templates name, with the ones in which data lay before."""
        self._presence.known = known

    @property
    def capabilities(self) -> Capabilities:
        """Files can be scrubbed wherever they can be written."""
        return _CAPABILITIES

    def check(self, ignored: Sequence[Ignore]) -> Iterator[Finding]:
        """Compare the folder with the map, down to every file and every record."""
        return self._check(ignored).findings()

    def undeclared_places(self, ignored: Sequence[Ignore]) -> Iterator[Finding]:
        """Yield what ``check`` finds by names alone."""
        return self._check(ignored).undeclared()

    def ways_in(self, datasets: Collection[str]) -> Iterator[Way]:
        """By modes and access lists of files and folders, exports, shares and mounts."""
        tops = {self._root / top for name in datasets for top in self._layouts[name].tops()}
        for folder in sorted(each for each in tops if not any(each.is_relative_to(other) for other in tops - {each})):
            yield from file_readers.ways_to(folder)
        yield from folder_shares.shares_of(self._root)

    def _check(self, ignored: Sequence[Ignore]) -> FilesCheck:
        patterns = [each.pattern for each in ignored if each.store == self._spec.name]
        return FilesCheck(self._spec.name, self._root, tuple(self._layouts.values()), patterns, self._presence)

    def locate(self, dataset: Dataset, selectors: Sequence[Selector]) -> Iterator[Copy]:
        """One walk over the dataset's folders; files with records are read once. Raises StoreUnavailable, CouldNotLook."""
        self._presence.require(dataset.name)
        return self._present(dataset, self._search(dataset).locate(selectors))

    def names_of(self, dataset: Dataset, copy: Copy) -> Mapping[str, Mapping[str, str]]:
        """Read from the names alone."""
        return self._layouts[dataset.name].names_of(copy.keys)

    def bystanders(self, dataset: Dataset, erased: Sequence[Copy], limit: int | None) -> Iterator[Copy]:
        """Yield the bystanders, grouped by the values of the subject fields; of a dataset about nobody each record."""
        self._presence.require(dataset.name)
        if isinstance(dataset.subject, AboutNobody):
            items = NominatedItems(self._tree(dataset), self._layouts[dataset.name], self._modified, erased)
            return self._present(dataset, self._listed(dataset, islice(items.every(), limit)))
        return self._present(dataset, self._search(dataset).bystanders(erased, limit))

    def equality(self, dataset: Dataset, field: str) -> StoreEquality:  # noqa: ARG002 - of every field
        """Names and records are compared byte by byte."""
        return StoreEquality()

    def alike(self, dataset: Dataset, field: str, values: Sequence[str]) -> Iterator[tuple[str, str]]:  # noqa: ARG002 - of every field
        """Yield nothing: no value is taken for another."""
        yield from ()

    def near(self, dataset: Dataset, field: str, texts: Sequence[str] | None) -> Iterator[Sequence[str]]:
        """Folders are listed down to the value, records are read."""
        self._presence.require(dataset.name)
        yield from self._spellings_of(dataset).near(field, texts)

    def ages(self, dataset: Dataset, field: str, edges: Sequence[datetime]) -> Ages:
        """By names, times of writing and records."""
        with self._presence.throughout(dataset.name):
            return TreeAging(self._tree(dataset), self._layouts[dataset.name]).ages(field, edges)

    def spans(self, dataset: Dataset, by: str, field: str) -> Iterator[AgeSpan]:
        """By names, times of writing and records."""
        self._presence.require(dataset.name)
        return self._present(dataset, TreeAging(self._tree(dataset), self._layouts[dataset.name]).spans(by, field))

    def export(self, dataset: Dataset, copy: Copy) -> Iterator[Item]:
        """Whole files byte for byte, records as JSON lines."""
        return TreeContent(self._tree(dataset), self._layouts[dataset.name]).export(copy)

    def listed(self, dataset: Dataset, copy: Copy) -> Iterator[ListedItem]:
        """One walk over the folders of the copy's subject."""
        with self._presence.throughout(dataset.name):
            yield from TreeItems(self._tree(dataset), self._layouts[dataset.name]).listed(copy)

    def state_of(self, dataset: Dataset, copy: Copy, key: str) -> ItemState:
        """By inode, size and times."""
        self._require_own(dataset, copy, key)
        return ranges.state_of(self._root, key)

    def read_range(self, dataset: Dataset, copy: Copy, key: str, state: ItemState, first: int, last: int) -> bytes:
        """By a handle of its own, which is closed again."""
        check_range(state, first, last)
        self._require_own(dataset, copy, key)
        return ranges.read_range(self._root, key, state, first, last)

    def _require_own(self, dataset: Dataset, copy: Copy, key: str) -> None:
        self._presence.require(dataset.name)
        TreeItems(self._tree(dataset), self._layouts[dataset.name]).require_own(copy, key)

    def trace(self, dataset: Dataset, copies: Sequence[Copy], tracer: Tracer) -> None:
        """File names, folder names, placeholders' values, whole files, and every field of records."""
        TreeContent(self._tree(dataset), self._layouts[dataset.name]).trace(copies, tracer)
        for key in {key for copy in copies if not isinstance(copy, PlacedCopy) for key in copy.keys}:
            with suppress(OSError):
                status = (self._root / key).lstat()
                if stat.S_ISREG(status.st_mode):
                    tracer.lies(self._root / key, [(0, status.st_size)])

    def schema_words(self) -> Iterator[str]:
        """Columns that CSV files name."""
        self._presence.require()
        for layout in self._layouts.values():
            yield from self._search(layout.dataset).header()

    def preflight(self, dataset: Dataset, copies: Sequence[Copy], kept: Sequence[Copy] = ()) -> tuple[Unable, ...]:  # noqa: ARG002 - no file takes another along
        """Rights, further names, damage, writers and room for the largest rewrite."""
        return FilesPreflight(self._root, self._layouts[dataset.name], tuple(self._layouts.values())).reasons(copies)

    def cost(self, copies: Mapping[str, Sequence[Copy]]) -> Cost:
        """Whole files are unlinked; files with records of many subjects are read and written again."""
        total = Cost()
        for name, found in copies.items():
            if self._layouts[name].dataset.format:
                files = {key for each in found for key in each.keys}
                size = sum((self._root / file).stat().st_size for file in files if (self._root / file).is_file())
                total += Cost(size, len(files), size)
        return total

    def erase(self, dataset: Dataset, copies: Sequence[Copy], key: IdempotencyKey) -> Outcomes:  # noqa: ARG002 - gone is gone under any key
        """Unlink, rewrite, and remove folders named after a subject; each durable before the answer."""
        if trouble := self._presence.trouble(dataset.name):
            return {copy.subject: Unable(Reason.UNREACHABLE, trouble) for copy in copies}
        return TreeEraser(self._tree(dataset), self._layouts[dataset.name]).erase(copies)

    def purge(self, datasets: Sequence[Dataset], key: IdempotencyKey) -> Outcome:  # noqa: ARG002 - always store-wide
        """Clear leftovers of interrupted runs, then make sure that no process holds a removed file open."""
        if trouble := self._presence.trouble(*(dataset.name for dataset in datasets)):
            return Unable(Reason.UNREACHABLE, trouble)
        try:
            removed, alive = self._clear()
        except OSError as error:
            return Unable(reason_of(error), f"leftovers of an interrupted run: {os.strerror(error.errno or 0)}")
        if alive:
            return Unable(Reason.LOCKED, "another erasure is rewriting files of this store")
        holding = holders(self._root)
        if holding:
            return Unable(Reason.READER_OPEN, f"{holding} processes hold removed files of this store open; they go when those are closed")
        return Erased(removed) if removed else Absent()

    def _clear(self) -> tuple[int, int]:
        removed = alive = 0

        def refuse(error: OSError) -> None:
            if not isinstance(error, FileNotFoundError):
                raise error

        for folder in listed_below(self._root, refuse):
            if any(name.startswith(durable.TEMPORARY_PREFIX) for name in folder.names):
                found = clear_temporaries(Path(folder.path))
                if found.removed:
                    durable.fsync_directory(Path(folder.path), at="files.purge.folder")
                removed += found.removed
                alive += found.alive
        return removed, alive

    def holds(self, dataset: Dataset, path: Path) -> bool:
        """Return whether the file, or the folder, has a name that the dataset declares."""
        key = path.relative_to(self._root).as_posix() if path.is_relative_to(self._root) else ""
        layout = self._layouts[dataset.name]
        # Why both for a link: it may stand in the place of a file or of a folder.
        folder = [f"{key}/"] if path.is_dir() else []
        names = folder if folder and not path.is_symlink() else [key, *folder]
        return bool(key) and any(layout.template_of(name) is not None for name in names)

    def files(self) -> NameFile:
        """Tell what datasets declare, and temporary files of erasures, from the rest."""
        root = os.path.join(self._root, "")  # noqa: PTH118 - a path less for each of millions

        def name(path: Path) -> StoreFile | None:
            whole = os.fspath(path)
            if not whole.startswith(root):
                return StoreFile(".", own=False) if path == self._root else None
            key = whole[len(root) :]
            if path.name.startswith(durable.TEMPORARY_PREFIX):
                return StoreFile(key, own=True)
            layout = next((each for each in self._layouts.values() if each.template_of(key)), None)
            if layout is None:
                return StoreFile(key, own=False)
            return StoreFile(key, own=True, item=not layout.dataset.format, nobodys=isinstance(layout.dataset.subject, AboutNobody))

        return name

    def surroundings(self) -> Iterator[Near]:
        """Yield what lies in the folder and is no dataset's."""
        yield files_of(self._root, self.files)

    def relates(self, dataset: Dataset, relation: str) -> bool:
        """Return whether the relation is the name of a file of the dataset."""
        return self.holds(dataset, self._root / relation)

    def layout(self, dataset: Dataset) -> FileLayout:
        """As the map says it."""
        return FileLayout(self._root, dataset.format, dataset.records, dataset.encoding, dataset.subject_fields)

    def nominated(self, dataset: Dataset, rows: Sequence[LiveRows], erased: Sequence[Copy]) -> Iterator[tuple[int, Copy]]:
        """Each file is read once for all its records."""
        items = NominatedItems(self._tree(dataset), self._layouts[dataset.name], self._modified, erased)
        with self._presence.throughout(dataset.name):
            yield from self._listed(dataset, items.copies(rows))

    def _present(self, dataset: Dataset, found: Iterator[_Each]) -> Iterator[_Each]:
        """Yield what a look finds, and be sure at its end that its place was there throughout. Raises StoreUnavailable."""
        with self._presence.throughout(dataset.name):
            yield from found

    @staticmethod
    def _listed(dataset: Dataset, found: Iterator[_Each]) -> Iterator[_Each]:
        try:
            yield from found
        except OSError as error:
            message = f"dataset {dataset.name}: a folder cannot be listed"
            raise CouldNotLook(message, help="see `expunge check` for which one; give this user the right to read it") from error

    def _modified(self, key: str) -> datetime | None:
        try:
            return datetime.fromtimestamp((self._root / key).lstat().st_mtime, UTC)
        except FileNotFoundError:
            return None

    def probe(self, dataset: Dataset, copies: Sequence[Copy]) -> Iterator[Probed]:
        """A fresh walk for the selectors' values, and each old key looked up by its name."""
        # Why not afresh as well: digests of content say that it was parsed, and nothing about who is in it.
        fresh = Files(self._spec, self._datasets, self._sound)
        fresh._presence.known = self._presence.known
        found: dict[Pseudonym, Copy] = {}
        could_not = ""
        try:
            found, damaged = fresh.look_again(dataset, [copy.selector for copy in copies if copy.selector])
            could_not = "a file cannot be read" if damaged else ""
        except (CouldNotLook, StoreUnavailable) as error:
            could_not = error.message
        show = TreeContent(self._tree(dataset), self._layouts[dataset.name])
        paths = ("listing", "open", *(("records",) if dataset.format else ()))
        for copy in copies:
            again = found.get(copy.subject)
            keys = set(copy.keys) - set(again.keys if again else ())
            named = [key for key in keys if show.lastingly(copy, key) and os.path.lexists(self._root / key)]
            yield Probed(copy.subject, (again.items if again else 0) + len(named), paths, could_not)

    def look_again(self, dataset: Dataset, selectors: Sequence[Selector]) -> tuple[dict[Pseudonym, Copy], bool]:
        """Return the copies found now, and whether any file could not be read."""
        search = self._search(dataset)
        with self._presence.throughout(dataset.name):
            found = {each.subject: each for each in search.locate(selectors)}
        return found, bool(search.unreadable)

    def raw(self) -> Iterator[RawSource]:
        """Yield the whole folder, including files that the map does not name."""
        yield RawSource(self._root, "data")

    def close(self) -> None:
        """Nothing stays open between calls."""

    def _spellings_of(self, dataset: Dataset) -> TreeSpellings:
        return TreeSpellings(self._tree(dataset), self._layouts[dataset.name], self._remembered[dataset.name])

    def _search(self, dataset: Dataset) -> TreeSearch:
        return TreeSearch(self._tree(dataset), self._layouts[dataset.name])

    def _tree(self, dataset: Dataset) -> LocalTree:
        return LocalTree(self._root, self._layouts[dataset.name], tuple(self._layouts.values()))
