"""The ports of authenticators: passkeys (WebAuthn) and code devices (TOTP). They verify, and keep nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import UUID

from expunge.core.values.canonical import Json

Options = Mapping[str, Json]
"""What a browser is given: the JSON forms of WebAuthn Level 3, 5.1.8 and 5.1.9."""


@dataclass(frozen=True)
class NewPasskey:
    """A credential that an authenticator made."""

    credential: bytes
    key: bytes = field(repr=False)
    """COSE in CBOR."""
    sign_count: int
    backup_eligible: bool


@dataclass(frozen=True)
class Assertion:
    """A signature of a known credential, which was verified."""

    credential: bytes
    sign_count: int
    backup_eligible: bool


@dataclass(frozen=True)
class Claimed:
    """The names in a browser's answer, of which nothing is verified."""

    credential: bytes
    handle: bytes
    """The user handle; empty where the authenticator told none."""


class Passkeys(Protocol):
    """WebAuthn for one site: one origin, one relying party. User verification is always required."""

    def creation_options(self, account: UUID, label: str, challenge: bytes, known: Sequence[bytes]) -> Options:
        """Return the options for a new credential.

        Args:
            account: the user's handle.
            label: the name that the authenticator shows to its owner.
            challenge: 32 bytes.
            known: credentials of the account; their authenticators make no second one.
        """
        ...

    def verify_creation(self, challenge: bytes, response: object) -> NewPasskey:
        """Return the credential in the browser's response (RegistrationResponseJSON). Raises ProofRefused."""
        ...

    def request_options(self, challenge: bytes, credentials: Sequence[bytes]) -> Options:
        """Return the options for a signature by one of some credentials; without any, by one that the authenticator knows by itself."""
        ...

    def claimed(self, response: object) -> Claimed:
        """Return what the browser's response (AuthenticationResponseJSON) says of itself. Raises ProofRefused where it cannot be read."""
        ...

    def verify_assertion(self, challenge: bytes, keys: Mapping[bytes, bytes], response: object) -> Assertion:
        """Return the assertion in the browser's response (AuthenticationResponseJSON).

        Args:
            challenge: the one that was given out.
            keys: credential -> its key, in COSE.
            response: of the browser.

        Raises ProofRefused. The counter is not looked at.
        """
        ...


class CodeDevices(Protocol):
    """Codes by time (RFC 6238): six digits, 30 seconds, SHA-1, which is what all apps speak."""

    def new_seed(self) -> str:
        """Return a new seed, in base32."""
        ...

    def address(self, seed: str, label: str) -> str:
        """Return the ``otpauth:`` address that an app reads from a picture."""
        ...

    def step_of(self, seed: str, code: str, at: datetime) -> int | None:
        """Return the time step that a code belongs to: the present one or one beside it; None where it belongs to none of them."""
        ...

    def minutes_off(self, seed: str, code: str, at: datetime) -> int | None:
        """Return by how many minutes a device that shows a code is ahead; None for a code of no time within twenty minutes."""
        ...
