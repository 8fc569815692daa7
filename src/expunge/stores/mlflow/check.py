"""Compare an MLflow registry with the map."""

# ruff: noqa: S608 - names come from the schema; values are bound
from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from expunge.core.datamap.datamap import ByField, Dataset, Ignore, ModelLayout, Shared
from expunge.core.values.copy import Finding, FindingKind
from expunge.stores.mlflow.artifact_roots import ArtifactRoots, real
from expunge.stores.mlflow.catalogue import FREE, HOMES, MODEL, RUN, TRACE, MlflowSchema
from expunge.stores.mlflow.declared_files import everything
from expunge.stores.mlflow.entity_groups import EntityGroup
from expunge.stores.mlflow.fields import readings
from expunge.stores.mlflow.ladder import orphans, strays
from expunge.stores.mlflow.match import kinds_of, models_of, name_of
from expunge.stores.mlflow.origins import origins
from expunge.stores.sqlite.database_file import DatabaseFile

_SHOWN = 50
"""Stray files that are named one by one."""
_HOMELESS = "declare it under `datasets:`, or under `ignore:` with a reason"


class MlflowCheck:
    """One open registry and the datasets that lie in it."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        schema: MlflowSchema,
        store: str,
        declared: Sequence[Dataset],
        roots: ArtifactRoots,
        ignored: Sequence[Ignore],
    ) -> None:
        self._connection = connection
        self._schema = schema
        self._store = store
        self._declared = declared
        self._roots = roots
        self._ignored = [each.pattern for each in ignored if each.store == store]
        self._family = EntityGroup(connection, schema, models_of(declared))
        everything(self._family, declared)

    def findings(self, file: DatabaseFile, *, writable: bool) -> Iterator[Finding]:
        """Everything that is wrong or undeclared. Raises sqlite3.Error, OSError."""
        if not writable:
            what = "the database, its folder or the artifacts cannot be written"
            yield self._finding(FindingKind.PERMISSION, str(file.path), what, "give this process write access")
        for each in self._declared:
            yield from self._dataset(each)
        yield from self._models()
        yield from self._dark()
        yield from self._experiments()
        yield from self._tables()
        yield from self._folders()
        for source in file.sources():
            if source.role == "old version" and not self._is_ignored(source.path.name):
                what = "a file beside the database that is named like it: a copy or backup that no dataset declares"
                yield self._finding(FindingKind.UNDECLARED, str(source.path), what, "remove it, declare it, or `ignore:` it with a reason")

    # --- what is declared ----------------------------------------------------------------------------

    def _dataset(self, dataset: Dataset) -> Iterator[Finding]:
        name = name_of(dataset)
        if dataset.shared is Shared.MUTE:
            what = f"dataset {dataset.name}: nothing in a registry can be muted"
            yield self._finding(FindingKind.UNSUPPORTED, name, what, "shared: erase")
        if isinstance(dataset.layout, ModelLayout):
            if not self._count("registered_models", "name = ?", name):
                what = f"dataset {dataset.name}: no model is registered under this name"
                yield self._finding(FindingKind.NOTE, f"models/{name}", what, "correct `model:`, unless it was destroyed")
            return
        if not self._count("experiments", "name = ?", name):
            what = f"dataset {dataset.name}: there is no such experiment"
            yield self._finding(FindingKind.MISSING, f"experiments/{name}", what, "correct `experiment:`")
            return
        fields = dataset.subject_fields if isinstance(dataset.subject, ByField) else ()
        for field in dict.fromkeys((*fields, *dataset.follow)):
            if not self._has(dataset, field):
                what = f"dataset {dataset.name}: it has runs or traces, and none has {field}"
                mend = "`tags.NAME`, `params.NAME` or `metadata.NAME`; or tag the runs with whose they are"
                yield self._finding(FindingKind.SUBJECT_PATH, f"experiments/{name}", what, mend)

    def _has(self, dataset: Dataset, field: str) -> bool:
        """Whether some run or trace of an experiment has a field; so it is where there is none at all."""
        inside = "experiment_id IN (SELECT experiment_id FROM main.experiments WHERE name = ?)"
        there = False
        for kind in kinds_of(dataset):
            home = HOMES[kind]
            there = there or bool(self._count(home.table, inside, name_of(dataset)))
            for reading in readings(self._schema, [kind], field):
                own = f"SELECT {home.columns[0]} FROM main.{home.table} WHERE {inside}"
                sql = f"SELECT 1 FROM ({reading.sql}) AS x WHERE x.value IS NOT NULL AND x.id IN ({own}) LIMIT 1"
                if self._connection.execute(sql, (*reading.values, name_of(dataset))).fetchone():
                    return True
        return not there

    # --- what nobody declared ------------------------------------------------------------------------

    def _models(self) -> Iterator[Finding]:
        workspace = self._schema.workspace("registered_models", "t")
        for name, space in self._connection.execute(
            f"SELECT t.name, {workspace} FROM main.registered_models AS t ORDER BY 1, 2"
        ).fetchall():
            covered = "SELECT 1 FROM temp.expunge_items WHERE kind IN ('name', 'version') AND id = ? AND workspace = ?"
            if not self._connection.execute(covered, (name, space)).fetchone() and not self._is_ignored(f"models/{name}"):
                yield self._finding(FindingKind.UNDECLARED, f"models/{name}", "no dataset declares this registered model", _HOMELESS)

    def _dark(self) -> Iterator[Finding]:
        """Models of which neither the registry nor the map says what they learnt from."""
        said = set(models_of(each for each in self._declared if each.derived_from))
        for origin in origins(self._connection, self._schema):
            place = f"models/{origin.place}"
            if not origin.dark or self._is_ignored(place):
                continue
            if origin.name in said:
                what = "no manifest says which records it learnt from; the map says which datasets"
                yield self._finding(FindingKind.NOTE, place, what, "expunge.learn.provenance.tracking.log_training in the run that trains")
            else:
                what = "dark: nobody can tell what it learnt from, so no order takes it for clean; quarantine it"
                mend = "log_training or log_derived in the run that makes it, derived_from in the map, or `ignore:` it with a reason"
                yield self._finding(FindingKind.UNDECLARED, place, what, mend)

    def _experiments(self) -> Iterator[Finding]:
        uncovered = "SELECT 1 FROM temp.expunge_items AS i WHERE i.kind = ? AND i.id = t.{}"
        for kind, what in ((RUN, "runs"), (MODEL, "logged models"), (TRACE, "traces")):
            home = HOMES[kind]
            rows = self._connection.execute(
                f"SELECT e.name, count(*) FROM main.{home.table} AS t LEFT JOIN main.experiments AS e ON e.experiment_id = t.experiment_id "
                f"WHERE NOT EXISTS ({uncovered.format(home.columns[0])}) GROUP BY t.experiment_id ORDER BY 1",
                (kind,),
            ).fetchall()
            for name, count in rows:
                if not self._is_ignored(f"experiments/{name}"):
                    said = f"{count} {what} that no dataset declares"
                    yield self._finding(FindingKind.UNDECLARED, f"experiments/{name}", said, _HOMELESS)

    def _tables(self) -> Iterator[Finding]:
        for name in (*(each for each in FREE if each in self._schema), *self._schema.unknown()):
            if self._count(name, "true") and not self._is_ignored(f"tables/{name}") and not self._is_ignored(name):
                yield self._finding(FindingKind.UNDECLARED, f"tables/{name}", "rows that no dataset of the map can hold", _HOMELESS)

    def _folders(self) -> Iterator[Finding]:
        for orphan in orphans(self._connection, self._schema, self._roots):
            name = self._relative(orphan.path)
            if orphan.files and not self._is_ignored(f"artifacts/{name}"):
                what = f"a folder of a {orphan.kind} that no row of the database knows" + (
                    ", with weights that load" if orphan.weights else ""
                )
                mend = "remove it, or set `orphans:` of the store"
                yield self._finding(FindingKind.UNDECLARED, f"artifacts/{name}", what, mend)
        shown = 0
        for path in strays(self._connection, self._schema, self._roots):
            name = self._relative(path)
            if not self._is_ignored(f"artifacts/{name}") and (shown := shown + 1) <= _SHOWN:
                yield self._finding(FindingKind.UNDECLARED, f"artifacts/{name}", "a file of no run, model or trace", _HOMELESS)

    def _relative(self, path: Path) -> str:
        return next((path.relative_to(root).as_posix() for root in map(real, self._roots.folders) if path.is_relative_to(root)), str(path))

    # --- helpers -------------------------------------------------------------------------------------

    def _count(self, table: str, where: str, *values: str) -> int:
        return int(self._connection.execute(f"SELECT count(*) FROM main.{table} WHERE {where}", values).fetchone()[0])

    def _is_ignored(self, name: str) -> bool:
        return any(fnmatchcase(name, each) for each in self._ignored)

    def _finding(self, kind: FindingKind, where: str, what: str, mend: str) -> Finding:
        return Finding(kind, self._store, where, what, mend)
