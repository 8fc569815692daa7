"""allauth's adapters: what is sealed, and what mail and messages say."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from django.conf import settings

from expunge.ports.accounts.sealed_fields import FieldKind


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Accounts without names."""

    def populate_username(self, request: Any, user: Any) -> None:
        """Do nothing: an account has no name."""


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
