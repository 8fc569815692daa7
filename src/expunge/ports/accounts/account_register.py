"""The port of the keeper's own tables of accounts: addresses, credentials, memberships. No web process reads or writes them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, auto
from typing import Protocol
from uuid import UUID

from expunge.core.accounts.memberships import Membership
from expunge.core.accounts.recovery import RecoveryState, RecoveryTimes, state_at
from expunge.core.accounts.waits import Wait

MOST_CREDENTIALS = 20
"""The most passkeys of one account."""


@dataclass(frozen=True)
class AccountRecord:
    """One account. Times are aware UTC."""

    account: UUID
    address: bytes
    """The mail address, sealed deterministically; empty where the account has none."""
    language: str
    """Of letters to it: a language tag."""
    opened_at: datetime
    proven_at: datetime | None = None
    """The time at which a code that was sent there came back; None where none has."""
    families_from: datetime | None = None
    """The time before which it confirms nothing about a family, after a recovery."""
    before: bytes = b""
    """The proven address that it had before, sealed; empty for none. It counts as long as the newer one is not proven."""
    before_until: datetime | None = None
    """The time before which letters go there as well."""


@dataclass(frozen=True)
class CredentialRecord:
    """One WebAuthn credential."""

    credential: bytes
    """Its id, of at most 1023 bytes (WebAuthn Level 3, 5.8.3)."""
    account: UUID
    key: bytes = field(repr=False)
    """The public key: COSE in CBOR."""
    sign_count: int
    user_verified: bool
    backup_eligible: bool
    """Whether it may be copied to other devices of its owner."""
    name: bytes = field(repr=False)
    """Its owner's name for it, sealed."""
    ceremony: bytes
    """SHA-256 of the token of the enrolment that it comes from, so that an answer that was lost can be asked for again."""
    created_at: datetime
    used_at: datetime | None = None
    copied_at: datetime | None = None
    """The time at which its counter went back: from then on it confirms nothing."""
    wait: Wait | None = None
    """None where it counted from the beginning."""


@dataclass(frozen=True)
class CodeDeviceRecord:
    """The one code device (TOTP) of an account."""

    account: UUID
    seed: bytes = field(repr=False)
    """Sealed."""
    last_step: int
    """The latest time step whose code was accepted: no code counts twice."""
    ceremony: bytes
    created_at: datetime
    used_at: datetime | None = None
    wait: Wait | None = None
    """As of a passkey."""


@dataclass(frozen=True)
class WaitingRecord:
    """One way to confirm that waits."""

    account: UUID
    credential: bytes | None
    """The id of a passkey; None for the code device."""
    wait: Wait


@dataclass(frozen=True)
class RecoveryRecord:
    """The recovery of an account. Times are aware UTC."""

    account: UUID
    begun_at: datetime
    ready_at: datetime
    lapses_at: datetime
    stop: bytes
    """SHA-256 of the secret in the letters that stops it."""
    secret: bytes = field(repr=False)
    """The secret, sealed, for the second letter."""
    letters: int = 0
    """Letters about it that were taken: one at its beginning, one the day before it is ready."""
    finished_at: datetime | None = None

    def state(self, now: datetime) -> RecoveryState | None:
        """Return its state at a moment; None once it lapsed."""
        return state_at(self.ready_at, self.lapses_at, self.finished_at, now)


class UseResult(Enum):
    """The result of counting a use of a credential."""

    COUNTED = auto()
    WENT_BACK = auto()
    """Its counter is not above the last one; the credential is marked as copied."""
    GONE = auto()
    """It was removed, or was marked as copied before."""


class AccountRegister(Protocol):
    """Keeps accounts, credentials and memberships. Safe between threads and processes.

    What a verb wrote is durable when it returns, as a whole or not at all. Raises StateUnavailable, Busy and StateCorrupt from each verb.
    """

    def open_account(self, record: AccountRecord) -> bool:
        """Add an account. Return False, and change nothing, where it is there with the same address.

        Raises AlreadyThere where it is there with another address.
        """
        ...

    def account(self, account: UUID) -> AccountRecord | None:
        """Return an account; None where there is none."""
        ...

    def prove_address(self, account: UUID, address: bytes, at: datetime) -> bool:
        """Note that a code came back from an address. Return False where the account has another one by now."""
        ...

    def change_address(self, account: UUID, address: bytes, before_until: datetime, now: datetime) -> bool:
        """Set another address, not proven yet, and keep one as the one before until a time. Return False where there is no such account.

        It keeps the one that was proven; and where that one is so new that another is still kept beside it, that other one.
        """
        ...

    def forget_addresses(self, now: datetime) -> int:
        """Forget addresses of before whose time is over, of accounts whose newer one is proven. Return how many."""
        ...

    def close_account(self, account: UUID) -> bool:
        """Remove an account with its credentials, its code device and its memberships. Return False where there is none."""
        ...

    def drop_unproven(self, before: datetime) -> int:
        """Remove accounts that were opened before a time, for an address that was never proven, and have nothing. Return how many."""
        ...

    def add_credential(self, record: CredentialRecord, *, first: bool) -> None:
        """Add a credential.

        Args:
            record: the credential.
            first: whether it may be added only to an account that has no credential and no code device.

        Raises:
            AlreadyThere: the credential is there already, of this or another account.
            NotPermitted: it is not the first, or the account has :data:`MOST_CREDENTIALS` already.
            UsageError: there is no such account.
        """
        ...

    def credentials(self, account: UUID) -> tuple[CredentialRecord, ...]:
        """Return the credentials of an account, oldest first, with those that were marked as copied."""
        ...

    def credential(self, credential: bytes) -> CredentialRecord | None:
        """Return a credential by its id, of whatever account; None where there is none."""
        ...

    def use_credential(self, account: UUID, credential: bytes, sign_count: int, at: datetime) -> UseResult:
        """Count one use, atomically.

        A counter that stays 0 counts nothing (WebAuthn Level 3, 6.1.1): synced passkeys have none. Any other has to rise.
        """
        ...

    def rename_credential(self, account: UUID, credential: bytes, name: bytes) -> bool:
        """Give a credential another name, sealed. Return False where it is not there."""
        ...

    def remove_credential(self, account: UUID, credential: bytes, now: datetime) -> bool:
        """Remove a credential. Return False where it is not there.

        Raises NotPermitted for the last way to confirm that still counts, and for the last one that does not wait.
        """
        ...

    def set_code_device(self, record: CodeDeviceRecord, *, first: bool) -> None:
        """Add the code device of an account, or replace it.

        Raises NotPermitted and UsageError as :meth:`add_credential`, and NotPermitted where the one before could not be removed at the time
        at which this one was made.
        """
        ...

    def code_device(self, account: UUID) -> CodeDeviceRecord | None:
        """Return the code device of an account."""
        ...

    def accept_step(self, account: UUID, step: int, at: datetime) -> bool:
        """Count one code, atomically. Return False where a code of this step or a later one was accepted before."""
        ...

    def remove_code_device(self, account: UUID, now: datetime) -> bool:
        """Remove the code device. Return False where there is none. Raises NotPermitted as :meth:`remove_credential`."""
        ...

    def waiting_untold(self) -> tuple[WaitingRecord, ...]:
        """Return what waits and whose owner had no letter yet."""
        ...

    def note_wait(self, account: UUID, credential: bytes | None, stop: bytes, until: datetime) -> None:
        """Note that the letter was taken that stops it by a secret of that SHA-256, and the time at which the wait ends.

        It changes nothing where a letter was noted before.
        """
        ...

    def waiting_by_stop(self, stop: bytes) -> WaitingRecord | None:
        """Return what a secret of that SHA-256 stops, whether it waits by now or not."""
        ...

    def stop_waiting(self, stop: bytes, now: datetime, families_from: datetime) -> UUID | None:
        """Remove what a secret of that SHA-256 stops and waits now, the last way to confirm too; return its account.

        An account that has nothing left confirms nothing about a family before a time.

        Return None, and change nothing, where nothing waits.
        """
        ...

    def set_membership(self, membership: Membership) -> None:
        """Add a membership, or change its role. Raises UsageError where there is no such account."""
        ...

    def memberships(self, account: UUID) -> tuple[Membership, ...]:
        """Return the memberships of an account, by family."""
        ...

    def membership(self, account: UUID, family: str) -> Membership | None:
        """Return the membership of an account in a family."""
        ...

    def members(self, family: str) -> tuple[Membership, ...]:
        """Return the memberships in a family, by account."""
        ...

    def use_hand_over(self, use: bytes, account: UUID, session: bytes, until: datetime, now: datetime) -> bool:
        """Mark a hand-over token as used, atomically, and forget those that ended before now.

        Return False, and change nothing, where this account used it in this session before. Raises AlreadyThere where another use is known,
        UsageError where there is no such account.
        """
        ...

    def hand_over_use(self, use: bytes) -> tuple[UUID, bytes] | None:
        """Return the account and the session that used a token; None where it is not marked as used."""
        ...

    def recovery_times(self, account: UUID) -> RecoveryTimes:
        """Return the times of an account's recovery."""
        ...

    def begin_recovery(self, record: RecoveryRecord) -> RecoveryRecord:
        """Begin a recovery, or return the one that is under way at its time.

        One that was finished is under way for as long as the account has no credential. Raises UsageError where there is no such account.
        """
        ...

    def recovery(self, account: UUID) -> RecoveryRecord | None:
        """Return the recovery of an account, lapsed or not."""
        ...

    def recovery_by_stop(self, stop: bytes) -> RecoveryRecord | None:
        """Return the recovery that a secret of that SHA-256 stops."""
        ...

    def stop_recovery(self, account: UUID, now: datetime) -> bool:
        """Remove a recovery that waits or is ready. Return False where there is none."""
        ...

    def finish_recovery(self, account: UUID, now: datetime, families_from: datetime) -> bool:
        """Finish a recovery that is ready: remove every credential and the code device, keep memberships, and close asks about families.

        Return False, and change nothing, where none is ready, or its owner had no letter: of two callers one gets True.
        """
        ...

    def recoveries_to_tell(self, ready_before: datetime, now: datetime) -> tuple[RecoveryRecord, ...]:
        """Return recoveries whose owner had no letter yet, and those that are ready before a time whose owner had no second one."""
        ...

    def note_letter(self, account: UUID, letters: int) -> None:
        """Note that so many letters about a recovery were taken."""
        ...

    def stay(self) -> None:
        """Keep the calling thread's connection for later calls, until :meth:`close`."""
        ...

    def close(self) -> None:
        """Let go of all connections. A later call opens one again."""
        ...
