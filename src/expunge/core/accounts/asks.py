"""Sensitive asks: what a person is asked to confirm again with a credential, in a form that a challenge can be bound to."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import TYPE_CHECKING

from expunge.core.values import canonical
from expunge.core.values.canonical import Json
from expunge.errors import UsageError

if TYPE_CHECKING:
    from uuid import UUID

DIGEST_BYTES = 32
"""Of an ask's digest, a nonce, a hash of a web session, and a challenge."""
MOST_DETAILS = 8
MOST_DETAIL = 512
"""The most characters of one detail's value."""
_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")
_FAMILY = re.compile(r"[A-Za-z0-9_.:-]{1,128}")
_ASK = b"expunge/ask/1\0"
_CHALLENGE = b"expunge/ask-challenge/1\0"
_SIGN_IN = b"expunge/sign-in-challenge/1\0"


class AskKind(StrEnum):
    """The kinds of sensitive ask."""

    EXPORT = "export"
    """A copy of everything that is held about a family."""
    PLAYBACK = "playback"
    """A recording of a family, seen or heard."""
    DELETE_EVERYTHING = "delete-everything"
    CALL_OFF = "call-off"
    """An order to delete, called off before anything was erased: data stays that a family wanted gone. The detail ``order`` is its id."""
    CHANGE_OF_GUARDIAN = "change-of-guardian"
    REVIEW = "review"
    """A family's word that lets staff see a recording: the detail ``request`` is the one it allows, or ``bar`` the bar that it ends."""
    CHANGE_OF_ADDRESS = "change-of-address"
    """Another mail address for the account itself: letters with codes go there."""
    ENROL_CREDENTIAL = "enrol-credential"
    REMOVE_CREDENTIAL = "remove-credential"
    CLOSE_ACCOUNT = "close-account"
    HAND_OVER = "hand-over"
    """Memberships of families, as a token of the company says; the detail ``token`` is its hex SHA-256."""
    VIEW = "view"
    """A recording, seen by an employee under a lease."""
    APPROVAL = "approval"
    CHANGE_OF_RIGHTS = "change-of-rights"

    @property
    def of_family(self) -> bool:
        """Return whether it is about a family, and takes a membership."""
        return self in _OF_FAMILIES

    @property
    def by_mail(self) -> bool:
        """Return whether a code by mail confirms it, where the account has no credential that could."""
        return self in {AskKind.ENROL_CREDENTIAL, AskKind.CHANGE_OF_ADDRESS, AskKind.CLOSE_ACCOUNT}

    @property
    def closed_at_times(self) -> bool:
        """Return whether it is closed for a while after a recovery, and to a first credential that an account of a family enrolled.

        The end of an account is among them: it cannot be undone, and a new one of the same address would wait for nothing.
        """
        return self.of_family or self is AskKind.CLOSE_ACCOUNT

    @property
    def of_staff(self) -> bool:
        """Return whether only employees ask it, by a right of their own."""
        return self in {AskKind.VIEW, AskKind.APPROVAL, AskKind.CHANGE_OF_RIGHTS}


_OF_FAMILIES = frozenset(
    {AskKind.EXPORT, AskKind.PLAYBACK, AskKind.DELETE_EVERYTHING, AskKind.CALL_OFF, AskKind.CHANGE_OF_GUARDIAN, AskKind.REVIEW}
)


@dataclass(frozen=True)
class Ask:
    """One sensitive ask of one account. Raises UsageError where it is malformed."""

    kind: AskKind
    account: UUID
    family: str | None = None
    """The pseudonym of the family that it is about; None for asks about the account itself, or of staff."""
    details: tuple[tuple[str, str], ...] = ()
    """Further facts by name, sorted: the recording, the lease, the credential. Opaque ids, never an identifier of a person."""

    def __post_init__(self) -> None:
        """Refuse what is malformed: a challenge binds only what has one canonical form."""
        if self.family is not None and not _FAMILY.fullmatch(self.family):
            raise _malformed("its family is no pseudonym")
        if self.kind.of_family is (self.family is None) and not self.kind.of_staff:
            raise _malformed("it names no family, or names one and is about the account itself")
        names = [name for name, _ in self.details]
        if names != sorted(set(names)) or len(names) > MOST_DETAILS:
            message = f"its details are not sorted, are there twice, or are more than {MOST_DETAILS}"
            raise _malformed(message)
        if not all(_NAME.fullmatch(name) and len(value) <= MOST_DETAIL and value.isprintable() for name, value in self.details):
            message = f"a detail is no short name with a value of at most {MOST_DETAIL} characters"
            raise _malformed(message)

    @property
    def digest(self) -> bytes:
        """The SHA-256 of its canonical form."""
        details: dict[str, Json] = dict(self.details)
        form: dict[str, Json] = {"kind": self.kind.value, "account": str(self.account), "family": self.family, "details": details}
        return sha256(_ASK + canonical.encode(form)).digest()

    def detail(self, name: str) -> str:
        """Return a detail; empty where the ask has none of that name."""
        return dict(self.details).get(name, "")


def challenge(nonce: bytes, ask: Ask, session: bytes) -> bytes:
    """Return the 32 bytes that an authenticator signs for an ask.

    SHA-256 over a label and, in this order, each of a fixed length or behind its length:

    * the **nonce**, 32 random bytes of the keeper: no assertion of another time fits, so nothing can be replayed;
    * the **digest of the ask**: an assertion for one ask fits no other, nor one that was made for a login;
    * the **account**: an assertion of one account fits no other, even where both have the same passkey;
    * the **family**: the same ask about another family does not fit;
    * the **hash of the web session**: what was begun in one browser cannot be finished in another.

    Account and family stand in the digest already. They stand here once more, so that no later form of details can shadow them.

    Raises UsageError for a nonce or a session of another length.
    """
    if len(nonce) != DIGEST_BYTES or len(session) != DIGEST_BYTES:
        message = f"its nonce or the hash of its web session has not {DIGEST_BYTES} bytes"
        raise _malformed(message)
    family = (ask.family or "").encode()
    parts = nonce, ask.digest, ask.account.bytes, len(family).to_bytes(2, "big"), family, session
    return sha256(_CHALLENGE + b"".join(parts)).digest()


def sign_in_challenge(nonce: bytes, session: bytes) -> bytes:
    """Return the 32 bytes that an authenticator signs for a sign-in, of an account that only its answer names.

    SHA-256 over a label of its own, the nonce and the hash of the web session. So no signature for a sign-in confirms an ask, and none
    for an ask signs a person in.

    Raises UsageError for a nonce or a session of another length.
    """
    if len(nonce) != DIGEST_BYTES or len(session) != DIGEST_BYTES:
        message = f"its nonce or the hash of its web session has not {DIGEST_BYTES} bytes"
        raise _malformed(message)
    return sha256(_SIGN_IN + nonce + session).digest()


def _malformed(why: str) -> UsageError:
    message = f"a sensitive ask is malformed: {why}"
    return UsageError(message, help="ask with the same version of Expunge as the keeper runs; if it comes again, report it")
