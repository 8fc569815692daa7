"""ID tokens, verified as OpenID Connect Core 1.0, 3.1.3.7 asks; and the signature always, whatever the way of the token was."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import jwt

from expunge import clock
from expunge.core.accounts.accounts_spec import ProviderSpec
from expunge.web.site.providers.protocol.discovery import Directory, Provider
from expunge.web.site.providers.protocol.problems import Problem, ProviderTrouble

LEEWAY = 60
"""Seconds by which two clocks may be apart."""
FRESH_LOGIN = 300
"""Seconds since the person logged in at the company, at most."""
_FAMILIES = {"RS256": "RSA", "RS384": "RSA", "RS512": "RSA", "PS256": "RSA", "PS384": "RSA", "PS512": "RSA"} | {
    "ES256": "EC",
    "ES384": "EC",
    "ES512": "EC",
    "EdDSA": "OKP",
}
"""Algorithm -> the family of its key. No other is taken: neither none, nor one whose key both sides have."""
_NEVER = ("none", "HS256", "HS384", "HS512")
_SHORTEST_RSA = 2048
_LONGEST_SUBJECT = 255
_NEEDED = ["iss", "sub", "aud", "exp", "iat"]


@dataclass(frozen=True)
class Proven:
    """What an ID token says."""

    subject: str
    acr: str
    amr: tuple[str, ...]
    claims: dict[str, Any]

    def identity(self, issuer: str) -> str:
        """Return what the person is known by: hex SHA-256 of issuer and subject, which only together name one (Core 1.0, 2)."""
        return sha256(f"{issuer}\0{self.subject}".encode()).hexdigest()


def verified(directory: Directory, spec: ProviderSpec, token: object, nonce: str) -> Proven:
    """Return what an ID token says of a person who logged in a moment ago, for this client and this very login.

    Raises:
        ProviderTrouble: it does not say so; the clocks are apart.
    """
    if not isinstance(token, str):
        raise ProviderTrouble(Problem.UNTRUSTED, "id_token")
    try:
        header = jwt.get_unverified_header(token)
        algorithm = header.get("alg", "")
        key = _key(directory, spec, algorithm, header.get("kid"))
        options: Any = {"require": _NEEDED, "verify_aud": True, "verify_iss": True}
        claims = jwt.decode(token, key, algorithms=[algorithm], audience=spec.client_id, issuer=spec.issuer, leeway=LEEWAY, options=options)
    except (jwt.ExpiredSignatureError, jwt.ImmatureSignatureError) as error:
        raise ProviderTrouble(Problem.CLOCK) from error
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        raise ProviderTrouble(Problem.UNTRUSTED, str(getattr(error, "claim", type(error).__name__))) from error
    return _checked(spec, claims, nonce)


def _checked(spec: ProviderSpec, claims: dict[str, Any], nonce: str) -> Proven:
    audiences = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
    if (len(audiences) > 1 or "azp" in claims) and claims.get("azp") != spec.client_id:
        raise ProviderTrouble(Problem.UNTRUSTED, "azp")
    if not nonce or not hmac.compare_digest(str(claims.get("nonce", "")).encode(), nonce.encode()):
        raise ProviderTrouble(Problem.UNTRUSTED, "nonce")
    subject = claims["sub"]
    if not isinstance(subject, str) or not 0 < len(subject) <= _LONGEST_SUBJECT:
        raise ProviderTrouble(Problem.UNTRUSTED, "sub")
    since = claims.get("auth_time")
    if not isinstance(since, (int, float)) or isinstance(since, bool):
        raise ProviderTrouble(Problem.UNTRUSTED, "auth_time")
    age = clock.timestamp() - since
    if age < -LEEWAY:
        raise ProviderTrouble(Problem.CLOCK)
    if age > FRESH_LOGIN + LEEWAY:
        raise ProviderTrouble(Problem.UNTRUSTED, "auth_time")
    acr, amr = claims.get("acr", ""), claims.get("amr", [])
    words = tuple(word for word in amr if isinstance(word, str)) if isinstance(amr, list) else ()
    return Proven(subject, acr if isinstance(acr, str) else "", words, claims)


def _key(directory: Directory, spec: ProviderSpec, algorithm: object, kid: object) -> Any:
    family = _FAMILIES.get(algorithm) if isinstance(algorithm, str) else None
    if family is None:
        raise ProviderTrouble(Problem.UNTRUSTED, f"alg {algorithm}" if algorithm in _NEVER else "alg")
    found = _fitting(directory.provider(spec), family, kid) or _fitting(directory.again(spec), family, kid)
    if len(found) != 1:
        raise ProviderTrouble(Problem.UNTRUSTED, "kid")
    key = found[0].key
    if family == "RSA" and key.key_size < _SHORTEST_RSA:
        raise ProviderTrouble(Problem.UNTRUSTED, "a key that is too short")
    return key


def _fitting(provider: Provider, family: str, kid: object) -> list[jwt.PyJWK]:
    """Return the keys that a token may mean: the one that it names, or the only one of its family."""
    of_family = [key for key in provider.keys if key.key_type == family and key.public_key_use in {None, "sig"}]
    return [key for key in of_family if kid is None or key.key_id == kid]
