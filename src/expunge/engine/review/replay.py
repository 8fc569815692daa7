"""Hold a year's views of staff against the policies that were in force at each (RNG III.E.2, RNG-14).

The registers are replayed up to the time of each view: staff, requests, answers and leases, consents, suppressions, training. The set of
policies is the one that the journal says was in force, byte for byte. So a view that was written past the desk is found, and one that
the desk should have refused. Facts that no register keeps (:data:`NOT_KEPT`) count as in order: they are not found this way.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from expunge.core.accounts.credential_strength import Level
from expunge.core.accounts.staff_state import Staff
from expunge.core.consent.consent import Consents
from expunge.core.consent.consent_events import ConsentEvent
from expunge.core.datamap.protected_kinds import may_be_of_children
from expunge.core.journal import events as ev
from expunge.core.journal import review_events as rev
from expunge.core.journal.policy_events import PolicyPublished, PolicySet, ViewsReplayed
from expunge.core.journal.review_words import DeskAct
from expunge.core.review import colleagues
from expunge.core.review.question import ViewQuestion
from expunge.core.review.request import LeaseStanding, ReviewRequest, Reviews
from expunge.core.values.cause import check_words
from expunge.core.values.ids import OrderId
from expunge.engine.accounts.staff_register import read_event
from expunge.engine.gate import consent_register
from expunge.engine.kernel.context import Context
from expunge.engine.kernel.journal_streams import CONSENTS, POLICIES, REVIEWS, STAFF, SUPPRESSIONS, read_register, register
from expunge.engine.review import policies
from expunge.engine.review.barriers import review_consent_at
from expunge.engine.review.deciding import customer_answer
from expunge.engine.review.reviewers import LedgerRecords
from expunge.errors import Misconfigured
from expunge.ports.review.policy import ReviewPolicy
from expunge.ports.review.policy_sets import PolicySets

YEAR = timedelta(days=365)
MOST = 1000
"""Views that are listed; all are counted."""
NOT_KEPT = ("live", "reason_given", "login_level", "login_seconds", "network", "own_most_clarity", "own_most_sound")
"""Facts of a question that no register keeps. They are refused, and entered as refusals, when they are not in order."""
NO_LEASE, OTHER, OUT_OF_RANGE, OTHER_SET, NO_SET = "no-lease", "other-recording", "out-of-range", "other-policies", "no-policies"
"""Reasons that no rule of a set gives: the view belongs to no lease, is of another recording or range than the request, or names another
set than the one in force; or none was in force."""
_SECOND_MS = 1000


@dataclass(frozen=True)
class RefusedView:
    """A view that would have been refused when it was seen."""

    view: rev.ViewServed
    rules: tuple[str, ...]
    """Sorted."""


@dataclass(frozen=True)
class ViewReplay:
    """The result of a replay."""

    since: datetime
    until: datetime
    views: int
    refused: int
    """Views that would have been refused."""
    listed: tuple[RefusedView, ...]
    rules: tuple[tuple[str, int], ...]
    """(rule, views that it would have refused), by rule."""
    sets: tuple[str, ...]
    """Digests of the sets of policies that decided, in the order of their use."""


def replay(context: Context, sets: PolicySets, since: datetime | None = None) -> ViewReplay:
    """Hold every view since a time, or of the last year, against the policies that were in force when it was seen.

    Raises Misconfigured where a set that was in force cannot be compiled by this version any more: nothing is said then.
    """
    now = context.clock.now()
    since = since or now - YEAR
    then = _Then.begun(context, sets)
    views, refused = 0, 0
    rules: Counter[str] = Counter()
    listed: list[RefusedView] = []
    used: dict[str, None] = {}
    for event in read_register(context.journal, REVIEWS):
        if isinstance(event, rev.ViewServed) and event.at >= since:
            views += 1
            against, digest = then.against(event)
            used.setdefault(digest, None)
            if against:
                refused += 1
                rules.update(against)
                if len(listed) < MOST:
                    listed.append(RefusedView(event, against))
        then.apply(event)
    return ViewReplay(since, now, views, refused, tuple(listed), tuple(sorted(rules.items())), tuple(name for name in used if name))


def enter(context: Context, found: ViewReplay, by: str) -> ViewsReplayed:
    """Enter that a person made a replay. Raises UsageError for words that claim an authority."""
    check_words(by)
    event = ViewsReplayed(context.clock.now(), found.since, found.views, found.refused, by)
    register(context.journal, POLICIES, event)
    return event


@dataclass
class _Then:
    """The registers as they stood at a time, which only goes on."""

    context: Context
    sets: PolicySets
    records: LedgerRecords
    reviews: Reviews
    staff: Staff
    consents: Consents
    suppressed: dict[OrderId, frozenset[str]]
    in_force: PolicySet | None
    waiting: dict[str, _Register]
    compiled: dict[str, ReviewPolicy] = field(default_factory=dict)
    requests: dict[str, list[str]] = field(default_factory=dict)
    """Reviewer -> ids of the reviewer's requests."""

    @classmethod
    def begun(cls, context: Context, sets: PolicySets) -> _Then:
        """Begin before the first entry of each register."""
        mapped = consent_register.load(context)
        streams: Mapping[str, Iterator[object]] = {
            STAFF: (read_event(data) for data in context.journal.read(STAFF)),
            CONSENTS: read_register(context.journal, CONSENTS),
            SUPPRESSIONS: read_register(context.journal, SUPPRESSIONS),
            POLICIES: policies.published(context),
        }
        empty = Consents(mapped.purposes, mapped.texts, mapped.grows_up)
        waiting = {name: _Register(stream) for name, stream in streams.items()}
        return cls(context, sets, LedgerRecords(context), Reviews(), Staff(), empty, {}, None, waiting)

    def apply(self, event: object) -> None:
        """Fold an event of the register of reviews. A view of a lease that is not known changes nothing."""
        if isinstance(event, rev.ReviewRequested):
            self.requests.setdefault(event.reviewer, []).append(event.request)
        if not isinstance(event, rev.ViewServed) or event.lease in self.reviews.leases:
            self.reviews.apply(event)

    def against(self, view: rev.ViewServed) -> tuple[tuple[str, ...], str]:
        """Return the rules that would have refused a view, sorted, and the digest of the set in force."""
        self._go_on(view.at)
        lease, request = self.reviews.leases.get(view.lease), self.reviews.request_of(view.lease)
        if lease is None or request is None:
            return (NO_LEASE,), ""
        found = set(_besides(view, request))
        if self.in_force is None:
            return tuple(sorted({*found, NO_SET})), ""
        digest = self.in_force.digest
        if view.policy != digest:
            found.add(OTHER_SET)
        answer = self._policy(self.in_force, digest).decide(self._question(view, request))
        return tuple(sorted(found if answer.allowed else found.union(answer.rules))), digest

    def _policy(self, policies_then: PolicySet, digest: str) -> ReviewPolicy:
        if digest not in self.compiled:
            try:
                self.compiled[digest] = self.sets.compiled(policies_then)
            except Misconfigured as error:
                message = f"the policies {digest[:12]} were in force and cannot be read by this version: {error.message}"
                raise Misconfigured(message, help="replay with the version of Expunge that published them") from error
        return self.compiled[digest]

    def _question(self, view: rev.ViewServed, request: ReviewRequest) -> ViewQuestion:
        assert self.in_force is not None
        limits, at, asked = self.in_force.limits, view.at, request.asked
        lease = self.reviews.leases[view.lease]
        own = [self.reviews.requests[each] for each in self.requests.get(view.reviewer, ())]
        local = at.astimezone(ZoneInfo(limits.hours.zone))
        record = self.records.record_at(view.reviewer, view.purpose, at)
        due = [each.owes_judgement() for each in own]
        return ViewQuestion(
            action=DeskAct.VIEW,
            purpose=view.purpose if view.purpose is asked.purpose else None,
            case_given=bool(view.case_number) and view.case_number == asked.case_number,
            reason_given=True,
            function=colleagues.function_of(self.staff, view.reviewer, DeskAct.VIEW, at),
            own_request=colleagues.same_person(self.staff, view.reviewer, asked.reviewer),
            approvers=len(colleagues.different_people(self.staff, request.approvers, asked.reviewer)),
            self_approved=any(colleagues.same_person(self.staff, each, asked.reviewer) for each in request.approvers),
            consent=review_consent_at(self.consents, view.subjects, view.dataset, at),
            customer=customer_answer(request, at),
            barred=self.reviews.is_barred(view.subjects, view.dataset, view.recording),
            child=self._child(view),
            room=view.room,
            live=False,
            clarity=view.clarity,
            sound=view.sound,
            granted_clarity=asked.clarity,
            granted_sound=asked.sound,
            range_seconds=-(-(view.last_ms - view.first_ms) // _SECOND_MS),
            lease_minutes=int((lease.begun.until - lease.begun.at).total_seconds() // 60),
            attested_days=record.attested_days,
            trained_days=record.trained_days,
            purpose_trained_days=record.purpose_trained_days,
            session_live=True,
            login_level=Level.PHISHING_RESISTANT,
            login_seconds=0,
            network=limits.networks[0] if limits.networks else "",
            weekday=local.isoweekday(),
            minute=local.hour * 60 + local.minute,
            lease_running=lease.standing(at) is LeaseStanding.RUNNING,
            lease_seconds_left=lease.seconds_left(at),
            break_glass=asked.break_glass,
            break_glass_overdue=any(each is not None and at > each for each in due),
            erasure_open=any(name in names for names in self.suppressed.values() for name in view.subjects),
            recused=any(
                each.recused is not None and (each.asked.dataset, each.asked.recording) == (view.dataset, view.recording) for each in own
            ),
            watched_seconds_today=self.reviews.watched_ms(view.reviewer, at.date()) // _SECOND_MS,
        )

    def _child(self, view: rev.ViewServed) -> bool:
        spec, data_map = self.context.data_map.review, self.context.data_map
        if spec is not None and view.dataset in spec.children:
            return True
        if view.dataset not in data_map.datasets or not may_be_of_children(data_map, view.dataset):
            return False
        grown = datetime.max.replace(tzinfo=view.at.tzinfo)
        return any(view.at < self.consents.decides_alone_from(subject, grown) for subject in view.subjects)

    def _go_on(self, at: datetime) -> None:
        for event in self.waiting[STAFF].until(at):
            self.staff.apply(event)
        for event in self.waiting[CONSENTS].until(at):
            if isinstance(event, ConsentEvent):
                self.consents.apply(event)
        for event in self.waiting[SUPPRESSIONS].until(at):
            if isinstance(event, ev.Suppressed):
                self.suppressed[event.order] = frozenset(event.pseudonyms)
            elif isinstance(event, ev.Unsuppressed):
                self.suppressed.pop(event.order, None)
        for event in self.waiting[POLICIES].until(at):
            self.in_force = event.policies if isinstance(event, PolicyPublished) else None


@dataclass
class _Register:
    """A register that is read up to a time, and later on from there."""

    stream: Iterator[object]
    _next: object = None

    def until(self, at: datetime) -> Iterator[object]:
        """Yield the events that happened until a time."""
        while True:
            event = self._next if self._next is not None else next(self.stream, None)
            if event is None:
                return
            if getattr(event, "at", at) > at:
                self._next = event
                return
            self._next = None
            yield event


def _besides(view: rev.ViewServed, request: ReviewRequest) -> Iterator[str]:
    """Yield what no policy is asked about: a view of another recording, or of more of it, than its request names."""
    asked = request.asked
    if (view.dataset, view.recording, view.request) != (asked.dataset, asked.recording, asked.request):
        yield OTHER
    if not asked.first_ms <= view.first_ms < view.last_ms <= asked.last_ms:
        yield OUT_OF_RANGE
