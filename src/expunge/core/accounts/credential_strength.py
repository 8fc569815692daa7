"""The strength of an account: that of its weakest way in, recovery included (NIST SP 800-63B-4, NST-04, NST-05, DSG-10).

A way in is a set of methods that have to be shown together: a passkey alone, or a password with a code of a device. A way is as strong as
its strongest method. An account is as strong as its weakest way.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum, IntEnum, StrEnum
from typing import TypeAlias


class Method(StrEnum):
    """Methods by which a person logs in, confirms, or gets back in."""

    PASSKEY = "passkey"
    """A WebAuthn credential that may be copied to other devices of the person."""
    SECURITY_KEY = "security key"
    """A WebAuthn credential that never leaves its device."""
    TOTP = "codes of a device"
    """Six digits that change every 30 seconds (RFC 6238)."""
    RECOVERY_CODES = "recovery codes"
    PASSWORD = "password"  # noqa: S105 - the name of a method, not a password
    MAIL_CODE = "code by mail"
    PROVIDER = "login of a company"
    """A login by OpenID Connect. Whatever the company asks for, its word is one factor here."""
    MAIL_RECOVERY = "code by mail, after a wait"
    """A recovery: every credential was lost, and the wait, which the owner can end, has passed."""
    SMS = "code by text message"
    """Restricted (SP 800-63B, 5.1.3.3): customers are offered another method beside it, and for staff it counts as none."""


class Level(IntEnum):
    """The strength of an account; more is stronger."""

    NONE = 0
    """There is no way in that counts."""
    ONE_FACTOR = 1
    """A password, or a message, lets a person in."""
    TWO_FACTORS = 2
    """Two factors, of which a person can be talked out of at least one: a code that is typed is never phishing-resistant."""
    PHISHING_RESISTANT = 3
    """Every way in is bound to the address of the pages by the authenticator itself."""


class Audience(Enum):
    """The people whose account it is."""

    CUSTOMERS = "customers"
    STAFF = "staff"


Way: TypeAlias = frozenset[Method]
_STRENGTH = {
    Method.PASSKEY: Level.PHISHING_RESISTANT,
    Method.SECURITY_KEY: Level.PHISHING_RESISTANT,
    Method.TOTP: Level.TWO_FACTORS,
    Method.RECOVERY_CODES: Level.TWO_FACTORS,
    Method.PASSWORD: Level.ONE_FACTOR,
    Method.MAIL_CODE: Level.ONE_FACTOR,
    Method.PROVIDER: Level.ONE_FACTOR,
    Method.MAIL_RECOVERY: Level.ONE_FACTOR,
    Method.SMS: Level.ONE_FACTOR,
}
"""Method -> the strength of a way that has it, where a first factor is shown with it."""
_SECOND_ONLY = frozenset({Method.TOTP, Method.RECOVERY_CODES})
"""Methods that are a second factor: alone, they are one factor."""


def strength_of(way: Way) -> Level:
    """Return the strength of one way in; NONE for an empty one."""
    if not way:
        return Level.NONE
    if way <= _SECOND_ONLY or way <= {Method.PASSWORD}:
        return Level.ONE_FACTOR
    return max(_STRENGTH[method] for method in way)


def level_of(ways: Iterable[Way], audience: Audience = Audience.CUSTOMERS) -> Level:
    """Return the strength of an account.

    Args:
        ways: each way in, recovery included.
        audience: of staff, a way with a text message or a telephone call never counts as strong, whatever is shown beside it (DSG-10).
    """
    found = [Level.NONE if audience is Audience.STAFF and Method.SMS in way else strength_of(way) for way in ways]
    return min(found, default=Level.NONE)
