"""The rights that the ladder needs in PostgreSQL, and the statements that grant missing rights."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeAlias

import psycopg

Connection: TypeAlias = psycopg.Connection[tuple[Any, ...]]

MAINTAIN = 170000
"""The first version in which the right to rewrite a table can be granted; before, it is its owner's and the database's owner's."""

_MEMBER = "SELECT pg_has_role(%s, %s, 'USAGE')"
_MAY_CALL = "SELECT has_function_privilege(%s, %s, 'EXECUTE')"
_STATISTICS = ("pg_catalog.pg_statistic", "pg_catalog.pg_statistic_ext_data")
_LARGE_OBJECTS = "pg_catalog.pg_largeobject"
_OWNS_DATABASE = "SELECT pg_has_role(%s, datdba, 'USAGE') FROM pg_catalog.pg_database WHERE datname = current_database()"
_OWNS_TABLE = (
    "SELECT pg_has_role(%s, relowner, 'USAGE'), quote_ident(pg_get_userbyid(relowner)) FROM pg_catalog.pg_class WHERE oid = %s::regclass"
)
_STATEMENTS = """
SELECT quote_ident(n.nspname), p.oid::regprocedure::text, has_function_privilege(%s, p.oid, 'EXECUTE')
FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace WHERE p.proname = 'pg_stat_statements_reset'"""


_STATEMENTS_UNSEEN = """
SELECT setting ~ '\\mpg_stat_statements\\M' AND NOT EXISTS (SELECT FROM pg_catalog.pg_extension WHERE extname = 'pg_stat_statements')
FROM pg_catalog.pg_settings WHERE name = 'shared_preload_libraries'"""
"""The library collects texts, and nothing in this database can empty it; told only to roles that may read settings."""


def grants(connection: Connection, role: str, tables: Sequence[str] = ()) -> tuple[str, ...]:
    """The GRANT statements that ``role`` lacks on its way to ``scrubbed``, to be run in the store's database; empty when it has all.

    ``tables`` are the texts for ``::regclass`` whose rewriting is asked for as well. ``role`` is the plain name.
    """
    if _one(connection, "SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = %s", role):
        return ()
    quoted = str(_one(connection, "SELECT quote_ident(%s)", role))
    return (*_of_the_server(connection, role, quoted), *on_tables(connection, role, (*_STATISTICS, _LARGE_OBJECTS, *tables)))


def convenient(connection: Connection, role: str) -> tuple[str, ...]:
    """Return statements for rights that make the ladder quicker. It reaches the same grounding without them."""
    quoted = str(_one(connection, "SELECT quote_ident(%s)", role))
    said = []
    if not _one(connection, "SELECT has_parameter_privilege(%s, 'wal_recycle', 'ALTER SYSTEM')", role):
        said.append(f"GRANT ALTER SYSTEM ON PARAMETER wal_recycle TO {quoted}")
    functions = ("pg_reload_conf()", "pg_show_all_file_settings()")
    said += [
        f"GRANT EXECUTE ON FUNCTION {function} TO {quoted}" for function in functions if not _one(connection, _MAY_CALL, role, function)
    ]
    if said and not _one(connection, "SELECT has_table_privilege(%s, 'pg_catalog.pg_file_settings', 'SELECT')", role):
        said.append(f"GRANT SELECT ON pg_catalog.pg_file_settings TO {quoted}")
    return tuple(said)


def _of_the_server(connection: Connection, role: str, quoted: str) -> Iterator[str]:
    for group in ("pg_monitor", "pg_checkpoint"):
        if not _one(connection, _MEMBER, role, group):
            yield f"GRANT {group} TO {quoted}"
    if not _one(connection, _MAY_CALL, role, "pg_switch_wal()"):
        yield f"GRANT EXECUTE ON FUNCTION pg_switch_wal() TO {quoted}"
    for _, function, may in connection.execute(_STATEMENTS, (role,)).fetchall():
        if not may:
            yield f"GRANT EXECUTE ON FUNCTION {function} TO {quoted}"
    if _one(connection, _STATEMENTS_UNSEEN):
        yield "CREATE EXTENSION pg_stat_statements"


def on_tables(connection: Connection, role: str, tables: Iterable[str]) -> tuple[str, ...]:
    """The statements without which ``role`` may not ``VACUUM FULL`` or ``ANALYZE`` the tables: the server would only warn."""
    quoted = _one(connection, "SELECT quote_ident(%s)", role)
    if _one(connection, "SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = %s", role) or _one(connection, _OWNS_DATABASE, role):
        return ()
    said = []
    for table in tables:
        owns, owner = connection.execute(_OWNS_TABLE, (role, table)).fetchone() or (True, "")
        if owns:
            continue
        if connection.info.server_version < MAINTAIN:
            said.append(f"GRANT {owner} TO {quoted}" if "pg_catalog." not in table else _database_owner(connection, str(quoted)))
        elif not _one(connection, "SELECT has_table_privilege(%s, %s::regclass, 'MAINTAIN')", role, table):
            said.append(f"GRANT MAINTAIN ON {table} TO {quoted}")
    return tuple(dict.fromkeys(said))


def _database_owner(connection: Connection, quoted: str) -> str:
    owner = _one(connection, "SELECT quote_ident(pg_get_userbyid(datdba)) FROM pg_catalog.pg_database WHERE datname = current_database()")
    return f"GRANT {owner} TO {quoted}"


def _one(connection: Connection, query: str, *values: object) -> Any:
    row = connection.execute(query, values or None).fetchone()
    return row[0] if row else None
