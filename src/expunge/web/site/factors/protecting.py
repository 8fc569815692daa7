"""Lead an account that has no way to confirm to the page that adds one, and back to where it was going."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

_THEN = "expunge_then"
"""Read by the templates of the pages that lead on."""


def protect_first(request: HttpRequest, then: str, why: str) -> HttpResponse:
    """Lead to the page that protects the account. From there, and from the recovery codes, the person goes on to an address of ours."""
    request.session[_THEN] = then
    messages.info(request, why)
    return redirect("accounts_enrol")


def leads_to(request: HttpRequest, then: str) -> bool:
    """Return whether the person was led to protect the account on the way to an address."""
    return bool(request.session.get(_THEN) == then)


def arrived(request: HttpRequest) -> None:
    """Forget where the person was going."""
    request.session.pop(_THEN, None)
