"""What an ID token says of how a person logged in at a company: by ``acr`` and ``amr`` (OpenID Connect Core 1.0, 2).

The words of ``amr`` are those of RFC 8176, 2. Those of ``acr`` are of the OpenID Connect Extended Authentication Profile (EAP) ACR Values
1.0. Every other word says nothing, so that an ID token without either is worth one factor.
"""

from __future__ import annotations

from collections.abc import Iterable

from expunge.core.accounts.credential_strength import Audience, Level

PHISHING_RESISTANT_ACR = frozenset({"phr", "phrh"})
"""Phishing-resistant, and the same with a key in hardware."""
_KNOWN = frozenset({"pwd", "kba"})
"""Things that the person knows."""
_HELD = frozenset({"hwk", "swk", "otp", "sc"})
"""Things that the person has."""
_BODY = frozenset({"face", "fpt", "iris", "retina", "vbm"})
"""The person's body."""
_VERIFIED_BY_KEY = _BODY | {"pin"}
"""By these a key makes sure of the person (user verification), without a word to the company."""
_TELEPHONE = frozenset({"sms", "tel"})


def assurance(acr: str, amr: Iterable[str], audience: Audience = Audience.CUSTOMERS) -> Level:
    """Return the level of a login at a company.

    Args:
        acr: the class of the login; empty where the token has none.
        amr: the methods.
        audience: of staff, a login with a text message or a telephone call is worth nothing (DSG-10).
    """
    methods = frozenset(amr)
    if audience is Audience.STAFF and methods & _TELEPHONE:
        return Level.NONE
    if acr in PHISHING_RESISTANT_ACR or ("hwk" in methods and methods & _VERIFIED_BY_KEY):
        return Level.PHISHING_RESISTANT
    kinds = sum(bool(methods & kind) for kind in (_KNOWN | {"pin"}, _HELD, _BODY))
    return Level.TWO_FACTORS if "mfa" in methods or kinds > 1 else Level.ONE_FACTOR
