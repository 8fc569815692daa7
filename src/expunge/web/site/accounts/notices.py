"""Mails that tell a person of something at every address of the account."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.models import EmailAddress
from django.http import HttpRequest

from expunge.web.site.accounts.models import Account


def tell(request: HttpRequest, account: Account, template: str, **context: Any) -> None:
    """Send a notice to every verified address of an account.

    Args:
        request: what led to it.
        account: whose it is.
        template: the beginning of the names of its templates.
        context: values for them.
    """
    tell_at(request, account, addresses_of(account), template, **context)


def addresses_of(account: Account) -> list[str]:
    """Return the verified addresses of an account."""
    return list(EmailAddress.objects.filter(user=account, verified=True).values_list("email", flat=True))


def tell_at(request: HttpRequest, account: Account, addresses: Iterable[str], template: str, **context: Any) -> None:
    """Send a notice to addresses that an account has, or had. Further arguments as :func:`tell`."""
    for address in addresses:
        get_adapter(request).send_notification_mail(template, account, context, email=address)
