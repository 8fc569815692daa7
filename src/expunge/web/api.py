"""The endpoints, documented in ``/api/openapi.json``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.openapi.schema import OpenAPISchema

from expunge.bootstrap.serving.server_door import ServerDoor
from expunge.core.journal.access_tokens import TokenScope
from expunge.core.lineage import openlineage
from expunge.core.lineage.observations import Observation
from expunge.core.lineage.openlineage import EventRefusal
from expunge.core.retention.collection_permission import may_collect
from expunge.errors import ExpungeError, SenderRefused
from expunge.web import bodies, problems
from expunge.web.answers import Collection, Fault, Problem, Taken, of_problem, of_surprise, unavailable
from expunge.web.app_api import add_app
from expunge.web.guarding import Bearer, Guard, refusal, shown
from expunge.web.metrics import Metrics
from expunge.web.operation import add_operation
from expunge.web.readiness import Readiness
from expunge.web.recordings import add_recordings

LINES = frozenset({"application/x-ndjson", "application/ndjson", "application/jsonl"})
JSON = "application/json"
_ANSWERS: dict[int, Any] = {200: Taken, **dict.fromkeys((400, 401, 403, 405, 408, 411, 413, 415, 422, 429, 500, 503), Fault)}


def make_api(door: ServerDoor, readiness: Readiness, metrics: Metrics, refused_token: Callable[[str], None] | None = None) -> NinjaAPI:
    """The whole API over an open door. ``refused_token`` is told the client's address of each token that nobody issued."""
    api = DocumentedApi(
        title="Expunge",
        version="1",
        description="Takes recordings into vaults, and OpenLineage events, so that orders reach what pipelines made of people's data.",
        openapi_url="/api/openapi.json",
        docs_url=None,
    )
    guard = Guard(door.senders, refused_token)
    token, room = Bearer(guard, TokenScope.LINEAGE), bodies.Room()
    api.add_exception_handler(Problem, of_problem)
    api.add_exception_handler(Exception, _surprised)

    def lineage(request: HttpRequest) -> dict[str, Any]:
        """Take in one event or many: an object, an array of objects, or one object a line.

        Answered with 200 only when every event that counts as taken is on the device. The same event again changes nothing.
        """
        with room.held(bodies.announced(request)):
            return _take(door, request)

    for path, name in (("/api/v1/lineage", "post_lineage"), ("/api/v1/lineage/batch", "post_lineage_batch")):
        post = api.post(
            path,
            auth=token,
            response=_ANSWERS,
            operation_id=name,
            summary="Send OpenLineage events",
            openapi_extra={"requestBody": _body()},
        )
        post(lineage)

    @api.get(
        "/api/v1/collect/{name}",
        auth=Bearer(guard, TokenScope.COLLECT),
        response={200: Collection, **dict.fromkeys((400, 401, 403, 405, 429, 500, 503), Fault)},
        summary="Whether a kind of data may be collected",
        operation_id="get_collect",
    )
    def collect(request: HttpRequest, name: str) -> dict[str, Any]:  # noqa: ARG001 - ninja takes it by this name
        """Whether a dataset or category of the data map has a schedule; 403 with the reason where it has none."""
        return _collect(door, name)

    add_recordings(api, door, Bearer(guard, TokenScope.INGEST))

    if door.apps is not None:
        add_app(api, door.apps, guard)

    add_operation(api, readiness, metrics, Bearer(guard, TokenScope.METRICS))
    return api


class DocumentedApi(NinjaAPI):
    """The API, whose document has the form of problems as well."""

    def get_openapi_schema(self, *args: Any, **options: Any) -> OpenAPISchema:
        """Return the document."""
        found = super().get_openapi_schema(*args, **options)
        problems.document(found)
        return found


def _collect(door: ServerDoor, name: str) -> dict[str, Any]:
    found = may_collect(door.map, name)
    if not found:
        help_ = "declare a dataset or category of that name with a retention rule: purpose, need and a finite period"
        raise Problem(403, found.reason, "the last part of the path", help_)
    return {"data_type": name, "allowed": True, "kept_for": found.period, "purpose": found.purpose, "need": found.need}


def _take(door: ServerDoor, request: HttpRequest) -> dict[str, Any]:
    kind = request.headers.get("Content-Type", JSON).partition(";")[0].strip().lower()
    if kind != JSON and kind not in LINES:
        raise Problem(415, "this kind of content is not known", "the header Content-Type", f"send {JSON} or application/x-ndjson")
    try:
        values = openlineage.parse(bodies.read(request), lines=kind in LINES)
    except ValueError as error:
        raise Problem(400, f"the body {error}", "the body", "send one JSON object, a JSON array, or one JSON object a line") from None
    if not values:
        raise Problem(400, "the body holds no event", "the body", "send at least one event")
    if len(values) > openlineage.MOST_EVENTS:
        raise Problem(413, f"more than {openlineage.MOST_EVENTS} events at once", "the body", "send fewer events at a time")
    read = [value if isinstance(value, EventRefusal) else openlineage.read(value) for value in values]
    refused = [(number, each) for number, each in enumerate(read) if isinstance(each, EventRefusal)]
    good = [each for each in read if isinstance(each, Observation)]
    if not good:
        number, first = refused[0]
        where = f"/{number}{first.where}" if len(read) > 1 else first.where
        raise Problem(422, first.what, where, first.mend)
    try:
        taken = door.senders.take(shown(request), good)
    except SenderRefused as error:
        raise refusal(error) from None
    except ExpungeError as error:
        raise unavailable(error) from None
    return {
        "status": "partial_success" if refused else "success",
        "received": len(read),
        "new": taken.new,
        "known": taken.known,
        "refused": [{"index": number, "error": each.what, "where": each.where, "help": each.mend} for number, each in refused],
    }


def _surprised(_: HttpRequest, __: Exception | type[Exception]) -> HttpResponse:
    """Say nothing of what it was: an error's text may quote what was sent."""
    return of_surprise(500)


def _body() -> dict[str, Any]:
    text = {"type": "string"}
    named = {"type": "object", "required": ["namespace", "name"], "properties": {"namespace": text, "name": text}}
    many = {"type": "array", "items": named}
    at = {"eventTime": {"type": "string", "format": "date-time"}}
    run = {"type": "object", "required": ["runId"], "properties": {"runId": text}}
    stages = ["START", "RUNNING", "COMPLETE", "ABORT", "FAIL", "OTHER"]
    ends = {"job": named, "inputs": many, "outputs": many, **at}
    kinds = [
        {"title": "RunEvent", "required": ["eventTime", "run", "job"], "properties": {"run": run, "eventType": {"enum": stages}, **ends}},
        {"title": "JobEvent", "required": ["eventTime", "job"], "properties": ends},
        {"title": "DatasetEvent", "required": ["eventTime", "dataset"], "properties": {"dataset": named, **at}},
    ]
    event: dict[str, Any] = {"anyOf": [{"type": "object", **kind} for kind in kinds]}
    batch = {"type": "array", "items": event, "minItems": 1, "maxItems": openlineage.MOST_EVENTS}
    return {
        "required": True,
        "content": {JSON: {"schema": {"anyOf": [event, batch]}}, "application/x-ndjson": {"schema": {"type": "string"}}},
    }
