"""LanceDB: tables of rows and embeddings in a local folder, each to ``scrubbed``.

A deletion in a LanceDB table marks rows, and every old version can still be opened. ``purge`` climbs the ladder of
:mod:`expunge.stores.lancedb.ladder`. Branches are erased from in the same way as the main line.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
from lance.file import LanceFileReader

from expunge import permit
from expunge.core.datamap.datamap import AboutNobody, Dataset, Ignore, Shared, StoreSpec
from expunge.core.datamap.grounding import Capabilities, Grounding
from expunge.core.retention.age_histogram import Ages, AgeSpan
from expunge.core.values.copy import Copy, Cost, Finding, Item, Probed, RawSource, Selector
from expunge.core.values.ids import IdempotencyKey, Pseudonym
from expunge.core.values.outcome import Absent, Erased, Outcome, Outcomes, Reason, Unable
from expunge.errors import CouldNotLook
from expunge.faults import failpoint
from expunge.ports.optional.file_listing import NameFile, StoreFile
from expunge.ports.optional.placing import LiveRows
from expunge.ports.optional.surroundings import Near, NearTables
from expunge.ports.scanner import Tracer
from expunge.stores.arrow.damage import Damaged
from expunge.stores.arrow.row_values import names_of
from expunge.stores.lancedb import check as lancedb_check
from expunge.stores.lancedb.kind import UNFINISHED_HOURS
from expunge.stores.lancedb.ladder import Ladder, climb, orphans
from expunge.stores.lancedb.packed_cells import packed_cells
from expunge.stores.lancedb.reading import LanceReading, owned_rows
from expunge.stores.lancedb.table import (
    SUFFIX,
    TROUBLE,
    LanceMatcher,
    LanceTable,
    TableGone,
    VersionLine,
    looking,
    reason_told,
    unable,
    where,
)
from expunge.stores.near.lying_files import files_of

OUT_OF_SCOPE = (
    "the disk below the file system: blocks of removed files stay on the device until they are overwritten or trimmed (fstrim)",
    "snapshots, copies, shallow clones and backups of the database",
    "removed files that a process of another user, container or machine still holds open: their bytes go when it closes them",
    "what a look at bytes cannot see in the engine's compressed pages: the probe reads every version through the engine instead",
)
_WRITTEN = re.compile(
    r"[^/]+\.lance/(tree/.+/)?(data/.*\.lance|_versions/[^/]+\.manifest|_latest\.manifest|_transactions/[^/]+\.txn|_deletions/[^/]+\.(arrow|bin)"
    r"|_indices/.*\.(idx|lance|arrow|bin)|_refs/.*|\.lance-reserved)"
)
"""Names that the engine gives to files in the folder of a table."""
_TRIES = 8
_AT_ONCE = 100_000
"""Rows that one deletion names."""


class LanceDb:
    """A store of kind ``lancedb``.

    ``url`` is the database's folder, ``table:`` of a dataset the table's name. Options: ``tags``, ``refuse`` (default: a tag that keeps an
    old version makes a purge ``Unable``) or ``remove``; ``unfinished``, the number of hours after which a file that belongs to no version
    counts as left behind by a writer that died (default 24; 0 where no other program writes).
    """

    def __init__(self, spec: StoreSpec, datasets: tuple[Dataset, ...]) -> None:
        """Take the declaration; nothing is opened.

        Raises:
            Misconfigured: for a senseless table name.
        """
        self._spec = spec
        self._root = Path(spec.url.removeprefix("file://")).resolve()
        self._datasets = datasets
        self._tables = {dataset.name: LanceTable(self._root, dataset) for dataset in datasets}
        self._drop_tags, self._unfinished = _options(spec)

    @property
    def capabilities(self) -> Capabilities:
        """A table can be scrubbed wherever it can be written."""
        there = [table for table in self._tables.values() if table.path.is_dir()]
        able = all(map(lancedb_check.writable, there))
        return Capabilities(Grounding.SCRUBBED if able else Grounding.NONE, batch=10_000, out_of_scope=OUT_OF_SCOPE)

    def _reading(self, dataset: Dataset) -> LanceReading:
        return LanceReading(self._tables[dataset.name])

    # --- looking ----------------------------------------------------------------------------------

    def check(self, ignored: Sequence[Ignore]) -> Iterator[Finding]:
        """Compare the folder with the map."""
        patterns = [each.pattern for each in ignored if each.store == self._spec.name]
        tables = list(self._tables.values())
        yield from lancedb_check.findings(self._spec.name, self._root, tables, patterns, drop_tags=self._drop_tags)

    def locate(self, dataset: Dataset, selectors: Sequence[Selector]) -> Iterator[Copy]:
        """One pass over the columns that are asked about, in every line."""
        with looking(dataset):
            yield from self._reading(dataset).locate(selectors)

    def bystanders(self, dataset: Dataset, erased: Sequence[Copy], limit: int | None) -> Iterator[Copy]:
        """Yield the bystanders, grouped by the values of the subject fields."""
        with looking(dataset):
            yield from self._reading(dataset).bystanders(erased, limit)

    def holds(self, dataset: Dataset, path: Path) -> bool:
        """Return whether the path lies in the table's folder."""
        return path.is_relative_to(self._tables[dataset.name].path)

    def surroundings(self) -> Iterator[Near]:
        """Yield the tables of the folder, and what lies beside them."""
        yield NearTables("lancedb", self._root)
        yield files_of(self._root, self.files)

    def files(self) -> NameFile:
        """Tell files that the engine writes in folders of tables, declared or not, from the rest."""

        def name(path: Path) -> StoreFile | None:
            if not path.is_relative_to(self._root):
                return None
            key = path.relative_to(self._root).as_posix()
            return StoreFile(key, own=_WRITTEN.fullmatch(key) is not None)

        return name

    def packed_cells(self, least: int) -> Iterator[tuple[str, bytes]]:
        """Of every file of rows in tables that are no dataset's, or about nobody."""
        owned = {self._tables[each.name].path for each in self._datasets if not isinstance(each.subject, AboutNobody)}
        try:
            yield from packed_cells(self._root, owned, least)
        except OSError as error:
            message = f"store {self._spec.name}: a file of a table cannot be read"
            raise CouldNotLook(message, help="give this user the right to read it") from error

    def relates(self, dataset: Dataset, relation: str) -> bool:
        """Return whether the relation is the table's folder."""
        return Path(relation) == self._tables[dataset.name].path

    def nominated(self, dataset: Dataset, rows: Sequence[LiveRows], erased: Sequence[Copy]) -> Iterator[tuple[int, Copy]]:  # noqa: ARG002 - none are
        """Yield nothing: a place in a packed file names no single row."""
        yield from ()

    def ages(self, dataset: Dataset, field: str, edges: Sequence[datetime]) -> Ages:
        """One pass over the column."""
        with looking(dataset):
            return self._reading(dataset).ages(field, edges)

    def spans(self, dataset: Dataset, by: str, field: str) -> Iterator[AgeSpan]:
        """One pass over both columns."""
        with looking(dataset):
            yield from self._reading(dataset).spans(by, field)

    def named(self, dataset: Dataset, field: str) -> Iterator[Sequence[str]]:
        """One pass over the column."""
        with looking(dataset):
            yield from self._reading(dataset).named(field)

    def export(self, dataset: Dataset, copy: Copy) -> Iterator[Item]:
        """Their rows as JSON lines."""
        yield Item(f"{dataset.name}.jsonl", self._told(dataset, copy), "application/jsonl", bool(copy.shared))

    def _told(self, dataset: Dataset, copy: Copy) -> Iterator[bytes]:
        with looking(dataset):
            yield from self._reading(dataset).lines_of(copy)

    def trace(self, dataset: Dataset, copies: Sequence[Copy], tracer: Tracer) -> None:
        """Every value of their rows."""
        with looking(dataset):
            self._reading(dataset).trace(copies, tracer)

    def schema_words(self) -> Iterator[str]:
        """Names of columns, nested ones too."""
        for name, table in self._tables.items():
            with looking(table.dataset):
                yield from (name, *names_of(table.open().schema))

    def probe(self, dataset: Dataset, copies: Sequence[Copy]) -> Iterator[Probed]:
        """Over tables opened for this call: every version of every line, and files that were written and not committed."""
        paths = ("table", "old versions", "branches", "tags", "unfinished files")
        asked = [each for each in copies if each.selector]
        could_not, seen = "", np.zeros(len(asked), np.int64)
        try:
            with looking(dataset):
                seen = self._seen(
                    LanceTable(self._root, dataset), LanceMatcher([each.selector for each in asked if each.selector]), len(asked)
                )
        except CouldNotLook as error:
            could_not = error.message
        found = {each.subject: int(count) for each, count in zip(asked, seen.tolist(), strict=True)}
        for copy in copies:
            yield Probed(copy.subject, found.get(copy.subject, 0), paths, could_not)

    def _seen(self, table: LanceTable, matching: LanceMatcher, count: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        """For each selector how many rows of it the version shows that shows most of them."""
        seen = np.zeros(count, np.int64)
        for line in table.lines():
            for version in line.data.versions():
                number = version["version"]
                old = (
                    line
                    if number == line.data.version
                    else VersionLine(line.branch, line.data.checkout_version((line.branch or None, number)))
                )
                if not table.missing(old.data, matching.fields) or old is line:
                    owners, _, _ = owned_rows(table, old, matching)
                    seen = np.maximum(seen, np.bincount(owners, minlength=count))
        for path in orphans(table):
            if path.suffix == SUFFIX and path.parent.name == "data":
                seen = np.maximum(seen, _in_file(path, matching, count))
        return seen

    def raw(self) -> Iterator[RawSource]:
        """The folder, whole."""
        yield RawSource(self._root, "data")

    # --- erasing ----------------------------------------------------------------------------------

    def preflight(self, dataset: Dataset, copies: Sequence[Copy], kept: Sequence[Copy] = ()) -> tuple[Unable, ...]:  # noqa: ARG002 - rows go alone
        """Rights, room, tags that keep old versions, clones, indexes that cannot be made anew, columns that are not there."""
        table = self._tables[dataset.name]
        try:
            fields = LanceMatcher([copy.selector for copy in copies if copy.selector]).fields
            for line in table.lines():
                table.require(line.data, fields)
            return tuple(lancedb_check.preflight(table, drop_tags=self._drop_tags))
        except (*TROUBLE, TableGone) as error:
            return (unable(dataset, error),)

    def cost(self, copies: Mapping[str, Sequence[Copy]]) -> Cost:
        """A table that something goes from may be written anew as a whole, indexes too: small fragments are joined on the way."""
        sizes = [lancedb_check.size(each) for name, each in self._tables.items() if copies.get(name)]
        return Cost(2 * sum(sizes), len(sizes), sum(sizes))

    def erase(self, dataset: Dataset, copies: Sequence[Copy], key: IdempotencyKey) -> Outcomes:  # noqa: ARG002 - gone is gone under any key
        """Mark their rows as deleted, in every line; found anew in the very version that the deletion is about."""
        table = self._tables[dataset.name]
        asked = [copy for copy in copies if copy.selector]
        found: dict[Pseudonym, int] = {copy.subject: 0 for copy in copies}
        for attempt in range(_TRIES):
            try:
                self._delete(table, asked, found)
            except (*TROUBLE, TableGone, Damaged) as error:
                if isinstance(error, TROUBLE) and reason_told(error) is Reason.LOCKED and attempt + 1 < _TRIES:
                    time.sleep(min(0.5, 0.01 * 2**attempt))
                    continue
                return dict.fromkeys(found, unable(dataset, error))
            break
        return {subject: Erased(items) if items else Absent() for subject, items in found.items()}

    def _delete(self, table: LanceTable, asked: Sequence[Copy], found: dict[Pseudonym, int]) -> None:
        matching = LanceMatcher([each.selector for each in asked if each.selector])
        lines = table.lines()
        if not lancedb_check.writable(table):
            raise TableGone(Reason.PERMISSION, f"{table.dataset.name}: this user may not write to the table's folder")
        for line in lines:
            owners, rows, shared = owned_rows(table, line, matching)
            if table.dataset.shared is Shared.KEEP:
                owners, rows = owners[shared == 0], rows[shared == 0]
            leaving = np.unique(rows)
            for first in range(0, len(leaving), _AT_ONCE):
                these = leaving[first : first + _AT_ONCE]
                permit.check()
                failpoint("lancedb.erase.delete:before")
                # commit point: a new version without these rows. Never tried again by the engine itself: after a rewrite by
                # somebody else, the same numbers would be other people's rows.
                line.data.delete(where(these), conflict_retries=0)
                failpoint("lancedb.erase.delete:after")
                for owner in owners[np.isin(rows, these)].tolist():
                    found[asked[owner].subject] += 1

    def purge(self, datasets: Sequence[Dataset], key: IdempotencyKey) -> Outcome:  # noqa: ARG002 - idempotent in effect
        """Climb the ladder over each table."""
        done = 0
        for dataset in datasets:
            table = self._tables[dataset.name]
            outcome = climb(Ladder(table, self._drop_tags, self._unfinished))
            if isinstance(outcome, Unable):
                return outcome
            done += outcome.items if isinstance(outcome, Erased) else 0
        return Erased(done) if done else Absent()

    def close(self) -> None:
        """Nothing stays open between calls."""


def _options(spec: StoreSpec) -> tuple[bool, timedelta]:
    hours = int(str(spec.options.get("unfinished", UNFINISHED_HOURS)))
    return spec.options.get("tags") == "remove", timedelta(hours=hours)


def _in_file(path: Path, matching: LanceMatcher, count: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """The same for a data file that no version refers to; none where it is only half written."""
    seen = np.zeros(count, np.int64)
    try:
        for batch in LanceFileReader(str(path)).read_all(batch_size=4096).to_batches():
            seen += np.bincount(matching.owned(pa.Table.from_batches([batch])).owners, minlength=count)
    except TROUBLE:
        return seen
    return seen
