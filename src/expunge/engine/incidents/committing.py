"""Commit to the register of incidents in the transparency log, and hold the register against what the log has."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from expunge.core import merkle
from expunge.core.journal import events as journalled
from expunge.core.journal.incident_events import IncidentsCommitted, IncidentsLogged
from expunge.core.log import register_forms
from expunge.core.review import commitment
from expunge.engine.kernel.context import Context
from expunge.engine.kernel.journal_streams import INCIDENTS, register, register_behind
from expunge.errors import EvidenceInvalid

FORM = register_forms.INCIDENTS


def log_leaf(committed: IncidentsCommitted) -> bytes:
    """Return the leaf of the transparency log: the form, the number of the entry, and the root, as canonical JSON."""
    return register_forms.leaf(FORM, committed.number, committed.root)


def commit(context: Context) -> None:
    """Have the log commit to every event of the register. It changes nothing where the log has them. Raises as the log does."""
    _finish(context)
    salt, now, size = context.random(commitment.SALT_BYTES), context.clock.now(), None

    def conclude(events: Sequence[object]) -> list[IncidentsCommitted]:
        nonlocal size
        entries = [each for each in events if isinstance(each, IncidentsCommitted)]
        first = entries[-1].first + entries[-1].count if entries else 0
        if all(isinstance(each, IncidentsCommitted | IncidentsLogged) for each in events[first:]):
            return []
        size = context.log.head().size if size is None else size
        # Why the bytes: what the log commits to is what was written, whatever a later version makes of it.
        waiting = list(islice(context.journal.read(INCIDENTS, first), len(events) - first))
        root = commitment.root_of(salt, first, waiting).hex()
        return [IncidentsCommitted(now, len(entries), first, len(waiting), salt.hex(), root, size)]

    if register_behind(context.journal, INCIDENTS, conclude):
        _finish(context)


def _finish(context: Context) -> None:
    """Put a stated entry in the log, and note that it is there. After a crash too."""
    logged = {each.number for each in _entries(context) if isinstance(each, IncidentsLogged)}
    for each in _entries(context):
        if isinstance(each, IncidentsCommitted) and each.number not in logged:
            leaf = log_leaf(each)
            # Why asked first: a crash after the append and before the event must not enter a leaf twice.
            index = context.log.find(leaf, each.log_size)
            if index is None:
                (index,) = context.log.append([leaf])
            head = context.log.head()
            # commit point: the leaf is in the log under a published checkpoint; crash here and it is found again by its bytes.
            register(context.journal, INCIDENTS, IncidentsLogged(context.clock.now(), each.number, index, head.size, head.root.hex()))


def _entries(context: Context) -> list[object]:
    events = (journalled.decode(data) for data in context.journal.read(INCIDENTS))
    return [each for each in events if isinstance(each, IncidentsCommitted | IncidentsLogged)]


def verify(context: Context) -> int:
    """Hold the register against the log. Return how many events the log commits to.

    Raises EvidenceInvalid where an entry of the log commits to other events, or is not in it.
    """
    data = list(context.journal.read(INCIDENTS))
    events = [journalled.decode(each) for each in data]
    logged = {each.number: each for each in events if isinstance(each, IncidentsLogged)}
    head, through = context.log.head(), 0
    for each in (each for each in events if isinstance(each, IncidentsCommitted) and each.number in logged):
        part = data[each.first : each.first + each.count]
        root = commitment.root_of(bytes.fromhex(each.salt), each.first, part).hex()
        if each.first != through or root != each.root or len(part) != each.count:
            raise EvidenceInvalid("the register of incidents is not what the log committed to", help="restore the journal from its backup")
        index = logged[each.number].index
        path = context.log.prove_inclusion(index, head.size)
        merkle.verify_inclusion(merkle.leaf_hash(log_leaf(each)), index, head.size, path, head.root)
        through = each.first + each.count
    return through
