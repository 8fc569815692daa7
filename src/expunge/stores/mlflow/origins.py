"""Read the origin of each model in an MLflow registry: its run, its input data, the models it was made from, and how it was recorded.

The tags are those of ``expunge.learn.provenance.tracking``. They may stand on the run, on the logged model or on the version. A mark
``expunge.lineage=ok`` without a manifest counts for nothing. Neither do MLflow's own digests, which are of a sample.
"""

# ruff: noqa: S608 - names come from the schema; values are bound
from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from expunge.core.lineage.model_origin import DATASETS, DERIVED, HOW, MANIFEST, Input, ModelOrigin, lit, names_in
from expunge.core.values.timestamps import EPOCH
from expunge.stores.mlflow.catalogue import MlflowSchema
from expunge.stores.mlflow.versions import Version, versions

_SHA256 = re.compile(r"[0-9a-f]{64}")


def origins(connection: sqlite3.Connection, schema: MlflowSchema) -> tuple[ModelOrigin, ...]:
    """Every registered version, and every logged model that is registered nowhere. Raises sqlite3.Error."""
    known = list(versions(connection, schema))
    places = {f"{each.name}/{each.version}" for each in known}
    by_model: dict[str, str] = {}
    for each in known:
        if each.model:
            by_model.setdefault(each.model, f"{each.name}/{each.version}")
    found = []
    for each in known:
        copied = each.source.removeprefix("models:/")
        sources = (copied,) if copied in places and copied != f"{each.name}/{each.version}" else ()
        plain = ModelOrigin(each.name, each.version, each.weights, _made(connection, schema, each), each.run or "", sources=sources)
        tags = {**_tags(connection, each.run, each.model), **_own(connection, schema, each)}
        found.append(_told(connection, plain, tags, by_model))
    for model, run, made in connection.execute("SELECT model_id, source_run_id, creation_timestamp_ms FROM main.logged_models").fetchall():
        if model not in by_model:
            found.append(_told(connection, ModelOrigin(model, 0, model, _when(made), run or ""), _tags(connection, run, model), by_model))
    return lit(found)


def _told(connection: sqlite3.Connection, origin: ModelOrigin, tags: Mapping[str, str], by_model: Mapping[str, str]) -> ModelOrigin:
    """With what its tags and its run say. A model that is registered goes by its registered name."""
    manifest = tags.get(MANIFEST, "")
    derived = (text.removeprefix("models:/") for text in names_in(tags.get(DERIVED, "")))
    return replace(
        origin,
        manifest=manifest if _SHA256.fullmatch(manifest) else "",
        datasets=names_in(tags.get(DATASETS, "")),
        inputs=tuple(_inputs(connection, origin.run)),
        sources=tuple(dict.fromkeys((*origin.sources, *(by_model.get(each, each) for each in derived)))),
        how=tags.get(HOW, "") or ("copied from" if origin.sources else ""),
    )


def _own(connection: sqlite3.Connection, schema: MlflowSchema, each: Version) -> dict[str, str]:
    """Tags of the version itself."""
    workspace = schema.workspace("model_version_tags", "t")
    sql = f"SELECT t.key, t.value FROM main.model_version_tags AS t WHERE t.name = ? AND t.version = ? AND {workspace} = ?"
    return dict(connection.execute(sql, (each.name, each.version, each.workspace)).fetchall())


def _made(connection: sqlite3.Connection, schema: MlflowSchema, each: Version) -> datetime:
    workspace = schema.workspace("model_versions", "t")
    sql = f"SELECT t.creation_time FROM main.model_versions AS t WHERE t.name = ? AND t.version = ? AND {workspace} = ?"
    return _when(connection.execute(sql, (each.name, each.version, each.workspace)).fetchone()[0])


def _tags(connection: sqlite3.Connection, run: str | None, model: str | None) -> dict[str, str]:
    """Of the run, and over them those of the logged model."""
    of_run = connection.execute("SELECT key, value FROM main.tags WHERE run_uuid = ? AND key LIKE 'expunge.%'", (run,)).fetchall()
    sql = "SELECT tag_key, tag_value FROM main.logged_model_tags WHERE model_id = ? AND tag_key LIKE 'expunge.%'"
    return {**dict(of_run), **dict(connection.execute(sql, (model,)).fetchall())}


def _inputs(connection: sqlite3.Connection, run: str) -> Iterator[Input]:
    rows = connection.execute(
        "SELECT d.name, d.digest, d.dataset_source FROM main.inputs AS i JOIN main.datasets AS d ON d.dataset_uuid = i.source_id "
        "WHERE i.destination_type = 'RUN' AND i.destination_id = ? AND i.source_type = 'DATASET' ORDER BY d.name, d.digest",
        (run,),
    )
    yield from (Input(*row) for row in rows.fetchall())


def _when(milliseconds: int | None) -> datetime:
    return EPOCH + timedelta(milliseconds=milliseconds or 0)
