"""Letters of the clerk: reminders to members of families, whose addresses the keeper opens."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from expunge.adapters.outbound.mail_smtp import SmtpDelivery
from expunge.bootstrap.accounts.guard_settings import settings_of
from expunge.bootstrap.clerk.household import Household
from expunge.core.accounts.letter_texts import LetterKind, written
from expunge.core.journal.notice_events import LetterResult
from expunge.engine.accounts.owners import Owners
from expunge.errors import StoreUnavailable
from expunge.ports.accounts.account_register import AccountRegister
from expunge.ports.accounts.family_letters import LetterDelivery
from expunge.ports.accounts.letters import Letter


@dataclass(frozen=True)
class MailedReminders:
    """Implements ``expunge.ports.families.reminder_letters.ReminderLetters``."""

    register: AccountRegister
    owners: Owners
    delivery: LetterDelivery

    def remind(self, account: UUID, at: datetime) -> bool:
        """See the port."""
        record = self.register.account(account)
        known = self.owners.reachable(record) if record is not None else None
        if record is None or known is None or not known.address or (record.proven_at is None and not record.before):
            return False
        told = written(LetterKind.LOCATION_REMINDER, known.language, company=self.owners.company, site=self.owners.site, when=at)
        # Why a key by the day: a letter that is sent again after a crash is the same letter.
        key = f"location reminder {account} {at:%Y-%m-%d}"
        result = self.delivery.deliver(Letter(self.owners.address_of(known), told.subject, told.text, told.html, tells=True, key=key))
        if result is LetterResult.LATER:
            raise StoreUnavailable("the mail server takes no letter now", help="nothing has to be done: it is tried again within the hour")
        return result is LetterResult.TAKEN


def letters_of(household: Household) -> MailedReminders | None:
    """Return what writes reminders; None where the map names no mail server, or its password cannot be read."""
    spec = household.expunge.map.accounts
    settings = settings_of(spec) if spec is not None else None
    if settings is None or settings.mail is None:
        return None
    return MailedReminders(household.register, household.owners, SmtpDelivery(settings.mail, settings.sender))
