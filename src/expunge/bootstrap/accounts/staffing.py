"""The service for the register of staff: who has which right, decided by whom, and whether each is still needed."""

from __future__ import annotations

import getpass
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from expunge.adapters.database.account_register_django import DjangoAccountRegister
from expunge.adapters.database.journal_django import DjangoJournal
from expunge.bootstrap.accounts import staff_desks
from expunge.bootstrap.accounts.approver_passkeys import StaffPasskey, all_passkeys
from expunge.bootstrap.service import DomainService
from expunge.core.accounts.accounts_spec import enrolment_link
from expunge.core.accounts.staff import StaffRight
from expunge.core.accounts.staff_acts import StaffAct
from expunge.core.accounts.staff_events import AccessMethod, ByMachineUser, EquivalenceRecorded
from expunge.core.accounts.staff_overview import StaffReview
from expunge.core.accounts.staff_state import StaffAccount
from expunge.engine.accounts import staff_equivalence, staff_register, staff_review
from expunge.engine.accounts.staff_equivalence import NewEquivalence
from expunge.engine.accounts.staff_register import StaffStream
from expunge.engine.reports.deletion_training import DeletionTraining
from expunge.ports.accounts.staff_directory import StaffActed, StaffDirectory

__all__ = ["NewEquivalence", "StaffService"]


@dataclass(frozen=True)
class StaffService(DomainService):
    """Decides as the account of the operating system that runs this process."""

    def accounts(self) -> tuple[StaffAccount, ...]:
        """Return every account, oldest first."""
        return tuple(StaffStream(self.context.journal).known().accounts.values())

    def named(self, which: str) -> str:
        """Return the id of an account by its id, the beginning of it, or its label. Raises UsageError for none or several."""
        return staff_register.named(StaffStream(self.context.journal).known(), which, self.context.clock.now())

    def decide(self, act: StaffAct) -> StaffActed:
        """Enter a decision. Raises as :func:`expunge.core.accounts.staff_acts.decide`."""
        context = self.context
        with self.changing():
            by = ByMachineUser(getpass.getuser())
            return staff_register.decide(StaffStream(context.journal), context.clock, context.random, act, by, self.fingerprints)

    def fingerprints(self, account: str) -> frozenset[str]:
        """Return the fingerprints of an account's passkeys that count, from the keeper's own tables."""
        journal = self.context.journal
        if not isinstance(journal, DjangoJournal):
            return frozenset()
        register = DjangoAccountRegister(journal.alias)
        try:
            return staff_desks.fingerprints(register, account)
        finally:
            register.close()

    def approving_passkeys(self) -> tuple[StaffPasskey, ...]:
        """Return the passkeys of accounts that may approve orders now, as :mod:`expunge.bootstrap.accounts.approver_passkeys` has them."""
        now = self.context.clock.now()
        found = all_passkeys(self.context)
        return tuple(each for each in found if StaffRight.APPROVE_ORDERS in each.account.rights(now))

    def link(self, secret: str) -> str:
        """Return the address at which a person enrols with a secret; empty where the map has no pages."""
        spec = self.context.data_map.accounts
        return enrolment_link(spec.origin, secret) if spec else ""

    def invite_first(self) -> StaffActed:
        """Invite the first administrator, in place of an earlier link. Raises Refused once a person is enrolled."""
        context = self.context
        with self.changing():
            return staff_register.invite_first(
                StaffStream(context.journal), context.clock, context.random, ByMachineUser(getpass.getuser())
            )

    def review(self) -> StaffReview:
        """Return every right with its use and its date, and the decisions of twelve months."""
        return staff_review.review(self.context)

    def equivalence(self, which: str, method: AccessMethod, explanation: bytes, reference: str, until: datetime) -> NewEquivalence:
        """Return an equivalence that can be signed. Raises UsageError as :func:`staff_equivalence.check`, and :meth:`named`."""
        new = NewEquivalence(self.named(which), method, sha256(explanation).hexdigest(), reference, until)
        staff_equivalence.check(self.context, new)
        return new

    def record_equivalence(self, new: NewEquivalence, signed: str) -> EquivalenceRecorded:
        """Enter a signed equivalence; see :func:`expunge.engine.accounts.staff_equivalence.record`."""
        with self.changing():
            return staff_equivalence.record(self.context, new, signed)

    def directory(self) -> StaffDirectory:
        """Return the directory of staff."""
        training = DeletionTraining.of(self.context)
        return staff_desks.directory(self.context.journal, self.context.clock, self.context.random, training=training)

    def require_trained(self) -> None:
        """Raise Refused where this process is of a person who may carry out orders, and whose yearly training has lapsed (AMZ-15)."""
        DeletionTraining.of(self.context).require(self.accounts(), getpass.getuser(), self.context.clock.now())
