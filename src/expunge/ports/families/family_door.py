"""The port of memberships and openings: the families of an account, and when content of one may be shown.

The web process asks it, and code that took the web process over asks it too. So each verb looks the membership up in the keeper's tables.

``session`` is the SHA-256 of the web session's key, of 32 bytes, as the account guard knows it. Every verb raises ClerkAway where the clerk
does not answer now, StateUnavailable where its state does not, and UsageError for malformed arguments. No message holds an identifier.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import UUID

from expunge.core.accounts.asks import Ask
from expunge.core.accounts.memberships import MembershipRole


@dataclass(frozen=True)
class FamilyCard:
    """A family of an account: the subject, and the account's role."""

    family: str
    """The pseudonym of the subject."""
    role: MembershipRole
    since: datetime
    label: str = field(default="", repr=False)
    """The subject's first name, where the map says which field has it; empty otherwise."""


class FamilyDoor(Protocol):
    """See the module."""

    def families(self, account: UUID) -> tuple[FamilyCard, ...]:
        """Return the families of an account in which it has a role now, by pseudonym."""
        ...

    def open(self, permit: str, session: bytes, ask: Ask) -> datetime:
        """Begin an opening of a family by the permit of an ask of the kind *playback*. Return its latest end.

        Raises NotPermitted for an ask of another kind or without a membership, ChallengeEnded and ProofRefused as the guard does.
        """
        ...

    def open_until(self, account: UUID, family: str, session: bytes) -> datetime | None:
        """Return when an opening ends if it is not used; None where there is none. Asking does not lengthen it."""
        ...

    def end(self, account: UUID, family: str, session: bytes) -> None:
        """End an opening. Safe to repeat."""
        ...
