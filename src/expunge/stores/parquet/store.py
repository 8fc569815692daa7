"""A lake of Parquet files in a folder or in a bucket: rows by the values of columns, whole files by their names.

The ladder to ``scrubbed``, each rung with a test that fails without it, is in ``docs/reference/stores/parquet.md``.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from itertools import islice
from pathlib import Path

from expunge.core.datamap.datamap import AboutNobody, Dataset, Ignore, StoreSpec
from expunge.core.datamap.grounding import Capabilities
from expunge.core.datamap.mentions import ColumnReference, FoundMentions, MentionQuery
from expunge.core.retention.age_histogram import Ages, AgeSpan
from expunge.core.values.copy import Copy, Cost, Finding, Item, Probed, RawSource, Selector
from expunge.core.values.ids import IdempotencyKey, Pseudonym
from expunge.core.values.outcome import Absent, Erased, Outcome, Outcomes, Reason, Unable
from expunge.durable import TEMPORARY_PREFIX
from expunge.errors import CouldNotLook, StoreUnavailable
from expunge.ports.index import LocateIndex
from expunge.ports.optional.file_listing import NameFile, StoreFile
from expunge.ports.optional.known_places import KnownPlaces
from expunge.ports.optional.placing import LiveRows
from expunge.ports.optional.remote_content import RemoteObject
from expunge.ports.optional.row_accounts import FileHolds, TableFile
from expunge.ports.optional.schema_listing import UndeclaredTable
from expunge.ports.optional.surroundings import Near
from expunge.ports.scanner import Tracer
from expunge.stores.near.lying_files import files_of
from expunge.stores.parquet.bucket_place import BucketPlace
from expunge.stores.parquet.erase import LakeEraser
from expunge.stores.parquet.folder_place import FolderPlace, rewritten
from expunge.stores.parquet.lake.ages import LakeAging
from expunge.stores.parquet.lake.bystanders import LakeBystanders
from expunge.stores.parquet.lake.content import LakeContent
from expunge.stores.parquet.lake.copy_keys import named
from expunge.stores.parquet.lake.index_recall import IndexRecall, forget
from expunge.stores.parquet.lake.lake_files import SUMMARY, Lake, LakeLayout
from expunge.stores.parquet.lake.nominated import LakeNominations
from expunge.stores.parquet.lake.search import LakeSearch
from expunge.stores.parquet.mentions import LakeMentions
from expunge.stores.parquet.undeclared import undeclared_folders
from expunge.stores.s3 import near
from expunge.stores.tree.erase import trouble_of
from expunge.stores.tree.interface import NameTrouble
from expunge.stores.tree.record_files import Unreadable


class Parquet:
    """One lake. ``url`` is its folder, or ``s3://BUCKET/PREFIX``; keys are spelt as :mod:`expunge.stores.parquet.lake.copy_keys` says."""

    index: LocateIndex | None = None
    """Saves reading while locating; set by whoever puts the program together, never relied on by :meth:`probe`."""
    index_key: bytes = b""
    """The key of the index's hashes."""

    def __init__(self, spec: StoreSpec, datasets: tuple[Dataset, ...]) -> None:
        self._spec = spec
        self._layouts = {dataset.name: LakeLayout.of_lake(dataset) for dataset in datasets}
        self._beside: dict[str, LakeLayout] = {}
        """Folders with files that no dataset declares, as they were listed last."""
        self._place = (BucketPlace if spec.url.startswith("s3://") else FolderPlace)(spec, self._layouts)
        self._lake: Lake = self._place.lake

    def follow(self, known: KnownPlaces) -> None:
        """Compare a folder, and those in it that templates name, with the ones in which data lay before; nothing for a bucket."""
        if isinstance(self._place, FolderPlace):
            self._place.presence.known = known

    @property
    def capabilities(self) -> Capabilities:
        """A folder can be scrubbed wherever it can be written; from a bucket, objects are removed."""
        return self._place.capabilities

    def check(self, ignored: Sequence[Ignore]) -> Iterator[Finding]:
        """Compare the lake with the map, down to every file and the columns in it."""
        with self._place.speaking():
            yield from self._place.check([each.pattern for each in ignored if each.store == self._spec.name])

    def locate(self, dataset: Dataset, selectors: Sequence[Selector]) -> Iterator[Copy]:
        """One pass over the subject columns of the dataset's files, or over those that the index does not know."""
        recall = IndexRecall(self.index, self.index_key, dataset.name) if self.index is not None else None
        with self._place.speaking(dataset.name):
            self._lake.present()
            yield from LakeSearch(self._lake, self._layouts[dataset.name], self._everything, recall).locate(selectors)

    def bystanders(self, dataset: Dataset, erased: Sequence[Copy], limit: int | None) -> Iterator[Copy]:
        """Yield the bystanders, grouped by the values of the subject fields; of a dataset about nobody each row."""
        with self._place.speaking(dataset.name):
            self._lake.present()
            if isinstance(dataset.subject, AboutNobody):
                with self._listing(dataset.name):
                    yield from islice(LakeNominations(self._lake, self._layouts[dataset.name], erased).every(), limit)
                return
            yield from LakeBystanders(self._lake, self._layouts[dataset.name], erased, limit).copies()

    def holds(self, dataset: Dataset, path: Path) -> bool:
        """Return whether the path is a file or object of the dataset, a folder on the way to some or a summary in one."""
        key = self._place.key_of(path)
        if key is None:
            return False
        return self._declares(self._layouts[dataset.name], key)

    @staticmethod
    def _declares(layout: LakeLayout, key: str) -> bool:
        folder, slash, name = key.rpartition("/")
        if name == SUMMARY:
            return not slash or layout.template_of(f"{folder}/") is not None
        return layout.template_of(key) is not None

    def table_files(self, dataset: Dataset) -> Sequence[TableFile]:
        """Return the files of the dataset; none of a bucket."""
        if not isinstance(self._place, FolderPlace):
            return ()
        with self._place.speaking(dataset.name):
            layout, root = self._layouts[dataset.name], self._place.lake.root
            names = (key for key in self._place.keys() if layout.template_of(key) is not None)  # noqa: SIM118 - no mapping
            return tuple(TableFile(root / key, str(root / key), FileHolds.LAKE) for key in names)

    def returned(self, dataset: Dataset, rows: LiveRows) -> int:
        """A file has all of its rows, whether they name anybody or not."""
        key = self._place.key_of(Path(rows.relation))
        with self._place.speaking(dataset.name), suppress(FileNotFoundError, Unreadable):
            for state in self._lake.states(key) if key is not None else ():
                with self._lake.opened(state) as file:
                    last = int(file.metadata.num_rows)
                return sum(int(row) < last for row in rows.rows)
        return 0

    def elsewhere(self, dataset: Dataset) -> Sequence[str]:
        """Look for folders without files, whose names are left of rows, and for summaries."""
        if not isinstance(self._place, FolderPlace):
            return ()
        with self._place.speaking(dataset.name):
            layout, root = self._layouts[dataset.name], self._place.lake.root
            return tuple(dict.fromkeys(self._place.left_of(layout, root)))

    def files(self) -> NameFile:
        """Tell the files of datasets, and summaries beside them, from the rest."""

        def name(path: Path) -> StoreFile | None:
            key = self._place.name_of(path)
            if key is None:
                return None
            if path.name.startswith(TEMPORARY_PREFIX):
                return StoreFile(key, own=True)
            declaring = [layout.dataset for layout in self._everything if self._declares(layout, key)]
            nobodys = bool(declaring) and all(isinstance(each.subject, AboutNobody) for each in declaring)
            return StoreFile(key, own=bool(declaring), nobodys=nobodys)

        return name

    def surroundings(self) -> Iterator[Near]:
        """Yield what no dataset declares of the folder, or of the whole bucket."""
        if isinstance(self._place, FolderPlace):
            yield files_of(self._place.lake.root, self.files)
        else:
            yield from near.surroundings(self._spec, lambda key: any(self._declares(layout, key) for layout in self._layouts.values()))

    def relates(self, dataset: Dataset, relation: str) -> bool:
        """Return whether the relation is the path of a file of the dataset."""
        return self.holds(dataset, Path(relation))

    def nominated(self, dataset: Dataset, rows: Sequence[LiveRows], erased: Sequence[Copy]) -> Iterator[tuple[int, Copy]]:
        """Read rows by their numbers in a file; for a name, some of the rows in the file or below the folder."""
        with self._place.speaking(dataset.name), self._listing(dataset.name):
            nominations = LakeNominations(self._lake, self._layouts[dataset.name], erased)
            yield from nominations.copies([(self._place.key_of(Path(lying.relation)), lying.rows) for lying in rows])

    def ages(self, dataset: Dataset, field: str, edges: Sequence[datetime]) -> Ages:
        """By names and footers where those decide, else by the column of times."""
        with self._place.speaking(dataset.name), self._listing(dataset.name):
            self._lake.present()
            return LakeAging(self._lake, self._layouts[dataset.name]).ages(field, edges)

    def spans(self, dataset: Dataset, by: str, field: str) -> Iterator[AgeSpan]:
        """One pass over both columns."""
        with self._place.speaking(dataset.name), self._listing(dataset.name):
            self._lake.present()
            yield from LakeAging(self._lake, self._layouts[dataset.name]).spans(by, field)

    def named(self, dataset: Dataset, field: str) -> Iterator[Sequence[str]]:
        """One pass over the column, or over the files' names."""
        with self._place.speaking(dataset.name), self._listing(dataset.name):
            self._lake.present()
            yield from LakeAging(self._lake, self._layout(dataset)).named(field)

    def mentions(
        self, dataset: Dataset, queries: Sequence[MentionQuery], aside: Sequence[Copy], columns: frozenset[str] | None = None, most: int = 0
    ) -> Iterator[FoundMentions]:
        """One pass over all columns."""
        with self._place.speaking(dataset.name), self._listing(dataset.name):
            self._lake.present()
            yield from LakeMentions(self._lake, self._layout(dataset)).found(queries, aside, columns, most)

    def column_references(self, dataset: Dataset) -> tuple[ColumnReference, ...]:  # noqa: ARG002 - a lake has none
        """Files refer to nothing."""
        return ()

    def undeclared_tables(self, ignored: Sequence[Ignore]) -> Iterator[UndeclaredTable]:
        """Folder by folder, the files that are Parquet files by their content."""
        with self._place.speaking(), self._listing("undeclared files"):
            self._lake.present()
            patterns = [each.pattern for each in ignored if each.store == self._spec.name]
            found = tuple(undeclared_folders(self._lake, self._spec.name, self._everything, self._place.keys(), patterns))
        self._beside = {table.dataset.name: layout for table, layout in found}
        yield from (table for table, _ in found)

    def _layout(self, dataset: Dataset) -> LakeLayout:
        return self._layouts.get(dataset.name) or self._beside[dataset.name]

    def unfit_mentions(self, dataset: Dataset) -> tuple[tuple[str, str, str], ...]:
        """Held against the schema of every file."""
        with self._place.speaking(dataset.name), self._listing(dataset.name):
            self._lake.present()
            return tuple(LakeMentions(self._lake, self._layouts[dataset.name]).unfit())

    @contextmanager
    def _listing(self, dataset: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            message = f"dataset {dataset}: a folder or file cannot be read"
            raise CouldNotLook(message, help="see `expunge check` for which one; give this user the right to read it") from error

    def export(self, dataset: Dataset, copy: Copy) -> Iterator[Item]:
        """Their rows as JSON lines."""
        for item in LakeContent(self._lake, self._layouts[dataset.name]).export(copy):
            yield Item(item.name, self._told(dataset.name, item), item.media_type, item.shared)

    def _told(self, dataset: str, item: Item) -> Iterator[bytes]:
        with self._place.speaking(dataset):
            yield from item.chunks

    def trace(self, dataset: Dataset, copies: Sequence[Copy], tracer: Tracer) -> None:
        """Every value of their rows; names and bytes of whole files."""
        with self._place.speaking(dataset.name):
            LakeContent(self._lake, self._layouts[dataset.name]).trace(copies, tracer)

    def schema_words(self) -> Iterator[str]:
        """Names of columns, nested ones too, in the first file of each dataset."""
        for layout in self._layouts.values():
            with self._place.speaking(layout.dataset.name):
                yield from LakeContent(self._lake, layout).field_names()

    def preflight(self, dataset: Dataset, copies: Sequence[Copy], kept: Sequence[Copy] = ()) -> tuple[Unable, ...]:
        """Rights, further names, table formats, damage, writers, rows that are held, and room for the largest file."""
        return self._place.preflight(self._layouts[dataset.name], copies, kept)

    def cost(self, copies: Mapping[str, Sequence[Copy]]) -> Cost:
        """Whole files are unlinked; files with rows of many subjects are read and written again, each once."""
        with self._place.speaking():
            return self._place.cost(rewritten(copies))

    def erase(self, dataset: Dataset, copies: Sequence[Copy], key: IdempotencyKey) -> Outcomes:  # noqa: ARG002 - gone is gone under any key
        """Remove, rewrite, and remove folders named after a subject; each durable before the answer."""
        missing = self._place.missing()
        if missing is not None:
            return {copy.subject: missing for copy in copies}
        layout = self._layouts[dataset.name]
        try:
            outcomes = dict(LakeEraser(self._lake, self._place.tree(layout), layout).erase(copies))
        except (NameTrouble, OSError) as error:
            trouble = trouble_of(error)
            return {copy.subject: Unable(trouble.reason, f"{dataset.name}: {trouble.detail}") for copy in copies}
        return self._forget(dataset, copies, outcomes)

    def _forget(self, dataset: Dataset, copies: Sequence[Copy], outcomes: dict[Pseudonym, Outcome]) -> Outcomes:
        """Who is gone goes from the index too."""
        if self.index is None:
            return outcomes
        done = [copy for copy in copies if isinstance(outcomes[copy.subject], Erased | Absent)]
        try:
            forget(self.index, self.index_key, dataset.name, done)
        except OSError as error:
            detail = f"the locate index cannot be written: {os.strerror(error.errno or 0)}"
            outcomes |= {each.subject: Unable(Reason.ERROR, detail) for each in done}
        return outcomes

    def purge(self, datasets: Sequence[Dataset], key: IdempotencyKey) -> Outcome:  # noqa: ARG002 - always store-wide
        """Climb the ladder: leftovers, stale summaries, checksums, open readers; in a bucket, abandoned uploads."""
        return self._place.missing() or self._place.purge()

    def probe(self, dataset: Dataset, copies: Sequence[Copy]) -> Iterator[Probed]:
        """Make a fresh pass over all subject columns, whatever footers or the index say, and look up each old name."""
        selectors = [copy.selector for copy in copies if copy.selector]
        columns = sorted({name for selector in selectors for name in selector.match})
        paths = ("listing", "open", *(f"column {name}" for name in columns))
        try:
            with self._place.fresh() as lake, self._place.speaking(dataset.name):
                answers = list(self._look_again(lake, dataset, copies, selectors))
        except (CouldNotLook, StoreUnavailable) as error:
            answers = [(copy.subject, 0, error.message) for copy in copies]
        for subject, items, could_not in answers:
            yield Probed(subject, items, paths, could_not)

    def _look_again(
        self, lake: Lake, dataset: Dataset, copies: Sequence[Copy], selectors: Sequence[Selector]
    ) -> Iterator[tuple[Pseudonym, int, str]]:
        lake.present()
        search = LakeSearch(lake, self._layouts[dataset.name], self._everything)
        search.prune = False
        found = {each.subject: each for each in search.locate(selectors)}
        could_not = "a file cannot be read" if search.damaged else ""
        for copy in copies:
            again = found.get(copy.subject)
            keys = set(copy.keys) - set(again.keys if again else ())
            lost = [key for key in keys if named(key).whole and lake.exists(named(key).file)]
            yield copy.subject, (again.items if again else 0) + len(lost), could_not

    def raw(self) -> Iterator[RawSource]:
        """Yield the whole folder, including files that the map does not name; nothing for a bucket, whose disks are out of reach."""
        return self._place.raw()

    @property
    def interface(self) -> str:
        """The prefix of a bucket; empty for a folder, whose files are read."""
        return self._place.interface

    def content(self) -> Iterator[RemoteObject]:
        """The objects of a bucket; of those that datasets declare only the present version."""
        with self._place.speaking():
            yield from self._place.content()

    def unreadable(self, ignored: Sequence[Ignore]) -> tuple[Finding, ...]:
        """Parts of open uploads to a bucket that may be anybody's."""
        with self._place.speaking():
            return self._place.unreadable(ignored)

    def remote(self, dataset: Dataset, path: Path) -> RemoteObject | None:
        """The object of a bucket under a name; the scanner's own reader tells its rows apart."""
        return self._place.at(path) if self.holds(dataset, path) else None

    def close(self) -> None:
        """Let go of connections."""
        self._place.close()

    @property
    def _everything(self) -> tuple[LakeLayout, ...]:
        return tuple(self._layouts.values())
