"""Recovery of an account whose every credential is lost or copied: how long it waits, and what stays closed after it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from expunge.core.accounts.asks import AskKind

WAIT = timedelta(hours=72)
"""From its beginning until the old credentials may be removed."""
OPEN = timedelta(days=7)
"""For so long after the wait it can be finished."""
REMINDED_BEFORE = timedelta(days=1)
"""So long before the end of the wait the owner gets a second letter."""
CLOSED = timedelta(days=7)
"""For so long after a recovery was finished the account confirms nothing about a family.

A person who reads the mailbox unnoticed for the three days of the wait has the account. The owner, or another guardian of the family, then
has this long to see the letters: from the first of them on it is ten days, which is longer than most absences from a mailbox.
"""
_STOPPED_MEANWHILE = frozenset({AskKind.EXPORT, AskKind.PLAYBACK, AskKind.REVIEW})


class RecoveryState(StrEnum):
    """The states of a recovery."""

    WAITING = "waiting"
    READY = "ready"
    """The wait is over: a person who proves the mailbox once more may finish it."""
    FINISHED = "finished"
    """The old credentials are removed; a first one may be enrolled."""


@dataclass(frozen=True)
class RecoveryStanding:
    """A recovery as pages show it. Times are aware UTC."""

    state: RecoveryState
    begun_at: datetime
    ready_at: datetime
    lapses_at: datetime


def state_at(ready_at: datetime, lapses_at: datetime, finished_at: datetime | None, now: datetime) -> RecoveryState | None:
    """Return the state of a recovery at a moment; None once it lapsed."""
    if now >= lapses_at:
        return None
    if finished_at is not None:
        return RecoveryState.FINISHED
    return RecoveryState.READY if now >= ready_at else RecoveryState.WAITING


@dataclass(frozen=True)
class RecoveryTimes:
    """The times of an account's recovery that asks depend on; None each where there is none. Aware UTC."""

    families_from: datetime | None = None
    """The time before which the account confirms nothing about a family."""
    ready_at: datetime | None = None
    lapses_at: datetime | None = None
    finished_at: datetime | None = None

    def closes(self, kind: AskKind, now: datetime) -> bool:
        """Return whether a kind of ask is closed at a moment: by a recovery that is under way, or for a while after one."""
        if self.families_from is not None and now < self.families_from and kind.closed_at_times:
            return True
        if self.ready_at is None or self.lapses_at is None or kind not in _STOPPED_MEANWHILE:
            return False
        return state_at(self.ready_at, self.lapses_at, self.finished_at, now) in (RecoveryState.WAITING, RecoveryState.READY)
