"""Requests to see recordings of one family, and its bars, as the family is told of them.

A request that needs no word of the family is told once another person approved it, or once it began: before that nothing of it happens.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from itertools import islice, starmap

from expunge.core.consent.consent import Consents
from expunge.core.datamap.artefact import DataKind
from expunge.core.datamap.protected_kinds import kind_held
from expunge.core.families.reviews import EVERY, FamilyBar, FamilyReview, FamilyReviews, FamilyReviewState
from expunge.core.families.timeline import TimelineItem
from expunge.core.journal.review_events import ReviewAnswered, ReviewsBarred
from expunge.core.journal.review_words import AnswerBy
from expunge.core.review.question import ConsentState
from expunge.core.review.request import ALL, RequestStanding, ReviewRequest, Reviews
from expunge.core.values.ids import Pseudonym
from expunge.engine.gate import consent_register
from expunge.engine.review import barriers
from expunge.engine.review.desk import Desk
from expunge.errors import UsageError

MOST_TOLD = 200
"""Requests of one family that are told, the newest first."""
Items = Mapping[tuple[str, str], TimelineItem]
"""(dataset, name in the register) -> recording, within an opening."""
_OPEN = {RequestStanding.WAITING, RequestStanding.APPROVED}


@dataclass(frozen=True)
class FamilyOfDesk:
    """One family, and the account that asks for it."""

    account: str
    family: Pseudonym
    """The pseudonym of its subject."""
    names: frozenset[Pseudonym]
    """Every pseudonym of that subject."""

    @property
    def subjects(self) -> frozenset[Pseudonym]:
        """Return every pseudonym by which a recording may name the subject."""
        return self.names | {self.family}


def told(desk: Desk, whose: FamilyOfDesk, items: Items) -> FamilyReviews:
    """Return what a family is told now. Raises StateUnavailable, StateCorrupt."""
    teller = _Teller(desk, whose, items)
    return desk.stream.read(teller.tell)


@dataclass(frozen=True)
class _Teller:
    """Tells one family of the register, as it is at one moment."""

    desk: Desk
    whose: FamilyOfDesk
    items: Items

    def tell(self, reviews: Reviews) -> FamilyReviews:
        consents, now = consent_register.load(self.desk.context), self.desk.now()
        about = (each for each in reversed(reviews.requests.values()) if not self.whose.subjects.isdisjoint(each.asked.subjects))
        told = (each for request in about if (each := self._review(reviews, request, consents, now)) is not None)
        found = sorted(islice(told, MOST_TOLD), key=lambda each: each.state is not FamilyReviewState.WAITS)
        bars = sorted(starmap(self._bar, _bars(reviews, self.whose)), key=lambda each: (each.bar != EVERY, each.since))
        return FamilyReviews(tuple(found), tuple(bars))

    def _review(self, reviews: Reviews, request: ReviewRequest, consents: Consents, now: datetime) -> FamilyReview | None:
        asked, standing = request.asked, request.standing(now)
        barred = reviews.is_barred(asked.subjects, asked.dataset, asked.recording)
        state = _state(request, standing, barred=barred)
        if state is FamilyReviewState.WAITS:
            consent = barriers.review_consent_at(consents, asked.subjects, asked.dataset, now)
            state = FamilyReviewState.CONSENTED if consent is ConsentState.VALID else state
        if state is None:
            return None
        own = [each for each in request.answers if each.by is AnswerBy.FAMILY]
        last, others = own[-1] if own else None, not self.whose.subjects.issuperset(asked.subjects)
        return FamilyReview(
            request.id, asked.at, asked.until, state, asked.purpose, asked.case_kind, asked.case_number, asked.first_ms, asked.last_ms,
            asked.clarity, asked.sound, self._kind(asked.dataset), state is FamilyReviewState.WAITS and not others,
            _can_deny(request, standing, own), others, barred, asked.break_glass, last.at if last else None,
            last is not None and last.account == self.whose.account, self.items.get((asked.dataset, asked.recording)),
        )  # fmt: skip

    def _bar(self, name: str, event: ReviewsBarred) -> FamilyBar:
        kind = self._kind(event.dataset) if event.dataset else None
        return FamilyBar(name, event.at, event.account == self.whose.account, kind, self.items.get((event.dataset, event.recording)))

    def _kind(self, dataset: str) -> DataKind | None:
        data_map = self.desk.context.data_map
        return kind_held(data_map, dataset) if dataset in data_map.datasets else None


def recording_named(desk: Desk, whose: FamilyOfDesk, request: str) -> tuple[str, str]:
    """Return dataset and name of the recording of a request about a family. Raises UsageError where the family has no such request."""

    def look(reviews: Reviews) -> tuple[str, str] | None:
        known = reviews.requests.get(request)
        if known is None or whose.subjects.isdisjoint(known.asked.subjects):
            return None
        return known.asked.dataset, known.asked.recording

    found = desk.stream.read(look)
    if found is None:
        raise UsageError("there is no request of that id", help="open the list of requests again")
    return found


def barred_by(desk: Desk, whose: FamilyOfDesk, bar: str) -> tuple[str, str]:
    """Return dataset and name of what a bar of a family is about; both empty for every recording. Raises UsageError where it has none."""
    found = desk.stream.read(lambda reviews: {name: (event.dataset, event.recording) for name, event in _bars(reviews, whose)})
    if bar not in found:
        raise UsageError("there is no such bar any more", help="open the list of requests again")
    return found[bar]


def look_of_family(desk: Desk, whose: FamilyOfDesk, look: str) -> None:
    """Raise UsageError unless a lease is about a recording of a family."""
    request = desk.stream.read(lambda reviews: reviews.request_of(look))
    if request is None or whose.subjects.isdisjoint(request.asked.subjects):
        raise UsageError("there is no such look", help="open the list of looks again")


def bar_name(dataset: str, recording: str) -> str:
    """Return the name of a bar: no recording can be told from it."""
    return EVERY if (dataset, recording) == ALL else sha256(f"{dataset}\0{recording}".encode()).hexdigest()[:32]


def _bars(reviews: Reviews, whose: FamilyOfDesk) -> Iterator[tuple[str, ReviewsBarred]]:
    """Yield the bars of a family by name, each once: it stands under every pseudonym of the subject."""
    found = {what: event for name in sorted(whose.subjects) for what, event in reviews.barred.get(name, {}).items()}
    return ((bar_name(*what), event) for what, event in found.items())


def _state(request: ReviewRequest, standing: RequestStanding, *, barred: bool) -> FamilyReviewState | None:
    """Return how a request is told; None where it needs no word of the family and did not begin."""
    words = request.takes_family_word
    known = words or request.approvers or request.asked.break_glass or request.lease is not None
    if not known or (standing is RequestStanding.DENIED and not request.denied_by_family):
        return None
    if standing in _OPEN and words and barred:
        return FamilyReviewState.BARRED
    if standing in _OPEN and not words:
        return FamilyReviewState.APPROVED
    return _STATES[standing]


_STATES = {
    RequestStanding.WAITING: FamilyReviewState.WAITS,
    RequestStanding.APPROVED: FamilyReviewState.ALLOWED,
    RequestStanding.DENIED: FamilyReviewState.DENIED,
    RequestStanding.EXPIRED: FamilyReviewState.EXPIRED,
    RequestStanding.ACTIVE: FamilyReviewState.RUNNING,
    RequestStanding.OUTCOME_OWED: FamilyReviewState.OVER,
    RequestStanding.CLOSED: FamilyReviewState.OVER,
    RequestStanding.RECUSED: FamilyReviewState.GIVEN_BACK,
}


def _can_deny(request: ReviewRequest, standing: RequestStanding, own: Iterable[ReviewAnswered]) -> bool:
    """Return whether a denial changes anything: the request rests on the family's word, and goes on."""
    if any(not each.granted for each in own):
        return False
    if request.takes_family_word and standing in _OPEN:
        return True
    lease = request.lease
    return lease is not None and standing is RequestStanding.ACTIVE and (lease.begun.by_family or request.takes_family_word)
