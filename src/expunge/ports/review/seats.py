"""The port of reviewers at their pages: the login of each, and whether it still goes on; and what was recorded of their training."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from expunge.core.accounts.credential_strength import Level, Method
from expunge.core.journal.review_words import ReviewPurpose


@dataclass(frozen=True)
class Seat:
    """An account of staff in one web session, as a request of its page names it."""

    account: str
    session: bytes = field(repr=False)
    """The hash of the web session."""
    network: str = ""
    """The map's name of the network that the request comes from; empty for one that has none."""


@dataclass(frozen=True)
class SeatLogin:
    """The login of a seat, as it is now."""

    live: bool
    """Whether the session goes on."""
    methods: frozenset[Method] = frozenset()
    """What the person showed at this login."""
    level: Level | None = None
    equivalent: bool = False
    """Whether a written equivalence of the account covers the method of this login."""
    seconds: int | None = None
    """Whole seconds since the person showed a credential last."""


NO_LOGIN = SeatLogin(live=False)


class SeatLogins(Protocol):
    """Logins of staff. Safe between threads."""

    def login(self, seat: Seat) -> SeatLogin:
        """Return the login of a seat; one that does not go on for a session that is not known. Raises StateUnavailable."""
        ...


@dataclass(frozen=True)
class ReviewerRecord:
    """What is recorded of a reviewer. ``None`` means *never*."""

    attested_days: int | None = None
    """Whole days since the person attested to view for this purpose alone (RNG-10)."""
    trained_days: int | None = None
    """Whole days since the person was trained to review (RNG-15, AMZ-15)."""
    purpose_trained_days: int | None = None
    """Whole days since the person was trained for this purpose (RNG-11)."""


class ReviewerRecords(Protocol):
    """Records of training and attestation. Safe between threads."""

    def record(self, account: str, purpose: ReviewPurpose) -> ReviewerRecord:
        """Return what is recorded of an account for a purpose now. Raises StateUnavailable."""
        ...
