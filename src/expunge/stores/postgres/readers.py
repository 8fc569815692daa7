"""Tell which roles of a database could read tables beside Expunge's own."""

from __future__ import annotations

from collections.abc import Iterator

from expunge.ports.review.ways_in import Way, WayIn
from expunge.stores.postgres.schema.catalogue import PostgresTable
from expunge.stores.postgres.server.connection import Connection

_ROLES = """
SELECT r.rolname::text, r.rolsuper, r.rolname = session_user OR r.rolname = current_user,
  pg_catalog.has_table_privilege(r.oid, %(table)s::pg_catalog.oid, 'SELECT') OR pg_catalog.has_any_column_privilege(
    r.oid, %(table)s::pg_catalog.oid, 'SELECT'),
  pg_catalog.pg_has_role(r.oid, 'pg_read_all_data', 'MEMBER')
FROM pg_catalog.pg_roles r
WHERE r.rolcanlogin AND pg_catalog.has_schema_privilege(r.oid, (
  SELECT relnamespace FROM pg_catalog.pg_class WHERE oid = %(table)s::pg_catalog.oid), 'USAGE')
ORDER BY 1
"""


def ways_to(connection: Connection, table: PostgresTable) -> Iterator[Way]:
    """Yield the roles with a login that may read a table, or columns of it. Raises psycopg.Error."""
    for name, superuser, own, may, reads_all in connection.execute(_ROLES.encode(), {"table": table.oid}).fetchall():
        if own:
            mend = "let no person log in as it"
            yield WayIn(f"the role {name}", "Expunge reads by it", table.shown, mend, own=True)
        elif superuser:
            yield WayIn(f"the superuser {name}", "it reads every table", table.shown, "few people, and a record of each use", own=True)
        elif may:
            how = "it is a member of pg_read_all_data" if reads_all else "it has SELECT on the table"
            yield WayIn(
                f"the role {name}", how, table.shown, f"take the right to read {table.shown} from it, or from the role by which it has that"
            )
