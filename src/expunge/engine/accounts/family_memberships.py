"""Memberships by the keeper's own tables: customers, and the families that they belong to."""

from __future__ import annotations

from uuid import UUID

from expunge.core.accounts.asks import Ask
from expunge.errors import NotPermitted
from expunge.ports.accounts.account_register import AccountRegister, CodeDeviceRecord, CredentialRecord
from expunge.ports.clock import Clock


class FamilyMemberships:
    """Implements ``expunge.ports.accounts.memberships.Memberships`` for customers. It allows no ask of staff."""

    def __init__(self, register: AccountRegister, clock: Clock) -> None:
        """``clock``: never goes back: it says what a recovery closes, and what waits."""
        self._register, self._clock = register, clock

    def may(self, account: UUID, ask: Ask) -> bool:
        """See the port. An ask about the account itself takes no membership: only the account's own credentials confirm it."""
        if ask.kind.of_staff or ask.account != account:
            return False
        if ask.family is None:
            if ask.kind.of_family:
                return False
        else:
            membership = self._register.membership(account, ask.family)
            if membership is None or not membership.role.may(ask.kind):
                return False
        if self._register.recovery_times(account).closes(ask.kind, self._clock.now()):
            what = "confirms nothing about a family" if ask.kind.of_family else "is not closed"
            message = f"a recovery of this account is under way, or ended a short while ago: it {what} meanwhile"
            raise NotPermitted(message, help="stop the recovery if it is not yours; else wait until the time that the letter says")
        return True

    def may_confirm(self, ask: Ask, credential: CredentialRecord | CodeDeviceRecord) -> bool:
        """See the port. Whatever does not wait for it may."""
        return credential.wait is None or not credential.wait.stops(ask.kind, self._clock.now())
