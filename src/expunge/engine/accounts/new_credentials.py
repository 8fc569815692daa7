"""New ways to confirm wait: a day by the keeper's clock from the letter that tells of it, and the secret of the letter that stops it.

The rows lie in the keeper's tables. No caller can shorten the time, and nothing that waits can end it.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from uuid import UUID

from expunge.core.accounts.asks import DIGEST_BYTES
from expunge.core.accounts.credential_strength import Method
from expunge.core.accounts.letter_texts import LetterKind
from expunge.core.accounts.recovery import CLOSED
from expunge.core.accounts.waits import WAITS, Wait
from expunge.engine.accounts.confirming import Confirming
from expunge.engine.accounts.owners import Owners
from expunge.errors import Busy, Undelivered
from expunge.ports.accounts.account_guard import CODE_DEVICE, CredentialCard
from expunge.ports.accounts.account_register import AccountRegister, WaitingRecord
from expunge.ports.clock import Clock

STOP_PAGE = "/account/added/stop/"
"""The page of the site that a letter leads to, with the secret behind it."""


class NewCredentials:
    """Has what is enrolled wait, tells its owner, and stops it. Safe between threads and processes."""

    def __init__(
        self, register: AccountRegister, owners: Owners, confirming: Confirming, clock: Clock, invited: Callable[[UUID], bool]
    ) -> None:
        """Set up.

        Args:
            register: of accounts.
            owners: writes letters.
            confirming: its challenges and permits end with what is stopped.
            clock: never goes back.
            invited: whether an account is of staff: a person hears the fingerprints of its passkeys, and nothing of it waits.
        """
        self._register, self._owners, self._confirming, self._clock, self._invited = register, owners, confirming, clock, invited

    def now(self) -> datetime:
        """Return the time that waits are counted by."""
        return self._clock.now()

    def wait_for(self, account: UUID, *, first: bool) -> Wait | None:
        """Return the wait of what is enrolled now; None for what counts at once.

        Args:
            account: of whom.
            first: whether it came by a message, to an account that has nothing else. Without a membership, past ones included, such an
                account can do nothing to a family, and it counts at once.
        """
        if self._invited(account) or (first and not self._register.memberships(account)):
            return None
        until = self._clock.now() + WAITS
        after_recovery = self._owners.record_of(account).families_from
        return Wait(max(until, after_recovery) if first and after_recovery else until, told=False, first=first)

    def tell(self, account: UUID, credential: bytes | None, wait: Wait | None) -> None:
        """Tell the owner that something was enrolled, and how to stop it as long as it waits.

        ``credential``: of a passkey; None for the code device.
        """
        if wait is None:
            self._owners.tell(self._owners.record_of(account), LetterKind.CREDENTIAL_ADDED, self._clock.now())
        else:
            self._written(WaitingRecord(account, credential, wait))

    def write_due_letters(self) -> None:
        """Write the letters that were not taken when something was enrolled: its day begins with them."""
        for each in self._register.waiting_untold():
            if not self._written(each):
                # Why no more of them now: the next round tries again.
                return

    def shown(self, wait: Wait | None) -> Wait | None:
        """Return a wait as pages show it; None once it is over."""
        if wait is None or wait.over(self._clock.now()):
            return None
        return wait if wait.told else replace(wait, until=max(wait.until, self._clock.now() + WAITS))

    def waiting(self, secret: str) -> CredentialCard | None:
        """See the port of the guard."""
        found = self._register.waiting_by_stop(_digest(secret))
        wait = None if found is None else self.shown(found.wait)
        if found is None or wait is None:
            return None
        if found.credential is None:
            device = self._register.code_device(found.account)
            return None if device is None else CredentialCard(CODE_DEVICE, Method.TOTP, "", device.created_at, device.used_at, wait=wait)
        passkey = self._register.credential(found.credential)
        if passkey is None:
            return None
        method = Method.PASSKEY if passkey.backup_eligible else Method.SECURITY_KEY
        return CredentialCard(passkey.credential.hex(), method, "", passkey.created_at, passkey.used_at, passkey.copied_at, wait)

    def waiting_account(self, secret: str) -> tuple[UUID, datetime] | None:
        """Return the account of what waits, and when that was added; None where nothing waits any more."""
        found, card = self._register.waiting_by_stop(_digest(secret)), self.waiting(secret)
        return None if found is None or card is None else (found.account, card.created_at)

    def stop_waiting(self, secret: str) -> UUID | None:
        """See the port of the guard."""
        now = self._clock.now()
        # Why closed then: who reads the mailbox could else stop the owner's first one, and enrol another without the wait of a recovery.
        account = self._register.stop_waiting(_digest(secret), now, now + CLOSED)
        if account is not None:
            # Why: a challenge or permit that it gave must not outlive it.
            self._confirming.end_all(account)
            self._owners.tell(self._owners.record_of(account), LetterKind.CREDENTIAL_REMOVED, now)
        return account

    def _written(self, found: WaitingRecord) -> bool:
        """Write the letter, and begin the day. Return whether the letter was taken; an account without an address has none."""
        now, secret = self._clock.now(), secrets.token_urlsafe(DIGEST_BYTES)
        record, until = self._owners.record_of(found.account), max(found.wait.until, now + WAITS)
        kind = LetterKind.FIRST_CREDENTIAL_WAITS if found.wait.first else LetterKind.CREDENTIAL_WAITS
        for address in self._owners.told(record, now):
            if address.address:
                try:
                    self._owners.write(address, kind, until, f"{self._owners.site}{STOP_PAGE}{secret}/", tells=True)
                except (Undelivered, Busy):
                    return False
        self._register.note_wait(found.account, found.credential, _digest(secret), until)
        return True


def _digest(secret: str) -> bytes:
    return sha256(secret.encode("utf-8", "replace")).digest()
