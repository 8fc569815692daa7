"""Does the journal remember everything that was published from it? An older copy, put back, would have forgotten whom it fenced."""

from __future__ import annotations

from collections.abc import Iterator

from expunge.core import events as ev
from expunge.engine.recording import SUPPRESSIONS, orders, read_register
from expunge.errors import StateCorrupt
from expunge.ports.journal import Journal

_HELP = (
    "restore state.db from a copy that is not older than the last order; if there is none, ask for help before anything else: "
    "people it has forgotten would pass the gate"
)


def require(journal: Journal, *, log_size: int, suppressed: frozenset[bytes]) -> None:
    """Refuse a journal that is older than the log or the gate's snapshot.

    Args:
        journal: read after the other two were, so that whoever is at work meanwhile does no harm.
        log_size: entries of the published log.
        suppressed: entries of the gate's snapshot; empty where there is none.

    Raises:
        StateCorrupt: the log holds receipts, or the snapshot people, that the journal knows nothing of.
    """
    known, stated = _receipts(journal)
    if log_size > known + stated:
        message = f"the journal is an old copy: the log holds {log_size} receipts, the journal knows of {known}"
        raise StateCorrupt(message, help=_HELP)
    if suppressed - _ever_suppressed(journal):
        message = "the journal is an old copy: the gate's snapshot holds people whom the journal never suppressed"
        raise StateCorrupt(message, help=_HELP)


def _receipts(journal: Journal) -> tuple[int, int]:
    """(largest size of the log that an order saw, receipts that may be in the log, for a crash came before that was noted)."""
    known = stated = 0
    for event in _about_receipts(journal):
        if isinstance(event, ev.ReceiptLogged):
            known = max(known, event.size)
            stated -= 1
        elif isinstance(event, ev.ReceiptStated):
            stated += 1
    return known, stated


def _about_receipts(journal: Journal) -> Iterator[ev.Event]:
    for order in orders(journal):
        for data in journal.read(order):
            # Why the glance at the bytes: of thousands of events these are few, and every command comes by here.
            if b'"is":"Receipt' in data:
                yield ev.decode(data)


def _ever_suppressed(journal: Journal) -> frozenset[bytes]:
    """Also those that were let go again: a crash may have come before the snapshot said so."""
    events = read_register(journal, SUPPRESSIONS)
    return frozenset(bytes.fromhex(entry) for each in events if isinstance(each, ev.Suppressed) for entry in each.gate_entries)
