"""Hand-over tokens as JWTs (RFC 7519), verified by PyJWT with the keys of the map, as RFC 8725 advises."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key
from jwt.types import Options

from expunge.core.accounts.accounts_spec import HandOverSpec
from expunge.core.accounts.hand_over import MOST_TOKEN, TYPE, HandOverFault, refusal
from expunge.core.values import b64
from expunge.core.values.canonical import Json
from expunge.errors import HandOverRefused

# Why no times: the core judges them, by the keeper's own clock.
_OPTIONS: Options = {"strict_aud": True, "require": ["iss", "aud"], "verify_exp": False, "verify_nbf": False, "verify_iat": False}


class JwtHandOverTokens:
    """Implements ``expunge.ports.accounts.hand_overs.HandOverTokens``. A key of the map signs by one algorithm alone."""

    def __init__(self, spec: HandOverSpec | None, audience: str, type_: str = TYPE) -> None:
        """Read the keys.

        Args:
            spec: the map's section; None where the keeper takes no tokens.
            audience: the origin of the pages: the claim ``aud``.
            type_: the header ``typ`` of each token: one kind never passes for another.
        """
        self._spec, self._audience, self._type = spec, audience, type_
        self._keys: dict[str, tuple[Any, str]] = {}
        for name, text in spec.keys if spec else ():
            key = load_der_public_key(b64.decode(text))
            self._keys[name] = key, "ES256" if isinstance(key, EllipticCurvePublicKey) else "EdDSA"

    def verified(self, token: str) -> tuple[str, Mapping[str, Json]]:
        """See the port."""
        if self._spec is None:
            raise refusal(HandOverFault.NOT_TAKEN, "the keeper takes no hand-over tokens")
        if len(token) > MOST_TOKEN:
            message = f"a hand-over token is malformed: it has more than {MOST_TOKEN} characters"
            raise refusal(HandOverFault.MALFORMED, message)
        try:
            header = jwt.get_unverified_header(token)
            name = str(header.get("kid", ""))
            key, algorithm = self._keys[name]
            claims = jwt.decode(
                token,
                key,
                algorithms=[algorithm],
                audience=self._audience,
                issuer=self._spec.issuer,
                options=_OPTIONS,
            )
        except KeyError:
            raise refusal(HandOverFault.NOT_THIS_COMPANY, "a hand-over token is signed by no key of the map") from None
        except (jwt.InvalidSignatureError, jwt.InvalidAlgorithmError, jwt.InvalidIssuerError, jwt.InvalidAudienceError):
            raise refusal(
                HandOverFault.NOT_THIS_COMPANY, "a hand-over token is not of the company of the map, or for another site"
            ) from None
        except (jwt.PyJWTError, ValueError, RecursionError):
            raise _unreadable() from None
        if header.get("typ") != self._type:
            message = f"a hand-over token is malformed: its header 'typ' is not {self._type!r}"
            raise refusal(HandOverFault.MALFORMED, message)
        return name, claims


def _unreadable() -> HandOverRefused:
    return refusal(HandOverFault.MALFORMED, "a hand-over token is malformed: it cannot be read")
