"""The strength that a sign-in of staff has to have (RNG-17, NST-04)."""

from __future__ import annotations

from enum import StrEnum

from expunge.core.accounts.credential_strength import Level
from expunge.core.accounts.staff_events import AccessMethod
from expunge.ports.accounts.staff_directory import StaffMember


class SignInMethod(StrEnum):
    """The methods by which staff signs in."""

    PASSKEY = "passkey"
    """A passkey or security key that the keeper verified."""
    PROVIDER = AccessMethod.PROVIDER.value
    """The login of an identity provider of the company."""


def holds(member: StaffMember, method: SignInMethod, level: Level) -> bool:
    """Return whether a sign-in is strong enough.

    A passkey is, where every way in to the account is one (NIST SP 800-63B-4, AAL2 and above with phishing resistance). Any other method
    is only by the written equivalence of this account that names this very method and holds now (RNG III.E.4(b)).

    Args:
        member: the account, as the keeper told it a moment ago.
        method: what was shown in this sign-in.
        level: the strength of the account, by its weakest way in, as the keeper told it.
    """
    if method is SignInMethod.PASSKEY:
        return level is Level.PHISHING_RESISTANT
    return by_record(member, method)


def by_record(member: StaffMember, method: SignInMethod) -> bool:
    """Return whether a written equivalence names this very method for the account now."""
    return member.equivalence is not None and member.equivalence.value == method.value
