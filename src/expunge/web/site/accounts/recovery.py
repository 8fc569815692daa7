"""Recovery of an account whose every second factor is lost: the keeper has its wait, its letters and its end; this is the pages' side.

Code in this process can neither begin one without a code from the mailbox nor shorten its wait.
"""

from __future__ import annotations

from typing import Any

from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django import template
from django.conf import settings
from django.db import transaction

from expunge.core.accounts.recovery import RecoveryStanding, RecoveryState
from expunge.ports.accounts.recoveries import Recoveries
from expunge.web.site.accounts import known_devices, sessions
from expunge.web.site.accounts.models import Account

register = template.Library()


def keeper() -> Recoveries:
    """Return the keeper's ways back into accounts."""
    recoveries: Recoveries = settings.EXPUNGE_RECOVERIES
    return recoveries


def under_way(account: Account) -> RecoveryStanding | None:
    """Return the recovery of an account that waits or is ready; None without. While there is one, the keeper lets nothing be exported."""
    standing = keeper().recovery(account.pk)
    return None if standing is None or standing.state is RecoveryState.FINISHED else standing


def stop(account: Account) -> bool:
    """Stop the recovery of an account; the keeper tells its owner. Return whether there was one."""
    return keeper().stop_recovery(account.pk)


def settle(account: Account) -> None:
    """Follow the keeper, which ended a recovery: old factors, browsers, sessions and logins at companies go.

    Safe to repeat.
    """
    with transaction.atomic():
        # Why the mark before the factors go: without either a password alone would do.
        Account.objects.filter(pk=account.pk).update(must_enrol=True)
        Authenticator.objects.filter(user=account).delete()
        SocialAccount.objects.filter(user=account).delete()
        known_devices.forget(account)
        sessions.end_all(account)
    account.must_enrol = True


@register.inclusion_tag("accounts/recovery_banner.html", takes_context=True)
def recovery_under_way(context: template.Context) -> dict[str, Any]:
    """Render, on a page of the account, the warning of a recovery and the way to stop it; nothing where none is under way."""
    return {"recovery": under_way(context["request"].user), "csrf_token": context.get("csrf_token")}
