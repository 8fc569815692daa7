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
    RESISTANT_PROVIDER = "strong provider"
    """The same, where its ID token says that the login cannot be phished."""


CANNOT_BE_PHISHED = frozenset({SignInMethod.PASSKEY, SignInMethod.RESISTANT_PROVIDER})
"""Methods that need no equivalence."""


def holds(member: StaffMember, method: SignInMethod, level: Level) -> bool:
    """Return whether a sign-in is strong enough.

    A passkey is, where every way in to the account is one (NIST SP 800-63B-4, AAL2 and above with phishing resistance); so is a company's
    login whose ID token says that it cannot be phished. Any other method
    is only by the written equivalence of this account that names this very method and holds now (RNG III.E.4(b)).

    Args:
        member: the account, as the keeper told it a moment ago.
        method: what was shown in this sign-in.
        level: the strength of the account, by its weakest way in, as the keeper told it.
    """
    return level is Level.PHISHING_RESISTANT if method in CANNOT_BE_PHISHED else counts(member, method)


def counts(member: StaffMember, method: SignInMethod) -> bool:
    """Return whether a session that began by a method may go on now: an equivalence ends, and the sessions that it let in with it."""
    return method in CANNOT_BE_PHISHED or (member.equivalence is not None and member.equivalence.value == method.value)
