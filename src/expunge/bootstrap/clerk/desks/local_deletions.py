"""Deletions in the clerk's process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from uuid import UUID

from expunge.bootstrap.clerk.household import Household
from expunge.bootstrap.clerk.rounds.order_carrier import OrderCarrier
from expunge.core.accounts.asks import Ask, AskKind
from expunge.core.families.deletion import DeletionPreview, DeletionStatus
from expunge.core.families.selection import Everything, Selection
from expunge.core.orders.run import Run
from expunge.core.values.ids import OrderId, Pseudonym
from expunge.core.values.order import OrderState
from expunge.engine.families import deleting
from expunge.engine.kernel import journal_streams
from expunge.errors import Conflict, NotPermitted, StateCorrupt, UsageError
from expunge.ports.families.deletion_door import FORM, ORDER, PREVIEW, DeletionAnswer

_LEAST_FORM = 16
"""Characters of the text that names a form."""


@dataclass(frozen=True)
class LocalDeletions:
    """Implements ``expunge.ports.families.deletion_door.DeletionDoor``."""

    household: Household
    carrier: OrderCarrier

    def preview(self, account: UUID, family: str, session: bytes, selection: Selection) -> DeletionPreview:
        """See the port."""
        self._require(account, family, session, selection)
        return deleting.prepare(self.household.expunge.context, self.household.person(family), account, selection).preview

    def delete(self, account: UUID, family: str, session: bytes, selection: Selection, form: str, digest: str) -> DeletionAnswer:
        """See the port."""
        if isinstance(selection, Everything):
            raise UsageError("everything is deleted by an ask of its own", help="begin again on the page")
        self._require(account, family, session, selection)
        return self._receive(account, family, selection, form, digest)

    def delete_everything(self, permit: str, session: bytes, ask: Ask) -> DeletionAnswer:
        """See the port."""
        if ask.kind is not AskKind.DELETE_EVERYTHING or ask.family is None:
            raise NotPermitted("everything is deleted by an ask to delete everything", help="begin again on the page")
        self.household.require_member(ask.account, ask.family)
        permits = self.household.permits

        def confirmed() -> None:
            assert ask.family is not None
            permits.use_permit(permit, session, ask)

        return self._receive(ask.account, ask.family, Everything(), ask.detail(FORM), ask.detail(PREVIEW), confirmed)

    def _receive(
        self, account: UUID, family: str, selection: Selection, form: str, digest: str, confirmed: Callable[[], None] = lambda: None
    ) -> DeletionAnswer:
        """Receive the order of a form, unless it was received; nothing where the person saw something else."""
        if len(form) < _LEAST_FORM:
            raise UsageError("a confirmation names its form", help="begin again on the page")
        context = self.household.expunge.context
        order = deleting.request_id(context, family, form, digest)
        if self._run(order) is not None:
            return DeletionAnswer(order)
        prepared = deleting.prepare(context, self.household.person(family), account, selection)
        if prepared.preview.digest != digest:
            return DeletionAnswer(preview=prepared.preview)
        confirmed()
        try:
            self.household.expunge.scoped.within(replace(prepared.request, order=order))
        except Conflict:
            # The same form, sent twice at one time.
            if self._run(order) is None:
                raise
        self.carrier.took(order)
        return DeletionAnswer(order)

    def status(self, account: UUID, family: str, order: OrderId) -> DeletionStatus:
        """See the port."""
        return self._status(self._of_family(account, family, order), family)

    def under_way(self, account: UUID, family: str) -> tuple[DeletionStatus, ...]:
        """See the port."""
        self.household.require_member(account, family)
        runs = [run for run in self.household.expunge.orders() if Pseudonym(family) in run.subjects and _is_under_way(run)]
        return tuple(self._status(run, family) for run in sorted(runs, key=lambda run: run.received.at))

    def call_off(self, permit: str, session: bytes, ask: Ask) -> DeletionStatus:
        """See the port."""
        if ask.kind is not AskKind.CALL_OFF or ask.family is None:
            raise NotPermitted("an order is called off by an ask to call it off", help="begin again on the page")
        permits = self.household.permits
        return self._call_off(ask.account, ask.family, OrderId(ask.detail(ORDER)), lambda: permits.use_permit(permit, session, ask))

    def _call_off(self, account: UUID, family: str, order: OrderId, confirmed: Callable[[], None]) -> DeletionStatus:
        run = self._of_family(account, family, order)
        if run.subjects != (Pseudonym(family),):
            raise NotPermitted("the order is about other people as well", help="write to the company")
        if run.state is not OrderState.CANCELLED:
            confirmed()
            run = self.household.expunge.order_cancel(run.order, "called off by the family before anything was erased")
        return self._status(run, family)

    def _require(self, account: UUID, family: str, session: bytes, selection: Selection) -> None:
        if isinstance(selection, Everything):
            self.household.require_member(account, family)
        else:
            self.household.require_open(account, family, session)

    def _of_family(self, account: UUID, family: str, order: OrderId) -> Run:
        self.household.require_member(account, family)
        run = self._run(order)
        if run is None or Pseudonym(family) not in run.subjects:
            raise NotPermitted("this family has no such order", help="see the list of requests")
        return run

    def _run(self, order: OrderId) -> Run | None:
        context = self.household.expunge.context
        if not context.journal.length(order):
            return None
        try:
            return journal_streams.Recorder(context.journal, context.clock, order).run
        except StateCorrupt:
            # A stream of that name that is no order's.
            return None

    def _status(self, run: Run, family: str) -> DeletionStatus:
        return deleting.status_of(self.household.expunge.context, run, Pseudonym(family), company=self.carrier.waits_for_company(run.order))


def _is_under_way(run: Run) -> bool:
    return not run.final and run.state not in {OrderState.FULFILLED, OrderState.CANCELLED, OrderState.REOPENED}
