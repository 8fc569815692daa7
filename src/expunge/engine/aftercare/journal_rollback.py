"""Detect a journal that was rolled back. Subjects fenced since that copy would pass the gate again."""

from __future__ import annotations

from collections.abc import Iterable

from expunge.core.gate.gate_entry import gate_entry
from expunge.core.journal import events as ev
from expunge.core.journal.peek import peek
from expunge.core.models.model_outcomes import ModelsBlocked, blocked
from expunge.core.values.ids import MODEL
from expunge.engine.kernel.journal_streams import MODELS, SUPPRESSIONS, orders, read_register
from expunge.errors import StateCorrupt
from expunge.ports.journal import Journal

_HELP = (
    "restore the journal (state.db, or the database of `state:`) from a copy that is not older than the last order; if there is none, ask "
    "for help before anything else: people it has forgotten would pass the gate"
)


def require(journal: Journal, newest: Iterable[tuple[str, bytes]], *, log_size: int, suppressed: frozenset[bytes], gate_key: bytes) -> None:
    """Refuse a journal that is older than the log or the gate's snapshot.

    Args:
        journal: read after log and snapshot were, so that work done meanwhile does no harm.
        newest: (stream, event) of all its streams, the one appended last first.
        log_size: entries of the published log.
        suppressed: entries of the gate's snapshot; empty where there is none.
        gate_key: the key that they were made with.

    Raises:
        StateCorrupt: the log holds receipts, or the snapshot entries, that the journal does not know.
    """
    known, stated = _receipts(newest)
    if log_size > known + stated and log_size > _known_to_orders(journal):
        message = f"the journal is an old copy: the log holds {log_size} receipts, the journal knows of {known}"
        raise StateCorrupt(message, help=_HELP)
    unknown = suppressed - _ever_suppressed(journal)
    if unknown and unknown - _ever_blocked(journal, gate_key):
        message = "the journal is an old copy: the gate's snapshot holds people whom the journal never suppressed"
        raise StateCorrupt(message, help=_HELP)


def _receipts(newest: Iterable[tuple[str, bytes]]) -> tuple[int, int]:
    """(size of the log that an order saw last, receipts stated since: they may be in the log, for a crash came before that was noted)."""
    stated = 0
    for _, data in newest:
        # Why only a look at the bytes: every command comes by here, and most events are others.
        kind = peek(data, ev.ReceiptLogged, ev.ReceiptStated)
        if kind is ev.ReceiptLogged:
            logged = ev.decode(data)
            assert isinstance(logged, ev.ReceiptLogged)
            return logged.size, stated
        if kind is ev.ReceiptStated:
            stated += 1
    return 0, stated


def _known_to_orders(journal: Journal) -> int:
    """The same from the orders one by one: where workers publish side by side, the newest event is not the whole story."""
    known, stated = 0, 0
    for order in orders(journal):
        open_ones: set[str] = set()
        for data in journal.read(order):
            event = ev.decode(data) if peek(data, ev.ReceiptLogged, ev.ReceiptStated) else None
            if isinstance(event, ev.ReceiptLogged):
                known = max(known, event.size)
                open_ones.discard(event.subject)
            elif isinstance(event, ev.ReceiptStated):
                open_ones.add(event.subject)
        stated += len(open_ones)
    return known + stated


def _ever_blocked(journal: Journal, gate_key: bytes) -> frozenset[bytes]:
    """Of models, those that were ever blocked."""
    events = [each for each in read_register(journal, MODELS) if isinstance(each, ModelsBlocked)]
    return frozenset(gate_entry(gate_key, MODEL, name) for name in blocked(events))


def _ever_suppressed(journal: Journal) -> frozenset[bytes]:
    """Also those that were let go again: a crash may have come before the snapshot said so."""
    events = read_register(journal, SUPPRESSIONS)
    return frozenset(bytes.fromhex(entry) for event in events if isinstance(event, ev.Suppressed) for entry in event.gate_entries)
