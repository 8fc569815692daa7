"""Read the content of an MLflow estate's entities, rows and artifact files: as a subject's export and as content for the tracer."""

# ruff: noqa: S608 - names come from the schema; values are bound
from __future__ import annotations

import io
import json
import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from expunge.core.values.copy import Copy, Item
from expunge.core.values.ids import Pseudonym
from expunge.ports.scanner import Tracer
from expunge.stores.mlflow.artifact_roots import ArtifactRoots, OutsideRoots, files
from expunge.stores.mlflow.catalogue import HOMES, DependentRows, MlflowSchema
from expunge.stores.mlflow.entity_groups import Entity, EntityGroup

_CHUNK = 1 << 20
_WORDS = frozenset(
    {"artifact_uri", "artifact_location", "storage_location", "source", "source_type", "status", "lifecycle_stage", "current_stage"}
    | {"workspace", "destination_type", "dataset_source_type", "type", "assessment_type", "user_id"}
)
"""Columns of MLflow's own words, of the account under which a program ran, and of folders, whose beginnings everybody shares. The
identifiers at their ends have columns too; where accounts name subjects, identifiers are traced by themselves."""
_OF_FRAMES = frozenset({"dataset_schema", "dataset_profile"})
"""Columns in which MLflow says how the columns of a table are called, and how many rows it has."""
_KEYS, _VALUES = {"key", "tag_key"}, {"value", "tag_value"}
_PROGRAM = re.compile(r"(mlflow\.(user|source\.|artifactLocation|trace_schema|trace\.size|trace\.infoFinalized)|expunge\.)")
"""Begins the names of tags that say which program ran, and where: they are alike in everybody's runs."""
_SCAFFOLD = frozenset({"MLmodel", "conda.yaml", "python_env.yaml", "requirements.txt"})
"""Files that MLflow writes beside any weights; what they say of one model in particular, its identifiers, has columns too."""


def rows(family: EntityGroup, entity: Entity) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """(table, row) of an entity: its own row, and every row that hangs on it."""
    schema = family.schema
    for each in (HOMES[entity.kind], *schema.hanging((entity.kind,))):
        yield from _rows(family, each, entity)
    if "input_tags" in schema:
        links = {
            row["input_uuid"] for each in schema.hanging((entity.kind,)) if each.table == "inputs" for _, row in _rows(family, each, entity)
        }
        for link in sorted(links):
            cursor = family.connection.execute("SELECT * FROM main.input_tags WHERE input_uuid = ?", (link,))
            names = [each[0] for each in cursor.description]
            yield from (("input_tags", dict(zip(names, row, strict=True))) for row in cursor.fetchall())


def _rows(family: EntityGroup, each: DependentRows, entity: Entity) -> Iterator[tuple[str, Mapping[str, Any]]]:
    own = {"id": entity.id, "version": entity.version, "workspace": entity.workspace}
    kept = family.schema.kept(each)
    where = " AND ".join(f"{theirs} = ?" for theirs, _ in kept)
    cursor = family.connection.execute(f"SELECT * FROM main.{each.table} WHERE {where}", [own[name] for _, name in kept])
    names = [column[0] for column in cursor.description]
    yield from ((each.table, dict(zip(names, row, strict=True))) for row in cursor.fetchall())


def artifacts(roots: ArtifactRoots, location: str | None) -> Iterator[Path]:
    """The files of a location; none where it lies in no declared root. Raises OSError."""
    if location:
        try:
            folder = roots.path(location)
        except OutsideRoots:
            return
        yield from files(folder)


def size(family: EntityGroup, roots: ArtifactRoots, keys: Sequence[str]) -> int:
    """Bytes of the artifacts of some items, and of the text of their own rows."""
    total, seen = 0, set[Path]()
    for entity, location in map(Entity.of_key, keys):
        total += sum(len(str(value)) for _, row in _rows(family, HOMES[entity.kind], entity) for value in row.values())
        for path in artifacts(roots, location):
            if path not in seen:
                seen.add(path)
                total += path.lstat().st_size
    return total


def export(family: EntityGroup, roots: ArtifactRoots, dataset: str, copy: Copy) -> Iterator[Item]:
    """All rows as JSON lines, and each artifact file byte for byte."""
    yield Item(f"{_safe(dataset)}.jsonl", _lines(family, copy), "application/jsonl")
    seen = set[Path]()
    for number, (_, location) in enumerate(map(Entity.of_key, copy.keys)):
        for at, path in enumerate(artifacts(roots, location)):
            if path not in seen and path.is_file() and not path.is_symlink():
                seen.add(path)
                yield Item(f"artifacts/{number}/{at}-{_safe(path.name)}", _bytes(path))


def _lines(family: EntityGroup, copy: Copy) -> Iterator[bytes]:
    for entity, _ in map(Entity.of_key, copy.keys):
        for table, row in rows(family, entity):
            shown = {name: value.hex() if isinstance(value, bytes) else value for name, value in row.items()}
            yield json.dumps({"table": table, **shown}, ensure_ascii=False).encode("utf-8", "surrogateescape") + b"\n"


def _bytes(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk


def _safe(name: str) -> str:
    return re.sub(r"[^\w.-]", "_", name).lstrip(".") or "_"


def trace(family: EntityGroup, roots: ArtifactRoots, dataset: str, copies: Sequence[Copy], tracer: Tracer) -> None:
    """Hand over the values of every row, and names and bytes of the artifacts. MLflow's own values, alike in all estates, are left out."""
    for copy in copies:
        for entity, location in map(Entity.of_key, copy.keys):
            for table, row in rows(family, entity):
                for name, value in _own(table, row):
                    _hand_over(tracer, copy.subject, dataset, f"{table}.{name}", value)
            for path in artifacts(roots, location):
                if path.name in _SCAFFOLD:
                    continue
                tracer.name(copy.subject, dataset, path.name)
                if path.is_file() and not path.is_symlink():
                    with path.open("rb") as file:
                        tracer.blob(copy.subject, dataset, "artifact", file)


def _own(table: str, row: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """What a row says of its entity rather than of MLflow."""
    # Tags of inputs call their key a name, which elsewhere is a word of the company's.
    keys = {"name"} if table == "input_tags" else _KEYS
    key = next((str(row[name]) for name in sorted(keys) if name in row), "")
    code = row.get("dataset_source_type") == "code"
    for name, value in row.items():
        vocabulary = name in keys and key.startswith(("mlflow.", "expunge."))
        program = (name in _VALUES and (_PROGRAM.match(key) or key == "mlflow.data.context")) or (name == "dataset_source" and code)
        if name not in _WORDS and name not in _OF_FRAMES and not vocabulary and not program:
            yield name, value


_NAME = re.compile(r"[\w.\-/:]{1,250}")
_SHARED_KEYS = (
    ("tags", "key", "run_uuid"),
    ("params", "key", "run_uuid"),
    ("latest_metrics", "key", "run_uuid"),
    ("logged_model_params", "param_key", "model_id"),
    ("logged_model_tags", "tag_key", "model_id"),
    ("logged_model_metrics", "metric_name", "model_id"),
    ("trace_tags", "key", "request_id"),
    ("trace_request_metadata", "key", "request_id"),
    ("model_version_tags", "key", "name"),
    ("registered_model_tags", "key", "name"),
    ("input_tags", "name", "input_uuid"),
    ("assessments", "name", "trace_id"),
    ("span_metrics", "key", "trace_id"),
)
"""Table, its column of keys, and the column that says whose they are."""


def schema_words(connection: sqlite3.Connection, schema: MlflowSchema) -> Iterator[str]:
    """Yield names of tables and columns, and of tags, parameters and metrics that several runs, models or traces have.

    A key that one alone has may be about a person, and is content. Raises sqlite3.Error.
    """
    yield from schema.columns
    yield from (name for columns in schema.columns.values() for name in columns)
    for table, key, owner in _SHARED_KEYS:
        if {key, owner} <= schema.columns.get(table, frozenset()):
            rows = connection.execute(f"SELECT {key} FROM main.{table} GROUP BY {key} HAVING count(DISTINCT {owner}) > 1")
            yield from (str(row[0]) for row in rows if _NAME.fullmatch(str(row[0])))


def _hand_over(tracer: Tracer, subject: Pseudonym, dataset: str, field: str, value: Any) -> None:
    if isinstance(value, str):
        tracer.text(subject, dataset, field, value)
    elif isinstance(value, bytes):
        tracer.blob(subject, dataset, field, io.BytesIO(value))
    elif isinstance(value, int | float):
        tracer.number(subject, dataset, field, value)
