"""The port of recoveries: a way back into an account whose every credential is lost or copied. The keeper implements it.

The time is the keeper's own, and no caller can shorten it. Every verb raises KeeperAway where the keeper does not answer now,
StateUnavailable where its tables do not, and UsageError for malformed arguments. No message holds an identifier.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID

from expunge.core.accounts.recovery import RecoveryStanding


@dataclass(frozen=True)
class Recovering:
    """The answer to a proof of the mailbox."""

    standing: RecoveryStanding
    permit: str = field(default="", repr=False)
    """To enrol the first credential of the account, once the recovery is finished; empty before."""


class Recoveries(Protocol):
    """See the module."""

    def send_recovery_code(self, account: UUID, session: bytes) -> None:
        """Send a code to the account's address, by a letter of the keeper's own. It ends the one before.

        Raises:
            NotPermitted: the account is of staff: an administrator invites its person anew.
            Busy: too many codes for the account, for the address, or in all.
            Undelivered: no letter goes out at present.
        """
        ...

    def recover(self, account: UUID, session: bytes, code: str) -> Recovering:
        """Take a code that was sent, and go on with the recovery as far as its time is.

        Without a recovery, begin one and write to the owner. In the wait, change nothing. After it, remove every credential of the account,
        and give a permit to enrol a first one; for as long as none is enrolled, and the recovery has not lapsed, give another permit.

        Raises ProofRefused for a wrong code, ChallengeEnded after five of them, after its time, or for another session's.
        """
        ...

    def recovery(self, account: UUID) -> RecoveryStanding | None:
        """Return the recovery of an account; None without one."""
        ...

    def recovery_by_secret(self, secret: str) -> RecoveryStanding | None:
        """Return the recovery that the secret of a letter stops; None where there is none any more."""
        ...

    def stop_recovery(self, account: UUID) -> bool:
        """Stop the recovery of an account that waits, and tell the owner. Return whether there was one.

        The caller is believed: a web process that refuses a person the way back could refuse to pass it on as well.
        """
        ...

    def stop_recovery_by_secret(self, secret: str) -> bool:
        """Stop the recovery that the secret of a letter is for, and tell the owner. Return whether there was one."""
        ...
