"""Owners of accounts: their mail addresses, which only the keeper opens here, and the letters that go there."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from expunge.core.accounts.letter_texts import LetterKind, written
from expunge.core.accounts.mail_addresses import is_address
from expunge.errors import Busy, Undelivered, UsageError
from expunge.ports.accounts.account_register import AccountRecord, AccountRegister
from expunge.ports.accounts.letters import Letter, Letters
from expunge.ports.accounts.sealed_fields import FieldKind, SealedFields


class Owners:
    """Seals and opens what is told of owners, and writes to them."""

    def __init__(self, register: AccountRegister, fields: SealedFields, letters: Letters, *, company: str, site: str) -> None:
        """Set up.

        Args:
            register: of accounts.
            fields: seals under the keeper's key.
            letters: sends mail.
            company: the name that people know the operator by.
            site: the address of the pages.
        """
        self._register, self._fields, self._letters = register, fields, letters
        self.company, self.site = company, site

    def sealed_address(self, address: str) -> bytes:
        """Return an address sealed, in small letters. Raises UsageError for what is no address."""
        if not is_address(address):
            raise UsageError("this is no mail address", help="write one address, such as parent@example.org")
        return self._fields.seal_fields(FieldKind.ADDRESS, [address.lower()])[0]

    def address_of(self, record: AccountRecord) -> str:
        """Return the address of an account; empty where it has none."""
        return self._fields.open_fields(FieldKind.ADDRESS, [record.address])[0] if record.address else ""

    def reachable(self, record: AccountRecord) -> AccountRecord:
        """Return an account with the address that its owner is known to read: the one before, as long as a newer one is not proven."""
        return replace(record, address=record.before) if record.proven_at is None and record.before else record

    def told(self, record: AccountRecord, now: datetime) -> list[AccountRecord]:
        """Return an account once for each address that hears what happens to it.

        For a day after a change, and until the newer one is proven, that is the one before as well: a change that its owner did not confirm
        must not keep the letters of what follows from the owner.
        """
        lately = record.before_until is not None and now < record.before_until
        also = record.before and record.before != record.address and (lately or record.proven_at is None)
        return [record, replace(record, address=record.before)] if also else [record]

    def sealed(self, text: str) -> bytes:
        """Return a name or a seed sealed for the keeper alone."""
        return self._fields.seal_fields(FieldKind.KEPT, [text])[0]

    def opened(self, sealed: bytes) -> str:
        """Return the text of :meth:`sealed`."""
        return self._fields.open_fields(FieldKind.KEPT, [sealed])[0]

    def record_of(self, account: UUID) -> AccountRecord:
        """Return an account. Raises UsageError where there is none."""
        record = self._register.account(account)
        if record is None:
            raise UsageError("the keeper has no such account", help="open it first; where it was there, restore the state from its backup")
        return record

    def write(self, record: AccountRecord, kind: LetterKind, when: datetime, code: str = "", *, tells: bool = False) -> None:
        """Write to the owner of an account. Raises Undelivered, Busy, and UsageError where it has no address."""
        address = self.address_of(record)
        if not address:
            raise UsageError("the account has no mail address", help="use an invitation")
        told = written(kind, record.language, company=self.company, site=self.site, when=when, code=code)
        self._letters.post(Letter(address, told.subject, told.text, told.html, tells))

    def tell(self, record: AccountRecord, kind: LetterKind, when: datetime) -> None:
        """Tell the owner of something that has happened. An account without an address is told nothing.

        A letter that cannot be sent undoes nothing: it is counted by the sender of letters, and the pages show the same.
        """
        for each in self.told(record, when):
            if each.address:
                # Why of each: what is not taken for one address must not keep the other from hearing.
                with suppress(Undelivered, Busy):
                    self.write(each, kind, when, tells=True)
