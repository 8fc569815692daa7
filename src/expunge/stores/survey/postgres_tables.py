"""Survey a database that no map declares yet: its tables with their keys, and samples of single columns."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import closing, contextmanager

import psycopg

from expunge.core.datamap.datamap import StoreSpec
from expunge.ports.optional.table_survey import ColumnType, SurveyedColumn, SurveyedReference, SurveyedTable
from expunge.stores.postgres.schema.catalogue import PostgresSchema, quoted, shown
from expunge.stores.postgres.server.connection import Connection, ConnectionPool

_TABLES = """
SELECT c.oid, n.nspname, c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
  AND n.nspname NOT LIKE 'pg\\_temp\\_%' AND pg_catalog.has_schema_privilege(n.oid, 'USAGE')
  AND pg_catalog.has_table_privilege(c.oid, 'SELECT') ORDER BY 2, 3
"""
_HIDDEN = """
SELECT n.nspname, c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'm', 'f') AND NOT c.relispartition AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
  AND n.nspname NOT LIKE 'pg\\_temp\\_%' AND NOT (pg_catalog.has_schema_privilege(n.oid, 'USAGE')
  AND pg_catalog.has_table_privilege(c.oid, 'SELECT')) ORDER BY 1, 2
"""
_KEYS = """
SELECT ARRAY(SELECT a.attname::text FROM pg_catalog.unnest(i.indkey::int2[]) WITH ORDINALITY k (attnum, at)
  JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum WHERE k.at <= i.indnkeyatts ORDER BY k.at)
FROM pg_catalog.pg_index i WHERE i.indrelid = %s AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
ORDER BY i.indisprimary DESC, i.indnatts, i.indexrelid
"""
_REFERENCES = """
SELECT n.nspname, c.relname,
  ARRAY(SELECT a.attname::text FROM pg_catalog.unnest(f.conkey) WITH ORDINALITY k (attnum, at)
    JOIN pg_catalog.pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = k.attnum ORDER BY k.at),
  ARRAY(SELECT a.attname::text FROM pg_catalog.unnest(f.confkey) WITH ORDINALITY k (attnum, at)
    JOIN pg_catalog.pg_attribute a ON a.attrelid = f.confrelid AND a.attnum = k.attnum ORDER BY k.at)
FROM pg_catalog.pg_constraint f JOIN pg_catalog.pg_class c ON c.oid = f.confrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE f.contype = 'f' AND f.conparentid = 0 AND f.conrelid = %s ORDER BY f.oid
"""
_PARTITIONS = "SELECT t.relid::oid FROM pg_catalog.pg_partition_tree(%s) t WHERE t.isleaf AND t.relid <> %s"
_LOCK_MS = 5000
_NUMBERS = frozenset({"int2", "int4", "int8", "numeric", "float4", "float8", "oid"})
_TEXTS = frozenset({"text", "varchar", "bpchar", "citext", "uuid", "name"})
_TIMES = frozenset({"date", "timestamp", "timestamptz", "time", "timetz"})


class PostgresSurvey:
    """Implements :class:`expunge.ports.optional.table_survey.TableSurvey`."""

    def __init__(self, pool: ConnectionPool) -> None:
        """Read over connections of a pool."""
        self._pool = pool

    @contextmanager
    def _borrowed(self) -> Iterator[Connection]:
        with self._pool.looking("the first look"), self._pool.borrowed() as connection:
            yield connection

    def tables(self) -> tuple[SurveyedTable, ...]:
        """Return the tables that this role may read, partitions by the table they belong to."""
        with self._borrowed() as connection:
            return tuple(_table(connection, *row) for row in connection.execute(_TABLES.encode()).fetchall())

    def sampled(self, table: str, column: str, most: int) -> frozenset[str]:
        """Return some of the values."""
        with self._borrowed() as connection:
            place, name = PostgresSchema(connection).require(table).sql, quoted(column)
            sql = (
                f"SELECT DISTINCT {name}::text FROM (SELECT {name} FROM {place} WHERE {name} IS NOT NULL LIMIT {20 * most}) s LIMIT {most}"  # noqa: S608
            )
            return frozenset(row[0] for row in connection.execute(sql.encode()).fetchall())

    def held(self, table: str, column: str, values: Collection[str]) -> int:
        """Return how many of the values stand there; they reach the server by COPY, which no server logs."""
        with self._borrowed() as connection, connection.transaction():
            connection.execute("CREATE TEMPORARY TABLE surveyed (value text) ON COMMIT DROP")
            with connection.cursor() as cursor, cursor.copy("COPY surveyed (value) FROM STDIN") as copy:
                for value in sorted(value for value in values if "\0" not in value):
                    copy.write_row((value,))
            place, name = PostgresSchema(connection).require(table).sql, quoted(column)
            sql = f"SELECT count(DISTINCT s.value) FROM surveyed s JOIN {place} t ON t.{name}::text = s.value"  # noqa: S608
            found = connection.execute(sql.encode()).fetchone()
            return int(found[0]) if found else 0

    def heads(self, table: str, column: str, most: int, length: int) -> tuple[bytes, ...]:
        """Return the first bytes of some values of type bytea."""
        with self._borrowed() as connection:
            found = PostgresSchema(connection).require(table)
            if all(each.name != column or each.type != "bytea" for each in PostgresSchema(connection).columns(found.oid)):
                return ()
            name = quoted(column)
            sql = f"SELECT substring({name} FROM 1 FOR {length}) FROM {found.sql} WHERE {name} IS NOT NULL LIMIT {most}"  # noqa: S608
            return tuple(bytes(row[0]) for row in connection.execute(sql.encode()).fetchall())

    def unreadable(self) -> tuple[str, ...]:
        """Return the tables that the role has no right to read."""
        with self._borrowed() as connection:
            return tuple(shown(*row) for row in connection.execute(_HIDDEN.encode()).fetchall())


@contextmanager
def survey_postgres(url: str, store: str) -> Iterator[PostgresSurvey]:
    """Open a database. Raises Misconfigured for an address that is none."""
    with closing(ConnectionPool(StoreSpec(store, "postgres", url), _LOCK_MS)) as pool:
        yield PostgresSurvey(pool)


def _table(connection: Connection, oid: int, schema: str, name: str) -> SurveyedTable:
    columns = tuple(SurveyedColumn(each.name, _type(each.type), each.not_null) for each in PostgresSchema(connection).columns(oid))
    keys = dict.fromkeys(tuple(row[0]) for row in connection.execute(_KEYS, (oid,)).fetchall() if row[0])
    references = _references(connection, oid)
    sql = f"SELECT count(*) FROM (SELECT 1 FROM {quoted(schema)}.{quoted(name)} LIMIT 1000000) s"  # noqa: S608
    try:
        counted = connection.execute(sql.encode()).fetchone()
    except psycopg.errors.InsufficientPrivilege:
        # Why no trouble yet: a policy hides rows of this one table, and whoever reads it is told.
        counted = None
    return SurveyedTable(shown(schema, name), columns, tuple(keys), references, int(counted[0]) if counted else 0)


def _references(connection: Connection, oid: int) -> tuple[SurveyedReference, ...]:
    """The foreign keys of a table, with those that each of its partitions has by itself."""

    def of(number: int) -> dict[SurveyedReference, None]:
        rows = connection.execute(_REFERENCES, (number,)).fetchall()
        return dict.fromkeys(SurveyedReference(tuple(zip(here, there, strict=True)), shown(*place)) for *place, here, there in rows)

    parts = [of(row[0]) for row in connection.execute(_PARTITIONS, (oid, oid)).fetchall()]
    shared = (each for each in parts[0] if all(each in part for part in parts)) if parts else ()
    return tuple(dict.fromkeys((*of(oid), *shared)))


def _type(name: str) -> ColumnType:
    if name in _NUMBERS:
        return ColumnType.NUMBER
    if name in _TIMES:
        return ColumnType.TIME
    return ColumnType.TEXT if name in _TEXTS else ColumnType.OTHER
