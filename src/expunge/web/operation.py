"""The endpoints that tell how the server is: alive, ready, in numbers."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI

from expunge.web.answers import Fault, Health, Ready
from expunge.web.guarding import Bearer
from expunge.web.metrics import CONTENT_TYPE, Metrics
from expunge.web.readiness import Readiness


def add_operation(api: NinjaAPI, readiness: Readiness, metrics: Metrics, bearer: Bearer) -> None:
    """Add ``/healthz``, ``/readyz`` and ``/metrics`` to an API."""

    @api.get("/healthz", response={200: Health}, summary="Whether the process is alive", operation_id="healthz")
    def healthz(request: HttpRequest) -> dict[str, str]:  # noqa: ARG001 - ninja takes it by this name
        """Whether the process answers. It looks at nothing that the server depends on: a restart would mend none of that."""
        return {"status": "ok"}

    @api.get("/readyz", response=dict.fromkeys((200, 503), Ready), summary="Whether the server can do its work", operation_id="readyz")
    def readyz(request: HttpRequest) -> tuple[int, dict[str, Any]]:  # noqa: ARG001 - ninja takes it by this name
        """Which of the parts that the server depends on work; 503 where one does not."""
        parts = readiness.look()
        ready = all(parts.values())
        return 200 if ready else 503, {"status": "ready" if ready else "not ready", "parts": {part.value: parts[part] for part in parts}}

    @api.get(
        "/metrics",
        auth=bearer,
        response=dict.fromkeys((400, 401, 403, 429, 500, 503), Fault),
        summary="Metrics for Prometheus",
        operation_id="metrics",
        openapi_extra={"responses": {200: {"description": "Prometheus's text format.", "content": {"text/plain": {}}}}},
    )
    def get_metrics(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 - ninja takes it by this name
        """Counters of this process and the state of its parts, without an identifier of a person."""
        return HttpResponse(metrics.text(), content_type=CONTENT_TYPE)
