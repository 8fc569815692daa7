"""The requests of a family: the orders about its subject, however they came in, and the changes of its consents."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from expunge.core.consent.consent_events import ConsentGiven, ConsentWithdrawn
from expunge.core.datamap.clocks import ClockState
from expunge.core.evidence import receipt as statements
from expunge.core.evidence.receipt import Receipt
from expunge.core.journal import events as ev
from expunge.core.journal.peek import peek, peek_text
from expunge.core.journal.thread_events import ThreadSide
from expunge.core.journal.threads import Thread, ThreadId
from expunge.core.log import dsse
from expunge.core.orders.run import Run
from expunge.core.values.cause import ByGuardian, OnRequest
from expunge.core.values.ids import OrderId, Pseudonym
from expunge.core.values.order import OrderState
from expunge.core.verification import receipt_folder
from expunge.engine.execution import issued_receipts
from expunge.engine.export import export_register
from expunge.engine.kernel.context import Context
from expunge.engine.kernel.journal_streams import CONSENTS, Recorder
from expunge.engine.kernel.journal_streams import read as read_orders
from expunge.engine.recipients import deadlines
from expunge.engine.requests.notices import NoticeIndex
from expunge.engine.threads import appeals
from expunge.errors import UsageError
from expunge.ports.families.order_door import (
    ConsentCard,
    CopyCard,
    CopyMaker,
    KeptKind,
    RequestCard,
    RequestDetail,
    RequestList,
    RequestState,
    UndoneKind,
)

MOST_SHOWN = 200
"""Orders of one family that a list shows, newest first."""
_STATES: Mapping[OrderState, RequestState] = {
    OrderState.RECEIVED: RequestState.WAITING,
    OrderState.FENCED: RequestState.WAITING,
    OrderState.PLANNED: RequestState.WAITING,
    OrderState.APPROVED: RequestState.WAITING,
    OrderState.RUNNING: RequestState.RUNNING,
    OrderState.FULFILLED: RequestState.DONE,
    OrderState.IN_PART: RequestState.IN_PART,
    OrderState.CANCELLED: RequestState.STOPPED,
    OrderState.REOPENED: RequestState.CAME_BACK,
}


def listed(context: Context, index: NoticeIndex, family: Pseudonym, account: str) -> RequestList:
    """Return the requests of a family, newest first, as an account sees them."""
    orders = index.orders(family)[-MOST_SHOWN:]
    threads = appeals.every(context)
    runs = [recorder.run for recorder in read_orders(context.journal, context.clock, orders)] if orders else []
    cards = [_card(context, run, threads.get(ThreadId(run.order, family), Thread(ThreadId(run.order, family))), family) for run in runs]
    newest_first = tuple(sorted(cards, key=lambda card: card.received, reverse=True))
    return RequestList(newest_first, _consents(context, family), _copies(context, family, account))


def detail(context: Context, family: Pseudonym, order: OrderId) -> RequestDetail:
    """Return one request. Raises UsageError for an order that is not about the family's subject."""
    run = run_of(context, family, order)
    name = ThreadId(order, family)
    thread = appeals.every(context).get(name, Thread(name))
    found = _statement(context, run, family)
    extension, refusal = _words(context, order)
    return RequestDetail(
        _card(context, run, thread, family),
        run.received.earliest,
        run.extended_at,
        extension,
        refusal,
        _undone(found) if found and run.state is OrderState.IN_PART else (),
        _kept(found) if found else (),
        len(thread.messages),
        thread.ended is None and thread.room(ThreadSide.PERSON) > 0,
        appeals.may_appeal(run, thread),
    )


def run_of(context: Context, family: Pseudonym, order: OrderId) -> Run:
    """Return an order about the family's subject. Raises UsageError for any other: it does not say whether there is one."""
    if context.journal.length(order):
        run = Recorder(context.journal, context.clock, order).run
        if family in run.subjects:
            return run
    raise UsageError("this family has no such request", help="open the list of requests again")


def receipt_files(context: Context, family: Pseudonym, order: OrderId) -> dict[str, bytes]:
    """Return the files of the receipt that holds for the family's subject. Raises as :func:`run_of`, also where there is none."""
    run = run_of(context, family, order)
    return issued_receipts.folder(context, issued_receipts.latest(run, run.subjects.index(family) + 1))


def _card(context: Context, run: Run, thread: Thread, family: Pseudonym) -> RequestCard:
    return RequestCard(
        run.order,
        run.received.kind,
        _STATES[run.state],
        run.received.at,
        isinstance(run.received.cause, OnRequest | ByGuardian),
        due(context, run),
        run.ended_at,
        any(whose == family for _, whose, _ in run.history),
        thread.waits_for_person and thread.ended is None,
        thread.open_appeal is not None and thread.ended is None,
    )


def due(context: Context, run: Run) -> datetime | None:
    """Return the earliest date of the clocks that still run for an order."""
    if _STATES[run.state] not in (RequestState.WAITING, RequestState.RUNNING, RequestState.IN_PART) or run.final:
        return None
    what, events = f"order {run.order}", deadlines.happened(run)
    found = [*deadlines.owed(context, what, run.received.kind.value, events)]
    if isinstance(run.received.cause, ByGuardian):
        found += deadlines.owed(context, what, deadlines.DIRECTED, events)
    return min((each.at for each in found if each.at is not None and each.standing is not ClockState.NOT_STARTED), default=None)


def _words(context: Context, order: OrderId) -> tuple[str, str]:
    """Return the operator's reasons for an extension and for a stop; empty where there was none."""
    extension = refusal = ""
    for data in context.journal.read(order):
        if peek(data, ev.Extended, ev.Cancelled) is None:
            continue
        event = ev.decode(data)
        if isinstance(event, ev.Extended):
            extension = event.reason
        elif isinstance(event, ev.Cancelled):
            refusal = event.reason
    return extension, refusal


def _statement(context: Context, run: Run, family: Pseudonym) -> Receipt | None:
    if not any(whose == family for _, whose, _ in run.history):
        return None
    files = issued_receipts.folder(context, issued_receipts.latest(run, run.subjects.index(family) + 1))
    return statements.parse(dsse.parse(files[receipt_folder.ENVELOPE]).payload)


def _undone(receipt: Receipt) -> tuple[UndoneKind, ...]:
    found = [UndoneKind(each.holds, each.reason) for each in receipt.datasets if each.reason is not None]
    return tuple(dict.fromkeys(found))


def _kept(receipt: Receipt) -> tuple[KeptKind, ...]:
    kinds = {each.dataset: each.holds for each in receipt.datasets}
    return tuple(KeptKind(kinds.get(each.dataset), each.items, each.ground, each.until) for each in receipt.kept)


def _copies(context: Context, family: Pseudonym, account: str) -> tuple[CopyCard, ...]:
    found = [
        CopyCard(
            each.begun,
            CopyMaker.COMPANY if not each.account else CopyMaker.YOU if each.account == account else CopyMaker.MEMBER,
            each.until if each.ended is None else None,
            each.ended,
        )
        for each in export_register.of(context, [family])
    ]
    return tuple(reversed(found))[:MOST_SHOWN]


def _consents(context: Context, family: Pseudonym) -> tuple[ConsentCard, ...]:
    found: list[ConsentCard] = []
    for data in context.journal.read(CONSENTS):
        kind = peek(data, ConsentGiven, ConsentWithdrawn)
        if kind is None or peek_text(data, "subject") != family:
            continue
        event = ev.decode(data)
        assert isinstance(event, ConsentGiven | ConsentWithdrawn)
        purpose = context.data_map.purposes.get(event.purpose)
        words = purpose.description if purpose and purpose.description else event.purpose
        found.append(ConsentCard(event.at, words, isinstance(event, ConsentGiven)))
    return tuple(reversed(found))[:MOST_SHOWN]
