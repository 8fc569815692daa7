"""Delete rows of an MLflow database: those of an :class:`~expunge.stores.mlflow.entity_groups.EntityGroup`, and unused ones.

MLflow's own ways leave rows. ``mlflow gc`` keeps ``datasets``, ``inputs`` and ``input_tags``, which hold names, digests, schemas and
identifiers of runs and models.
"""

# ruff: noqa: S608 - names come from the schema; values are bound
from __future__ import annotations

import sqlite3

from expunge.stores.mlflow.catalogue import DATASET, HANGING, HOMES, MODEL, NAME, POINTERS, RUN, TRACE, VERSION, DependentRows, MlflowSchema

_ORDER = (VERSION, NAME, TRACE, MODEL, DATASET, RUN)
"""Entities that refer to others go first."""
_ENDS = {"RUN": RUN, "RUN_INPUT": RUN, "RUN_OUTPUT": RUN, "DATASET": DATASET, "MODEL_INPUT": MODEL, "MODEL_OUTPUT": MODEL}
"""What the two ends of a row of ``inputs`` are, by its types."""
_LOOSE = frozenset({"inputs", "entity_associations", "review_queue_items", "evaluation_dataset_records"})
"""Tables whose columns may name things of other kinds as well."""
_ROLLUPS = (
    ("trace_metric", "sql_trace_metric_daily_rollups"),
    ("span_cost", "sql_span_cost_daily_rollups"),
    ("assessment", "sql_assessment_daily_rollups"),
)
_QUEUE = "sql_trace_rollup_rebuild_queue"


def delete_items(connection: sqlite3.Connection, schema: MlflowSchema) -> None:
    """Delete the rows of all items in ``temp.expunge_items``, and the rows that depend on them. Raises sqlite3.Error."""
    _forget_sums(connection, schema)
    for each in filter(schema.present, POINTERS):
        column = each.columns[0]
        connection.execute(f"UPDATE main.{each.table} SET {column} = NULL WHERE {column} IN ({_items(each.kind)})")
    hanging = list(schema.hanging())
    if "input_tags" in schema:
        links = " UNION ".join(
            f"SELECT input_uuid FROM main.inputs WHERE {_is_item(schema, each)}" for each in hanging if each.table == "inputs"
        )
        connection.execute(f"DELETE FROM main.input_tags WHERE input_uuid IN ({links})")
    for each in (*hanging, *(HOMES[kind] for kind in _ORDER)):
        connection.execute(f"DELETE FROM main.{each.table} WHERE {_is_item(schema, each)}")


def _items(kind: str) -> str:
    return f"SELECT id FROM temp.expunge_items WHERE kind = '{kind}'"


def _is_item(schema: MlflowSchema, each: DependentRows) -> str:
    """SQL for the rows of a table that hang on items."""
    kept = schema.kept(each)
    theirs, own = ", ".join(name for name, _ in kept), ", ".join(name for _, name in kept)
    return f"({theirs}) IN (SELECT {own} FROM temp.expunge_items WHERE kind = '{each.kind}')"


def delete_unused(connection: sqlite3.Connection) -> int:
    """Delete datasets that are no input of any run, and return their number. MLflow keeps them and shows them to no user."""
    used = "SELECT 1 FROM main.inputs AS i WHERE i.source_type = 'DATASET' AND i.source_id = datasets.dataset_uuid"
    return connection.execute(f"DELETE FROM main.datasets WHERE NOT EXISTS ({used})").rowcount


def delete_orphans(connection: sqlite3.Connection, schema: MlflowSchema) -> int:
    """Delete rows that depend on nothing any more, as deletions by other means leave them; return their number. Raises sqlite3.Error."""
    gone = 0
    for each in HANGING:
        if schema.present(each) and each.table not in _LOOSE:
            home, kept = HOMES[each.kind], schema.kept(each)
            same = " AND ".join(f"h.{column} = {each.table}.{theirs}" for (theirs, _), column in zip(kept, home.columns, strict=False))
            gone += connection.execute(
                f"DELETE FROM main.{each.table} WHERE NOT EXISTS (SELECT 1 FROM main.{home.table} AS h WHERE {same})"
            ).rowcount
    for word, kind in _ENDS.items():
        for end in ("source", "destination"):
            lives = f"SELECT {HOMES[kind].columns[0]} FROM main.{HOMES[kind].table}"
            gone += connection.execute(f"DELETE FROM main.inputs WHERE {end}_type = ? AND {end}_id NOT IN ({lives})", (word,)).rowcount
    if "input_tags" in schema:
        gone += connection.execute("DELETE FROM main.input_tags WHERE input_uuid NOT IN (SELECT input_uuid FROM main.inputs)").rowcount
    return gone + delete_unused(connection)


def _forget_sums(connection: sqlite3.Connection, schema: MlflowSchema) -> None:
    """Daily sums over traces that go: deleted, and noted for MLflow to count again; until then it reads the traces themselves."""
    if _QUEUE not in schema:
        return
    days = (
        "SELECT t.experiment_id AS experiment, date(t.timestamp_ms / 1000, 'unixepoch') AS day FROM main.trace_info AS t "
        f"WHERE t.request_id IN ({_items(TRACE)}) UNION SELECT s.experiment_id, date(s.start_time_unix_nano / 1000000000, 'unixepoch') "
        f"FROM main.spans AS s WHERE s.trace_id IN ({_items(TRACE)})"
    )
    for family, table in _ROLLUPS:
        summed = f"SELECT 1 FROM main.{table} AS r WHERE r.experiment_id = d.experiment AND r.rollup_day = d.day"
        queued = f"INSERT OR IGNORE INTO main.{_QUEUE} (experiment_id, rollup_day, rollup_family)"
        connection.execute(f"{queued} SELECT d.experiment, d.day, ? FROM ({days}) AS d WHERE EXISTS ({summed})", (family,))
        connection.execute(f"DELETE FROM main.{table} WHERE (experiment_id, rollup_day) IN ({days})")
