"""Make erasures from an MLflow estate physical: orphaned rows and folders, then the ladder of SQLite."""

# ruff: noqa: S608 - names come from the schema; values are bound
from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from expunge import permit
from expunge.faults import failpoint
from expunge.stores.mlflow.artifact_roots import LOGGED_MODEL, ArtifactRoots, OutsideRoots, files, real
from expunge.stores.mlflow.catalogue import HOMES, MODEL, RUN, TRACE, MlflowSchema
from expunge.stores.mlflow.row_deletion import delete_orphans
from expunge.stores.mlflow.versions import versions

_SHAPES = {RUN: re.compile(r"[0-9a-f]{32}"), MODEL: LOGGED_MODEL, TRACE: re.compile(r"tr-[0-9a-f]{32}")}
_DEPTH = 4
"""Folders below a root in which MLflow makes folders of runs (``EXPERIMENT/RUN``), models and traces (``EXPERIMENT/models/m-...``)."""


@dataclass(frozen=True)
class Orphan:
    """A folder that no row of the database knows, with a name such as MLflow gives to folders of runs, models and traces."""

    kind: str
    path: Path
    files: int
    """How many there are in it; a folder without any is only the name of what was there."""
    weights: bool
    """It holds an ``MLmodel``: something in it can be loaded."""


def sweep_rows(connection: sqlite3.Connection, schema: MlflowSchema) -> int:
    """Delete rows that depend on no entity, in one transaction; return their number. Raises sqlite3.Error."""
    connection.execute("PRAGMA foreign_keys=OFF")
    failpoint("mlflow.purge.rows:before")
    connection.execute("BEGIN IMMEDIATE")
    try:
        gone = delete_orphans(connection, schema)
        permit.check()
        # commit point: rows that no read path shows are gone; before, a crash leaves all of them.
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
    failpoint("mlflow.purge.rows:after")
    return gone


def orphans(connection: sqlite3.Connection, schema: MlflowSchema, roots: ArtifactRoots) -> Iterator[Orphan]:
    """Yield folders of the roots whose row is gone; those that a registered version still names are left out.

    Raises OSError, sqlite3.Error.
    """
    named = registered(connection, schema, roots)
    for root in map(real, roots.folders):
        for kind, path in _inside(root, _DEPTH):
            if kind is None:
                continue
            home = HOMES[kind]
            known = connection.execute(f"SELECT 1 FROM main.{home.table} WHERE {home.columns[0]} = ?", (path.name,)).fetchone()
            if known is None and not any(each.is_relative_to(path) for each in named):
                names = [file.name for file in files(path)]
                yield Orphan(kind, path, len(names), "MLmodel" in names)


def strays(connection: sqlite3.Connection, schema: MlflowSchema, roots: ArtifactRoots) -> Iterator[Path]:
    """Files of the roots that lie in no folder of a run, model, trace or registered version. Raises OSError, sqlite3.Error."""
    named = registered(connection, schema, roots)
    for root in map(real, roots.folders):
        for kind, path in _inside(root, _DEPTH):
            if kind is None and not any(path.is_relative_to(each) for each in named):
                yield path


def registered(connection: sqlite3.Connection, schema: MlflowSchema, roots: ArtifactRoots) -> list[Path]:
    """The folders that registered versions name."""
    found = []
    for version in versions(connection, schema):
        with suppress(OutsideRoots):
            found.append(roots.path(version.place))
    return found


def _inside(folder: Path, depth: int) -> Iterator[tuple[str | None, Path]]:
    """The folders of runs, models and traces inside a folder, and the files that lie in none of them (their kind is None)."""
    if not folder.is_dir():
        return
    for each in sorted(folder.iterdir()):
        if each.is_symlink() or not each.is_dir():
            yield None, each
            continue
        kind = next((kind for kind, shape in _SHAPES.items() if shape.fullmatch(each.name)), None)
        if kind is not None:
            yield kind, each
        elif depth > 1:
            yield from _inside(each, depth - 1)
        else:
            yield from ((None, path) for path in files(each))
