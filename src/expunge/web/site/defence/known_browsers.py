"""Browsers that an account knows: a signed cookie, given after a whole login. It opens nothing; its tries are counted apart."""

from __future__ import annotations

import secrets
from typing import Any

from django.conf import settings
from django.core import signing
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from expunge.web.site.defence.names import keyed

_SALT = "expunge.defence.browser"
_AGE = 400 * 24 * 3600
_MOST = 8


def cookie_name() -> str:
    """Return the cookie's name."""
    return "__Host-browser" if settings.EXPUNGE_SITE.secure else "browser"


def knows(request: HttpRequest, account: object) -> bool:
    """Return whether an account logged in with this browser before."""
    return _tag(account) in {tag for tag, _ in _read(request)}


def remember(request: HttpRequest, response: HttpResponseBase, account: object) -> None:
    """Have the browser kept as one of the account's. A family shares one: it holds several."""
    others = [entry for entry in _read(request) if entry[0] != _tag(account)]
    value = signing.dumps([[_tag(account), secrets.token_hex(8)], *others][:_MOST], salt=_SALT)
    response.set_cookie(cookie_name(), value, max_age=_AGE, secure=settings.EXPUNGE_SITE.secure, httponly=True, samesite="Lax")


def _read(request: HttpRequest) -> list[tuple[str, str]]:
    try:
        found: Any = signing.loads(request.COOKIES.get(cookie_name(), ""), salt=_SALT, max_age=_AGE)
    except signing.BadSignature:
        return []
    return [(str(tag), str(nonce)) for tag, nonce in found]


def _tag(account: object) -> str:
    return keyed("browser", account)[:24]
