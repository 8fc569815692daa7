"""What lies in a registry that the map declares narrowly: other experiments and models, with what is said of them and what they learnt."""

# ruff: noqa: S608 - names come from this module and from the schema; values are bound
from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from functools import partial

from expunge.core.datamap.datamap import Dataset, ExperimentLayout, ModelLayout
from expunge.core.lineage.model_origin import names_in
from expunge.ports.optional.surroundings import NearEntry
from expunge.stores.mlflow.catalogue import MlflowSchema
from expunge.stores.mlflow.match import name_of
from expunge.stores.mlflow.origins import origins

Reading = Callable[[], Mapping[str, frozenset[str]]]
_MOST = 5_000
_RUN = "SELECT run_uuid FROM main.runs WHERE experiment_id IN (SELECT experiment_id FROM main.experiments WHERE name = ?)"
_TRACE = "SELECT request_id FROM main.trace_info WHERE experiment_id IN (SELECT experiment_id FROM main.experiments WHERE name = ?)"
_OF_EXPERIMENT = (
    ("tags", "tags", "key", "value", f"run_uuid IN ({_RUN})"),
    ("params", "params", "key", "value", f"run_uuid IN ({_RUN})"),
    ("runs", "runs", "'name'", "name", f"run_uuid IN ({_RUN})"),
    ("metadata", "trace_tags", "key", "value", f"request_id IN ({_TRACE})"),
    ("metadata", "trace_request_metadata", "key", "value", f"request_id IN ({_TRACE})"),
    ("spans", "spans", "'content'", "content", f"trace_id IN ({_TRACE})"),
)
_OF_MODEL = (
    ("tags", "registered_model_tags", "key", "value", "name = ?"),
    ("tags", "model_version_tags", "key", "value", "name = ?"),
    ("models", "registered_models", "'description'", "description", "name = ?"),
)


def entries(open_database: Callable[[], sqlite3.Connection], where: str, declared: Sequence[Dataset]) -> Iterator[NearEntry]:
    """Yield the experiments with runs or traces, and the registered models, that no dataset names. Raises sqlite3.Error, CouldNotLook."""
    experiments = {name_of(each) for each in declared if isinstance(each.layout, ExperimentLayout)}
    models = {name_of(each) for each in declared if isinstance(each.layout, ModelLayout)}
    with closing(open_database()) as connection:
        schema = MlflowSchema(connection, where)
        learnt = _learnt(connection, schema, declared)
        used = "SELECT e.name FROM main.experiments AS e WHERE EXISTS (SELECT 1 FROM main.{} AS r WHERE r.experiment_id = e.experiment_id)"
        tables = [each for each in ("runs", "trace_info", "logged_models") if each in schema]
        found = [*dict.fromkeys(row[0] for table in tables for row in connection.execute(used.format(table)).fetchall())]
        known = [row[0] for row in connection.execute("SELECT DISTINCT name FROM main.registered_models ORDER BY 1").fetchall()]
    for name in sorted(set(found) - experiments):
        yield NearEntry(("experiment", name), partial(_values, open_database, where, _OF_EXPERIMENT, name), place="an experiment")
    for name in (each for each in known if each not in models):
        yield NearEntry(
            ("model", name), partial(_values, open_database, where, _OF_MODEL, name), learnt.get(name, ()), "a registered model"
        )


def _values(
    open_database: Callable[[], sqlite3.Connection], where: str, places: Sequence[tuple[str, str, str, str, str]], name: str
) -> Mapping[str, frozenset[str]]:
    """Field -> values that rows about an entry have, up to some thousand of each table."""
    found: dict[str, set[str]] = {}
    with closing(open_database()) as connection:
        schema = MlflowSchema(connection, where)
        for group, table, key, value, which in places:
            if table not in schema:
                continue
            sql = f"SELECT {key}, CAST({value} AS TEXT) FROM main.{table} WHERE {value} IS NOT NULL AND {which} LIMIT {_MOST}"
            for field, text in connection.execute(sql, (name,)).fetchall():
                # Why not the name of the field: a key of a tag is the company's own text.
                found.setdefault(group, set()).update((str(text), str(field)))
    return {group: frozenset(values) for group, values in found.items()}


def _learnt(connection: sqlite3.Connection, schema: MlflowSchema, declared: Sequence[Dataset]) -> dict[str, tuple[str, ...]]:
    """Registered model -> datasets of the map that it learnt from, by its runs, its tags, and what its runs read."""
    of_runs = {name_of(each): each.name for each in declared if isinstance(each.layout, ExperimentLayout)}
    of_models = {name_of(each): each.name for each in declared if isinstance(each.layout, ModelLayout)}
    sql = "SELECT e.name FROM main.runs AS r JOIN main.experiments AS e ON e.experiment_id = r.experiment_id WHERE r.run_uuid = ?"
    found: dict[str, dict[str, None]] = {}
    for origin in origins(connection, schema):
        row = connection.execute(sql, (origin.run,)).fetchone()
        told = [*origin.datasets, *(name for each in origin.inputs for name in names_in(each.name))]
        told += [of_runs[row[0]]] if row and row[0] in of_runs else []
        told += [of_models[name] for each in origin.sources if (name := each.partition("/")[0]) in of_models]
        found.setdefault(origin.name, {}).update(dict.fromkeys(told))
    return {name: tuple(each) for name, each in found.items()}
