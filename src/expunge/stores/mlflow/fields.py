"""The names that a map may give to the fields of an MLflow dataset, and the way their values are read.

``tags.NAME``, ``params.NAME`` and ``metadata.NAME`` (of traces) are attached by programs. ``run_id``, ``run_name``, ``user``, ``trace_id``,
``start_time`` and ``end_time`` are MLflow's own, and of models ``name``, ``version``, ``run_id`` and ``creation_time``. Any other name
without a prefix is a tag, a parameter or metadata of that name, whichever there is.
"""

# ruff: noqa: S608 - names come from this module and from the schema; values are bound
from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from expunge.core.values.copy import Selector
from expunge.core.values.timestamps import latest
from expunge.stores.mlflow.catalogue import HOMES, RUN, TRACE, VERSION, MlflowSchema
from expunge.stores.mlflow.entity_groups import Entity, EntityGroup

_OWN = {
    RUN: {"run_id": "run_uuid", "run_name": "name", "user": "user_id", "start_time": "start_time", "end_time": "end_time"},
    TRACE: {"trace_id": "request_id", "start_time": "timestamp_ms", "trace_name": "trace_name", "session": "session_id"},
    VERSION: {"name": "name", "version": "version", "run_id": "run_id", "creation_time": "creation_time", "user": "user_id"},
}
_ATTACHED = {
    RUN: {"tags": ("tags", "run_uuid"), "params": ("params", "run_uuid")},
    TRACE: {"tags": ("trace_tags", "request_id"), "metadata": ("trace_request_metadata", "request_id")},
    VERSION: {"tags": ("model_version_tags", "name")},
}
PREFIXES = ("tags", "params", "metadata")
FIELDS = frozenset(name for names in _OWN.values() for name in names)


@dataclass(frozen=True)
class FieldQuery:
    """A query of (id, version, workspace, value) over all entities of a kind."""

    kind: str
    sql: str
    values: tuple[str, ...]


def readings(schema: MlflowSchema, kinds: Sequence[str], field: str) -> Iterator[FieldQuery]:
    """Yield the queries that read a field of some kinds of entities; nothing where they have no such field."""
    prefix, dot, name = field.partition(".")
    for kind in kinds:
        own = _OWN[kind].get(field)
        if own is not None:
            home = HOMES[kind].table
            if own in schema.columns.get(home, ()):
                yield FieldQuery(kind, f"SELECT {_names(schema, kind, home)}, t.{own} AS value FROM main.{home} AS t", ())
            continue
        attached = _ATTACHED[kind]
        wanted = [(prefix, name)] if dot and prefix in PREFIXES else [(each, field) for each in attached if field not in FIELDS]
        for where, key in wanted:
            if where in attached:
                table, _ = attached[where]
                yield FieldQuery(
                    kind, f"SELECT {_names(schema, kind, table)}, t.value AS value FROM main.{table} AS t WHERE t.key = ?", (key,)
                )


def _names(schema: MlflowSchema, kind: str, table: str) -> str:
    if kind == VERSION:
        return f"t.name AS id, t.version AS version, {schema.workspace(table, 't')} AS workspace"
    column = (
        HOMES[kind].columns[0] if table == HOMES[kind].table else next(each for name, each in _ATTACHED[kind].values() if name == table)
    )
    return f"t.{column} AS id, 0 AS version, '' AS workspace"


def values(family: EntityGroup, entity: Entity, field: str) -> list[object]:
    """The values that a field of one entity has; none where it is null or not there."""
    found: list[object] = []
    for each in readings(family.schema, [entity.kind], field) if entity.kind in _OWN else ():
        sql = f"SELECT value FROM ({each.sql}) WHERE id = ? AND version = ? AND workspace = ? AND value IS NOT NULL"
        rows = family.connection.execute(sql, (*each.values, entity.id, entity.version, entity.workspace))
        found += [row[0] for row in rows]
    return found


def admits(family: EntityGroup, entity: Entity, selector: Selector) -> bool:
    """Return whether an entity lies in the time window of a selector and is not spared."""
    return selector.admits(
        lambda field: latest(values(family, entity, field)), lambda field: [str(value) for value in values(family, entity, field)]
    )
