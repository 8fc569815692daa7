"""How many people use a second factor, in numbers without a person: whether offering one is enough (RNG-21)."""

from __future__ import annotations

from enum import StrEnum

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator


class Factor(StrEnum):
    """The strongest factor of an account."""

    PASSKEY = "passkey"
    CODE_APP = "code app"
    NONE = "none"


def adoption() -> dict[Factor, int]:
    """Return how many accounts with a proven address have each factor."""
    proven = EmailAddress.objects.filter(verified=True).values("user_id")
    rows = Authenticator.objects.filter(user_id__in=proven)
    passkeys = rows.filter(type=Authenticator.Type.WEBAUTHN).values("user_id")
    keys = passkeys.distinct().count()
    apps = rows.filter(type=Authenticator.Type.TOTP).exclude(user_id__in=passkeys).values("user_id").distinct().count()
    return {Factor.PASSKEY: keys, Factor.CODE_APP: apps, Factor.NONE: proven.distinct().count() - keys - apps}
