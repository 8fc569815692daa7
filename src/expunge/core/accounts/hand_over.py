"""Hand-over tokens: the company says that the person who is logged in at its own app is guardian of a child, or is the subject.

A token is a JWT (RFC 7519, RFC 8725) that the company signs with a key of its own. The keeper verifies it. Code in the web process, through
which it passes, can make none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Any

from expunge.core.accounts.memberships import MembershipRole
from expunge.core.values.canonical import Json
from expunge.errors import HandOverRefused

TYPE = "handover+jwt"
"""The header ``typ`` of a token (RFC 8725, 3.11): no other token that the company signs passes for one."""
MOST_TOKEN = 8 * 2**10
"""Characters of a token."""
MOST_FAMILIES = 20
"""Families in one token."""
LONGEST = timedelta(minutes=10)
"""From ``iat`` to ``exp``."""
SKEW = timedelta(seconds=60)
"""For so much the company's clock may be ahead of the keeper's, or behind it."""
_MOST_SUBJECT = 512
_MOST_ID = 128
_HEX_DIGEST = 64
_CLAIMS = {"iss", "aud", "jti", "iat", "exp", "address", "families"}


class HandOverFault(StrEnum):
    """The reasons for which a token is refused. Each has a page of its own."""

    MALFORMED = "malformed"
    """It is no token, or lacks something, or was cut short on its way."""
    NOT_THIS_COMPANY = "not-this-company"
    """It is signed by no key of the map, or is for another site."""
    ENDED = "ended"
    CLOCK = "clock"
    """It is of a time that has not come yet, or is good for longer than ten minutes: a clock is wrong."""
    USED = "used"
    OTHER_ADDRESS = "other-address"
    """It is for a person with another mail address than the account's, or the account's address is not proven."""
    UNKNOWN_KIND = "unknown-kind"
    """It names a person by a kind of identity that the map does not have."""
    NOT_TAKEN = "not-taken"
    """The map names no key of the company."""


@dataclass(frozen=True)
class ToldMembership:
    """One membership that a token tells of."""

    subject: str = field(repr=False)
    """KIND:VALUE, by the company's own identifier. It is turned into a pseudonym at once and kept nowhere."""
    role: MembershipRole


@dataclass(frozen=True)
class HandOver:
    """The claims of a token whose signature, issuer and audience were verified."""

    issuer: str
    token_id: str = field(repr=False)
    """The claim ``jti``: one use each."""
    issued_at: datetime
    until: datetime
    told: tuple[ToldMembership, ...]
    address: str = field(default="", repr=False)
    """Hex SHA-256 of the mail address that the company knows, in small letters; empty where the token names none."""

    @property
    def use(self) -> bytes:
        """The SHA-256 that marks the token as used."""
        return sha256(f"{self.issuer}\0{self.token_id}".encode()).digest()


def digest_of(token: str) -> str:
    """Return the hex SHA-256 of a token: an ask names it by that."""
    return sha256(token.encode("utf-8", "replace")).hexdigest()


def address_digest(address: str) -> str:
    """Return the form in which a token names a mail address: hex SHA-256 of it, in small letters."""
    return sha256(address.lower().encode()).hexdigest()


def read_claims(claims: Mapping[str, Json]) -> HandOver:
    """Return the hand-over that verified claims make. Raises HandOverRefused for claims of another form. Times are not judged."""
    if unknown := claims.keys() - _CLAIMS:
        raise _malformed("it has the claim {!r}, which is not known", min(unknown)[:20])
    issuer, token_id, address = read_text(claims, "iss"), read_text(claims, "jti"), claims.get("address", "")
    if not isinstance(address, str) or (address and (len(address) != _HEX_DIGEST or set(address) - set("0123456789abcdef"))):
        raise _malformed("its claim 'address' is no SHA-256 in small hex letters")
    families = claims.get("families")
    if not isinstance(families, list) or not 1 <= len(families) <= MOST_FAMILIES:
        raise _malformed("its claim 'families' is no list of 1 to {} entries", MOST_FAMILIES)
    told = tuple(map(read_told, families))
    return HandOver(issuer, token_id, read_time(claims, "iat"), read_time(claims, "exp"), told, address)


def require_in_time(hand_over: HandOver, now: datetime) -> None:
    """Raise HandOverRefused for a token that has ended, is of a time to come, or is good for longer than :data:`LONGEST`."""
    if hand_over.until - hand_over.issued_at > LONGEST or hand_over.issued_at - now > SKEW or hand_over.until <= hand_over.issued_at:
        raise refusal(HandOverFault.CLOCK, "a hand-over token is of a time to come, or is good for longer than ten minutes")
    if now - hand_over.until >= SKEW:
        raise refusal(HandOverFault.ENDED, "the time of a hand-over token is over")


def refusal(fault: HandOverFault, message: str) -> HandOverRefused:
    """Return the error of a token that is refused. It holds nothing of the token."""
    return HandOverRefused(message, help=_MENDS[fault], reason=fault.value)


_MENDS = {
    HandOverFault.MALFORMED: "open a new link in the company's app; the operator compares the token with docs/howto/hand-over.md",
    HandOverFault.NOT_THIS_COMPANY: "the operator compares iss, aud and kid of the token with accounts.handover of the map",
    HandOverFault.ENDED: "open a new link in the company's app: each is good for at most ten minutes",
    HandOverFault.CLOCK: "the operator sets the clocks of both servers right, and exp at most ten minutes after iat",
    HandOverFault.USED: "open a new link in the company's app: each works once",
    HandOverFault.OTHER_ADDRESS: "log in with the mail address that the company has, and prove it; or have the company correct its own",
    HandOverFault.UNKNOWN_KIND: "the operator names the person as KIND:VALUE, with a kind of the map's identities",
    HandOverFault.NOT_TAKEN: "the operator adds accounts.handover to the map, and restarts the keeper",
}


def read_told(entry: Json) -> ToldMembership:
    """Return the membership that an entry of ``families`` tells of. Raises HandOverRefused."""
    if not isinstance(entry, dict) or entry.keys() != {"subject", "role"}:
        raise _malformed("an entry of its claim 'families' has not exactly 'subject' and 'role'")
    subject = entry["subject"]
    if not isinstance(subject, str) or not 3 <= len(subject) <= _MOST_SUBJECT or not all(subject.partition(":")):
        raise _malformed("a subject is not KIND:VALUE")
    try:
        return ToldMembership(subject, MembershipRole(str(entry["role"])))
    except ValueError as error:
        raise _malformed("a role is none of guardian, self and former") from error


def read_text(claims: Mapping[str, Json], name: str) -> str:
    """Return a claim that is a short text. Raises HandOverRefused."""
    value = claims.get(name)
    if not isinstance(value, str) or not 1 <= len(value) <= _MOST_ID:
        raise _malformed("its claim {!r} is no text of 1 to {} characters", name, _MOST_ID)
    return value


def read_time(claims: Mapping[str, Any], name: str) -> datetime:
    """Return a claim that is a time, in whole seconds since 1970. Raises HandOverRefused."""
    value = claims.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**33:
        raise _malformed("its claim {!r} is no whole number of seconds since 1970", name)
    return datetime.fromtimestamp(value, UTC)


def _malformed(why: str, *facts: object) -> HandOverRefused:
    return refusal(HandOverFault.MALFORMED, "a hand-over token is malformed: " + why.format(*facts))
