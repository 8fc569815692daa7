"""Group the entities of an MLflow estate that belong together: some runs, traces and model versions, and everything that depends on them.

All of it is SQL over a temporary table of items, one row for each subject and entity. MLflow itself has no such grouping. A registered
version names its weights by text, a copy shares the folder of its source, and a trace names its run in its metadata.
"""

# ruff: noqa: S608 - names come from this module and from the schema; values are bound
from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from expunge.stores.mlflow.catalogue import DATASET, HOMES, MODEL, NAME, RUN, TRACE, VERSION, MlflowSchema
from expunge.stores.mlflow.versions import versions

PARENT, SOURCE_RUN, SOURCE_MODEL = "mlflow.parentRunId", "mlflow.sourceRun", "mlflow.modelId"
TRACE_ARTIFACTS = "mlflow.artifactLocation"
_ITEM = "subject, kind, id, version, workspace"


@dataclass(frozen=True, order=True)
class Entity:
    """One run, trace, logged model, dataset, model version or registered name."""

    kind: str
    id: str
    version: int = 0
    workspace: str = ""

    def key(self, location: str | None) -> str:
        """The text that names it in a :class:`~expunge.core.values.copy.Copy`, with the folder of its artifacts."""
        return json.dumps([self.kind, self.id, self.version, self.workspace, location], ensure_ascii=False)

    @classmethod
    def of_key(cls, key: str) -> tuple[Entity, str | None]:
        """The opposite of :meth:`key`."""
        kind, name, version, workspace, location = json.loads(key)
        return cls(kind, name, version, workspace), location


class EntityGroup:
    """The items of some subjects, in a temporary table of one connection."""

    def __init__(
        self, connection: sqlite3.Connection, schema: MlflowSchema, declared: Collection[str] = (), people: Collection[str] = ()
    ) -> None:
        """Begin with no items, and with every registered version resolved to its weights.

        Args:
            connection: an open database.
            schema: its tables.
            declared: registered names that are datasets of their own.
            people: fields by which runs name the person that they are about.
        """
        self.connection = connection
        self.schema = schema
        self.declared = tuple(declared)
        self.people = tuple(people)
        connection.execute("DROP TABLE IF EXISTS temp.expunge_items")
        connection.execute(
            "CREATE TEMP TABLE expunge_items (subject INTEGER, kind TEXT, id TEXT, version INTEGER, workspace TEXT,"
            " PRIMARY KEY (subject, kind, id, version, workspace)) WITHOUT ROWID"
        )
        connection.execute("CREATE INDEX temp.expunge_items_id ON expunge_items (kind, id, version, workspace)")
        connection.execute("DROP TABLE IF EXISTS temp.expunge_spared")
        connection.execute("CREATE TEMP TABLE expunge_spared AS SELECT * FROM temp.expunge_items")
        connection.execute("DROP TABLE IF EXISTS temp.expunge_versions")
        connection.execute(
            "CREATE TEMP TABLE expunge_versions (name TEXT, version INTEGER, workspace TEXT, weights TEXT, model TEXT, run TEXT,"
            " place TEXT, PRIMARY KEY (name, version, workspace)) WITHOUT ROWID"
        )
        rows = (
            (version.name, version.version, version.workspace, version.weights, version.model, version.run, version.place)
            for version in versions(connection, schema)
        )
        connection.executemany("INSERT INTO temp.expunge_versions VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
        for column in ("weights", "model", "run"):
            connection.execute(f"CREATE INDEX temp.expunge_versions_{column} ON expunge_versions ({column})")

    def put(self, subject: int, entities: Iterable[Entity]) -> None:
        """Add entities to the items of a subject."""
        rows = ((subject, entity.kind, entity.id, entity.version, entity.workspace) for entity in entities)
        self.connection.executemany("INSERT OR IGNORE INTO temp.expunge_items VALUES (?, ?, ?, ?, ?)", rows)

    def add(self, select: str, parameters: Sequence[object] = ()) -> int:
        """Add the results of a query of (subject, kind, id, version, workspace), but for spared items; return the number of new ones."""
        spared = f"SELECT {_ITEM} FROM temp.expunge_spared"
        sql = f"INSERT OR IGNORE INTO temp.expunge_items ({_ITEM}) SELECT * FROM ({select}) WHERE true EXCEPT {spared}"
        return self.connection.execute(sql, parameters).rowcount

    def spare(self, subject: int, entity: Entity) -> None:
        """Take an item out, and keep it out whatever it depends on."""
        row = (subject, entity.kind, entity.id, entity.version, entity.workspace)
        self.connection.execute("INSERT INTO temp.expunge_spared VALUES (?, ?, ?, ?, ?)", row)
        where = "subject = ? AND kind = ? AND id = ? AND version = ? AND workspace = ?"
        self.connection.execute(f"DELETE FROM temp.expunge_items WHERE {where}", row)

    def protect(self, subjects: Iterable[int]) -> None:
        """Keep declared models, copies included, out of the dependents of runs: their own datasets decide about them."""
        names = ", ".join("?" * len(self.declared))
        weights = f"SELECT weights FROM temp.expunge_versions WHERE name IN ({names})"
        for kind, columns, also in (
            (VERSION, "v.name, v.version, v.workspace", ""),
            (MODEL, "v.model, 0, ''", "AND v.model IS NOT NULL"),
        ):
            found = f"SELECT ?, '{kind}', {columns} FROM temp.expunge_versions AS v WHERE v.weights IN ({weights}) {also}"
            self.connection.executemany(f"INSERT INTO temp.expunge_spared {found}", [(subject, *self.declared) for subject in subjects])

    def only(self, entities: Iterable[Entity]) -> None:
        """Make some entities the items, of subject 0; everything else is no item any more."""
        self.connection.execute("DELETE FROM temp.expunge_items")
        self.put(0, entities)

    def items(self, subject: int) -> list[Entity]:
        """The items of one subject."""
        rows = self.connection.execute(
            "SELECT kind, id, version, workspace FROM temp.expunge_items WHERE subject = ? ORDER BY kind, id, version, workspace",
            (subject,),
        )
        return [Entity(*row) for row in rows]

    def subjects(self) -> list[int]:
        """The subjects that have any item."""
        return [row[0] for row in self.connection.execute("SELECT DISTINCT subject FROM temp.expunge_items ORDER BY subject")]

    # --- single entities -----------------------------------------------------------------------------

    def exists(self, entity: Entity) -> bool:
        """Return whether the item's row exists."""
        where, values = self.where(entity)
        return self.connection.execute(f"SELECT 1 FROM main.{HOMES[entity.kind].table} AS t WHERE {where}", values).fetchone() is not None

    def where(self, entity: Entity) -> tuple[str, tuple[object, ...]]:
        """SQL and values for the entity's own row, called ``t``."""
        own = {"id": entity.id, "version": entity.version, "workspace": entity.workspace}
        kept = self.schema.kept(HOMES[entity.kind])
        return " AND ".join(f"t.{theirs} = ?" for theirs, _ in kept), tuple(own[name] for _, name in kept)

    def location(self, entity: Entity) -> str | None:
        """The folder of its artifacts, as its row names it; None where it has none of its own."""
        if entity.kind == TRACE:
            sql, values = "SELECT value FROM main.trace_tags WHERE request_id = ? AND key = ?", (entity.id, TRACE_ARTIFACTS)
            row = self.connection.execute(sql, values).fetchone()
        elif entity.kind == VERSION:
            sql = "SELECT place FROM temp.expunge_versions WHERE name = ? AND version = ? AND workspace = ?"
            row = self.connection.execute(sql, (entity.id, entity.version, entity.workspace)).fetchone()
        elif entity.kind in _PLACES:
            where, found = self.where(entity)
            sql = f"SELECT {_PLACES[entity.kind]} FROM main.{HOMES[entity.kind].table} AS t WHERE {where}"
            row = self.connection.execute(sql, found).fetchone()
        else:
            row = None
        return row[0] if row and row[0] and not str(row[0]).startswith(("models:", "runs:")) else None

    # --- what hangs on what ---------------------------------------------------------------------------

    def close(self, *, upwards: bool, judge: Callable[[], None] | None = None, link: Callable[[], int] = lambda: 0) -> None:
        """Add all dependents of the items, and their dependents in turn.

        Args:
            upwards: models are meant rather than runs: go from the weights to the run that made them as well, where nothing registered
                that stays was made by the same run.
            judge: called after each step, to spare what came in and is not meant.
            link: called in each step, to add runs that are linked to the items; returns how many it added.
        """
        judge = judge or _nothing
        while self._weights() or (upwards and self._makers()) or self._of_runs() or link():
            judge()
        self._names()
        self._traces()
        judge()
        self._datasets()

    def _weights(self) -> int:
        """Versions of the same weights, copies under other names included, and the logged models that they are.

        A logged model or run whose row is gone is an item even so: what hangs on it names it still.
        """
        own = "FROM temp.expunge_items AS i CROSS JOIN temp.expunge_versions AS k ON k.name = i.id AND k.version = i.version"
        own = f"{own} AND k.workspace = i.workspace"
        return (
            self.add(
                f"SELECT i.subject, '{VERSION}', v.name, v.version, v.workspace FROM temp.expunge_items AS i "
                f"CROSS JOIN temp.expunge_versions AS v ON v.model = i.id WHERE i.kind = '{MODEL}'"
            )
            + self.add(
                f"SELECT i.subject, '{VERSION}', v.name, v.version, v.workspace {own} "
                f"CROSS JOIN temp.expunge_versions AS v ON v.weights = k.weights WHERE i.kind = '{VERSION}'"
            )
            + self.add(f"SELECT i.subject, '{MODEL}', k.model, 0, '' {own} WHERE i.kind = '{VERSION}' AND k.model IS NOT NULL")
        )

    def _makers(self) -> int:
        """Runs that made the models and versions, but those that also made something registered that stays."""
        models = (
            "SELECT i.subject, m.source_run_id AS run FROM temp.expunge_items AS i CROSS JOIN main.logged_models AS m "
            f"ON m.model_id = i.id WHERE i.kind = '{MODEL}'"
        )
        named = (
            "SELECT i.subject, v.run FROM temp.expunge_items AS i CROSS JOIN temp.expunge_versions AS v "
            f"ON v.name = i.id AND v.version = i.version AND v.workspace = i.workspace WHERE i.kind = '{VERSION}'"
        )
        return self.add(
            f"SELECT c.subject, '{RUN}', c.run, 0, '' FROM ({models} UNION {named}) AS c "
            f"WHERE c.run IS NOT NULL AND NOT EXISTS ({_staying('o.run = c.run', 'c.subject')})"
        )

    def _of_runs(self) -> int:
        """Child runs, logged models and versions of runs."""
        runs = "FROM temp.expunge_items AS i CROSS JOIN"
        own = f"WHERE i.kind = '{RUN}'"
        children = f"SELECT i.subject, '{RUN}', t.run_uuid, 0, '' {runs} main.tags AS t ON t.key = ? AND t.value = i.id {own}"
        return (
            self.add(children, (PARENT,))
            + self.add(f"SELECT i.subject, '{MODEL}', m.model_id, 0, '' {runs} main.logged_models AS m ON m.source_run_id = i.id {own}")
            + self.add(
                f"SELECT i.subject, '{VERSION}', v.name, v.version, v.workspace {runs} temp.expunge_versions AS v ON v.run = i.id {own}"
            )
        )

    def _names(self) -> None:
        """Registered names whose last version is among the items: their description, tags and aliases go as well."""
        workspace = self.schema.workspace("registered_models", "n")
        self.add(
            f"SELECT i.subject, '{NAME}', n.name, 0, {workspace} FROM temp.expunge_items AS i CROSS JOIN main.registered_models AS n "
            f"ON n.name = i.id AND {workspace} = i.workspace WHERE i.kind = '{VERSION}' "
            f"AND NOT EXISTS ({_staying(f'o.name = n.name AND o.workspace = {workspace}', 'i.subject')})"
        )

    def _traces(self) -> None:
        """Traces that say they were made by a run, or by a model, of the items."""
        for kind, name in ((RUN, SOURCE_RUN), (MODEL, SOURCE_MODEL)):
            self.add(
                f"SELECT i.subject, '{TRACE}', d.request_id, 0, '' FROM main.trace_request_metadata AS d "
                f"CROSS JOIN temp.expunge_items AS i ON i.kind = '{kind}' AND i.id = d.value WHERE d.key = ?",
                (name,),
            )

    def _datasets(self) -> None:
        """Datasets that were an input of nothing else."""
        item = (
            "SELECT 1 FROM temp.expunge_items AS j WHERE j.subject = i.subject AND j.kind IN ('run', 'model') AND j.id = o.destination_id"
        )
        others = f"SELECT 1 FROM main.inputs AS o WHERE o.source_type = 'DATASET' AND o.source_id = d.dataset_uuid AND NOT EXISTS ({item})"
        self.add(
            f"SELECT i.subject, '{DATASET}', d.dataset_uuid, 0, '' FROM temp.expunge_items AS i "
            "CROSS JOIN main.inputs AS n ON n.destination_type IN ('RUN', 'MODEL_INPUT', 'MODEL_OUTPUT') AND n.destination_id = i.id "
            "AND n.source_type = 'DATASET' CROSS JOIN main.datasets AS d ON d.dataset_uuid = n.source_id "
            f"WHERE i.kind IN ('run', 'model') AND NOT EXISTS ({others})"
        )

    def shared_runs(self) -> Iterator[tuple[int, str, str]]:
        """(subject, run, registered name that stays) for the runs that made items and something registered that stays."""
        yield from self.connection.execute(
            "SELECT DISTINCT i.subject, m.run, o.name FROM temp.expunge_items AS i CROSS JOIN temp.expunge_versions AS m "
            "ON m.name = i.id AND m.version = i.version AND m.workspace = i.workspace "
            f"CROSS JOIN temp.expunge_versions AS o ON o.run = m.run WHERE i.kind = '{VERSION}' AND NOT EXISTS ({_item('i.subject')})"
        ).fetchall()


def _nothing() -> None:
    """Nobody is spared."""


def _item(subject: str) -> str:
    """SQL that finds a version called ``o`` among the items of a subject."""
    return (
        f"SELECT 1 FROM temp.expunge_items AS j WHERE j.subject = {subject} AND j.kind = '{VERSION}' AND j.id = o.name "
        "AND j.version = o.version AND j.workspace = o.workspace"
    )


def _staying(where: str, subject: str) -> str:
    """SQL for registered versions, called ``o``, that are no items of a subject."""
    return f"SELECT 1 FROM temp.expunge_versions AS o WHERE {where} AND NOT EXISTS ({_item(subject)})"


_PLACES = {RUN: "t.artifact_uri", MODEL: "t.artifact_location"}
