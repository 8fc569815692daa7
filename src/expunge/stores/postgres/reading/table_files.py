"""The files of a table as the server's catalogue has them, and what may hold values of rows that are gone beside them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from expunge.ports.optional.row_accounts import FileHolds, StoredColumn, TableFile
from expunge.stores.postgres.schema.catalogue import PostgresTable, quoted
from expunge.stores.postgres.server.connection import Connection
from expunge.stores.postgres.server.data_directory import DataDirectory

_FILES = """
WITH heap AS (SELECT oid, reltoastrelid AS toast FROM pg_catalog.pg_class WHERE oid = ANY(%(tables)s::pg_catalog.oid[]))
SELECT f.holds, f.oid, f.of, f.keys, f.method, pg_catalog.pg_relation_filepath(f.oid), pg_catalog.pg_relation_filepath(f.of) FROM (
  SELECT 'rows' AS holds, oid, oid AS of, NULL::int2[] AS keys, '' AS method FROM heap
  UNION ALL SELECT 'pieces', toast, oid, NULL, '' FROM heap WHERE toast <> 0
  UNION ALL SELECT 'entries', i.indexrelid, i.indrelid, i.indkey::int2[], a.amname::text FROM pg_catalog.pg_index i
    JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid JOIN pg_catalog.pg_am a ON a.oid = c.relam
    WHERE i.indrelid IN (SELECT oid FROM heap)) AS f"""
_COLUMNS = """
SELECT attrelid, attlen, attalign FROM pg_catalog.pg_attribute WHERE attrelid = ANY(%s::pg_catalog.oid[]) AND attnum > 0
ORDER BY attrelid, attnum"""
_ALIGN = {"c": 1, "s": 2, "i": 4, "d": 8}
_SAMPLED = """
SELECT s.attname::text, s.most_common_vals::text, s.histogram_bounds::text, s.most_common_elems::text,
  CASE WHEN y.oid IS NULL THEN NULL ELSE y.typlen = -1 AND y.typelem <> 0 END
FROM pg_catalog.pg_stats s JOIN pg_catalog.pg_class c ON c.relname = s.tablename
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace AND n.nspname = s.schemaname
LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attname = s.attname AND c.relkind IN ('r', 'p')
LEFT JOIN pg_catalog.pg_type y ON y.oid = a.atttypid
WHERE c.oid = ANY(%(oids)s::pg_catalog.oid[])
  OR c.oid IN (SELECT indexrelid FROM pg_catalog.pg_index WHERE indrelid = ANY(%(oids)s::pg_catalog.oid[]))"""
_EXTENDED = """
SELECT EXISTS (SELECT FROM pg_catalog.pg_stats_ext s JOIN pg_catalog.pg_class c ON c.relname = s.tablename
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace AND n.nspname = s.schemaname
  WHERE c.oid = ANY(%s::pg_catalog.oid[]) AND (s.most_common_vals IS NOT NULL OR s.exprs IS NOT NULL))"""
_STRAY = """
SELECT EXISTS (SELECT FROM pg_catalog.unnest(%(values)s::text[]) AS v
  WHERE v NOT IN (SELECT {0} FROM {1} WHERE {2} IS NOT NULL))"""
_SHOWN = "((ARRAY[{0}])::text::text[])[1]"
"""SQL: a value as an array shows it, which may be otherwise than a cast does."""
_NAMED = "SELECT pg_catalog.pg_relation_filenode(oid) FROM pg_catalog.pg_class WHERE pg_catalog.pg_relation_filenode(oid) IS NOT NULL"
_DATABASE = "SELECT oid::text FROM pg_catalog.pg_database WHERE datname = current_database()"
_FILE = re.compile(r"(?:t\d+_)?(\d+)(?:\.\d+)?")


def table_files(connection: Connection, table: PostgresTable, data: Path) -> Iterator[TableFile]:
    """Yield the files of the table, its partitions, long values and indexes, and the folder of the log."""
    rows = connection.execute(_FILES, {"tables": list(table.family)}).fetchall()
    columns: dict[int, list[StoredColumn]] = {}
    for oid, length, align in connection.execute(_COLUMNS, ([oid for _, oid, *_ in rows],)).fetchall():
        columns.setdefault(oid, []).append(StoredColumn(length, _ALIGN[align]))
    for holds, oid, _, keys, method, path, heap in rows:
        if path:
            first = (data / path).resolve()
            name, owner = (_name(data, each) for each in (path, heap))
            form = tuple(columns.get(oid, ()))
            yield TableFile(first, name, FileHolds(holds), owner, form, tuple(keys or ()), method)
        if holds == "pieces" and path:
            yield from _indexes_of_pieces(connection, oid, data, _name(data, path))
    yield TableFile((data / "pg_wal").resolve(), "", FileHolds.LOG)


def _indexes_of_pieces(connection: Connection, toast: int, data: Path, of: str) -> Iterator[TableFile]:
    """The index over long values: without any of these it has no entry."""
    sql = "SELECT indexrelid, indkey::int2[], pg_catalog.pg_relation_filepath(indexrelid) FROM pg_catalog.pg_index WHERE indrelid = %s"
    for oid, keys, path in connection.execute(sql, (toast,)).fetchall():
        form = tuple(StoredColumn(length, _ALIGN[align]) for _, length, align in connection.execute(_COLUMNS, ([oid],)).fetchall())
        yield TableFile((data / path).resolve(), _name(data, path), FileHolds.ENTRIES, of, form, tuple(keys), "btree")


def _name(data: Path, path: str) -> str:
    """The name that page readers give a relation."""
    return path if path.startswith(("base/", "global/")) else str((data / path).resolve())


def elsewhere(connection: Connection, table: PostgresTable, place: DataDirectory) -> Iterator[str]:
    """Yield words for samples of the planner that no live row has, and for files of the database that nothing names."""
    if _stray_sample(connection, table):
        yield "statistics"
    if connection.execute(_EXTENDED, (list(table.family),)).fetchone() == (True,):
        yield "extended statistics"
    yield from dict.fromkeys(_unnamed(connection, place))


def _stray_sample(connection: Connection, table: PostgresTable) -> bool:
    oids = {"oids": list(table.family)}
    for name, common, bounds, elements, listed in connection.execute(_SAMPLED, oids).fetchall():
        column = f"t.{quoted(name)}"
        shown = f"{column}::text" if listed else _SHOWN.format(column)
        whole = _STRAY.format(shown, f"{table.sql} AS t", column)
        single = _STRAY.format(_SHOWN.format("e"), f"{table.sql} AS t, pg_catalog.unnest({column}) AS e", "e")
        for values, sql in ((common, whole), (bounds, whole), (elements, single)):
            # of an expression, or of words, no row has what is sampled as a value
            untold = listed is None or (sql is single and not listed)
            if values and (untold or connection.execute(sql.encode(), {"values": values}).fetchone() != (False,)):
                return True
    return False


def _unnamed(connection: Connection, place: DataDirectory) -> Iterator[str]:
    """Files with bytes in the folders of the database that its catalogue does not name, or that sessions have for themselves."""
    ((database,),) = connection.execute(_DATABASE).fetchall()
    folders = [
        place.data / "base" / database,
        *(each for space in place.tablespaces(connection) for each in space.glob(f"PG_*/{database}")),
    ]
    found: Sequence[Path] = [path for folder in folders if folder.is_dir() for path in folder.iterdir()]
    # Why after the list: what was made meanwhile is named by now.
    named = {row[0] for row in connection.execute(_NAMED).fetchall()}
    for path in found:
        match = _FILE.fullmatch(path.name)
        with suppress(FileNotFoundError):
            if match is not None and path.stat().st_size and (path.name.startswith("t") or int(match[1]) not in named):
                yield "temporary tables" if path.name.startswith("t") else "files that no table has"
