"""Search a lake for subjects: whole files by their names, rows by their columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from expunge.core.values.copy import Copy, Selector
from expunge.errors import CouldNotLook
from expunge.stores.arrow.damage import Damaged
from expunge.stores.arrow.row_match import Targets, read
from expunge.stores.arrow.values import Numbers, leaves, pieces, texts
from expunge.stores.parquet.lake.column_scan import LakeScan, ScanResult
from expunge.stores.parquet.lake.copy_keys import UNREADABLE, WHOLE, SpeltKeys, spelt
from expunge.stores.parquet.lake.index_recall import IndexRecall
from expunge.stores.parquet.lake.lake_files import Lake, LakeLayout, LakeName, leads
from expunge.stores.tree.folder_layout import NameFacts, WantedValues
from expunge.stores.tree.record_files import Unreadable
from expunge.stores.tree.template_walk import CompiledTemplate

Links = dict[tuple[int, str], set[str]]
"""(owner, field) -> texts."""
_Column: TypeAlias = tuple[Numbers, int | Numbers, Numbers, npt.NDArray[np.bool_] | None]
"""Owners, part or parts, rows, whether others are in them."""
_NARROW = (1 << 31) - 1


@dataclass
class FoundBesideRows:
    """A subject's findings besides rows: whole files, folders, files that cannot be read."""

    keys: list[str] = field(default_factory=list)
    items: int = 0
    bytes: int = 0
    shared: set[str] = field(default_factory=set)


class LakeHits:
    """The findings of one call, as they add up. Owners are numbers of selectors or of groups."""

    def __init__(self) -> None:
        self.parts: list[LakeName] = []
        self.counts: dict[int, int] = {}
        """Part -> how many rows it has, where that is known."""
        self.others: dict[int, FoundBesideRows] = {}
        self.links: Links = {}
        self._columns: list[_Column] = []

    def add(self, part: int, owners: Numbers, rows: Numbers, shared: npt.NDArray[np.bool_] | None = None) -> None:
        """Rows of one part; parts come in their order, rows of a part ascend."""
        self._columns.append((owners, part, rows, shared))

    def add_columns(self, owners: Numbers, parts: Numbers, rows: Numbers) -> None:
        """Rows of many parts."""
        self._columns.append((owners, parts, rows, None))

    def rows(self) -> tuple[Numbers, Numbers, Numbers, npt.NDArray[np.bool_]]:
        """Return owners, parts, rows and whether others share them."""
        columns = self._columns
        if len(columns) == 1 and isinstance(columns[0][1], np.ndarray) and columns[0][3] is not None:
            return columns[0][0], columns[0][1], columns[0][2], columns[0][3]
        count = sum(len(column[0]) for column in columns)
        small = not any(len(column[2]) and int(column[2].max()) > _NARROW for column in columns)
        # One piece of memory for all: of large pieces the system gives out large pages, at a fraction of the time.
        owners, parts, rows = np.empty((3, count), np.int32 if small else np.int64)
        shared = np.zeros(count, np.bool_)
        end = 0
        for mine, part, theirs, others in columns:
            here = slice(end, end + len(mine))
            owners[here], parts[here], rows[here] = mine, part, theirs
            if others is not None:
                shared[here] = others
            end = here.stop
        self._columns = [(owners, parts, rows, shared)]
        return owners, parts, rows, shared

    def copies(self, dataset: str, follow: Sequence[str], selectors: Sequence[Selector]) -> Iterator[Copy]:
        """One copy for each owner that has anything."""
        owners, parts, rows, shared = self.rows()
        average = np.array([each.size / self.counts[number] if self.counts.get(number) else 0 for number, each in enumerate(self.parts)])
        sizes = np.bincount(owners, average[parts], len(selectors)) if len(owners) else np.zeros(len(selectors))
        left = dict(self.others)
        for each in spelt([part.head for part in self.parts], owners, parts, rows, shared):
            yield self._copy(dataset, follow, selectors[each.owner], each, left.pop(each.owner, None), int(sizes[each.owner]))
        for owner, other in sorted(left.items()):
            yield self._copy(dataset, follow, selectors[owner], SpeltKeys(owner, (), 0, frozenset()), other, 0)

    def _copy(
        self, dataset: str, follow: Sequence[str], selector: Selector, mine: SpeltKeys, other: FoundBesideRows | None, size: int
    ) -> Copy:
        links = {name: frozenset(self.links.get((mine.owner, name), ())) for name in follow} if follow else {}
        keys, items, shared = mine.keys, mine.rows, mine.shared
        if other is not None:
            keys, items, size, shared = (*keys, *other.keys), items + other.items, size + other.bytes, shared | other.shared
        return Copy(dataset, selector.subject, keys, items, size, links, selector, shared, lasting=False)


class LakeSearch:
    """One pass over the files of one dataset."""

    def __init__(self, lake: Lake, layout: LakeLayout, everything: Sequence[LakeLayout], recall: IndexRecall | None = None) -> None:
        self._lake = lake
        self._layout = layout
        self._everything = everything
        self._recall = recall
        self._name = layout.dataset.name
        self.prune = True
        """Whether what footers say of row groups is believed."""
        self.damaged: dict[str, Damaged] = {}
        """Files that a call could not read."""

    def locate(self, selectors: Sequence[Selector]) -> Iterator[Copy]:
        """One copy for each selector that anything belongs to, or that an unreadable file may hold something of."""
        hits = self.find(selectors)
        for key in self.damaged:
            # It may hold anybody's data: whoever is asked for has an item here that cannot be erased before it is mended.
            for owner in range(len(selectors)):
                other = hits.others.setdefault(owner, FoundBesideRows())
                other.keys.append(f"{key}#{UNREADABLE}")
                other.items += 1
        return hits.copies(self._name, self._layout.dataset.follow, selectors)

    def find(self, selectors: Sequence[Selector]) -> LakeHits:
        """Find the items that the selectors mean, still as columns of numbers. Raises CouldNotLook."""
        targets = Targets(selectors)
        named = not targets.simple or any(set(targets.fields) & each.placeholders for each in self._layout.templates)
        wanted = WantedValues(selectors if named else ())
        hits = LakeHits()
        try:
            for template in self._layout.templates:
                self._look_along(template, wanted, targets, hits)
        except OSError as error:
            message = f"dataset {self._name}: a folder or file cannot be read"
            raise CouldNotLook(message, help="see `expunge check` for which one; give this user the right to read it") from error
        return hits

    def _look_along(self, template: CompiledTemplate, wanted: WantedValues, targets: Targets, hits: LakeHits) -> None:
        columns = self._layout.columns(template, targets.fields)
        first = len(hits.parts)
        said: dict[int, NameFacts] = {}
        for part in self._lake.parts(template, leads(wanted, template, columns)):
            folder = part.key.endswith("/")
            says = wanted.says(part.readings, lambda: None, inside=not folder)
            owners = says.whole
            if folder:
                # A folder that the template itself names is nobody's, also where everything is meant.
                owners = owners if template.segments[part.key.count("/") - 1].placeholders else owners - wanted.every
                if owners and not self._lake.holds(part.key, self._everything):
                    for owner in owners:
                        other = hits.others.setdefault(owner, FoundBesideRows())
                        other.keys.append(part.key)
                        other.items += 1
                        self._follow_name(part, [owner], hits.links)
            elif owners:
                self._whole(part, template, wanted, owners, hits)
            elif (columns or says.part) and not part.is_link:
                if not targets.simple:
                    said[len(hits.parts)] = says
                hits.parts.append(part)
        if columns or said:
            self._look_inside(template, columns, targets, hits, range(first, len(hits.parts)), said)

    # --- whole files ----------------------------------------------------------------------------

    def _whole(self, part: LakeName, template: CompiledTemplate, wanted: WantedValues, owners: set[int], hits: LakeHits) -> None:
        key = f"{part.key}#{WHOLE}"
        rows = self._rows(part, template, owners, hits.links)
        for owner in owners:
            other = hits.others.setdefault(owner, FoundBesideRows())
            if other.keys[-1:] != [key]:
                other.keys.append(key)
            other.items += rows
            other.bytes += part.size
            # A name that can be read in two ways may as well be somebody else's.
            if any(owner not in wanted.in_name((reading,)) for reading in part.readings):
                other.shared.add(key)
        self._follow_name(part, owners, hits.links)

    def _rows(self, part: LakeName, template: CompiledTemplate, owners: set[int], links: Links) -> int:
        """How many rows a whole file has (at least 1, it is there); what they lead to is added to the links."""
        follow = self._layout.columns(template, self._layout.dataset.follow)
        if part.is_link:
            return 1
        try:
            with self._lake.opened(part) as file:
                found = [each for each in leaves(file.schema_arrow) if each.field in follow]
                for group in range(file.metadata.num_row_groups if found else 0):
                    table = read(file, [group], found)
                    for leaf in found:
                        told = {text for values, _ in pieces(table, leaf) for text in texts(values).unique().to_pylist()} - {None}
                        for owner in owners:
                            links.setdefault((owner, leaf.field), set()).update(told)
                return max(1, int(file.metadata.num_rows))
        except FileNotFoundError:
            return 1
        except Unreadable as error:
            if follow:
                message = f"dataset {self._name}: a file that other datasets follow cannot be read"
                raise CouldNotLook(message, help="`expunge check` names it; repair it, then run again") from error
            return 1

    def _follow_name(self, part: LakeName, owners: set[int] | Sequence[int], links: Links) -> None:
        for name in self._layout.dataset.follow:
            told = {reading[name] for reading in part.readings if name in reading}
            for owner in owners if told else ():
                links.setdefault((owner, name), set()).update(told)

    # --- rows -----------------------------------------------------------------------------------

    def _look_inside(
        self,
        template: CompiledTemplate,
        columns: Sequence[str],
        targets: Targets,
        hits: LakeHits,
        mine: range,
        said: Mapping[int, NameFacts],
    ) -> None:
        follow = self._layout.columns(template, self._layout.dataset.follow)
        scan = LakeScan(self._lake, hits.parts, targets, columns, follow)
        scan.prune = self.prune
        scan.says = said
        which: Sequence[int] = mine
        # An index knows values only, not what else is asked.
        recall = self._recall if targets.simple else None
        if recall is not None:
            which, known = recall.narrow(scan, mine, targets, columns, whole=bool(follow))
            hits.add_columns(*known)
        for found in scan.run(which):
            self._take(found, hits)
        named = [name for name in self._layout.dataset.follow if name in template.placeholders]
        if named:
            owners, parts, _, _ = hits.rows()
            for owner, part in np.unique(np.stack([owners, parts]), axis=1).T.tolist():
                if part in mine:
                    self._follow_name(hits.parts[part], [owner], hits.links)
        if recall is not None:
            recall.settle()

    def _take(self, found: ScanResult, hits: LakeHits) -> None:
        for part, owned in found.owned:
            hits.add(part, owned.owners, owned.rows, owned.shared)
        hits.counts.update(found.counts)
        self.damaged.update({hits.parts[number].key: error for number, error in found.damaged.items()})
        for place, told in found.links.items():
            hits.links.setdefault(place, set()).update(told)
        if self._recall is not None and found.learned:
            self._recall.take(found)
