"""The first page, the choices of language and appearance, and the pages that say what went wrong."""

from __future__ import annotations

import sys
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from expunge.errors import Busy, StateUnavailable
from expunge.web.site.shell.context import Appearance, appearance_cookie
from expunge.web.site.shell.headers import HEADERS
from expunge.web.site.shell.overview import overview_of
from expunge.web.site.shell.typed import is_secret

_YEAR = 365 * 24 * 3600
_OF_PAGES = frozenset({"ask", "act", "id", "number", "next", "step", "changes"})
"""Names of fields that a page fills, and no person."""


def home(request: HttpRequest) -> HttpResponse:
    """Show what a person can do here, and how safe the account is to one who has come in."""
    if request.user.is_authenticated:
        return render(request, "overview.html", {"overview": overview_of(request.user)})
    return render(request, "home.html")


@require_POST
def language(request: HttpRequest) -> HttpResponse:
    """Keep the chosen language in a cookie, and go back to the page."""
    chosen = request.POST.get("language", "")
    return _keep(request, settings.LANGUAGE_COOKIE_NAME, chosen if chosen in dict(settings.LANGUAGES) else "")


@require_POST
def appearance(request: HttpRequest) -> HttpResponse:
    """Keep light or dark in a cookie, or forget the choice, and go back to the page."""
    chosen = request.POST.get("appearance", "")
    return _keep(request, appearance_cookie(), chosen if chosen in {each.value for each in Appearance} else "", forget=chosen == "device")


def _keep(request: HttpRequest, name: str, value: str, *, forget: bool = False) -> HttpResponse:
    back = request.POST.get("next", "/")
    if not url_has_allowed_host_and_scheme(back, allowed_hosts={request.get_host()}, require_https=request.is_secure()):
        back = "/"
    answer = HttpResponseRedirect(back)
    if value:
        answer.set_cookie(name, value, max_age=_YEAR, secure=settings.LANGUAGE_COOKIE_SECURE, httponly=True, samesite="Lax")
    elif forget:
        answer.delete_cookie(name, samesite="Lax")
    return answer


def problem(request: HttpRequest, status: HTTPStatus, **values: Any) -> HttpResponse:
    """Show what happened, what still holds and what to do. Needs neither a session nor a database."""
    values = {"problem": status.value, **values}
    return HttpResponse(render_to_string(f"problems/{status.value}.html", values, request), status=status.value)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 - Django's own shape
    """Answer a request that cannot be read."""
    return problem(request, HTTPStatus.BAD_REQUEST)


def not_allowed(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 - Django's own shape
    """Answer a request for what another account may do."""
    return problem(request, HTTPStatus.FORBIDDEN)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 - Django's own shape
    """Answer a request for a page that is not there."""
    return problem(request, HTTPStatus.NOT_FOUND)


def too_many(request: HttpRequest) -> HttpResponse:
    """Answer a request that has to wait."""
    return problem(request, HTTPStatus.TOO_MANY_REQUESTS)


def turned_away(request: HttpRequest, retry: int) -> HttpResponse:
    """Answer a request that waited for a thread in vain, ``retry`` seconds before the next try."""
    values = {"problem": HTTPStatus.SERVICE_UNAVAILABLE.value}
    answer = HttpResponse(render_to_string("problems/crowded.html", values, request), status=HTTPStatus.SERVICE_UNAVAILABLE.value)
    for name, value in (*HEADERS.items(), ("Retry-After", str(retry)), ("Cache-Control", "no-store")):
        answer.headers[name] = value
    answer.headers["Content-Length"] = str(len(answer.content))
    return answer


def broken(request: HttpRequest) -> HttpResponse:
    """Answer where a page failed: because the keeper, its tables or the accounts' database do not answer, or by a defect of ours."""
    if not isinstance(sys.exc_info()[1], (Busy, StateUnavailable, OperationalError)):
        return problem(request, HTTPStatus.INTERNAL_SERVER_ERROR)
    answer = problem(request, HTTPStatus.SERVICE_UNAVAILABLE, typed=_typed(request))
    answer.headers["Retry-After"] = "30"
    return answer


def form_too_old(request: HttpRequest, reason: str = "") -> HttpResponse:  # noqa: ARG001 - Django's own shape
    """Answer a form without the sign of its page, and show again what was typed into it where the form was one of ours."""
    values = {"problem": HTTPStatus.FORBIDDEN.value, "typed": _typed(request), "page": request.path}
    return HttpResponse(render_to_string("problems/form.html", values, request), status=HTTPStatus.FORBIDDEN.value)


def _typed(request: HttpRequest) -> list[tuple[str, str]]:
    """Return what a person typed into a form of ours, but for what is secret."""
    # Why the header: a page of another site may have sent the form, and nothing that it wrote shall be shown as typed here.
    if request.headers.get("Sec-Fetch-Site") != "same-origin":
        return []
    return [
        (name, str(value))
        for name, value in request.POST.items()
        if value and name not in _OF_PAGES and not name.startswith("action") and not is_secret(name)
    ]
