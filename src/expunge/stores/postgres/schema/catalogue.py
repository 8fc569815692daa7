"""The database's own catalogue: tables, columns, keys, partitions, references, views over a table."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from expunge.stores.postgres.server.connection import Connection


class NotInPostgresSchema(Exception):
    """A table or column that the map names does not exist, or is nothing that rows can be deleted from."""

    def __init__(self, what: str, *, other: bool = False, under: tuple[str, ...] = ()) -> None:
        super().__init__(what)
        self.what = what
        """``table x``, ``column y``, or ``table x, which is a view``: names of the map."""
        self.other = other
        """It is there, as something else."""
        self.under = under
        """The tables that a view reads, through other views too."""


def quoted(name: str) -> str:
    """An identifier as SQL, whatever characters it has."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A string of the schema or map as an SQL literal."""
    return "E'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


INTEGERS = {"int2": 15, "int4": 31, "int8": 63}
_RANGES = {**{name: (-(1 << bits), (1 << bits) - 1) for name, bits in INTEGERS.items()}, "oid": (0, (1 << 32) - 1)}
_WHOLE = re.compile(r"-?[1-9][0-9]{0,18}|0")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_NUMERIC = re.compile(r"(?!-0(\.0*)?$)-?(0|[1-9][0-9]{0,1000})(\.[0-9]{1,1000})?|NaN|-?Infinity")


@dataclass(frozen=True)
class PostgresColumn:
    """One column."""

    name: str
    number: int
    type: str
    """Name of the base type in the catalogue (domains looked through): ``int8``, ``bpchar``, ``vector``, ``_text`` for an array."""
    sql_type: str
    """The base type as SQL, without length or precision."""
    extension: str
    """Schema of a type that is not built in, empty otherwise."""
    sort: str
    """``typtype``: b base, e enum, c composite, r range, m multirange."""
    element: str
    """Catalogue name of the element type of an array, empty otherwise."""
    element_sql: str
    declared: str
    """Name of the type as declared: a domain such as ``lo``."""
    collation: str
    """The column's collation as SQL, empty for types that have none."""
    labels: frozenset[str]
    """Of an enum."""
    not_null: bool

    @property
    def large_object(self) -> bool:
        """True when its values may name large objects."""
        return self.declared == "lo" or self.type == "oid"

    @property
    def typed(self) -> bool:
        """True when wanted values can be compared in the column's own type, which an index serves."""
        return self.type in {*_RANGES, "text", "varchar", "bpchar", "citext", "uuid", "numeric"} or self.sort == "e"

    @property
    def equals(self) -> str:
        """The operator of the type's own equality, wherever it lies."""
        return f"OPERATOR({quoted(self.extension)}.=)" if self.extension and self.sort == "b" else "="

    def said(self, value: str) -> str | None:
        """A value as this column's text would show it; None when no row can hold it (then it is not even asked for)."""
        if "\0" in value:
            return None
        if self.type in _RANGES:
            low, high = _RANGES[self.type]
            return value if _WHOLE.fullmatch(value) and low <= int(value) <= high else None
        if self.type == "uuid":
            return value if _UUID.fullmatch(value) else None
        if self.type == "numeric":
            return value if _NUMERIC.fullmatch(value) else None
        if self.type == "bpchar":
            return value.rstrip(" ")
        if self.type in {"float4", "float8"}:
            return value.removesuffix(".0")
        if self.sort == "e":
            return value if value in self.labels else None
        return value


@dataclass(frozen=True)
class PostgresField:
    """A subject or followed field as SQL over a table alias."""

    name: str
    column: PostgresColumn
    sql: str
    """The value."""
    form: str
    """``plain``, ``array`` (any element) or ``json`` (the text at a path)."""

    @property
    def text(self) -> str:
        """SQL for the value as text, compared byte by byte."""
        return f'({self.sql}::text COLLATE "C")'

    def said(self, value: str) -> str | None:
        """As :meth:`PostgresColumn.said`."""
        return self.column.said(value) if self.form == "plain" else None if "\0" in value else value


@dataclass(frozen=True)
class Key:
    """One part of a row's key."""

    sql: str
    """Over the alias ``t``."""
    type: str
    equals: str
    column: PostgresColumn | None
    """None for what the system keeps (``ctid``)."""


@dataclass(frozen=True)
class PostgresTable:
    """An ordinary or partitioned table."""

    oid: int
    schema: str
    name: str
    partitioned: bool
    unlogged: bool
    columns: tuple[PostgresColumn, ...]
    keys: tuple[Key, ...]
    lasting: bool
    """Whether keys name the same rows after the table was rewritten."""
    foreign: tuple[str, ...]
    """Partitions or inheriting tables that lie on another server."""
    children: tuple[str, ...]
    """All other partitions and inheriting tables that hold rows."""
    family: tuple[int, ...]
    """The table's own number and those of all its partitions and inheriting tables."""

    @property
    def sql(self) -> str:
        """The qualified name."""
        return f"{quoted(self.schema)}.{quoted(self.name)}"

    @property
    def shown(self) -> str:
        """The name for messages, as a map would write it."""
        return self.name if self.schema == "public" else f"{self.schema}.{self.name}"

    def column(self, name: str) -> PostgresColumn | None:
        """The column of exactly that name, or of its lower-case form."""
        return next((column for wanted in (name, name.lower()) for column in self.columns if column.name == wanted), None)

    def field(self, name: str, alias: str = "t") -> PostgresField | None:
        """Resolve a name of the map: a column, or ``column.key`` inside JSON; None when there is no such field."""
        column = self.column(name)
        if column is not None:
            return PostgresField(name, column, f"{alias}.{quoted(column.name)}", "array" if column.element else "plain")
        head, _, path = name.partition(".")
        column = self.column(head)
        if column is None or not path or column.type not in {"json", "jsonb"}:
            return None
        *middle, last = path.split(".")
        steps = "".join(f" -> {literal(each)}" for each in middle)
        return PostgresField(name, column, f"({alias}.{quoted(column.name)}{steps} ->> {literal(last)})", "json")

    def require(self, name: str, alias: str = "t") -> PostgresField:
        """Like :meth:`field`. Raises NotInPostgresSchema."""
        found = self.field(name, alias)
        if found is None:
            raise NotInPostgresSchema("column " + name)
        return found


@dataclass(frozen=True)
class PostgresReference:
    """A foreign key that refers to some table."""

    child: str
    """The referring table as the map would write it."""
    child_sql: str
    child_oid: int
    columns: tuple[tuple[str, str], ...]
    """Child column, parent column."""
    acts: bool
    """The schema says what happens to the child (cascade, set null, set default); otherwise it stands in the way."""
    cascades: bool
    """The child's row is deleted along."""
    emptied: tuple[str, ...] = ()
    """The child's columns that are set to NULL or to their default."""


@dataclass(frozen=True)
class PostgresView:
    """A view or materialised view."""

    oid: int
    name: str
    sql: str
    materialised: bool
    readable: bool
    populated: bool
    columns: Mapping[str, str]
    """Name -> catalogue name of its type."""


_FIND = """
SELECT c.oid, n.nspname, c.relname, c.relkind::text, c.relpersistence::text, c.relhassubclass, c.relhasindex FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = %s AND c.relname = %s AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
"""
_COLUMNS = """
SELECT a.attname, a.attnum, a.atttypid, a.attcollation, a.attnotnull FROM pg_catalog.pg_attribute a
WHERE a.attrelid = %s AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
"""
_TYPES = """
WITH RECURSIVE chain AS (
  SELECT t.oid AS declared, t.oid AS type FROM pg_catalog.pg_type t WHERE t.oid = ANY(%s)
  UNION ALL
  SELECT chain.declared, t.typbasetype FROM chain JOIN pg_catalog.pg_type t ON t.oid = chain.type WHERE t.typtype = 'd')
SELECT d.oid, t.typname, pg_catalog.format_type(t.oid, -1), CASE n.nspname WHEN 'pg_catalog' THEN '' ELSE n.nspname END,
  t.typtype::text, CASE WHEN t.typcategory = 'A' THEN coalesce(e.typname, '') ELSE '' END,
  CASE WHEN t.typcategory = 'A' THEN coalesce(pg_catalog.format_type(e.oid, -1), '') ELSE '' END, d.typname,
  ARRAY(SELECT l.enumlabel::text FROM pg_catalog.pg_enum l WHERE l.enumtypid = t.oid)
FROM chain JOIN pg_catalog.pg_type t ON t.oid = chain.type AND t.typtype <> 'd' JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
JOIN pg_catalog.pg_type d ON d.oid = chain.declared LEFT JOIN pg_catalog.pg_type e ON e.oid = t.typelem
"""
_COLLATIONS = """
SELECT c.oid, pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.collname) FROM pg_catalog.pg_collation c
JOIN pg_catalog.pg_namespace n ON n.oid = c.collnamespace WHERE c.oid = ANY(%s)
"""
_BUILT_IN = 10_000
"""Objects with smaller numbers come with the server, the same ones in every database as long as it runs (PostgreSQL, "System Catalog
Initial Data", OID assignment)."""
_UNIQUE = """
SELECT i.indkey::int2[] FROM pg_catalog.pg_index i
WHERE i.indrelid = %s AND i.indisunique AND i.indimmediate AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
ORDER BY i.indisprimary DESC, i.indnatts, i.indexrelid
"""
_TREE = """
WITH RECURSIVE tree AS (
  SELECT inhrelid AS oid FROM pg_catalog.pg_inherits WHERE inhparent = %s
  UNION SELECT i.inhrelid FROM pg_catalog.pg_inherits i JOIN tree ON tree.oid = i.inhparent)
SELECT n.nspname, c.relname, c.relkind::text, c.oid FROM tree JOIN pg_catalog.pg_class c ON c.oid = tree.oid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace ORDER BY 1, 2
"""
_REFERENCES = """
SELECT n.nspname, c.relname, c.oid, f.confdeltype::text,
  ARRAY(SELECT a.attname::text FROM pg_catalog.unnest(f.conkey) WITH ORDINALITY k (attnum, at)
    JOIN pg_catalog.pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = k.attnum ORDER BY k.at),
  ARRAY(SELECT a.attname::text FROM pg_catalog.unnest(f.confkey) WITH ORDINALITY k (attnum, at)
    JOIN pg_catalog.pg_attribute a ON a.attrelid = f.confrelid AND a.attnum = k.attnum ORDER BY k.at),
  ARRAY(SELECT a.attname::text FROM pg_catalog.pg_attribute a WHERE a.attrelid = f.conrelid AND f.confdeltype IN ('n', 'd')
    AND a.attnum = ANY (coalesce(pg_catalog.translate(pg_catalog.to_jsonb(f) ->> 'confdelsetcols', '[]', '{}')::int2[], f.conkey)))
FROM pg_catalog.pg_constraint f JOIN pg_catalog.pg_class c ON c.oid = f.conrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE f.contype = 'f' AND f.conparentid = 0 AND (f.confrelid = %(oid)s
  OR f.confrelid IN (WITH RECURSIVE tree AS (
    SELECT inhrelid AS oid FROM pg_catalog.pg_inherits WHERE inhparent = %(oid)s
    UNION SELECT i.inhrelid FROM pg_catalog.pg_inherits i JOIN tree ON tree.oid = i.inhparent) SELECT oid FROM tree))
ORDER BY f.oid
"""
_RULES_OVER = """
SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
  AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = ANY(%s) LIMIT 1
"""
_VIEWS = """
WITH RECURSIVE over AS (
  SELECT r.ev_class AS oid FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_rewrite r ON r.oid = d.objid
    WHERE d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
      AND d.refobjid = ANY(%s) AND r.ev_class <> d.refobjid
  UNION
  SELECT r.ev_class FROM over JOIN pg_catalog.pg_depend d ON d.refobjid = over.oid JOIN pg_catalog.pg_rewrite r ON r.oid = d.objid
    WHERE d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
      AND r.ev_class <> d.refobjid)
SELECT c.oid, n.nspname, c.relname, c.relkind::text,
  pg_catalog.has_table_privilege(c.oid, 'SELECT') AND pg_catalog.has_schema_privilege(n.oid, 'USAGE'), c.relispopulated,
  ARRAY(SELECT ARRAY[a.attname::text, t.typname::text] FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
    WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum)
FROM over JOIN pg_catalog.pg_class c ON c.oid = over.oid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('v', 'm') ORDER BY 2, 3
"""
_UNDER = """
WITH RECURSIVE under AS (SELECT c.oid, c.relkind FROM pg_catalog.pg_class c WHERE c.oid = %s
  UNION SELECT t.oid, t.relkind FROM under JOIN pg_catalog.pg_rewrite r ON r.ev_class = under.oid AND under.relkind IN ('v', 'm')
    JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_rewrite'::regclass AND d.objid = r.oid
      AND d.refclassid = 'pg_catalog.pg_class'::regclass
    JOIN pg_catalog.pg_class t ON t.oid = d.refobjid AND t.relkind IN ('r', 'p', 'v', 'm'))
SELECT n.nspname, c.relname FROM under JOIN pg_catalog.pg_class c ON c.oid = under.oid AND c.relkind IN ('r', 'p')
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace ORDER BY 1, 2
"""
_OTHER = {"v": "a view", "m": "a materialised view", "f": "a table of another server"}
_TID = Key("t.ctid", "tid", "=", None)
_TABLEOID = Key("t.tableoid", "oid", "=", None)


def places(name: str) -> Iterator[tuple[str, str]]:
    """Schema and table that a name of the map may mean, likeliest first."""
    dots = [at for at, letter in enumerate(name) if letter == "."]
    for schema, table in (*((name[:at], name[at + 1 :]) for at in dots), ("public", name)):
        yield schema, table
        if (schema.lower(), table.lower()) != (schema, table):
            yield schema.lower(), table.lower()


def shown(schema: str, name: str) -> str:
    """A table's name as the map would write it."""
    return name if schema == "public" else f"{schema}.{name}"


class _Found(NamedTuple):
    """A row of the catalogue about a table."""

    oid: int
    schema: str
    name: str
    kind: str
    persistence: str
    parent: bool
    indexed: bool


def _column(row: Sequence[Any], of_type: Sequence[Any], collations: Mapping[int, Sequence[Any]]) -> PostgresColumn:
    name, number, _, collation, not_null = row
    base, sql_type, extension, sort, element, element_sql, declared, labels = of_type
    (sorted_by,) = collations.get(collation, ("",))
    return PostgresColumn(
        name, number, base, sql_type, extension, sort, element, element_sql, declared, sorted_by, frozenset(labels), not_null=not_null
    )


_told: WeakKeyDictionary[Connection, dict[tuple[str, int], Sequence[Any]]] = WeakKeyDictionary()
"""Connection -> the rows that it gave for objects that come with the server."""


def _rows_of(connection: Connection, query: str, numbers: Iterable[int]) -> dict[int, Sequence[Any]]:
    """Return number -> row of a query over objects with such numbers, that are told apart by the first column.

    Of objects that come with the server each connection is asked once: most types are such, and the query costs more than all others here.
    """
    told = _told.setdefault(connection, {})
    wanted = set(numbers)
    found = {number: told[query, number] for number in wanted if (query, number) in told}
    left = sorted(wanted - found.keys())
    for number, *row in connection.execute(query.encode(), (left,)).fetchall() if left else ():
        found[number] = row
        if number < _BUILT_IN:
            told[query, number] = row
    return found


class PostgresSchema:
    """The catalogue seen over one connection, read on demand: make a new one when the schema may have changed."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._tables: dict[str, PostgresTable] = {}

    def table(self, name: str) -> PostgresTable | None:
        """The table of that name; None when there is none or it is something else."""
        try:
            return self.require(name)
        except NotInPostgresSchema:
            return None

    def require(self, name: str) -> PostgresTable:
        """Like :meth:`table`. Raises NotInPostgresSchema."""
        if name not in self._tables:
            self._tables[name] = self._read(name)
        return self._tables[name]

    def family(self, name: str) -> tuple[int, ...]:
        """Return the value of :attr:`PostgresTable.family` without the rest of the table; empty when there is none of that name."""
        try:
            found = self._find(name)
        except NotInPostgresSchema:
            return ()
        return (found.oid, *(row[3] for row in self.connection.execute(_TREE, (found.oid,)).fetchall()))

    def _read(self, name: str) -> PostgresTable:
        return self._described(self._find(name))

    def _find(self, name: str) -> _Found:
        for place in places(name):
            if found := self.connection.execute(_FIND, place).fetchone():
                if found[3] in {"r", "p"}:
                    return _Found(*found)
                what = f"table {name}, which is {_OTHER[found[3]]}"
                under = tuple(shown(*row) for row in self.connection.execute(_UNDER, (found[0],)).fetchall())
                raise NotInPostgresSchema(what, other=True, under=under)
        raise NotInPostgresSchema("table " + name)

    def _described(self, found: _Found) -> PostgresTable:
        oid, schema, name, kind, persistence, parent, indexed = found
        columns = self.columns(oid)
        # Why not always: the catalogue marks a table that has, or ever had, a table below it or an index.
        tree = self.connection.execute(_TREE, (oid,)).fetchall() if parent else []
        keys, lasting = self._keys(oid, columns, indexed=indexed, inherited=bool(tree) and kind == "r", partitioned=kind == "p")
        foreign, children = (tuple(shown(*row[:2]) for row in tree if row[2] == each) for each in ("f", "r"))
        family = (oid, *(row[3] for row in tree))
        return PostgresTable(oid, schema, name, kind == "p", persistence == "u", columns, keys, lasting, foreign, children, family)

    def columns(self, oid: int) -> tuple[PostgresColumn, ...]:
        """The columns of anything with rows."""
        before, rows = None, self.connection.execute(_COLUMNS, (oid,)).fetchall()
        types = _rows_of(self.connection, _TYPES, {row[2] for row in rows})
        while rows != before and any(row[2] not in types for row in rows):
            # Why again: a type that is gone by now went with its column, or the column has another one since.
            before, rows = rows, self.connection.execute(_COLUMNS, (oid,)).fetchall()
            types = _rows_of(self.connection, _TYPES, {row[2] for row in rows})
        collations = _rows_of(self.connection, _COLLATIONS, {row[3] for row in rows if row[3]})
        return tuple(_column(row, types[row[2]], collations) for row in rows if row[2] in types)

    def _keys(
        self, oid: int, columns: Sequence[PostgresColumn], *, indexed: bool, inherited: bool, partitioned: bool
    ) -> tuple[tuple[Key, ...], bool]:
        """What names a row. A parent's unique index says nothing about the tables that inherit from it."""
        by_number = {column.number: column for column in columns}
        for (numbers,) in self.connection.execute(_UNIQUE, (oid,)).fetchall() if indexed and not inherited else ():
            parts = [by_number.get(number) for number in numbers]
            if all(part is not None and part.not_null for part in parts):
                return tuple(Key(f"t.{quoted(part.name)}", part.sql_type, part.equals, part) for part in parts if part), True
        return ((_TABLEOID, _TID) if inherited or partitioned else (_TID,)), False

    def references(self, oid: int) -> list[PostgresReference]:
        """The foreign keys that refer to a table."""
        found = []
        for schema, name, child, action, theirs, ours, emptied in self.connection.execute(_REFERENCES, {"oid": oid}).fetchall():
            sql = f"{quoted(schema)}.{quoted(name)}"
            columns = tuple(zip(theirs, ours, strict=True))
            acts, cascades = action not in {"a", "r"}, action == "c"
            found.append(PostgresReference(shown(schema, name), sql, child, columns, acts=acts, cascades=cascades, emptied=tuple(emptied)))
        return found

    def references_by_name(
        self, tables: Iterable[PostgresTable], declared: Iterable[PostgresTable] = ()
    ) -> Callable[[str], Iterator[PostgresReference]]:
        """Return a function from a table's name to the references to it: of tables that it named before, and of some to begin with.

        A foreign key of a partition, or of an inheriting table, counts as one of the declared table that its rows belong to.
        """
        numbers = {table.shown: table.oid for table in tables}
        held = tuple(declared)
        own = {table.oid for table in held}
        above = {oid: table for table in held for oid in table.family if oid not in own}

        def found(name: str) -> Iterator[PostgresReference]:
            told: dict[PostgresReference, None] = {}
            for reference in self.references(numbers[name]):
                whole = above.get(reference.child_oid)
                each = reference if whole is None else replace(reference, child=whole.shown, child_sql=whole.sql, child_oid=whole.oid)
                numbers[each.child] = each.child_oid
                told[each] = None
            yield from told

        return found

    def views(self, oids: Sequence[int]) -> list[PostgresView]:
        """The views and materialised views that show rows of tables, through other views too."""
        # Why first: most tables have none, and to plan the query that follows views costs the server four times as much.
        if self.connection.execute(_RULES_OVER, (list(oids),)).fetchone() is None:
            return []
        rows = self.connection.execute(_VIEWS, (list(oids),)).fetchall()
        return [
            PostgresView(oid, shown(schema, name), f"{quoted(schema)}.{quoted(name)}", kind == "m", readable, populated, dict(columns))
            for oid, schema, name, kind, readable, populated, columns in rows
        ]

    @cached_property
    def superuser(self) -> bool:
        """True when this role may do anything."""
        return self.one("SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user") is True

    def one(self, sql: str, parameters: Sequence[Any] = ()) -> Any:
        """The only value of a query over the catalogue."""
        row = self.connection.execute(sql.encode(), parameters).fetchone()
        return row[0] if row is not None else None
