"""List what the journal knows of requests, answers and actions, by kind: for a regulator, without content, identifiers or pseudonyms.

The journal outlives an order's key: the lists are the same before and after it is destroyed. Names of people who work here are left out.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias

from expunge.core.consent import consent_events as ce
from expunge.core.datamap.clocks import due
from expunge.core.disgorgement import disgorgement_events as de
from expunge.core.journal import events as ev
from expunge.core.journal import opening_events as oe
from expunge.core.journal import recipient_ledger as rl
from expunge.core.orders.run import Run, fold
from expunge.core.values import codec, tags
from expunge.core.values.ids import OrderId, Pseudonym
from expunge.core.values.order import OrderState
from expunge.core.values.outcome import Erased, Kept, Outcome, Unable
from expunge.core.values.record_kind import RecordKind
from expunge.engine.kernel.context import Context
from expunge.engine.kernel.journal_streams import CONSENTS, DISGORGEMENTS, HOLDS, OPENINGS, RECIPIENTS, orders, read_register
from expunge.engine.recipients import deadlines
from expunge.engine.reports import committed_registers, duty_ledger
from expunge.engine.reports.committed_registers import CommittedEntry
from expunge.engine.reports.duty_ledger import LedgerEntry

Row: TypeAlias = dict[str, Any]
"""One record: ``at``, ``what`` and fields of its kind; texts, numbers and lists of them."""
_AT_A_TIME = 100


@dataclass(frozen=True)
class LoggedReceipt:
    """One receipt as the journal knows it."""

    order: OrderId
    round: int
    number: int
    """1-based position of the subject in the order."""
    subject: Pseudonym
    index: int
    """Leaf in the log."""
    at: datetime
    """When it was noted that it is in the log."""
    verdict: str
    verified: str
    """When the last look ended, as the receipt has it; empty where nothing could be looked at."""

    @property
    def folder(self) -> str:
        """Its folder in a pack."""
        return f"receipts/{self.order}/{self.round}-{self.number}"

    @property
    def row(self) -> Row:
        """Its row among the answers."""
        said = {"what": "receipt", "order": self.order, "verdict": self.verdict}
        return {"at": codec.instant(self.at.replace(microsecond=0)), **said, "receipt": self.folder, "entry": self.index}


@dataclass
class RecordLists:
    """Every record of a time, by kind, oldest first."""

    rows: dict[RecordKind, list[Row]] = field(default_factory=lambda: {kind: [] for kind in RecordKind})
    receipts: list[LoggedReceipt] = field(default_factory=list)
    """Every receipt of any time."""
    committed: list[CommittedEntry] = field(default_factory=list)
    """Every entry of the log of any time that commits to a register."""
    since: datetime | None = None
    """When the first record of any time was made: nothing can be shown of the time before."""


def collect(context: Context, start: datetime | None = None, end: datetime | None = None) -> RecordLists:
    """Return the records from ``start`` on and before ``end``."""
    lists = RecordLists()

    def put(kind: RecordKind, at: datetime, row: Mapping[str, Any]) -> None:
        lists.since = at if lists.since is None else min(at, lists.since)
        if (start is None or at >= start) and (end is None or at < end):
            lists.rows[kind].append({"at": codec.instant(at.replace(microsecond=0)), **row})

    for events in _orders(context):
        _order(context, events, lists, put)
    for kind, register, tell in (
        (RecordKind.CONSENTS, CONSENTS, _consent),
        (RecordKind.HOLDS, HOLDS, _hold),
        (RecordKind.RECIPIENTS, RECIPIENTS, _recipient),
        (RecordKind.DESTRUCTION, DISGORGEMENTS, _destruction),
        (RecordKind.OPENINGS, OPENINGS, _opening),
    ):
        for event in read_register(context.journal, register):
            row = tell(event)
            if row is not None:
                put(kind, event.at, {"what": _words(event), **row})
    _registers(context, lists, put)
    for entry in duty_ledger.entries(context).values():
        put(RecordKind.LEDGER, entry.stated.at, ledger_row(entry))
    for rows in lists.rows.values():
        rows.sort(key=lambda row: str(row["at"]))
    return lists


Put: TypeAlias = Callable[[RecordKind, datetime, Mapping[str, Any]], None]


def _registers(context: Context, lists: RecordLists, put: Put) -> None:
    """Take the entries of the log about registers, and the events that wait for one."""
    for kind, found in committed_registers.all_of(context):
        lists.committed += found.entries
        lists.since = min((each for each in (lists.since, found.since) if each is not None), default=None)
        for at, row in found.pending:
            put(kind, at, row)


def _orders(context: Context) -> Iterator[list[ev.Event]]:
    waiting = list(orders(context.journal))
    for first in range(0, len(waiting), _AT_A_TIME):
        some = waiting[first : first + _AT_A_TIME]
        found = context.journal.read_all(dict.fromkeys(some, 0))
        yield from ([ev.decode(data) for data in found[order]] for order in some)


def _order(context: Context, events: list[ev.Event], lists: RecordLists, put: Put) -> None:
    run = fold(events)
    received = run.received
    said = {"order": run.order}
    put(RecordKind.REQUESTS, received.at, {"what": "received", **said, **_request(received)})
    turn = 0
    numbers = {subject: number for number, subject in enumerate(run.subjects, start=1)}
    stated: dict[Pseudonym, str] = {}
    for event in events:
        match event:
            case ev.RoundStarted():
                turn = event.round
                put(RecordKind.ACTIONS, event.at, {"what": "round started", **said, "round": turn})
            case ev.ReceiptStated():
                stated[event.subject] = event.statement
            case ev.ReceiptLogged():
                # Why the words alone: to read a whole receipt takes many times as long, and packing reads those that it packs.
                words = json.loads(stated[event.subject])["predicate"]
                logged = LoggedReceipt(
                    run.order,
                    turn,
                    numbers[event.subject],
                    event.subject,
                    event.index,
                    event.at,
                    words["verdict"],
                    words["times"]["verified"] or "",
                )
                lists.receipts.append(logged)
                put(RecordKind.ANSWERS, event.at, logged.row)
            case ev.Ended():
                _ended(event.at, said, event.state, event.reasons, put)
            case ev.Cancelled():
                _ended(event.at, said, OrderState.CANCELLED, (event.reason,), put)
            case ev.Extended():
                put(RecordKind.ANSWERS, event.at, {"what": "extension told", **said, "reasons": [event.reason]})
            case ev.Reopened():
                put(RecordKind.ANSWERS, event.at, {"what": "reopened: data came back", **said, "by": event.by or ""})
            case ev.StepEnded():
                put(RecordKind.ACTIONS, event.at, {"what": "step", **said, "step": event.step, "outcomes": _outcomes(event.outcomes)})
            case ev.Fenced() | ev.Planned() | ev.Approved() | ev.OrderKeyDestroyed() | ev.TracesEnded() | ev.Reverified():
                put(RecordKind.ACTIONS, event.at, {"what": _words(event), **said})
            case _:
                continue
    for at, row in _deadlines(context, run, events):
        put(RecordKind.DEADLINES, at, {**row, **said})


def _request(received: ev.Received) -> Row:
    scope = received.scope
    return {
        "kind": received.kind.value,
        "cause": _words(received.cause),
        "channel": received.channel,
        "people": len(received.subjects),
        "datasets": list(scope.datasets) if scope else ["everything"],
        "follows": received.follows or "",
    }


def _ended(at: datetime, said: Row, state: OrderState, reasons: tuple[str, ...], put: Put) -> None:
    put(RecordKind.ANSWERS, at, {"what": state.value, **said, "reasons": list(reasons)})
    if state is not OrderState.FULFILLED:
        put(RecordKind.REFUSALS, at, {"what": state.value, **said, "reasons": list(reasons)})


def _outcomes(outcomes: Mapping[str, Mapping[str, Outcome]]) -> list[str]:
    """``voice: 2 erased``; counts by dataset, no person."""
    said = []
    for dataset, by_subject in sorted(outcomes.items()):
        counts: dict[str, int] = {}
        for each in by_subject.values():
            word = f"unable, {each.reason.value}" if isinstance(each, Unable) else _words(each)
            counts[word] = counts.get(word, 0) + (each.items if isinstance(each, Erased | Kept) else 1)
        said += [f"{dataset}: {number} {word}" for word, number in sorted(counts.items())]
    return said


def _deadlines(context: Context, run: Run, events: Iterable[ev.Event]) -> Iterator[tuple[datetime, Row]]:
    """Each clock of the map that runs for the order: kept, missed or running, dated by when that was decided."""
    answered = next((each.at for each in events if isinstance(each, ev.Ended | ev.Cancelled)), None)
    now = context.clock.now()
    for rule in context.data_map.laws.values():
        if run.received.kind.value not in rule.applies:
            continue
        at = due(rule, deadlines.happened(run)).at
        if at is None:
            continue
        if answered is not None and answered < at:
            state, decided = "kept", answered
        elif now >= at:
            state, decided = "missed", at
        else:
            state, decided = "running", run.received.at
        answer = codec.instant(answered.replace(microsecond=0)) if answered else ""
        row = {"what": state, "clock": rule.name, "due": codec.instant(at.replace(microsecond=0)), "answered": answer}
        yield decided, {**row, "source": f"{rule.law}: {rule.source}"}


def _consent(event: ev.Event) -> Row | None:
    match event:
        case ce.ConsentGiven():
            by = "guardian" if event.proof else "person"
            text = {"text": event.text, "version": event.version, "sha256": event.sha256}
            return {"id": event.id, "purpose": event.purpose, **text, "act": event.act.value, "by": by}
        case ce.ConsentWithdrawn():
            by = "guardian" if event.proof else "person"
            return {"id": event.id, "purpose": event.purpose, "datasets": list(event.datasets), "by": by}
        case ce.WithdrawalByAccount():
            return {"id": event.withdrawal, "how": "on the pages"}
        case ce.WithdrawalOrdered():
            return {"id": event.withdrawal, "order": event.order}
        case ce.GroundMissed() | ce.GroundFound():
            return {"datasets": [event.dataset], "people": len(event.subjects)}
        case _:
            return None


def _hold(event: ev.Event) -> Row | None:
    match event:
        case ev.HoldPlaced(hold=hold):
            until = codec.instant(hold.until.replace(microsecond=0))
            reach = "all of the person's items" if hold.whole else f"{len(hold.items)} items"
            grounds = {"ground": hold.ground, "authority": hold.authority, "until": until}
            return {"id": hold.id, "dataset": hold.dataset, "reach": reach, **grounds}
        case ev.HoldEnded():
            return {"id": event.hold_id, "reasons": [event.reason]}
        case ev.HoldStated():
            return {"id": event.hold_id, "sha256": event.digest}
        case _:
            return None


def _recipient(event: ev.Event) -> Row | None:
    match event:
        case rl.EgressSeen():
            return {"recipient": event.recipient, "datasets": [event.dataset]}
        case rl.RecipientInstructed():
            told = {"datasets": list(event.datasets), "sha256": event.digest}
            return {"order": event.order, "recipient": event.recipient, **told}
        case rl.RecipientTold():
            return {"order": event.order, "recipient": event.recipient, "how": "posted" if event.how == "posted" else "carried"}
        case rl.RecipientConfirmed():
            by = "its own signature" if event.by == rl.SIGNATURE else "attested here"
            return {"order": event.order, "recipient": event.recipient, "answer": event.answer.value, "how": by}
        case rl.RecipientAsked():
            return {"order": event.order, "recipient": event.recipient, "held": event.held if event.held >= 0 else "could not tell"}
        case _:
            return None


def _opening(event: ev.Event) -> Row | None:
    """What a pack says of a reading by a program or a family: neither who is in it, nor the account that read."""
    match event:
        case oe.RecordingOpened():
            by = "a family" if event.account else event.program
            said = {"dataset": event.dataset, "recording": event.recording, "purpose": event.purpose, "by": by}
            return {"id": event.opening, **said, "people": len(event.subjects), "first": event.first, "last": event.last}
        case oe.OpeningRefused():
            by = "a family" if event.account else event.program
            said = {"dataset": event.dataset, "recording": event.recording, "purpose": event.purpose, "by": by}
            return {**said, "people": len(event.subjects), "reasons": [event.why], "more": event.more}
        case _:
            return None


def _destruction(event: ev.Event) -> Row | None:
    match event:
        case de.DisgorgementEntered():
            return {"id": event.id, "sha256": event.digest}
        case de.LimbExamined():
            found = [f"{dataset}: {number}" for dataset, number in sorted(event.items.items())]
            return {"id": event.id, "limb": event.limb, "order": event.order or "", "items": found, "undecided": len(event.unknown)}
        case de.UnknownDecided():
            return {"id": event.id, "item": event.item, "decision": "tainted" if event.tainted else "clean"}
        case de.ItemExcepted():
            until = codec.instant(event.until.replace(microsecond=0)) if event.until else ""
            said = {"ground": event.ground, "authority": event.authority, "until": until}
            return {
                "id": event.id,
                "limb": event.limb,
                "item": event.item,
                "exemption": event.exemption or "technically infeasible",
                **said,
            }
        case de.StatementDrafted():
            return {"id": event.id, "sha256": event.digest}
        case _:
            return None


def ledger_row(entry: LedgerEntry) -> Row:
    """Return the row of a ledger record."""
    record, logged = entry.record, entry.logged
    said = {"id": record.id, "on": record.on.isoformat(), "role": record.role, "person": record.person, "about": list(record.about)}
    papers = {"signed_by": record.signed_by, "sha256": record.document}
    at = codec.instant(entry.stated.at.replace(microsecond=0))
    return {"at": at, "what": record.kind.value, **said, **papers, "entry": logged.index if logged else "not in the log yet"}


def _words(value: object) -> str:
    """``ConsentGiven`` as ``consent given``: the tag of a class, in words."""
    tag = tags.tag_of(type(value))
    return "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in tag).strip()
