"""Closing an account: nothing of it stays in the database of the pages."""

from __future__ import annotations

from allauth.account.models import EmailAddress
from allauth.core.internal.ratelimit import get_cache_key, get_rates
from django.core.cache import cache
from django.db import transaction
from django.dispatch import Signal
from django.http import HttpRequest

from expunge.web.site.accounts import sessions
from expunge.web.site.accounts.models import Account

account_closing = Signal()
"""Sent with ``account`` and ``addresses`` inside the transaction that removes it: who keeps something of an account removes it now."""

_COUNTED = {
    "allauth.account": ("change_password", "manage_email", "reset_password", "reauthenticate", "confirm_email", "login_failed"),
    "allauth.mfa": (),
}


def close(request: HttpRequest, account: Account) -> None:
    """Remove an account with its addresses, factors, browsers, sessions and counters."""
    addresses = list(EmailAddress.objects.filter(user=account).values_list("email", flat=True))
    with transaction.atomic():
        account_closing.send(sender=Account, account=account, addresses=addresses)
        sessions.end_all(account)
        account.delete()
    for address in addresses:
        _forget_attempts(request, account, address)


def _forget_attempts(request: HttpRequest, account: Account, address: str) -> None:
    keys = (address, f"{request.get_host()}:{address}", f"mfa-auth-user-{account.pk}")
    for app, actions in _COUNTED.items():
        for action in actions:
            for rate in get_rates(app=app, action=action):
                # Why not those of the network: who closes an account would get new attempts at others.
                if rate.per != "ip":
                    for key in keys:
                        cache.delete(get_cache_key(request, app=app, action=action, rate=rate, key=key, user=account))
