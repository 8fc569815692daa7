"""Rows as a subject's export, as content for the tracer, and in pages of bystanders."""

# ruff: noqa: S608 - names come from the catalogue and are quoted; values go by COPY
from __future__ import annotations

import io
import re
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from expunge.core.datamap.datamap import Dataset
from expunge.core.values.copy import Copy, Item, Selector
from expunge.core.values.ids import Pseudonym
from expunge.ports.scanner import Stretch, Tracer
from expunge.stores.postgres.reading.match import (
    CopyKeys,
    PostgresMatcher,
    Row,
    as_text,
    elements,
    encode_key,
    linked,
    links,
    means,
    narrowing,
    selectors_of,
    transaction,
)
from expunge.stores.postgres.reading.members import JSON, CellRest, RowMembers, leaving_members, rest_of
from expunge.stores.postgres.reading.values import hand, reading, seams, shown
from expunge.stores.postgres.schema.catalogue import PostgresColumn, PostgresField, PostgresTable, quoted
from expunge.stores.postgres.server.connection import Connection

PAGE = 5000
KNOWN_PEOPLE = 200_000
"""Up to so many people, all rows of one carry one control's name; beyond, a person may get several."""
TOGETHER = 50_000
"""Rows that are sorted by person before any is handed on, so that a person has few copies ..."""
AT_FIRST = 500
"""... of the first ones so many, then ten times as many each time: often who asks has enough after a few."""
FEW = 500
"""Rows that are read at once where a few people are enough: most often the first ones are."""
MANY_GONE = 1000
"""Keys from which on the server leaves the erased rows out by itself."""
CONTROL_ROWS = 1000
"""Rows of one control that are looked at when only a few controls are asked for."""
_MEMORY = 16 << 20
_PIECE = 1 << 20
_BLOCK = 4
"""Bytes of the number of a block, of which a ``ctid`` has two more for the place in it."""

Looking: TypeAlias = Callable[[], AbstractContextManager[tuple[Connection, PostgresTable]]]
"""Opens a connection of its own to the dataset's table, for as long as somebody reads."""


def pages(connection: Connection, sql: str, size: int, first: int | None = None) -> Iterator[list[Row]]:
    """The rows of a query in pages, the first one perhaps smaller, by a cursor on the server; the transaction must be open."""
    with connection.cursor("expunge_rows", binary=True) as cursor:
        cursor.execute(sql.encode())
        wanted = first or size
        while rows := cursor.fetchmany(wanted):
            wanted = size
            yield rows


def page_size(connection: Connection, table: PostgresTable) -> int:
    """Return how many rows of a table are held in memory at a time, by the average size of its rows."""
    size = "SELECT sum(pg_catalog.pg_table_size(c.oid)), sum(c.reltuples) FROM pg_catalog.pg_class c WHERE c.oid = ANY (%s)"
    taken, rows = connection.execute(size, (list(table.family),)).fetchone() or (0, 0)
    if not rows or rows < 1:
        return PAGE // 10
    # TOAST is compressed: what is read may be several times what lies there.
    return max(1, min(PAGE, int(_MEMORY / (1 + 4 * float(taken or 0) / rows))))


# --- tracing --------------------------------------------------------------------------------------------


def trace(
    connection: Connection, table: PostgresTable, dataset: Dataset, copies: Sequence[Copy], tracer: Tracer, data: Path | None
) -> None:
    """Hand every value of every row of the copies to the tracer, and for rows of short values the bytes that join them.

    Of a row that stays for others when all of the copies leave it, the members alone that leave it. Says as well in which
    pages the rows lie, where the server's files are at hand, in the folder ``data``, and no value lies in TOAST or in a large object.
    """
    fields = [table.require(name) for name in sorted({name for each in copies if each.selector for name in each.selector.match})]
    hands = [(at, each.name, hand(each)) for at, each in enumerate(table.columns)]
    objects = [at for at, each in enumerate(table.columns) if each.large_object]
    data = None if objects else data
    leaving = leaving_members(table, dataset, copies)
    inside = RowMembers(table, [field.name for field in fields]) if any(field.column.type in JSON for field in fields) else None
    cells = (*(inside.sql if inside else ()), *(leaving.sql if leaving else ()))
    with transaction(connection):
        keys = CopyKeys(connection, table, copies)
        texts = [f"{field.sql}::text[]" if field.form == "array" else f"{field.sql}::text" for field in fields]
        columns = ", ".join(
            (
                *("k.copy", "k.together" if leaving else "NULL"),
                *(*texts, *cells, *map(reading, table.columns)),
                *(("t.tableoid", "t.ctid") if data else ("0", "NULL")),
            )
        )
        asked = narrowing(connection, table, selectors_of(copies)).admits("k.copy")
        sql = f"SELECT {columns} FROM {keys.together if leaving else keys.source} JOIN {table.sql} AS t ON {keys.named()} WHERE {asked}"
        first = 2 + len(fields)
        start, second = first + len(cells), first + (len(inside.sql) if inside else 0)
        lying: dict[int, set[bytes]] = {}
        for page in pages(connection, sql, page_size(connection, table)):
            for row in page:
                copy, values = copies[row[0]], row[start:-2]
                listed = inside is not None and copy.selector is not None and inside.meets(row[first:second], copy.selector.match)
                if not listed and not means(fields, row[2:first], copy.selector):
                    continue
                rest = _rest(leaving, row[second:start], copy, [copies[number] for number in row[1]]) if leaving else None
                if rest is None:
                    for at, name, give in hands:
                        if values[at] is not None:
                            give(tracer, copy.subject, dataset.name, name, values[at])
                    for seam in seams(table.columns, values):
                        tracer.blob(copy.subject, dataset.name, "row", io.BytesIO(seam))
                for name, cell in (rest or {}).items():
                    _hand_members(tracer, copy.subject, dataset.name, name, cell.gone)
                if data:
                    lying.setdefault(row[-2], set()).add(row[-1][:_BLOCK])
            for at in objects:
                _trace_objects(connection, [(copies[row[0]], row[start + at]) for row in page], dataset.name, table.columns[at], tracer)
        for path, stretches in _pages_on_disk(connection, lying, data) if data else ():
            tracer.lies(path, stretches)


def _rest(members: RowMembers, cells: Sequence[Any], copy: Copy, together: Sequence[Copy]) -> dict[str, CellRest] | None:
    """Return the cells that members of one copy leave; None where the row goes as a whole when all copies of it go together."""
    stays = len(together) == 1 or rest_of(members, cells, [each.selector for each in together]) is not None
    return rest_of(members, cells, [copy.selector]) if stays else None


def _hand_members(tracer: Tracer, subject: Pseudonym, dataset: str, name: str, members: Iterable[Any]) -> None:
    for member in members:
        if isinstance(member, dict | list):
            _hand_members(tracer, subject, dataset, name, member.values() if isinstance(member, dict) else member)
        elif isinstance(member, str):
            tracer.text(subject, dataset, name, member)
        elif isinstance(member, int | float) and not isinstance(member, bool):
            tracer.number(subject, dataset, name, member)


def _pages_on_disk(connection: Connection, blocks: Mapping[int, Iterable[bytes]], data: Path) -> Iterator[tuple[Path, list[Stretch]]]:
    """Blocks of tables (oid -> numbers of four bytes) as stretches of the files that the server keeps them in."""
    sizes: dict[str, int] = dict(
        connection.execute("SELECT name, setting::bigint FROM pg_catalog.pg_settings WHERE name IN ('block_size', 'segment_size')")
    )
    size, most = sizes["block_size"], sizes["segment_size"]
    named = """
    SELECT oid, pg_catalog.pg_relation_filepath(oid) FROM pg_catalog.pg_class WHERE oid = ANY(%(oids)s::pg_catalog.oid[]) AND NOT EXISTS (
      SELECT FROM pg_catalog.pg_class c WHERE c.oid = ANY(%(oids)s::pg_catalog.oid[]) AND c.reltoastrelid <> 0
      AND pg_catalog.pg_relation_size(c.reltoastrelid) > 0)"""
    for oid, path in connection.execute(named, {"oids": list(blocks)}).fetchall():
        segments: dict[int, list[Stretch]] = {}
        for each in blocks[oid] if path else ():
            segment, block = divmod(int.from_bytes(each, "big"), most)
            segments.setdefault(segment, []).append((block * size, (block + 1) * size))
        for segment, stretches in segments.items():
            yield data / (f"{path}.{segment}" if segment else path), stretches


def _trace_objects(connection: Connection, named: Sequence[tuple[Copy, Any]], dataset: str, column: PostgresColumn, tracer: Tracer) -> None:
    there = existing(connection, [number for _, number in named if number is not None])
    for copy, number in named:
        if number in there:
            stream = io.BufferedReader(_Object(connection, number), _PIECE)
            tracer.blob(copy.subject, dataset, column.name, stream)


def existing(connection: Connection, numbers: Sequence[int]) -> frozenset[int]:
    """Return those of the numbers that are large objects."""
    sql = "SELECT oid FROM pg_catalog.pg_largeobject_metadata WHERE oid = ANY (%s::pg_catalog.oid[])"
    return frozenset(row[0] for row in connection.execute(sql, (list(numbers),))) if numbers else frozenset()


def chunks(connection: Connection, number: int) -> Iterator[bytes]:
    """The content of a large object, a mebibyte at a time."""
    at = 0
    while True:
        row = connection.execute("SELECT pg_catalog.lo_get(%s, %s, %s)", (number, at, _PIECE), binary=True).fetchone()
        data = bytes(row[0]) if row else b""
        if data:
            yield data
        if len(data) < _PIECE:
            return
        at += len(data)


class _Object(io.RawIOBase):
    """A large object as a stream."""

    def __init__(self, connection: Connection, number: int) -> None:
        super().__init__()
        self._chunks = chunks(connection, number)
        self._waiting = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._waiting or next(self._chunks, b"")
        count = min(len(buffer), len(data))
        buffer[:count], self._waiting = data[:count], data[count:]
        return count


# --- exporting ------------------------------------------------------------------------------------------


def export(looking: Looking, dataset: str, copy: Copy) -> Iterator[Item]:
    """The copy's rows as JSON lines, and each large object that they name as a file of its own."""
    yield Item(f"{_safe(dataset)}.jsonl", _lines(looking, copy), "application/jsonl")
    with looking() as (connection, table):
        columns = [each for each in table.columns if each.large_object]
        found: list[tuple[str, int]] = []
        for column in columns:
            rows = _rows(connection, table, copy, f"t.{quoted(column.name)}")
            there = existing(connection, numbers := [row[0] for row in rows if row[0] is not None])
            found += [(column.name, number) for number in dict.fromkeys(numbers) if number in there]
    for at, (name, number) in enumerate(found):
        yield Item(f"large-objects/{at}-{_safe(name)}.bin", _object(looking, number))


def _lines(looking: Looking, copy: Copy) -> Iterator[bytes]:
    with looking() as (connection, table):
        names = [f"{_json_string(column.name)}: " for column in table.columns]
        for row in _rows(connection, table, copy, ", ".join(map(shown, table.columns))):
            pairs = (name + (value if value is not None else "null") for name, value in zip(names, row, strict=True))
            yield ("{" + ", ".join(pairs) + "}\n").encode("utf-8", "surrogateescape")


def _rows(connection: Connection, table: PostgresTable, copy: Copy, columns: str) -> Iterator[Row]:
    """The copy's rows that are still there and still theirs, in the order of their keys."""
    with transaction(connection):
        keys = CopyKeys(connection, table, [copy])
        matcher = PostgresMatcher(connection, table, selectors_of([copy]))
        order = ", ".join(key.sql for key in table.keys)
        sql = f"SELECT {columns} FROM {keys.source} JOIN {table.sql} AS t ON {keys.named()} WHERE {matcher.belongs()} ORDER BY {order}"
        for page in pages(connection, sql, page_size(connection, table)):
            yield from page


def _object(looking: Looking, number: int) -> Iterator[bytes]:
    with looking() as (connection, _):
        yield from chunks(connection, number)


def _json_string(text: str) -> str:
    return '"' + re.sub(r'[\\"\x00-\x1f]', lambda found: f"\\u{ord(found.group()):04x}", text) + '"'


def _safe(name: str) -> str:
    return re.sub(r"[^\w-]", "_", name) or "_"


# --- people who stay ------------------------------------------------------------------------------------

Who: TypeAlias = tuple[Any, ...]
"""Whose row it is: the text of every subject field (None where it is not set; a tuple of texts for an array)."""


@dataclass(frozen=True)
class PostgresBystanders:
    """The rows of bystanders, read by a cursor on the server: one snapshot, whatever is erased meanwhile."""

    connection: Connection
    table: PostgresTable
    dataset: str
    fields: Sequence[PostgresField]
    """The subject's fields."""
    erased: Sequence[Copy]
    follow: Sequence[str] = ()
    """Fields that other datasets follow: their values become the copies' links."""

    def everybody(self) -> Iterator[Copy]:
        """Yield all bystanders, many rows at a time: several copies for a bystander whose rows lie far apart."""
        numbers: dict[Who, int] = {}
        count = 0
        for people in self._pages(PAGE, AT_FIRST):
            for who, rows in people.items():
                number = numbers.get(who, count)
                if number == count:
                    count += 1
                    if len(numbers) < KNOWN_PEOPLE:
                        numbers[who] = number
                yield self._copy(number, who, rows)

    def a_few(self, limit: int) -> Iterator[Copy]:
        """Yield the first ``limit`` bystanders, each with (at most a thousand of) their rows."""
        people: dict[Who, list[Row]] = {}
        with closing(self._pages(FEW, FEW, by_server=False)) as found:
            for page in found:
                for who, rows in page.items():
                    if who in people or len(people) < limit:
                        people.setdefault(who, []).extend(rows)
                if len(people) >= limit:
                    break
        named = [who for who in people if any(map(_is_set, who))]
        selectors = [_narrowed(self._selector(Pseudonym(str(at)), who)) for at, who in enumerate(named)]
        gone = self._gone()
        if selectors:
            with transaction(self.connection):
                extra = [sql for _, sql in links(self.table, self.follow)]
                for hit in PostgresMatcher(self.connection, self.table, selectors).hits(extra):
                    rows, key = people[named[hit.selector]], encode_key(hit.key)
                    if len(rows) < CONTROL_ROWS and key not in gone:
                        rows.append((key, *hit.extra))
        for number, who in enumerate([*named, *(people.keys() - set(named))]):
            yield self._copy(number, who, people[who])

    def each(
        self, extra: Sequence[str], condition: str, parameters: Mapping[str, Any], numbers: Iterator[int]
    ) -> Iterator[tuple[Row, Copy]]:
        """Yield the rows that a condition over ``t`` names, each as a copy under a number of its own, behind further values of it."""
        gone, values = self._gone(), self._erased_values()
        columns, count = ", ".join((*extra, *self._columns())), len(extra)
        rows = self.connection.execute(f"SELECT {columns} FROM {self.table.sql} AS t WHERE {condition}".encode(), parameters, binary=True)
        for row in rows.fetchall():
            key, who, followed = self._read(row[count:])
            if key not in gone and not (values and _meets(who, values)):
                yield row[:count], self._copy(next(numbers), who, [(key, *followed)])

    def _columns(self) -> Iterator[str]:
        """SQL for a row's key, for whose it is, and for the values that others follow."""
        yield from (f"{each.sql}::text" for each in self.table.keys)
        yield from map(as_text, self.fields)
        yield from (sql for _, sql in links(self.table, self.follow))
        yield from self._inside()[1].sql

    def _inside(self) -> tuple[list[int], RowMembers]:
        """The subject's fields inside JSON, whose lists may name several people: their numbers, and what reads them."""
        nested = [at for at, field in enumerate(self.fields) if field.form == "json"]
        return nested, RowMembers(self.table, [self.fields[at].name for at in nested])

    def _read(self, row: Row) -> tuple[str, Who, Row]:
        """The same of a row as it came."""
        width, count = len(self.table.keys), len(self.table.keys) + len(self.fields)
        who = tuple(tuple(elements(value)) if isinstance(value, list) else value for value in row[width:count])
        nested, inside = self._inside()
        end = len(row) - len(inside.sql)
        if nested:
            who = _with_lists(who, nested, list(inside.values(row[end:]).values()))
        return encode_key(row[:width]), who, row[count:end]

    def _copy(self, number: int, who: Who, rows: Sequence[Row]) -> Copy:
        names = tuple(row[0] for row in rows) if len(rows) == 1 else tuple(dict.fromkeys(row[0] for row in rows))
        subject = Pseudonym(f"control-{number}")
        selector = self._selector(subject, who) if any(map(_is_set, who)) else None
        followed = linked(self.follow, (row[1:] for row in rows)) if self.follow else {}
        return Copy(self.dataset, subject, names, len(names), 0, followed, selector, lasting=self.table.lasting)

    def _selector(self, subject: Pseudonym, who: Who) -> Selector:
        if len(who) == 1 and isinstance(who[0], str):
            return Selector(subject, {self.fields[0].name: frozenset(who)})
        match = {
            field.name: frozenset(value) if isinstance(value, tuple) else frozenset((value,))
            for field, value in zip(self.fields, who, strict=True)
            if _is_set(value)
        }
        return Selector(subject, match)

    def _gone(self) -> frozenset[str]:
        return frozenset(key for each in self.erased for key in each.keys)

    def _pages(self, size: int, together: int, *, by_server: bool = True) -> Generator[dict[Who, list[Row]], None, None]:
        """Rows that stay, each as its key and followed values, by whose it is: ``together`` at first, then more, read ``size`` at once."""
        gone, values = self._gone(), self._erased_values()
        width, count = len(self.table.keys), len(self.table.keys) + len(self.fields)
        columns = ", ".join(self._columns())
        nested, inside = self._inside()
        end = count + len(links(self.table, self.follow))
        lists = any(field.form == "array" for field in self.fields)
        sql = f"SELECT {columns} FROM {self.table.sql} AS t"
        with transaction(self.connection):
            if by_server and len(gone) > MANY_GONE:
                named = CopyKeys(self.connection, self.table, self.erased).named()
                sql, gone = f"{sql} WHERE NOT EXISTS (SELECT FROM pg_temp.expunge_keys AS k WHERE {named})", frozenset()
            people: dict[Who, list[Row]] = {}
            read = 0
            for page in pages(self.connection, sql, size, min(size, together)):
                for row in page:
                    key, who = encode_key(row[:width]), row[width:count]
                    if lists:
                        who = tuple(tuple(elements(each)) if isinstance(each, list) else each for each in who)
                    if nested:
                        who = _with_lists(who, nested, list(inside.values(row[end:]).values()))
                    if key in gone or (values and _meets(who, values)):
                        continue
                    rows = people.get(who)
                    if rows is None:
                        people[who] = [(key, *row[count:end])]
                    else:
                        rows.append((key, *row[count:end]))
                read += len(page)
                if read >= together:
                    yield people
                    people, read, together = {}, 0, min(10 * together, TOGETHER)
            yield people

    def _erased_values(self) -> list[set[str]]:
        """For each field the values of those who are erased; nothing where nobody is."""
        values: list[set[str]] = [set() for _ in self.fields]
        for each in self.erased:
            for known, field in zip(values, self.fields, strict=True):
                # Of somebody who keeps what lies outside a window, the keys alone say what goes.
                named = each.selector is not None and not each.selector.narrowed
                wanted = each.selector.match.get(field.name, frozenset()) if each.selector and named else frozenset()
                known.update(said for value in wanted if (said := field.said(value)) is not None)
        return values if any(values) else []


def _with_lists(who: Who, nested: Sequence[int], named: Sequence[frozenset[str]]) -> Who:
    """Whose a row is, where fields inside JSON lie in lists: those have the texts of all elements."""
    found = list(who)
    for at, texts in zip(nested, named, strict=True):
        found[at] = next(iter(texts)) if len(texts) == 1 else tuple(sorted(texts))
    return tuple(found)


def _narrowed(selector: Selector) -> Selector:
    """By its first field alone: a row is one control's where all fields agree, and found by any."""
    return Selector(selector.subject, dict([next(iter(selector.match.items()))]))


def _is_set(value: Any) -> bool:
    """Whether a subject field says anything: an empty text does, an empty array does not."""
    return value is not None and value != ()


def _meets(who: Who, values: Sequence[set[str]]) -> bool:
    for each, known in zip(who, values, strict=True):
        if isinstance(each, tuple):
            if not known.isdisjoint(each):
                return True
        elif each in known:
            return True
    return False


def fields_of(table: PostgresTable, names: Sequence[str]) -> list[PostgresField]:
    """Return the fields of those names that the table has."""
    return [found for name in names if (found := table.field(name)) is not None]
