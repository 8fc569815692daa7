"""Read a LanceDB table: copies of subjects, bystanders, ages, export and traced content."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa

from expunge.core.retention.age_histogram import Ages, AgeSpan, SpannedItem
from expunge.core.values.copy import Copy, Selector
from expunge.core.values.ids import Pseudonym
from expunge.core.values.timestamps import EPOCH, micros
from expunge.ports.scanner import Tracer
from expunge.stores.arrow.row_values import python_rows, spoken, trace_row
from expunge.stores.arrow.times import times
from expunge.stores.arrow.values import Numbers, pieces, texts
from expunge.stores.lancedb.table import Batch, LanceMatcher, LanceTable, VersionLine, nothing, of
from expunge.stores.tree.search import control

Group = tuple[frozenset[str], ...]
"""What the subject fields say, one set each."""
_NOBODY: frozenset[str] = frozenset()


@dataclass
class _Tally:
    keys: list[str] = field(default_factory=list)
    shared: set[str] = field(default_factory=set)
    links: dict[str, set[str]] = field(default_factory=dict)


class LanceReading:
    """Reads of one dataset. Every method raises the errors of :mod:`expunge.stores.lancedb.table`."""

    def __init__(self, table: LanceTable) -> None:
        self.table = table
        self._dataset = table.dataset

    # --- who has what ---------------------------------------------------------------------------

    def locate(self, selectors: Sequence[Selector]) -> Iterator[Copy]:
        """One pass over the columns that are asked about, in every line."""
        matching = LanceMatcher(selectors)
        tallies = [_Tally() for _ in selectors]
        lines = self.table.lines()
        for line in lines:
            self.table.require(line.data, matching.fields)
            for batch in self.table.batches(line, {*matching.fields, *self._dataset.follow}):
                owned = matching.owned(batch.table)
                followed = {name: said(batch.table, name) for name in self._dataset.follow} if len(owned.rows) else {}
                for owner, row, shared in zip(owned.owners.tolist(), owned.rows.tolist(), owned.shared.tolist(), strict=True):
                    tally = tallies[owner]
                    tally.keys.append(line.key(int(batch.rows[row])))
                    if shared:
                        tally.shared.add(tally.keys[-1])
                    for name, values in followed.items():
                        tally.links.setdefault(name, set()).update(values[row])
        average = self._average(lines)
        for selector, tally in zip(selectors, tallies, strict=True):
            if tally.keys:
                yield self._copy(selector, tally, average)

    def _copy(self, selector: Selector, tally: _Tally, average: float) -> Copy:
        links = {name: frozenset(tally.links.get(name, ())) for name in self._dataset.follow}
        count = len(tally.keys)
        keys, shared = tuple(tally.keys), frozenset(tally.shared)
        return Copy(self._dataset.name, selector.subject, keys, count, int(count * average), links, selector, shared, lasting=False)

    def _average(self, lines: Sequence[VersionLine]) -> float:
        """Bytes that a row takes, more or less."""
        rows = sum(line.data.count_rows() for line in lines)
        data = sum(path.stat().st_size for path in self.table.path.rglob("*.lance") if path.is_file())
        return data / rows if rows else 0.0

    def bystanders(self, erased: Sequence[Copy], limit: int | None) -> Iterator[Copy]:
        """Yield the bystanders, grouped by the values of the subject fields."""
        leaving = [each.selector for each in erased if each.selector]
        matching = LanceMatcher(leaving)
        fields = self.table.dataset.subject_fields
        groups: dict[Group, _Tally] = {}
        lines = self.table.lines()
        for line in lines:
            self.table.require(line.data, {*matching.fields, *fields})
            for batch in self.table.batches(line, {*matching.fields, *fields, *self._dataset.follow}):
                gone = set(matching.owned(batch.table).rows.tolist())
                named = [said(batch.table, name) for name in fields]
                followed = {name: said(batch.table, name) for name in self._dataset.follow}
                for row in (row for row in range(batch.table.num_rows) if row not in gone):
                    group = tuple(each[row] for each in named)
                    if not any(group) or (group not in groups and limit is not None and len(groups) >= limit):
                        continue
                    tally = groups.setdefault(group, _Tally())
                    tally.keys.append(line.key(int(batch.rows[row])))
                    for name, values in followed.items():
                        tally.links.setdefault(name, set()).update(values[row])
        average = self._average(lines)
        for number, (group, tally) in enumerate(groups.items()):
            match = {name: values for name, values in zip(fields, group, strict=True) if values}
            yield self._copy(control(Pseudonym(f"control-{number}"), match, leaving), tally, average)

    # --- ages -----------------------------------------------------------------------------------

    def ages(self, name: str, edges: Sequence[datetime]) -> Ages:
        """Rows between moments."""
        bounds = np.array([micros(edge) for edge in edges], np.int64)
        counts, undated = np.zeros(len(edges) + 1, np.int64), 0
        lines = self.table.lines()
        for line, batch in self._of(lines, (name,)):
            told = times(batch.table, of(batch.table, name)) if of(batch.table, name) else None
            if told is None:
                undated += line.data.count_rows()
                continue
            counts += np.bincount(np.searchsorted(bounds, told.at[told.known], side="right"), minlength=len(counts))
            undated += batch.table.num_rows - int(told.known.sum())
        average = self._average(lines)
        return Ages(tuple(counts.tolist()), tuple(int(each * average) for each in counts.tolist()), undated)

    def spans(self, by: str, name: str) -> Iterator[AgeSpan]:
        """Rows of each value, with the oldest and the newest time."""
        counted = SpannedItem()
        for _, batch in self._of(self.table.lines(), (by, name)):
            told = times(batch.table, of(batch.table, name))
            for row, values in enumerate(said(batch.table, by)):
                when = EPOCH + timedelta(microseconds=int(told.at[row])) if told.known[row] else None
                for value in values:
                    counted.add(value, when)
        yield from counted.spans()

    def named(self, name: str) -> Iterator[Sequence[str]]:
        """Values of a field."""
        for _, batch in self._of(self.table.lines(), (name,)):
            yield sorted(frozenset().union(*said(batch.table, name)))

    def _of(self, lines: Sequence[VersionLine], names: Sequence[str]) -> Iterator[tuple[VersionLine, Batch]]:
        for line in lines:
            self.table.require(line.data, names)
            for batch in self.table.batches(line, names):
                yield line, batch

    # --- rows -----------------------------------------------------------------------------------

    def rows(self, copies: Sequence[Copy]) -> Iterator[tuple[Mapping[str, object], list[Pseudonym]]]:
        """Yield rows of the copies as they are now, with their owners. Numbers of rows do not outlast a rewrite, so rows are found anew."""
        selectors = [copy.selector for copy in copies if copy.selector]
        for line in self.table.lines():
            owners, numbers, _ = owned_rows(self.table, line, LanceMatcher(selectors))
            whose: dict[int, list[Pseudonym]] = {}
            for owner, number in zip(owners.tolist(), numbers.tolist(), strict=True):
                whose.setdefault(number, []).append(selectors[owner].subject)
            for batch in self.table.whole(line, np.unique(numbers)):
                for number, row in zip(batch.rows.tolist(), python_rows(batch.table), strict=True):
                    yield row, whose[number]

    def lines_of(self, copy: Copy) -> Iterator[bytes]:
        """Rows as JSON objects, one a line."""
        for row, _ in self.rows([copy]):
            yield json.dumps(spoken(row), ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n"

    def trace(self, copies: Sequence[Copy], tracer: Tracer) -> None:
        """Every value of every row."""
        for row, subjects in self.rows(copies):
            for subject in subjects:
                trace_row(self._dataset.name, subject, dict(row), tracer)


def owned_rows(table: LanceTable, line: VersionLine, matching: LanceMatcher) -> tuple[Numbers, Numbers, Numbers]:
    """Return owners, the engine's numbers of their rows, and whether others share them (0 or 1). Raises as the table."""
    table.require(line.data, matching.fields)
    owners, rows, shared = [nothing()], [nothing()], [nothing()]
    for batch in table.batches(line, matching.fields):
        owned = matching.owned(batch.table)
        owners.append(owned.owners)
        rows.append(batch.rows[owned.rows])
        shared.append(owned.shared.astype(np.int64))
    return np.concatenate(owners), np.concatenate(rows), np.concatenate(shared)


def said(table: pa.Table, name: str) -> list[frozenset[str]]:
    """For each row the texts that a field has."""
    found: list[frozenset[str]] = [_NOBODY] * table.num_rows
    for leaf in of(table, name):
        for values, rows in pieces(table, leaf):
            at = range(len(values)) if rows is None else rows.tolist()
            for row, text in zip(at, texts(values).to_pylist(), strict=True):
                if text is not None:
                    found[row] |= {text}
    return found
