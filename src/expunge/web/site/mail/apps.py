"""The Django app of mail."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig


class MailConfig(AppConfig):
    """Tables of mail that waits, that was handed on, and that did not arrive."""

    name = "expunge.web.site.mail"
    label = "expunge_mail"

    def ready(self) -> None:
        """Forget the troubles of an address once its owner has shown a code that was sent there."""
        # Why late: Django's models cannot be imported before its apps are loaded.
        from allauth.account.signals import email_confirmed

        email_confirmed.connect(_settled, dispatch_uid="expunge_mail.settled")


def _settled(email_address: Any, **_: object) -> None:
    from expunge.web.site.mail.addresses import settle

    settle(email_address.email)
