"""The fence: who is suppressed, and the signed snapshot that says so to every pipeline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from expunge.core import events as ev
from expunge.core.gate_snapshot import gate_entry
from expunge.core.ids import OrderId, pseudonym
from expunge.core.person import Person
from expunge.engine.context import Context
from expunge.engine.recording import SUPPRESSIONS, read_register, register


def suppress(context: Context, orders: Mapping[OrderId, Sequence[Person]]) -> None:
    """Enter the people of some orders in the register and publish once; doing it twice for one order changes nothing."""
    entered = {each.order for each in read_register(context.journal, SUPPRESSIONS) if isinstance(each, ev.Suppressed)}
    key, gate = context.keys.pseudonym_key(), context.keys.gate_key()
    events = []
    for order, people in orders.items():
        if order not in entered:
            pairs = sorted({pair for person in people for pair in person.identifiers()})
            names = tuple(str(pseudonym(key, kind, value)) for kind, value in pairs)
            entries = tuple(gate_entry(gate, kind, value).hex() for kind, value in pairs)
            events.append(ev.Suppressed(context.clock.now(), order, names, entries))
    if events:
        register(context.journal, SUPPRESSIONS, *events)
    publish(context)


def lift(context: Context, order: OrderId) -> None:
    """Take a cancelled order's identities out again, unless another order suppresses them too."""
    if not any(isinstance(each, ev.Unsuppressed) and each.order == order for each in read_register(context.journal, SUPPRESSIONS)):
        register(context.journal, SUPPRESSIONS, ev.Unsuppressed(context.clock.now(), order))
    publish(context)


def publish(context: Context) -> int:
    """Write the gate's snapshot from the register; returns how many entries it has."""
    entries = frozenset(entry for each in _standing(context) for entry in each.gate_entries)
    context.publish_gate(context.clock.now(), entries)
    return len(entries)


def standing_orders(context: Context) -> dict[OrderId, ev.Suppressed]:
    """The orders that suppress somebody now."""
    return {each.order: each for each in _standing(context)}


def suppressed(context: Context) -> dict[str, OrderId]:
    """Pseudonym -> the latest order that suppresses it."""
    return {name: each.order for each in _standing(context) for name in each.pseudonyms}


def _standing(context: Context) -> list[ev.Suppressed]:
    standing: dict[OrderId, ev.Suppressed] = {}
    for event in read_register(context.journal, SUPPRESSIONS):
        if isinstance(event, ev.Suppressed):
            standing[event.order] = event
        elif isinstance(event, ev.Unsuppressed):
            standing.pop(event.order, None)
    return list(standing.values())
