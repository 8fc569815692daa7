"""Letters to members of families, in the process that has the tables of accounts and the key of their addresses."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from expunge.core.accounts.memberships import MembershipRole
from expunge.core.journal.notice_events import LetterResult, NoticeKind
from expunge.core.orders.notice_texts import notice_letter
from expunge.core.values.ids import Pseudonym
from expunge.engine.accounts.owners import Owners
from expunge.ports.accounts.account_register import AccountRegister
from expunge.ports.accounts.family_letters import LetterDelivery, LetterReader
from expunge.ports.accounts.letters import Letter


class LocalFamilyLetters:
    """Implements ``expunge.ports.accounts.family_letters.FamilyLetters``."""

    def __init__(self, register: AccountRegister, owners: Owners, delivery: LetterDelivery) -> None:
        """Set up.

        Args:
            register: of accounts.
            owners: opens their addresses.
            delivery: hands letters over.
        """
        self._register, self._owners, self._delivery = register, owners, delivery

    def readers(self, family: Pseudonym) -> tuple[LetterReader, ...]:
        """See the port."""
        living = [each for each in self._register.members(family) if each.role is not MembershipRole.FORMER]
        return tuple(LetterReader(each.account, each.since) for each in living if self._address(each.account))

    def write(self, account: UUID, family: Pseudonym, kind: NoticeKind, at: datetime, key: str) -> LetterResult:
        """See the port."""
        membership = self._register.membership(account, family)
        address = self._address(account)
        record = self._register.account(account)
        if membership is None or membership.role is MembershipRole.FORMER or not address or record is None:
            return LetterResult.NO_ADDRESS
        told = notice_letter(kind, record.language, company=self._owners.company, site=self._owners.site, when=at)
        return self._delivery.deliver(Letter(address, told.subject, told.text, told.html, tells=True, key=key))

    def _address(self, account: UUID) -> str:
        """Return the proven address of an account: the one before, as long as a newer one is not proven; empty for none."""
        record = self._register.account(account)
        if record is None:
            return ""
        read = self._owners.reachable(record)
        return self._owners.address_of(read) if record.proven_at is not None or record.before else ""
