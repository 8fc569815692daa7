"""What a family stops, in the clerk's process."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

from expunge.bootstrap.clerk.household import Household
from expunge.core.consent.board import BoardSwitch, GateSays, Stopped
from expunge.core.datamap.artefact import DataKind
from expunge.core.retention.inactivity import InactiveProfile
from expunge.core.retention.own_periods import KindPeriod, OwnPeriod, PeriodPreview
from expunge.core.values.ids import pseudonym
from expunge.engine.families.stopping import consent_board, idle_notices, own_periods, stopping
from expunge.engine.subjects.resolving import ResolvedName
from expunge.errors import StateUnavailable
from expunge.gate import Gate, Subject
from expunge.ports.families.stopping_door import IdleNotice

BY = "a guardian, on the pages"
_ANY_AGE = timedelta(days=7)
"""The board shows what the snapshot says, also where no program would rely on it any more."""


@dataclass(frozen=True)
class LocalStopping:
    """Implements ``expunge.ports.families.stopping_door.StoppingDoor``."""

    household: Household

    def board(self, account: UUID, family: str) -> tuple[BoardSwitch, ...]:
        """See the port."""
        person = self._person(account, family)
        switches = consent_board.board(self.household.expunge.context, person.person.subject, str(account))
        gate = self.household.expunge.gates.open(_ANY_AGE)
        return tuple(replace(each, gate=self._asked(gate, person, each.purpose)) for each in switches)

    def stop(self, account: UUID, family: str, purpose: str) -> Stopped:
        """See the port."""
        person, expunge = self._person(account, family), self.household.expunge
        try:
            with expunge.consents.changing():
                stopping.stop(expunge.context, person, purpose, str(account))
        except StateUnavailable:
            # Why not raised: the withdrawal stands, and the page has to say that programs have not heard of it.
            if not stopping.stands(expunge.context, person, purpose):
                raise
        register = expunge.consents.register()
        withdrawn = register.said[register.of(person.person.subject)][purpose].withdrawn
        assert withdrawn is not None
        order = register.ordered.get(withdrawn.id)
        gate = self._asked(expunge.gates.open(_ANY_AGE), person, purpose)
        return Stopped(purpose, withdrawn.at, gate, order.order if order else "", bool(withdrawn.datasets) and order is None)

    def periods(self, account: UUID, family: str) -> tuple[KindPeriod, ...]:
        """See the port."""
        return own_periods.offered(self.household.expunge.context, self._person(account, family).person)

    def preview_period(self, account: UUID, family: str, kind: DataKind, period: OwnPeriod) -> PeriodPreview:
        """See the port."""
        return own_periods.preview(self.household.expunge.context, self._person(account, family).person, kind, period)

    def choose_period(self, account: UUID, family: str, session: bytes, kind: DataKind, period: OwnPeriod | None) -> bool:
        """See the port."""
        # Why for the end of one as well: it keeps data for longer than the family wanted.
        self.household.require_open(account, family, session)
        person, expunge = self._person(account, family).person, self.household.expunge
        with expunge.retention.changing():
            return own_periods.choose(expunge.context, person, kind, period, str(account))

    def idle(self, account: UUID, family: str) -> IdleNotice | None:
        """See the port."""
        subject = self._person(account, family).person.subject
        state = idle_notices.notice(self.household.expunge.context, subject)
        return _notice(state) if state is not None else None

    def keep(self, account: UUID, family: str) -> IdleNotice:
        """See the port."""
        person = self._person(account, family)
        notice = self.idle(account, family)
        if notice is not None and not notice.waits:
            return notice
        return _notice(self.household.expunge.retention.keep(person, BY))

    def _person(self, account: UUID, family: str) -> ResolvedName:
        self.household.require_member(account, family)
        return self.household.person(family)

    def _asked(self, gate: Gate, person: ResolvedName, purpose: str) -> GateSays:
        """What the gate says of every identifier by which the person is the family's subject: no where one of them is refused."""
        key = self.household.expunge.context.keys.pseudonym_key()
        values = person.person.ids.get(person.kind, frozenset())
        own = [value for value in values if pseudonym(key, person.kind, value) == person.person.subject] or sorted(values)
        answers = [gate.may_use(Subject(person.kind, value), purpose) for value in own]
        times = [each.as_of for each in answers if each.as_of is not None]
        return GateSays(bool(answers) and all(each.allowed for each in answers), min(times, default=None))


def _notice(state: InactiveProfile) -> IdleNotice:
    return IdleNotice(state.state, state.last_used, state.asked_until(), state.gone_by(), state.order)
