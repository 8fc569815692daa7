"""The service for records of the people who come near recordings: training, and statements of purpose."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from expunge.bootstrap.service import DomainService
from expunge.core.accounts.review_spec import ReviewLimits
from expunge.core.journal.review_words import ReviewPurpose
from expunge.core.review.people import PersonAccess, RecordedDuty
from expunge.engine.accounts import staff_register
from expunge.engine.accounts.staff_register import StaffStream
from expunge.engine.reports.duty_ledger import LedgerEntry
from expunge.engine.review import reviewers


@dataclass(frozen=True)
class ReviewerService(DomainService):
    """Records of reviewers and approvers."""

    def train(self, which: str, role: str, on: date, document: str = "") -> LedgerEntry:
        """Enter a training of an account, by its id or label; see :func:`expunge.engine.review.reviewers.train`."""
        with self.alone():
            return reviewers.train(self.context, self._named(which), role, on, document)

    def attest(self, which: str, purpose: ReviewPurpose, on: date, document: str = "") -> LedgerEntry:
        """Enter a statement of purpose of an account; see :func:`expunge.engine.review.reviewers.attest`."""
        with self.alone():
            return reviewers.attest(self.context, self._named(which), purpose, on, document)

    def overview(self) -> tuple[RecordedDuty, ...]:
        """Return every training and statement with its standing, by the numbers of the map."""
        spec = self.context.data_map.review
        return reviewers.overview(self.context, spec.limits if spec else ReviewLimits())

    def people(self) -> tuple[PersonAccess, ...]:
        """Return what each account with a right about views can reach; see :func:`expunge.engine.review.reviewers.people`."""
        spec = self.context.data_map.review
        return reviewers.people(self.context, spec.limits if spec else ReviewLimits())

    def _named(self, which: str) -> str:
        return staff_register.named(StaffStream(self.context.journal).known(), which, self.context.clock.now())
