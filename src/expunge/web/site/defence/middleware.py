"""The throttle before every form of the pages, and the floor under the time of its answer."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from allauth.account.internal.stagekit import LOGIN_SESSION_KEY
from allauth.account.models import EmailAddress
from allauth.account.utils import url_str_to_user_pk
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render

from expunge.core.attempts.attempt_limits import LONGEST_PASSWORD, RULES, Surface
from expunge.core.attempts.known_passwords import spelt
from expunge.web.site.accounts import known_devices
from expunge.web.site.accounts.models import Account
from expunge.web.site.defence import notices, throttle
from expunge.web.site.defence.outcomes import ATTEMPT
from expunge.web.site.defence.surfaces import BY_ADDRESS, surface_of
from expunge.web.site.defence.throttle import Attempt

RETRY = 60
"""Seconds that a refused client is asked to wait. It is the same for each refusal: it would tell which accounts are under attack."""
_ADDRESS = {Surface.LOGIN: "login"}
"""Surface -> the field of the address that it is about; ``email`` at others. A field that a form does not read has no say."""
_PASSWORDS = ("password", "oldpassword", "password1", "password2")


class EvenTimes:
    """Holds the answer to a try back until its surface's floor. It is the first in the chain.

    What other middleware does with an answer takes time of its own: a session that knows an account is 0.4 ms dearer to save.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        """Take the next handler."""
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer, no sooner than the surface's floor."""
        began = time.monotonic()
        response = self._get_response(request)
        attempt: Attempt | None = getattr(request, ATTEMPT, None)
        if attempt is not None and attempt.refusal is None:
            time.sleep(max(0.0, RULES[attempt.surface].floor - (time.monotonic() - began)))
        return response


class AttemptThrottle:
    """Admits or refuses each form that tries a credential, and enters how it ended."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        """Take the next handler."""
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer, and enter how the try ended."""
        try:
            response = self._get_response(request)
        finally:
            attempt: Attempt | None = getattr(request, ATTEMPT, None)
            if attempt is not None:
                throttle.settle(attempt)
        if attempt is not None and attempt.refusal is None:
            notices.after(request, response, attempt)
        return response

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:  # noqa: ARG002 - Django's shape
        """Refuse a try before its view sees it."""
        name = request.resolver_match.view_name or "" if request.resolver_match is not None else None
        if name is None or (request.method != "POST" and name not in BY_ADDRESS):
            return None
        surface = surface_of(name)
        if surface is None:
            return None
        if any(len(request.POST.get(name, "")) > LONGEST_PASSWORD for name in _PASSWORDS):
            return render(request, "defence/too_long.html", {"most": LONGEST_PASSWORD}, status=400)
        attempt = attempt_of(request, surface)
        setattr(request, ATTEMPT, attempt)
        if throttle.admit(attempt) is None:
            return None
        return refused(request)


def refused(request: HttpRequest) -> HttpResponse:
    """Return the one answer to every try that is not looked at."""
    response = render(request, "defence/refused.html", status=429)
    response["Retry-After"] = str(RETRY)
    return response


def _account_of(address: str) -> str:
    found = EmailAddress.objects.filter(email=address).values_list("user_id", flat=True).first()
    return "" if found is None else str(found)


def attempt_of(request: HttpRequest, surface: Surface) -> Attempt:
    """Return the try that a form is: by the address in it, the session's login under way, or the person who is logged in."""
    attempt = Attempt(surface, request.META.get("REMOTE_ADDR", ""))
    attempt.password = spelt(request.POST.get("password", "")) if surface is Surface.LOGIN else ""
    user = getattr(request, "user", None)
    if user is not None and user.is_authenticated:
        attempt.account, attempt.known = str(user.pk), True
        return attempt
    pending = request.session.get(LOGIN_SESSION_KEY)
    typed = request.POST.get(_ADDRESS.get(surface, "email"), "")[:420].strip().lower()
    if surface is Surface.SECOND_FACTOR and isinstance(pending, dict):
        owner = pending.get("user_pk")
        attempt.account = str(url_str_to_user_pk(owner)) if owner else ""
    elif typed:
        attempt.address, attempt.look_up = typed, partial(_account_of, typed)
        tokens = known_devices.tokens(request)
        if tokens and throttle.may_look_up(tokens):
            attempt.resolve()
    attempt.known = bool(attempt.account) and known_devices.is_known(request, Account(pk=attempt.account))
    return attempt
