"""The company's app, answered in the clerk's process."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from hashlib import sha256

from expunge.bootstrap.clerk.app_parts import AppParts
from expunge.bootstrap.clerk.held_room import HeldRoom
from expunge.bootstrap.clerk.household import Household
from expunge.bootstrap.clerk.rounds.order_carrier import OrderCarrier
from expunge.core.accounts.app_spec import AppScope
from expunge.core.consent.consent import ConsentReason
from expunge.core.families.app_access import AppFault, SaidEvent
from expunge.core.orders.run import Run
from expunge.core.values.cause import Cause, OnRequest
from expunge.core.values.ids import OrderId, Pseudonym
from expunge.core.values.order import OrderState
from expunge.engine.apps import said
from expunge.engine.apps.app_tokens import AppTokens, request_key
from expunge.engine.consent import parental_consent
from expunge.engine.families import deleting
from expunge.engine.families.recordings.playback import Viewer
from expunge.engine.families.recordings.timelines import Timeline
from expunge.engine.intake import earlier_orders, item_orders, person_orders
from expunge.engine.intake.item_orders import ItemReach
from expunge.engine.intake.person_orders import OrderRequest
from expunge.engine.kernel.journal_streams import read
from expunge.engine.subjects.resolving import ResolvedName
from expunge.errors import AppRefused, Conflict, IllegalTransition, ItemGone, NeedsApproval, UsageError
from expunge.ports.families.app_door import MOST_ORDERS, MOST_RECORDINGS, AppConsent, AppGrant, AppOrder, AppOrderState, AppRecording
from expunge.ports.families.app_tables import AppRequest, AppTokenRecord
from expunge.ports.families.held_door import HeldAnswer

_DELETE_ALL = sha256(b"expunge/app-order/1\0everything").digest()
_DELETE_RECORDING = b"expunge/app-order/1\0recording\0"
_PATIENCE = 2.0
"""Seconds for which a first count is waited for."""
_FIRST = (1980, 1, 1, 0, 0, 0)
"""The time of each file in a zip: the same receipt has the same bytes."""
_STATES = {
    OrderState.FULFILLED: AppOrderState.ERASED,
    OrderState.IN_PART: AppOrderState.IN_PART,
    OrderState.CANCELLED: AppOrderState.CANCELLED,
    OrderState.REOPENED: AppOrderState.CAME_BACK,
}


@dataclass(frozen=True)
class LocalApps:
    """Implements ``expunge.ports.families.app_door.AppDoor``."""

    household: Household
    room: HeldRoom
    carrier: OrderCarrier

    def exchange(self, header: str, statement: str, scope: str) -> AppGrant:
        """See the port."""
        return self._tokens.exchange(self._parts.clients.admit(header), statement, scope)

    def end_login(self, header: str, session: str) -> int:
        """See the port."""
        self._parts.clients.admit(header)
        return self._tokens.end_login(session)

    def end_token(self, header: str) -> None:
        """See the port."""
        self._tokens.end_token(header)

    def families(self, header: str) -> tuple[str, ...]:
        """See the port."""
        record = self._tokens.admit(header)
        return tuple(map(self._tokens.handle_of, record.families))

    def held(self, header: str, family: str) -> HeldAnswer:
        """See the port."""
        kept = self.room.counts.get(self._family(header, family, AppScope.READ)[1], _PATIENCE)
        return HeldAnswer(kept.value, kept.counting)

    def order(self, header: str, family: str, key: str) -> AppOrder:
        """See the port."""
        record, who = self._deleting(header, family)
        return self._once(record, who, key, _DELETE_ALL, partial(self._ordered, record, who))

    def recordings(self, header: str, family: str, after: str, most: int) -> tuple[tuple[AppRecording, ...], bool]:
        """See the port."""
        _, who = self._deleting(header, family)
        person = self._person(who)
        if person is None:
            return (), False
        items = self._timeline(who, person).items
        handles = [each.handle for each in items]
        if after and after not in handles:
            raise AppRefused("the cursor is none that this list gave", help="begin without one", reason=AppFault.CURSOR.value)
        start = handles.index(after) + 1 if after else 0
        page = items[start : start + min(most, MOST_RECORDINGS)]
        shown = tuple(AppRecording(each.handle, each.kind, each.at, each.size, each.seconds) for each in page)
        return shown, start + len(page) < len(items)

    def delete_recording(self, header: str, family: str, recording: str, key: str) -> AppOrder:
        """See the port."""
        record, who = self._deleting(header, family)
        meant = sha256(_DELETE_RECORDING + recording.encode()).digest()
        return self._once(record, who, key, meant, partial(self._ordered_recording, record, who, recording))

    def _deleting(self, header: str, family: str) -> tuple[AppTokenRecord, Pseudonym]:
        """Return the token and the family of a request that deletes, or chooses what to delete. Raises AppRefused."""
        record, who = self._family(header, family, AppScope.DELETE)
        self._tokens.require_fresh(record)
        return record, who

    def _once(
        self, record: AppTokenRecord, who: Pseudonym, key: str, meant: bytes, make: Callable[[bytes], tuple[OrderId, bool]]
    ) -> AppOrder:
        """Make the order of a request once for each key.

        Args:
            record: the token.
            who: the family.
            key: as the app sent it.
            meant: SHA-256 of what is asked.
            make: makes the order from the name of the request, and tells whether it is new.
        """
        name = request_key(record, who, key)
        with self._parts.under_way.only(name):
            request = AppRequest(name, meant, self.household.expunge.context.clock.now())
            before = self._parts.tables.begin_request(request)
            if before is not None and before.request != request.request:
                message = "this idempotency key came with another request before"
                raise AppRefused(message, help="take a new key for each new request", reason=AppFault.KEY_REUSED.value)
            order, fresh = OrderId(before.answer) if before is not None and before.answer else None, False
            if order is None:
                try:
                    order, fresh = make(name)
                except AppRefused:
                    # Why not for others: of those it is not known whether an order was made.
                    self._parts.tables.drop_request(name)
                    raise
            self._parts.tables.finish_request(name, order)
        return self._shown(self._run(who, order), who, fresh=fresh)

    def said(self, header: str, event: str) -> tuple[str, AppOrder]:
        """See the port."""
        client, (told, who, key) = self._parts.clients.admit(header), self._tokens.said(event)
        context, handle = self.household.expunge.context, self._tokens.handle_of(who)
        order = person_orders.order_id(context, f"said\n{told.use.hex()}")
        if order in self._parts.orders.orders(who):
            return handle, self._shown(self._run(who, order), who)
        person = self._person(who)
        found = None if person is None else self._meant(person, told)
        if person is None or found is None:
            raise _nothing_held()
        words = f"the company's app {client.id}: an event signed by {key}, that the customer said to delete it"
        fresh = self._received(self._request(person, who, "", words, order, found), order)
        return handle, self._shown(self._run(who, order), who, fresh=fresh)

    def orders(self, header: str, family: str, after: str, most: int) -> tuple[tuple[AppOrder, ...], bool]:
        """See the port."""
        who = self._family(header, family, AppScope.READ)[1]
        names = self._parts.orders.orders(who)[::-1]
        if after and after not in names:
            raise AppRefused("the cursor is none that this list gave", help="begin without one", reason=AppFault.CURSOR.value)
        start = names.index(OrderId(after)) + 1 if after else 0
        page = names[start : start + min(most, MOST_ORDERS)]
        return tuple(self._shown(run, who) for run in self._runs(page)), start + len(page) < len(names)

    def status(self, header: str, family: str, order: str) -> AppOrder:
        """See the port."""
        who = self._family(header, family, AppScope.READ)[1]
        return self._shown(self._run(who, order), who)

    def cancel(self, header: str, family: str, order: str) -> AppOrder:
        """See the port."""
        # Why as for an order: to call one off keeps data that the customer wanted gone.
        _, who = self._deleting(header, family)
        run = self._run(who, order)
        if set(run.subjects) != {who}:
            message = "the order is about other people as well"
            raise AppRefused(message, help="ask the company", reason=AppFault.TOO_LATE.value)
        try:
            run = self.household.expunge.order_cancel(run.order, "cancelled by the requester in the company's app")
        except IllegalTransition as error:
            message = "something was erased already: the order cannot be cancelled any more"
            raise AppRefused(message, help="its status says how far it is", reason=AppFault.TOO_LATE.value) from error
        return self._shown(run, who)

    def receipt(self, header: str, family: str, order: str) -> bytes:
        """See the port."""
        who = self._family(header, family, AppScope.RECEIPTS)[1]
        run = self._run(who, order)
        if not _has_receipt(run, who):
            message = "the order has no receipt yet"
            raise AppRefused(message, help="a receipt is issued when the order ends", reason=AppFault.NO_RECEIPT.value)
        return _zipped(self.household.expunge.receipt_folder(run.order, run.subjects.index(who) + 1))

    def consents(self, header: str, family: str) -> tuple[AppConsent, ...]:
        """See the port."""
        person = self._person(self._family(header, family, AppScope.READ)[1])
        return () if person is None else tuple(self._consent(person, name) for name in self._purposes)

    def withdraw(self, header: str, family: str, purpose: str) -> AppConsent:
        """See the port."""
        who = self._family(header, family, AppScope.STOP)[1]
        if purpose not in self._purposes:
            message = "the map has no such purpose that rests on consent"
            raise AppRefused(message, help="GET the consents of the family for those there are", reason=AppFault.PURPOSE.value)
        person = self._person(who)
        if person is None:
            raise _nothing_held()
        if self._consent(person, purpose).agreed:
            self.household.expunge.consents.withdraw(person, purpose)
        return self._consent(person, purpose)

    @property
    def _parts(self) -> AppParts:
        return self.household.apps

    @property
    def _tokens(self) -> AppTokens:
        return self._parts.require_tokens()

    @property
    def _purposes(self) -> Sequence[str]:
        return [name for name, purpose in self.household.expunge.map.purposes.items() if purpose.text]

    def _family(self, header: str, handle: str, scope: AppScope) -> tuple[AppTokenRecord, Pseudonym]:
        record = self._tokens.admit(header, scope)
        return record, self._tokens.family(record, handle)

    def _person(self, family: Pseudonym) -> ResolvedName | None:
        return self.household.people.find(family)

    def _ordered(self, record: AppTokenRecord, who: Pseudonym, name: bytes) -> tuple[OrderId, bool]:
        """Return an order that can still erase everything of a person, and whether it was made now.

        The key gives the order its id, so that a request that comes again after a crash finds the order that it made.
        """
        person, expunge = self._person(who), self.household.expunge
        order, mine = person_orders.order_id(expunge.context, f"app\n{name.hex()}"), self._parts.orders.orders(who)
        if order in mine:
            return order, False
        if person is None:
            raise _nothing_held()
        standing = [each.run.order for each in earlier_orders.earlier(expunge.context, [person.person]) if each.open]
        if open_ := [each for each in standing if each in mine]:
            return open_[-1], False
        return order, self._received(self._request(person, who, record.account, _words(record), order), order)

    def _request(
        self, person: ResolvedName, who: Pseudonym, account: str, words: str, order: OrderId, found: ItemReach | None = None
    ) -> OrderRequest:
        """Return the order of a customer. As one of the pages, it ends with the role of the account that it stands on.

        Args:
            person: whose data it is.
            who: the family.
            account: of the customer; where it is empty and the family has one member alone, it is that one. It is never another one than
                the company named: where that account has left the family, the company's word stands alone.
            words: how it was established that the customer asked.
            order: its id.
            found: the items; None for everything.
        """
        members = [str(each.account) for each in self.household.members_of(who)]
        if not account and len(members) == 1:
            account = members[0]
        context, name = self.household.expunge.context, Pseudonym("")
        cause: Cause = OnRequest(words)
        if account in members:
            name = parental_consent.guardian_of(context, account)
            cause = deleting.cause_of(context, person.person.subject, name, words)
        plain = OrderRequest((person,), deleting.APP_CHANNEL, cause, requester=name, order=order)
        return plain if found is None else replace(plain, selectors=found.selectors, scope=found.scope)

    def _ordered_recording(self, record: AppTokenRecord, who: Pseudonym, recording: str, name: bytes) -> tuple[OrderId, bool]:
        """Return the order for one recording, and whether it was made now. Its id comes from the key, and from the recording.

        Why both: a key may come again for something else once its day is over, and what another order did must not be said of this.
        """
        person, context = self._person(who), self.household.expunge.context
        order = person_orders.order_id(context, f"app\n{name.hex()}\n{recording}")
        if order in self._parts.orders.orders(who):
            return order, False
        if person is None:
            raise _nothing_held()
        try:
            item = self._timeline(who, person).item(recording)
            found = item_orders.reach(context, person.person, {item.dataset: [item.key]})
        except (ItemGone, UsageError) as error:
            message = "the family has no such recording, or it is gone"
            raise AppRefused(message, help="GET the recordings of the family", reason=AppFault.RECORDING.value) from error
        fresh = self._received(self._request(person, who, record.account, _words(record), order, found), order)
        self.household.recordings.stale(_viewer(who))
        return order, fresh

    def _timeline(self, who: Pseudonym, person: ResolvedName) -> Timeline:
        """Return the recordings of a person. Raises AppRefused while guardians are in dispute."""
        try:
            self.household.require_no_dispute(who)
        except NeedsApproval as error:
            raise _in_dispute() from error
        handle_of = partial(self._tokens.recording_of, who)
        return self.household.recordings.timeline(_viewer(who), lambda: person.person, handle_of=handle_of)

    def _meant(self, person: ResolvedName, told: SaidEvent) -> ItemReach | None:
        try:
            return said.reach(self.household.expunge.context, person.person, told)
        except UsageError as error:
            raise AppRefused(error.message, help=error.help, reason=AppFault.NOTHING_HELD.value) from error

    def _received(self, request: OrderRequest, order: OrderId) -> bool:
        """Receive an order, and have it carried out. Return whether it is new."""
        try:
            self.household.expunge.scoped.within(request)
        except Conflict:
            # It was made meanwhile: by this request alone an order has this id.
            return False
        except NeedsApproval as error:
            raise _in_dispute() from error
        self.carrier.took(order)
        return True

    def _runs(self, orders: Sequence[OrderId]) -> list[Run]:
        context = self.household.expunge.context
        return [recorder.run for recorder in read(context.journal, context.clock, orders)]

    def _run(self, who: Pseudonym, order: str) -> Run:
        if order not in self._parts.orders.orders(who):
            message = "the family has no such order"
            raise AppRefused(message, help="GET the orders of the family for those there are", reason=AppFault.ORDER.value)
        return self._runs([OrderId(order)])[0]

    def _consent(self, person: ResolvedName, name: str) -> AppConsent:
        answer = self.household.expunge.consents.ask(person, name)
        register = self.household.expunge.consents.register()
        last = register.said.get(register.of(person.person.subject), {}).get(name)
        since: datetime | None = None
        if last is not None:
            since = last.withdrawn.at if last.withdrawn else last.given.at if last.given else None
        return AppConsent(name, self.household.expunge.map.purposes[name].description, answer.why is ConsentReason.AGREED, since)

    def _shown(self, run: Run, who: Pseudonym, *, fresh: bool = False) -> AppOrder:
        state = _STATES.get(run.state)
        if state is None:
            state = AppOrderState.RECEIVED if run.erased_nothing and not run.round else AppOrderState.UNDER_WAY
        places, done = _places(run)
        ended = state not in (AppOrderState.RECEIVED, AppOrderState.UNDER_WAY)
        return AppOrder(
            run.order,
            state,
            run.received.scope is None,
            run.received.at,
            run.received.earliest,
            run.ended_at if ended else None,
            places,
            places if state is AppOrderState.ERASED else done,
            not ended and run.erased_nothing and set(run.subjects) == {who},
            _has_receipt(run, who),
            fresh,
        )


def _places(run: Run) -> tuple[int, int]:
    """Return the stores that an order's plan names, and those of them in which each step has ended."""
    by_store: dict[str, list[bool]] = {}
    for step in run.plan.steps if run.plan else ():
        if step.store:
            state = run.current.steps.get(step.id)
            by_store.setdefault(step.store, []).append(state is not None and state.ended is not None)
    return len(by_store), sum(all(steps) for steps in by_store.values())


def _has_receipt(run: Run, who: Pseudonym) -> bool:
    return any(subject == who for _, subject, _ in run.history)


def _words(record: AppTokenRecord) -> str:
    at = record.authenticated_at.strftime("%Y-%m-%d %H:%M:%S UTC")
    return f"the company's app {record.client}: a statement signed by {record.key}, of a customer who authenticated {at}"


def _zipped(files: dict[str, bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in sorted(files.items()):
            archive.writestr(zipfile.ZipInfo(f"receipt/{name}", _FIRST), data, zipfile.ZIP_DEFLATED)
    return target.getvalue()


def _viewer(who: Pseudonym) -> Viewer:
    """Return the app as it looks at a family, whichever customer asks: its handles are the same for each."""
    return Viewer("", who, f"app {who}")


def _in_dispute() -> AppRefused:
    message = "guardians of this person are in dispute: neither side sees or orders anything"
    return AppRefused(message, help="the company settles it", reason=AppFault.DISPUTE.value)


def _nothing_held() -> AppRefused:
    message = "no dataset of the map holds this person"
    return AppRefused(message, help="nothing is held: there is nothing to delete", reason=AppFault.NOTHING_HELD.value)
