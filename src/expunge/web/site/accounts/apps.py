"""The Django app of accounts."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig, apps

from expunge.web.site.accounts.columns.coarse import BrowserColumn, NetworkColumn
from expunge.web.site.accounts.columns.sealed import SealedAddress, SealedSessionKey


class AccountsConfig(AppConfig):
    """Tables of accounts; gives allauth's columns their sealed or coarse form."""

    name = "expunge.web.site.accounts"
    label = "expunge_accounts"

    def ready(self) -> None:
        """Seal the columns of allauth that hold an address or the key of a session, and make coarse those that say where and on what."""
        address: Any = apps.get_model("account", "EmailAddress")
        address._meta.get_field("email").__class__ = SealedAddress  # noqa: SLF001 - Django's public name
        session: Any = apps.get_model("usersessions", "UserSession")
        session._meta.get_field("session_key").__class__ = SealedSessionKey  # noqa: SLF001 - Django's public name
        session._meta.get_field("ip").__class__ = NetworkColumn  # noqa: SLF001 - Django's public name
        session._meta.get_field("user_agent").__class__ = BrowserColumn  # noqa: SLF001 - Django's public name
