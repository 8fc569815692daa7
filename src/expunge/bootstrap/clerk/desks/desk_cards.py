"""Requests, leases, looks and findings of the review desk as its pages show them: with labels, and without pseudonyms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from expunge.core.families.looks import LookedBy
from expunge.core.journal.opening_events import OpeningRefused, RecordingOpened
from expunge.core.journal.review_events import ViewRefused, ViewServed
from expunge.core.journal.review_words import AnswerBy
from expunge.core.noticing.findings import Finding
from expunge.core.review.colleagues import SIGNED
from expunge.core.review.request import Lease, ReviewRequest
from expunge.engine.review.who_looked import FoundLook, ViewProof
from expunge.ports.review.desk_door import (
    AnswerCard,
    FindingCard,
    FindingDecisionCard,
    LeaseCard,
    LookCard,
    LookProof,
    RequestCard,
    StaffName,
)


@dataclass(frozen=True)
class Cards:
    """Makes cards by the labels of accounts at one moment."""

    labels: Mapping[str, str]
    now: datetime

    def name(self, account: str) -> StaffName:
        """Return an account of staff; an approver of the map, or an account of the operating system, by its own name."""
        return StaffName(account, self.labels.get(account, account.removeprefix(SIGNED)))

    def lease(self, lease: Lease) -> LeaseCard:
        """Return a lease."""
        begun, ended = lease.begun, lease.ended
        return LeaseCard(
            begun.lease, begun.request, begun.at, begun.until, lease.seconds_left(self.now), lease.standing(self.now), lease.clarity,
            lease.sound, lease.views, begun.by_family, ended.why if ended else None, self.name(ended.by) if ended and ended.by else None,
        )  # fmt: skip

    def request(self, known: ReviewRequest) -> RequestCard:
        """Return a request."""
        asked = known.asked
        return RequestCard(
            asked.request, self.name(asked.reviewer), asked.function, asked.purpose, asked.case_kind, asked.case_number, asked.dataset,
            asked.first_ms, asked.last_ms, asked.clarity, asked.sound, asked.at, asked.until, known.standing(self.now),
            tuple(map(self.name, known.approvers)), known.takes_family_word, known.allowed_by_family, known.denied_by_family,
            asked.break_glass, asked.extends, self.lease(known.lease) if known.lease else None,
            known.outcome.outcome if known.outcome else None, known.recused.why if known.recused else None, known.owes_judgement(),
            known.judged.justified if known.judged else None,
        )  # fmt: skip

    def answers(self, known: ReviewRequest) -> tuple[AnswerCard, ...]:
        """Return the answers to a request. Staff is not told which account of a family answered."""
        return tuple(
            AnswerCard(each.at, each.by, self.name(each.account) if each.by is AnswerBy.STAFF else None, each.granted)
            for each in known.answers
        )

    def look(self, found: FoundLook) -> LookCard:
        """Return a look."""
        entry = found.entry
        match entry:
            case ViewServed():
                return LookCard(
                    entry.at, LookedBy.STAFF, self.name(entry.reviewer).label, entry.purpose.value, entry.dataset, entry.recording,
                    f"{entry.case_kind.value} {entry.case_number}", entry.request, entry.lease, entry.sequence, entry.first_ms,
                    entry.last_ms, entry.clarity.value, entry.sound.value, entry.room.value, found.given,
                    tuple(self.name(each).label for each in entry.approvers), break_glass=entry.break_glass,
                )  # fmt: skip
            case ViewRefused():
                return LookCard(
                    entry.at, LookedBy.STAFF, self.name(entry.reviewer).label, entry.purpose, entry.dataset, entry.recording,
                    f"{entry.case_kind} {entry.case_number}", entry.request, entry.lease, 0, entry.first_ms, entry.last_ms, entry.clarity,
                    "", entry.room.value, refused=entry.reasons, more=entry.more,
                )  # fmt: skip
            case RecordingOpened():
                return LookCard(
                    entry.at, _kind(entry), "" if entry.account else entry.program, entry.purpose, entry.dataset, entry.recording,
                    first_ms=entry.first, last_ms=entry.last,
                )  # fmt: skip
            case OpeningRefused():
                return LookCard(
                    entry.at, _kind(entry), "" if entry.account else entry.program, entry.purpose, entry.dataset, entry.recording,
                    refused=(entry.why,), more=entry.more,
                )  # fmt: skip

    def finding(self, found: Finding) -> FindingCard:
        """Return a finding."""
        opened = found.opened
        decisions = tuple(
            FindingDecisionCard(each.at, self.name(each.account), each.reason, each.reference) for each in found.decisions.values()
        )
        met = tuple(sorted(found.met.items()))
        return FindingCard(
            opened.finding, self.name(opened.reviewer), opened.function, opened.day, met, found.standing, decisions, found.changes
        )  # fmt: skip


def proof(found: ViewProof) -> LookProof:
    """Return the result of a check of the register."""
    return LookProof(found.events, found.views, found.leases, found.entries, found.proven, tuple(found.faults))


def _kind(entry: RecordingOpened | OpeningRefused) -> LookedBy:
    return LookedBy.FAMILY if entry.account else LookedBy.PROGRAM
