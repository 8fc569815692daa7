"""The service for letters with a ledger: about steps of orders to members of families, and to all customers of a past period."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from expunge.adapters.database.account_register_django import DjangoAccountRegister
from expunge.adapters.database.journal_django import DjangoJournal
from expunge.bootstrap import keeping
from expunge.bootstrap.accounts.letter_doors import LetterDoors, letter_doors
from expunge.bootstrap.service import DomainService
from expunge.core.journal.cohorts import CohortNotice
from expunge.core.journal.notice_events import LetterResult
from expunge.engine.cohorts import customers, letters
from expunge.engine.cohorts.customers import CohortQuery
from expunge.engine.requests import notices
from expunge.engine.requests.notices import LettersSent, NoticeIndex
from expunge.engine.subjects import resolving
from expunge.ports.accounts.letters import Letter

__all__ = ["NoticeService"]


@dataclass(frozen=True)
class NoticeService(DomainService):
    """Sends by the mail server of the map's accounts: itself where this process has the keys, else through the keeper."""

    def send_due(self) -> LettersSent:
        """Write the letters about steps of orders that are due. The clerk does so by itself."""
        with self._doors() as doors:
            return notices.send_due(self.context, NoticeIndex(self.context), doors.families)

    def cohorts(self) -> tuple[CohortNotice, ...]:
        """Return every notice to customers of a past period."""
        return tuple(customers.every(self.context).values())

    def cohort(self, name: str) -> CohortNotice:
        """Return one. Raises UsageError where there is none of that name."""
        return customers.named(self.context, name)

    def find_cohort(
        self, name: str, dataset: str, period: tuple[datetime, datetime], ordered: datetime, template: bytes, when: str = ""
    ) -> CohortNotice:
        """Find the customers of a period and enter them; see :func:`expunge.engine.cohorts.customers.find`.

        Args:
            name: the operator's name for the notice.
            dataset: whose items say who was a customer.
            period: from, and before.
            ordered: when the order to tell them was entered.
            template: the letter's file.
            when: the field with an item's time; empty for that of the keeping time.
        """
        digest = letters.read_template(template).digest
        return customers.find(self.context, CohortQuery(name, dataset, *period, digest, ordered, when))

    def send_cohort(self, name: str, template: bytes, most: int = 100_000) -> CohortNotice:
        """Send the letter to those who have to be told; see :func:`expunge.engine.cohorts.letters.send`."""
        letter = letters.read_template(template)
        with self._doors() as doors:
            return letters.send(self.context, name, letter, doors.delivery, most)

    def unreached(self, name: str) -> tuple[str, ...]:
        """Return KIND:VALUE of the customers whom mail does not reach, for the operator's terminal; of those whom the data still names."""
        cohort = customers.named(self.context, name)
        identities = customers.values(self.context, cohort)
        return tuple(":".join(identities[subject]) for subject in customers.unreached(cohort) if subject in identities)

    def bounced(self, name: str, person: str) -> CohortNotice:
        """Enter that the letter to a customer, by KIND:VALUE, came back undelivered. Raises NotResolved, UsageError."""
        with self.changing():
            subject = resolving.resolve(self.context, person).person.subject
            return letters.bounced(self.context, name, subject, getpass.getuser())

    def try_out(self, address: str, template: bytes) -> LetterResult:
        """Send the letter to one address that the operator names, to see it; nothing is entered."""
        letter = letters.read_template(template)
        with self._doors() as doors:
            return doors.delivery.deliver(Letter(address, letter.subject, letter.text, ""))

    @contextmanager
    def _doors(self) -> Iterator[LetterDoors]:
        journal, data_map = self.context.journal, self.context.data_map
        assert isinstance(journal, DjangoJournal)
        register = DjangoAccountRegister(journal.alias)
        try:
            yield letter_doors(self.context.keys, data_map.accounts, register, keeping.place_of_map(data_map))
        finally:
            register.close()
