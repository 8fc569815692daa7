"""Memberships by the keeper's own tables: customers, and the families that they belong to."""

from __future__ import annotations

from uuid import UUID

from expunge.core.accounts.asks import Ask
from expunge.ports.accounts.account_register import AccountRegister


class FamilyMemberships:
    """Implements ``expunge.ports.accounts.memberships.Memberships`` for customers. It allows no ask of staff."""

    def __init__(self, register: AccountRegister) -> None:
        self._register = register

    def may(self, account: UUID, ask: Ask) -> bool:
        """See the port. An ask about the account itself takes no membership: only the account's own credentials confirm it."""
        if ask.kind.of_staff or ask.account != account:
            return False
        if ask.family is None:
            return not ask.kind.of_family
        membership = self._register.membership(account, ask.family)
        return membership is not None and membership.role.may(ask.kind)
