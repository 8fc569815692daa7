"""The Django app of logins at companies."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig, apps

from expunge.web.site.providers.columns import SealedIdentity


class ProvidersConfig(AppConfig):
    """Seals who a person is at a company. It has no table of its own: allauth's holds connected logins."""

    name = "expunge.web.site.providers"
    label = "expunge_providers"

    def ready(self) -> None:
        """Seal allauth's column of identities."""
        connected: Any = apps.get_model("socialaccount", "SocialAccount")
        connected._meta.get_field("uid").__class__ = SealedIdentity  # noqa: SLF001 - Django's public name
