"""Read a folder of FAISS indexes: copies of subjects, bystanders, ages, export and traced content."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import BinaryIO, cast

from expunge.core.retention.age_histogram import Ages, AgeSpan, CountedItem, SpannedItem
from expunge.core.values.copy import Copy, Selector
from expunge.core.values.ids import Pseudonym
from expunge.core.values.timestamps import latest
from expunge.ports.scanner import Tracer
from expunge.stores.arrow.row_values import spoken, trace_row
from expunge.stores.faiss import memory_index
from expunge.stores.faiss.index_folder import FaissFolder, Shard, of_keys
from expunge.stores.tree.folder_layout import SubjectTally, WantedValues
from expunge.stores.tree.record_files import FileRecord
from expunge.stores.tree.search import control

_TELLING = 32
"""Bytes of a code, below which many people may have the same."""


class FaissReading:
    """Reads of one dataset. Everything raises Damaged, Unreadable and OSError."""

    def __init__(self, folder: FaissFolder) -> None:
        self.folder = folder
        self._dataset = folder.dataset
        self._number = folder.number_field

    def locate(self, selectors: Sequence[Selector]) -> Iterator[Copy]:
        """One pass over the sidecars; index files are read where they have none, and where everything is meant."""
        wanted = WantedValues(selectors)
        tallies = [SubjectTally() for _ in selectors]
        for shard in self.folder.shards():
            self.folder.require(shard, [*wanted.fields, *wanted.beside])
            self._in_shard(shard, wanted, tallies)
        for selector, tally in zip(selectors, tallies, strict=True):
            if tally.keys:
                yield self._copy(selector, tally)

    def _copy(self, selector: Selector, tally: SubjectTally) -> Copy:
        links = {name: frozenset(tally.links.get(name, ())) for name in self._dataset.follow}
        keys, shared = tuple(tally.keys), frozenset(tally.shared)
        return Copy(self._dataset.name, selector.subject, keys, tally.items, tally.bytes, links, selector, shared)

    def _in_shard(self, shard: Shard, wanted: WantedValues, tallies: Sequence[SubjectTally]) -> None:
        says = wanted.says((), None, inside=True)
        told: set[int] = set()
        for number, record in self.records(shard, [*wanted.fields, *wanted.beside, *self._dataset.follow]):
            told.add(number)
            for owner in wanted.in_record(record, wanted.fields, says):
                links = {name: record.texts(name) for name in self._dataset.follow}
                tallies[owner].add(shard.item(number), len(record.raw), links)
                match = wanted.selectors[owner].match
                if any(not values.issuperset(record.texts(name)) for name, values in match.items()):
                    tallies[owner].shared.add(shard.item(number))
        alone = [owner for owner in wanted.every if not wanted.selectors[owner].narrowed]
        if alone and shard.sidecar is not None and shard.there:
            # Where everything is meant, so are vectors of which nobody knows whose they are.
            for number in memory_index.ids(shard.load().index).tolist():
                for owner in alone if number not in told else ():
                    tallies[owner].add(shard.item(number), 0, {})

    def records(self, shard: Shard, fields: Sequence[str]) -> Iterator[tuple[int, FileRecord]]:
        """Yield the record of each vector: that of the sidecar, or that of the index itself, which knows numbers only."""
        if shard.sidecar is not None:
            yield from shard.records(self._number, fields)
            return
        for number in dict.fromkeys(memory_index.ids(shard.load().index).tolist()):
            yield number, FileRecord(b"", {self._number: number}, 0)

    def bystanders(self, erased: Sequence[Copy], limit: int | None) -> Iterator[Copy]:
        """Yield the bystanders, grouped by the values of the subject fields."""
        fields = self.folder.layout.dataset.subject_fields
        gone = {key for copy in erased for key in copy.keys}
        leaving = [each.selector for each in erased if each.selector]
        groups: dict[tuple[frozenset[str], ...], SubjectTally] = {}
        for shard in self.folder.shards():
            self.folder.require(shard, fields)
            for number, record in self.records(shard, [*fields, *self._dataset.follow]):
                group = tuple(record.texts(name) for name in fields)
                if shard.item(number) in gone or not any(group):
                    continue
                if group not in groups and limit is not None and len(groups) >= limit:
                    continue
                links = {name: record.texts(name) for name in self._dataset.follow}
                groups.setdefault(group, SubjectTally()).add(shard.item(number), len(record.raw), links)
        for number, (group, tally) in enumerate(groups.items()):
            match = {name: values for name, values in zip(fields, group, strict=True) if values}
            yield self._copy(control(Pseudonym(f"control-{number}"), match, leaving), tally)

    # --- ages -----------------------------------------------------------------------------------

    def ages(self, name: str, edges: Sequence[datetime]) -> Ages:
        """Records between moments."""
        counted = CountedItem(edges)
        for shard in self.folder.shards():
            for _, record in self.records(shard, [name]):
                counted.add(latest(record.texts(name)), len(record.raw))
        return counted.ages()

    def spans(self, by: str, name: str) -> Iterator[AgeSpan]:
        """Records of each value, with the oldest and the newest time."""
        counted = SpannedItem()
        for shard in self.folder.shards():
            for _, record in self.records(shard, [by, name]):
                when = latest(record.texts(name))
                for value in record.texts(by):
                    counted.add(value, when)
        yield from counted.spans()

    def named(self, name: str) -> Iterator[Sequence[str]]:
        """Values of a field, a list for each index."""
        for shard in self.folder.shards():
            self.folder.require(shard, [name])
            yield sorted({text for _, record in self.records(shard, [name]) for text in record.texts(name)})

    # --- shown and traced -------------------------------------------------------------------------

    def lines_of(self, copy: Copy) -> Iterator[bytes]:
        """Yield one JSON object for each vector: the fields of the sidecar, and the vector as the index gives it back."""
        for file, numbers in of_keys(copy.keys).items():
            shard = self.folder.shard(file)
            if shard is None:
                continue
            told = self._told(shard, numbers)
            found = dict(memory_index.vectors(shard.load().index, numbers)) if shard.there else {}
            for number in numbers:
                row = dict(told.get(number, {self._number: number}))
                if number in found:
                    row["vector"] = [float(each) for each in found[number]]
                yield json.dumps(spoken(row), ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n"

    def _told(self, shard: Shard, numbers: Sequence[int]) -> dict[int, Mapping[str, object]]:
        """The records of some numbers."""
        asked = set(numbers)
        found: dict[int, Mapping[str, object]] = {}
        for number, record in shard.records(self._number, self.folder.layout.dataset.subject_fields):
            if number in asked and isinstance(record.value, dict):
                found[number] = record.value
        return found

    def trace(self, copies: Sequence[Copy], tracer: Tracer) -> None:
        """Trace records, numbers, vectors, and the codes that the index stores."""
        name = self._dataset.name
        whose: dict[str, dict[int, list[Pseudonym]]] = {}
        for copy in copies:
            for file, numbers in of_keys(copy.keys).items():
                for number in numbers:
                    whose.setdefault(file, {}).setdefault(number, []).append(copy.subject)
        for file, owners in whose.items():
            shard = self.folder.shard(file)
            if shard is None:
                continue
            for number, row in self._told(shard, list(owners)).items():
                for subject in owners[number]:
                    trace_row(name, subject, dict(row), tracer)
            if shard.there:
                self._trace_index(shard, owners, tracer)

    def _trace_index(self, shard: Shard, owners: Mapping[int, Sequence[Pseudonym]], tracer: Tracer) -> None:
        index, name = shard.load().index, self._dataset.name
        for number, code in memory_index.codes(index, owners):
            for subject in owners[number] if len(code) >= _TELLING else ():
                tracer.blob(subject, name, "code", cast("BinaryIO", io.BytesIO(code)))
        for number, vector in memory_index.vectors(index, owners):
            for subject in owners[number]:
                tracer.vector(subject, name, "vector", [float(each) for each in vector])
