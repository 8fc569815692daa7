"""The fence: the suppression list, and the signed gate snapshot that publishes it to every pipeline."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from types import MappingProxyType

from expunge.core.datamap.datamap import ByField, DataMap
from expunge.core.datamap.person import Person, held_hashes
from expunge.core.datamap.purposes import Ground
from expunge.core.datamap.spelling import OPAQUE, Spelling
from expunge.core.gate.gate_entry import GateEntries
from expunge.core.gate.gate_head import GateLack
from expunge.core.gate.gate_snapshot import Contents, GatePolicy, PurposeState, gate_entry
from expunge.core.journal import events as ev
from expunge.core.journal.peek import peek, peek_text
from expunge.core.journal.recipient_ledger import fold
from expunge.core.models import model_outcomes
from expunge.core.retention.collection_permission import scheduled
from expunge.core.values.ids import MODEL, OrderId, Pseudonym, pseudonym, pseudonyms
from expunge.core.values.periods import shortest
from expunge.engine.gate import consent_entries, use_records
from expunge.engine.gate.consent_entries import ConsentEntries
from expunge.engine.kernel import spelt_names
from expunge.engine.kernel.context import Context
from expunge.engine.kernel.journal_streams import MODELS, RECIPIENTS, ROLLBACKS, SUPPRESSIONS, read_register, register

RENEW_AFTER = timedelta(seconds=20)
"""A third of the age that pipelines accept unless they are told otherwise."""
_FORMAT = 2


def suppress(context: Context, orders: Mapping[OrderId, Sequence[Person]]) -> None:
    """Enter the people of some orders in the register and publish once; doing it twice for one order changes nothing."""
    key, gate = context.keys.pseudonym_key(), context.keys.gate_key()
    with context.journal.changing():
        entered = _entered(context)
        events = []
        for order, people in orders.items():
            if order not in entered:
                pairs = sorted({pair for person in people for pair in (*person.identifiers(), *_hashed(context.data_map, person))})
                names = tuple(str(pseudonym(key, kind, value)) for kind, value in pairs)
                entries = tuple(gate_entry(gate, kind, value).hex() for kind, value in pairs)
                events.append(ev.Suppressed(context.clock.now(), order, names, entries, _FORMAT))
        if events:
            register(context.journal, SUPPRESSIONS, *events)
        publish(context)


def _hashed(data_map: DataMap, person: Person) -> Iterator[tuple[str, str]]:
    """The hashes by which fields of the map name a person: pipelines, and data that comes back, may know the person by nothing else."""
    rules = (dataset.subject for dataset in data_map.datasets.values() if isinstance(dataset.subject, ByField))
    for field_ in (each for rule in rules for each in rule.hashed):
        yield from ((field_.kind, digest.hex()) for digest in held_hashes(person, field_))


def _entered(context: Context) -> set[str]:
    """The orders that the register has, also those that were let go again; without decoding what it says of their people."""
    found = (peek_text(data, "order") for data in context.journal.read(SUPPRESSIONS) if peek(data, ev.Suppressed))
    return {order for order in found if order}


def lift(context: Context, order: OrderId) -> None:
    """Take a cancelled order's identities out again, unless another order suppresses them too."""
    with context.journal.changing():
        if not any(isinstance(each, ev.Unsuppressed) and each.order == order for each in read_register(context.journal, SUPPRESSIONS)):
            register(context.journal, SUPPRESSIONS, ev.Unsuppressed(context.clock.now(), order))
        publish(context)


def publish(context: Context) -> int:
    """Write the gate's snapshot from the register and the map; returns how many identities are suppressed.

    From reading to writing nobody else publishes: a snapshot that was read before another process fenced somebody, and written after it,
    would let them through.
    """
    with context.journal.changing():
        return _publish(context)


def _publish(context: Context) -> int:
    orders = _standing(context)
    suppressed = frozenset(bytes.fromhex(entry) for order in orders if order.gate_format == _FORMAT for entry in order.gate_entries)
    former = frozenset(bytes.fromhex(entry) for order in orders if order.gate_format != _FORMAT for entry in order.gate_entries)
    agreed = consent_entries.of_everybody(context)
    blocked = fold(read_register(context.journal, RECIPIENTS)).blocked()
    gate = context.keys.gate_key()
    # Why among the suppressed: what asks about a model before it serves is answered as for a person.
    models = {gate_entry(gate, MODEL, each) for each in model_outcomes.blocked(read_register(context.journal, MODELS))}
    # Why for good: the journal that knew whom they name is lost, and with it who could let them go.
    accepted = [event for event in read_register(context.journal, ROLLBACKS) if isinstance(event, ev.RollbackAccepted)]
    forgotten = frozenset(bytes.fromhex(entry) for event in accepted for entry in event.gate_entries)
    purposes = purposes_of(context.data_map, agreed, blocked, use_records.lacking(context))
    policy = GatePolicy(
        context.map_digest, purposes, agreed.frozen, scheduled(context.data_map), context.data_map.kinds, compare_of(context.data_map)
    )
    contents = Contents(suppressed | models | forgotten, former | forgotten if former else former, policy)
    context.publish_gate(context.clock.now(), contents, use_records.earliest_end(context))
    return len(suppressed) + len(former)


def compare_of(data_map: DataMap) -> Mapping[str, Spelling] | None:
    """Return how the kinds of the map compare, without those of opaque ids, which every reader knows; None where there are no others."""
    rules = {kind: data_map.spelling(kind) for kind in sorted(data_map.kinds)}
    return {kind: rule for kind, rule in rules.items() if rule != OPAQUE} or None


def renew(context: Context) -> None:
    """Publish the gate snapshot again when it is due. The file that pipelines read must not grow old between orders."""
    if is_due(context):
        publish(context)


def is_due(context: Context) -> bool:
    """Return whether the gate snapshot is due to be published again."""
    age = context.publish_gate.age(context.clock.now())
    return age is None or age >= RENEW_AFTER


def purposes_of(
    data_map: DataMap, agreed: ConsentEntries, blocked: frozenset[str] = frozenset(), lacking: Mapping[str, GateLack] = MappingProxyType({})
) -> Mapping[str, PurposeState] | None:
    """Return the state of each purpose of the map: whether it rests on consent, the consents, the period of its shortest-lived data.

    A purpose is closed when it hands data to a recipient which gets nothing more for now (``blocked``). Nor does
    anything pass for one that lacks a record (``lacking``).
    """
    if not data_map.purposes:
        return None
    found = {}
    for name, purpose in data_map.purposes.items():
        rules = {data_map.datasets[dataset].retention for dataset in purpose.datasets if dataset in data_map.datasets}
        periods = [data_map.retention[rule].period for rule in rules if rule in data_map.retention]
        found[name] = PurposeState(
            needs_consent=purpose.needs is Ground.CONSENT,
            keep=shortest(periods) if periods else None,
            given=agreed.given.get(name, frozenset()),
            withdrawn=agreed.withdrawn.get(name, frozenset()),
            closed=bool(blocked & set(purpose.recipients)),
            lacks=lacking.get(name),
        )
    return found


def standing_orders(context: Context) -> dict[OrderId, ev.Suppressed]:
    """Return the orders that suppress a subject now."""
    return {each.order: each for each in _standing(context)}


@dataclass(frozen=True)
class SuppressionIndex:
    """The subjects suppressed now, indexed to be looked for among many."""

    names: Mapping[str, OrderId]
    """Pseudonym -> the latest order that suppresses it."""
    _key: bytes = field(repr=False)
    """Of the pseudonyms."""
    _entries: GateEntries = field(repr=False)
    _data_map: DataMap = field(repr=False)
    """How identifiers compare."""
    _found: frozenset[bytes] | None = field(repr=False)
    """What stands for them in the gate's files; None where some came before format 2 of these."""

    def among(self, kind: str, values: Sequence[str]) -> Iterator[tuple[str, Pseudonym]]:
        """Yield the suppressed ones of some identifiers, in whatever spelling, each with its pseudonym.

        An entry takes a third of the time of a pseudonym, and few people in a store are suppressed. So a pseudonym is computed only for a
        known entry.
        """
        common = [spelt_names.stands_for(self._data_map, kind, value) for value in values]
        pairs = [*zip(values, common, strict=True), *((value, value) for value, text in zip(values, common, strict=True) if value != text)]
        texts = [text for _, text in pairs]
        if self._found is not None:
            entries = self._entries.of(kind, texts)
            if self._found.isdisjoint(entries):
                return
            pairs = [pair for pair, entry in zip(pairs, entries, strict=True) if entry in self._found]
        told: set[str] = set()
        names = pseudonyms(self._key, kind, [text for _, text in pairs])
        for (value, _), name in zip(pairs, names, strict=True):
            if name in self.names and value not in told:
                told.add(value)
                yield value, name


def fenced(context: Context) -> SuppressionIndex:
    """Read the register once."""
    orders = _standing(context)
    # Each name has an entry beside it from format 2 on.
    whole = all(order.gate_format == _FORMAT and len(order.gate_entries) == len(order.pseudonyms) for order in orders)
    found = frozenset(bytes.fromhex(entry) for order in orders for entry in order.gate_entries) if whole else None
    names = {name: order.order for order in orders for name in order.pseudonyms}
    return SuppressionIndex(names, context.keys.pseudonym_key(), GateEntries(context.keys.gate_key()), context.data_map, found)


def _standing(context: Context) -> list[ev.Suppressed]:
    standing: dict[OrderId, ev.Suppressed] = {}
    for event in read_register(context.journal, SUPPRESSIONS):
        if isinstance(event, ev.Suppressed):
            standing[event.order] = event
        elif isinstance(event, ev.Unsuppressed):
            standing.pop(event.order, None)
    return list(standing.values())
