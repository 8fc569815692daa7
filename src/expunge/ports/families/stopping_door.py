"""The port of what a family stops: consents, keeping times of its own, and profiles that nobody uses.

Nothing here shows content. To stop a use takes no credential: it is never harder than to allow it. To shorten a keeping time erases data,
and takes an opening, as every deletion does. Each verb looks the membership up in the keeper's tables.

Every verb raises NotPermitted without a membership, NotResolved where nothing is held of the subject any more, ClerkAway where the clerk
does not answer now, StateUnavailable where its state or a store does not, and UsageError for malformed arguments. No message holds an
identifier.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from expunge.core.consent.board import BoardSwitch, Stopped
from expunge.core.datamap.artefact import DataKind
from expunge.core.retention.inactivity import IdleState
from expunge.core.retention.own_periods import KindPeriod, OwnPeriod, PeriodPreview
from expunge.core.values.ids import OrderId


@dataclass(frozen=True)
class IdleNotice:
    """A profile that was found unused."""

    state: IdleState
    last_used: datetime
    asked_until: datetime
    """Until then it can be kept."""
    gone_by: datetime
    """By then it is gone, if nobody keeps or uses it."""
    order: OrderId | None = None
    """The order that erases it, once there is one."""

    @property
    def waits(self) -> bool:
        """True while it can be kept."""
        return self.state in (IdleState.FLAGGED, IdleState.GIVEN_UP, IdleState.ORDERED)


class StoppingDoor(Protocol):
    """See the module."""

    def board(self, account: UUID, family: str) -> tuple[BoardSwitch, ...]:
        """Return a switch for each purpose of the map, with the gate's answer about each."""
        ...

    def stop(self, account: UUID, family: str, purpose: str) -> Stopped:
        """End a consent, and return what the gate says then. Safe to repeat.

        Raises UsageError where there is no consent to end. Where the gate could not be told, the answer says that it is not in force.
        """
        ...

    def periods(self, account: UUID, family: str) -> tuple[KindPeriod, ...]:
        """Return the kinds of data that a keeping time can be chosen for, and what is chosen."""
        ...

    def preview_period(self, account: UUID, family: str, kind: DataKind, period: OwnPeriod) -> PeriodPreview:
        """Return what a keeping time removes now. Raises UsageError for one that is not offered."""
        ...

    def choose_period(self, account: UUID, family: str, session: bytes, kind: DataKind, period: OwnPeriod | None) -> bool:
        """Choose a keeping time; None gives it up. Return False where it was so already.

        Raises OpeningNeeded without an opening in the session, UsageError for a time that is not offered, NeedsApproval while guardians are
        in dispute.
        """
        ...

    def idle(self, account: UUID, family: str) -> IdleNotice | None:
        """Return the notice about the profile; None where it was never found unused."""
        ...

    def keep(self, account: UUID, family: str) -> IdleNotice:
        """Keep a profile that was found unused. Safe to repeat. Raises UsageError where it was erased, or never found unused."""
        ...
