"""Letters of the clerk: reminders to members of families, whose addresses the keeper opens."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from uuid import UUID

from expunge.adapters.keeper.keeper_accounts import KeeperAccounts
from expunge.adapters.outbound.mail_smtp import DirectLetters
from expunge.bootstrap import keeping
from expunge.bootstrap.accounts.guard_settings import settings_of
from expunge.bootstrap.clerk.household import Household
from expunge.core.accounts.letter_texts import LetterKind
from expunge.engine.accounts.owners import Owners
from expunge.errors import UsageError
from expunge.ports.accounts.account_register import AccountRegister


class MailedReminders:
    """Implements ``expunge.ports.families.reminder_letters.ReminderLetters``."""

    def __init__(self, register: AccountRegister, owners: Owners) -> None:
        """Take the tables of accounts, and what writes to their owners."""
        self._register, self._owners = register, owners

    def remind(self, account: UUID, at: datetime) -> bool:
        """See the port."""
        record = self._register.account(account)
        if record is None:
            return False
        known = self._owners.reachable(record)
        if not known.address or (record.proven_at is None and not record.before):
            return False
        try:
            self._owners.write(known, LetterKind.LOCATION_REMINDER, at, tells=True)
        except UsageError:
            # The mail server refuses the address for good.
            return False
        return True


@contextmanager
def open_letters(household: Household) -> Iterator[MailedReminders | None]:
    """Give what writes reminders, for a block; None where the map names no mail server, or its password cannot be read."""
    spec = household.expunge.map.accounts
    settings = settings_of(spec) if spec is not None else None
    if settings is None or settings.mail is None:
        yield None
        return
    fields = KeeperAccounts(keeping.place_of_map(household.expunge.map))
    try:
        letters = DirectLetters(settings.mail, settings.sender)
        owners = Owners(household.register, fields, letters, company=settings.company, site=settings.origin)
        yield MailedReminders(household.register, owners)
    finally:
        fields.close()
