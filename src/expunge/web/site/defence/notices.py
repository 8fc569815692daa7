"""Mails to owners of accounts: many failed tries, and sessions in several networks at once. A new device is told of by the logins."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.models import EmailAddress
from allauth.core.context import request_context
from allauth.usersessions.models import UserSession
from django.contrib.auth import get_user_model
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import translation

from expunge import clock
from expunge.core.attempts.attempt_limits import Budget
from expunge.core.attempts.client_networks import network_of
from expunge.web.site.defence import tallies
from expunge.web.site.defence.throttle import Attempt

MANY_FAILURES = 10
"""Failures in a row at an account, from browsers it does not know, of which its owner is told."""
AT_ONCE = timedelta(minutes=30)
"""Sessions that were used within this time are at once."""
_DAILY = Budget(1, 24 * 3600)


def after(request: HttpRequest, response: HttpResponseBase, attempt: Attempt) -> None:
    """Tell an account's owner of many failures; once the answer is out, so that its time does not tell whether there is an account."""
    if attempt.account and not attempt.succeeded and not attempt.known and attempt.failures == MANY_FAILURES:
        closers: list[Any] = vars(response)["_resource_closers"]
        closers.append(partial(_tell, request, attempt.account, "many_tries"))


def sessions_elsewhere(request: HttpRequest, user: Any) -> None:
    """Tell a person whose account is used from another network at the same time."""
    here = network_of(request.META.get("REMOTE_ADDR", ""))
    since = clock.now() - AT_ONCE
    others = UserSession.objects.filter(user_id=user.pk, last_seen_at__gte=since).values_list("ip", flat=True)
    if any(network_of(str(ip)) != here for ip in others):
        _tell(request, str(user.pk), "sessions_at_once")


def _tell(request: HttpRequest, account: str, notice: str) -> None:
    if tallies.add(_DAILY, clock.timestamp(), "notice", notice, account)[1] > 1:
        return
    user = get_user_model().objects.filter(pk=account).first()
    address = EmailAddress.objects.get_primary_email(user) if user is not None else None
    if address:
        with request_context(request), translation.override(getattr(user, "language", "en")):
            get_adapter(request).send_mail(f"defence/email/{notice}", address, {})
