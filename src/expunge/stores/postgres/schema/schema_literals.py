"""Find subjects' values that were written into the schema itself: views, defaults, bounds ... Every user who may connect can read them."""

from __future__ import annotations

import re

from expunge.stores.postgres.server.connection import Connection

SHORTEST = 8
"""Characters below which a literal says nothing: every schema has its ``'new'`` and ``'1'``."""
_DEFINITIONS = """
WITH ours AS (
  SELECT c.oid, c.relkind, c.relpartbound FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname <> 'information_schema' AND n.nspname !~ '^pg_')
SELECT pg_catalog.pg_get_viewdef(oid) FROM ours WHERE relkind IN ('v', 'm')
UNION ALL SELECT pg_catalog.pg_get_expr(relpartbound, oid) FROM ours WHERE relpartbound IS NOT NULL
UNION ALL SELECT pg_catalog.pg_get_expr(d.adbin, d.adrelid) FROM pg_catalog.pg_attrdef d JOIN ours ON ours.oid = d.adrelid
UNION ALL SELECT pg_catalog.pg_get_constraintdef(k.oid) FROM pg_catalog.pg_constraint k
  JOIN ours ON ours.oid = k.conrelid WHERE k.contype = 'c'
UNION ALL SELECT pg_catalog.pg_get_indexdef(i.indexrelid) FROM pg_catalog.pg_index i JOIN ours ON ours.oid = i.indrelid
  WHERE i.indpred IS NOT NULL OR i.indexprs IS NOT NULL
UNION ALL SELECT pg_catalog.pg_get_triggerdef(t.oid) FROM pg_catalog.pg_trigger t
  JOIN ours ON ours.oid = t.tgrelid WHERE t.tgqual IS NOT NULL
UNION ALL SELECT pg_catalog.pg_get_ruledef(r.oid) FROM pg_catalog.pg_rewrite r
  JOIN ours ON ours.oid = r.ev_class WHERE r.rulename <> '_RETURN'
UNION ALL SELECT pg_catalog.pg_get_expr(p.polqual, p.polrelid) FROM pg_catalog.pg_policy p WHERE p.polqual IS NOT NULL
UNION ALL SELECT pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid) FROM pg_catalog.pg_policy p WHERE p.polwithcheck IS NOT NULL
UNION ALL SELECT pg_catalog.pg_get_expr(b.prqual, b.prrelid) FROM pg_catalog.pg_publication_rel b WHERE b.prqual IS NOT NULL
"""
_LITERAL = re.compile(r"'((?:[^']|'')*)'")


def literals(connection: Connection) -> frozenset[str]:
    """Every text constant of at least :data:`SHORTEST` characters in the definitions of a database. Raises psycopg.Error."""
    found: set[str] = set()
    for (definition,) in connection.execute(_DEFINITIONS):
        found.update(each.replace("''", "'") for each in _LITERAL.findall(definition or ""))
    return frozenset(each for each in found if len(each) >= SHORTEST)
