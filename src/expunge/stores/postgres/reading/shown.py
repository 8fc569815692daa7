"""All that a database shows to a role, handed to the scan row by row, for where the server's files are out of reach.

Tables and materialised views of every schema, the catalogues, the planner's statistics, and large objects. Each row comes as the text of
its values, apart from the bytes that have no readable text. Its number says where it lies, so that a hit is explained by that row.
"""

# ruff: noqa: S608 - names come from the catalogue and are quoted; values never leave the server
from __future__ import annotations

import errno
import io
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeAlias, cast

import psycopg
from psycopg import pq
from psycopg.abc import Buffer
from psycopg.adapt import Loader

from expunge.core.datamap.datamap import Ignore
from expunge.core.values.copy import Finding, FindingKind
from expunge.ports.optional.remote_content import Notes, Remote, RemoteObject, RemoteTable
from expunge.stores.postgres.reading.match import transaction
from expunge.stores.postgres.schema.catalogue import PostgresColumn, PostgresSchema, quoted, shown
from expunge.stores.postgres.server.connection import Connection, lost

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

Borrowed: TypeAlias = Callable[[], AbstractContextManager[Connection]]
"""Lends a connection for one piece of work."""

STATISTICS = "(statistics)"
OBJECT = "(large object "
_ITEMS = 16
"""Bits of the place in a block, in the number of a row."""
_BETWEEN = r"E'\x1f'"
"""Stands between the values of a row: no value is read across it."""
_TOGETHER = 90
"""Arguments that a function of the server takes, and some to spare."""
_MEMORY = 4 << 20
_FEW, _MOST = 500, 5000
_PIECE = 1 << 20
_WITH_TEXTS = frozenset({"text", "varchar", "bpchar", "citext", "bytea", "json", "jsonb", "xml"})
"""Types that an array writes with marks of its own between and inside them."""
_RELATIONS = """
SELECT c.oid, n.nspname, c.relname, pg_catalog.has_schema_privilege(n.oid, 'USAGE'), pg_catalog.has_table_privilege(c.oid, 'SELECT'),
  pg_catalog.row_security_active(c.oid), c.relkind::text, n.nspname = 'pg_catalog', c.reltuples, pg_catalog.pg_table_size(c.oid),
  CASE WHEN c.relispartition THEN pg_catalog.pg_partition_root(c.oid) END
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE (c.relkind IN ('r', 'p') OR c.relkind = 'm' AND c.relispopulated)
  AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_(temp|toast)'
  AND NOT (n.nspname = 'pg_catalog' AND c.relname IN ('pg_statistic', 'pg_statistic_ext_data', 'pg_largeobject'))
ORDER BY 2, 3
"""
_SAMPLES = """
SELECT coalesce(i.indrelid, c.oid), pg_catalog.concat_ws({between}, {values}) FROM pg_catalog.{view} s
JOIN pg_catalog.pg_namespace n ON n.nspname = s.schemaname JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = s.tablename
LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid
"""
_SAMPLED = {
    "pg_stats": ("most_common_vals", "histogram_bounds", "most_common_elems"),
    "pg_stats_ext": ("most_common_vals",),
    "pg_stats_ext_exprs": ("most_common_vals", "histogram_bounds", "most_common_elems"),
}
_OBJECTS = """
SELECT oid, pg_catalog.pg_has_role(lomowner, 'USAGE') OR EXISTS (SELECT FROM pg_catalog.aclexplode(lomacl) AS a
    WHERE a.privilege_type = 'SELECT' AND CASE a.grantee WHEN 0 THEN true ELSE pg_catalog.pg_has_role(a.grantee, 'USAGE') END)
  OR pg_catalog.current_setting('lo_compat_privileges')::pg_catalog.bool
FROM pg_catalog.pg_largeobject_metadata ORDER BY oid
"""
_ROLE = "SELECT pg_catalog.quote_ident(current_user)"


@dataclass(frozen=True)
class ShownRelation:
    """A table or a materialised view."""

    oid: int
    schema: str
    name: str
    usable: bool
    """The role may use its schema."""
    selectable: bool
    hidden: bool
    """Policies hide rows of it."""
    kind: str
    """``r``, ``p`` for one that holds nothing but partitions, or ``m``."""
    own: bool
    """Of the server itself."""
    tuples: float
    size: int
    root: int | None
    """The table whose partition it is."""

    @property
    def readable(self) -> bool:
        """Whether all of it can be read."""
        return self.usable and self.selectable and not self.hidden

    @property
    def shown(self) -> str:
        """Its name as a map would write it."""
        return shown(self.schema, self.name)

    @property
    def sql(self) -> str:
        """The qualified name."""
        return f"{quoted(self.schema)}.{quoted(self.name)}"

    def granting(self, role: str) -> str:
        """The statements that let a role, as SQL, read it."""
        usage = f"GRANT USAGE ON SCHEMA {quoted(self.schema)} TO {role}"
        selecting = f"GRANT SELECT ON {self.sql} TO {role}"
        asked = ((self.usable, usage), (self.selectable, selecting), (not self.hidden, f"ALTER ROLE {role} BYPASSRLS"))
        return "; ".join(statement for held, statement in asked if not held)


def number_of(place: bytes) -> int:
    """The number of the row at a place of its table, which is given as the server sends it."""
    return int.from_bytes(place[:4], "big") << _ITEMS | int.from_bytes(place[4:], "big")


def place_of(number: int) -> str:
    """The place, ``(block,item)``, of the row of that number."""
    return f"({number >> _ITEMS},{number & (1 << _ITEMS) - 1})"


class DatabaseContent:
    """What one database shows. Its calls raise psycopg.Error."""

    def __init__(self, borrowed: Borrowed) -> None:
        self._borrowed = borrowed

    @property
    def url(self) -> str:
        """Where the database is, without the role."""
        with self._borrowed() as connection:
            info = connection.info
            return f"postgres:/{info.host.strip('/') or 'localhost'}:{info.port}/{info.dbname}"

    def all(self) -> Iterator[Remote]:
        """Yield all that the role may read; what it may not is in :meth:`unreadable`."""
        url = self.url
        with self._borrowed() as connection:
            relations, objects = _relations(connection), connection.execute(_OBJECTS).fetchall()
        by_oid = {each.oid: each for each in relations}
        for relation in relations:
            source = _source(relation, by_oid)
            if source and relation.kind != "p":
                rows = partial(self._rows, relation, source)
                yield RemoteTable(path_of(url, relation.shown), rows)
        yield RemoteTable(f"{url}/{STATISTICS}", self._samples)
        for number, readable in objects:
            if readable:
                yield RemoteObject(f"{url}/{OBJECT}{number})", partial(self._object, number))

    def unreadable(self, store: str, ignored: Sequence[Ignore]) -> tuple[Finding, ...]:
        """Tables, views and large objects that the role may not read, with the statements that let it."""
        patterns = [each.pattern for each in ignored if each.store == store]
        with self._borrowed() as connection:
            (role,) = connection.execute(_ROLE).fetchone() or ("",)
            by_oid = {each.oid: each for each in _relations(connection)}
            closed = [each for each in by_oid.values() if not _source(each, by_oid) and each.root is None]
            objects = [number for number, readable in connection.execute(_OBJECTS).fetchall() if not readable]
        found = [
            Finding(FindingKind.PERMISSION, store, each.shown, f"table {each.shown}, which the role may not read", each.granting(role))
            for each in closed
            if not any(fnmatchcase(name, pattern) for name in (f"{each.schema}.{each.name}", each.shown) for pattern in patterns)
        ]
        if objects and not any(fnmatchcase("large objects", pattern) for pattern in patterns):
            what = f"{len(objects)} large objects, which the role may not read"
            grant = f"GRANT SELECT ON LARGE OBJECT {', '.join(map(str, objects[:20]))} TO {role}"
            found.append(Finding(FindingKind.PERMISSION, store, "large objects", what, grant))
        return tuple(found)

    # --- rows --------------------------------------------------------------------------------------

    def _rows(self, relation: ShownRelation, source: str) -> Iterator[tuple[int, Sequence[bytes]]]:
        with self._reading() as connection:
            columns = PostgresSchema(connection).columns(relation.oid)
            packed = [] if relation.own else [sql for column in columns if (sql := _packed(column))]
            text = _joined([f"t.{quoted(column.name)}" for column in columns if column.type != "bytea"])
            sql = f"SELECT t.ctid, {', '.join([text, *packed])} FROM {source}"
            for row in _streamed(connection, sql, _together(relation)):
                yield number_of(row[0]), [value for value in row[1:] if value]

    def _samples(self) -> Iterator[tuple[int, Sequence[bytes]]]:
        for view, columns in _SAMPLED.items():
            values = ", ".join(f"s.{column}::text" for column in columns)
            with self._reading() as connection:
                for table, text in _streamed(connection, _SAMPLES.format(between=_BETWEEN, values=values, view=view), _FEW):
                    yield table, [text]

    def _object(self, number: int) -> tuple[BinaryIO, Notes]:
        with self._reading() as connection:
            row = connection.execute("SELECT pg_catalog.lo_lseek64(pg_catalog.lo_open(%s, 262144), 0, 2)", (number,)).fetchone()
        size = int(row[0]) if row else 0
        return cast("BinaryIO", io.BufferedReader(_LargeObject(self._reading, number, size), _PIECE)), {}

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        """A connection in a transaction, with what concerns one table alone said as an operating system says it."""
        try:
            with self._borrowed() as connection, transaction(connection):
                yield connection
        except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName, psycopg.errors.UndefinedObject) as error:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT)) from error
        except psycopg.errors.InsufficientPrivilege as error:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES)) from error
        except psycopg.errors.LockNotAvailable:
            raise
        except psycopg.Error as error:
            if lost(error) or error.sqlstate is None:
                raise
            raise OSError(errno.EIO, os.strerror(errno.EIO)) from error


def path_of(url: str, name: str) -> str:
    """The url of a table; a slash in its name is no border."""
    return f"{url}/{name.replace('/', '%2F')}"


def named(url: str, path: Path) -> str:
    """The last part of a path below a url; empty where it is none."""
    root = Path(url)
    return path.name if path.parent == root else ""


def _relations(connection: Connection) -> list[ShownRelation]:
    rows = connection.execute(_RELATIONS).fetchall()
    # Why not the server's own: most of what a role may not read there are passwords and settings of others.
    return [each for row in rows if (each := ShownRelation(*row)).readable or not each.own]


def _source(relation: ShownRelation, by_oid: Mapping[int, ShownRelation]) -> str:
    """SQL for the rows of a relation, as ``t``; empty where the role may read them in no way."""
    if relation.readable:
        # Why ONLY: tables that inherit are read by themselves, with columns of their own.
        return f"ONLY {relation.sql} AS t"
    root = by_oid.get(relation.root or 0)
    return f"{root.sql} AS t WHERE t.tableoid = {relation.oid}" if root is not None and root.readable else ""


def _joined(values: Sequence[str]) -> str:
    """SQL for some values as one text."""
    if not values:
        return "''"
    parts = [values[at : at + _TOGETHER] for at in range(0, len(values), _TOGETHER)]
    texts = [f"pg_catalog.concat_ws({_BETWEEN}, {', '.join(part)})" for part in parts]
    return texts[0] if len(texts) == 1 else _joined(texts)


def _packed(column: PostgresColumn) -> str:
    """SQL for a value as bytes where its text does not show its content as it is; empty for all others."""
    value = f"t.{quoted(column.name)}"
    if column.type == "bytea":
        return value
    if column.element in _WITH_TEXTS:
        return f"pg_catalog.array_send({value})"
    if column.sort == "c":
        return f"pg_catalog.record_send({value})"
    return f"pg_catalog.range_send({value})" if column.sort == "r" else ""


def _together(relation: ShownRelation) -> int:
    """How many rows are held in memory at a time, by their average size."""
    if relation.tuples < 1:
        return _FEW
    # What lies in TOAST is compressed.
    return max(1, min(_MOST, int(_MEMORY / (1 + 4 * relation.size / relation.tuples))))


class _Raw(Loader):
    """A value as its bytes came."""

    format = pq.Format.BINARY

    def load(self, data: Buffer) -> bytes:
        return bytes(data)


def _streamed(connection: Connection, sql: str, size: int) -> Iterator[tuple[Any, ...]]:
    with connection.cursor("expunge_shown", binary=True) as cursor:
        for name in ("text", "bytea", "tid"):
            cursor.adapters.register_loader(name, _Raw)
        cursor.execute(sql.encode())
        while rows := cursor.fetchmany(size):
            yield from rows


class _LargeObject(io.RawIOBase):
    """A large object as a file."""

    def __init__(self, reading: Borrowed, number: int, size: int) -> None:
        super().__init__()
        self._reading = reading
        self._number = number
        self._size = size
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        self._at = offset + (0, self._at, self._size)[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        view = memoryview(buffer).cast("B")
        with self._reading() as connection:
            asked = (self._number, self._at, len(view))
            row = connection.execute("SELECT pg_catalog.lo_get(%s, %s, %s)", asked, binary=True).fetchone()
        data = bytes(row[0]) if row else b""
        view[: len(data)] = data
        self._at += len(data)
        return len(data)
