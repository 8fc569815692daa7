"""Explain hits in rows about nobody: reference data, aggregates, and rows of people's datasets that name no subject.

No subject is named by a blank value, and none by one that is no key of a person who is there: a placeholder for deleted people.
Such a row is nobody's, and may as well be the erased person's own with the name taken off. So it explains little:

1. A value counts as a whole. It explains the windows in it if a living person who stays has the same value, as matches compare values, in
   a dataset from which such a window was taken; or if the map says that its column lists the values of a column of people, and the window
   is the whole value there.
   A string of a JSON document, and what a value says in another form, are values of their own.
2. A value that names the erased person, in any spelling, explains nothing.
3. What joins values of a row that names no subject (a line of a log, the bytes of a record) is explained if all values of the row are, and
   a living person's row is joined in the same way. In reference data nothing explains it.
"""

from __future__ import annotations

import io
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import BinaryIO, TypeAlias, TypeVar

from expunge.core.datamap.datamap import ByField, Dataset, ReferenceData, Through
from expunge.core.datamap.person import Person
from expunge.core.evidence.traces import IDENTIFIERS, Traces
from expunge.core.values.copy import Copy
from expunge.core.values.ids import Pseudonym
from expunge.engine.evidence import whole_words
from expunge.engine.kernel import store_calls
from expunge.engine.kernel.context import Context
from expunge.engine.kernel.rows_at_places import RowsAtPlaces
from expunge.engine.subjects import orphaned_items
from expunge.engine.subjects.living_keys import LivingKeys
from expunge.ports.scanner import SEAM, Scanner, Stretch, Tracer

_BATCH = 2_000
"""Rows of living people that are read together."""
_JOINED = 1 << 16
"""Bytes of a row that are looked at as it lies there."""
_Value: TypeAlias = "str | float"
_Key = TypeVar("_Key")
_Each = TypeVar("_Each")


@dataclass(frozen=True)
class Cell:
    """A value in some column of rows about nobody."""

    dataset: str
    column: str
    value: _Value = field(repr=False)


@dataclass(frozen=True)
class _Row:
    """One row: where a hit lies in it, and its cells."""

    place: Hashable
    dataset: Dataset
    cells: Collection[Pseudonym]


@dataclass(frozen=True)
class NobodysContent:
    """What rows about nobody hold of the windows."""

    explained: Mapping[Hashable, frozenset[int]]
    """Place -> the windows that a row there explains."""
    lying: Mapping[Hashable, frozenset[int]]
    """Place -> the windows that a row there holds, explained or not."""
    datasets: Mapping[Hashable, frozenset[str]]
    """Place -> the datasets that the rows there belong to."""
    values: Mapping[int, frozenset[Cell]]
    """Window -> the values that explain it."""


class NobodysRows:
    """Rows about nobody at the places of hits."""

    def __init__(
        self,
        context: Context,
        traces: Traces,
        candidates: frozenset[int],
        people: Sequence[Person],
        erased: Mapping[str, Sequence[Copy]],
        before: frozenset[int],
        rewritten: frozenset[str],
        living: LivingKeys,
    ) -> None:
        """Prepare to read rows.

        Args:
            context: the composition.
            traces: all of the order.
            candidates: windows that were seen, as indexes into the traces.
            people: the erased people.
            erased: dataset -> copies of the erased people that are live, or kept.
            before: windows of bystanders in the datasets that their store rewrites by itself.
            rewritten: these datasets.
            living: tells which rows name a person who is there.
        """
        self._context, self._traces, self._people, self._erased = context, traces, people, erased
        self._before, self._rewritten, self._living_keys = before, rewritten, living
        self._candidates = candidates
        named = {each.digest for each in traces.traces if each.dataset == IDENTIFIERS}
        self._names = frozenset(index for index in candidates if traces.traces[index].digest in named)
        self._listed = _listed(context, traces)
        self._placed = context.scanner.placed(traces, candidates.union(*self._listed.values()))
        self._cells = _Cells(self._placed)
        self._passing = whole_words.without_identifiers(context, self._cells, people, seams=True, keeping=False)
        self._rows: dict[Pseudonym, _Row] = {}

    def note(self, dataset: Dataset, rows: Iterable[tuple[Hashable, Copy]], reading: RowsAtPlaces) -> None:
        """Read rows that are about nobody. Raises what the store raises when it cannot be read."""
        reader = _RowReader(self._cells, self._passing, self._context.scanner)
        at = reading.trace(dataset, rows, reader)
        self._passing.pass_on()
        self._rows.update((row, _Row(place, dataset, reader.cells.get(row, frozenset()))) for row, place in at.items())

    def content(self) -> NobodysContent:
        """Tell what the rows explain. Raises what stores raise when living people's values cannot be read."""
        held = self._placed.held_by()
        cells = {name: held.get(name, frozenset()) & self._candidates for name in self._cells.known}
        met = {name: held.get(name, frozenset()) & self._candidates for name in self._rows}
        documents = self._cells.documents
        joints = {
            name: met[name]
            .union(*(cells[each] for each in row.cells if each in documents))
            .difference(*(cells[each] for each in row.cells if each not in documents))
            for name, row in self._rows.items()
        }
        fit = {name for name, windows in cells.items() if windows and name in self._cells.unaltered and not windows & self._names}
        listed = {name for name in fit if self._is_listed(self._cells.known[name], held[name])}
        living = self._asked_of_the_living({name: cells[name] for name in fit - listed}, joints)
        explained: dict[Hashable, set[int]] = {}
        lying: dict[Hashable, set[int]] = {}
        datasets: dict[Hashable, set[str]] = {}
        values: dict[int, set[Cell]] = {}
        for name, row in self._rows.items():
            told = [each for each in row.cells if cells[each] or each not in self._cells.unaltered]
            found = set[int]()
            for each in told:
                if each in listed or each in living.cells:
                    found |= cells[each] if each in listed else self._not_moved(cells[each], living.cells[each])
                    for index in cells[each]:
                        values.setdefault(index, set()).add(self._cells.known[each])
            if all(each in living.cells for each in told if each not in documents) and isinstance(row.dataset.subject, ByField | Through):
                found |= joints[name] & living.joints - self._names
            explained.setdefault(row.place, set()).update(found)
            lying.setdefault(row.place, set()).update(joints[name], *(cells[each] for each in row.cells))
            datasets.setdefault(row.place, set()).add(row.dataset.name)
        return NobodysContent(_frozen(explained), _frozen(lying), _frozen(datasets), _frozen(values))

    def _is_listed(self, cell: Cell, windows: frozenset[int]) -> bool:
        """Return whether the map says that the value's column lists values of people, and the erased person had it as a whole there."""
        if not isinstance(cell.value, str):
            return False
        size = len(cell.value.encode("utf-8", "surrogateescape"))
        whole = windows & self._listed.get((cell.dataset, cell.column), frozenset())
        return any(self._traces.traces[each].length == size for each in whole)

    def _not_moved(self, windows: frozenset[int], sources: frozenset[str]) -> frozenset[int]:
        """Why less: a trigger may have handed the erased person's content to the living; their own is what they held before as well."""
        return windows if sources - self._rewritten else windows & self._before

    def _asked_of_the_living(self, cells: Mapping[Pseudonym, frozenset[int]], joints: Mapping[Pseudonym, frozenset[int]]) -> _Living:
        """Look for the values, and for what joins values, among living people in the datasets from which the windows were taken."""
        by_digest: dict[bytes, set[str]] = {}
        for each in self._traces.traces:
            if each.subject not in self._traces.controls:
                by_digest.setdefault(each.digest, set()).add(each.dataset)
        wanted: dict[str, dict[_Value, set[Pseudonym]]] = {}
        for name, windows in cells.items():
            for source in {source for index in windows for source in by_digest[self._traces.traces[index].digest]}:
                wanted.setdefault(source, {}).setdefault(self._cells.known[name].value, set()).add(name)
        joined = frozenset().union(*joints.values())
        told, also = dict[Pseudonym, set[str]](), set[int]()
        sources = {*wanted, *(source for index in joined for source in by_digest[self._traces.traces[index].digest])}
        for source in sorted(sources):
            dataset = self._context.data_map.datasets.get(source)
            if dataset is None or not isinstance(dataset.subject, ByField | Through):
                continue
            found, held = self._living_in(dataset, wanted.get(source, {}), joined - also)
            for value in found:
                for name in wanted[source][value]:
                    told.setdefault(name, set()).add(source)
            also |= held & self._before if source in self._rewritten else held
        return _Living({name: frozenset(each) for name, each in told.items()}, frozenset(also))

    def _living_in(
        self, dataset: Dataset, values: Mapping[_Value, set[Pseudonym]], joined: frozenset[int]
    ) -> tuple[frozenset[_Value], frozenset[int]]:
        """Return those of some values, and of windows that join values, that people who stay have in a dataset."""
        opened = self._context.open_store(dataset.store)
        holder = self._context.scanner.holder(self._traces, joined)
        passing = whole_words.without_identifiers(self._context, holder, self._people, seams=True, keeping=False)
        looked = _LivingValues(values.keys(), passing, self._context.scanner)
        mine = self._erased.get(dataset.name, ())
        others = orphaned_items.owned(
            self._context,
            dataset,
            store_calls.bystanders(opened, dataset, mine, None),
            {dataset.name: mine, **self._erased},
            self._living_keys,
        )
        while batch := list(islice(others, _BATCH)):
            store_calls.trace(opened, dataset, batch, looked)
            passing.pass_on()
            if len(looked.found) == len(values) and joined <= holder.held():
                break
        return frozenset(looked.found), holder.held()


def _frozen(some: Mapping[_Key, set[_Each]]) -> dict[_Key, frozenset[_Each]]:
    return {key: frozenset(each) for key, each in some.items()}


def _listed(context: Context, traces: Traces) -> dict[tuple[str, str], frozenset[int]]:
    """Return, for each column of reference data that lists values of people, the windows of these as they were written there."""
    written = dict[tuple[str, str], set[int]]()
    for index, each in enumerate(traces.traces):
        if each.subject not in traces.controls and each.form == "utf-8":
            written.setdefault((each.dataset, each.part), set()).add(index)
    return {
        (dataset.name, column): frozenset(index for source in sources for index in written.get(source, ()))
        for dataset in context.data_map.datasets.values()
        if isinstance(dataset.subject, ReferenceData)
        for column, sources in dataset.subject.vocabulary.items()
    }


@dataclass(frozen=True)
class _Living:
    """What living people have as well."""

    cells: Mapping[Pseudonym, frozenset[str]]
    """Cell -> the datasets in which a living person has its value."""
    joints: frozenset[int]


class _Cells:
    """Hands each different cell on once, under a name of its own, and notes which ones come without a name taken out of them."""

    def __init__(self, placed: Tracer) -> None:
        self._placed = placed
        self._numbers: dict[Cell, Pseudonym] = {}
        self.known: dict[Pseudonym, Cell] = {}
        self.unaltered: set[Pseudonym] = set()
        self.documents: set[Pseudonym] = set()
        """Those within which others are values by themselves; what joins these is like what joins the values of a row."""

    def name_of(self, cell: Cell) -> tuple[Pseudonym, bool]:
        """Return the name of a cell, and whether it is new."""
        known = self._numbers.get(cell)
        if known is not None:
            return known, False
        name = self._numbers[cell] = Pseudonym(f"cell-{len(self._numbers)}")
        self.known[name] = cell
        return name, True

    def text(self, subject: Pseudonym, dataset: str, field: str, value: str) -> None:
        if self.known[subject].value == value:
            self.unaltered.add(subject)
        self._placed.text(subject, dataset, field, value)

    def number(self, subject: Pseudonym, dataset: str, field: str, value: float) -> None:
        self.unaltered.add(subject)
        self._placed.number(subject, dataset, field, value)

    def blob(self, subject: Pseudonym, dataset: str, field: str, stream: BinaryIO) -> None:
        self._placed.blob(subject, dataset, field, stream)

    def vector(self, subject: Pseudonym, dataset: str, field: str, value: Sequence[float]) -> None:
        """Numbers of an embedding are no value that anybody else has."""

    def name(self, subject: Pseudonym, dataset: str, value: str) -> None:
        """Names of files are no values."""

    def lies(self, path: Path, stretches: Sequence[Stretch]) -> None:
        """Places are known."""


class _RowReader:
    """Takes the content of rows: their cells, and the values within these, each once, and the bytes that join them."""

    def __init__(self, cells: _Cells, passing: Tracer, scanner: Scanner) -> None:
        self._cells, self._passing, self._scanner = cells, passing, scanner
        self.cells: dict[Pseudonym, set[Pseudonym]] = {}
        """Row -> the cells in it."""

    def text(self, subject: Pseudonym, dataset: str, field: str, value: str) -> None:
        for each in (value, *self._scanner.parts(value)):
            self._cell(subject, dataset, field, each)

    def _cell(self, subject: Pseudonym, dataset: str, field: str, value: str) -> None:
        name, new = self._cells.name_of(Cell(dataset, field, value))
        self.cells.setdefault(subject, set()).add(name)
        if new:
            self._passing.text(name, dataset, field, value)
            if any(True for _ in self._scanner.parts(value)):
                self._cells.documents.add(name)

    def number(self, subject: Pseudonym, dataset: str, field: str, value: float) -> None:
        name, new = self._cells.name_of(Cell(dataset, field, float(value)))
        self.cells.setdefault(subject, set()).add(name)
        if new:
            self._passing.number(name, dataset, field, value)

    def blob(self, subject: Pseudonym, dataset: str, field: str, stream: BinaryIO) -> None:
        data = stream.read(_JOINED)
        for each in self._scanner.parts(data) if field != SEAM else ():
            self._cell(subject, dataset, field, each)
        self._passing.blob(subject, dataset, field, io.BytesIO(data))

    def vector(self, subject: Pseudonym, dataset: str, field: str, value: Sequence[float]) -> None:
        """See :class:`_Cells`."""

    def name(self, subject: Pseudonym, dataset: str, value: str) -> None:
        """See :class:`_Cells`."""

    def lies(self, path: Path, stretches: Sequence[Stretch]) -> None:
        """Places are known."""


class _LivingValues:
    """Takes the content of people who stay, and notes which of some values they have as a whole."""

    def __init__(self, values: Iterable[_Value], joined: Tracer, scanner: Scanner) -> None:
        self._values = frozenset(values)
        self._scanner = scanner
        self._folded: dict[str, set[str]] = {}
        """A text as matches compare it, and those of the values that come out so."""
        for value in (each for each in self._values if isinstance(each, str)):
            self._folded.setdefault(scanner.folded(value), set()).add(value)
        self._joined = joined
        self.found: set[_Value] = set()

    def text(self, subject: Pseudonym, dataset: str, field: str, value: str) -> None:
        parts = tuple(self._scanner.parts(value))
        self._note((value, *parts))
        if parts:
            self._joined.text(subject, dataset, field, value)

    def _note(self, values: Iterable[str]) -> None:
        for value in values:
            self.found.update(self._folded.get(self._scanner.folded(value), ()))

    def number(self, subject: Pseudonym, dataset: str, field: str, value: float) -> None:  # noqa: ARG002 - whoever has it
        if value in self._values:
            self.found.add(float(value))

    def blob(self, subject: Pseudonym, dataset: str, field: str, stream: BinaryIO) -> None:
        data = stream.read(_JOINED)
        if self._folded and field != SEAM:
            self._note(self._scanner.parts(data))
        self._joined.blob(subject, dataset, field, io.BytesIO(data + stream.read()))

    def vector(self, subject: Pseudonym, dataset: str, field: str, value: Sequence[float]) -> None:
        """No value of a row about nobody is one."""

    def name(self, subject: Pseudonym, dataset: str, value: str) -> None:
        """No value of a row about nobody is one."""

    def lies(self, path: Path, stretches: Sequence[Stretch]) -> None:
        """Places are known."""
