"""Families and openings in the clerk's process."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from expunge.bootstrap.clerk.household import Household
from expunge.core.accounts.asks import Ask, AskKind
from expunge.core.accounts.memberships import MembershipRole
from expunge.errors import NotPermitted
from expunge.ports.families.family_door import FamilyCard


@dataclass(frozen=True)
class LocalFamilies:
    """Implements ``expunge.ports.families.family_door.FamilyDoor``."""

    household: Household

    def families(self, account: UUID) -> tuple[FamilyCard, ...]:
        """See the port."""
        current = [each for each in self.household.register.memberships(account) if each.role is not MembershipRole.FORMER]
        labels = self.household.labels
        return tuple(
            FamilyCard(each.family, each.role, each.since, labels.of(each.family)) for each in sorted(current, key=lambda each: each.family)
        )

    def open(self, permit: str, session: bytes, ask: Ask) -> datetime:
        """See the port."""
        if ask.kind is not AskKind.PLAYBACK or ask.family is None:
            raise NotPermitted("an opening is confirmed by an ask to play", help="begin again on the page")
        self.household.require_member(ask.account, ask.family)
        self.household.permits.use_permit(permit, session, ask)
        return self._at(self.household.openings.begin(ask.account, ask.family, session))

    def open_until(self, account: UUID, family: str, session: bytes) -> datetime | None:
        """See the port."""
        self.household.require_member(account, family)
        left = self.household.openings.left(account, family, session)
        return None if left is None else self._at(left)

    def end(self, account: UUID, family: str, session: bytes) -> None:
        """See the port."""
        self.household.openings.end(account, family, session)

    def _at(self, seconds: float) -> datetime:
        return self.household.expunge.context.clock.now() + timedelta(seconds=seconds)
