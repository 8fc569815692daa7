"""The name of a request's route, for log lines and metrics: never its address, which may hold what a person typed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest

_ROUTE = "expunge.route"
STATIC, UNMATCHED = "static", "unmatched"


def note_route(request: HttpRequest) -> None:
    """Remember the route of a request that was answered."""
    match = request.resolver_match
    if match is not None:
        request.META[_ROUTE] = match.view_name or UNMATCHED


def route_of(environ: Mapping[str, Any]) -> str:
    """Return the name of the route: one of the router's, `static` or `unmatched`."""
    found = environ.get(_ROUTE)
    if isinstance(found, str):
        return found
    return STATIC if str(environ.get("PATH_INFO", "")).startswith("/static/") else UNMATCHED
