"""Vaults: whole recordings, sealed under keys of their own, in a folder on this machine (in a bucket: ``bucket_vault``).

To erase a recording is to destroy its key. Then its file goes, and the purge overwrites the key's remains in the key table.
"""

from __future__ import annotations

import io
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from itertools import count
from pathlib import Path

from expunge.core.datamap.datamap import Dataset, Ignore, StoreSpec
from expunge.core.datamap.grounding import Capabilities, Grounding
from expunge.core.retention.age_histogram import Ages, AgeSpan
from expunge.core.values.copy import Copy, Cost, Finding, Item, Probed, RawSource, Selector
from expunge.core.values.ids import IdempotencyKey, Pseudonym
from expunge.core.values.outcome import Absent, Erased, Outcome, Outcomes, Reason, Unable
from expunge.errors import Busy, CouldNotLook, StoreUnavailable
from expunge.ports.optional.file_listing import NameFile, StoreFile
from expunge.ports.optional.item_listing import ListedItem
from expunge.ports.optional.placing import LiveRows
from expunge.ports.optional.spelling_search import StoreEquality
from expunge.ports.optional.surroundings import Near
from expunge.ports.review.ways_in import Way
from expunge.ports.scanner import Tracer
from expunge.ports.vault.key_epochs import KeyDeath, KeyEpoch
from expunge.ports.vault.sealed_library import SLOTS, LibraryFile, SealedLibrary, SealedRecording
from expunge.stores.near.lying_files import files_of
from expunge.stores.reach import file_readers, folder_shares
from expunge.stores.tree.ages import TreeAging
from expunge.stores.tree.content import TreeContent
from expunge.stores.tree.erase import TreeEraser, reason_of
from expunge.stores.tree.items import TreeItems
from expunge.stores.tree.search import TreeSearch
from expunge.stores.tree.spellings import RememberedSpellings, TreeSpellings
from expunge.stores.vault.check import FOLDER, Place, VaultCheck
from expunge.stores.vault.sealed_tree import STAYING, SealedLayout, SealedTree, led_from_elsewhere, shown_by

WRAPPED_KEY = "wrapped key"
"""The field under which the wrapped keys of recordings are traced."""
SEALED = "sealed file"
"""The field under which the first bytes of sealed files are traced."""
_EXPLAINED = frozenset({LibraryFile.RECORDING, LibraryFile.LEFTOVER})
_EFFECTIVE = os.access in os.supports_effective_ids
RIGHTS = Unable(Reason.PERMISSION, "sealed files or the key table cannot be changed: give this user the right to write to their folders")
READ_OUT = (
    "what was read out of the vault before: copies of recordings elsewhere, and programs that have one in memory",
    "files from which recordings were taken in, where they lie in no store of the map",
)
"""What left a vault, or never came in, as receipts name it."""
_OUT_OF_SCOPE = (
    *READ_OUT,
    "the disk below the file system: blocks of the removed file, sealed under the destroyed key, until they are overwritten",
)


class Vault:
    """One folder of sealed recordings. A recording's key is its name below the vault, as the dataset's template has it."""

    library: SealedLibrary | None = None
    """Set by the composition, which has the keys."""

    def __init__(self, spec: StoreSpec, datasets: tuple[Dataset, ...]) -> None:
        self._spec = spec
        self._datasets = datasets
        self._root = Path(spec.url).resolve()

    @property
    def capabilities(self) -> Capabilities:
        """Keys go from every file of the key table. ``out_of_scope`` says which copies of the table could still open what was erased."""
        said = self.library.out_of_scope() if self.library is not None else ()
        return Capabilities(Grounding.SCRUBBED, batch=10_000, out_of_scope=(*said, *_OUT_OF_SCOPE))

    def check(self, ignored: Sequence[Ignore]) -> Iterator[Finding]:
        """Compare the folder with the labels of its recordings."""
        return self._check(ignored).findings()

    def undeclared_places(self, ignored: Sequence[Ignore]) -> Iterator[Finding]:
        """Yield the files that belong to no recording."""
        return self._check(ignored).undeclared()

    def ways_in(self, datasets: Collection[str]) -> Iterator[Way]:  # noqa: ARG002 - all lie sealed in one folder
        """As of a folder of plain files: they lead to sealed bytes."""
        yield from file_readers.ways_to(self._root)
        yield from folder_shares.shares_of(self._root)

    def _check(self, ignored: Sequence[Ignore]) -> VaultCheck:
        patterns = [each.pattern for each in ignored if each.store == self._spec.name]
        return VaultCheck(self._spec.name, self._place(), self.library, [SealedLayout.of(each) for each in self._datasets], patterns)

    def _place(self) -> Place:
        writable = partial(os.access, self._root, os.W_OK | os.X_OK, effective_ids=_EFFECTIVE)
        return Place(FOLDER, self._root, self._root.is_dir, writable)

    # --- looking --------------------------------------------------------------------------------

    def locate(self, dataset: Dataset, selectors: Sequence[Selector]) -> Iterator[Copy]:
        """Open the labels of the people who are asked for. Raises StoreUnavailable, CouldNotLook."""
        return TreeSearch(*self._tree(dataset)).locate(selectors)

    def names_of(self, dataset: Dataset, copy: Copy) -> Mapping[str, Mapping[str, str]]:
        """Read from the names alone: the people stand in the label, and name no item."""
        return SealedLayout.of(dataset).names_of(copy.keys)

    def bystanders(self, dataset: Dataset, erased: Sequence[Copy], limit: int | None) -> Iterator[Copy]:
        """Open labels, and no recording."""
        return TreeSearch(*self._tree(dataset)).bystanders(erased, limit)

    def ages(self, dataset: Dataset, field: str, edges: Sequence[datetime]) -> Ages:
        """By names, and the times at which recordings came in."""
        return TreeAging(*self._tree(dataset)).ages(field, edges)

    def spans(self, dataset: Dataset, by: str, field: str) -> Iterator[AgeSpan]:
        """By names, and the times at which recordings came in."""
        return TreeAging(*self._tree(dataset)).spans(by, field)

    def equality(self, dataset: Dataset, field: str) -> StoreEquality:  # noqa: ARG002 - of every field
        """Names are compared byte by byte."""
        return StoreEquality()

    def alike(self, dataset: Dataset, field: str, values: Sequence[str]) -> Iterator[tuple[str, str]]:  # noqa: ARG002 - of every field
        """Yield nothing: no value is taken for another."""
        yield from ()

    def near(self, dataset: Dataset, field: str, texts: Sequence[str] | None) -> Iterator[Sequence[str]]:
        """Open every label."""
        yield from TreeSpellings(*self._tree(dataset), RememberedSpellings()).near(field, texts)

    def led_from_elsewhere(self, dataset: Dataset, copy: Copy, going: Mapping[str, Collection[str]]) -> frozenset[str]:
        """Compare the people in labels: what was made from a recording has all its people."""
        tree, layout = self._met(dataset, [copy])
        layouts = [SealedLayout.of(each) for each in self._datasets]
        return led_from_elsewhere(layouts, self._opened, layout, tree.recordings(copy.keys), going)

    @property
    def keyed(self) -> bool:
        """Whether the composition has the keys."""
        return self.library is not None

    def opened_by_export(self, dataset: Dataset, copy: Copy) -> Sequence[SealedRecording]:
        """Return the recordings under the copy's names."""
        return self._met(dataset, [copy])[0].recordings(copy.keys)

    def epoch_lifetime(self) -> timedelta:
        """Return the lifetime by the map."""
        return self._opened.epoch_lifetime

    def root_copyable(self) -> bool:
        """Return the root's answer."""
        return self._opened.root_copyable

    def key_epochs(self) -> Sequence[KeyEpoch]:
        """Return the epochs of the key table."""
        return self._opened.key_epochs()

    def last_key_death(self, until: datetime) -> KeyDeath | None:
        """Ask the key table."""
        return self._opened.last_key_death(until)

    def export(self, dataset: Dataset, copy: Copy) -> Iterator[Item]:
        """Yield recordings byte for byte."""
        return TreeContent(*self._met(dataset, [copy])).export(copy)

    def trace(self, dataset: Dataset, copies: Sequence[Copy], tracer: Tracer) -> None:
        """Trace names and content, which no other store should hold, and wrapped keys, which a look at this store can see.

        Of people who stay, the wrapped keys and the first bytes of sealed files are traced: none of their recordings is opened. A person's
        key is made anew when one of several recordings goes. Sealed files of people who go are not traced: a copy is dark without its key.
        """
        tree, layout = self._met(dataset, copies)
        TreeContent(tree, layout).trace([copy for copy in copies if not copy.subject.startswith(STAYING)], tracer)
        for copy in copies:
            recordings = tree.recordings(copy.keys)
            for wrapped in self._opened.wrapped(recordings):
                tracer.blob(copy.subject, dataset.name, WRAPPED_KEY, io.BytesIO(wrapped))
            if copy.subject.startswith(STAYING):
                self._trace_files(copy.subject, dataset, recordings, tracer)
        for path in self._opened.key_files():
            with suppress(FileNotFoundError):
                if size := path.stat().st_size:
                    tracer.lies(path, [(0, size)])

    def _trace_files(self, subject: Pseudonym, dataset: Dataset, recordings: Sequence[SealedRecording], tracer: Tracer) -> None:
        for path, head in self._opened.heads(recordings):
            tracer.blob(subject, dataset.name, SEALED, io.BytesIO(head))
            tracer.lies(path, [(0, len(head))])

    # --- listing --------------------------------------------------------------------------------

    def listed(self, dataset: Dataset, copy: Copy) -> Iterator[ListedItem]:
        """By labels of the subject's recordings. None of them is opened."""
        tree, layout = self._tree(dataset)

        def newest(key: str) -> str:
            return next((each.id for each in tree.recordings([key])), "")

        yield from TreeItems(tree, layout).listed(copy, newest)

    # --- erasing --------------------------------------------------------------------------------

    def preflight(self, dataset: Dataset, copies: Sequence[Copy], kept: Sequence[Copy] = ()) -> tuple[Unable, ...]:  # noqa: ARG002 - no recording takes another along
        """Check the rights to the folder and the key table."""
        folders = dict.fromkeys(path.parent for path in self._opened.key_files())
        files = [path for path in self._opened.key_files() if path.exists()]
        sound = self._opened.is_writable() and all(os.access(path, os.W_OK | os.X_OK, effective_ids=_EFFECTIVE) for path in folders)
        return () if sound and all(os.access(path, os.W_OK, effective_ids=_EFFECTIVE) for path in files) else (RIGHTS,)

    def cost(self, copies: Mapping[str, Sequence[Copy]]) -> Cost:  # noqa: ARG002 - the same for all
        """Return the cost: only parts of the key table are read and rewritten."""
        return Cost()

    def erase(self, dataset: Dataset, copies: Sequence[Copy], key: IdempotencyKey) -> Outcomes:  # noqa: ARG002 - gone is gone under any key
        """Destroy keys, then remove files. Both are durable before the answer."""
        try:
            if self._is_away(self._opened):
                return {copy.subject: Unable(Reason.UNREACHABLE, "the vault's folder is not there") for copy in copies}
            tree, layout = self._met(dataset, copies)
            return TreeEraser(tree, layout).erase(copies)
        except Busy as error:
            return {copy.subject: Unable(Reason.LOCKED, error.message) for copy in copies}
        except StoreUnavailable as error:
            return {copy.subject: Unable(Reason.UNREACHABLE, error.message) for copy in copies}

    def purge(self, datasets: Sequence[Dataset], key: IdempotencyKey) -> Outcome:  # noqa: ARG002 - always store-wide
        """Overwrite the remains of destroyed keys in the key table, and remove leftovers."""
        try:
            if self._is_away(self._opened):
                return Unable(Reason.UNREACHABLE, "the vault's folder is not there")
            changed = self._opened.scrub()
        except Busy as error:
            return Unable(Reason.LOCKED, error.message)
        except StoreUnavailable as error:
            return Unable(Reason.UNREACHABLE, error.message)
        except OSError as error:
            return Unable(reason_of(error), f"leftovers of shredding: {os.strerror(error.errno or 0)}")
        return Erased(changed) if changed else Absent()

    def probe(self, dataset: Dataset, copies: Sequence[Copy]) -> Iterator[Probed]:
        """Ask the key table afresh for the selectors' people, and try to open each recording of a known name."""
        found: dict[Pseudonym, Copy] = {}
        could_not = ""
        try:
            search = TreeSearch(*self._tree(dataset))
            located = search.locate([copy.selector for copy in copies if copy.selector])
            found = {each.subject: self._of_nothing_that_stays(dataset, each) for each in located}
        except (CouldNotLook, StoreUnavailable, Busy) as error:
            could_not = error.message
        for copy in copies:
            again = found.get(copy.subject)
            yield Probed(copy.subject, again.items if again else 0, ("key table", "label"), could_not)

    def _of_nothing_that_stays(self, dataset: Dataset, copy: Copy) -> Copy:
        """Return what was found by values alone, less what was made from recordings that are there."""
        asked = copy.selector
        if asked is None or asked.every or asked.narrowed:
            return copy
        return copy.without(self.led_from_elsewhere(dataset, copy, {}))

    # --- bytes ----------------------------------------------------------------------------------

    def raw(self) -> Iterator[RawSource]:
        """Yield the folder of sealed files, and the files of the key table."""
        yield from (RawSource(self._root, "data"),) if self.library is None else self.library.sources()

    def files(self) -> NameFile:
        """Return a function that tells sealed files of living recordings from files that nothing explains."""
        here = self._opened.examine(shown_by([SealedLayout.of(each) for each in self._datasets], self._opened))
        root = os.path.join(self._root, "")  # noqa: PTH118 - saves a Path for each of millions

        def name(path: Path) -> StoreFile | None:
            if not os.fspath(path).startswith(root):
                return None
            kind = here.get(path, LibraryFile.STRANGE)
            return StoreFile(os.fspath(path)[len(root) :], own=kind in _EXPLAINED, item=kind is LibraryFile.RECORDING)

        return name

    def surroundings(self) -> Iterator[Near]:
        """Yield the files in the folder that belong to no recording."""
        yield files_of(self._root, self.files)

    def holds(self, dataset: Dataset, path: Path) -> bool:  # noqa: ARG002 - keys of every dataset lie in one table
        """Return whether the path is the key table. A look could find nothing in sealed files."""
        return path in self._opened.key_files()

    def relates(self, dataset: Dataset, relation: str) -> bool:  # noqa: ARG002
        """Return no: each wrapped key lies in a row of its own."""
        return False

    def nominated(self, dataset: Dataset, rows: Sequence[LiveRows], erased: Sequence[Copy]) -> Iterator[tuple[int, Copy]]:
        """Yield the recordings whose keys hang below the wrapped key at a row of the key table."""
        gone = {key for copy in erased for key in copy.keys}
        asked: dict[int, list[int]] = {}
        for index, lying in enumerate(rows):
            for row in lying.rows if lying.relation == SLOTS else ():
                asked.setdefault(int(row), []).append(index)
        number = count()
        for slot, recording in self._opened.below(asked):
            if recording.dataset == dataset.name and recording.name not in gone:
                yield from ((index, SealedLayout.of(dataset).copy(recording, next(number))) for index in asked[slot])

    def close(self) -> None:
        """Release the key table."""
        if self.library is not None:
            self.library.close()

    @property
    def _opened(self) -> SealedLibrary:
        if self.library is None:
            message = f"store {self._spec.name}: a vault is read where its keys are"
            raise StoreUnavailable(message, help="run `expunge init` once; then the installation reads it")
        return self.library

    def _tree(self, dataset: Dataset) -> tuple[SealedTree, SealedLayout]:
        library = self._opened
        if self._is_away(library):
            message = f"store {self._spec.name}: its folder is not there"
            raise StoreUnavailable(message, help="correct `url:` or mount the folder, then run again")
        layout = SealedLayout.of(dataset)
        return SealedTree(library, layout), layout

    def _is_away(self, library: SealedLibrary) -> bool:
        """Return whether there are recordings, and the folder is away."""
        return library.is_away() and any(True for each in self._datasets for _ in library.recordings(each.name))

    def _met(self, dataset: Dataset, copies: Sequence[Copy]) -> tuple[SealedTree, SealedLayout]:
        tree, layout = self._tree(dataset)
        tree.meet(copies)
        return tree, layout
