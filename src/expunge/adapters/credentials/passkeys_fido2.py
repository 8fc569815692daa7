"""Passkeys by the library ``fido2``: WebAuthn for one origin, with user verification, without attestation."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from typing import Any, cast
from uuid import UUID

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from fido2 import cbor
from fido2.cose import ES256, CoseKey, EdDSA
from fido2.server import Fido2Server
from fido2.utils import websafe_encode
from fido2.webauthn import (
    Aaguid,
    AttestationConveyancePreference,
    AttestedCredentialData,
    AuthenticationResponse,
    AuthenticatorData,
    CollectedClientData,
    PublicKeyCredentialDescriptor,
    PublicKeyCredentialParameters,
    PublicKeyCredentialRpEntity,
    PublicKeyCredentialType,
    PublicKeyCredentialUserEntity,
    RegistrationResponse,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from expunge import telemetry
from expunge.core.values.signature import ED25519_SPKI, P256_SPKI
from expunge.errors import ProofRefused, StateCorrupt
from expunge.ports.accounts.authenticators import Assertion, Claimed, NewPasskey, Options

ALGORITHMS = (-7, -8, -257)
"""ES256, EdDSA and RS256 (RFC 9053, RFC 8812): what every browser and platform offers."""
MOST_ID = 1023
"""Bytes of a credential's id (WebAuthn Level 3, 5.8.3)."""
_KEY_ALGORITHM = 3
_MALFORMED = (
    AssertionError,
    AttributeError,
    IndexError,
    KeyError,
    NotImplementedError,
    OverflowError,
    RecursionError,
    TypeError,
    UnsupportedAlgorithm,
    ValueError,
    struct.error,
)
"""What the library raises for a response that it cannot read, or that does not verify."""


class Fido2Passkeys:
    """Implements ``expunge.ports.accounts.authenticators.Passkeys``. Safe between threads."""

    def __init__(self, origin: str, relying_party: str, name: str) -> None:
        """Set up one site.

        Args:
            origin: the address of the pages, such as ``https://privacy.example``: no other origin counts.
            relying_party: the domain that passkeys are bound to: the origin's host.
            name: of the site, as authenticators show it.
        """
        # Why: the library writes ids of credentials, which name an account, into its log.
        telemetry.silence("fido2")
        self._relying_party = relying_party
        entity = PublicKeyCredentialRpEntity(id=relying_party, name=name)
        self._server = Fido2Server(entity, AttestationConveyancePreference.NONE, verify_origin=lambda found: found == origin)
        kind = PublicKeyCredentialType.PUBLIC_KEY
        # Why kept: it is the library's own form, and making it anew takes longer than all else of a request.
        _, self._form = self._server.authenticate_begin(user_verification=UserVerificationRequirement.REQUIRED)
        self._server.allowed_algorithms = [PublicKeyCredentialParameters(type=kind, alg=each) for each in ALGORITHMS]

    def creation_options(self, account: UUID, label: str, challenge: bytes, known: Sequence[bytes]) -> Options:
        """See the port."""
        options, _ = self._server.register_begin(
            PublicKeyCredentialUserEntity(id=account.bytes, name=label, display_name=label),
            credentials=[_descriptor(each) for each in known],
            # Why: a sign-in names no account, so the authenticator has to know the passkey by itself.
            resident_key_requirement=ResidentKeyRequirement.REQUIRED,
            user_verification=UserVerificationRequirement.REQUIRED,
            challenge=challenge,
        )
        return _json(options.public_key)

    def verify_creation(self, challenge: bytes, response: object) -> NewPasskey:
        """See the port."""
        try:
            registration = RegistrationResponse.from_dict(_mapping(response))
            data = self._server.register_complete(self._state(challenge), registration)
            _require_own_frame(registration.response.client_data)
            made = data.credential_data
            if made is None or made.credential_id != registration.raw_id or not 0 < len(made.credential_id) <= MOST_ID:
                raise _refused()
            _require_usable(made.public_key)
        except _MALFORMED as error:
            raise _refused() from error
        return NewPasskey(bytes(made.credential_id), cbor.encode(dict(made.public_key)), data.counter, _may_be_copied(data))

    def request_options(self, challenge: bytes, credentials: Sequence[bytes]) -> Options:
        """See the port. Written by hand: PublicKeyCredentialRequestOptionsJSON (WebAuthn Level 3, 5.1.9)."""
        return {
            "challenge": websafe_encode(challenge),
            "rpId": self._relying_party,
            "userVerification": "required",
            "allowCredentials": [{"type": "public-key", "id": websafe_encode(each)} for each in credentials],
        }

    def claimed(self, response: object) -> Claimed:
        """See the port."""
        try:
            answer = AuthenticationResponse.from_dict(_mapping(response))
            return Claimed(bytes(answer.raw_id), bytes(answer.response.user_handle or b""))
        except _MALFORMED as error:
            raise _refused() from error

    def verify_assertion(self, challenge: bytes, keys: Mapping[bytes, bytes], response: object) -> Assertion:
        """See the port."""
        try:
            assertion = AuthenticationResponse.from_dict(_mapping(response))
            known = [_attested(credential, key) for credential, key in keys.items() if credential == assertion.raw_id]
            self._server.authenticate_complete(self._state(challenge), known, assertion)
            _require_own_frame(assertion.response.client_data)
            data = assertion.response.authenticator_data
        except _MALFORMED as error:
            raise _refused() from error
        return Assertion(bytes(assertion.raw_id), data.counter, _may_be_copied(data))

    def _state(self, challenge: bytes) -> Any:
        return {**self._form, "challenge": websafe_encode(challenge)}


def spki_of(key: bytes) -> bytes | None:
    """Return the SubjectPublicKeyInfo, in DER, of a passkey's public key in COSE; None for another one than ES256 and EdDSA.

    Raises StateCorrupt for bytes that are no key.
    """
    try:
        read = CoseKey.parse(cast("Mapping[int, Any]", cbor.decode(key)))
        if isinstance(read, ES256):
            return P256_SPKI + bytes(read[-2]) + bytes(read[-3])
        return ED25519_SPKI + bytes(read[-2]) if isinstance(read, EdDSA) else None
    except _MALFORMED as error:
        message = "a passkey's key in the tables of accounts cannot be read"
        raise StateCorrupt(message) from error


def _require_own_frame(client_data: CollectedClientData) -> None:
    """Refuse a response that was made in a frame of another site (WebAuthn Level 3, 7.1 and 7.2, crossOrigin)."""
    if client_data.cross_origin:
        raise _refused()


def _require_usable(key: CoseKey) -> None:
    """Refuse a key of another algorithm than was asked for, or one that could never verify anything."""
    if key.get(_KEY_ALGORITHM) not in ALGORITHMS:
        raise _refused()
    try:
        key.verify(b"", b"\0" * 64)
    except InvalidSignature:
        return


def _may_be_copied(data: AuthenticatorData) -> bool:
    return bool(data.flags & AuthenticatorData.FLAG.BE)


def _attested(credential: bytes, key: bytes) -> AttestedCredentialData:
    return AttestedCredentialData.create(Aaguid.NONE, credential, CoseKey.parse(cast("Mapping[int, Any]", cbor.decode(key))))


def _descriptor(credential: bytes) -> PublicKeyCredentialDescriptor:
    return PublicKeyCredentialDescriptor(type=PublicKeyCredentialType.PUBLIC_KEY, id=credential)


def _mapping(response: object) -> Mapping[str, Any]:
    if not isinstance(response, Mapping):
        raise _refused()
    return response


def _json(options: Any) -> Options:
    """Return options as plain JSON, as a browser's ``parse...FromJSON`` reads them."""
    plain: Options = json.loads(json.dumps(dict(options), default=dict))
    return plain


def _refused() -> ProofRefused:
    message = "the passkey's answer does not hold for what was asked"
    return ProofRefused(message, help="begin again, on the page itself, and confirm with the device's lock")
