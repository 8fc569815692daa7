"""Sensitive asks: a challenge that is bound to one ask, a proof by a credential of the account, and a permit for one act.

The tables that are looked at are the keeper's own. The web process hands over what a browser signed, and decides nothing.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import UUID

from expunge import telemetry
from expunge.core.accounts.asks import DIGEST_BYTES, Ask, AskKind, challenge
from expunge.core.accounts.letter_texts import LetterKind
from expunge.engine.accounts.allowances import Allowance
from expunge.engine.accounts.owners import Owners
from expunge.engine.accounts.tickets import Tickets
from expunge.errors import CredentialCopied, NotPermitted, ProofRefused, UsageError
from expunge.ports.accounts.account_guard import (
    CHALLENGE_SECONDS,
    FIRST_PERMIT_SECONDS,
    MOST_RESPONSE,
    PERMIT_SECONDS,
    Ceremony,
    CodeProof,
    PasskeyProof,
)
from expunge.ports.accounts.account_register import AccountRegister, CodeDeviceRecord, CredentialRecord, UseResult
from expunge.ports.accounts.authenticators import CodeDevices, Passkeys
from expunge.ports.accounts.memberships import Memberships
from expunge.ports.clock import Clock

WRONG_AN_HOUR, WRONG_A_DAY = 10, 30
"""Wrong codes of a code device: 90 chances in a million a day."""
_HOUR, _DAY = 3600.0, 86400.0


@dataclass(frozen=True)
class AskPermit:
    """The right to one act."""

    ask: Ask
    session: bytes = field(repr=False)
    first: bool = False
    """Whether it came by a message: then it is for one ask of its kind, and only as long as the account has no credential."""

    def require(self, ask: Ask, session: bytes) -> None:
        """Raise ProofRefused where it is for another ask or session."""
        same = (self.ask.kind, self.ask.account) == (ask.kind, ask.account) if self.first else self.ask == ask
        if not same or not secrets.compare_digest(self.session, session):
            raise ProofRefused("the permit is for something else, or for another session", help="begin again, and confirm this ask")


@dataclass(frozen=True)
class _Asked:
    ask: Ask
    session: bytes = field(repr=False)
    challenge: bytes = field(repr=False)


class Confirming:
    """Begins and finishes sensitive asks, and keeps permits. Safe between threads."""

    def __init__(
        self,
        register: AccountRegister,
        owners: Owners,
        passkeys: Passkeys,
        devices: CodeDevices,
        memberships: Memberships,
        clock: Clock,
        now: Callable[[], float],
    ) -> None:
        self._register, self._owners, self._passkeys, self._devices = register, owners, passkeys, devices
        self._memberships, self._clock = memberships, clock
        self._asked: Tickets[_Asked] = Tickets("challenge", now=now)
        self._permits: Tickets[AskPermit] = Tickets("permit", now=now)
        self._wrong_at_asks = _wrong_codes(now)
        # Why of its own: who has a password and guesses codes at the login must not keep the owner from an ask.
        self._wrong_at_logins = _wrong_codes(now)

    # --- asks -----------------------------------------------------------------------------------

    def begin(self, session: bytes, ask: Ask) -> Ceremony:
        """See the port of the guard."""
        self._require_may(ask)
        every, passkeys = self._usable(ask.account), self._allowed(ask)
        # Why none for staff: a code is bound to no ask, and can be phished (NST-04).
        device = None if passkeys or ask.kind.of_staff else self._register.code_device(ask.account)
        with_code = device is not None and self._memberships.may_confirm(ask, device)
        if not passkeys and not with_code:
            if every or device:
                raise _not_confirmed(ask)
            raise NotPermitted("the account has nothing that could confirm this", help="add a passkey or a code device first")
        asked = _Asked(ask, session, challenge(secrets.token_bytes(DIGEST_BYTES), ask, session))
        token = self._asked.put(ask.account, asked, CHALLENGE_SECONDS)
        options = self._passkeys.request_options(asked.challenge, [each.credential for each in passkeys]) if passkeys else None
        return Ceremony(token, options, with_code)

    def finish(self, token: str, session: bytes, ask: Ask, proof: PasskeyProof | CodeProof) -> str:
        """See the port of the guard."""
        asked = self._asked.take(token)
        if asked.ask != ask or not secrets.compare_digest(asked.session, session):
            message = "the challenge was for something else, or for another session"
            raise ProofRefused(message, help="begin again, and confirm what is shown")
        self._require_may(ask)
        match proof:
            case PasskeyProof(response):
                credential = self.check_passkey(ask.account, asked.challenge, response)
                if not self._memberships.may_confirm(ask, credential):
                    raise _not_confirmed(ask)
            case CodeProof(code):
                if ask.kind.of_staff:
                    raise ProofRefused("an ask of staff is confirmed with a passkey alone", help="add a passkey first")
                self._check_code(ask, code)
        # Why longer to enrol: a person may have to find a device.
        seconds = FIRST_PERMIT_SECONDS if ask.kind is AskKind.ENROL_CREDENTIAL else PERMIT_SECONDS
        return self.permit(AskPermit(ask, session), seconds)

    def check_login(self, account: UUID, code: str) -> None:
        """See the port of the guard."""
        self._check_step(account, self._device(account), code, self._wrong_at_logins)

    def check_passkey(self, account: UUID, challenge_: bytes, response: bytes) -> CredentialRecord:
        """Verify a signature by a passkey of an account, count it, and return the passkey. Raises ProofRefused, CredentialCopied."""
        known = {each.credential: each for each in self._register.credentials(account)}
        keys = {each.credential: each.key for each in known.values()}
        assertion = self._passkeys.verify_assertion(challenge_, keys, parsed(response))
        if assertion.backup_eligible is not known[assertion.credential].backup_eligible:
            # WebAuthn Level 3, 7.2, step 18: a credential never changes in this.
            raise ProofRefused("the passkey's answer does not hold for what was asked", help="confirm with another passkey")
        now = self._clock.now()
        result = self._register.use_credential(account, assertion.credential, assertion.sign_count, now)
        if result is UseResult.COUNTED:
            return known[assertion.credential]
        if result is UseResult.WENT_BACK:
            telemetry.log(telemetry.Action.CREDENTIAL_COPIED)
            # Why: a permit that the copy gave earlier must not outlive this.
            self.end_all(account)
            self._owners.tell(self._owners.record_of(account), LetterKind.COUNTER_WENT_BACK, now)
        message = "the counter of this security key went back, as it does when a key is copied: it confirms nothing any more"
        raise CredentialCopied(message, help="confirm with another passkey, remove this one, and tell the operator; nothing was done")

    def _check_code(self, ask: Ask, code: str) -> None:
        if self._allowed(ask):
            raise ProofRefused("the account has a passkey, so a code does not confirm this", help="confirm with the passkey")
        device = self._device(ask.account)
        if not self._memberships.may_confirm(ask, device):
            raise _not_confirmed(ask)
        self._check_step(ask.account, device, code, self._wrong_at_asks)

    def _device(self, account: UUID) -> CodeDeviceRecord:
        device = self._register.code_device(account)
        if device is None:
            raise ProofRefused("the account has no code device", help="confirm with a passkey")
        return device

    def _check_step(self, account: UUID, device: CodeDeviceRecord, code: str, allowances: tuple[Allowance, ...]) -> None:
        """Count a code, once for asks and logins together. Raises ProofRefused, Busy."""
        for allowance in allowances:
            allowance.take(account)
        now = self._clock.now()
        step = self._devices.step_of(self._owners.opened(device.seed), code, now)
        if step is None:
            message = "this is not the code that the device shows now"
            raise ProofRefused(message, help="begin again with the next code; see that the device's clock is right")
        for allowance in allowances:
            allowance.give_back(account)
        if not self._register.accept_step(account, step, now):
            raise ProofRefused("this code, or a later one, was used already", help="wait half a minute, and begin again with the next code")

    # --- permits --------------------------------------------------------------------------------

    def permit(self, permit: AskPermit, seconds: float) -> str:
        """Keep a permit for some time; return its token."""
        return self._permits.put(permit.ask.account, permit, seconds)

    def look_at_enrolment(self, token: str, account: UUID, session: bytes) -> AskPermit:
        """Return a permit to enrol a credential, and keep it. Raises ChallengeEnded, ProofRefused."""
        permit = self._permits.look(token)
        permit.require(enrolment_ask(account), session)
        return permit

    def use(self, token: str, session: bytes, ask: Ask) -> AskPermit:
        """End a permit right before its act, and return it. See :meth:`expunge.ports.accounts.account_guard.AskPermits.use_permit`."""
        permit = self._permits.take(token)
        permit.require(ask, session)
        self._require_may(ask)
        if permit.first and self.has_credential(ask.account):
            message = "the account has a way to confirm by now: a code by mail confirms nothing any more"
            raise NotPermitted(message, help="confirm with the passkey or code device that the account has")
        return permit

    def has_credential(self, account: UUID) -> bool:
        """Return whether an account has a passkey, copied or not, or a code device."""
        return bool(self._register.credentials(account)) or self._register.code_device(account) is not None

    def end_all(self, account: UUID) -> None:
        """End all challenges and permits of an account."""
        self._asked.end_all(account)
        self._permits.end_all(account)

    def _require_may(self, ask: Ask) -> None:
        if not self._memberships.may(ask.account, ask):
            raise NotPermitted("this account may not do this", help="ask the guardian of the family, or the operator, for the right")

    def _allowed(self, ask: Ask) -> list[CredentialRecord]:
        """Return the passkeys that may confirm an ask now."""
        return [each for each in self._usable(ask.account) if self._memberships.may_confirm(ask, each)]

    def _usable(self, account: UUID) -> list[CredentialRecord]:
        return [each for each in self._register.credentials(account) if each.copied_at is None]


def _not_confirmed(ask: Ask) -> NotPermitted:
    if not ask.kind.of_staff:
        message = "what was added to the account a short while ago does not confirm this yet"
        return NotPermitted(message, help="confirm with what the account had before, or wait until the time that the letter says")
    message = "no other person has confirmed this passkey of the account yet"
    return NotPermitted(message, help="confirm with an earlier passkey, or have an administrator hear the fingerprints of all of them")


def _wrong_codes(now: Callable[[], float]) -> tuple[Allowance, ...]:
    hour = Allowance("wrong codes", WRONG_AN_HOUR, _HOUR, now)
    return hour, Allowance("wrong codes in a day", WRONG_A_DAY, _DAY, now)


def enrolment_ask(account: UUID) -> Ask:
    """Return the ask of which a permit allows one new credential."""
    return Ask(AskKind.ENROL_CREDENTIAL, account)


def parsed(response: bytes) -> object:
    """Return a browser's response as values. Raises UsageError, ProofRefused."""
    if len(response) > MOST_RESPONSE:
        message = f"a browser's response has more than {MOST_RESPONSE // 2**10} KiB"
        raise UsageError(message, help="begin again, on the page itself")
    try:
        value: object = json.loads(response)
    except (ValueError, RecursionError) as error:
        raise ProofRefused("the passkey's answer cannot be read", help="begin again, on the page itself") from error
    return value
