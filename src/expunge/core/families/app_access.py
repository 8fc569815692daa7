"""Access of a company's own app: signed statements about a customer, and the short-lived tokens that they are exchanged for.

A statement is a JWT that the company signs with the keys of its hand-over tokens. It names the customer's families, the customer's login at
the app, and the acts that the login allows. The exchange follows RFC 8693 in its idea. No identifier of a person is kept.
"""

from __future__ import annotations

import hmac
import re
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256

from expunge.core.accounts.app_spec import AppScope
from expunge.core.accounts.hand_over import LONGEST, MOST_FAMILIES, SKEW, ToldMembership, read_text, read_time, read_told
from expunge.core.accounts.memberships import MembershipRole
from expunge.core.values.canonical import Json
from expunge.core.values.ids import Pseudonym
from expunge.errors import AppRefused, HandOverRefused

TYPE = "onbehalf+jwt"
"""The header ``typ`` of a statement (RFC 8725, 3.11): no hand-over token passes for one, and no statement for a hand-over token."""
SAID_TYPE = "said+jwt"
"""The header ``typ`` of an event of the company's assistant."""
MOST_MINUTES = 1440
SECRET_BYTES = 32
ENDED_FOR = timedelta(days=1)
"""For so long an ended login is remembered. No statement that was signed before its end counts for longer than eleven minutes."""
_CLAIMS = {"iss", "aud", "jti", "iat", "exp", "sid", "auth_time", "scope", "families", "address"}
_SAID_CLAIMS = {"iss", "aud", "jti", "iat", "exp", "subject", "minutes", "dataset", "items"}
_MOST_ITEMS = 100
_MOST_SUBJECT = 512
_TEXT = re.compile(r"expunge_app_([A-Za-z0-9_-]{43})")
_ADDRESS = re.compile(r"[0-9a-f]{64}")
_HANDLE = b"expunge/app-family/1\0"
_RECORDING = b"expunge/app-recording/1\0"
_LOGIN = b"expunge/app-login/1\0"


class AppFault(StrEnum):
    """The reasons for which a request of an app is refused. Each is the last part of a problem's type (RFC 9457)."""

    TOKEN = "token"  # noqa: S105 - a word, no secret
    """The access token is not known, has ended, was revoked, or its login has ended."""
    SCOPE = "scope"
    """The token or the statement does not allow the act, or the map does not."""
    FRESH_LOGIN = "fresh-login"
    """The customer's authentication is too old for the act."""
    STATEMENT = "statement"
    """The statement cannot be read, or is of another company or another site."""
    STATEMENT_TIME = "statement-time"
    """The statement has ended, or is of a time to come."""
    STATEMENT_USED = "statement-used"
    LOGIN_ENDED = "login-ended"
    """The customer logged out at the app."""
    FAMILY = "family"
    """The token names no such family."""
    ORDER = "order"
    """The family has no such order."""
    RECORDING = "recording"
    """The family has no such recording, or it is gone."""
    PURPOSE = "purpose"
    """The map has no such purpose, or it needs no consent."""
    NO_RECEIPT = "no-receipt"
    """The order has no receipt yet."""
    TOO_LATE = "too-late"
    """Something was erased: the order cannot be cancelled any more."""
    KEY_REUSED = "key-reused"
    """The idempotency key came with another request before."""
    UNDER_WAY = "under-way"
    """The same request is being carried out."""
    DISPUTE = "dispute"
    """Guardians of the person are in dispute."""
    NOTHING_HELD = "nothing-held"
    """No dataset of the map holds the person."""
    CURSOR = "cursor"
    """The cursor is none that this list gave."""


@dataclass(frozen=True)
class AppStatement:
    """The claims of a statement whose signature, issuer and audience were verified."""

    issuer: str
    token_id: str = field(repr=False)
    """The claim ``jti``: one use each."""
    issued_at: datetime
    until: datetime
    session: str = field(repr=False)
    """The claim ``sid``: the customer's login at the app."""
    authenticated_at: datetime
    """The claim ``auth_time`` (OpenID Connect Core 1.0, 2)."""
    scopes: frozenset[AppScope]
    told: tuple[ToldMembership, ...]
    address: str = field(default="", repr=False)
    """The claim ``address``: hex SHA-256 of the customer's mail address, as in a hand-over token; empty where it names none."""

    @property
    def use(self) -> bytes:
        """The SHA-256 that marks the statement as used."""
        return sha256(f"{TYPE}\0{self.issuer}\0{self.token_id}".encode()).digest()

    @property
    def login(self) -> bytes:
        """The SHA-256 by which tokens name the customer's login."""
        return login_digest(self.issuer, self.session)


def read_statement(claims: Mapping[str, Json]) -> AppStatement:
    """Return the statement that verified claims make. Raises AppRefused for claims of another form. Times are not judged."""
    if unknown := claims.keys() - _CLAIMS:
        message = f"it has the claim {min(unknown)[:20]!r}, which is not known"
        raise _malformed(message)
    families, address = claims.get("families"), claims.get("address", "")
    if not isinstance(address, str) or (address and not _ADDRESS.fullmatch(address)):
        raise _malformed("its claim 'address' is no SHA-256 in small hex letters")
    if not isinstance(families, list) or not 1 <= len(families) <= MOST_FAMILIES:
        message = f"its claim 'families' is no list of 1 to {MOST_FAMILIES} entries"
        raise _malformed(message)
    try:
        told = tuple(map(read_told, families))
        issuer, token_id, session = (read_text(claims, name) for name in ("iss", "jti", "sid"))
        issued_at, until, authenticated_at = (read_time(claims, name) for name in ("iat", "exp", "auth_time"))
    except HandOverRefused as error:
        raise _malformed(error.message.partition(": ")[2]) from error
    if any(each.role is MembershipRole.FORMER for each in told):
        raise _malformed("a role is neither guardian nor self")
    return AppStatement(issuer, token_id, issued_at, until, session, authenticated_at, read_scopes(claims.get("scope")), told, address)


def read_scopes(text: Json) -> frozenset[AppScope]:
    """Return the scopes that a text names, apart by blanks (RFC 6749, 3.3). Raises AppRefused."""
    words = text.split(" ") if isinstance(text, str) else []
    if not words or not set(words) <= set(AppScope):
        message = "its scope names an act that the API does not have, or none"
        help_ = f"name some of {', '.join(AppScope)}; export and playback are for the pages alone, where the person confirms"
        raise AppRefused(message, help=help_, reason=AppFault.SCOPE.value)
    return frozenset(map(AppScope, words))


@dataclass(frozen=True)
class SaidEvent:
    """The claims of an event of the company's assistant: a customer said *delete what I just said*."""

    issuer: str
    token_id: str = field(repr=False)
    issued_at: datetime
    until: datetime
    subject: str = field(repr=False)
    """KIND:VALUE, as in a statement."""
    minutes: int = 0
    """What was recorded in so many minutes before the event; 0 where items are named."""
    dataset: str = ""
    items: tuple[str, ...] = field(default=(), repr=False)
    """The names of items of the dataset, as the store has them: paths of files, keys of rows."""

    @property
    def use(self) -> bytes:
        """The SHA-256 that marks the event: the same event means one order."""
        return sha256(f"{SAID_TYPE}\0{self.issuer}\0{self.token_id}".encode()).digest()


def read_said(claims: Mapping[str, Json]) -> SaidEvent:
    """Return the event that verified claims make. Raises AppRefused for claims of another form. Times are not judged."""
    if unknown := claims.keys() - _SAID_CLAIMS:
        message = f"it has the claim {min(unknown)[:20]!r}, which is not known"
        raise _malformed(message)
    subject, minutes, dataset, items = (claims.get(name) for name in ("subject", "minutes", "dataset", "items"))
    if not isinstance(subject, str) or not all(subject.partition(":")) or len(subject) > _MOST_SUBJECT:
        raise _malformed("its claim 'subject' is not KIND:VALUE")
    try:
        issuer, token_id = read_text(claims, "iss"), read_text(claims, "jti")
        issued_at, until = read_time(claims, "iat"), read_time(claims, "exp")
    except HandOverRefused as error:
        raise _malformed(error.message.partition(": ")[2]) from error
    if minutes is not None and dataset is None and items is None:
        if not isinstance(minutes, int) or isinstance(minutes, bool) or not 1 <= minutes <= MOST_MINUTES:
            message = f"its claim 'minutes' is no number from 1 to {MOST_MINUTES}"
            raise _malformed(message)
        return SaidEvent(issuer, token_id, issued_at, until, subject, minutes=minutes)
    if minutes is None and isinstance(dataset, str) and isinstance(items, list) and 1 <= len(items) <= _MOST_ITEMS:
        names = tuple(item for item in items if isinstance(item, str) and 1 <= len(item) <= _MOST_SUBJECT)
        if len(names) == len(items):
            return SaidEvent(issuer, token_id, issued_at, until, subject, dataset=dataset, items=names)
    message = f"it has neither 'minutes' nor 'dataset' with 1 to {_MOST_ITEMS} 'items'"
    raise _malformed(message)


def require_in_time(statement: AppStatement | SaidEvent, now: datetime) -> None:
    """Raise AppRefused for a statement that has ended, is of a time to come, or is good for longer than ten minutes."""
    issued, until = statement.issued_at, statement.until
    if until - issued > LONGEST or until <= issued or issued - now > SKEW or _authenticated(statement) - now > SKEW:
        message = "a statement is of a time to come, or is good for longer than ten minutes"
        help_ = "set the clocks of both servers right, and exp at most ten minutes after iat"
        raise AppRefused(message, help=help_, reason=AppFault.STATEMENT_TIME.value)
    if now - until >= SKEW:
        message = "the time of a statement is over"
        raise AppRefused(message, help="sign a new one for each exchange", reason=AppFault.STATEMENT_TIME.value)


def _authenticated(statement: AppStatement | SaidEvent) -> datetime:
    return statement.authenticated_at if isinstance(statement, AppStatement) else statement.issued_at


def statement_used() -> AppRefused:
    """Return the error of a statement that came before."""
    return AppRefused("a statement was used already", help="sign a new one for each exchange", reason=AppFault.STATEMENT_USED.value)


def unsigned(message: str) -> AppRefused:
    """Return the error of a statement that no key of the map signed for this site, or that cannot be read."""
    return AppRefused(message, help="compare iss, aud, typ and kid with accounts.handover of the map", reason=AppFault.STATEMENT.value)


def login_digest(issuer: str, session: str) -> bytes:
    """Return the SHA-256 by which tokens name a customer's login at the app."""
    return sha256(_LOGIN + f"{issuer}\0{session}".encode()).digest()


def family_handle(key: bytes, family: Pseudonym) -> str:
    """Return the handle by which the API names a family: 32 hex digits, by HMAC-SHA-256 under the installation's pseudonym key.

    It is the same for each token, so that an app can tell which of its customers a web hook is about, and leads to no pseudonym.
    """
    return hmac.digest(key, _HANDLE + family.encode(), "sha256")[:16].hex()


def recording_handle(key: bytes, family: Pseudonym, dataset: str, item: str) -> str:
    """Return the handle by which the API names a recording of a family: 32 hex digits, by HMAC-SHA-256 under the key of pseudonyms.

    It is the same for each token of the family, so that a request that comes again after a crash names the same recording.
    """
    text = f"{family}\0{dataset}\0{item}".encode("utf-8", "surrogatepass")
    return hmac.digest(key, _RECORDING + text, "sha256")[:16].hex()


def token_text(secret: bytes) -> str:
    """Return an access token as it is shown, once. ``secret``: 32 random bytes."""
    return f"expunge_app_{urlsafe_b64encode(secret).decode().rstrip('=')}"


def token_digest(header: str) -> bytes | None:
    """Return the SHA-256 that marks the access token of an ``Authorization`` header; None where it shows none."""
    kind, _, text = header.partition(" ")
    found = _TEXT.fullmatch(text.strip()) if kind.lower() == "bearer" else None
    return None if found is None else sha256(found[1].encode()).digest()


def _malformed(why: str) -> AppRefused:
    return AppRefused(f"a statement is malformed: {why}", help="compare it with docs/howto/app-api.md", reason=AppFault.STATEMENT.value)
