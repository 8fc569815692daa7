"""The roles of people who come near recordings, and the statement that a reviewer makes for each purpose (RNG III.E.1(b), RNG-10)."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from expunge.core.accounts.asks import Ask, AskKind
from expunge.core.journal.review_words import ReviewPurpose

if TYPE_CHECKING:
    from uuid import UUID

ACCESS_ROLE = "access to recordings"
"""The role, in the ledger of duties, of each person who asks for, approves or sees recordings."""
DELETION_ROLE = "deletion of data"
"""The role, in the ledger of duties, of each person who carries out orders (AMZ VI.E.3-4)."""
_STATEMENT = """\
I ask to see and hear recordings of customers for one purpose: {purpose}.
I will see and hear a recording for this purpose alone, and no more of it than the case needs.
I will copy nothing, photograph nothing and tell no person who does not work on the case.
I will give a recording back where I know a person in it.
I know that each view is recorded, and that the customer reads who looked, when, why and how clearly.
"""


def ledger_name(account: str) -> str:
    """Return what the ledger of duties makes its pseudonym of an account of staff of."""
    return f"account of staff {account}"


def purpose_role(purpose: ReviewPurpose) -> str:
    """Return the role, in the ledger of duties, of a person who reviews for a purpose."""
    return f"review {purpose.value}"


TRAINED_ROLES = (ACCESS_ROLE, DELETION_ROLE, *map(purpose_role, ReviewPurpose))
"""The roles of accounts of staff that trainings are about."""


def statement(purpose: ReviewPurpose) -> str:
    """Return the statement that a reviewer makes for a purpose."""
    return _STATEMENT.format(purpose=purpose.value)


def statement_digest(purpose: ReviewPurpose) -> str:
    """Return the hex SHA-256 of the statement, which the record of it has as its document."""
    return sha256(statement(purpose).encode()).hexdigest()


def attesting(account: UUID, purpose: ReviewPurpose) -> Ask:
    """Return the ask that a reviewer's passkey signs to make the statement of a purpose: these words, and no others."""
    return Ask(AskKind.VIEW, account, details=(("purpose", purpose.value), ("statement", statement_digest(purpose))))
