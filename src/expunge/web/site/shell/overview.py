"""The security of an account at a glance, as its first page shows it."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession


class Protection(enum.Enum):
    """How hard it is for another person to get in, by the strongest way that the account demands."""

    PASSKEY = "passkey"
    CODE = "code"
    PASSWORD = "password"  # noqa: S105 - a kind of login
    COMPANY = "company"
    """The login of a company, without a password here."""


@dataclass(frozen=True)
class Overview:
    """The state of each way in."""

    address: str
    has_password: bool
    passkeys: int
    code_app: bool
    codes_left: int | None
    """Recovery codes that were not used; None where none were made."""
    devices: int
    companies: int
    """Connected logins of companies."""

    @property
    def protection(self) -> Protection:
        """Return the strongest way."""
        if self.passkeys:
            return Protection.PASSKEY
        if self.code_app:
            return Protection.CODE
        return Protection.COMPANY if self.companies and not self.has_password else Protection.PASSWORD

    @property
    def few_codes(self) -> bool:
        """Return whether the account could soon be without a way back in."""
        return self.protection in {Protection.PASSKEY, Protection.CODE} and (self.codes_left or 0) < 3


def overview_of(account: Any) -> Overview:
    """Read the state of an account. Raises KeeperAway where the keeper does not answer."""
    ways = list(Authenticator.objects.filter(user=account))
    codes = next((way for way in ways if way.type == Authenticator.Type.RECOVERY_CODES), None)
    return Overview(
        address=EmailAddress.objects.get_primary_email(account) or "",
        has_password=account.has_usable_password(),
        passkeys=sum(way.type == Authenticator.Type.WEBAUTHN for way in ways),
        code_app=any(way.type == Authenticator.Type.TOTP for way in ways),
        codes_left=None if codes is None else len(codes.wrap().get_unused_codes()),
        companies=SocialAccount.objects.filter(user=account).count(),
        devices=len(UserSession.objects.purge_and_list(account)),
    )
