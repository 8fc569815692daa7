"""The server's answers: JSON in every case but one page, headers that allow a browser nothing, and no word of the request's content."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from ninja import Field, Schema

from expunge.errors import ExpungeError
from expunge.web import problems
from expunge.web.turns import RETRY

_POLICY = "Content-Security-Policy"
HEADERS = {
    _POLICY: "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Fault(Schema):
    """The reason why a request was not carried out."""

    error: str = Field(description="What is wrong.")
    where: str = Field(description="Where: a header, the body, or a JSON Pointer into it.")
    help: str = Field(description="What to do.")


class Refused(Schema):
    """One event of a batch that was not taken."""

    index: int = Field(description="Its place in the batch, from 0.", ge=0)
    error: str = Field(description="What is wrong.")
    where: str = Field(description="JSON Pointer (RFC 6901) into the event; empty for the whole.")
    help: str = Field(description="What to do.")


class Taken(Schema):
    """The outcome of the events of a request. Events that were taken are on the device."""

    status: str = Field(description="`success`, or `partial_success` where some were refused.")
    received: int = Field(description="Events in the request.", ge=0)
    new: int = Field(description="Taken and written down.", ge=0)
    known: int = Field(description="Taken before, word for word: nothing had to be done.", ge=0)
    refused: list[Refused] = Field(description="The others, each with the reason; send them again, mended.")


class Collection(Schema):
    """A kind of data that may be collected, and until when it is kept."""

    data_type: str = Field(description="The dataset or category that was asked for.")
    allowed: bool = Field(description="`true`: what has no schedule is answered with 403.")
    kept_for: str = Field(description="The longest period: `90 days`.")
    purpose: str = Field(description="What it is kept for.")
    need: str = Field(description="Why that needs it.")


class Kept(Schema):
    """A recording that is in: sealed, durable, and found by orders."""

    status: str = Field(description="`in`.")
    recording: str = Field(description="The random id of the sealed recording.")
    size: int = Field(description="Bytes.", ge=0)
    sha256: str = Field(description="Hex SHA-256 of the recording.")
    fresh: bool = Field(description="False where it was in already.")


class Received(Schema):
    """A recording of which more is to come."""

    status: str = Field(description="`incomplete`.")
    received: int = Field(description="Bytes that are in, sealed: the next part begins here. As the header `Upload-Offset`.", ge=0)


class Health(Schema):
    """The process is alive."""

    status: str = Field(description="`ok`.")


class Ready(Schema):
    """The parts that the server depends on, and whether each works."""

    status: str = Field(description="`ready`, or `not ready` where a part does not work.")
    parts: dict[str, bool] = Field(
        description="`state` (tokens and lineage), and with pages for people `accounts_database`, `migrations`, `keeper` and `mail`."
    )


_OF_APP = "/api/v1/app/"
_ERRORS = frozenset({"application/json", "application/problem+json"})
"""Kinds of content that errors of ours have."""
_KNOWN = {
    404: ("there is nothing at this address", "the URL", "see /api/openapi.json for what there is"),
    405: ("this address does not know this method", "the method", "see /api/openapi.json for what there is"),
}
_UNFORESEEN = ("something unforeseen happened", "the server", "send it again; if it stays, look at the server's error output")


class Problem(Exception):
    """A request that is not carried out; becomes an answer."""

    def __init__(
        self,
        status: int,
        error: str,
        where: str,
        help: str,  # noqa: A002 - the usual word
        *,
        retry_after: int = 0,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(error)
        self.status = status
        self.fault = {"error": error, "where": where, "help": help}
        self.headers = dict(headers or {})
        if retry_after:
            self.headers["Retry-After"] = str(retry_after)
        if status == 401:
            self.headers["WWW-Authenticate"] = "Bearer"


def unavailable(error: ExpungeError) -> Problem:
    """Return the answer where the keeper, or its journal, cannot be asked now."""
    return Problem(503, error.message, "the server's state", f"nothing was taken: send it again later; {error.help}", retry_after=5)


def of_problem(_: HttpRequest, problem: Problem | type[Problem]) -> HttpResponse:
    """The answer for a request that is not carried out."""
    assert isinstance(problem, Problem)
    return _json(problem.status, problem.fault, problem.headers)


def turned_away(request: HttpRequest) -> HttpResponse:
    """Return the answer for a request that waited for a thread in vain: many others of the same sender or address are under way."""
    error = "as many requests of this sender or address are under way as are worked on at once"
    help_ = "send it again in a moment, and fewer at a time"
    if request.path.startswith(_OF_APP):
        return problems.of_problem(request, problems.crowded(error, help_, RETRY))
    return _json(503, {"error": error, "where": "the server", "help": help_}, {"Retry-After": str(RETRY)})


def of_surprise(status: int) -> HttpResponse:
    """Return an answer for an error that none of our code answered."""
    error, where, help_ = _KNOWN.get(status, _UNFORESEEN)
    return _json(status, {"error": error, "where": where, "help": help_})


def strict(response: HttpResponseBase, further: Mapping[str, str]) -> HttpResponseBase:
    """Return the response with the headers that every answer has, and further ones. An error without JSON becomes an error of ours.

    A page keeps the policy of its own, which lets its style in.
    """
    if response.status_code >= 400 and response.headers.get("Content-Type", "").partition(";")[0] not in _ERRORS:
        allow = response.headers.get("Allow")
        response = of_surprise(response.status_code)
        if allow:
            response["Allow"] = allow
    policy = {name: response[name] for name in (_POLICY,) if name in response and response.status_code < 400}
    for name, value in {**HEADERS, **further, **policy}.items():
        response[name] = value
    if isinstance(response, HttpResponse):
        response["Content-Length"] = str(len(response.content))
    return response


def _json(status: int, body: dict[str, Any], headers: dict[str, str] | None = None) -> HttpResponse:
    return HttpResponse(json.dumps(body), status=status, content_type="application/json", headers=headers)
