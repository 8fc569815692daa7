"""Find the bystanders in a lake, grouped by the values of the subject columns, streamed by row groups."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from expunge.core.datamap.datamap import AboutNobody
from expunge.core.values.copy import Copy, Selector
from expunge.core.values.ids import Pseudonym
from expunge.errors import CouldNotLook
from expunge.stores.arrow.row_match import Targets, at_least_one, first_rows, groups_of, leaves_beside, narrowed, read, stretches
from expunge.stores.arrow.times import ArrowNarrowing
from expunge.stores.arrow.values import ColumnLeaf, Numbers, leaves, pieces, texts
from expunge.stores.parquet.lake.column_scan import linked, neighbours
from expunge.stores.parquet.lake.copy_keys import WHOLE, named
from expunge.stores.parquet.lake.lake_files import Lake, LakeLayout, LakeName, rows_of
from expunge.stores.parquet.lake.search import FoundBesideRows, LakeHits
from expunge.stores.tree.folder_layout import NameFacts, WantedValues
from expunge.stores.tree.record_files import Unreadable
from expunge.stores.tree.search import control
from expunge.stores.tree.template_walk import CompiledTemplate


@dataclass(frozen=True)
class BystanderRow:
    """One row of a file that a bystander has."""

    row: int
    selector: Selector = field(repr=False)
    """What stays of the bystander."""
    links: Mapping[str, frozenset[str]] = field(repr=False)


Group = tuple[frozenset[str], ...]
"""What the subject fields say, one set each."""
_NOBODY: frozenset[str] = frozenset()
CONTROL = Pseudonym("control")
_ANYBODY = Selector(CONTROL, {})


class LakeBystanders:
    """One pass over the files of one dataset."""

    def __init__(self, lake: Lake, layout: LakeLayout, erased: Sequence[Copy], limit: int | None) -> None:
        self._lake = lake
        self._layout = layout
        self._limit = limit
        self._fields = layout.dataset.subject_fields
        selectors = [copy.selector for copy in erased if copy.selector]
        self._leaving = Targets(selectors)
        self._named = WantedValues(selectors)
        self._gone = {named(key).file for copy in erased for key in copy.keys if named(key).whole}
        self._groups: dict[Group, int] = {}
        self._sets: dict[str, dict[frozenset[str], int]] = {name: {_NOBODY: 0} for name in self._fields}
        """Field -> set of texts -> its number; 0 is nobody."""
        self._names: dict[str, list[frozenset[str]]] = {name: [_NOBODY] for name in self._fields}
        """The same the other way round."""
        self._codes: dict[str, dict[str, int]] = {name: {} for name in self._fields}
        """Field -> a single text -> the number of the set with it alone."""
        self._hits = LakeHits()

    def copies(self) -> Iterator[Copy]:
        """Yield copies of bystanders, at most as many as the limit."""
        try:
            for template in self._layout.templates:
                self._look_along(template)
        except OSError as error:
            message = f"dataset {self._layout.dataset.name}: a folder or file cannot be read"
            raise CouldNotLook(message, help="see `expunge check` for which one; give this user the right to read it") from error
        leaving = self._leaving.selectors
        selectors = [control(Pseudonym(f"control-{number}"), match, leaving) for number, match in enumerate(self._matches())]
        return self._hits.copies(self._layout.dataset.name, self._layout.dataset.follow, selectors)

    def among(self, key: str, wanted: Numbers) -> Iterator[BystanderRow]:
        """Yield those of some rows of one file that bystanders have, all of a file about nobody. Raises OSError."""
        found = self._layout.template_of(key)
        states = [state for state in self._lake.states(key) if not (state.is_link or state.older)]
        if found is None or not states:
            return
        template, readings = found
        part = replace(states[0], readings=readings)
        if isinstance(self._layout.dataset.subject, AboutNobody):
            with self._lake.opened(part) as file:
                last = file.metadata.num_rows
            yield from (BystanderRow(row, _ANYBODY, {}) for row in wanted[wanted < last].tolist())
            return
        says = self._named.says(readings, None, inside=True)
        if self._whole_by_name(template) and not says.part:
            if key not in self._gone and not says.whole:
                bound = {name: frozenset({text}) for name, text in readings[0].items()}
                match = {name: bound[name] for name in self._fields if name in bound}
                links = {name: bound.get(name, _NOBODY) for name in self._layout.dataset.follow}
                with self._lake.opened(part) as file:
                    last = file.metadata.num_rows
                yield from (BystanderRow(row, Selector(CONTROL, match), links) for row in wanted[wanted < last].tolist())
            return
        self._hits = LakeHits()
        self._rows(part, template, self._layout.columns(template, self._fields), says, wanted)
        owners, _, rows, _ = self._hits.rows()
        matches = self._matches()
        leaving = self._leaving.selectors
        for owner, row in zip(owners.tolist(), rows.tolist(), strict=True):
            links = {name: frozenset(self._hits.links.get((owner, name), ())) for name in self._layout.dataset.follow}
            yield BystanderRow(row, control(CONTROL, matches[owner], leaving), links)

    def _matches(self) -> list[dict[str, frozenset[str]]]:
        return [{name: values for name, values in zip(self._fields, group, strict=True) if values} for group in self._groups]

    def _whole_by_name(self, template: CompiledTemplate) -> bool:
        return any(name in template.placeholders for name in self._fields)

    def _look_along(self, template: CompiledTemplate) -> None:
        columns = self._layout.columns(template, self._fields)
        by_name = self._whole_by_name(template)
        for part in self._lake.parts(template, lambda _: True):
            if self._full():
                return
            if part.key.endswith("/") or part.is_link:
                continue
            says = self._named.says(part.readings, None, inside=True)
            if by_name and not says.part:
                if part.key not in self._gone and not says.whole:
                    self._whole(part)
            elif by_name or columns:
                self._rows(part, template, columns, says)

    def _full(self) -> bool:
        return self._limit is not None and len(self._groups) >= self._limit

    def _number(self, group: Group) -> int | None:
        if group not in self._groups and self._full():
            return None
        return self._groups.setdefault(group, len(self._groups))

    def _whole(self, part: LakeName) -> None:
        reading = part.readings[0]
        owner = self._number(tuple(frozenset({reading[name]}) if name in reading else frozenset() for name in self._fields))
        if owner is None:
            return
        other = self._hits.others.setdefault(owner, FoundBesideRows())
        key = f"{part.key}#{WHOLE}"
        if other.keys[-1:] != [key]:
            other.keys.append(key)
        other.items += rows_of(self._lake, part)
        other.bytes += part.size
        for name in self._layout.dataset.follow:
            if name in reading:
                self._hits.links.setdefault((owner, name), set()).add(reading[name])

    # --- rows -----------------------------------------------------------------------------------

    def _rows(
        self, part: LakeName, template: CompiledTemplate, columns: Sequence[str], says: NameFacts, wanted: Numbers | None = None
    ) -> None:
        try:
            with self._lake.opened(part) as file:
                self._inside(part, template, file, columns, says, wanted)
        except (FileNotFoundError, Unreadable):
            # Nobody's control can be taken from a damaged file; its damage is reported where it matters, by erase and check.
            return

    def _inside(
        self,
        part: LakeName,
        template: CompiledTemplate,
        file: pq.ParquetFile,
        columns: Sequence[str],
        says: NameFacts,
        wanted: Numbers | None = None,
    ) -> None:
        every = leaves(file.schema_arrow)
        mine = [each for each in every if each.field in columns]
        by_name = {name: frozenset({part.readings[0][name]}) for name in self._fields if name in part.readings[0]}
        if not mine and not by_name:
            return
        beside = leaves_beside(file, self._leaving)
        asking = None if self._leaving.simple else ArrowNarrowing(self._leaving.selectors, says)
        follow = [each for each in every if each.field in self._layout.columns(template, self._layout.dataset.follow)]
        bound = [name for name in self._layout.dataset.follow if name in template.placeholders]
        leaving = [each for each in mine if each.field in self._leaving.fields]
        number = len(self._hits.parts)
        self._hits.parts.append(part)
        self._hits.counts[number] = file.metadata.num_rows
        starts = first_rows(file)
        groups = range(file.metadata.num_row_groups) if wanted is None else groups_of(starts, wanted)
        for batch in (batch for stretch in stretches(file, groups) for batch in neighbours(stretch)):
            table = read(file, batch, at_least_one(file, [*mine, *follow, *beside]))
            staying = np.ones(table.num_rows, np.bool_)
            if leaving or asking:
                owned = self._leaving.in_tables([(table, 0)], leaving)[0]
                staying[(owned if asking is None else narrowed(owned, table, 0, asking, beside)).rows] = False
            if wanted is not None:
                staying &= np.isin(np.arange(starts[batch[0]], starts[batch[0]] + table.num_rows), wanted)
            rows = np.flatnonzero(staying)
            owners = self._owners(table, mine, rows, by_name)
            rows, owners = rows[owners >= 0], owners[owners >= 0]
            self._hits.add(number, owners, rows + starts[batch[0]])
            for leaf in follow:
                linked(table, leaf, owners, rows, self._hits.links)
            for owner in np.unique(owners).tolist() if bound else ():
                for name in bound:
                    self._hits.links.setdefault((owner, name), set()).add(part.readings[0][name])
            if self._full():
                return

    def _owners(self, table: pa.Table, mine: Sequence[ColumnLeaf], asked: Numbers, by_name: Mapping[str, frozenset[str]]) -> Numbers:
        """The number of the group of each row asked for; -1 for rows that name nobody, and for groups beyond the limit."""
        codes = np.zeros((table.num_rows, len(self._fields)), np.int64)
        for at, name in enumerate(self._fields):
            here = [each for each in mine if each.field == name]
            if name in by_name:
                codes[:, at] = self._code(name, by_name[name])
            elif len(here) == 1 and not here[0].listed:
                codes[:, at] = self._single(table, here[0])
            elif here:
                codes[:, at] = self._several(table, here)
        codes = codes[asked]
        if codes.shape[1] == 1:
            found, back = np.unique(codes[:, 0], return_inverse=True)
            found = found[:, None]
        else:
            found, back = np.unique(codes, axis=0, return_inverse=True)
        names = [self._names[name] for name in self._fields]
        numbers = []
        for row in found.tolist():
            group = tuple(known[code] for known, code in zip(names, row, strict=True))
            owner = self._number(group) if any(group) else None
            numbers.append(-1 if owner is None else owner)
        return np.array(numbers, np.int64)[back.reshape(-1)] if numbers else np.empty(0, np.int64)

    def _code(self, name: str, values: frozenset[str]) -> int:
        number = self._sets[name].setdefault(values, len(self._names[name]))
        if number == len(self._names[name]):
            self._names[name].append(values)
        return number

    def _single(self, table: pa.Table, leaf: ColumnLeaf) -> Numbers:
        codes = np.zeros(table.num_rows, np.int64)
        known = self._codes[leaf.field]
        for values, rows in pieces(table, leaf):
            coded = texts(values).dictionary_encode()
            here = []
            for text in coded.dictionary.to_pylist():
                if text not in known:
                    known[text] = self._code(leaf.field, frozenset({text}))
                here.append(known[text])
            found = np.append(np.array(here, np.int64), 0)[coded.indices.fill_null(-1).to_numpy(zero_copy_only=False)]
            codes[slice(None) if rows is None else rows] = found
        return codes

    def _several(self, table: pa.Table, found: Sequence[ColumnLeaf]) -> Numbers:
        said: dict[int, set[str]] = {}
        for leaf in found:
            for values, rows in pieces(table, leaf):
                at = range(len(values)) if rows is None else rows.tolist()
                for row, text in zip(at, texts(values).to_pylist(), strict=True):
                    if text is not None:
                        said.setdefault(row, set()).add(text)
        codes = np.zeros(table.num_rows, np.int64)
        for row, together in said.items():
            codes[row] = self._code(found[0].field, frozenset(together))
        return codes
