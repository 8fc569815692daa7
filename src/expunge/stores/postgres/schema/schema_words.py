"""Read the words of a database's schema from its catalogue: they are no content, whoever's rows hold them as well."""

# ruff: noqa: S608 - every part is a constant of this module
from __future__ import annotations

import re
from collections.abc import Iterator

from expunge.stores.postgres.server.connection import Connection

_OURS = """
WITH spaces AS (
  SELECT oid, nspname FROM pg_catalog.pg_namespace WHERE nspname <> 'information_schema' AND nspname !~ '^pg_'),
ours AS (SELECT c.oid, c.relname FROM pg_catalog.pg_class c JOIN spaces s ON s.oid = c.relnamespace)
"""
_NAMES = f"""{_OURS}
SELECT nspname FROM spaces UNION ALL SELECT relname FROM ours
UNION ALL SELECT a.attname FROM pg_catalog.pg_attribute a JOIN ours ON ours.oid = a.attrelid WHERE a.attnum > 0 AND NOT a.attisdropped
UNION ALL SELECT t.typname FROM pg_catalog.pg_type t JOIN spaces s ON s.oid = t.typnamespace
UNION ALL SELECT e.enumlabel FROM pg_catalog.pg_enum e
UNION ALL SELECT k.conname FROM pg_catalog.pg_constraint k JOIN spaces s ON s.oid = k.connamespace
UNION ALL SELECT g.tgname FROM pg_catalog.pg_trigger g JOIN ours ON ours.oid = g.tgrelid WHERE NOT g.tgisinternal
UNION ALL SELECT p.proname FROM pg_catalog.pg_proc p JOIN spaces s ON s.oid = p.pronamespace
UNION ALL SELECT polname FROM pg_catalog.pg_policy"""
_DEFAULTS = f"{_OURS} SELECT pg_catalog.pg_get_expr(d.adbin, d.adrelid) FROM pg_catalog.pg_attrdef d JOIN ours ON ours.oid = d.adrelid"
_CHECKS = f"""{_OURS}
SELECT pg_catalog.pg_get_constraintdef(k.oid) FROM pg_catalog.pg_constraint k JOIN spaces s ON s.oid = k.connamespace
WHERE k.contype = 'c'"""
_STRING = r"\(?'(?:[^']|'')*'(?:::[\w \"]+)?(?:\)(?:::[\w \"]+)?)?"
_LISTED = re.compile(rf"ARRAY\[({_STRING}(?:, {_STRING})*)\]")
_ONE = re.compile(r"'((?:[^']|'')*)'")


def words(connection: Connection) -> Iterator[str]:
    """Yield names of everything in the database, labels of enums, texts of defaults, and the texts that a CHECK lists.

    Other constants (in views, bounds, indexes, policies) may be about a person. Raises psycopg.Error.
    """
    for (name,) in connection.execute(_NAMES.encode()).fetchall():
        yield str(name)
    for (default,) in connection.execute(_DEFAULTS.encode()).fetchall():
        yield from _unquoted(default or "")
    for (check,) in connection.execute(_CHECKS.encode()).fetchall():
        for listed in _LISTED.finditer(check or ""):
            yield from _unquoted(listed[1])


def _unquoted(text: str) -> Iterator[str]:
    yield from (found.replace("''", "'") for found in _ONE.findall(text))
