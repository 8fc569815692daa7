"""allauth's adapters: what is sealed, and what mail and messages say."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

from allauth.account import app_settings
from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from django.conf import settings
from django.core.mail import EmailMessage
from django.utils import timezone

from expunge.ports.accounts.sealed_fields import FieldKind

_CODES_LAST: Mapping[str, Callable[[], int]] = {
    "account/email/email_confirmation": lambda: app_settings.EMAIL_VERIFICATION_BY_CODE_TIMEOUT,
    "account/email/email_confirmation_signup": lambda: app_settings.EMAIL_VERIFICATION_BY_CODE_TIMEOUT,
    "account/email/password_reset_code": lambda: app_settings.PASSWORD_RESET_BY_CODE_TIMEOUT,
    "account/email/login_code": lambda: app_settings.LOGIN_BY_CODE_TIMEOUT,
}
"""Template of a mail -> the seconds for which the code in it works."""


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Accounts without names."""

    def populate_username(self, request: Any, user: Any) -> None:
        """Do nothing: an account has no name."""

    def render_mail(self, template_prefix: str, email: Any, context: dict[str, Any], headers: dict[str, str] | None = None) -> EmailMessage:
        """Return a message that says until when it is worth sending, where it has a code in it."""
        lasts = _CODES_LAST.get(template_prefix)
        until = {"Expires": format_datetime(timezone.now() + timedelta(seconds=lasts()))} if lasts and "code" in context else {}
        message: EmailMessage = super().render_mail(template_prefix, email, context, {**(headers or {}), **until})
        return message


class SecondFactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """Second factors, whose seeds are sealed."""

    def encrypt(self, text: str) -> str:
        """Return a seed sealed."""
        return urlsafe_b64encode(settings.EXPUNGE_FIELDS.seal_fields(FieldKind.SEED, [text])[0]).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """Return a seed."""
        opened: tuple[str, ...] = settings.EXPUNGE_FIELDS.open_fields(FieldKind.SEED, [urlsafe_b64decode(encrypted_text)])
        return opened[0]

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        """Return the relying party: the origin's host, whatever host the request names."""
        return {"id": settings.EXPUNGE_SITE.host, "name": settings.EXPUNGE_SITE.company or settings.EXPUNGE_SITE.host}

    def _get_user_identifier(self, user: Any) -> str:
        from allauth.account.models import EmailAddress

        return EmailAddress.objects.get_primary_email(user) or str(user.pk)
