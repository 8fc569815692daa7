"""Incidents in the clerk's process, for pages of staff: who asks is looked up at the keeper at each call."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from expunge.bootstrap.clerk.review_room import ReviewRoom
from expunge.bootstrap.desk.incident_service import Closing, IncidentScope, IncidentService, NewFact, NewIncident
from expunge.core.accounts.staff import StaffRight
from expunge.core.incidents.letters import LetterTo
from expunge.core.journal.incident_events import IncidentVerdict, ScopeSource
from expunge.core.review.colleagues import same_person
from expunge.engine.accounts.staff_register import StaffStream
from expunge.engine.incidents.owed import IncidentView
from expunge.errors import Busy, DeskRefused, NotWitnessed, Refused, StateUnavailable, UsageError
from expunge.ports.review.desk_door import DeskCaller
from expunge.ports.review.incident_door import (
    IncidentCard,
    IncidentChange,
    IncidentCount,
    IncidentDue,
    IncidentEntry,
    IncidentJudgement,
    IncidentPage,
    IncidentPart,
    IncidentReach,
    IncidentStep,
)


@dataclass(frozen=True)
class LocalIncidents:
    """Implements ``expunge.ports.review.incident_door.IncidentDoor``."""

    room: ReviewRoom
    """Looks up who asks. Incidents need no review desk in the map."""

    def incidents(self, caller: DeskCaller) -> tuple[IncidentCard, ...]:
        """See the port."""
        account = self._account(caller)
        self._refresh()
        views = [each for each in self._service.views(every=True) if not self._is_about(each, account)]
        return tuple(map(_card, sorted(views, key=lambda each: each.incident.opened.at, reverse=True)))

    def incident(self, caller: DeskCaller, incident: str) -> IncidentPage:
        """See the port."""
        account = self._account(caller)
        self._refresh()
        view, labels = self._found(incident, account), self.room.expunge.access.labels()
        found, service = view.incident, self._service
        return IncidentPage(
            card=_card(view),
            what=found.opened.what,
            by=labels.get(found.opened.by, found.opened.by),
            into=found.into,
            changes=found.changes,
            people=len(view.affected.people),
            parts=tuple(IncidentPart(each.source, labels.get(each.who, each.who), each.since, each.until) for each in found.scopes),
            counts=tuple(
                IncidentCount(each.at, each.accounts, each.people, service.counted_again(each).digest == each.digest)
                for each in found.counts
            ),
            steps=tuple(
                IncidentStep(each.on, each.fact, each.number, labels.get(each.by, each.by), each.reference) for each in found.facts
            ),
            judgements=tuple(
                IncidentJudgement(each.at, labels.get(each.account, each.account), each.verdict, each.reference)
                for each in found.decisions.values()
            ),
            due=tuple(IncidentDue(each.duty, each.why, each.at, each.standing.overdue) for each in view.deadlines),
        )

    def enter_incident(self, caller: DeskCaller, entry: IncidentEntry) -> IncidentCard:
        """See the port."""
        account = self._account(caller)
        scopes = (self._scope(entry.reach),) if entry.reach else ()
        new = NewIncident(entry.kind, entry.began, entry.discovered, entry.what, entry.reference, scopes)
        return _card(self._service.view(self._service.enter(new, account).opened.incident))

    def change_incident(self, caller: DeskCaller, incident: str, change: IncidentChange) -> IncidentCard:
        """See the port."""
        account = self._account(caller)
        name = self._found(incident, account).incident.opened.incident
        if change.into:
            into = self._found(change.into, account).incident.opened.incident
            name = self._service.join(name, into, change.reference, account).opened.incident
        elif change.reach is not None:
            self._service.grow(name, self._scope(change.reach), change.reference, account)
        elif change.fact is not None and change.on is not None:
            self._service.state(name, NewFact(change.fact, change.on, change.reference, change.number, change.document), account)
        else:
            raise UsageError("nothing is entered about the incident", help="give a fact, a part, or another incident")
        return _card(self._service.view(name))

    def close_incident(self, caller: DeskCaller, incident: str, verdict: IncidentVerdict, reference: str, seen: int) -> IncidentCard:
        """See the port."""
        account = self._account(caller)
        name = self._found(incident, account).incident.opened.incident
        self._service.close(name, account, Closing(verdict, reference, seen))
        return _card(self._service.view(name))

    def letter(self, caller: DeskCaller, incident: str, to: LetterTo, language: str) -> str:
        """See the port."""
        account = self._account(caller)
        return self._service.letter(self._found(incident, account).incident.opened.incident, to, language)

    @property
    def _service(self) -> IncidentService:
        return self.room.expunge.incidents

    def _account(self, caller: DeskCaller) -> str:
        if StaffRight.READ_EVIDENCE not in self.room.rights_in_login(caller):
            raise DeskRefused("this account has no right to that", help="an administrator grants rights", reason="no-right")
        # Why suppressed: a right that ended this moment is refused by the act itself.
        with suppress(Refused):
            self.room.note_use(caller.account, StaffRight.READ_EVIDENCE)
        return caller.account

    def _refresh(self) -> None:
        # Why suppressed: what is known is shown, and the next look or the nightly run takes in the rest.
        with suppress(Busy, NotWitnessed, StateUnavailable):
            self._service.refresh()

    def _found(self, incident: str, account: str) -> IncidentView:
        """Return an incident that is not about the person who asks. Raises UsageError as for one that there is not."""
        view = self._service.view(incident)
        if self._is_about(view, account):
            raise UsageError("there is no incident of that id", help="look at the list of incidents")
        return view

    def _scope(self, reach: IncidentReach) -> IncidentScope:
        who = reach.who
        if reach.source is ScopeSource.VIEWS:
            labels = self.room.expunge.access.labels()
            who = next((account for account, label in labels.items() if label == who), who)
            if who not in labels:
                raise UsageError("there is no account of staff of that name", help="write its label, as lists of staff have it")
        return IncidentScope(reach.source, who, reach.since, reach.until)

    def _is_about(self, view: IncidentView, account: str) -> bool:
        about = [each.who for each in view.incident.scopes if each.source is ScopeSource.VIEWS]
        staff = StaffStream(self.room.expunge.context.journal).known()
        return any(same_person(staff, account, who) or same_person(staff, who, account) for who in about)


def _card(view: IncidentView) -> IncidentCard:
    opened = view.incident.opened
    return IncidentCard(
        incident=opened.incident,
        kind=opened.kind,
        standing=view.incident.standing,
        verdict=view.incident.verdict,
        coverage=view.coverage,
        number=view.number,
        exact=not view.affected.could_not,
        began=opened.began,
        discovered=opened.discovered,
        due=min((each.at for each in view.deadlines if each.at is not None), default=None),
        overdue=sum(each.standing.overdue for each in view.deadlines),
    )
