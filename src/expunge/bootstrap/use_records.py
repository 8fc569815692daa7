"""The service for records that uses and disclosures need: reviews of uses of location, assurances of who gets children's data."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from expunge.bootstrap.service import DomainService
from expunge.core.consent.use_records import AssuranceTaken, RecordKind, ReviewDecision, UseReviewed
from expunge.engine.consent import use_decisions
from expunge.engine.consent.use_decisions import Assurance, UseReview
from expunge.engine.gate import use_records
from expunge.engine.gate.use_records import RecordStanding

__all__ = ["Assurance", "UseRecordService", "UseReview"]


class UseRecordService(DomainService):
    """Signed records that the gate asks for."""

    def standings(self) -> tuple[RecordStanding, ...]:
        """Return every record that the map makes necessary, and how it stands."""
        return use_records.standings(self.context)

    def review_faults(
        self, purpose: str, statement: Mapping[str, str], decision: ReviewDecision | None, until: datetime | None
    ) -> tuple[str, ...]:
        """Return everything that a review lacks; see :func:`expunge.engine.consent.use_decisions.review_faults`."""
        return use_decisions.review_faults(self.context, purpose, statement, decision, until)

    def message_of_review(self, review: UseReview) -> bytes:
        """Return the bytes that a reviewer signs; see :func:`expunge.engine.consent.use_decisions.message_of_review`."""
        return use_decisions.message_of_review(self.context, review)

    def review(self, review: UseReview, by: str, signed: str) -> UseReviewed:
        """Enter a review; see :func:`expunge.engine.consent.use_decisions.enter_review`."""
        with self.changing():
            return use_decisions.enter_review(self.context, review, by, signed)

    def message_of_assurance(self, given: Assurance) -> bytes:
        """Return the bytes that are signed; see :func:`expunge.engine.consent.use_decisions.message_of_assurance`."""
        return use_decisions.message_of_assurance(self.context, given)

    def assure(self, given: Assurance, by: str, signed: str) -> AssuranceTaken:
        """Enter a written assurance; see :func:`expunge.engine.consent.use_decisions.enter_assurance`."""
        with self.changing():
            return use_decisions.enter_assurance(self.context, given, by, signed)

    def end(self, kind: RecordKind, about: str, *, by: str, reason: str) -> None:
        """End a record before its date; see :func:`expunge.engine.consent.use_decisions.end`."""
        with self.changing():
            use_decisions.end(self.context, kind, about, by=by, reason=reason)
