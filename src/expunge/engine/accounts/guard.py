"""The account guard in the process that has the tables and the keys."""

from __future__ import annotations

import hmac
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from uuid import UUID

from expunge.core.accounts.asks import DIGEST_BYTES, Ask, AskKind
from expunge.core.accounts.credential_strength import Audience, Level, Method, Way, level_of
from expunge.core.accounts.letter_texts import LetterKind
from expunge.core.accounts.waits import WAITS
from expunge.core.journal.incident_events import TakeoverSign
from expunge.engine.accounts.allowances import Allowance
from expunge.engine.accounts.confirming import AskPermit, Confirming, enrolment_ask
from expunge.engine.accounts.enrolment import Enrolment
from expunge.engine.accounts.mail_codes import MailCodes
from expunge.engine.accounts.new_credentials import NewCredentials
from expunge.engine.accounts.owners import Owners
from expunge.engine.accounts.recoveries import LocalRecoveries
from expunge.engine.accounts.signing_in import SigningIn, SignIns
from expunge.errors import ChallengeEnded, NotPermitted, ProofRefused, UsageError
from expunge.ports.accounts.account_guard import (
    CODE_DEVICE,
    FIRST_PERMIT_SECONDS,
    Ceremony,
    CodeProof,
    CredentialCard,
    PasskeyProof,
    SeedOffer,
    SignIn,
)
from expunge.ports.accounts.account_register import AccountRecord, AccountRegister
from expunge.ports.accounts.authenticators import CodeDevices, Passkeys
from expunge.ports.accounts.memberships import Invitations, Memberships
from expunge.ports.clock import Clock

UNPROVEN = timedelta(days=3)
"""For so long an account is kept from whose address no code came back."""
_TIDY_SECONDS = 3600.0
_LETTERS = {
    AskKind.ENROL_CREDENTIAL: LetterKind.ENROLMENT_CODE,
    AskKind.CHANGE_OF_ADDRESS: LetterKind.CHANGE_CODE,
    AskKind.CLOSE_ACCOUNT: LetterKind.CLOSING_CODE,
}
"""Ask -> the letter with a code that confirms it."""
REPORTED_A_MINUTE = 600
"""Takeovers in all: code in the web process fills no journal with them."""
OPENED_A_MINUTE = 600
"""New accounts in all: code in the web process fills no disk with them."""
_INVITED_LANGUAGE = "en"
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,3}")


@dataclass(frozen=True)
class GuardParts:
    """The ports that a guard stands on."""

    register: AccountRegister
    owners: Owners
    passkeys: Passkeys
    devices: CodeDevices
    memberships: Memberships
    clock: Clock
    invitations: Invitations | None = None
    held_clock: Clock | None = None
    """Never goes back: for the wait of a recovery, and of new ways to confirm. The other clock, where it is None."""
    end_memberships: Callable[[UUID], None] | None = None
    """Ends the memberships of an account that is being closed; None where there are none."""
    taken_over: Callable[[UUID, TakeoverSign, datetime | None], None] | None = None
    """Enters that a stranger came into an account, and since when that may be; None where nobody keeps incidents."""


class LocalGuard:
    """Implements ``expunge.ports.accounts.account_guard.AccountGuard``, and ``AskPermits`` for the acts of the same process."""

    def __init__(self, parts: GuardParts, now: Callable[[], float] = time.monotonic) -> None:
        """Set up with no challenge, code or permit.

        Args:
            parts: what it stands on.
            now: seconds, from anywhere, never back: for the times after which challenges, codes and permits are over.
        """
        self._register, self._owners, self._clock, self._invitations = parts.register, parts.owners, parts.clock, parts.invitations
        args = parts.register, parts.owners, parts.passkeys, parts.devices
        self._confirming = Confirming(*args, parts.memberships, parts.clock, now)
        held = parts.held_clock or parts.clock
        self._new = NewCredentials(parts.register, parts.owners, self._confirming, held, self._is_invited)
        self._enrolment = Enrolment(*args, self._confirming, self._new, parts.clock, now)
        self._signing_in = SigningIn(parts.register, parts.passkeys, self._confirming, now)
        self._sign_ins = SignIns(now)
        self._codes = MailCodes(parts.register, parts.owners, parts.clock, now)
        codes = MailCodes(parts.register, parts.owners, parts.clock, now)
        self.recoveries = LocalRecoveries(parts.register, parts.owners, codes, self._confirming, held, self._is_invited)
        """The ways back into accounts."""
        self._opened = Allowance("new accounts", OPENED_A_MINUTE, 60.0, now)
        self._now, self._tidied = now, now()
        self._end_memberships, self._taken_over = parts.end_memberships, parts.taken_over
        self._reported = Allowance("reports of takeovers", REPORTED_A_MINUTE, 60.0, now)

    # --- accounts -------------------------------------------------------------------------------

    def open_account(self, account: UUID, address: str, language: str) -> None:
        """See the port."""
        if not _LANGUAGE.fullmatch(language):
            raise UsageError("this is no language tag", help="such as en, or es-MX")
        self._require_uninvited(account)
        self._opened.take()
        sealed = self._owners.sealed_address(address) if address else b""
        if self._now() - self._tidied >= _TIDY_SECONDS:
            self._tidied = self._now()
            self._register.drop_unproven(self._clock.now() - UNPROVEN)
            self._register.forget_addresses(self._clock.now())
        self._register.open_account(AccountRecord(account, sealed, language, self._clock.now()))

    def send_code(self, account: UUID, session: bytes, kind: AskKind = AskKind.ENROL_CREDENTIAL) -> None:
        """See the port."""
        _require_session(session)
        if not kind.by_mail:
            raise UsageError("no code by mail confirms such an ask", help="confirm it with a passkey or a code device")
        self._require_uninvited(account)
        record = self._owners.record_of(account)
        if self._confirming.has_credential(account):
            if record.proven_at is not None:
                self._require_none(account)
            self._codes.send(record, session, kind, LetterKind.PROVING_CODE)
        else:
            # Why not always: a code for a first credential is what proves the newer one.
            read = record if kind is AskKind.ENROL_CREDENTIAL else self._owners.reachable(record)
            self._codes.send(read, session, kind, _LETTERS[kind])

    def prove_by_code(self, account: UUID, session: bytes, code: str) -> str:
        """See the port."""
        _require_session(session)
        self._require_uninvited(account)
        kind = self._codes.check(account, session, code)
        if self._confirming.has_credential(account):
            return ""
        return self._confirming.permit(AskPermit(Ask(kind, account), session, first=True), FIRST_PERMIT_SECONDS)

    def prove_by_invitation(self, session: bytes, secret: str) -> tuple[UUID, str]:
        """See the port."""
        _require_session(session)
        if self._invitations is None:
            raise ChallengeEnded("there is no such invitation", help="ask for a new one")
        account = self._invitations.redeem(secret, sha256(session + secret.encode("utf-8", "replace")).hexdigest()[:32])
        if self._register.account(account) is None:
            # Why without an address: an invitation reached its person by another way than the keeper's mail.
            self._register.open_account(AccountRecord(account, b"", _INVITED_LANGUAGE, self._clock.now()))
        self._require_none(account)
        return account, self._confirming.permit(AskPermit(enrolment_ask(account), session, first=True), FIRST_PERMIT_SECONDS)

    def change_address(self, permit: str, session: bytes, ask: Ask, address: str) -> None:
        """See the port."""
        sealed = self._owners.sealed_address(address)
        named = sha256(address.encode()).hexdigest()
        if ask.kind is not AskKind.CHANGE_OF_ADDRESS or not hmac.compare_digest(ask.detail("address"), named):
            raise ProofRefused("the ask is not to change to this address", help="begin again, and confirm the address that is shown")
        before = self._owners.record_of(ask.account)
        self._confirming.use(permit, session, ask)
        now = self._new.now()
        self._register.change_address(ask.account, sealed, now + WAITS, now)
        self._owners.tell(before, LetterKind.ADDRESS_CHANGED, self._clock.now())

    def close_account(self, permit: str, session: bytes, ask: Ask) -> None:
        """See the port."""
        _require_session(session)
        if ask.kind is not AskKind.CLOSE_ACCOUNT:
            raise UsageError("the ask is not to close an account", help="ask for that, and confirm it")
        record = self._owners.record_of(ask.account)
        self._confirming.use(permit, session, ask)
        if self._end_memberships is not None:
            self._end_memberships(ask.account)
        self._register.close_account(ask.account)
        self._confirming.end_all(ask.account)
        self._codes.forget(ask.account)
        self._owners.tell(record, LetterKind.ACCOUNT_CLOSED, self._clock.now())

    # --- credentials ----------------------------------------------------------------------------

    def begin_enrolment(self, account: UUID, session: bytes, permit: str) -> Ceremony:
        """See the port."""
        _require_session(session)
        return self._enrolment.begin_passkey(account, session, permit)

    def finish_enrolment(self, token: str, account: UUID, session: bytes, response: bytes, name: str) -> None:
        """See the port."""
        _require_session(session)
        self._enrolment.finish_passkey(token, account, session, response, name)
        if self._is_invited(account) and self._sign_ins.find(account, session) is None:
            # Why it counts: an employee who enrols is logged in by it, and showed the passkey a moment ago.
            self._sign_ins.note(session, max(self._register.credentials(account), key=lambda each: each.created_at))

    def begin_code_device(self, account: UUID, session: bytes, permit: str) -> SeedOffer:
        """See the port."""
        _require_session(session)
        if self._is_invited(account):
            # Why: nobody hears the fingerprint of a seed. It would wait beside the passkey that was confirmed, and confirm another one.
            message = "an account of staff is confirmed with passkeys alone"
            raise NotPermitted(message, help="add a passkey")
        return self._enrolment.begin_code_device(account, session, permit)

    def finish_code_device(self, token: str, account: UUID, session: bytes, code: str) -> None:
        """See the port."""
        _require_session(session)
        self._enrolment.finish_code_device(token, account, session, code)

    def clock_offset(self, token: str, account: UUID, session: bytes, code: str) -> int | None:
        """See the port."""
        _require_session(session)
        return self._enrolment.clock_offset(token, account, session, code)

    def check_login_code(self, account: UUID, code: str) -> None:
        """See the port."""
        self._confirming.check_login(account, code)
        self.recoveries.stop_recovery(account)

    def rename_credential(self, account: UUID, credential: str, name: str) -> None:
        """See the port."""
        self._enrolment.name_anew(account, credential, name)

    def credentials(self, account: UUID) -> tuple[CredentialCard, ...]:
        """See the port."""
        cards = [
            CredentialCard(
                each.credential.hex(),
                Method.PASSKEY if each.backup_eligible else Method.SECURITY_KEY,
                self._owners.opened(each.name),
                each.created_at,
                each.used_at,
                each.copied_at,
                self._new.shown(each.wait),
            )
            for each in self._register.credentials(account)
        ]
        device = self._register.code_device(account)
        if device is not None:
            wait = self._new.shown(device.wait)
            cards.append(CredentialCard(CODE_DEVICE, Method.TOTP, "", device.created_at, device.used_at, wait=wait))
        return tuple(cards)

    def remove_credential(self, permit: str, session: bytes, ask: Ask) -> None:
        """See the port."""
        _require_session(session)
        self._enrolment.remove(permit, session, ask)

    def waiting(self, secret: str) -> CredentialCard | None:
        """See the port."""
        return self._new.waiting(secret)

    def stop_waiting(self, secret: str) -> UUID | None:
        """See the port."""
        found = self._new.waiting_account(secret)
        if found is not None and self._taken_over is not None:
            # Why first: a crash between the two leaves an incident that people close, and never a stranger of whom nobody hears.
            self._taken_over(found[0], TakeoverSign.STOPPED, found[1])
        return self._new.stop_waiting(secret)

    def report_takeover(self, account: UUID, sign: TakeoverSign) -> None:
        """See the port."""
        self._reported.take()
        if self._register.account(account) is None:
            raise UsageError("there is no such account", help="report an account that has pages here")
        if self._taken_over is not None:
            self._taken_over(account, sign, None)

    def write_due_letters(self) -> None:
        """Write the letters that are due: about recoveries, and about what waits."""
        self._new.write_due_letters()
        self.recoveries.write_due_letters()

    def level(self, account: UUID, audience: Audience, also: Sequence[Way] = ()) -> Level:
        """See the port."""
        own = self._ways(account)
        if audience is Audience.CUSTOMERS and own:
            # Why for customers: an employee's way back is a new invitation.
            own.append(frozenset({Method.MAIL_RECOVERY}))
        return min(level_of(own, audience), level_of(also, audience)) if also else level_of(own, audience)

    def _ways(self, account: UUID) -> list[Way]:
        """Return the ways in that the keeper itself lets count."""
        passkeys = [each for each in self._register.credentials(account) if each.copied_at is None]
        ways = [frozenset({Method.PASSKEY if each.backup_eligible else Method.SECURITY_KEY}) for each in passkeys]
        if self._register.code_device(account) is not None:
            ways.append(frozenset({Method.PASSWORD, Method.TOTP}))
        record = self._register.account(account)
        if not ways and record is not None and record.address:
            # The mail address enrols the first credential: until then it is a way in.
            ways.append(frozenset({Method.MAIL_CODE}))
        return ways

    # --- asks -----------------------------------------------------------------------------------

    def begin_ask(self, session: bytes, ask: Ask) -> Ceremony:
        """See the port."""
        _require_session(session)
        return self._confirming.begin(session, ask)

    def finish_ask(self, token: str, session: bytes, ask: Ask, proof: PasskeyProof | CodeProof) -> str:
        """See the port."""
        _require_session(session)
        permit = self._confirming.finish(token, session, ask, proof)
        # Why: a credential that still confirms something was not lost.
        self.recoveries.stop_recovery(ask.account)
        return permit

    def use_permit(self, permit: str, session: bytes, ask: Ask) -> None:
        """See the port ``AskPermits``."""
        self._confirming.use(permit, session, ask)

    # --- sign-in --------------------------------------------------------------------------------

    def begin_sign_in(self, session: bytes) -> Ceremony:
        """See the port."""
        _require_session(session)
        return self._signing_in.begin(session)

    def finish_sign_in(self, token: str, session: bytes, response: bytes) -> UUID:
        """See the port."""
        _require_session(session)
        passkey = self._signing_in.finish(token, session, response)
        self.recoveries.stop_recovery(passkey.account)
        self._sign_ins.note(session, passkey)
        return passkey.account

    def sign_in_of(self, account: UUID, session: bytes) -> SignIn | None:
        """See the port."""
        _require_session(session)
        found = self._sign_ins.find(account, session)
        if found is None:
            return None
        counts = {each.credential for each in self._register.credentials(account) if each.copied_at is None}
        if found.credential not in counts:
            # The passkey was removed since, or copied: what was shown by it is over.
            self._sign_ins.end(session)
            return None
        return SignIn(frozenset({found.method}), self.level(account, Audience.STAFF), found.seconds)

    def end_sign_in(self, session: bytes) -> None:
        """See the port."""
        _require_session(session)
        self._sign_ins.end(session)

    def end_sign_ins(self, account: UUID, but: bytes) -> None:
        """See the port."""
        _require_session(but)
        self._sign_ins.end_all(account, but)

    # --- first credentials ----------------------------------------------------------------------

    def _require_none(self, account: UUID) -> None:
        if self._confirming.has_credential(account):
            message = "the account has a way to confirm already: a message adds no other"
            raise NotPermitted(message, help="confirm with the passkey or code device that the account has")

    def _require_uninvited(self, account: UUID) -> None:
        """Refuse the mail's way in to an account that an invitation is for: who knows its id is not who holds the invitation."""
        if self._is_invited(account):
            message = "this account is enrolled by its invitation, and no message by mail adds a way to confirm to it"
            raise NotPermitted(message, help="use the link that came with the invitation")

    def _is_invited(self, account: UUID) -> bool:
        return self._invitations is not None and self._invitations.knows(account)


def _require_session(session: bytes) -> None:
    if len(session) != DIGEST_BYTES:
        raise UsageError("the hash of a web session has 32 bytes", help="ask with the same version of Expunge as the keeper runs")
