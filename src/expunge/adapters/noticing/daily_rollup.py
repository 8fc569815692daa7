"""Sums of looks by day, reviewer, household, recording and case, in columns of NumPy. Ten million looks are summed in seconds."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from expunge.core.noticing.looks import Look, Need
from expunge.core.noticing.measures import Measure, ReviewerDay
from expunge.core.noticing.rules import WINDOW_DAYS

Ints = npt.NDArray[np.int64]
KEYS = ("day", "reviewer", "function", "household", "recording", "case")
"""Columns whose combination is a row: a day as an ordinal, the others by the place of their name among the names."""
SUMS = ("views", "begins", "shown_ms", "private_ms", "off_ms", "past_ms", "refusals", "caseless")
COLUMNS = (*KEYS, *SUMS)
_AT_A_TIME = 200_000
_TOP = 1 << 62


@dataclass(frozen=True)
class Rows:
    """Rows in columns of one length."""

    columns: Mapping[str, Ints]

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.columns["day"])

    def __getitem__(self, name: str) -> Ints:
        """Return one column."""
        return self.columns[name]

    def where(self, mask: npt.NDArray[np.bool_] | Ints) -> Rows:
        """Return some of the rows."""
        return Rows({name: column[mask] for name, column in self.columns.items()})


def no_rows() -> Rows:
    """Return no rows."""
    return Rows({name: np.zeros(0, np.int64) for name in COLUMNS})


def summed(parts: Sequence[Rows]) -> Rows:
    """Return one row for each combination of keys, with the sums of the others, sorted by keys."""
    rows = Rows({name: np.concatenate([part[name] for part in parts]) for name in COLUMNS}) if len(parts) > 1 else parts[0]
    if not len(rows):
        return rows
    order, starts = _groups([rows[name] for name in KEYS])
    first = order[starts]
    keys = {name: rows[name][first] for name in KEYS}
    # Why looked at first: most columns of most parts hold nothing, and to bring one into order costs more than to look.
    sums = {name: np.add.reduceat(rows[name][order], starts) if rows[name].any() else np.zeros(len(starts), np.int64) for name in SUMS}
    return Rows({**keys, **sums})


class DailyRollup:
    """Implements :class:`expunge.ports.noticing.rollups.ViewRollup`."""

    def __init__(self, names: Iterable[str] = ("",), rows: Rows | None = None, needs: Mapping[str, Need] | None = None) -> None:
        """Take over what was kept, or begin with nothing. The first name is the empty one."""
        self._names = list(names)
        self._codes = {name: code for code, name in enumerate(self._names)}
        self._rows = rows or no_rows()
        self._needs = dict(needs or {})

    @property
    def needs(self) -> Mapping[str, Need]:
        """See the port."""
        return self._needs

    @property
    def rows(self) -> Rows:
        """The sums, sorted by keys."""
        return self._rows

    def take(self, looks: Sequence[Look]) -> None:
        """See the port."""
        for start in range(0, len(looks), _AT_A_TIME):
            self.take_rows(self._coded(looks[start : start + _AT_A_TIME]))

    def take_rows(self, rows: Rows) -> None:
        """Add rows whose names are coded as :meth:`code` codes them."""
        self._rows = summed([self._rows, summed([rows])])

    def code(self, name: str) -> int:
        """Return the number of a name; a new one for a name that is not known."""
        return self._codes.get(name) or self._new(name)

    def _new(self, name: str) -> int:
        if not name:
            return 0
        self._codes[name] = len(self._names)
        self._names.append(name)
        return self._codes[name]

    def _coded(self, looks: Sequence[Look]) -> Rows:
        made: dict[str, list[int]] = {name: [] for name in COLUMNS}
        for look in looks:
            for name in KEYS:
                value = getattr(look, name)
                made[name].append(value if name == "day" else self.code(value))
            made["views"].append(0 if look.refusals else 1)
            for name in SUMS[1:]:
                made[name].append(int(getattr(look, name)))
        return Rows({name: np.array(values, np.int64) for name, values in made.items()})

    def days(self, since: date | None = None) -> Sequence[ReviewerDay]:
        """See the port."""
        rows, first = self._rows, since.toordinal() if since else 0
        rows = rows.where(rows["day"] > first - WINDOW_DAYS)
        if not len(rows):
            return ()
        actors = _Actors.of(rows)
        numbers = dict(_numbers(rows, actors))
        found = []
        for index in np.flatnonzero(actors.day >= first).tolist():
            counts = {measure: value for measure, values in numbers.items() if (value := int(values[index]))}
            reviewer, function = self._names[actors.reviewer[index]], self._names[actors.function[index]]
            found.append(ReviewerDay(date.fromordinal(int(actors.day[index])), reviewer, function, counts))
        return sorted(found, key=lambda each: (each.day, each.reviewer))

    def to_bytes(self, mark: Mapping[str, object], needs: Mapping[str, Need]) -> bytes:
        """Return it as a file of NumPy's that holds no objects."""
        wanted = {name: [need.at.isoformat(), need.first_ms, need.last_ms, need.shown_ms, need.closed] for name, need in needs.items()}
        said = json.dumps({"mark": dict(mark), "names": self._names, "needs": wanted}).encode()
        made = io.BytesIO()
        columns: dict[str, Any] = {name: self._rows[name] for name in COLUMNS}
        np.savez(made, said=np.frombuffer(said, np.uint8), **columns)
        return made.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> tuple[dict[str, object], DailyRollup]:
        """Return the mark and the roll-up of such a file. Raises ValueError, KeyError, TypeError, OSError, EOFError for another."""
        with np.load(io.BytesIO(data), allow_pickle=False) as read:
            said = json.loads(read["said"].tobytes())
            rows = Rows({name: read[name].astype(np.int64) for name in COLUMNS})
        needs = {name: Need(datetime.fromisoformat(at), *rest) for name, (at, *rest) in said["needs"].items()}
        return said["mark"], cls(said["names"], rows, needs)


@dataclass(frozen=True)
class _Actors:
    """Each reviewer on each day, and which one a row is about."""

    day: Ints
    reviewer: Ints
    function: Ints
    place: Ints
    """Row -> place in the columns here."""

    @classmethod
    def of(cls, rows: Rows) -> _Actors:
        """Return those of rows that are sorted by day and reviewer."""
        changed = _changes([rows["day"], rows["reviewer"]])
        starts = np.flatnonzero(changed)
        # Why the largest: a refusal has no function, whose number is 0.
        function = np.maximum.reduceat(rows["function"], starts)
        return cls(rows["day"][starts], rows["reviewer"][starts], function, np.cumsum(changed) - 1)

    def sum(self, values: Ints, places: Ints | None = None) -> Ints:
        """Return a sum for each."""
        found = np.zeros(len(self.day), np.int64)
        np.add.at(found, self.place if places is None else places, values)
        return found


def _numbers(rows: Rows, actors: _Actors) -> Iterator[tuple[Measure, Ints]]:
    """Yield each measure with its numbers."""
    for measure, column in _SECONDS.items():
        yield measure, actors.sum(rows[column]) // 1000
    for measure, column in _COUNTS.items():
        yield measure, actors.sum(rows[column])
    seen = rows["views"] > 0
    looked, places = rows.where(seen), actors.place[seen]
    for measure, counted in _OF_LOOKS.items():
        yield measure, counted(looked, actors, places) if len(looked) else np.zeros(len(actors.day), np.int64)


def _different(name: str) -> Callable[[Rows, _Actors, Ints], Ints]:
    def count(rows: Rows, actors: _Actors, places: Ints) -> Ints:
        columns = [places, rows[name]]
        order = _order(columns)
        changed = _changes([column[order] for column in columns])
        return actors.sum(changed.astype(np.int64), places[order])

    return count


def _leases_again(rows: Rows, actors: _Actors, places: Ints) -> Ints:
    columns = [rows["reviewer"], rows["household"], rows["day"]]
    order = _order(columns)
    reviewer, household, day = (column[order] for column in columns)
    starts = np.flatnonzero(_changes([reviewer, household, day]))
    leases = np.add.reduceat(rows["begins"][order], starts)
    known = ~_changes([reviewer[starts], household[starts]])
    known[1:] &= np.diff(day[starts]) < WINDOW_DAYS
    return actors.sum(np.where(known, leases, np.maximum(leases - 1, 0)), places[order][starts])


def _changed_cases(rows: Rows, actors: _Actors, places: Ints) -> Ints:
    columns = [rows["reviewer"], rows["household"], rows["day"], rows["case"]]
    order = _order(columns)
    reviewer, household, day, case = (column[order] for column in columns)
    other = ~_changes([reviewer, household])
    other[1:] &= (case[1:] != case[:-1]) & (np.diff(day) < WINDOW_DAYS)
    return actors.sum(other.astype(np.int64), places[order])


def _households_of_one_case(rows: Rows, actors: _Actors, places: Ints) -> Ints:
    columns = [places, rows["case"], rows["household"]]
    order = _order(columns)
    place, case, household = (column[order] for column in columns)
    starts = np.flatnonzero(_changes([place, case]))
    counts = np.add.reduceat(_changes([place, case, household]).astype(np.int64), starts)
    found = np.zeros(len(actors.day), np.int64)
    np.maximum.at(found, place[starts], counts)
    return found


_SECONDS = {
    Measure.SECONDS: "shown_ms",
    Measure.SECONDS_OFF_HOURS: "off_ms",
    Measure.SECONDS_IN_PRIVATE_ROOMS: "private_ms",
    Measure.SECONDS_PAST_NEED: "past_ms",
}
_COUNTS = {Measure.LEASES: "begins", Measure.REFUSALS: "refusals", Measure.REFUSALS_WITHOUT_CASE: "caseless"}
_OF_LOOKS: dict[Measure, Callable[[Rows, _Actors, Ints], Ints]] = {
    Measure.HOUSEHOLDS: _different("household"),
    Measure.RECORDINGS: _different("recording"),
    Measure.LEASES_AGAIN: _leases_again,
    Measure.CHANGED_CASES: _changed_cases,
    Measure.HOUSEHOLDS_OF_ONE_CASE: _households_of_one_case,
}


def _order(columns: Sequence[Ints]) -> Ints:
    """Return the order of rows by columns, the first one first."""
    return _groups(columns)[0]


def _groups(columns: Sequence[Ints]) -> tuple[Ints, Ints]:
    """Return the order of rows by columns, and the places in it where another combination begins."""
    packed = list(_packed(columns))
    order = np.argsort(packed[0]) if len(packed) == 1 else np.lexsort(tuple(reversed(packed)))
    return order, np.flatnonzero(_changes([column[order] for column in packed]))


def _packed(columns: Sequence[Ints]) -> Iterator[Ints]:
    """Yield as few columns as it takes that sort rows as the given ones do: sorting by one number is much quicker than by several."""
    spans = [_span(column) for column in columns]
    as_they_are = math.prod(spans) < _TOP
    packed, size = np.zeros(len(columns[0]), np.int64), 1
    for column, span in zip(columns, spans, strict=True):
        if as_they_are:
            ranks, width = column - column.min() if len(column) else column, span
        else:
            ranks, width = _ranks(column)
        if size * width >= _TOP:
            yield packed
            packed, size = np.zeros(len(column), np.int64), 1
        packed *= width
        packed += ranks
        size *= width
    yield packed


def _span(column: Ints) -> int:
    return int(column.max()) - int(column.min()) + 1 if len(column) else 1


def _ranks(column: Ints) -> tuple[Ints, int]:
    """Return the place of each number among the different ones that are there, and how many those are."""
    if not len(column):
        return column, 1
    low = int(column.min())
    there = np.zeros(int(column.max()) - low + 1, np.bool_)
    there[column - low] = True
    ranks = np.cumsum(there) - 1
    return ranks[column - low], int(ranks[-1]) + 1


def _changes(columns: Iterable[Ints]) -> npt.NDArray[np.bool_]:
    """Return where a row differs from the one before, in sorted columns; the first one does."""
    changed: npt.NDArray[np.bool_] | None = None
    for column in columns:
        mine = np.ones(len(column), np.bool_)
        np.not_equal(column[1:], column[:-1], out=mine[1:])
        changed = mine if changed is None else changed | mine
    assert changed is not None
    return changed
