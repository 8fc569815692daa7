"""The register of memberships (register ``families``): which account got or lost which role in which family, as decided by whom.

No event holds a name, an address or an identifier of a person: an account is a random id, a family is a pseudonym.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from expunge.core.accounts.memberships import MembershipRole
from expunge.core.accounts.staff_events import ByMachineUser
from expunge.core.values.tags import tagged


@tagged("ByHandOver")
@dataclass(frozen=True)
class ByHandOver:
    """The company said so by a signed token, and the account confirmed it with a credential."""

    issuer: str
    """The claim ``iss``: an address of the company."""
    key: str
    """The name (``kid``) of the key that signed it, as the map has it."""
    use: str
    """Hex SHA-256 of issuer and id of the token."""


@tagged("ByOwner")
@dataclass(frozen=True)
class ByOwner:
    """The account itself was closed by its owner."""


@tagged("ByConsent")
@dataclass(frozen=True)
class ByConsent:
    """The account showed by a consent method that it may decide for the child."""

    request: str
    """``ask-`` and 16 hex digits."""
    proof: str
    """The guardian's proof of authority, ``grd-`` and 16 hex digits."""


@tagged("ByMember")
@dataclass(frozen=True)
class ByMember:
    """The account itself gave the role up, confirmed by a credential."""


@tagged("ByMajority")
@dataclass(frozen=True)
class ByMajority:
    """The child decides alone from a day on: guardians are guardians no more, and the young person decides."""


FamilyActor: TypeAlias = ByHandOver | ByMachineUser | ByOwner | ByConsent | ByMember | ByMajority


@tagged("MembershipDecided")
@dataclass(frozen=True)
class MembershipDecided:
    """An account has a role in a family from now on; the role ``former`` ends every other."""

    at: datetime
    account: str
    """A random UUID."""
    family: str
    """A pseudonym."""
    role: MembershipRole
    by: FamilyActor


FamilyEvent: TypeAlias = MembershipDecided
