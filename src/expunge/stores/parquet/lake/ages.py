"""Return the ages of a lake's rows: by names and footers where those decide, else by the column of times alone, on all cores."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from expunge.core.retention.age_histogram import Ages, AgeSpan
from expunge.core.values.timestamps import EPOCH, latest, micros
from expunge.errors import CouldNotLook
from expunge.stores.arrow.row_match import at_least_one, read, stretches
from expunge.stores.arrow.times import bounds, times
from expunge.stores.arrow.values import ColumnLeaf, Numbers, leaves, pieces, texts
from expunge.stores.parquet.lake.column_scan import THREADS
from expunge.stores.parquet.lake.lake_files import Lake, LakeLayout, LakeName
from expunge.stores.tree.record_files import Unreadable


class LakeAging:
    """One pass over the files of one dataset."""

    def __init__(self, lake: Lake, layout: LakeLayout) -> None:
        self._lake = lake
        self._layout = layout

    def ages(self, field: str, edges: Sequence[datetime]) -> Ages:
        """Rows between moments; a file that cannot be read counts as one undated row. Raises CouldNotLook, OSError."""
        total = Ages.none(edges)
        parts = self._parts()
        with ThreadPoolExecutor(THREADS, "expunge-parquet") as pool:
            futures = [pool.submit(copy_context().run, self._ages_of, part, field, edges) for part in parts]
            for future in futures:
                total += future.result()
        return total

    def _parts(self) -> list[LakeName]:
        found = [part for template in self._layout.templates for part in self._lake.parts(template, lambda _: True)]
        return [part for part in found if not part.key.endswith("/") and not part.is_link]

    def _ages_of(self, part: LakeName, field: str, edges: Sequence[datetime]) -> Ages:
        none = Ages.none(edges)
        try:
            with self._lake.opened(part) as file:
                rows = file.metadata.num_rows
                counts, undated = self._count(part, file, field, np.array([micros(edge) for edge in edges], np.int64))
        except FileNotFoundError:
            return none
        except Unreadable:
            return Ages(none.items, none.bytes, 1)
        items = tuple(counts.tolist())
        return Ages(items, tuple(item * part.size // max(1, rows) for item in items), undated)

    def _count(self, part: LakeName, file: pq.ParquetFile, field: str, edges: Numbers) -> tuple[Numbers, int]:
        counts = np.zeros(len(edges) + 1, np.int64)
        if field in part.readings[0]:
            when = latest({reading[field] for reading in part.readings})
            if when is None:
                return counts, file.metadata.num_rows
            counts[np.searchsorted(edges, micros(when), side="right")] = file.metadata.num_rows
            return counts, 0
        found = [leaf for leaf in leaves(file.schema_arrow) if leaf.field == field]
        if not found:
            return counts, file.metadata.num_rows
        undated = 0
        asked: list[int] = []
        for group in range(file.metadata.num_row_groups):
            told = bounds(file, group, found[0]) if len(found) == 1 else None
            low, high = (np.searchsorted(edges, each, side="right") for each in told[:2]) if told else (0, -1)
            if told is None or low != high:
                asked.append(group)
                continue
            counts[low] += file.metadata.row_group(group).num_rows - told[2]
            undated += told[2]
        for batch in stretches(file, asked):
            table = read(file, batch, found)
            said = times(table, found)
            counts += np.bincount(np.searchsorted(edges, said.at[said.known], side="right"), minlength=len(counts))
            undated += table.num_rows - int(said.known.sum())
        return counts, undated

    # --- by person ------------------------------------------------------------------------------

    def spans(self, by: str, field: str) -> Iterator[AgeSpan]:
        """Yield the rows of each value. Raises OSError, and CouldNotLook where a file cannot be read: a subject's last row may be in it."""
        tables = []
        try:
            for part in self._parts():
                with self._lake.opened(part) as file:
                    tables += [_grouped(each) for each in self._said(part, file, by, field)]
        except Unreadable as error:
            message = f"dataset {self._layout.dataset.name}: a file cannot be read"
            raise CouldNotLook(message, help="`expunge check` names it; repair it, then run again") from error
        if tables:
            together = pa.concat_tables(tables).group_by("value").aggregate([("items", "sum"), ("first", "min"), ("last", "max")])
            for batch in together.to_batches(max_chunksize=10_000):
                for row in batch.to_pylist():
                    yield AgeSpan(row["value"], row["items_sum"], _moment(row["first_min"]), _moment(row["last_max"]))

    def named(self, field: str) -> Iterator[Sequence[str]]:
        """Values of a field, each once a stretch of rows. Raises as :meth:`spans`."""
        try:
            for part in self._parts():
                by_name = {reading[field] for reading in part.readings if field in reading}
                if by_name:
                    yield list(by_name)
                    continue
                with self._lake.opened(part) as file:
                    naming = [each for each in leaves(file.schema_arrow) if each.field == field]
                    for batch in stretches(file, range(file.metadata.num_row_groups)) if naming else ():
                        table = read(file, batch, naming)
                        for leaf in naming:
                            yield from (texts(values).unique().drop_null().to_pylist() for values, _ in pieces(table, leaf))
        except Unreadable as error:
            message = f"dataset {self._layout.dataset.name}: a file cannot be read"
            raise CouldNotLook(message, help="`expunge check` names it; repair it, then run again") from error

    def _said(self, part: LakeName, file: pq.ParquetFile, by: str, field: str) -> Iterator[pa.Table]:
        every = leaves(file.schema_arrow)
        naming = [each for each in every if each.field == by]
        timing = [each for each in every if each.field == field]
        named = {reading[by] for reading in part.readings if by in reading}
        when = latest({reading[field] for reading in part.readings if field in reading})
        for batch in stretches(file, range(file.metadata.num_row_groups)):
            table = read(file, batch, at_least_one(file, [*naming, *timing]))
            if field in part.readings[0]:
                at = pa.repeat(pa.scalar(None if when is None else micros(when), pa.int64()), table.num_rows)
            else:
                said = times(table, timing)
                at = pa.array(said.at, mask=~said.known)
            for value in named:
                yield pa.table({"value": pa.repeat(pa.scalar(value, pa.large_string()), table.num_rows), "at": at})
            for leaf in naming if not named else ():
                yield from _of_leaf(table, leaf, at)


def _of_leaf(table: pa.Table, leaf: ColumnLeaf, at: pa.Array) -> Iterator[pa.Table]:
    for values, rows in pieces(table, leaf):
        here = at if rows is None else at.take(pa.array(rows))
        said = texts(values)
        yield pa.table({"value": said, "at": here}).filter(said.is_valid())


def _grouped(table: pa.Table) -> pa.Table:
    found = table.group_by("value").aggregate([([], "count_all"), ("at", "min"), ("at", "max")])
    return found.rename_columns({"count_all": "items", "at_min": "first", "at_max": "last", "value": "value"})


def _moment(at: int | None) -> datetime | None:
    return None if at is None else EPOCH + timedelta(microseconds=at)
