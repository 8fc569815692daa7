"""Recovery of an account whose every second factor is lost, without undoing the second factor: a waiting time, told to every channel.

Whoever has the mailbox alone gets nothing before the time is over, and the person who still has a factor stops it, or logs in with it.
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from allauth.mfa.models import Authenticator
from django import template
from django.conf import settings
from django.db import transaction
from django.dispatch import Signal
from django.utils import timezone

from expunge.web.site.accounts import known_devices, sessions
from expunge.web.site.accounts.models import Account, Recovery

register = template.Library()

OPEN = timedelta(days=7)
"""For so long after the waiting time a new factor can be enrolled."""

recovery_begun = Signal()
"""Sent with ``account`` and ``recovery`` once a recovery waits: use of the account's recordings can be stopped from now on."""
recovery_ended = Signal()
"""Sent with ``account`` and ``used``: whether a new factor may be enrolled, or it was stopped."""


def begin(account: Account) -> tuple[Recovery, str]:
    """Begin a recovery, or find the one that is under way.

    Returns:
        The recovery, and what stops it, for the mails; an empty text where it was under way.
    """
    token, now = secrets.token_urlsafe(32), timezone.now()
    wait: timedelta = settings.EXPUNGE_RECOVERY_WAIT
    Recovery.objects.filter(account=account, lapses__lte=now).delete()
    made = {"begun": now, "ready": now + wait, "lapses": now + wait + OPEN, "stop": _digest(token)}
    recovery, new = Recovery.objects.get_or_create(account=account, defaults=made)
    if new:
        recovery_begun.send(sender=Recovery, account=account, recovery=recovery)
    return recovery, token if new else ""


def under_way(account: Account) -> Recovery | None:
    """Return the recovery of an account that waits or is open; None without. While there is one, nothing of the account is exported."""
    return Recovery.objects.filter(account=account, lapses__gt=timezone.now()).first()


def is_ready(recovery: Recovery, now: datetime | None = None) -> bool:
    """Return whether the waiting time is over, by the clock of this machine."""
    at = now or timezone.now()
    ready, lapses = at >= recovery.ready, at >= recovery.lapses
    return bool(ready and not lapses)


def of_token(token: str) -> Account | None:
    """Return the account whose recovery a mail's token stops; None where there is none any more."""
    found = Recovery.objects.select_related("account").filter(stop=_digest(token)).first()
    return found.account if found else None


def stop(account: Account) -> bool:
    """Stop the recovery of an account. Return whether there was one."""
    stopped = bool(Recovery.objects.filter(account=account).delete()[0])
    if stopped:
        recovery_ended.send(sender=Recovery, account=account, used=False)
    return stopped


def use(account: Account) -> bool:
    """End a recovery whose waiting time is over: old factors, browsers and sessions go, and a new factor has to be enrolled.

    Returns:
        Whether it was ready; two who come at once do not both get in.
    """
    now = timezone.now()
    with transaction.atomic():
        if not Recovery.objects.filter(account=account, ready__lte=now, lapses__gt=now).delete()[0]:
            return False
        # Why the mark before the factors go: without either a password alone would do.
        Account.objects.filter(pk=account.pk).update(must_enrol=True)
        Authenticator.objects.filter(user=account).delete()
        known_devices.forget(account)
        sessions.end_all(account)
    account.must_enrol = True
    recovery_ended.send(sender=Recovery, account=account, used=True)
    return True


def _digest(token: str) -> str:
    return sha256(token.encode()).hexdigest()


@register.inclusion_tag("accounts/recovery_banner.html", takes_context=True)
def recovery_under_way(context: template.Context) -> dict[str, Any]:
    """Render, on a page of the account, the warning of a recovery and the way to stop it; nothing where none is under way."""
    return {"recovery": under_way(context["request"].user), "csrf_token": context.get("csrf_token")}
