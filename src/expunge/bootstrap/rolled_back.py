"""Compare the parts of an installation's state with one another at each start; hold work back where the journal is an older copy."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from heapq import nlargest
from pathlib import Path

from expunge.adapters.database.journal_django import DjangoJournal
from expunge.adapters.files.shelf_files import FileShelf
from expunge.adapters.log.cosigning import Witnesses
from expunge.adapters.log.older_log import OlderLog
from expunge.adapters.log.tile_log import TileLog
from expunge.bootstrap.open_state import InstallationState, anchor, origin_of, published
from expunge.bootstrap.state_folder import GATE, LOG
from expunge.core.orders.run import Run
from expunge.core.values.ids import OrderId
from expunge.engine.aftercare import journal_rollback
from expunge.engine.aftercare.journal_rollback import OutsideKnowledge, StateRollback
from expunge.errors import StateRolledBack
from expunge.ports.keys import InstallationKeys


@dataclass(frozen=True)
class StateComparison:
    """The comparison of the parts of the state that can be put right."""

    gate_behind: int
    """Identities that the journal suppresses and the gate's snapshot does not."""
    ended_elsewhere: tuple[OrderId, ...]
    """Orders whose key was destroyed although the journal does not say that they ended."""
    without_key: tuple[OrderId, ...]
    """Unfinished orders whose key is missing, so that their identifiers cannot be read any more."""


LATEST_ORDERS = 5
"""Orders of the shelf, the last that changed, whose rounds are compared with the journal's at each start. Forgotten work is recent."""
_BEGUN = re.compile(r"(?:traces|values|lying|seen-before|seen-after|crowded|held-before|receipts)-(\d+)-")
"""Files of one round of the order itself; those of a shared round may be another order's, and have its name in them."""
_ORDER = "ord-"
_WORKED = frozenset({"trace", "-trace", "-order"})
"""Keys that no order has before work on it began: of its traces, and what was destroyed at its end."""


def open_log(folder: Path, keys: InstallationKeys, journal: DjangoJournal, witnesses: Witnesses | None = None) -> TileLog | OlderLog:
    """Open the log; one that is older than the journal refuses every question, so that receipts and orders can still be read."""
    origin = origin_of(keys)
    try:
        return TileLog(folder / LOG, origin, keys, former=keys.log_publics()[:-1], anchor=lambda: anchor(journal), witnesses=witnesses)
    except StateRolledBack as refusal:
        return OlderLog(origin, refusal)


def examine(folder: Path, keys: InstallationKeys, kept: InstallationState, log: TileLog | OlderLog) -> StateRollback | None:
    """Return what shows that a part of the state is an older copy than another, and have the journal refuse every append while it is so."""
    if isinstance(log, OlderLog):
        found: StateRollback | None = journal_rollback.of_log(log.refusal)
    else:
        outside = _outside(folder, keys, kept, log.head().size)
        found = journal_rollback.find(kept.journal, kept.journal.newest(), outside, keys.gate_key())
    kept.journal.refusal = found.error() if found is not None else None
    return found


def _outside(folder: Path, keys: InstallationKeys, kept: InstallationState, log_size: int) -> OutsideKnowledge:
    suppressed = published(folder / GATE, keys)
    known = {order: kinds for order, kinds in keys.orders().items() if order.startswith(_ORDER)}
    worked = {order: 0 for order, kinds in known.items() if not _WORKED.isdisjoint(kinds)}
    received = set(known)
    if isinstance(kept.shelf, FileShelf):
        changed = {order: at for order, at in kept.shelf.orders() if order.startswith(_ORDER)}
        there = set(kept.journal.streams())
        latest = nlargest(LATEST_ORDERS, changed, key=lambda order: changed[order])
        for order in {*latest, *(changed.keys() - there)}:
            last = last_round(kept.shelf, order)
            if last:
                worked[order] = last
        received.update(changed)
    return OutsideKnowledge(log_size, suppressed, worked, frozenset(received))


def last_round(shelf: FileShelf, order: OrderId) -> int:
    """Return the last round of an order of which the shelf holds traces or receipts; 0 where it holds none."""
    rounds = (_BEGUN.match(name) for name in shelf.names(order))
    return max((int(found[1]) for found in rounds if found), default=0)


def ended_elsewhere(keys: Mapping[OrderId, frozenset[str]], runs: tuple[Run, ...]) -> tuple[OrderId, ...]:
    """Return the orders whose key was destroyed although the journal does not say that they ended."""
    return tuple(run.order for run in runs if "-order" in keys.get(run.order, ()) and not (run.final or run.key_destroyed))


def without_key(keys: Mapping[OrderId, frozenset[str]], runs: tuple[Run, ...]) -> tuple[OrderId, ...]:
    """Return the unfinished orders whose key is missing, so that their identifiers cannot be read any more."""
    return tuple(run.order for run in runs if not run.final and keys.get(run.order, frozenset()).isdisjoint({"order", "-order"}))
