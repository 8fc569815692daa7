"""A review of openings: each is held against the orders, consents and rules that stood when it happened.

The registers are replayed up to the time of each opening. Purposes, datasets and readers are those of the map as it is now, which the
journal does not keep.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from expunge.core.consent.consent import ConsentReason, Consents, consented
from expunge.core.consent.consent_events import ConsentEvent
from expunge.core.datamap.datamap import DataMap
from expunge.core.datamap.purposes import Use
from expunge.core.journal import events as ev
from expunge.core.journal.opening_events import OpeningRefused, OpeningsReviewed, RecordingOpened
from expunge.core.values.cause import check_words
from expunge.core.values.ids import OrderId
from expunge.engine.gate import consent_register
from expunge.engine.kernel.context import Context
from expunge.engine.kernel.journal_streams import CONSENTS, OPENINGS, SUPPRESSIONS, read_register, register
from expunge.engine.vault.openings import EXPORT

SNAPSHOT = timedelta(minutes=1)
"""The oldest snapshot by which the gate lets a recording be opened. A decision that is younger reaches programs within that time."""
YEAR = timedelta(days=365)
MOST = 1000
"""Violations that are listed; all are counted."""
_SURE = frozenset({ConsentReason.NEVER, ConsentReason.WITHDRAWN, ConsentReason.FROZEN, ConsentReason.NO_PURPOSE})
"""Reasons that do not depend on what the map says today of texts and terms, or on a birthday whose key is destroyed by now."""


@dataclass(frozen=True)
class Violation:
    """An opening that was not allowed when it happened."""

    opening: RecordingOpened
    why: str


@dataclass(frozen=True)
class OpeningReview:
    """The result of a review."""

    since: datetime
    until: datetime
    openings: int
    own: int
    """Openings of `expunge export`, of the person who asks, and of families that look at recordings of their own."""
    within_a_minute: int
    """Openings right after a decision against them, which the gate's snapshot had not yet."""
    unsure: int
    """Openings whose consent cannot be judged by the map of today: its texts or terms have changed since."""
    violations: int
    listed: tuple[Violation, ...]
    reasons: tuple[tuple[str, int], ...]
    refusals: int


def review(context: Context, since: datetime | None = None) -> OpeningReview:
    """Hold every opening since a time, or of the last year, against what stood when it happened."""
    now = context.clock.now()
    since = since or now - YEAR
    now_known, just_before = _Standing.read(context), _Standing.read(context)
    counts: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    listed: list[Violation] = []
    for event in read_register(context.journal, OPENINGS):
        if isinstance(event, OpeningRefused) and event.at >= since:
            counts["refusals"] += 1 + event.more
        if not isinstance(event, RecordingOpened) or event.at < since:
            continue
        counts["openings"] += 1
        if (event.purpose, event.program) == EXPORT or event.account:
            counts["own"] += 1
            continue
        why, sure = now_known.against(context.data_map, event, event.at)
        if why and just_before.against(context.data_map, event, event.at - SNAPSHOT)[0] == "":
            counts["within_a_minute"] += 1
        elif why and not sure:
            counts["unsure"] += 1
        elif why:
            counts["violations"] += 1
            reasons[why] += 1
            if len(listed) < MOST:
                listed.append(Violation(event, why))
    return OpeningReview(
        since, now, counts["openings"], counts["own"], counts["within_a_minute"], counts["unsure"], counts["violations"], tuple(listed),
        tuple(sorted(reasons.items())), counts["refusals"],
    )  # fmt: skip


def enter(context: Context, found: OpeningReview, by: str) -> OpeningsReviewed:
    """Enter that a person made a review. Raises UsageError for words that claim an authority."""
    check_words(by)
    event = OpeningsReviewed(context.clock.now(), found.since, found.openings, found.violations, by)
    register(context.journal, OPENINGS, event)
    return event


def last(context: Context) -> tuple[OpeningsReviewed | None, datetime | None]:
    """Return the last review, and the time of the first opening; None where there is none."""
    reviewed: OpeningsReviewed | None = None
    first: datetime | None = None
    for event in read_register(context.journal, OPENINGS):
        if isinstance(event, OpeningsReviewed):
            reviewed = event
        elif isinstance(event, RecordingOpened) and first is None:
            first = event.at
    return reviewed, first


@dataclass
class PastTheDesk:
    """What the vault's door saw since the last review and the review desk did not: a person has to look at each."""

    refused: int = 0
    """Readings by programs that were refused."""
    for_review: int = 0
    """Readings by programs for a purpose that is review by people, which belongs to the desk."""
    first: datetime | None = None


def past_the_desk(context: Context) -> PastTheDesk:
    """Return what stands since the last review of openings. Families that look at their own recordings are none of it."""
    by_people = {name for name, each in context.data_map.purposes.items() if each.use is Use.REVIEW}
    found = PastTheDesk()
    for event in read_register(context.journal, OPENINGS):
        if isinstance(event, OpeningsReviewed):
            found = PastTheDesk()
        elif isinstance(event, OpeningRefused) and not event.account:
            found.refused += 1 + event.more
            found.first = found.first or event.at
        elif isinstance(event, RecordingOpened) and not event.account and event.purpose in by_people:
            found.for_review += 1
            found.first = found.first or event.at
    return found


@dataclass
class _Standing:
    """Orders and consents as they stood at a time, which only goes on."""

    suppressions: Iterator[ev.Event]
    consenting: Iterator[ConsentEvent]
    consents: Consents
    _suppressed: dict[OrderId, frozenset[str]] = field(default_factory=dict)
    _next_suppression: ev.Event | None = None
    _next_consent: ConsentEvent | None = None

    @classmethod
    def read(cls, context: Context) -> _Standing:
        """Begin before the first entry of both registers."""
        mapped = consent_register.load(context)
        empty = Consents(mapped.purposes, mapped.texts, mapped.grows_up)
        consenting = (each for each in read_register(context.journal, CONSENTS) if isinstance(each, ConsentEvent))
        standing = cls(read_register(context.journal, SUPPRESSIONS), consenting, empty)
        standing._next_suppression, standing._next_consent = next(standing.suppressions, None), next(consenting, None)
        return standing

    def against(self, data_map: DataMap, event: RecordingOpened, at: datetime) -> tuple[str, bool]:
        """Return what stood against an opening at a time, and whether that is sure; empty where nothing did."""
        self._go_on(at)
        if any(name in names for names in self._suppressed.values() for name in event.subjects):
            return "a person in it was suppressed", True
        if not data_map.purposes:
            return "", True
        purpose = data_map.purposes.get(event.purpose)
        if purpose is None:
            return "the map has no such purpose", True
        if event.dataset not in purpose.datasets:
            return "the purpose does not use this dataset", True
        if purpose.readers and event.user not in purpose.readers:
            return "the account is no reader for the purpose", True
        answers = [consented(self.consents, subject, event.purpose, at) for subject in event.subjects]
        wrong = [each.why for each in answers if not each.holds]
        sure = [why for why in wrong if why in _SURE]
        return (f"no consent: {(sure or wrong)[0].value}", bool(sure)) if wrong else ("", True)

    def _go_on(self, at: datetime) -> None:
        while (suppression := self._next_suppression) is not None and suppression.at <= at:
            if isinstance(suppression, ev.Suppressed):
                self._suppressed[suppression.order] = frozenset(suppression.pseudonyms)
            elif isinstance(suppression, ev.Unsuppressed):
                self._suppressed.pop(suppression.order, None)
            self._next_suppression = next(self.suppressions, None)
        while (consent := self._next_consent) is not None and consent.at <= at:
            self.consents.apply(consent)
            self._next_consent = next(self.consenting, None)
