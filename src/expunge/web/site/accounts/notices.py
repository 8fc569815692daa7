"""Mails that tell a person of something at every address of the account."""

from __future__ import annotations

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
    for address in EmailAddress.objects.filter(user=account, verified=True):
        get_adapter(request).send_notification_mail(template, account, context, email=address.email)
