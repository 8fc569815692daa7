"""The port of the account guard: who may enrol a credential, and who confirms a sensitive ask. The keeper implements it.

The web process asks it, and code that took the web process over asks it too. So no verb believes what the caller says about a person: each
looks at the keeper's own tables, and at what an authenticator signed.

``session`` is the SHA-256 of the web session's key, of 32 bytes. Tokens and permits are opaque texts. They lie in the keeper's memory: a
keeper that was restarted knows none, and says so with ChallengeEnded.

Every verb raises KeeperAway where the keeper does not answer now, StateUnavailable where its tables do not, and UsageError for malformed
arguments. No message holds an identifier.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import UUID

from expunge.core.accounts.asks import Ask, AskKind
from expunge.core.accounts.credential_strength import Audience, Level, Method, Way
from expunge.core.accounts.fingerprints import fingerprint
from expunge.core.accounts.waits import Wait
from expunge.core.journal.incident_events import TakeoverSign
from expunge.ports.accounts.authenticators import Options

CHALLENGE_SECONDS = 300.0
PERMIT_SECONDS = 120.0
CODE_SECONDS = 900.0
FIRST_PERMIT_SECONDS = 600.0
"""Of a permit to enrol a credential, and of one by a code: a person may have to find a device."""
MOST_RESPONSE = 64 * 2**10
"""Bytes of a browser's response."""
MOST_NAME = 64
"""Characters of a credential's name."""
CODE_DEVICE = "totp"
"""The id of an account's code device among its credentials."""


@dataclass(frozen=True)
class Ceremony:
    """The beginning of something that an authenticator has to finish."""

    token: str
    options: Options | None
    """For the browser; None where the account has no passkey that could sign."""
    takes_code: bool = False
    """Whether a code of the account's code device finishes it."""


@dataclass(frozen=True)
class SignIn:
    """A sign-in of staff that goes on, as the keeper verified it."""

    methods: frozenset[Method]
    level: Level
    """The strength of the account, by its weakest way in."""
    seconds: int
    """Whole seconds since a passkey was shown in this session."""


@dataclass(frozen=True)
class SeedOffer:
    """A new code device, shown once."""

    token: str
    seed: str = field(repr=False)
    """Base32, for a person who types it."""
    address: str = field(repr=False)
    """``otpauth:``, for a picture."""


@dataclass(frozen=True)
class CredentialCard:
    """What is shown of a credential. It holds no key."""

    id: str
    """Opaque, for an ask to remove it: hex of the credential's id, or ``totp``."""
    method: Method
    name: str
    created_at: datetime
    used_at: datetime | None
    copied_at: datetime | None = None
    """The time at which its counter went back: from then on it confirms nothing."""
    wait: Wait | None = None
    """None where it counts by now. Where no letter was taken yet, its end as if one were now."""

    @property
    def fingerprint(self) -> str:
        """What a person reads to another one to tell that it is this passkey; empty for a code device."""
        return "" if self.method is Method.TOTP else fingerprint(bytes.fromhex(self.id))


@dataclass(frozen=True)
class PasskeyProof:
    """A browser's answer to a challenge: AuthenticationResponseJSON, as bytes."""

    response: bytes


@dataclass(frozen=True)
class CodeProof:
    """A code of the account's code device."""

    code: str = field(repr=False)


class AccountGuard(Protocol):
    """See the module."""

    def open_account(self, account: UUID, address: str, language: str) -> None:
        """Add an account. Safe to repeat. It may do nothing yet: it has no credential and no membership.

        As long as that is so and no code came back from its address, it goes by itself after some days.

        Raises AlreadyThere where it has another address (see :meth:`change_address`), Busy for too many in a minute.
        """
        ...

    def send_code(self, account: UUID, session: bytes, kind: AskKind = AskKind.ENROL_CREDENTIAL) -> None:
        """Send a code to the account's address, by a letter of the keeper's own. It ends the one before.

        Where the account has a credential, the code proves a new address and confirms nothing. Where it has none and its address is
        not proven yet, codes that change the address or close the account go to the proven one that it had before: a person mistypes.

        Args:
            account: to whose address.
            session: the one in which the code counts.
            kind: of the ask that it confirms (:attr:`AskKind.by_mail`); the letter says it in words.

        Raises:
            NotPermitted: the account has a credential and its address is proven. A message never adds a credential to it.
            Busy: too many codes for the account, for the address, or in all.
            Undelivered: no letter goes out at present.
        """
        ...

    def prove_by_code(self, account: UUID, session: bytes, code: str) -> str:
        """Take the code that was sent: the address counts as proven from then on.

        Returns a permit for one ask of the kind that the code was sent for: it counts only as long as the account has no credential. An
        empty text for an account that has one.

        Raises ProofRefused for a wrong code, ChallengeEnded after five of them, after its time, or for another session's.
        """
        ...

    def prove_by_invitation(self, session: bytes, secret: str) -> tuple[UUID, str]:
        """Return the account of an invitation, and a permit to enrol its first credential. Raises ChallengeEnded."""
        ...

    def begin_enrolment(self, account: UUID, session: bytes, permit: str) -> Ceremony:
        """Return options for a new passkey. The permit is used by :meth:`finish_enrolment`.

        Raises ChallengeEnded where the permit is over, ProofRefused where it is for something else.
        """
        ...

    def finish_enrolment(self, token: str, account: UUID, session: bytes, response: bytes, name: str) -> None:
        """Enrol the passkey of a browser's response. Safe to repeat with the same token.

        A customer's waits for a day (:mod:`expunge.core.accounts.waits`), and a letter with a secret tells how to stop it. The first one
        of an account that never had a membership counts at once.

        Raises ProofRefused, ChallengeEnded, AlreadyThere where the passkey is enrolled, NotPermitted where it is not the first any more.
        """
        ...

    def begin_code_device(self, account: UUID, session: bytes, permit: str) -> SeedOffer:
        """Return the seed of a new code device, which no other call ever shows.

        Raises as :meth:`begin_enrolment`, and NotPermitted for an account of staff.
        """
        ...

    def finish_code_device(self, token: str, account: UUID, session: bytes, code: str) -> None:
        """Enrol the code device by its first code, which counts for nothing else. Safe to repeat with the same token.

        A wrong code ends nothing: five of them do. Raises as :meth:`finish_enrolment`.
        """
        ...

    def clock_offset(self, token: str, account: UUID, session: bytes, code: str) -> int | None:
        """Return by how many minutes the clock of a new code device is off, below zero where it is late; None for a code of no near time.

        It enrols nothing. Raises ChallengeEnded, ProofRefused as :meth:`finish_code_device`.
        """
        ...

    def check_login_code(self, account: UUID, code: str) -> None:
        """Count a code of the account's code device for a login.

        It is counted whether the account has passkeys or not, once for logins and asks together, and it confirms no ask.

        Raises:
            ProofRefused: it is not the code of now, it was used, or the account has no code device.
            Busy: too many wrong codes at logins; they delay no passkey and no ask.
        """
        ...

    def rename_credential(self, account: UUID, credential: str, name: str) -> None:
        """Give a passkey another name, which is shown and decides nothing. Raises UsageError where the account has none of that id."""
        ...

    def credentials(self, account: UUID) -> tuple[CredentialCard, ...]:
        """Return what is shown of the account's credentials; nothing for an account that is not known."""
        ...

    def level(self, account: UUID, audience: Audience, also: Sequence[Way] = ()) -> Level:
        """Return the strength of the account, by its weakest way in, the recovery by mail of customers included (NST-04).

        Args:
            account: of whom.
            audience: staff or customers.
            also: ways in that the caller knows of: a password, recovery codes. They can lower the answer and never raise it.
        """
        ...

    def waiting(self, secret: str) -> CredentialCard | None:
        """Return what the secret of a letter stops, without its name; None where nothing of it waits any more."""
        ...

    def stop_waiting(self, secret: str) -> UUID | None:
        """Remove what the secret of a letter is for, as long as it waits, and tell the owner. Return its account; None for none.

        The last way to confirm goes too; the account then confirms nothing about a family for as long as after a recovery. That a stranger
        came into the account is entered as an incident.
        """
        ...

    def report_takeover(self, account: UUID, sign: TakeoverSign) -> None:
        """Enter that a stranger came into an account: it becomes an incident, or a part of one. The same sign within a day is entered once.

        Raises UsageError where there is no such account, Busy where too many are reported at once.
        """
        ...

    def begin_ask(self, session: bytes, ask: Ask) -> Ceremony:
        """Return a challenge that is bound to an ask, an account, a family and a session; see :func:`expunge.core.accounts.asks.challenge`.

        Raises NotPermitted where the account may not do it, has nothing that could confirm it, or nothing that does not wait.
        """
        ...

    def finish_ask(self, token: str, session: bytes, ask: Ask, proof: PasskeyProof | CodeProof) -> str:
        """Return a permit for the ask, and end the challenge, whether the proof holds or not.

        A signature of a passkey is bound to the ask. **A code of a code device is bound to nothing**: code in the web process may use one
        that a person types for another ask of the same account. So it counts only where the account has no passkey.

        Raises:
            ProofRefused: the proof does not hold.
            CredentialCopied: the counter of the security key went back. Its owner gets a letter, and it confirms nothing any more.
            ChallengeEnded: there is no such challenge any more.
            NotPermitted: the account may not do the ask any more.
            Busy: too many wrong codes; wait.
        """
        ...

    def begin_sign_in(self, session: bytes) -> Ceremony:
        """Return a challenge that is bound to a session and names no account: the authenticator offers its own passkeys for these pages."""
        ...

    def finish_sign_in(self, token: str, session: bytes, response: bytes) -> UUID:
        """Return the account whose passkey signed, and end the challenge, whether the signature holds or not.

        The credential is looked up by its id in the keeper's own tables. The answer has to name the account's handle too.

        Raises:
            ProofRefused: the answer does not hold. It does not tell whether the credential is known.
            CredentialCopied: as :meth:`finish_ask`.
            ChallengeEnded: there is no such challenge any more.
        """
        ...

    def sign_in_of(self, account: UUID, session: bytes) -> SignIn | None:
        """Return the sign-in of an account in a session, as the keeper verified it; None where it knows none that goes on."""
        ...

    def end_sign_in(self, session: bytes) -> None:
        """End the sign-in of a session: its person logged out. Idempotent."""
        ...

    def end_sign_ins(self, account: UUID, but: bytes) -> None:
        """End every sign-in of an account, but for that of one session. Idempotent."""
        ...

    def remove_credential(self, permit: str, session: bytes, ask: Ask) -> None:
        """Remove the credential that the ask names in its detail ``credential``.

        Raises:
            ProofRefused, ChallengeEnded: the permit.
            NotPermitted: it is the last way to confirm that the account has, or the last one that does not wait.
            UsageError: the account has no such credential.
        """
        ...

    def change_address(self, permit: str, session: bytes, ask: Ask, address: str) -> None:
        """Set another address, not proven yet, and tell the old one, which hears for a day more what happens to the account.

        The ask names its SHA-256, in hex, in its detail ``address``.

        Raises ProofRefused and ChallengeEnded for the permit, NotPermitted where it came by mail and the account has a credential by now.
        """
        ...

    def close_account(self, permit: str, session: bytes, ask: Ask) -> None:
        """Remove the account, with its address, credentials and memberships, and tell its address. Raises as :meth:`change_address`."""
        ...


class AskPermits(Protocol):
    """The side of the guard that acts ask: those inside the keeper, and the clerk over the socket."""

    def use_permit(self, permit: str, session: bytes, ask: Ask) -> None:
        """End a permit right before the act that it is for. One permit allows one act.

        Raises:
            ChallengeEnded: there is no such permit, it was used, or its time is over.
            ProofRefused: it is for another ask, or another session.
            NotPermitted: the account may not do it any more.
        """
        ...
