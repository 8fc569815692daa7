"""Bearer tokens of programs that talk to Expunge over HTTP: their form, the stored record, and the check of a request.

A token is shown once, when it is issued. Only the SHA-256 of its secret part is stored. The secret is 256 random bits, so it cannot be
guessed.
"""

from __future__ import annotations

import hmac
import re
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import TypeAlias

from expunge.core.values.tags import tagged

SECRET_BYTES = 32
_TEXT = re.compile(r"expunge_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")
_NOBODY = sha256(b"no such token").hexdigest()


class TokenScope(StrEnum):
    """The scope of a token."""

    LINEAGE = "lineage"
    """Posting lineage events."""
    COLLECT = "collect"
    """Asking whether a kind of data may be collected."""
    INGEST = "ingest"
    """Sending recordings into vaults."""
    FAMILIES = "families"
    """Acting for customers of the company's app, by its signed statements."""
    METRICS = "metrics"
    """Reading the server's metrics."""


@tagged("TokenIssued")
@dataclass(frozen=True)
class TokenIssued:
    """A token was issued. Register ``tokens``."""

    at: datetime
    token: str
    """Its id: 12 hex digits, which stand in the token as well."""
    name: str
    """What the operator calls it: the program that uses it; no person."""
    scope: TokenScope
    digest: str
    """Hex SHA-256 of the secret part."""
    until: datetime


@tagged("TokenRevoked")
@dataclass(frozen=True)
class TokenRevoked:
    """A token was revoked before its date. Register ``tokens``."""

    at: datetime
    token: str


TokenEvent: TypeAlias = TokenIssued | TokenRevoked


@dataclass(frozen=True)
class Token:
    """The record of one token."""

    id: str
    name: str
    scope: TokenScope
    digest: str
    issued: datetime
    until: datetime
    revoked: datetime | None = None

    def works(self, now: datetime) -> bool:
        """Return whether it was neither revoked nor has ended."""
        return self.revoked is None and now < self.until


class TokenRefused(StrEnum):
    """The reason why a token is refused. Its words are shown to the sender."""

    MISSING = "there is no token"
    UNKNOWN = "the token is not known"
    REVOKED = "the token was revoked"
    ENDED = "the token has ended"
    NOT_FOR_THIS = "the token is not for this"


def text_of(token: str, secret: bytes) -> str:
    """The token as it is shown, once. ``secret``: 32 random bytes."""
    return f"expunge_{token}_{urlsafe_b64encode(secret).decode().rstrip('=')}"


def digest_of(text: str) -> str:
    """Return the stored digest of a token's text. Raises ValueError for text of another form."""
    found = _TEXT.fullmatch(text)
    if found is None:
        message = "this is no token"
        raise ValueError(message)
    return sha256(found[2].encode()).hexdigest()


def fold_tokens(events: Iterable[object]) -> dict[str, Token]:
    """Id -> token, from the register's events in order."""
    tokens: dict[str, Token] = {}
    for event in events:
        match event:
            case TokenIssued():
                tokens[event.token] = Token(event.token, event.name, event.scope, event.digest, event.at, event.until)
            case TokenRevoked():
                tokens[event.token] = replace(tokens[event.token], revoked=event.at)
    return tokens


def admit(tokens: Mapping[str, Token], header: str, scope: TokenScope, now: datetime) -> Token | TokenRefused:
    """Return the token when an ``Authorization`` header may do what ``scope`` names, else the refusal.

    It takes as long whether the token is known or not. Only a sender who knows the secret learns that the token was revoked, has ended or
    has another scope.
    """
    kind, _, text = header.partition(" ")
    if kind.lower() != "bearer" or not text.strip():
        return TokenRefused.MISSING
    found = _TEXT.fullmatch(text.strip())
    token = tokens.get(found[1]) if found else None
    given = sha256((found[2] if found else "").encode()).hexdigest()
    if not hmac.compare_digest(given, token.digest if token else _NOBODY) or token is None:
        return TokenRefused.UNKNOWN
    if token.revoked is not None:
        return TokenRefused.REVOKED
    if now >= token.until:
        return TokenRefused.ENDED
    return token if token.scope is scope else TokenRefused.NOT_FOR_THIS
