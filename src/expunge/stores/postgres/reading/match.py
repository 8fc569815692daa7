"""Find rows by the values of subject fields, and by key. All values of a call go to the server by COPY into temporary tables.

COPY is needed because a server may log every statement with its parameters, whatever the client asks. Data sent by COPY is never logged,
and a temporary table lies in no write-ahead log. These tables are never analysed: their statistics would outlive them.
"""

# ruff: noqa: S608 - names come from the catalogue and are quoted; values go by COPY
from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from json.encoder import encode_basestring
from typing import Any, TypeAlias

from psycopg.errors import FeatureNotSupported, ReadOnlySqlTransaction

from expunge.core.values.copy import Copy, Selector
from expunge.stores.postgres.reading.members import VALUE, json_values
from expunge.stores.postgres.reading.times import PostgresNarrowing
from expunge.stores.postgres.schema.catalogue import NotInPostgresSchema, PostgresColumn, PostgresField, PostgresSchema, PostgresTable
from expunge.stores.postgres.server.connection import Connection

Row: TypeAlias = tuple[Any, ...]
_CHUNK = 1 << 18
_PLAIN = {"bigint": (str.isdecimal, 22), "text": (str.isalnum, 1 << 20)}
"""Type of a key of one part -> how to tell one that needs no second look, and up to which length of its JSON."""
COUNTED = "_expunge_counted"
"""Ends the names of indexes on temporary tables."""
_FEW = 200
"""Rows of a temporary table that fill less of it than the server supposes."""
_INDEXED = 2000
"""Bytes of values that fit into an entry of an index."""
_LATIN = {1: 1, 2: 2, 3: 3, 4: 4, 5: 9, 6: 10, 7: 13, 8: 14, 9: 15, 10: 16}
_CODECS = {
    **{f"LATIN{number}": f"iso8859-{part}" for number, part in _LATIN.items()},
    **{f"ISO_8859_{part}": f"iso8859-{part}" for part in range(5, 9)},
    **{f"WIN{page}": f"cp{page}" for page in (866, 874, *range(1250, 1259))},
    "KOI8R": "koi8-r",
    "KOI8U": "koi8-u",
    "EUC_JP": "euc-jp",
    "EUC_JIS_2004": "euc-jis-2004",
    "EUC_KR": "euc-kr",
    "EUC_CN": "gb2312",
}
"""Encoding of a database -> Python's codec; all others hold any Unicode, or any bytes."""


def encode_key(key: Sequence[str]) -> str:
    """A row's key, the texts of its parts, as JSON; the opposite of :func:`decode_key`."""
    return f"[{encode_basestring(key[0])}]" if len(key) == 1 else "[" + ", ".join(map(encode_basestring, key)) + "]"


def decode_key(text: str) -> tuple[str, ...]:
    """The texts of a key's parts."""
    inner = text[2:-2]
    if '"' not in inner and "\\" not in inner:
        return (inner,)  # one part without anything to unescape: as JSON would have it, in a tenth of the time
    return tuple(json.loads(text))


@contextmanager
def transaction(connection: Connection) -> Iterator[None]:
    """A transaction that is rolled back at the end, temporary tables and all: for looking."""
    try:
        # Temporary tables need it, also where default_transaction_read_only says otherwise.
        connection.execute("BEGIN READ WRITE")
    except FeatureNotSupported as error:
        raise ReadOnlySqlTransaction("a standby") from error
    try:
        yield
    finally:
        if not connection.closed:
            connection.execute("ROLLBACK")


class EncodableTexts:
    """The texts that a database can hold at all."""

    def __init__(self, connection: Connection) -> None:
        self._name = connection.info.parameter_status("server_encoding") or "UTF8"
        self._codec = _CODECS.get(self._name, "utf-8")

    def bytes(self, text: str) -> bytes | None:
        """The text as it is sent; None when no row can hold it."""
        if text.isascii():
            return text.encode()
        try:
            text.encode(self._codec)
            return text.encode()
        except UnicodeEncodeError:
            return text.encode("utf-8", "surrogateescape") if self._name == "SQL_ASCII" else None


def escaped(data: bytes) -> bytes:
    """A value in the text format of COPY."""
    if b"\\" in data:
        data = data.replace(b"\\", b"\\\\")
    return data.replace(b"\t", b"\\t").replace(b"\n", b"\\n").replace(b"\r", b"\\r")


def load(connection: Connection, table: str, lines: Iterable[bytes]) -> int:
    """COPY lines, each of them a row, into a temporary table; return their number."""
    with connection.cursor() as cursor, cursor.copy(f"COPY pg_temp.{table} FROM STDIN".encode()) as copy:
        waiting: list[bytes] = []
        count = size = 0
        for line in lines:
            waiting.append(line)
            count += 1
            size += len(line)
            if size > _CHUNK:
                copy.write(b"".join(waiting))
                waiting, size = [], 0
        copy.write(b"".join(waiting))
    return count


def _counted(connection: Connection, table: str, count: int, telling: Sequence[str]) -> str:
    """SQL for a temporary table of ``count`` rows in a FROM, told so that the server joins it well: it is never analysed.

    Of few rows their number is told, by a limit that cuts nothing off: the server would guess hundreds and not go by index. Of many it
    sees the size, but not that no two are alike in the columns ``telling``, which an index says: without, a join keeps the other table in
    memory, and on disk, row by row with all that it holds.
    """
    if count <= _FEW:
        return f"(SELECT * FROM pg_temp.{table} LIMIT {count})"
    columns = ", ".join(telling)
    sizes = " + ".join(f"coalesce(pg_catalog.pg_column_size({each}), 0)" for each in telling)
    # Where some are alike it is not tried: the server would log the value.
    if PostgresSchema(connection).one(f"SELECT count(*) = count(DISTINCT ({columns})) AND max({sizes}) < {_INDEXED} FROM pg_temp.{table}"):
        connection.execute(f"CREATE UNIQUE INDEX {table}{COUNTED} ON pg_temp.{table} ({columns})".encode())
    return f"pg_temp.{table}"


@dataclass(frozen=True)
class PostgresHit:
    """One row that belongs to one selector."""

    selector: int
    """Its place in the sequence."""
    key: Row
    extra: Row


class PostgresMatcher:
    """The selectors of one call in temporary tables, one for each field, and the queries over them; lives inside a transaction."""

    def __init__(self, connection: Connection, table: PostgresTable, selectors: Sequence[Selector]) -> None:
        """Load the selectors' values.

        Raises:
            NotInPostgresSchema: when the table has no such field.
        """
        self._connection = connection
        self.table = table
        self.selectors = selectors
        self.narrowing = narrowing(connection, table, selectors)
        self.fields = [table.require(name) for name in sorted({name for selector in selectors for name in selector.match})]
        sayable = EncodableTexts(connection)
        self._values: list[str] = []
        for at, field in enumerate(self.fields):
            typed = f"value {_type(field)}{_collated(field.column)}, " if _type(field) else ""
            columns = f'{typed}text text COLLATE "C", selector integer'
            connection.execute(f"CREATE TEMPORARY TABLE expunge_wanted_{at} ({columns}) ON COMMIT DROP".encode())
            count = load(connection, f"expunge_wanted_{at}", _wanted(field, selectors, sayable, twice=bool(typed)))
            self._values.append(_counted(connection, f"expunge_wanted_{at}", count, ("text",)))

    def hits(self, extra: Sequence[str] = ()) -> Iterator[PostgresHit]:
        """Every row of every selector, for each field, by whatever way the server thinks best; a row found twice comes twice.

        Args:
            extra: further SQL expressions over the alias ``t``.
        """
        for query in self.queries(extra):
            yield from self.found(query)

    def found(self, query: str) -> Iterator[PostgresHit]:
        """The rows that one of :meth:`queries` finds."""
        width = len(self.table.keys)
        with self._connection.cursor(binary=True) as cursor:
            cursor.execute(query.encode())
            for row in cursor:
                yield PostgresHit(row[width], row[:width], row[width + 1 :])

    def queries(self, extra: Sequence[str] = ()) -> Iterator[str]:
        """One query for each field, and for each selector that means every row: key, selector's number, extras."""
        keys = [f"{key.sql}::text" for key in self.table.keys]
        for at, field in enumerate(self.fields):
            columns = ", ".join((*keys, "w.selector", *extra))
            source = f"{self.table.sql} AS t JOIN {joined(field, self._values[at], by_index=self._by_index(at))}"
            yield f"SELECT {columns} FROM {source} WHERE {self.narrowing.admits('w.selector')}"
            if inside := json_values(field):
                source = f"{self.table.sql} AS t CROSS JOIN LATERAL {inside} JOIN {self._values[at]} AS w ON {VALUE} = w.text"
                yield f"SELECT {columns} FROM {source} WHERE {self.narrowing.admits('w.selector')}"
        for number, selector in enumerate(self.selectors):
            if selector.every:
                columns = ", ".join((*keys, f"{number}::int", *extra))
                yield f"SELECT {columns} FROM {self.table.sql} AS t WHERE {self.narrowing.alone(number)}"

    def belongs(self) -> str:
        """SQL: the row ``t`` still has the values by which the copy of ``expunge_keys AS k`` was found; always true without a selector.

        The keys are those of a :class:`CopyKeys` of the same copies.
        """
        forms = ["k.free"]
        for at, field in enumerate(self.fields):
            wanted = f"SELECT FROM pg_temp.expunge_wanted_{at} AS w WHERE w.selector = k.copy AND w.text"
            text = as_text(field)
            forms.append(f"EXISTS ({wanted} = ANY ({text}))" if field.form == "array" else f"EXISTS ({wanted} = {text})")
            if inside := json_values(field):
                forms.append(f"EXISTS ({wanted} IN (SELECT {VALUE} FROM {inside}))")
        return f"({' OR '.join(forms)}) AND {self.narrowing.admits('k.copy')}"

    def _by_index(self, at: int) -> bool:
        field = self.fields[at]
        if field.form != "array":
            return True
        served = (
            "SELECT EXISTS (SELECT FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid "
            "JOIN pg_catalog.pg_am m ON m.oid = c.relam WHERE i.indrelid = %s AND m.amname = 'gin' AND i.indkey[0] = %s)"
        )
        return bool(PostgresSchema(self._connection).one(served, (self.table.oid, field.column.number)))


def narrowing(connection: Connection, table: PostgresTable, selectors: Sequence[Selector]) -> PostgresNarrowing:
    """Return the conditions that narrow selectors.

    Values that rows are compared with go to the temporary table ``expunge_compared``. Raises NotInPostgresSchema.
    """
    asked = PostgresNarrowing(table, selectors)
    if asked.compared:
        sayable = EncodableTexts(connection)
        columns = 'field integer, text text COLLATE "C", selector integer, demanded boolean'
        connection.execute(f"CREATE TEMPORARY TABLE expunge_compared ({columns}) ON COMMIT DROP".encode())
        sent = ((at, sayable.bytes(said), number, demanded) for at, said, number, demanded in asked.values(selectors))
        lines = (
            b"%d\t%b\t%d\t%b\n" % (at, escaped(data), number, b"t" if demanded else b"f")
            for at, data, number, demanded in sent
            if data is not None
        )
        load(connection, "expunge_compared", lines)
    return asked


def joined(field: PostgresField, values: str, *, by_index: bool) -> str:
    """The right side of a JOIN of ``t`` with the wanted values of a field, which are SQL for a FROM."""
    wanted = f"{values} AS w ON"
    if field.form == "array":
        element = field.column.element_sql
        elements = f'SELECT FROM pg_catalog.unnest({field.sql}) AS e (v) WHERE (e.v::text COLLATE "C") = w.text'
        if by_index and _type(field):
            return f"{wanted} {field.sql} @> ARRAY[w.value]::{element}[] AND EXISTS ({elements})"
        # Each element once, so that the values of all people are looked up in one hash table.
        return (
            f"LATERAL (SELECT DISTINCT w.selector FROM pg_catalog.unnest({field.sql}) AS e (v) JOIN {values} AS w "
            f'ON (e.v::text COLLATE "C") = w.text) AS w ON true'
        )
    if field.form == "json":
        return f'{wanted} {field.sql} = (w.text COLLATE pg_catalog."default") AND {field.text} = w.text'
    if not field.column.typed:
        return f"{wanted} {field.text} = w.text"
    return f"{wanted} {field.sql} {field.column.equals} w.value AND {field.text} = w.text"


def _type(field: PostgresField) -> str:
    """The type of the wanted values where the column's own is compared; empty otherwise."""
    if field.form == "plain":
        return field.column.sql_type if field.column.typed else ""
    return field.column.element_sql if field.form == "array" and field.column.element in {"text", "varchar"} else ""


def _collated(column: PostgresColumn | None) -> str:
    return f" COLLATE {column.collation}" if column and column.collation else ""


def _wanted(field: PostgresField, selectors: Sequence[Selector], sayable: EncodableTexts, *, twice: bool) -> Iterator[bytes]:
    for number, selector in enumerate(selectors):
        for value in selector.match.get(field.name, ()):
            said = field.said(value)
            data = sayable.bytes(said) if said is not None else None
            if data is not None:
                one = escaped(data)
                yield b"%b\t%b\t%d\n" % (one, one, number) if twice else b"%b\t%d\n" % (one, number)


def means(fields: Sequence[PostgresField], texts: Sequence[Any], selector: Selector | None) -> bool:
    """Return whether a row whose fields read as ``texts`` has a value that a selector looks for; arrays come as lists."""
    if selector is None or selector.every or not fields:
        return True
    if isinstance(texts[0], str) and texts[0] in selector.match.get(fields[0].name, ()):
        return True
    for field, text in zip(fields, texts, strict=True):
        wanted = selector.match.get(field.name)
        if not wanted or text is None:
            continue
        held = tuple(elements(text)) if isinstance(text, list) else (text,)
        if any(each in wanted for each in held) or any(field.said(each) in held for each in wanted):
            return True
    return False


class CopyKeys:
    """The keys of copies in the temporary table ``expunge_keys``, with the number of their copy; lives inside a transaction."""

    def __init__(self, connection: Connection, table: PostgresTable, copies: Sequence[Copy]) -> None:
        """Load the keys.

        Raises:
            NotInPostgresSchema: when the table's rows are no longer named as they were.
        """
        self.table = table
        self.width = range(len(table.keys))
        columns = ", ".join(f"k{at} {each.type}{_collated(each.column)}" for at, each in enumerate(table.keys))
        connection.execute(f"CREATE TEMPORARY TABLE expunge_keys ({columns}, copy integer, free boolean) ON COMMIT DROP".encode())
        count = load(connection, "expunge_keys", self._lines(copies, EncodableTexts(connection)))
        self.source = f"{_counted(connection, 'expunge_keys', count, [f'k{at}' for at in self.width])} AS k"
        """SQL for a FROM: all of them."""

    def _lines(self, copies: Sequence[Copy], sayable: EncodableTexts) -> Iterator[bytes]:
        width = len(self.table.keys)
        is_plain, longest = _PLAIN.get(self.table.keys[0].type if width == 1 else "", (str.isalnum, 0))
        for number, copy in enumerate(copies):
            free = b"f" if copy.selector and copy.selector.match else b"t"
            end = b"\t%d\t%b\n" % (number, free)
            for key in copy.keys:
                if len(key) <= longest and key.isascii() and is_plain(key[2:-2]):
                    yield key[2:-2].encode() + end
                    continue
                parts = decode_key(key)
                if len(parts) != width:
                    what = f"the key of table {self.table.shown} as it was"
                    raise NotInPostgresSchema(what)
                said = [each.column.said(part) if each.column else part for each, part in zip(self.table.keys, parts, strict=True)]
                data = [sayable.bytes(each) if each is not None else None for each in said]
                if all(each is not None for each in data):
                    yield b"\t".join(escaped(each) for each in data if each is not None) + end

    @property
    def together(self) -> str:
        """SQL for a FROM: all of them, each with the numbers of every copy that has the same key (``together``)."""
        same = ", ".join(f"k.k{at}" for at in self.width)
        return f"(SELECT k.*, array_agg(k.copy) OVER (PARTITION BY {same}) AS together FROM {self.source}) AS k"

    def named(self, alias: str = "k", row: str = "t") -> str:
        """SQL: the key in ``alias`` names the row."""
        return " AND ".join(
            f"{each.sql.replace('t.', f'{row}.', 1)} {each.equals} {alias}.k{at}" for at, each in enumerate(self.table.keys)
        )


def as_text(field: PostgresField) -> str:
    """SQL for a field's value as text compared byte by byte; of an array, as an array of such."""
    return f'({field.sql}::text[] COLLATE "C")' if field.form == "array" else field.text


def selectors_of(copies: Sequence[Copy]) -> list[Selector]:
    """One selector for each copy; an empty one where it was found without."""
    return [copy.selector or Selector(copy.subject, {}) for copy in copies]


def links(table: PostgresTable, follow: Sequence[str]) -> list[tuple[str, str]]:
    """Each followed field, with SQL for its value as text (of an array as a list of texts). Raises NotInPostgresSchema."""
    found = [(name, table.require(name)) for name in follow]
    return [(name, f"{each.sql}::text[]" if each.form == "array" else f"{each.sql}::text") for name, each in found]


def elements(value: Sequence[Any]) -> Iterator[str]:
    """The texts in an array of any number of dimensions."""
    for each in value:
        if isinstance(each, list):
            yield from elements(each)
        elif each is not None:
            yield each


def linked(names: Sequence[str], rows: Iterable[Row]) -> Mapping[str, frozenset[str]]:
    """Field -> values, from rows of followed values."""
    if not names:
        return {}
    values: dict[str, set[str]] = {name: set() for name in names}
    for row in rows:
        for name, value in zip(names, row, strict=True):
            if isinstance(value, list):
                values[name].update(elements(value))
            elif value is not None:
                values[name].add(value)
    return {name: frozenset(each) for name, each in values.items()}
