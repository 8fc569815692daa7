"""Enrolment of passkeys and code devices, under a permit: the first by a code or an invitation, each later one by a credential."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from uuid import UUID

from expunge.core.accounts.asks import DIGEST_BYTES, Ask, AskKind, challenge
from expunge.core.accounts.letter_texts import LetterKind
from expunge.engine.accounts.confirming import Confirming, enrolment_ask, parsed
from expunge.engine.accounts.new_credentials import NewCredentials
from expunge.engine.accounts.owners import Owners
from expunge.engine.accounts.tickets import Tickets
from expunge.errors import ProofRefused, UsageError
from expunge.ports.accounts.account_guard import CHALLENGE_SECONDS, CODE_DEVICE, FIRST_PERMIT_SECONDS, MOST_NAME, Ceremony, SeedOffer
from expunge.ports.accounts.account_register import AccountRegister, CodeDeviceRecord, CredentialRecord
from expunge.ports.accounts.authenticators import CodeDevices, Passkeys
from expunge.ports.clock import Clock

TRIES = 5
"""Wrong codes of a new code device."""


@dataclass(frozen=True)
class _Begun:
    account: UUID
    session: bytes = field(repr=False)
    permit: str = field(repr=False)
    challenge: bytes = field(repr=False)


@dataclass
class _Offered:
    account: UUID
    session: bytes = field(repr=False)
    permit: str = field(repr=False)
    seed: str = field(repr=False)
    tries: int = 0


class Enrolment:
    """Enrols and removes credentials. Safe between threads."""

    def __init__(
        self,
        register: AccountRegister,
        owners: Owners,
        passkeys: Passkeys,
        devices: CodeDevices,
        confirming: Confirming,
        new: NewCredentials,
        clock: Clock,
        now: Callable[[], float],
    ) -> None:
        self._register, self._owners, self._passkeys, self._devices = register, owners, passkeys, devices
        self._confirming, self._new, self._clock = confirming, new, clock
        self._begun: Tickets[_Begun] = Tickets("enrolment", now=now)
        self._offered: Tickets[_Offered] = Tickets("enrolment", now=now)
        self._guard = threading.Lock()

    # --- passkeys -------------------------------------------------------------------------------

    def begin_passkey(self, account: UUID, session: bytes, permit: str) -> Ceremony:
        """See the port of the guard."""
        allowed = self._confirming.look_at_enrolment(permit, account, session)
        record = self._owners.record_of(account)
        made = challenge(secrets.token_bytes(DIGEST_BYTES), allowed.ask, session)
        known = [each.credential for each in self._register.credentials(account)]
        options = self._passkeys.creation_options(account, self._label(self._owners.address_of(record)), made, known)
        return Ceremony(self._begun.put(account, _Begun(account, session, permit, made), CHALLENGE_SECONDS), options)

    def finish_passkey(self, token: str, account: UUID, session: bytes, response: bytes, name: str) -> None:
        """See the port of the guard."""
        _require_name(name)
        ceremony = _ceremony(token)
        if any(each.ceremony == ceremony for each in self._register.credentials(account)):
            # Its answer was lost: the keeper died after the commit.
            return
        begun = self._begun.take(token)
        _require_same(begun, account, session)
        made = self._passkeys.verify_creation(begun.challenge, parsed(response))
        permit = self._confirming.use(begun.permit, session, enrolment_ask(account))
        wait = self._new.wait_for(account, first=permit.first)
        record = CredentialRecord(
            made.credential, account, made.key, made.sign_count, user_verified=True, backup_eligible=made.backup_eligible,
            name=self._owners.sealed(name), ceremony=ceremony, created_at=self._new.now(), wait=wait,
        )  # fmt: skip
        self._register.add_credential(record, first=permit.first)
        self._new.tell(account, made.credential, wait)

    # --- code devices ---------------------------------------------------------------------------

    def begin_code_device(self, account: UUID, session: bytes, permit: str) -> SeedOffer:
        """See the port of the guard."""
        self._confirming.look_at_enrolment(permit, account, session)
        record = self._owners.record_of(account)
        seed = self._devices.new_seed()
        token = self._offered.put(account, _Offered(account, session, permit, seed), FIRST_PERMIT_SECONDS)
        return SeedOffer(token, seed, self._devices.address(seed, self._label(self._owners.address_of(record))))

    def finish_code_device(self, token: str, account: UUID, session: bytes, code: str) -> None:
        """See the port of the guard."""
        ceremony = _ceremony(token)
        known = self._register.code_device(account)
        if known is not None and known.ceremony == ceremony:
            # As with a passkey: its answer was lost.
            return
        offered = self._offered.look(token)
        _require_same(offered, account, session)
        step = self._checked(token, offered, code)
        permit = self._confirming.use(offered.permit, session, enrolment_ask(account))
        wait = self._new.wait_for(account, first=permit.first)
        # Why the step is kept with it: a code that enrolled the device would confirm an ask in the same half minute else.
        device = CodeDeviceRecord(account, self._owners.sealed(offered.seed), step, ceremony, self._new.now(), wait=wait)
        self._register.set_code_device(device, first=permit.first)
        self._new.tell(account, None, wait)

    def clock_offset(self, token: str, account: UUID, session: bytes, code: str) -> int | None:
        """See the port of the guard."""
        offered = self._offered.look(token)
        _require_same(offered, account, session)
        return self._devices.minutes_off(offered.seed, code, self._clock.now())

    def name_anew(self, account: UUID, credential: str, name: str) -> None:
        """See the port of the guard."""
        _require_name(name)
        try:
            renamed = self._register.rename_credential(account, bytes.fromhex(credential), self._owners.sealed(name))
        except ValueError:
            renamed = False
        if not renamed:
            raise _no_such_credential()

    def _checked(self, token: str, offered: _Offered, code: str) -> int:
        """Return the step of the right code, and end the offer. Raises ProofRefused, ChallengeEnded."""
        with self._guard:
            offered.tries += 1
            step = self._devices.step_of(offered.seed, code, self._clock.now())
            if step is not None or offered.tries >= TRIES:
                self._offered.take(token)
        if step is None:
            left = TRIES - offered.tries
            help_ = f"type the next one; see that the device's clock is right; tries left: {left}" if left > 0 else "begin again"
            raise ProofRefused("this is not the code that the device shows now", help=help_)
        return step

    # --- ends -----------------------------------------------------------------------------------

    def remove(self, permit: str, session: bytes, ask: Ask) -> None:
        """See the port of the guard."""
        if ask.kind is not AskKind.REMOVE_CREDENTIAL:
            raise UsageError("the ask is not to remove a credential", help="ask for that, and confirm it")
        named = ask.detail("credential")
        self._confirming.use(permit, session, ask)
        if not self._removed(ask.account, named):
            raise _no_such_credential()
        # Why: a challenge or permit that this credential gave must not outlive it.
        self._confirming.end_all(ask.account)
        self._owners.tell(self._owners.record_of(ask.account), LetterKind.CREDENTIAL_REMOVED, self._clock.now())

    def _removed(self, account: UUID, named: str) -> bool:
        if named == CODE_DEVICE:
            return self._register.remove_code_device(account, self._new.now())
        try:
            credential = bytes.fromhex(named)
        except ValueError:
            return False
        return self._register.remove_credential(account, credential, self._new.now())

    def _label(self, address: str) -> str:
        return address or self._owners.company


def _require_same(begun: _Begun | _Offered, account: UUID, session: bytes) -> None:
    if begun.account != account or not secrets.compare_digest(begun.session, session):
        raise ProofRefused("the enrolment is of another account, or of another session", help="begin again in this window")


def _require_name(name: str) -> None:
    if not name.strip() or len(name) > MOST_NAME or not name.isprintable():
        message = f"a credential's name has 1 to {MOST_NAME} characters, in one line"
        raise UsageError(message, help="such as: my telephone")


def _no_such_credential() -> UsageError:
    return UsageError("the account has no such credential", help="look at the list again: it may be removed already")


def _ceremony(token: str) -> bytes:
    return sha256(token.encode()).digest()
