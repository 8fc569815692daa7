"""The port of reminders by mail to members of families."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol
from uuid import UUID


class ReminderLetters(Protocol):
    """Writes reminders, in the language of each account. A letter names no child, no place and no address of a page of the family."""

    def remind(self, account: UUID, at: datetime) -> bool:
        """Hand a reminder that whereabouts are collected to the mail server, and wait for its answer.

        Return False where the account has no proven address, or the server refuses it for good. Raises StoreUnavailable where mail cannot
        be sent now, KeeperAway where the keeper opens addresses and does not answer.
        """
        ...
