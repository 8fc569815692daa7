"""Rungs over the planner's statistics: sample values of erased rows, which any user may read in ``pg_stats`` and ``pg_stats_ext``."""

# ruff: noqa: S608 - constant texts; values are bound
from __future__ import annotations

from psycopg import sql

from expunge import permit
from expunge.core.values.outcome import Reason
from expunge.faults import failpoint
from expunge.stores.postgres.ladder.rewrite import rewrite
from expunge.stores.postgres.ladder.rung import PostgresClimb, PostgresRungBlocked, noticing
from expunge.stores.postgres.schema.affected_relations import Relation

ONLY = 180000
"""The first version whose ``ANALYZE`` can leave the partitions of a parent out."""

_OLDER = "age(s.xmin) > age(pg_current_xact_id()::xid)"
_FORGET = f"""
DELETE FROM pg_catalog.pg_statistic s WHERE {_OLDER} AND s.starelid IN
  (SELECT unnest(%(oids)s::oid[]) UNION SELECT indexrelid FROM pg_catalog.pg_index WHERE indrelid = ANY(%(oids)s::oid[]))"""
_FORGET_EXTENDED = f"""
DELETE FROM pg_catalog.pg_statistic_ext_data s USING pg_catalog.pg_statistic_ext e
WHERE {_OLDER} AND e.oid = s.stxoid AND e.stxrelid = ANY(%(oids)s::oid[])"""
_LEFT_ALONE = """
SELECT DISTINCT c.oid::regclass::text FROM pg_catalog.pg_stats s
JOIN pg_catalog.pg_namespace n ON n.nspname = s.schemaname
JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = s.tablename
LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid
JOIN pg_catalog.pg_class t ON t.oid = coalesce(i.indrelid, c.oid)
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attname = s.attname
WHERE t.oid = ANY(%(oids)s::oid[]) AND (a.attstattarget = 0 OR t.reltuples = 0
  OR s.inherited AND NOT EXISTS (SELECT FROM pg_catalog.pg_inherits h WHERE h.inhparent = t.oid))
UNION
SELECT e.oid::regclass::text FROM pg_catalog.pg_statistic_ext s JOIN pg_catalog.pg_class e ON e.oid = s.stxrelid
WHERE e.oid = ANY(%(oids)s::oid[]) AND (s.stxstattarget = 0 OR e.reltuples = 0 OR EXISTS (
  SELECT FROM pg_catalog.pg_attribute a WHERE a.attrelid = e.oid AND a.attnum = ANY(s.stxkeys::int2[]) AND a.attstattarget = 0))"""
"""Relations of which ``ANALYZE`` leaves old samples where they are: empty ones, columns set to no statistics, parents without children."""


def refresh(climb: PostgresClimb) -> int:
    """Compute the sample values in ``pg_stats`` and ``pg_stats_ext`` anew, also those over all partitions of a parent.

    ``ANALYZE`` leaves the samples of an empty table, and of columns set to take none, as they are: a superuser's climb deletes those.
    """
    targets = _targets(climb)
    if not targets:
        return 0
    oids = {"oids": [each.oid for each in climb.scope.everything]}
    permit.check()
    failpoint("postgres.purge.statistics:before")
    with noticing(climb.connection) as notices, climb.connection.transaction():
        climb.connection.execute(sql.SQL("ANALYZE {}").format(sql.SQL(", ").join(sql.SQL(target) for target in targets)))
        if climb.server.superuser:
            for statement in (_FORGET, _FORGET_EXTENDED):
                climb.connection.execute(statement, oids)
    # commit point: whoever reads pg_stats from here on sees samples of what is there now.
    failpoint("postgres.purge.statistics:after")
    if notices.refused and not climb.server.superuser:
        detail = (
            f"{climb.where}: the role may not ANALYZE all of the tables and parents (it only warns); `expunge check` says what to grant"
        )
        raise PostgresRungBlocked(Reason.PERMISSION, detail)
    left = [] if climb.server.superuser else [row[0] for row in climb.connection.execute(_LEFT_ALONE, oids).fetchall()]
    if left:
        detail = (
            f"{climb.where}: ANALYZE leaves old samples of values in the statistics of {', '.join(left)} (empty, or told to take none);"
            " only a superuser can remove them"
        )
        raise PostgresRungBlocked(Reason.PERMISSION, detail)
    return len(targets)


def pages(climb: PostgresClimb) -> int:
    """Remove old versions of those samples, which stay in the pages of the catalogue that held them."""
    for name, oid in (("pg_catalog.pg_statistic", 2619), ("pg_catalog.pg_statistic_ext_data", 3429)):
        permit.check()
        failpoint("postgres.purge.statistics_pages:before")
        rewrite(climb, name, oid, catalog=True)
        failpoint("postgres.purge.statistics_pages:after")
    return 2


def _targets(climb: PostgresClimb) -> list[str]:
    """What to name to ANALYZE so that each relation is sampled once; an older server takes all partitions of a parent along."""
    partitioned = [parent for parent in climb.scope.parents if parent.kind == "p"]
    if climb.connection.info.server_version >= ONLY:
        only = {each.oid for each in partitioned}
        return [f"ONLY {each.name}" if each.oid in only else each.name for each in climb.scope.everything]
    whole = [each for each in climb.scope.everything if not _below(each, partitioned)]
    return [each.name for each in whole]


def _below(relation: Relation, partitioned: list[Relation]) -> bool:
    return relation.partition and bool(partitioned)
