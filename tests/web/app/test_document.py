"""The API holds to its document: whatever a program sends, no answer is a server error or one that the document does not have."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    missing_required_header,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from tests.web.app.company_app import App
from tests.web.serving import issue

_SCOPES = {
    "post_lineage": "lineage",
    "post_lineage_batch": "lineage",
    "get_collect": "collect",
    "put_recording": "ingest",
    "delete_upload": "ingest",
    "metrics": "metrics",
    "exchange": "families",
    "end_login": "families",
}
"""Operation -> the scope of the program's token that it takes. The others take an access token of a customer, or none."""
_CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
    missing_required_header,
    unsupported_method,
]
_REFUSED = ["400", "401", "403", "404", "405", "408", "409", "411", "413", "415", "422", "429"]
_CONFIG = schemathesis.Config.from_dict({"checks": {"negative_data_rejection": {"expected-statuses": _REFUSED}}})
"""Every answer that refuses will do; the documented ones are checked beside it."""
_EXAMPLES = 12
"""For each operation and kind of data in a short run; the soak takes fifty times as many."""


@pytest.mark.usefixtures("many_bad_tokens")
def test_no_answer_is_a_server_error_or_beside_the_document(app: App) -> None:
    """0 server errors, 0 violations, over requests that fit the document and over requests that do not."""
    tokens = {scope: issue(app.site.folder, f"document-{scope}", scope) for scope in sorted(set(_SCOPES.values()))}
    schema = schemathesis.openapi.from_dict(_document(app), config=_CONFIG)
    schema.config.update(base_url=app.site.origin)
    customer = app.customer()
    asked = 0
    for found in schema.get_all_operations():
        assert isinstance(found, Ok)
        operation = found.ok()
        name = str(operation.definition.raw["operationId"])
        for mode in GenerationMode:
            token = tokens[_SCOPES[name]] if name in _SCOPES else app.customer().token
            asked += _walk(operation, mode, token, customer.families[0])
    assert asked > len(_SCOPES) * 2


def _document(app: App) -> dict[str, Any]:
    """Return the document. The most events of a batch are left out: to break that bound takes 18 MB for each request."""
    found: dict[str, Any] = app.site.served.get("api/openapi.json").json
    for path in ("/api/v1/lineage", "/api/v1/lineage/batch"):
        batch = found["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]["anyOf"][1]
        del batch["maxItems"]
    return found


def _walk(operation: APIOperation[Any, Any, Any, Any], mode: GenerationMode, token: str, family: str) -> int:
    """Send requests of one operation, and return how many there were."""
    asked: list[int] = []
    many = _EXAMPLES * (50 if settings.get_current_profile_name() == "soak" else 1)

    @settings(max_examples=many, database=None, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy(generation_mode=mode))
    def send(case: Any) -> None:
        if mode is GenerationMode.POSITIVE and "family" in (case.path_parameters or {}):
            # Why: of 2^128 handles none that is made up would be one.
            case.path_parameters["family"] = family
        response = case.call(headers={"Authorization": f"Bearer {token}"}, timeout=30)
        asked.append(response.status_code)
        case.validate_response(response, checks=_CHECKS)

    try:
        send()
    except Unsatisfiable:
        # Why: a request without parameters, body and token fits the document in any case.
        assert mode is GenerationMode.NEGATIVE
        assert not asked
    return len(asked)


@pytest.mark.parametrize("method", ["PUT", "PATCH", "TRACE", "DELETE"])
def test_a_method_that_is_not_there_is_said_to_be_none(app: App, method: str) -> None:
    answer = app.ask(method, "families", app.customer().token)
    assert answer.status == 405
    assert answer.headers["Allow"] == "GET"
