"""Rows as a subject's export, as content for the tracer, and in pages. No cursor stays open between two pages."""

# ruff: noqa: S608 - names come from the catalogue and are quoted; values are bound
from __future__ import annotations

import io
import json
import math
import re
import sqlite3
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any, TypeAlias

from expunge.core.datamap.datamap import Dataset
from expunge.core.retention.age_histogram import Ages, AgeSpan, CountedItem, SpannedItem
from expunge.core.values.copy import Copy, Item, Selector
from expunge.core.values.ids import Pseudonym
from expunge.core.values.timestamps import moment
from expunge.ports.scanner import SEAM, Tracer
from expunge.stores.sqlite.catalogue import SqliteField, SqliteTable
from expunge.stores.sqlite.leaving import LeavingMembers
from expunge.stores.sqlite.match import Row, RowReader, SqliteMatcher, decode_key, encode_key
from expunge.stores.sqlite.members import RowMembers, listed

PAGE = 500
KNOWN_PEOPLE = 200_000
"""Up to so many people, all rows of one carry one control's name; beyond, a person may get several."""
CONTROL_ROWS = 1000
"""Rows of one control that are looked at when only a few controls are asked for."""


def ages(connection: sqlite3.Connection, table: SqliteTable, field: str, size: str, edges: Sequence[datetime]) -> Ages:
    """Rows between moments, ``size`` being SQL for what a row takes. Raises NotInSqliteSchema."""
    counted = CountedItem(edges)
    for value, taken in connection.execute(f"SELECT {table.require(field).sql}, {size} FROM {table.sql} AS t"):
        counted.add(moment(value), taken)
    return counted.ages()


def spans(connection: sqlite3.Connection, table: SqliteTable, by: str, field: str) -> Iterator[AgeSpan]:
    """Rows by the text of a field. Raises NotInSqliteSchema."""
    counted = SpannedItem()
    for value, when in connection.execute(f"SELECT {table.require(by).text}, {table.require(field).sql} FROM {table.sql} AS t"):
        if value is not None:
            counted.add(value, moment(when))
    return counted.spans()


def named(connection: sqlite3.Connection, table: SqliteTable, field: str) -> Iterator[Sequence[str]]:
    """The text of a field, of every row that has one. Raises NotInSqliteSchema."""
    text = table.require(field).text
    cursor = connection.execute(f"SELECT {text} FROM {table.sql} AS t WHERE {text} IS NOT NULL")
    while rows := cursor.fetchmany(PAGE):
        yield [value for (value,) in rows]


def names_of(connection: sqlite3.Connection, table: SqliteTable, keys: Sequence[str]) -> dict[str, dict[str, str]]:
    """Return key -> column -> text of the primary key's columns; nothing for a table without one, whose numbers pass to other rows."""
    columns = [table.require(column.name) for column in table.columns if column.primary]
    if not columns:
        return {}
    where = " AND ".join(f"{each} = ?" for each in table.key)
    sql = f"SELECT {', '.join(field.text for field in columns)} FROM {table.sql} AS t WHERE {where}"
    found: dict[str, dict[str, str]] = {}
    for key in keys:
        row = connection.execute(sql, decode_key(key)).fetchone()
        if row is not None and None not in row:
            found[key] = {field.name: str(text) for field, text in zip(columns, row, strict=True)}
    return found


def export(dataset: str, copy: Copy, reader: RowReader) -> Iterator[Item]:
    """The copy's rows as JSON lines, and each BLOB as a file of its own that the line names."""
    keys = [decode_key(each) for each in copy.keys]
    yield Item(f"{_safe(dataset)}.jsonl", _lines(keys, copy, reader), "application/jsonl")
    for number, key in enumerate(keys):
        row = reader.row(key) if reader.belongs(key, copy.selector) else None
        for at, value in enumerate(row or ()):
            if isinstance(value, bytes):
                yield Item(_blob_name(number, at, reader.names[at]), _blob(key, at, reader))


def _lines(keys: Sequence[Row], copy: Copy, reader: RowReader) -> Iterator[bytes]:
    for number, key in enumerate(keys):
        row = reader.row(key) if reader.belongs(key, copy.selector) else None
        if row is None:
            continue
        shown = {name: _shown(value, _blob_name(number, at, name)) for at, (name, value) in enumerate(zip(reader.names, row, strict=True))}
        try:
            yield json.dumps(shown, ensure_ascii=False).encode() + b"\n"
        except UnicodeEncodeError:
            yield json.dumps(shown).encode() + b"\n"


def _shown(value: Any, file: str) -> Any:
    if isinstance(value, bytes):
        return {"file": file, "bytes": len(value)}
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _blob(key: Row, at: int, reader: RowReader) -> Iterator[bytes]:
    row = reader.row(key)
    value = row[at] if row is not None else b""
    for start in range(0, len(value), 1 << 20):
        yield value[start : start + (1 << 20)]


def _blob_name(number: int, at: int, column: str) -> str:
    return f"blobs/{number}/{at}-{_safe(column)}.bin"


def _safe(name: str) -> str:
    return re.sub(r"[^\w-]", "_", name) or "_"


def trace(dataset: Dataset, copies: Sequence[Copy], table: SqliteTable, reader: RowReader, tracer: Tracer) -> None:
    """Hand every value of every row of the copies to the tracer, and for rows of short values the bytes that join them.

    Of a row that stays for others when all of the copies leave it, the members alone that leave it.
    """
    in_record = [reader.names.index(each) for each in table.recorded]
    leaving = LeavingMembers(table, dataset, copies)
    for copy, key, row in reader.each(copies):
        cuts = leaving.of(copy, key, dict(zip(reader.names, row, strict=True)))
        if cuts is not None:
            for name, cut in cuts.items():
                for member in cut.gone:
                    _hand_over_member(tracer, copy.subject, dataset.name, name, json.loads(member))
                for around in cut.around:
                    tracer.blob(copy.subject, dataset.name, name, io.BytesIO(around.encode("utf-8", "surrogateescape")))
            continue
        for name, value in zip(reader.names, row, strict=True):
            if value is not None:
                _hand_over(tracer, copy.subject, dataset.name, name, value)
        for seam in _seams([row[at] for at in in_record]):
            tracer.blob(copy.subject, dataset.name, SEAM, io.BytesIO(seam))


def _hand_over_member(tracer: Tracer, subject: Pseudonym, dataset: str, name: str, member: Any) -> None:
    if isinstance(member, dict | list):
        for value in member.values() if isinstance(member, dict) else member:
            _hand_over_member(tracer, subject, dataset, name, value)
    elif member is not None and not isinstance(member, bool):
        _hand_over(tracer, subject, dataset, name, member)


_SEAM = 16
_CONTENT = 32
"""Bytes of a value from which on it is taken to be content, which tells whose the row is."""


def _seams(record: Sequence[Any]) -> Iterator[bytes]:
    """What lies around each border of two values in a record (file format 2.1).

    Ids may each be other people's as well, or too short to be looked for (``7``, ``acc-51``); the row that joins them is not.
    """
    if any(isinstance(each, str | bytes) and len(each) >= _CONTENT for each in record):
        return
    stored = [each for each in map(_stored, record) if each]
    if all(len(each) < _CONTENT for each in stored):
        for left, right in pairwise(stored):
            yield left[-_SEAM:] + right[:_SEAM]


def _stored(value: Any) -> bytes:
    """A value as a record of a UTF-8 database holds it; nothing for NULL, 0 and 1, which lie in the record's header."""
    if isinstance(value, str):
        return value.encode("utf-8", "surrogateescape")
    if isinstance(value, bytes):
        return value
    if isinstance(value, float) and not (value.is_integer() and abs(value) < 1 << 47):
        return struct.pack(">d", value)
    if value is None or value in {0, 1}:
        return b""
    # A column of reals keeps whole ones as integers.
    whole = int(value)
    size = next(each for each in (1, 2, 3, 4, 6, 8) if -(1 << (8 * each - 1)) <= whole < 1 << (8 * each - 1))
    return whole.to_bytes(size, "big", signed=True)


def _hand_over(tracer: Tracer, subject: Pseudonym, dataset: str, name: str, value: Any) -> None:
    if isinstance(value, str):
        tracer.text(subject, dataset, name, value)
    elif isinstance(value, bytes):
        tracer.blob(subject, dataset, name, io.BytesIO(value))
        floats = _as_vector(value)
        if floats is not None:
            tracer.vector(subject, dataset, name, floats)
    elif isinstance(value, int | float):
        tracer.number(subject, dataset, name, value)
        if isinstance(value, int) and not -(2**47) <= value < 2**47:
            # Rows hold such integers as 8 bytes, most significant first.
            tracer.blob(subject, dataset, name, io.BytesIO(value.to_bytes(8, "big", signed=True)))


def _as_vector(value: bytes) -> tuple[float, ...] | None:
    """The little-endian 32-bit floats that a BLOB of an embedding holds; None when it looks like anything else."""
    if len(value) % 4 or not 32 <= len(value) <= 1 << 18:
        return None
    floats = struct.unpack(f"<{len(value) // 4}f", value)
    plausible = all(math.isfinite(each) and (each == 0 or 1e-12 < abs(each) < 1e5) for each in floats)
    return floats if plausible and any(floats) else None


Who: TypeAlias = tuple[tuple[str, str], ...]
"""Whose row it is: (field, value) of every subject field that is set; empty for rows of nobody."""


@dataclass(frozen=True)
class BystanderRow:
    """One row of a bystander."""

    key: Row
    who: Who
    links: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class StayingRows:
    """The test of a row for being a bystander's."""

    table: SqliteTable
    fields: Sequence[SqliteField]
    followed: Sequence[SqliteField]
    gone: frozenset[Row]
    """Keys of the erased rows."""
    erased: Mapping[str, set[str]]
    """Subject field -> values whose rows are all erased."""
    inside: RowMembers
    """The subject's fields inside JSON, whose lists may name several people."""

    @property
    def columns(self) -> str:
        """SQL for what :meth:`row` reads."""
        return ", ".join((*self.table.key, *(field.text for field in (*self.fields, *self.followed)), *self.inside.sql))

    def row(self, values: Row) -> BystanderRow | None:
        """Return the row whose :attr:`columns` have these values; None where it is erased."""
        width = len(self.table.key)
        end = width + len(self.fields) + len(self.followed)
        shown, links = values[width : width + len(self.fields)], values[width + len(self.fields) : end]
        pairs = zip(self.fields, shown, strict=True)
        who = tuple((field.name, member) for field, value in pairs if value is not None for member in listed(value))
        if self.inside.sql:
            who += tuple((name, value) for name, named in self.inside.values(values[end:]).items() for value in sorted(named))
        if values[:width] in self.gone or any(value in self.erased.get(name, ()) for name, value in who):
            return None
        linked = tuple((field.name, value) for field, value in zip(self.followed, links, strict=True) if value is not None)
        return BystanderRow(values[:width], who, linked)


@dataclass(frozen=True)
class SqliteBystanders:
    """The rows of bystanders."""

    connection: sqlite3.Connection
    table: SqliteTable
    dataset: str
    fields: Sequence[str]
    """Names of the subject's fields."""
    erased: Sequence[Copy]
    follow: Sequence[str] = ()
    """Fields that other datasets follow: their values become the copies' links."""

    def everybody(self) -> Iterator[Copy]:
        """Yield all bystanders, page by page: several copies for a bystander whose rows lie in several pages."""
        numbers: dict[Who, int] = {}
        count = 0
        for page in self._pages():
            people: dict[Who, list[BystanderRow]] = {}
            for seen in page:
                people.setdefault(seen.who, []).append(seen)
            for who, rows in people.items():
                number = numbers.get(who, count)
                if number == count:
                    count += 1
                    if len(numbers) < KNOWN_PEOPLE:
                        numbers[who] = number
                yield self.copy(number, who, [row.key for row in rows], rows)

    def a_few(self, limit: int) -> Iterator[Copy]:
        """Yield the first ``limit`` bystanders, each with (at most a thousand of) their rows."""
        people: dict[Who, list[BystanderRow]] = {}
        for page in self._pages():
            for seen in page:
                if seen.who in people or len(people) < limit:
                    people.setdefault(seen.who, []).append(seen)
            if len(people) >= limit:
                break
        keys = {who: [row.key for row in rows] for who, rows in people.items()}
        named = [who for who in people if who]
        if named:
            selectors = [Selector(Pseudonym(f"control-{at}"), {who[0][0]: frozenset({who[0][1]})}) for at, who in enumerate(named)]
            gone = frozenset(map(decode_key, self._gone()))
            theirs = [keys[who] for who in named]
            for number, key, _ in SqliteMatcher(self.connection, self.table, selectors).hits():
                known = theirs[number]
                if len(known) < CONTROL_ROWS and key not in gone:
                    known.append(key)
        for number, who in enumerate([*named, *(person for person in people if not person)]):
            yield self.copy(number, who, keys[who], people[who])

    def copy(self, number: int, who: Who, keys: Sequence[Row], rows: Sequence[BystanderRow]) -> Copy:
        """Return rows of one bystander as a control's copy."""
        names = tuple(dict.fromkeys(map(encode_key, keys)))
        subject = Pseudonym(f"control-{number}")
        match: dict[str, frozenset[str]] = {}
        for name, value in who:
            match[name] = match.get(name, frozenset()) | {value}
        selector = Selector(subject, match) if who else None
        links: dict[str, set[str]] = {}
        for row in rows:
            for name, value in row.links:
                links.setdefault(name, set()).add(value)
        followed = {name: frozenset(values) for name, values in links.items()}
        return Copy(self.dataset, subject, names, len(names), links=followed, selector=selector)

    def _gone(self) -> frozenset[str]:
        return frozenset(key for each in self.erased for key in each.keys)

    def _pages(self) -> Iterator[list[BystanderRow]]:
        """Pages of rows that stay."""
        staying = self.staying()
        width = len(self.table.key)
        order, last = ", ".join(self.table.key), None
        while True:
            places = ", ".join("?" * width)
            after = f" WHERE ({order}) > ({places})" if last is not None else ""
            sql = f"SELECT {staying.columns} FROM {self.table.sql} AS t{after} ORDER BY {order} LIMIT {PAGE}"
            rows = self.connection.execute(sql, last or ()).fetchall()
            page = [seen for row in rows if (seen := staying.row(row)) is not None]
            if page:
                yield page
            if len(rows) < PAGE:
                return
            last = rows[-1][:width]

    def staying(self) -> StayingRows:
        """Return the test of a row for being a bystander's."""
        known = [found for name in self.fields if (found := self.table.field(name)) is not None]
        resolved = [field for field in known if field.affinity != "json"]
        inside = RowMembers(self.table, [field.name for field in known if field.affinity == "json"])
        followed = [found for name in self.follow if (found := self.table.field(name)) is not None]
        return StayingRows(self.table, resolved, followed, frozenset(map(decode_key, self._gone())), self._erased_values(), inside)

    def _erased_values(self) -> Mapping[str, set[str]]:
        values: dict[str, set[str]] = {}
        for each in self.erased:
            # Of somebody who keeps what lies outside a window, the keys alone say what goes.
            for name, wanted in each.selector.match.items() if each.selector and not each.selector.narrowed else ():
                values.setdefault(name, set()).update(wanted)
        return values
