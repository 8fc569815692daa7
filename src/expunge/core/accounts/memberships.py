"""Memberships: the tie of an account to a family, and the asks that it allows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from expunge.core.accounts.asks import AskKind

if TYPE_CHECKING:
    from uuid import UUID


class MembershipRole(StrEnum):
    """The role of an account in a family."""

    GUARDIAN = "guardian"
    SELF = "self"
    """The subject, of age to ask."""
    FORMER = "former"
    """Was one of the others, and may nothing any more."""

    def may(self, kind: AskKind) -> bool:
        """Return whether the role allows a kind of ask about the family."""
        return kind.of_family and (
            self is MembershipRole.GUARDIAN or (self is MembershipRole.SELF and kind is not AskKind.CHANGE_OF_GUARDIAN)
        )


@dataclass(frozen=True)
class Membership:
    """One account in one family."""

    account: UUID
    family: str
    """A pseudonym."""
    role: MembershipRole
    since: datetime
    """Aware UTC: since when it has this role."""
