"""The port of *may this account do this ask*, and that of invitations."""

from __future__ import annotations

from typing import Protocol
from uuid import UUID

from expunge.core.accounts.asks import Ask
from expunge.ports.accounts.account_register import CodeDeviceRecord, CredentialRecord


class Memberships(Protocol):
    """Says which asks an account may do. It answers from the keeper's own tables or journal, never from what a client says."""

    def may(self, account: UUID, ask: Ask) -> bool:
        """Return whether the account may do the ask now.

        Raises StateUnavailable, and NotPermitted with the reason for an account that may do it, but not at present.
        """
        ...

    def may_confirm(self, ask: Ask, credential: CredentialRecord | CodeDeviceRecord) -> bool:
        """Return whether a passkey or the code device of the account may confirm the ask now. Raises StateUnavailable."""
        ...


class Invitations(Protocol):
    """One-time secrets that enrol the first credential of an account: links for employees, or from a company's own app."""

    def redeem(self, secret: str, claim: str) -> UUID:
        """Return the account that a secret is for, and end the secret: it works once, across processes and restarts.

        Args:
            secret: of the invitation.
            claim: 32 hex digits that name this use. The same use again, after a lost answer, returns the same account.

        Raises ChallengeEnded where it was used, is over, or is none; StateUnavailable.
        """
        ...

    def knows(self, account: UUID) -> bool:
        """Return whether an account comes by invitations alone, used or not. Raises StateUnavailable."""
        ...
