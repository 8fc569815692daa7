"""Read OpenLineage events (RunEvent, JobEvent, DatasetEvent; openlineage.io/spec) into observations, or refuse them with a reason.

Only the fields for lineage are read: run id, time, job, names of datasets, and the column lineage facet. Everything else in an event (SQL
text, error messages, statistics) may hold personal data. It is dropped here and reaches neither state nor log.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, NoReturn

from expunge.core.lineage.observations import ColumnFlow, Observation, RunStage

MOST_DATASETS = 10_000
"""In one event."""
MOST_COLUMNS = 50_000
MOST_EVENTS = 10_000
"""In one batch."""
LONGEST_NAME = 2_000
_ODD = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_SCHEMES = {"postgresql": "postgres", "s3a": "s3", "s3n": "s3"}
_PORTS = {"postgres": 5432, "mysql": 3306}
_STATIC = "no run"
_SPLIT = "send them in several events of the same run: they are joined"


@dataclass(frozen=True)
class EventRefusal:
    """The reason why an event was refused. It holds nothing of the event's own text."""

    what: str
    where: str
    """JSON Pointer (RFC 6901) into the event; empty for the whole."""
    mend: str


class _Refused(Exception):
    def __init__(self, what: str, where: str, mend: str) -> None:
        super().__init__(what)
        self.refusal = EventRefusal(what, where, mend)


def _refuse(what: str, where: str, mend: str) -> NoReturn:
    raise _Refused(what, where, mend)


def address(namespace: str, name: str) -> str:
    """Return the one spelling of a dataset, from OpenLineage's pair of names.

    ``postgres://host:5432`` and ``app.public.t`` give ``postgres://host:5432/app.public.t``. Spellings that mean the same become one
    (``s3a``, ``postgresql``, a usual port left out, upper case in a host, a name for this machine); a user and password in a namespace are
    dropped. A namespace ``file`` with a path becomes ``file:///path``.
    """
    scheme, found, rest = namespace.strip().partition("://")
    scheme = scheme.rstrip(":").lower() if found or scheme.lower().rstrip(":") == "file" else scheme
    path = name.strip().strip("/")
    if not found:
        return f"file:///{path}" if scheme == "file" else "/".join(each for each in (scheme.rstrip("/"), path) if each)
    scheme = _SCHEMES.get(scheme, scheme)
    authority, slash, below = rest.partition("/")
    authority = authority.rpartition("@")[2].lower()
    if scheme in _PORTS and authority and not re.search(r":[0-9]+$", authority):
        authority = f"{authority}:{_PORTS[scheme]}"
    authority = re.sub(r"^(127\.0\.0\.1|\[::1\])(?=:|$)", "localhost", authority)
    if scheme == "file" and authority == "localhost":
        authority = ""
    return "/".join(each for each in (f"{scheme}://{authority}", (slash and below).strip("/"), path) if each)


def parse(body: bytes, *, lines: bool = False) -> list[object | EventRefusal]:
    """Return the events of a body, as JSON values, in order. A line that is no JSON is a refusal in its place.

    Args:
        body: one event, a JSON array of events, or one event a line.
        lines: whether it is one event a line (``application/x-ndjson``).

    Raises:
        ValueError: the body as a whole is no JSON; the message gives the place, not the text there.
    """
    if not lines:
        value = _json(body)
        return list(value) if isinstance(value, list) else [value]
    found: list[object | EventRefusal] = []
    for number, line in enumerate(body.split(b"\n"), start=1):
        if line.strip():
            try:
                found.append(_json(line))
            except ValueError as error:
                found.append(EventRefusal(f"line {number} {error}", "", "send one JSON object a line, UTF-8"))
    return found


def _json(data: bytes) -> Any:
    try:
        return json.loads(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        message = f"is not UTF-8 at byte {error.start}"
        raise ValueError(message) from None
    except json.JSONDecodeError as error:
        message = f"is not JSON: {error.msg} at character {error.pos}"
        raise ValueError(message) from None
    except RecursionError:
        message = "is nested too deep"
        raise ValueError(message) from None
    except ValueError:
        message = "holds a number that is too long"
        raise ValueError(message) from None


def read(event: object) -> Observation | EventRefusal:
    """Read one event. Return its observation, or the reason for refusing it."""
    try:
        return _read(event)
    except _Refused as refused:
        return refused.refusal


def _read(event: object) -> Observation:
    if not isinstance(event, dict):
        _refuse("an event is a JSON object", "", "send a RunEvent, JobEvent or DatasetEvent")
    at = _time(event.get("eventTime"))
    if "dataset" in event and "run" not in event and "job" not in event:
        dataset = event["dataset"]
        name = _dataset(dataset, "/dataset")
        columns = tuple(sorted(set(_columns(dataset, name, "/dataset"))))
        inputs = {column.source for column in columns}
        return Observation(_run(_STATIC, name), at, RunStage.DESIGN, "", tuple(sorted(inputs)), (name,), columns)
    job = _job(event.get("job"))
    inputs, _ = _side(event, "inputs")
    outputs, columns_found = _side(event, "outputs")
    columns = tuple(sorted(columns_found))
    inputs |= {column.source for column in columns}
    ends = tuple(sorted(inputs)), tuple(sorted(outputs)), columns
    if "run" not in event:
        return Observation(_run(_STATIC, job), at, RunStage.DESIGN, job, *ends)
    run = event["run"]
    run_id = run.get("runId") if isinstance(run, dict) else None
    return Observation(_run("run", _text(run_id, "/run/runId", "a UUID")), at, _stage(event), job, *ends)


def _run(kind: str, text: str) -> str:
    return sha256(f"{kind}\0{text}".encode()).hexdigest()[:32]


def _time(value: object) -> datetime:
    text = _text(value, "/eventTime", "when it happened: 2026-01-31T12:00:00Z")
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        _refuse("this is no time with a zone", "/eventTime", "write it as 2026-01-31T12:00:00Z (RFC 3339)")
    try:
        return at.astimezone(UTC)
    except OverflowError:
        _refuse("this time lies outside the years 1 to 9999", "/eventTime", "look at the producer's clock")


def _stage(event: dict[Any, Any]) -> RunStage:
    value = event.get("eventType")
    if value is None:
        return RunStage.OTHER
    if not isinstance(value, str) or value.upper() not in RunStage.__members__ or value.upper() == RunStage.DESIGN:
        mend = "one of START, RUNNING, COMPLETE, ABORT, FAIL, OTHER"
        _refuse("this is no type of event", "/eventType", mend)
    return RunStage(value.upper())


def _job(value: object) -> str:
    if not isinstance(value, dict):
        _refuse("the event names no job and no dataset", "/job", '"job": {"namespace": ..., "name": ...}')
    return f"{_text(value.get('namespace'), '/job/namespace', 'text')}/{_text(value.get('name'), '/job/name', 'text')}"


def _side(event: dict[Any, Any], key: str) -> tuple[set[str], set[ColumnFlow]]:
    value = event.get(key)
    if value is None:
        return set(), set()
    if not isinstance(value, list):
        _refuse(f"{key} is no list", f"/{key}", f'"{key}": [{{"namespace": ..., "name": ...}}]')
    if len(value) > MOST_DATASETS:
        _refuse(f"{key} has more than {MOST_DATASETS} datasets", f"/{key}", _SPLIT)
    names: set[str] = set()
    columns: set[ColumnFlow] = set()
    for number, each in enumerate(value):
        name = _dataset(each, f"/{key}/{number}")
        names.add(name)
        if key == "outputs":
            columns.update(_columns(each, name, f"/{key}/{number}"))
            if len(columns) > MOST_COLUMNS:
                _refuse(f"more than {MOST_COLUMNS} columns", f"/{key}", _SPLIT)
    return names, columns


def _dataset(value: object, where: str) -> str:
    if not isinstance(value, dict):
        _refuse("a dataset is a JSON object", where, '{"namespace": ..., "name": ...}')
    namespace = _text(value.get("namespace"), f"{where}/namespace", "where it lies, such as postgres://host:5432")
    return address(namespace, _text(value.get("name"), f"{where}/name", "its name there, such as app.public.t"))


def _columns(dataset: dict[Any, Any], target: str, where: str) -> Iterator[ColumnFlow]:
    """Of the facet ``columnLineage``: which column of which dataset goes into which; those that only filter or join have no column."""
    facets = dataset.get("facets")
    facet = facets.get("columnLineage") if isinstance(facets, dict) else None
    if facet is None:
        return
    at = f"{where}/facets/columnLineage"
    fields = facet.get("fields") if isinstance(facet, dict) else None
    if not isinstance(fields, dict):
        _refuse("the facet names no fields", f"{at}/fields", '"fields": {"column": {"inputFields": [...]}}')
    for column, said in fields.items():
        yield from _inputs_of(said.get("inputFields") if isinstance(said, dict) else None, target, column, f"{at}/fields")
    whole = facet.get("dataset")
    if whole is not None:
        yield from _inputs_of(whole, target, "", f"{at}/dataset")


def _inputs_of(value: object, target: str, column: str, where: str) -> Iterator[ColumnFlow]:
    if not isinstance(value, list):
        _refuse("a column names no input fields", where, '"inputFields": [{"namespace": ..., "name": ..., "field": ...}]')
    for each in value:
        source = _dataset(each, where)
        name = _text(each.get("field"), where, "the column that is read")
        if source != target:
            yield ColumnFlow(source, name, target, _text(column, where, "the column that is written") if column else "")


def _text(value: object, where: str, expected: str) -> str:
    if not isinstance(value, str) or not value.strip():
        _refuse("text is missing" if value is None else "this is no text", where, expected)
    if len(value) > LONGEST_NAME:
        _refuse(f"this has more than {LONGEST_NAME} characters", where, "a shorter name")
    if _ODD.search(value):
        _refuse("this holds a control character or half a character", where, "the text without it")
    return value
