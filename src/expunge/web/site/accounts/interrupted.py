"""Middleware of accounts: what was typed when a session had ended is kept over the login, and a recovery goes no further than enrolment."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypedDict
from urllib.parse import parse_qs, urlencode, urlsplit

from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse

from expunge import clock
from expunge.web.site.accounts.models import Account
from expunge.web.site.shell.typed import is_secret

_KEY = "expunge_typed_before"
_MOST = 64 * 1024
"""Characters of one form."""
_SECONDS = 3600
_OPEN_TO_ENROL = frozenset(
    {
        "accounts_enrol",
        "mfa_add_webauthn",
        "mfa_activate_totp",
        "accounts_confirm",
        "mfa_view_recovery_codes",
        "mfa_download_recovery_codes",
        "account_logout",
        "language",
        "appearance",
    }
)


class Typed(TypedDict):
    """A form that was interrupted."""

    path: str
    typed: list[tuple[str, str]]
    at: float


class KeepTyped:
    """Keeps what a person typed into a form whose session had ended, and leads back to it after the login."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        """Take the next handler."""
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer, and keep what the login interrupts."""
        if request.method != "POST":
            return self._get_response(request)
        response = self._get_response(request)
        if request.user.is_authenticated:
            if (waiting := request.session.get(_KEY)) and waiting["path"] == request.path:
                del request.session[_KEY]
        elif isinstance(response, HttpResponseRedirect) and _leads_to_login(response) and (typed := _typed(request)):
            request.session[_KEY] = Typed(path=request.path, typed=typed, at=clock.timestamp())
            response["Location"] = f"{reverse('account_login')}?{urlencode({'next': reverse('accounts_typed_before')})}"
        return response


class EnrolFirst:
    """Leads an account that lost its second factor by a recovery to enrolment, wherever it goes."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        """Take the next handler."""
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer."""
        return self._get_response(request)

    def process_view(self, request: HttpRequest, _: Any, __: Any, ___: Any) -> HttpResponseBase | None:
        """Answer in the place of a page that is not open yet."""
        name = request.resolver_match.url_name if request.resolver_match else None
        if isinstance(request.user, Account) and request.user.must_enrol and name not in _OPEN_TO_ENROL:
            return redirect("accounts_enrol")
        return None


def kept(request: HttpRequest) -> Typed | None:
    """Return the form that was interrupted; None where none was, or it is too old."""
    found: Typed | None = request.session.get(_KEY)
    return found if found is not None and clock.timestamp() - found["at"] < _SECONDS else None


def _leads_to_login(response: HttpResponseRedirect) -> bool:
    parts = urlsplit(response.url)
    return parts.path == reverse("account_login") and "next" in parse_qs(parts.query)


def _typed(request: HttpRequest) -> list[tuple[str, str]]:
    found = [(name, value) for name in request.POST for value in request.POST.getlist(name) if not is_secret(name)]
    return found if sum(len(name) + len(value) for name, value in found) <= _MOST else []
