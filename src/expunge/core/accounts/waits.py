"""Waits: a new way to confirm waits for a day, so that its owner can read of it and stop it, before it confirms anything.

No authenticator shows what it signs. So code in the web process can have a person who logs in sign that a passkey of its own is added.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from expunge.core.accounts.asks import AskKind

WAITS = timedelta(hours=24)
"""From the letter that tells of it. Most people read their mail once a day; a person who adds a way to confirm has an earlier one."""


@dataclass(frozen=True)
class Wait:
    """The wait of one passkey or code device."""

    until: datetime
    """Aware UTC."""
    told: bool
    """True once a letter to the owner was taken: before that the wait does not end."""
    first: bool
    """True for a first credential, which came by a message: it confirms asks that are not about a family."""

    def over(self, now: datetime) -> bool:
        """Return whether it has ended."""
        return self.told and now >= self.until

    def stops(self, kind: AskKind, now: datetime) -> bool:
        """Return whether what waits does not confirm a kind of ask at a moment."""
        return not self.over(now) and (not self.first or kind.closed_at_times)
