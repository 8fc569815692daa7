"""List the tables of a database that no dataset declares, for looks at their columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase

from expunge.core.datamap.datamap import Ignore, TableLayout
from expunge.ports.optional.schema_listing import UndeclaredTable
from expunge.stores.postgres.schema.catalogue import PostgresSchema, PostgresTable, shown
from expunge.stores.tables.undeclared import ignored_columns, of_nobody

_TABLES = """
SELECT n.nspname, c.relname, c.oid, pg_catalog.has_table_privilege(c.oid, 'SELECT') AND pg_catalog.has_schema_privilege(n.oid, 'USAGE'),
  ARRAY(SELECT a.attname::text FROM pg_catalog.pg_constraint f JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid
    AND a.attnum = ANY (f.conkey) WHERE f.conrelid = c.oid AND f.contype = 'f' AND f.confrelid <> ALL (%(declared)s)),
  ARRAY(SELECT a.attname::text FROM pg_catalog.pg_index i JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid
    AND a.attnum = ANY (i.indkey::int2[]) WHERE i.indrelid = c.oid AND i.indisprimary)
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_' AND c.oid <> ALL (%(declared)s)
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_inherits i WHERE i.inhrelid = c.oid AND c.relispartition)
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid
    AND d.deptype = 'e')
ORDER BY 1, 2
"""


def undeclared_tables(
    schema: PostgresSchema, store: str, declared: Iterable[PostgresTable], ignored: Sequence[Ignore]
) -> Iterator[UndeclaredTable]:
    """The tables that are not among the declared ones; none that the map ignores and this role may not read. Raises psycopg.Error."""
    patterns = [each.pattern for each in ignored if each.store == store]
    known = [oid for table in declared for oid in table.family]
    for namespace, name, _, readable, elsewhere, primary in schema.connection.execute(_TABLES.encode(), {"declared": known}).fetchall():
        called = shown(namespace, name)
        names = (f"{namespace}.{name}", *((name,) if namespace == "public" else ()))
        left_out = any(fnmatchcase(one, each) for one in names for each in patterns)
        table = schema.table(called)
        if table is None or (left_out and not readable):
            continue
        columns = [column.name for column in table.columns]
        settled = ignored_columns(columns, names, patterns) | set(elsewhere)
        yield UndeclaredTable(
            of_nobody(f"table {called}", store, TableLayout(called)),
            left_out,
            tuple(column for column in columns if column not in settled),
            frozenset(primary if len(primary) == 1 else ()),
        )
