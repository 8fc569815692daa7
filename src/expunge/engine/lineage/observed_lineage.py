"""Observed lineage: take in observations of pipelines, add them up, compare them with the map."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from expunge.core.datamap.datamap import AboutNobody, ByField, DataMap, Through
from expunge.core.lineage.dataset_lookup import DatasetLookup, model_address
from expunge.core.lineage.observations import Observation, Observed, ObservedLineage, add_packed, pack
from expunge.core.lineage.undeclared_lineage import UndeclaredDataset, UndeclaredEdge, UndeclaredLineage, UndeclaredPlace
from expunge.core.lineage.undeclared_lineage import gaps as hold_against
from expunge.core.values.copy import Finding, FindingKind
from expunge.engine.kernel.context import Context
from expunge.engine.kernel.journal_streams import LINEAGE, read_register, register
from expunge.engine.lineage import registry_origins
from expunge.errors import ExpungeError, StateUnavailable
from expunge.ports.clock import Clock
from expunge.ports.journal import Journal
from expunge.ports.sender_door import IntakeResult

REMEMBERED = 100_000
"""Observations that are known again when they come twice; older ones are written again, which changes nothing."""
PIPELINES = "pipelines"
"""Stands in findings where a store's name would."""


@dataclass
class _Waiting:
    observations: tuple[Observation, ...]
    committed: bool = False
    over: bool = False
    error: ExpungeError | None = None


class Intake:
    """A writer of observations to the journal. Threads share it. Their observations are written together, with one wait for the device.

    ``take`` returns when its observations are durable, never before.
    """

    def __init__(self, journal: Journal, clock: Clock) -> None:
        self._journal = journal
        self._clock = clock
        self._guard = threading.Lock()
        self._turn = threading.Lock()
        self._pending: list[_Waiting] = []
        self._recent: dict[tuple[str, int], None] = {}

    def take(self, observations: Sequence[Observation]) -> IntakeResult:
        """Write new observations. Raises Busy, StateUnavailable, StateCorrupt: then send everything again, which is harmless."""
        keyed = {(observation.run, hash(observation)): observation for observation in observations}
        with self._guard:
            fresh = {key: each for key, each in keyed.items() if key not in self._recent}
            mine = _Waiting(tuple(fresh.values()))
            if fresh:
                self._pending.append(mine)
        if fresh:
            with self._turn:
                # Why asked again: whoever had the turn before has written for all who waited then.
                if not mine.over:
                    self._write()
            self._settle(mine, list(fresh))
        return IntakeResult(len(fresh), len(observations) - len(fresh))

    def _write(self) -> None:
        with self._guard:
            group, self._pending = self._pending, []
        try:
            packed = pack(observation for waiting in group for observation in waiting.observations)
            register(self._journal, LINEAGE, Observed(self._clock.now(), packed))
            # commit point: the observations are in the journal, and everybody in the group may be told so.
            for each in group:
                each.committed = True
        except ExpungeError as error:
            for each in group:
                each.error = error
        finally:
            for each in group:
                each.over = True

    def _settle(self, mine: _Waiting, keys: list[tuple[str, int]]) -> None:
        if not mine.committed:
            if mine.error is not None:
                raise type(mine.error)(mine.error.message, help=mine.error.help)
            message = "the events could not be written down"
            raise StateUnavailable(message, help="send them again")
        with self._guard:
            self._recent.update(dict.fromkeys(keys))
            while len(self._recent) > REMEMBERED:
                del self._recent[next(iter(self._recent))]


_known: WeakKeyDictionary[Journal, tuple[int, ObservedLineage]] = WeakKeyDictionary()
"""Journal -> length of its register and what that adds up to; nothing in a register changes."""


def sightings(journal: Journal) -> ObservedLineage:
    """Return all lineage observed so far."""
    length = journal.length(LINEAGE)
    before, known = _known.get(journal, (0, ObservedLineage()))
    if length == before:
        return known
    known = add_packed(event.packed for event in read_register(journal, LINEAGE) if isinstance(event, Observed))
    _known[journal] = length, known
    return known


_held: WeakKeyDictionary[Journal, tuple[DataMap, ObservedLineage, UndeclaredLineage]] = WeakKeyDictionary()
"""Journal -> the last answer and what it was made from: many orders are planned at once, under one map."""


def gaps(data_map: DataMap, journal: Journal) -> UndeclaredLineage:
    """Return the lineage that was observed and not declared."""
    seen = sightings(journal)
    known = _held.get(journal)
    if known is None or known[0] is not data_map or known[1] is not seen:
        known = _held[journal] = data_map, seen, hold_against(data_map, seen)
    return known[2]


def all_gaps(context: Context) -> UndeclaredLineage:
    """Return the undeclared lineage: observations of pipelines, and origins in registries, that the map lacks."""
    said = registry_origins.seen(context).flows
    if not said:
        return gaps(context.data_map, context.journal)
    return hold_against(context.data_map, ObservedLineage((*sightings(context.journal).flows, *said)))


def places(context: Context) -> tuple[UndeclaredPlace, ...]:
    """Return the undeclared places that plans must not pass over."""
    return all_gaps(context).places(context.keys.pseudonym_key())


def findings(data_map: DataMap, found: UndeclaredLineage) -> Iterator[Finding]:
    """Yield gaps as ``check`` shows them, each with the lines to write in the map."""
    atlas = DatasetLookup(data_map)
    for each in found.unknown:
        yield _of_unknown(data_map, atlas, each)
    for unsaid in found.unsaid:
        yield _of_unsaid(data_map, unsaid)


def _of_unknown(data_map: DataMap, atlas: DatasetLookup, unknown: UndeclaredDataset) -> Finding:
    store, inside = atlas.place(unknown.address)
    harmless = f'lineage.ignore: - {{name: "{unknown.address}", reason: why it is about nobody}}'
    if not unknown.sources and not unknown.feeds:
        what = "pipelines read or write it, and nothing of the map was seen to go in or out"
        return Finding(FindingKind.NOTE, PIPELINES, unknown.address, what, f"name it if it is about people; else {harmless}")
    ways = [f"is made from {', '.join(unknown.sources)}"] if unknown.sources else []
    ways += [f"goes into {', '.join(unknown.feeds)}"] if unknown.feeds else []
    certain = "" if unknown.completed or not unknown.sources else " (by a run that did not end well, or has not ended)"
    what = f"pipelines were seen: it {' and '.join(ways)}{certain}, and no dataset of the map is it: no order reaches it"
    mend = f"{_entry(data_map, unknown, store, inside)}; else {harmless}"
    return Finding(FindingKind.UNDECLARED, store or PIPELINES, unknown.address, what, mend)


def _entry(data_map: DataMap, unknown: UndeclaredDataset, store: str, inside: str) -> str:
    """The dataset as it could be declared, as far as can be told."""
    name = inside.rpartition(".")[2].rpartition("/")[2] or "NAME"
    if store and unknown.address == model_address(store, inside):
        made = f", derived_from: [{', '.join(unknown.sources)}]" if unknown.sources else ""
        return f"datasets: {name}: {{store: {store}, model: {inside}{made}, on_erase: destroy}}"
    layout = f"store: {store}, table: {inside}" if store and "/" not in inside else f"store: {store or 'STORE'}, ..."
    derived = f", derived_from: [{', '.join(unknown.sources)}], on_erase: erase" if unknown.sources else ""
    alias = "" if store else f', and lineage.names: {name}: ["{unknown.address}"]'
    return f"datasets: {name}: {{{layout}, subject: {_subject(data_map, unknown)}{derived}}}{alias}"


def _subject(data_map: DataMap, unknown: UndeclaredDataset) -> str:
    """Whose it is, where the columns tell: one that holds what a source is found by, or what others follow in it."""
    atlas = DatasetLookup(data_map)
    for column in unknown.columns:
        for name in sorted(atlas.datasets(column.source)):
            dataset = data_map.datasets[name]
            match dataset.subject:
                case ByField() as fields if column.field in {name for _, name in fields.pairs()}:
                    kind = next(kind for kind, field in fields.pairs() if field == column.field)
                    return f"{{{kind}: {column.column}}}"
                case Through(dataset=source, via=via) as rule if column.field == via and (rule.to or column.column == via):
                    pair = rule.link if column.column == rule.link else f"{{{column.column}: {rule.link}}}"
                    return f"{{through: {source}, via: {pair}}}"
                case _ if column.field in dataset.follow and column.field == column.column:
                    return f"{{through: {name}, via: {column.field}}}"
    return "{KIND: FIELD}"


def _of_unsaid(data_map: DataMap, unsaid: UndeclaredEdge) -> Finding:
    target = data_map.datasets[unsaid.target]
    where = target.table or target.name
    what = f"pipelines were seen to make it from {unsaid.source}, which the map does not say"
    if isinstance(target.subject, AboutNobody):
        mend = f"make sure that it is about nobody with {unsaid.source} in it, and then derived_from: [{unsaid.source}]"
    else:
        mend = f"derived_from: [{', '.join((*target.derived_from, unsaid.source))}]"
    return Finding(FindingKind.UNDECLARED if unsaid.matters else FindingKind.NOTE, target.store, where, what, mend)
