"""The Django app of mail."""

from __future__ import annotations

from django.apps import AppConfig


class MailConfig(AppConfig):
    """Tables of mail that waits, that was handed on, and that did not arrive."""

    name = "expunge.web.site.mail"
    label = "expunge_mail"
