"""Detect a state that was put back from an older copy, and hold all work back until a person has decided.

The journal is the truth. The log, the gate's snapshot, the shelf and the keystore are written after it, and never hold what it does not
know. A journal that knows less than one of them is an older copy: it has forgotten orders, and whom they fenced.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from expunge.core.gate.gate_entry import gate_entry
from expunge.core.journal import events as ev
from expunge.core.journal.incident_events import IncidentsCommitted, IncidentsLogged
from expunge.core.journal.ledger_events import LedgerLogged, LedgerStated
from expunge.core.journal.peek import peek
from expunge.core.journal.review_events import ReviewsCommitted, ReviewsLogged
from expunge.core.models.model_outcomes import ModelsBlocked, blocked
from expunge.core.values.ids import MODEL, OrderId
from expunge.engine.kernel.journal_streams import (
    INCIDENTS,
    LEDGER,
    MODELS,
    REVIEWS,
    ROLLBACKS,
    SUPPRESSIONS,
    is_order,
    orders,
    read_register,
)
from expunge.errors import StateRolledBack
from expunge.ports.journal import Journal

MOST_NAMED = 20
"""Orders that a message names; `expunge doctor` names all."""
_HELP = (
    "restore the journal (state.db, or the database of `state:`) from a copy that is not older than the last order; if there is none, "
    "`expunge doctor --accept-rollback NAME --reason TEXT` goes on with this one: subjects that it has forgotten stay refused at the "
    "gate, and their orders have to be received again"
)


@dataclass(frozen=True)
class OutsideKnowledge:
    """What lies beside the journal, read before the journal is, so that work done meanwhile does no harm."""

    log_size: int
    """Entries of the published log."""
    suppressed: frozenset[bytes] = field(repr=False)
    """Entries of the gate's snapshot; empty where there is none."""
    orders: Mapping[OrderId, int]
    """Orders of which the shelf or the keystore shows that work on them had begun, with the last round that it shows (0: unknown)."""
    received: frozenset[OrderId] = frozenset()
    """Orders with sealed identifiers and nothing more: received, or interrupted before they were."""


@dataclass(frozen=True)
class StateRollback:
    """What shows that the journal is an older copy."""

    reasons: tuple[str, ...]
    orders: tuple[OrderId, ...] = ()
    """Orders, or later rounds of orders, that the journal does not know of."""
    gate_entries: frozenset[bytes] = field(default=frozenset(), repr=False)
    """Entries of the gate's snapshot that the journal never made."""
    log_size: int = 0
    acceptable: bool = True
    """False where the log is the older one: a log that went back could say two things about one entry."""
    help: str = _HELP

    def error(self) -> StateRolledBack:
        """Return the error for whatever would write or carry out."""
        named = ""
        if self.orders:
            more = f" and {len(self.orders) - MOST_NAMED} more" if len(self.orders) > MOST_NAMED else ""
            named = f"; forgotten orders: {', '.join(self.orders[:MOST_NAMED])}{more}"
        return StateRolledBack(f"{'; '.join(self.reasons)}{named}; nothing is carried out until a person has decided", help=self.help)


def of_log(error: StateRolledBack) -> StateRollback:
    """Return the finding for a log that is older than the journal."""
    return StateRollback((error.message,), acceptable=False, help=error.help)


def find(journal: Journal, newest: Iterable[tuple[str, bytes]], outside: OutsideKnowledge, gate_key: bytes) -> StateRollback | None:
    """Return what shows that the journal is older than something beside it; None where nothing does, or a person has accepted it.

    Args:
        journal: read after the rest was.
        newest: (stream, event) of all its streams, the one appended last first.
        outside: what lies beside it.
        gate_key: the key that the entries of the snapshot were made with.
    """
    accepted = acceptances(journal)
    reasons = []
    known, stated = _receipts(newest)
    known = max(known, *(each.log_size for each in accepted)) if accepted else known
    if outside.log_size > known + stated and outside.log_size > _known_to_orders(journal):
        reasons.append(f"the journal is an old copy: the log holds {outside.log_size} receipts, the journal knows of {known}")
    unknown = outside.suppressed - _ever_suppressed(journal) - entries_of(accepted)
    unknown = unknown - _ever_blocked(journal, gate_key) if unknown else unknown
    if unknown:
        reasons.append("the journal is an old copy: the gate's snapshot holds people whom the journal never suppressed")
    forgotten = _forgotten(journal, outside.orders, accepted)
    if forgotten:
        reasons.append("the journal is an old copy: orders were worked on that it does not know of")
    if not reasons:
        return None
    streams = {name for name in journal.streams() if is_order(name)} | {order for each in accepted for order in each.orders}
    names = dict.fromkeys((*forgotten, *sorted(order for order in outside.received if order not in streams)))
    return StateRollback(tuple(reasons), tuple(names), unknown, outside.log_size)


def acceptances(journal: Journal) -> list[ev.RollbackAccepted]:
    """Return every decision to go on with an older journal, oldest first."""
    return [event for event in read_register(journal, ROLLBACKS) if isinstance(event, ev.RollbackAccepted)]


def entries_of(accepted: Sequence[ev.RollbackAccepted]) -> frozenset[bytes]:
    """Return the gate's entries that were kept by decisions."""
    return frozenset(bytes.fromhex(entry) for each in accepted for entry in each.gate_entries)


def behind(journal: Journal, suppressed: frozenset[bytes]) -> int:
    """Count the identities that the journal suppresses and the gate's snapshot does not. An older snapshot is published again."""
    standing: dict[OrderId, tuple[str, ...]] = {}
    for event in read_register(journal, SUPPRESSIONS):
        if isinstance(event, ev.Suppressed):
            standing[event.order] = event.gate_entries
        elif isinstance(event, ev.Unsuppressed):
            standing.pop(event.order, None)
    entries = {bytes.fromhex(entry) for mine in standing.values() for entry in mine} | entries_of(acceptances(journal))
    return len(entries - suppressed)


def _forgotten(journal: Journal, shown: Mapping[OrderId, int], accepted: Sequence[ev.RollbackAccepted]) -> list[OrderId]:
    """Orders that are in no stream, and those of which a later round was begun than their stream says."""
    passed = {order for each in accepted for order in each.orders}
    there = journal.lengths()
    found = []
    for order, last in shown.items():
        if order in passed:
            continue
        if order not in there or (last and last > _rounds(journal, order)):
            found.append(order)
    return found


def _rounds(journal: Journal, order: OrderId) -> int:
    started = (ev.decode(data) for data in journal.read(order) if peek(data, ev.RoundStarted))
    return max((event.round for event in started if isinstance(event, ev.RoundStarted)), default=0)


def _receipts(newest: Iterable[tuple[str, bytes]]) -> tuple[int, int]:
    """(size of the log that an order saw last, receipts stated since: they may be in the log, for a crash came before that was noted)."""
    stated = 0
    for _, data in newest:
        # Why only a look at the bytes: every command comes by here, and most events are others.
        kind = peek(data, *_LOGGED, *_STATED)
        if kind in _LOGGED:
            logged = ev.decode(data)
            assert isinstance(logged, _LOGGED)
            return logged.size, stated
        if kind is not None:
            stated += 1
    return 0, stated


def _known_to_orders(journal: Journal) -> int:
    """The same from the orders one by one: where workers publish side by side, the newest event is not the whole story."""
    known, stated = 0, 0
    for stream in (*orders(journal), LEDGER, REVIEWS, INCIDENTS):
        open_ones: set[str] = set()
        for data in journal.read(stream):
            event = ev.decode(data) if peek(data, *_LOGGED, *_STATED) else None
            if isinstance(event, _LOGGED):
                known = max(known, event.size)
                open_ones.discard(_whose(event))
            elif isinstance(event, _STATED):
                open_ones.add(_whose(event))
        stated += len(open_ones)
    return known + stated


_LOGGED = ev.ReceiptLogged, LedgerLogged, ReviewsLogged, IncidentsLogged
_STATED = ev.ReceiptStated, LedgerStated, ReviewsCommitted, IncidentsCommitted
_Entry: TypeAlias = (
    ev.ReceiptLogged
    | ev.ReceiptStated
    | LedgerLogged
    | LedgerStated
    | ReviewsLogged
    | ReviewsCommitted
    | IncidentsLogged
    | IncidentsCommitted
)


def _whose(event: _Entry) -> str:
    match event:
        case LedgerLogged() | LedgerStated():
            return event.id
        case ReviewsLogged() | ReviewsCommitted() | IncidentsLogged() | IncidentsCommitted():
            return str(event.number)
    return event.subject


def _ever_blocked(journal: Journal, gate_key: bytes) -> frozenset[bytes]:
    """Of models, those that were ever blocked."""
    events = [each for each in read_register(journal, MODELS) if isinstance(each, ModelsBlocked)]
    return frozenset(gate_entry(gate_key, MODEL, name) for name in blocked(events))


def _ever_suppressed(journal: Journal) -> frozenset[bytes]:
    """Also those that were let go again: a crash may have come before the snapshot said so."""
    events = read_register(journal, SUPPRESSIONS)
    return frozenset(bytes.fromhex(entry) for event in events if isinstance(event, ev.Suppressed) for entry in event.gate_entries)
