"""The tables of an MLflow backend database: the known revisions, and the rows that depend on each entity.

The revisions are those of MLflow's own migrations (``mlflow/store/db_migrations``), from 3.0 to 3.17. Rows are deleted by statements of
ours rather than by MLflow's client or ``mlflow gc``. Neither of them removes datasets and inputs, and both leave weights behind in ways
that ``docs/reference/stores/mlflow.md`` lists. An unknown schema is refused, since an unexpected table may hold data that should go.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass

from expunge.errors import CouldNotLook
from expunge.stores.sqlite.catalogue import quoted

_CHAIN = """
    6953534de441 bda7b8c39065 cbc13b556ace 770bee3ae1dd a1b2c3d4e5f6 de4033877273 1a0cddfcaa16 534353b11cbc 71994744cf8e 3da73c924c2f
    bf29a5ff90ea 1bd49d398cd23 b7c8d9e0f1a2 5d2d30f0abce c9d4e5f6a7b8 2c33131f4dae d3e4f5a6b7c8 d0e1f2a3b4c5 c8d9e0f1a2b3 1b5f0d9ad7c1
    e1f2a3b4c5d6 76601a5f987d c3d6457b6d8a a5b4c3d2e1f0 ae8bbe7743c9 7d34483879f0 da6fb0208061 89d3d66ed43f b7e4c1a90f23 a8b9c0d1e2f3
    c1d2e3f4a5b6 c3d9e7f1a2b4 6f8d9c3b2a1e 1971f2d9a75b 17e22815139b b7e2c1a4d9f3 75868b020152 dc11669786a5
"""
REVISIONS = frozenset(_CHAIN.split())
"""What `alembic_version` may hold."""
OLDEST, NEWEST = "3.0", "3.17"

RUN, TRACE, MODEL, DATASET, VERSION, NAME = "run", "trace", "model", "dataset", "version", "name"
KINDS = (RUN, TRACE, MODEL, DATASET, VERSION, NAME)


@dataclass(frozen=True)
class DependentRows:
    """Rows of a table that depend on entities of a kind: ``columns`` hold the entity's identifier (and version, and workspace)."""

    kind: str
    table: str
    columns: tuple[str, ...]


HOMES: dict[str, DependentRows] = {
    RUN: DependentRows(RUN, "runs", ("run_uuid",)),
    TRACE: DependentRows(TRACE, "trace_info", ("request_id",)),
    MODEL: DependentRows(MODEL, "logged_models", ("model_id",)),
    DATASET: DependentRows(DATASET, "datasets", ("dataset_uuid",)),
    VERSION: DependentRows(VERSION, "model_versions", ("name", "version", "workspace")),
    NAME: DependentRows(NAME, "registered_models", ("name", "workspace")),
}
"""Kind -> the table whose row is the entity."""

HANGING: tuple[DependentRows, ...] = (
    DependentRows(RUN, "tags", ("run_uuid",)),
    DependentRows(RUN, "params", ("run_uuid",)),
    DependentRows(RUN, "metrics", ("run_uuid",)),
    DependentRows(RUN, "latest_metrics", ("run_uuid",)),
    DependentRows(RUN, "logged_model_metrics", ("run_id",)),
    DependentRows(MODEL, "logged_model_metrics", ("model_id",)),
    DependentRows(MODEL, "logged_model_params", ("model_id",)),
    DependentRows(MODEL, "logged_model_tags", ("model_id",)),
    DependentRows(TRACE, "span_metrics", ("trace_id",)),
    DependentRows(TRACE, "spans", ("trace_id",)),
    DependentRows(TRACE, "assessments", ("trace_id",)),
    DependentRows(TRACE, "trace_tags", ("request_id",)),
    DependentRows(TRACE, "trace_request_metadata", ("request_id",)),
    DependentRows(TRACE, "trace_metrics", ("request_id",)),
    DependentRows(TRACE, "review_queue_items", ("item_id",)),
    DependentRows(TRACE, "evaluation_dataset_records", ("source_id",)),
    *(DependentRows(kind, "inputs", (column,)) for kind in (RUN, MODEL, DATASET) for column in ("source_id", "destination_id")),
    *(DependentRows(kind, "entity_associations", (column,)) for kind in (RUN, TRACE, MODEL) for column in ("source_id", "destination_id")),
    DependentRows(VERSION, "model_version_tags", ("name", "version", "workspace")),
    DependentRows(VERSION, "registered_model_aliases", ("name", "version", "workspace")),
    DependentRows(NAME, "registered_model_aliases", ("name", "workspace")),
    DependentRows(NAME, "registered_model_tags", ("name", "workspace")),
)
"""In an order in which rows that refer to others go first; tags of inputs (``input_tags``) go with their inputs."""

POINTERS: tuple[DependentRows, ...] = (DependentRows(RUN, "assessments", ("run_id",)), DependentRows(RUN, "issues", ("source_run_id",)))
"""Columns of rows that stay (somebody else's trace, an issue of the experiment): only the pointer goes."""

_ASIDE = """
    alembic_version experiments experiment_tags workspaces webhooks webhook_events endpoints endpoint_bindings endpoint_model_mappings
    endpoint_tags model_definitions secrets scorers scorer_versions online_scoring_configs guardrails guardrail_configs budget_policies
    job_locks scheduler_leases label_schemas review_queues review_queue_label_schemas review_queue_users mcp_servers mcp_server_tags
    mcp_server_versions mcp_server_version_tags mcp_server_aliases mcp_access_endpoints input_tags sql_trace_metric_daily_rollups
    sql_span_cost_daily_rollups sql_assessment_daily_rollups sql_trace_rollup_rebuild_queue
"""
SETTINGS = frozenset(_ASIDE.split())
"""Tables of how the server is set up, and daily sums: no row of them is about a run, a trace or a model."""
FREE = ("evaluation_datasets", "evaluation_dataset_records", "evaluation_dataset_tags", "issues", "jobs")
"""Tables of content that no dataset of the map can be: a finding where they hold anything."""


class MlflowSchema:
    """The tables that one database really has."""

    def __init__(self, connection: sqlite3.Connection, where: str) -> None:
        """Raises CouldNotLook where the database is none of MLflow's, or of a revision that is not known; sqlite3.Error."""
        names = [
            name for (name,) in connection.execute("SELECT name FROM main.sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'")
        ]
        self.columns = {name: frozenset(row[1] for row in connection.execute(f"PRAGMA main.table_xinfo({quoted(name)})")) for name in names}
        if not {"alembic_version", "runs", "model_versions"} <= self.columns.keys():
            message = f"{where}: the database holds no MLflow tables"
            raise CouldNotLook(message, help="correct `url:`, or let MLflow create them")
        found = [str(row[0]) for row in connection.execute("SELECT version_num FROM main.alembic_version")]
        if len(found) != 1 or found[0] not in REVISIONS:
            known = f"revisions of MLflow {OLDEST} to {NEWEST} are understood"
            message = f"{where}: the schema is of revision {', '.join(found) or 'none'}; {known}"
            raise CouldNotLook(message, help="`mlflow db upgrade` lifts an older schema; a newer one needs a newer Expunge")

    def __contains__(self, table: str) -> bool:
        return table in self.columns

    def present(self, each: DependentRows) -> bool:
        """Return whether the table and its column exist."""
        return each.columns[0] in self.columns.get(each.table, ())

    def kept(self, each: DependentRows) -> tuple[tuple[str, str], ...]:
        """(column of the table, column of the list of items) for the columns that are there: ``workspace`` came late."""
        ours = {VERSION: ("id", "version", "workspace"), NAME: ("id", "workspace")}.get(each.kind, ("id",))
        return tuple((theirs, own) for theirs, own in zip(each.columns, ours, strict=True) if theirs in self.columns[each.table])

    def workspace(self, table: str, alias: str) -> str:
        """SQL for the workspace of a row."""
        return f"{alias}.workspace" if "workspace" in self.columns.get(table, ()) else "'default'"

    def hanging(self, kinds: tuple[str, ...] = KINDS) -> Iterator[DependentRows]:
        """Yield the rows of this schema that depend on entities of some kinds."""
        yield from (each for each in HANGING if each.kind in kinds and self.present(each))

    def unknown(self) -> list[str]:
        """Return tables that no MLflow of a known revision makes. Another program added them and may keep any data in them."""
        known = {each.table for each in (*HANGING, *HOMES.values(), *POINTERS)} | SETTINGS | set(FREE)
        return sorted(set(self.columns) - known)
