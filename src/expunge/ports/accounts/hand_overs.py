"""The port of hand-overs: the company says by a signed token who is in which family. The keeper implements it.

The web process hands a token on. It has no key that could sign one, and names no family. Every verb raises KeeperAway where the keeper does
not answer now, StateUnavailable where its tables do not, and UsageError for malformed arguments. No message holds an identifier.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from expunge.core.accounts.asks import Ask
from expunge.core.values.canonical import Json


@dataclass(frozen=True)
class HandOverCard:
    """What may be shown of a token: numbers, and no person."""

    digest: str
    """Hex SHA-256 of the token; an ask to redeem it names it so."""
    guardian_of: int
    """Children that it makes the account a guardian of."""
    oneself: bool
    """Whether it makes the account the subject's own."""
    ends: int
    """Memberships that it ends."""
    until: datetime
    """Aware UTC."""


class HandOverTokens(Protocol):
    """Verifies hand-over tokens. It keeps nothing, and judges no time."""

    def verified(self, token: str) -> tuple[str, Mapping[str, Json]]:
        """Return the name of the key that signed a token, and its claims. Issuer and audience are the right ones.

        Raises HandOverRefused.
        """
        ...


class HandOvers(Protocol):
    """See the module."""

    def look(self, token: str) -> HandOverCard:
        """Return what may be shown of a token, and use nothing up.

        Raises HandOverRefused where it does not hold, has ended, or was used.
        """
        ...

    def redeem(self, permit: str, session: bytes, ask: Ask, token: str) -> HandOverCard:
        """Set the memberships of a token for the account that confirmed it, and end the token. Safe to repeat in the same session.

        Args:
            permit: for the ask, by a credential of the account.
            session: SHA-256 of the web session's key, 32 bytes.
            ask: of the kind ``hand-over``; its detail ``token`` is the hex SHA-256 of the token.
            token: as the company signed it.

        Raises:
            HandOverRefused: the token does not hold, has ended, was used, or is for a person with another mail address.
            ProofRefused, ChallengeEnded: the permit.
        """
        ...
