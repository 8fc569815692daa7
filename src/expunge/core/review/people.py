"""People who come near recordings: the standing of their training and statements, and what each account can reach."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from expunge.core.accounts.staff import StaffRight
from expunge.core.journal.review_words import ReviewPurpose
from expunge.core.verification.ledger_record import LedgerKind


class RecordStanding(StrEnum):
    """The standing of a training or a statement."""

    CURRENT = "current"
    DUE = "due"
    """It lapses within thirty days."""
    LAPSED = "lapsed"
    MISSING = "missing"


@dataclass(frozen=True)
class RecordedDuty:
    """One training or statement of one account."""

    account: str
    label: str
    purpose: ReviewPurpose | None
    """None for a yearly training."""
    role: str
    """The role of the ledger that it is about: access to recordings, deletion of data, or review for the purpose."""
    kind: LedgerKind
    """TRAINING or ATTESTATION."""
    on: date | None
    """The day of the last one; None where there was none."""
    lapses: date | None
    """The first day on which it does not count."""
    standing: RecordStanding
    needed: bool
    """Whether the account has a right that takes it."""

    @property
    def open(self) -> bool:
        """Whether it is due, has lapsed, or is missing."""
        return self.standing is not RecordStanding.CURRENT


@dataclass(frozen=True)
class PersonAccess:
    """What one account of staff can reach of recordings, as far as the register and the ledger tell.

    No account of staff holds a key, whatever its rights are: what it sees is decrypted in the clerk, and only at the desk (RNG III.E.3).
    """

    account: str
    label: str
    rights: frozenset[StaffRight]
    """Rights about views that it has now."""
    unused: frozenset[StaffRight]
    """Those of them that were not used for ninety days."""
    used: date | None
    """The last day on which it used one."""
    purposes: tuple[ReviewPurpose, ...]
    """Purposes for which its training and its statement are current: for these it can be shown what another person approved."""

    @property
    def sees(self) -> bool:
        """Whether it can be shown a recording at all now."""
        return StaffRight.SEE_VIEWS in self.rights and bool(self.purposes)
