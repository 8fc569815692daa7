"""Have the server write the pages of unlogged tables, which no ordinary checkpoint does: a scan of the files would not see their rows.

Before PostgreSQL 19 the server writes them at a shutdown, and at the checkpoint that copying a database by its files begins with
(``CreateDatabaseUsingFileCopy`` in its ``dbcommands.c``). So an empty database is made of ``template0`` and dropped.
"""

from __future__ import annotations

from collections.abc import Iterator

from psycopg import sql

from expunge.stores.postgres.server.connection import Connection

_OPTION = 190000
"""The first version whose CHECKPOINT can be asked for them."""
_RELATIONS = """
SELECT count(*) FROM pg_catalog.pg_class WHERE relpersistence = 'u' AND relkind IN ('r', 'm') AND pg_relation_size(oid) > 0"""
_MAY = "SELECT rolsuper OR rolcreatedb FROM pg_catalog.pg_roles WHERE rolname = current_user"
_LEFT = """
SELECT datname FROM pg_catalog.pg_database
WHERE datname ~ '^expunge_checkpoint_[0-9]+$' AND pg_has_role(datdba, 'USAGE')
  AND substring(datname from '[0-9]+$')::int NOT IN (SELECT pid FROM pg_catalog.pg_stat_activity)"""


def flush(connection: Connection) -> bool:
    """Write all dirty pages, those of unlogged tables included. Return False where there are none of these, or the role may not."""
    (relations,) = connection.execute(_RELATIONS).fetchone() or (0,)
    if not relations:
        return False
    if connection.info.server_version >= _OPTION:
        connection.execute("CHECKPOINT (FLUSH_UNLOGGED)")
        return True
    if connection.execute(_MAY).fetchone() != (True,):
        return False
    for (left,) in connection.execute(_LEFT).fetchall():
        # Why: a crash between the two statements leaves an empty database.
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(left)))
    name = sql.Identifier(f"expunge_checkpoint_{connection.info.backend_pid}")
    try:
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0 STRATEGY file_copy").format(name))
    finally:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(name))
    return True


def unseen(connection: Connection) -> Iterator[str]:
    """Yield a sentence for the receipt where the files lack rows of unlogged tables, and the role cannot have them written."""
    (relations,) = connection.execute(_RELATIONS).fetchone() or (0,)
    if relations and connection.info.server_version < _OPTION and connection.execute(_MAY).fetchone() != (True,):
        yield f"rows of {relations} unlogged tables that the server has in memory only, until the role may CREATEDB"
