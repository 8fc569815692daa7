"""Browsers on which a person has logged in to the end: by a signed cookie, of which the database has a keyed digest.

The cookie holds one random token for each account that logged in on the browser. Each login puts a new one in the place of the account's
own: a cookie that was planted or copied is worth nothing after the owner's next login.
"""

from __future__ import annotations

import hmac
import secrets
from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.signing import BadSignature, Signer

from expunge import clock
from expunge.web.site.accounts.columns.coarse import kind_of_browser, network_of
from expunge.web.site.accounts.models import Account, KnownDevice

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

UNSEEN = timedelta(days=90)
"""For so long a browser is known without another login."""
_TOGETHER = 5
"""Accounts of one browser that are known; the one that logged in longest ago makes room."""
MOST = 20
"""Browsers that are remembered of one account; the one that was seen longest ago makes room."""


def is_known(request: HttpRequest, account: Account) -> bool:
    """Return whether the person has logged in on this browser before, and did not forget it."""
    return _here(request, account).filter(seen__gt=clock.now() - UNSEEN).exists()


def remember(request: HttpRequest, response: HttpResponseBase, account: Account, address: str) -> bool:
    """Remember the browser of a login that was complete. Return whether it was new.

    Args:
        request: of the login's last step.
        response: the answer to it, which gets the cookie.
        account: whose login it is.
        address: of the client, of which the network is kept.
    """
    token, known = secrets.token_urlsafe(32), set(_here(request, account).values_list("digest", flat=True))
    seen = {
        "browser": kind_of_browser(request.headers.get("User-Agent", "")),
        "network": network_of(address),
        "seen": clock.now(),
        "digest": _digest(account, token),
    }
    first, *more = sorted(known) or [""]
    if not KnownDevice.objects.filter(account=account, digest=first).update(**seen):
        KnownDevice.objects.create(account=account, **seen)
    KnownDevice.objects.filter(account=account, digest__in=more).delete()
    for device in KnownDevice.objects.filter(account=account).order_by("-seen")[MOST:]:
        device.delete()
    others = [each for each in tokens(request) if _digest(account, each) not in known]
    response.set_cookie(
        cookie_name(),
        _signer().sign(".".join([token, *others][:_TOGETHER])),
        max_age=int(UNSEEN.total_seconds()),
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
    return not known


def forget(account: Account, *, but: HttpRequest | None = None) -> None:
    """Forget every browser of an account, but for the one of a request."""
    devices = KnownDevice.objects.filter(account=account)
    if but is not None:
        devices = devices.exclude(pk__in=_here(but, account).values("pk"))
    devices.delete()


def forget_here(request: HttpRequest, account: Account) -> None:
    """Forget the browser of a request."""
    _here(request, account).delete()


def forget_unseen() -> None:
    """Forget browsers on which nobody logged in for long."""
    KnownDevice.objects.filter(seen__lte=clock.now() - UNSEEN).delete()


def listed(request: HttpRequest, account: Account) -> list[tuple[KnownDevice, bool]]:
    """Return the browsers of an account, newest first, each with whether it is the one of the request."""
    here = set(_here(request, account).values_list("pk", flat=True))
    return [(device, device.pk in here) for device in KnownDevice.objects.filter(account=account).order_by("-seen")]


def cookie_name() -> str:
    """Return the name of the cookie."""
    return "__Host-device" if settings.EXPUNGE_SITE.secure else "device"


def _here(request: HttpRequest, account: Account) -> QuerySet[KnownDevice]:
    return KnownDevice.objects.filter(account=account, digest__in=[_digest(account, token) for token in tokens(request)])


def tokens(request: HttpRequest) -> list[str]:
    """Return the tokens of a browser's signed cookie; none without one."""
    try:
        held: str = _signer().unsign(request.COOKIES.get(cookie_name(), ""))
    except BadSignature:
        return []
    return held.split(".")[:_TOGETHER]


def _digest(account: Account, token: str) -> str:
    # Why the account in it: the database does not tell which accounts share a browser.
    return hmac.new(settings.SECRET_KEY.encode(), f"device/{account.pk}/{token}".encode(), sha256).hexdigest()


def _signer() -> Any:
    return Signer(salt="expunge.device")
