"""Keys of approvers, and the check of what they sign: Ed25519 signatures, and assertions of passkeys (WebAuthn Level 3, section 7.2).

A key has one text, which the map and the receipt have: that of a C2SP verifier key, or ``passkey ORIGIN KEY``, where the key is the base64
of its SubjectPublicKeyInfo in DER. The origin pins the pages on which the passkey signs, and its host the relying party.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

from expunge.core.note import Algorithm, VerifierKey, parse_key
from expunge.core.values import b64
from expunge.core.values.signature import ED25519_SPKI, check_ed25519, check_p256_spki, verify_ed25519, verify_p256
from expunge.errors import EvidenceInvalid

MOST_CLIENT_DATA = 4096
"""Bytes of ``clientDataJSON``."""
MOST_AUTHENTICATOR_DATA = 1024
"""Bytes of the authenticator's data: 37, and extensions behind them."""
_LEAST_AUTHENTICATOR_DATA = 37
_MOST_SIGNATURE = 80
_PASSKEY = "passkey"
_CHALLENGE = b"expunge/passkey-approval/1\0"
_ORIGIN = re.compile(r"https://[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[1-9][0-9]{0,4})?|http://localhost(:[1-9][0-9]{0,4})?")
_PRESENT, _VERIFIED, _ATTESTED, _EXTENDED = 0x01, 0x04, 0x40, 0x80
"""Flags of the authenticator's data (WebAuthn Level 3, 6.1)."""
_HELP = "sign again, on the pages whose address the map names, with the device's lock"


@dataclass(frozen=True)
class PasskeyKey:
    """The public key of a passkey, and the pages on which it signs. Raises EvidenceInvalid for one that cannot be.

    ES256 (P-256) and EdDSA (Ed25519) alone: those of which every public key has one spelling here.
    """

    origin: str
    """The address of the pages, such as ``https://privacy.example.com``."""
    spki: bytes
    """SubjectPublicKeyInfo, in DER."""

    def __post_init__(self) -> None:
        if not _ORIGIN.fullmatch(self.origin):
            raise EvidenceInvalid("a passkey's origin is no address of pages", help="https://HOST, in small letters and without a path")
        if self._raw is not None:
            check_ed25519(self._raw)
        else:
            check_p256_spki(self.spki)

    @property
    def relying_party(self) -> str:
        """The relying party's id: the host of the origin."""
        return urlsplit(self.origin).hostname or ""

    @property
    def _raw(self) -> bytes | None:
        """The raw key of an Ed25519 one."""
        return self.spki.removeprefix(ED25519_SPKI) if self.spki.startswith(ED25519_SPKI) else None

    def __str__(self) -> str:
        return f"{_PASSKEY} {self.origin} {b64.encode(self.spki)}"

    def check(self, said: bytes, signature: bytes) -> None:
        """Check the bare signature over some bytes. Raises EvidenceInvalid."""
        if self._raw is not None:
            verify_ed25519(self._raw, signature, said)
        else:
            verify_p256(self.spki, signature, said)


ApproverKey = VerifierKey | PasskeyKey


@dataclass(frozen=True)
class PasskeyAssertion:
    """The answer of a passkey to a challenge, as it is kept as evidence."""

    authenticator_data: bytes
    client_data: bytes
    """``clientDataJSON``, byte for byte."""
    signature: bytes

    @property
    def sign_count(self) -> int:
        """Return the counter of the authenticator (WebAuthn Level 3, 6.1.1); 0 where it has none."""
        return int.from_bytes(self.authenticator_data[33:_LEAST_AUTHENTICATOR_DATA], "big")

    def __str__(self) -> str:
        parts = self.authenticator_data, self.client_data, self.signature
        return ":".join((_PASSKEY, *map(b64.encode, parts)))


def parse_approver_key(text: str) -> ApproverKey:
    """Return the key of a text of the map or of a receipt. Raises EvidenceInvalid."""
    match text.split(" "):
        case ["passkey", origin, encoded]:
            return PasskeyKey(origin, b64.decode(encoded))
        case [_]:
            key = parse_key(text)
            if key.algorithm is Algorithm.ED25519:
                return key
    raise EvidenceInvalid("an approver's key is neither an Ed25519 verifier key nor a passkey", help="see docs/howto/approvals.md")


def share_a_key(first: Iterable[str], second: Iterable[str]) -> bool:
    """Return whether two lists of keys have one in common, whatever name or origin its texts have. Raises EvidenceInvalid."""
    return not {_material(each) for each in first}.isdisjoint(_material(each) for each in second)


def parse_assertion(text: str) -> PasskeyAssertion:
    """Return the assertion of a text. Raises EvidenceInvalid where it is none, or not in its one spelling."""
    match text.split(":"):
        case ["passkey", authenticator_data, client_data, signature]:
            made = PasskeyAssertion(b64.decode(authenticator_data), b64.decode(client_data), b64.decode(signature))
        case _:
            raise EvidenceInvalid("the signature is no passkey's answer", help=_HELP)
    sizes = (
        _LEAST_AUTHENTICATOR_DATA <= len(made.authenticator_data) <= MOST_AUTHENTICATOR_DATA,
        len(made.client_data) <= MOST_CLIENT_DATA,
        len(made.signature) <= _MOST_SIGNATURE,
    )
    if not all(sizes):
        raise EvidenceInvalid("a part of a passkey's answer is longer or shorter than it can be", help=_HELP)
    return made


def read_response(response: bytes) -> tuple[bytes, PasskeyAssertion]:
    """Return the credential's id and the assertion of a browser's AuthenticationResponseJSON (WebAuthn Level 3, 5.1.8).

    Nothing of it is verified. Raises EvidenceInvalid where it cannot be read.
    """
    try:
        told = json.loads(response)
        parts = [told["rawId"], *(told["response"][name] for name in ("authenticatorData", "clientDataJSON", "signature"))]
        credential, *made = (base64.b64decode(each + "=" * (-len(each) % 4), altchars=b"-_", validate=True) for each in parts)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise EvidenceInvalid("a browser's answer for a passkey cannot be read", help=_HELP) from error
    return credential, PasskeyAssertion(*made)


def is_assertion(text: str) -> bool:
    """Return whether a text has the form of a passkey's answer; nothing of it is checked."""
    return text.startswith(f"{_PASSKEY}:")


def passkey_challenge(approver: str, said: bytes) -> bytes:
    """Return the 32 bytes that a passkey signs for a message, in the role of an approver.

    SHA-256 over a label, the name behind its length, and the message. So no signature for a login or an ask is one for a message, nor one
    under another name.
    """
    name = approver.encode()
    return sha256(_CHALLENGE + len(name).to_bytes(2, "big") + name + said).digest()


def verify_approval(key: ApproverKey, approver: str, signed: str, said: bytes) -> None:
    """Check what an approver signed.

    Args:
        key: of the approver.
        approver: the name that the key signs under.
        signed: base64 of an Ed25519 signature over the message, or the text of a passkey's answer.
        said: the message.

    Raises:
        EvidenceInvalid: it does not hold; the message says which part.
    """
    if isinstance(key, VerifierKey):
        verify_ed25519(key.key, b64.decode(signed), said)
    else:
        _verify_assertion(key, parse_assertion(signed), passkey_challenge(approver, said))


def _material(text: str) -> bytes:
    key = parse_approver_key(text)
    return key.key if isinstance(key, VerifierKey) else key.spki.removeprefix(ED25519_SPKI)


def _verify_assertion(key: PasskeyKey, made: PasskeyAssertion, challenge: bytes) -> None:
    """Check the steps of WebAuthn Level 3, 7.2 that need no state of a server. A caller that keeps a counter looks at it."""
    told = _client_data(made.client_data)
    if told.get("type") != "webauthn.get":
        raise EvidenceInvalid("a passkey's answer is to something else than a question for a signature", help=_HELP)
    if told.get("challenge") != base64.urlsafe_b64encode(challenge).rstrip(b"=").decode():
        raise EvidenceInvalid("a passkey signed another challenge than this message's", help=_HELP)
    if told.get("origin") != key.origin:
        raise EvidenceInvalid("a passkey signed on other pages than its key is for", help=_HELP)
    if told.get("crossOrigin", False) is not False or "topOrigin" in told:
        raise EvidenceInvalid("a passkey signed in a frame of another site", help=_HELP)
    data = made.authenticator_data
    if data[:32] != sha256(key.relying_party.encode()).digest():
        raise EvidenceInvalid("a passkey signed for another relying party than its key is for", help=_HELP)
    flags = data[32]
    if not flags & _PRESENT or not flags & _VERIFIED:
        raise EvidenceInvalid("a passkey signed without asking who is there", help=_HELP)
    if flags & _ATTESTED or bool(flags & _EXTENDED) is (len(data) == _LEAST_AUTHENTICATOR_DATA):
        raise EvidenceInvalid("the authenticator's data of a passkey's answer contradicts itself", help=_HELP)
    key.check(data + sha256(made.client_data).digest(), made.signature)


def _client_data(data: bytes) -> dict[str, Any]:
    """Return what ``clientDataJSON`` says. Raises EvidenceInvalid where it is no object, or says something twice."""
    try:
        told = json.loads(data.decode("utf-8"), object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise EvidenceInvalid("the client data of a passkey's answer cannot be read", help=_HELP) from error
    if not isinstance(told, dict):
        raise EvidenceInvalid("the client data of a passkey's answer cannot be read", help=_HELP)
    return told


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        message = "a member is there twice"
        raise ValueError(message)
    return found
