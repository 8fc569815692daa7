"""Recovery of an account: a wait of three days by the keeper's clock, letters that can stop it, then a first credential anew.

The rows lie in the keeper's tables. No caller can shorten the wait, and any credential that still confirms something ends it.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from uuid import UUID

from expunge.core.accounts.asks import DIGEST_BYTES, AskKind
from expunge.core.accounts.letter_texts import LetterKind
from expunge.core.accounts.memberships import MembershipRole
from expunge.core.accounts.recovery import CLOSED, OPEN, REMINDED_BEFORE, WAIT, RecoveryStanding, RecoveryState
from expunge.engine.accounts.confirming import AskPermit, Confirming, enrolment_ask
from expunge.engine.accounts.mail_codes import MailCodes
from expunge.engine.accounts.owners import Owners
from expunge.errors import Busy, ChallengeEnded, NotPermitted, Undelivered, UsageError
from expunge.ports.accounts.account_guard import FIRST_PERMIT_SECONDS
from expunge.ports.accounts.account_register import AccountRegister, RecoveryRecord
from expunge.ports.accounts.recoveries import Recovering
from expunge.ports.clock import Clock

STOP_PAGE = "/account/recovery/stop/"
"""The page of the site that a letter leads to, with the secret behind it."""


class LocalRecoveries:
    """Implements ``expunge.ports.accounts.recoveries.Recoveries``. Safe between threads and processes."""

    def __init__(
        self,
        register: AccountRegister,
        owners: Owners,
        codes: MailCodes,
        confirming: Confirming,
        clock: Clock,
        invited: Callable[[UUID], bool],
    ) -> None:
        """Set up.

        Args:
            register: of accounts.
            owners: writes letters.
            codes: sends and checks codes by mail, for recoveries alone.
            confirming: gives the permit at the end.
            clock: never goes back.
            invited: whether an account comes by invitations alone.
        """
        self._register, self._owners, self._codes, self._confirming = register, owners, codes, confirming
        self._clock, self._invited = clock, invited

    def send_recovery_code(self, account: UUID, session: bytes) -> None:
        """See the port."""
        _require_session(session)
        self._require_customer(account)
        self._codes.send(
            self._owners.reachable(self._owners.record_of(account)), session, AskKind.ENROL_CREDENTIAL, LetterKind.RECOVERY_CODE
        )

    def recover(self, account: UUID, session: bytes, code: str) -> Recovering:
        """See the port."""
        _require_session(session)
        self._require_customer(account)
        self._codes.check(account, session, code)
        now = self._clock.now()
        record = self._begun(account, now)
        if record.state(now) is RecoveryState.READY:
            record = self._finished(record, now)
        state = record.state(now)
        assert state is not None
        standing = RecoveryStanding(state, record.begun_at, record.ready_at, record.lapses_at)
        if state is not RecoveryState.FINISHED:
            return Recovering(standing)
        permit = AskPermit(enrolment_ask(account), session, first=True)
        return Recovering(standing, self._confirming.permit(permit, FIRST_PERMIT_SECONDS))

    def recovery(self, account: UUID) -> RecoveryStanding | None:
        """See the port."""
        return self._standing(self._register.recovery(account))

    def recovery_by_secret(self, secret: str) -> RecoveryStanding | None:
        """See the port."""
        standing = self._standing(self._register.recovery_by_stop(_digest(secret)))
        return None if standing is None or standing.state is RecoveryState.FINISHED else standing

    def stop_recovery(self, account: UUID) -> bool:
        """See the port."""
        now = self._clock.now()
        if not self._register.stop_recovery(account, now):
            return False
        self._owners.tell(self._owners.record_of(account), LetterKind.RECOVERY_STOPPED, now)
        return True

    def stop_recovery_by_secret(self, secret: str) -> bool:
        """See the port."""
        record = self._register.recovery_by_stop(_digest(secret))
        return record is not None and self.stop_recovery(record.account)

    def write_due_letters(self) -> None:
        """Write the letters that are due: those at the beginning that were not taken, and those of the day before the end."""
        now = self._clock.now()
        for record in self._register.recoveries_to_tell(now + REMINDED_BEFORE, now):
            near = record.letters > 0
            told = record if near else self._renewed(record, now)
            try:
                self._write(told, LetterKind.RECOVERY_NEAR if near else LetterKind.RECOVERY_BEGUN)
            except (Undelivered, Busy):
                # Why no more of them now: the next round tries again.
                return
            self._register.note_letter(record.account, 2 if near else 1)

    def _begun(self, account: UUID, now: datetime) -> RecoveryRecord:
        """Return the recovery that is under way, or begin one. The owner hears of it before anybody goes on."""
        record = self._register.begin_recovery(self._new(account, now))
        if record.letters == 0 and record.finished_at is None:
            record = self._renewed(record, now)
            try:
                self._write(record, LetterKind.RECOVERY_BEGUN)
            except (Undelivered, Busy):
                # Why it stands: it cannot be finished before a letter was taken, and the next round writes it.
                return record
            self._register.note_letter(account, 1)
            return replace(record, letters=1)
        return record

    def _new(self, account: UUID, now: datetime) -> RecoveryRecord:
        secret, ready = secrets.token_urlsafe(DIGEST_BYTES), now + WAIT
        return RecoveryRecord(account, now, ready, ready + OPEN, _digest(secret), self._owners.sealed(secret))

    def _renewed(self, record: RecoveryRecord, now: datetime) -> RecoveryRecord:
        """Return a recovery of which no letter was taken yet, with its wait begun anew where the time for the second letter has come.

        Why: the owner would hear of it on the day on which it ends, or at its end.
        """
        if now + REMINDED_BEFORE < record.ready_at or not self._register.stop_recovery(record.account, now):
            return record
        return self._register.begin_recovery(self._new(record.account, now))

    def _finished(self, record: RecoveryRecord, now: datetime) -> RecoveryRecord:
        account, until = record.account, now + CLOSED
        if not self._register.finish_recovery(account, now, until):
            message = "the recovery was stopped meanwhile, or its owner could not be told of it"
            raise ChallengeEnded(message, help="ask for a new code; nothing was done")
        # Why: a challenge or permit of an old credential must not outlive it.
        self._confirming.end_all(account)
        self._owners.tell(self._owners.record_of(account), LetterKind.RECOVERY_FINISHED, until)
        for other in self._fellows(account):
            self._owners.tell(self._owners.record_of(other), LetterKind.GUARDIAN_RECOVERED, until)
        return replace(record, finished_at=now)

    def _fellows(self, account: UUID) -> set[UUID]:
        """Return the other guardians of the families of an account that is a guardian."""
        families = [each.family for each in self._register.memberships(account) if each.role is MembershipRole.GUARDIAN]
        members = [each for family in families for each in self._register.members(family)]
        return {each.account for each in members if each.role is MembershipRole.GUARDIAN and each.account != account}

    def _write(self, record: RecoveryRecord, kind: LetterKind) -> None:
        link = f"{self._owners.site}{STOP_PAGE}{self._owners.opened(record.secret)}/"
        account = self._owners.record_of(record.account)
        # Why more than one: who changed the address of an account without its owner could begin a recovery that the owner never hears of.
        known = [account] if account.proven_at is None else self._owners.told(account, self._clock.now())
        for each in known:
            self._owners.write(self._owners.reachable(each), kind, record.ready_at, link)

    def _standing(self, record: RecoveryRecord | None) -> RecoveryStanding | None:
        state = None if record is None else record.state(self._clock.now())
        if record is None or state is None:
            return None
        return RecoveryStanding(state, record.begun_at, record.ready_at, record.lapses_at)

    def _require_customer(self, account: UUID) -> None:
        if self._invited(account):
            message = "this account is of staff: no recovery by mail is for it"
            raise NotPermitted(message, help="an administrator invites its person anew: `expunge staff invite`")


def _digest(secret: str) -> bytes:
    return sha256(secret.encode("utf-8", "replace")).digest()


def _require_session(session: bytes) -> None:
    if len(session) != DIGEST_BYTES:
        raise UsageError("the hash of a web session has 32 bytes", help="ask with the same version of Expunge as the keeper runs")
