"""Problems of the API for apps, as JSON (RFC 9457). None repeats anything of the request."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import Field, Schema
from ninja.errors import HttpError, ValidationError

from expunge.core.families.app_access import AppFault, token_digest
from expunge.core.journal.access_tokens import TokenRefused
from expunge.errors import AppRefused, ExpungeError, SenderRefused, UsageError
from expunge.web.turns import KNOWN, Asker, AskerKind

TYPE = "application/problem+json"
_URN = "urn:expunge:problem:"
_KINDS: Mapping[AppFault, tuple[int, str]] = {
    AppFault.TOKEN: (401, "The access token does not count"),
    AppFault.SCOPE: (403, "The scope does not allow it"),
    AppFault.FRESH_LOGIN: (403, "The customer has to authenticate again"),
    AppFault.STATEMENT: (400, "The statement cannot be used"),
    AppFault.STATEMENT_TIME: (400, "The statement is not of this time"),
    AppFault.STATEMENT_USED: (409, "The statement was used"),
    AppFault.LOGIN_ENDED: (403, "The login has ended"),
    AppFault.FAMILY: (404, "There is no such family"),
    AppFault.ORDER: (404, "There is no such order"),
    AppFault.RECORDING: (404, "There is no such recording"),
    AppFault.PURPOSE: (404, "There is no such purpose"),
    AppFault.NO_RECEIPT: (404, "There is no receipt yet"),
    AppFault.TOO_LATE: (409, "It is too late to cancel"),
    AppFault.KEY_REUSED: (422, "The idempotency key was used"),
    AppFault.UNDER_WAY: (409, "The request is under way"),
    AppFault.DISPUTE: (409, "Guardians are in dispute"),
    AppFault.NOTHING_HELD: (409, "Nothing is held"),
    AppFault.CURSOR: (400, "The cursor is not known"),
}
STATUSES = (400, 401, 403, 404, 408, 409, 411, 413, 415, 422, 429, 500, 503)
"""Those that problems have."""


class ProblemDetails(Schema):
    """The reason why a request was not carried out (RFC 9457)."""

    type: str = Field(description="The kind of problem; programs decide by it.")
    title: str = Field(description="The kind of problem, in words.")
    status: int = Field(description="The status of the answer.", ge=400, le=599)
    detail: str = Field(description="What is wrong.")
    where: str = Field(description="Where: a header, the path, the query, or a JSON Pointer (RFC 6901) into the body.")
    help: str = Field(description="What to do.")


class AppProblem(Exception):
    """A request that is not carried out; becomes an answer."""

    def __init__(self, kind: str, status: int, title: str, detail: str, where: str, help_: str, *, retry_after: int = 0) -> None:
        super().__init__(detail)
        self.status = status
        self.body = {"type": _URN + kind, "title": title, "status": status, "detail": detail, "where": where, "help": help_}
        self.headers: dict[str, str] = {}
        if retry_after:
            self.headers["Retry-After"] = str(retry_after)
        if status == 401:
            self.headers["WWW-Authenticate"] = 'Bearer error="invalid_token"'


def malformed(detail: str, where: str, help_: str, status: int = 400) -> AppProblem:
    """Return the problem of a request that cannot be understood."""
    return AppProblem("malformed", status, "The request cannot be understood", detail, where, help_)


def no_token() -> AppProblem:
    """Return the problem of a request that shows no access token."""
    status, title = _KINDS[AppFault.TOKEN]
    help_ = "send Authorization: Bearer TOKEN, of POST /api/v1/app/token"
    return AppProblem(AppFault.TOKEN.value, status, title, "there is no access token", _WHERE[401], help_)


def client_refused(status: int, detail: str, help_: str) -> AppProblem:
    """Return the problem of a request with which the app's own token does not come: 401, or 403 for a token of another scope."""
    kind, title = _CLIENT[status]
    return AppProblem(kind, status, title, detail, _WHERE[401], help_)


def too_large(most: int) -> AppProblem:
    """Return the problem of a body that is too large."""
    return AppProblem("too-large", 413, "The body is too large", f"the body has more than {most // 2**10} KiB", "the body", "send less")


def crowded(detail: str, help_: str, retry_after: int) -> AppProblem:
    """Return the problem of a request that waited for a thread in vain; the client may try again after so many seconds."""
    return AppProblem("too-many-at-once", 503, "Too many requests at once", detail, "the server", help_, retry_after=retry_after)


def of_problem(_: HttpRequest, problem: AppProblem | type[AppProblem]) -> HttpResponse:
    """Return the answer for a request that is not carried out."""
    assert isinstance(problem, AppProblem)
    return HttpResponse(json.dumps(problem.body), status=problem.status, content_type=TYPE, headers=problem.headers)


def of_validation(request: HttpRequest, error: ValidationError | type[ValidationError]) -> HttpResponse:
    """Return the answer for a request of another form than the one that is documented."""
    assert isinstance(error, ValidationError)
    part, *rest = (str(each) for each in error.errors[0].get("loc", ("body",)))
    what = str(error.errors[0].get("type", "")).replace("_", " ")
    if part == "path":
        return of_problem(request, AppProblem("address", 404, "There is nothing at this address", "a part of the path is of another form",
                                              "the path", "take handles and ids as the API gave them"))  # fmt: skip
    where = {"header": f"the header {rest[-1] if rest else ''}", "query": f"the query's {rest[-1] if rest else ''}"}.get(part)
    # Why the first of the location is left out: ninja puts the name of the parameter there, which no client knows.
    pointer = "".join(f"/{name}" for name in rest[1:]) if part == "body" else ""
    return of_problem(request, malformed(f"it is of another form than documented: {what}", where or pointer, _FORM, 422))


def of_http(request: HttpRequest, error: HttpError | type[HttpError]) -> HttpResponse:
    """Return the answer for a body that is no JSON."""
    assert isinstance(error, HttpError)
    return of_problem(request, malformed("the body is no JSON", "the body", _FORM, error.status_code))


@contextmanager
def told(request: HttpRequest) -> Iterator[None]:
    """Turn errors of the clerk into problems. A request without one showed a token that counts."""
    header = request.headers.get("Authorization", "")
    try:
        yield
        if token_digest(header) is not None:
            KNOWN.know(header, Asker(AskerKind.ACCOUNT, KNOWN.hashed(header).hex()))
    except AppRefused as error:
        fault = AppFault(error.reason)
        status, title = _KINDS[fault]
        again = 1 if fault is AppFault.UNDER_WAY else 0
        raise AppProblem(
            fault.value, status, title, error.message, _WHERE.get(status, "the request"), error.help, retry_after=again
        ) from None
    except SenderRefused as error:
        raise client_refused(401 if error.reason != TokenRefused.NOT_FOR_THIS.name else 403, error.message, error.help) from None
    except UsageError as error:
        raise malformed(error.message, "the request", error.help) from None
    except ExpungeError as error:
        help_ = f"send it again later; {error.help}"
        raise AppProblem("away", 503, "It cannot be done now", error.message, "the server", help_, retry_after=5) from None


def document(schema: dict[str, Any]) -> None:
    """Add the form of a problem to an OpenAPI document."""
    form = ProblemDetails.model_json_schema()
    schema.setdefault("components", {}).setdefault("schemas", {})["ProblemDetails"] = form


def responses(*statuses: int) -> dict[int, Any]:
    """Return the documented answers of these statuses."""
    content = {TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}}
    # Why two forms: what is no HTTP, or too long for a line of it, is answered before it has an address.
    unreadable = content | {"application/json": {"schema": {"$ref": "#/components/schemas/Fault"}}}
    return {status: {"description": _MEANS[status], "content": unreadable if status == 400 else content} for status in statuses}


_CLIENT = {401: ("client-token", "The app's token does not count"), 403: ("client-scope", "The app's token is for something else")}
_FORM = "see /api/openapi.json for the form"
_WHERE = {401: "the header Authorization", 403: "the header Authorization", 404: "the path"}
_MEANS = {
    400: "The request cannot be understood.",
    401: "There is no token that counts.",
    403: "The token, the map or the age of the login does not allow it.",
    404: "There is no such family, order, recording, purpose or receipt.",
    408: "The body stopped coming.",
    409: "The state does not allow it.",
    411: "The body comes without its length.",
    413: "The body is too large.",
    415: "The body is of another kind.",
    422: "The request is of another form, or its idempotency key came with another one.",
    429: "Too many tokens were refused.",
    500: "Something unforeseen happened.",
    503: "The clerk, its state or a store is away, or too many requests of one customer, sender or address are under way.",
}
