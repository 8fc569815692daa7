"""The yearly training of people who carry out orders, and the right that an account loses without it (AMZ VI.E.3-4, AMZ-15).

Clocks of the map say whether and how often people are trained. Where one does, the right to carry out orders counts as long as no such
clock of the account is over. It counts again with the next training: no person suspends, and no person restores.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from expunge.core.accounts.staff import StaffRight
from expunge.core.accounts.staff_state import StaffAccount
from expunge.core.datamap.clocks import ClockRule, due
from expunge.core.journal.ledger_events import LedgerStated
from expunge.core.review.statements import DELETION_ROLE, ledger_name
from expunge.core.verification import ledger_record
from expunge.core.verification.ledger_record import LedgerKind, LedgerRecord
from expunge.engine.kernel.context import Context
from expunge.engine.kernel.journal_streams import LEDGER, read_register
from expunge.engine.reports.duty_ledger import pseudonym
from expunge.errors import Refused
from expunge.ports.journal import Journal

_TRAINING = "training"
"""What clocks about it apply to."""


@dataclass(frozen=True)
class TrainedToDelete:
    """The training of one account of staff that may carry out orders."""

    on: date | None
    """The day of the last one; None where there was none."""
    lapses: datetime | None
    """When the right ends without another; None where no clock of the map asks for training."""

    def lapsed(self, now: datetime) -> bool:
        """Return whether the right to carry out orders does not count at a time."""
        return self.lapses is not None and now >= self.lapses


class DeletionTraining:
    """Reads the ledger of one process. Safe between threads."""

    def __init__(self, journal: Journal, laws: Callable[[], Mapping[str, ClockRule]], key: Callable[[], bytes]) -> None:
        """Read nothing yet.

        Args:
            journal: where the ledger is.
            laws: returns the clocks of the map.
            key: returns the installation's key of pseudonyms.
        """
        self._journal, self._laws, self._key = journal, laws, key
        self._guard = threading.Lock()
        self._length = -1
        self._records: dict[str, list[LedgerRecord]] = {}
        """Person -> records about the person, oldest first."""

    @classmethod
    def of(cls, context: Context) -> DeletionTraining:
        """Return that of an installation."""
        return cls(context.journal, lambda: context.data_map.laws, context.keys.pseudonym_key)

    def of_account(self, account: StaffAccount) -> TrainedToDelete | None:
        """Return the training of an account; None for one that was never granted the right. Raises StateUnavailable, StateCorrupt."""
        since = [each.since for each in account.grants.values() if each.right is StaffRight.EXECUTE_ORDERS]
        if not since:
            return None
        rules = [rule for rule in self._laws().values() if _TRAINING in rule.applies]
        records = self._of_person(account.id)
        roles = {each.id: each for each in records if each.kind is LedgerKind.ROLE and each.role == DELETION_ROLE}
        trained = [each.on for each in records if each.kind is LedgerKind.TRAINING and each.about[0] in roles]
        # Why the grant, where the ledger has no role: a person whom nobody entered there owes the training all the same.
        events = {"role begun": min([*since, *(_at(each.on) for each in roles.values())])}
        if trained:
            events["done"] = _at(max(trained))
        ends = [end for rule in rules if (end := due(rule, events).at) is not None]
        return TrainedToDelete(max(trained, default=None), min(ends, default=None))

    def withheld(self, account: StaffAccount, now: datetime) -> frozenset[StaffRight]:
        """Return the rights that an account was granted, and that do not count at a time for want of training."""
        found = self.of_account(account)
        return frozenset({StaffRight.EXECUTE_ORDERS}) if found is not None and found.lapsed(now) else frozenset()

    def require(self, accounts: Iterable[StaffAccount], user: str, now: datetime) -> None:
        """Raise Refused for an account of the operating system of a person whose training is over.

        Args:
            accounts: of the register of staff.
            user: the account of the operating system that is about to carry out orders.
            now: the time.
        """
        for each in accounts:
            if user and each.user == user and self.withheld(each, now):
                message = f"the yearly training about deletion of {each.label} has lapsed: this person carries out no order"
                raise Refused(message, help=f"enter it once it was done: expunge staff train {each.label} --for '{DELETION_ROLE}'")

    def _of_person(self, account: str) -> list[LedgerRecord]:
        length = self._journal.length(LEDGER)
        with self._guard:
            if length != self._length:
                self._records = {}
                for event in read_register(self._journal, LEDGER):
                    if isinstance(event, LedgerStated):
                        record = ledger_record.parse(event.statement.encode())
                        self._records.setdefault(record.person, []).append(record)
                self._length = length
            if not self._records:
                return []
            return list(self._records.get(pseudonym(self._key(), ledger_name(account)), ()))


def _at(on: date) -> datetime:
    return datetime.combine(on, time(), UTC)
