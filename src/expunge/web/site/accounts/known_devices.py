"""Browsers on which a person has logged in to the end: by a signed cookie, of which the database has a keyed digest."""

from __future__ import annotations

import hmac
import secrets
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.signing import BadSignature, Signer
from django.utils import timezone

from expunge.web.site.accounts.columns.coarse import kind_of_browser, network_of
from expunge.web.site.accounts.models import Account, KnownDevice

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

_AGE = 400 * 24 * 3600
"""Seconds: the longest that browsers keep a cookie."""
MOST = 20
"""Browsers that are remembered of one account; the one that was seen longest ago makes room."""


def is_known(request: HttpRequest, account: Account) -> bool:
    """Return whether the person has logged in on this browser before, and did not forget it."""
    token = _token(request)
    return token is not None and KnownDevice.objects.filter(account=account, digest=_digest(account, token)).exists()


def remember(request: HttpRequest, response: HttpResponseBase, account: Account, address: str) -> bool:
    """Remember the browser of a login that was complete. Return whether it was new.

    Args:
        request: of the login's last step.
        response: the answer to it, which gets the cookie.
        account: whose login it is.
        address: of the client, of which the network is kept.
    """
    token = _token(request) or secrets.token_urlsafe(32)
    seen = {
        "browser": kind_of_browser(request.headers.get("User-Agent", "")),
        "network": network_of(address),
        "seen": timezone.now(),
    }
    _, new = KnownDevice.objects.update_or_create(account=account, digest=_digest(account, token), defaults=seen)
    for device in KnownDevice.objects.filter(account=account).order_by("-seen")[MOST:]:
        device.delete()
    response.set_cookie(
        cookie_name(), _signer().sign(token), max_age=_AGE, secure=settings.SESSION_COOKIE_SECURE, httponly=True, samesite="Lax"
    )
    return new


def forget(account: Account, *, but: HttpRequest | None = None) -> None:
    """Forget every browser of an account, but for the one of a request."""
    devices = KnownDevice.objects.filter(account=account)
    token = _token(but) if but is not None else None
    if token is not None:
        devices = devices.exclude(digest=_digest(account, token))
    devices.delete()


def listed(request: HttpRequest, account: Account) -> list[tuple[KnownDevice, bool]]:
    """Return the browsers of an account, newest first, each with whether it is the one of the request."""
    token = _token(request)
    here = _digest(account, token) if token is not None else ""
    return [(device, device.digest == here) for device in KnownDevice.objects.filter(account=account).order_by("-seen")]


def cookie_name() -> str:
    """Return the name of the cookie."""
    return "__Host-device" if settings.EXPUNGE_SITE.secure else "device"


def _token(request: HttpRequest) -> str | None:
    try:
        token: str = _signer().unsign(request.COOKIES.get(cookie_name(), ""))
    except BadSignature:
        return None
    return token


def _digest(account: Account, token: str) -> str:
    # Why the account in it: the database does not tell which accounts share a browser.
    return hmac.new(settings.SECRET_KEY.encode(), f"device/{account.pk}/{token}".encode(), sha256).hexdigest()


def _signer() -> Any:
    return Signer(salt="expunge.device")
