"""Registered model versions and the weights that each of them refers to.

A version names its weights by text: ``models:/m-...`` (a logged model), ``models:/intent/1`` or ``models:/intent@prod`` (another version,
as ``copy_model_version`` writes it), ``runs:/RUN/path``, or a folder. Two versions have the same weights when these lead to the same logged
model or the same folder. MLflow keeps no such link: a copy goes on loading when its source is deleted.
"""

# ruff: noqa: S608 - names come from the schema; nothing else is put in
from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from expunge.stores.mlflow.artifact_roots import LOGGED_MODEL, plain
from expunge.stores.mlflow.catalogue import MlflowSchema

_RUN = re.compile(r"[0-9a-f]{32}")
_DEEP = 100
"""Copies of copies that are followed: more is a circle."""


@dataclass(frozen=True)
class Version:
    """One registered version."""

    name: str = field(repr=False)
    version: int
    workspace: str
    weights: str = field(repr=False)
    """The same text for the same weights."""
    model: str | None
    """The logged model that it is."""
    run: str | None
    """The run that made it."""
    source: str = field(repr=False, default="")
    """As it is written."""
    place: str = field(repr=False, default="")
    """Where the weights lie, in one spelling."""


@dataclass(frozen=True)
class _Row:
    source: str
    stored: str
    run: str | None


def versions(connection: sqlite3.Connection, schema: MlflowSchema) -> Iterator[Version]:
    """Every registered version, resolved. Raises sqlite3.Error."""
    workspace = schema.workspace("model_versions", "v")
    sql = f"SELECT v.name, v.version, {workspace}, v.source, v.storage_location, v.run_id FROM main.model_versions AS v"
    rows = {
        (name, int(number), ws): _Row(source or "", stored or "", run) for name, number, ws, source, stored, run in connection.execute(sql)
    }
    workspace = schema.workspace("registered_model_aliases", "a")
    sql = f"SELECT a.name, a.alias, {workspace}, a.version FROM main.registered_model_aliases AS a"
    aliases = {(name, alias, ws): int(number) for name, alias, ws, number in connection.execute(sql)}
    for (name, number, ws), row in rows.items():
        end = _followed(row, ws, rows, aliases)
        place = _place(connection, end)
        model = _model(end.source) or _model(place)
        made = connection.execute("SELECT source_run_id FROM main.logged_models WHERE model_id = ?", (model,)).fetchone() if model else None
        run = row.run or end.run or (made[0] if made else None) or _run(connection, end.source, place)
        yield Version(name, number, ws, model or place, model, run, row.source, place)


def _followed(row: _Row, workspace: str, rows: Mapping[tuple[str, int, str], _Row], aliases: Mapping[tuple[str, str, str], int]) -> _Row:
    """The version at the end of a chain of copies; the last one that is there."""
    for _ in range(_DEEP):
        target = row.source.removeprefix("models:/")
        if target == row.source:
            break
        name, slash, number = target.rpartition("/")
        if not slash:
            name, _, alias = target.rpartition("@")
            number = str(aliases.get((name, alias, workspace), ""))
        found = rows.get((name, int(number), workspace)) if number.isdecimal() else None
        if found is None:
            break
        row = found
    return row


def _place(connection: sqlite3.Connection, row: _Row) -> str:
    """The folder of a version, that of a run's artifacts looked up; text that leads nowhere as it is."""
    text = row.stored or row.source
    run, slash, below = text.removeprefix("runs:/").partition("/")
    if text.startswith("runs:/"):
        found = connection.execute("SELECT artifact_uri FROM main.runs WHERE run_uuid = ?", (run,)).fetchone()
        text = f"{plain(found[0])}{slash}{below}" if found and found[0] else text
    return plain(text)


def _model(text: str) -> str | None:
    """The logged model that a source or a folder names."""
    return next((part for part in text.removeprefix("models:/").split("/") if LOGGED_MODEL.fullmatch(part)), None)


def _run(connection: sqlite3.Connection, source: str, place: str) -> str | None:
    """The run whose artifacts a source or a folder lies in."""
    for text in (source.removeprefix("runs:/"), place):
        for part in text.split("/"):
            if _RUN.fullmatch(part) and connection.execute("SELECT 1 FROM main.runs WHERE run_uuid = ?", (part,)).fetchone():
                return part
    return None
