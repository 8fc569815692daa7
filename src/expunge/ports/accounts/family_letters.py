"""The ports of letters that are handed over at once: to members of families about their orders, and to any address that the data names.

Unlike :class:`expunge.ports.accounts.letters.Letters`, which keeps a queue in memory, the caller learns what became of each letter and
keeps its own ledger.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from expunge.core.journal.notice_events import LetterResult, NoticeKind
from expunge.core.values.ids import Pseudonym
from expunge.ports.accounts.letters import Letter


@dataclass(frozen=True)
class LetterReader:
    """An account that is told of a family's orders."""

    account: UUID
    since: datetime
    """Since when it is a member of the family: it is told of nothing that happened before."""


class LetterDelivery(Protocol):
    """Hands one letter to the mail server and waits for its answer. Safe between threads."""

    def deliver(self, letter: Letter) -> LetterResult:
        """Hand a letter over. Two letters with one ``key`` have one Message-ID, so that mail programs show one.

        It raises nothing for a server that is away: that is :attr:`LetterResult.LATER`.
        """
        ...


class FamilyLetters(Protocol):
    """Writes to the members of families, in the language of each account. Only the keeper's side knows an address.

    Raises KeeperAway where the keeper is asked and does not answer, StateUnavailable where its tables do not.
    """

    def readers(self, family: Pseudonym) -> tuple[LetterReader, ...]:
        """Return the members of a family who are told of its orders, guardians and the person itself, with a proven address."""
        ...

    def write(self, account: UUID, family: Pseudonym, kind: NoticeKind, at: datetime, key: str) -> LetterResult:
        """Write to a member about a step of an order.

        The letter names neither the order nor a person; it says the kind of the step, its time, and where to log in.

        Args:
            account: of whom; it has to be a member at this moment.
            family: whose order it is.
            kind: of the step.
            at: when it was.
            key: names the letter, for its Message-ID.
        """
        ...
