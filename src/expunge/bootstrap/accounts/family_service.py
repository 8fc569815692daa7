"""The service for memberships of families: who is guardian of whom, or the subject, as decided by whom."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

from expunge.adapters.database.account_register_django import DjangoAccountRegister
from expunge.adapters.database.journal_django import DjangoJournal
from expunge.bootstrap.service import DomainService
from expunge.core.accounts.family_events import MembershipDecided
from expunge.core.accounts.memberships import MembershipRole
from expunge.core.accounts.staff_events import ByMachineUser
from expunge.engine.accounts.family_register import FamilyRegister
from expunge.engine.subjects.resolving import resolve
from expunge.errors import UsageError

__all__ = ["FamilyService"]


@dataclass(frozen=True)
class FamilyService(DomainService):
    """Decides as the account of the operating system that runs this process."""

    def decisions(self) -> tuple[MembershipDecided, ...]:
        """Return the latest decision about each account in each family, oldest first."""
        with self._register() as register:
            latest: dict[tuple[str, str], MembershipDecided] = {}
            for decision in register.decisions():
                latest.pop((decision.account, decision.family), None)
                latest[decision.account, decision.family] = decision
        return tuple(latest.values())

    def family_of(self, name: str) -> str:
        """Return the pseudonym of a person by KIND:VALUE, or any name that orders take. Raises NotResolved, UsageError."""
        found = resolve(self.context, name)
        if not found.known:
            raise UsageError("no dataset of the map holds such a person", help="`expunge locate NAME` shows what is held of a name")
        return str(found.person.subject)

    def decide(self, account: str, family: str, role: MembershipRole) -> MembershipDecided | None:
        """Give an account a role in a family, by its pseudonym, or end it. Return None where it has that role already.

        Raises UsageError for an account that the keeper does not have.
        """
        try:
            who = UUID(account)
        except ValueError as error:
            raise UsageError("this is no account", help="give its id, as `expunge families list` shows it") from error
        with self.changing(), self._register() as register:
            by = ByMachineUser(getpass.getuser())
            (changed,) = register.decide(who, [(family, role)], by) or (None,)
        return None if changed is None else MembershipDecided(changed.since, str(who), family, role, by)

    @contextmanager
    def _register(self) -> Iterator[FamilyRegister]:
        journal = self.context.journal
        assert isinstance(journal, DjangoJournal)
        accounts = DjangoAccountRegister(journal.alias)
        try:
            yield FamilyRegister(journal, accounts, self.context.clock)
        finally:
            accounts.close()
