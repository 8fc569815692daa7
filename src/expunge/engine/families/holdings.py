"""Count what is held about one child, derived things included, without reading any content.

Items are located as an order would locate them, so that a page and an order speak of the same. A store that cannot be asked is named as not
counted. Days are found by windows of time over the same selectors: nothing is read but the times that the stores compare.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

from expunge.core.datamap.artefact import ArtefactKind, DataKind
from expunge.core.datamap.datamap import Dataset, Inherited, ReferenceData, Through, remakes
from expunge.core.datamap.person import Person
from expunge.core.datamap.protected_kinds import kind_held
from expunge.core.disgorgement.disgorgement import kind_of
from expunge.core.disgorgement.limb_scope import DARK
from expunge.core.disgorgement.taint import Ancestry
from expunge.core.families.holdings import Holdings, KindHeld, MadeFrom, NotCounted, earliest, in_order, not_counted, together
from expunge.core.orders.plan import dependents_first
from expunge.core.retention.own_periods import OwnPeriod
from expunge.core.retention.retention_rules import RetentionRule, rule_of
from expunge.core.values.copy import Selector
from expunge.core.values.ids import Pseudonym
from expunge.core.values.outcome import Unable
from expunge.core.values.scope import Window
from expunge.engine.families.stopping import own_periods
from expunge.engine.kernel import store_calls
from expunge.engine.kernel.context import Context
from expunge.engine.lineage import artefact_ancestry
from expunge.engine.subjects import hold_register, locating
from expunge.engine.subjects.locating import LocatedCopies

_DAY = timedelta(days=1)
_REACH = timedelta(days=120 * 365)
"""How far back items are looked for by their day; an older one counts as of the first day."""
_LATELY = timedelta(days=2 * 365)
"""How old most data is at most: looked at first."""
_PARTS = 4
"""Windows into which a stretch of time is divided for one look at a store: each item is held against each of them."""
_MANY = 500
"""Values from which on a selector is asked for fewer windows at once: a store is handed all of them for each."""
_NO_ITEMS = frozenset[str]()
_Counting = Callable[[Sequence[Window]], list[int]]
"""Returns how many items lie in each of some windows."""


@dataclass(frozen=True)
class Origins:
    """What the estate records of where models and other things came from. It is about no person, and good for many counts."""

    graph: Ancestry
    artefacts: dict[str, tuple[str, ...]]
    failed: dict[str, Unable]
    """Datasets whose records could not be read."""


def origins(context: Context) -> Origins:
    """Read where the things of the estate came from: the map, its record of provenance, pipelines and registries."""
    recorded = artefact_ancestry.read(context)
    return Origins(recorded.graph(context), dict(recorded.artefacts), dict(recorded.failed))


def count(context: Context, person: Person, known: Origins) -> Holdings:
    """Count what is held about a person. It never raises for a store that is away: that data is not counted, with the reason."""
    at = context.clock.now()
    holds = hold_register.binding_on(context, [person])
    located = locating.locate(context, (person,), holds)
    days = _Days(context, located, person.subject, at, own_periods.chosen_for(context, person))
    kinds: list[KindHeld] = []
    failed = {name: NotCounted(kind_held(context.data_map, name), unable.reason) for name, unable in located.failed.items()}
    for dataset in reversed(dependents_first(context.data_map)):
        name = dataset.name
        if remakes(dataset) or name in failed:
            continue
        copies = [copy for copy in located.held_in(name) if copy.subject == person.subject]
        if not copies:
            continue
        bound = _bound(located, name, person.subject)
        items = sum(copy.items for copy in copies)
        aged = days.of(dataset, items, bound)
        kinds.append(KindHeld(kind_held(context.data_map, name), items, aged.oldest, aged.goes, aged.undated, len(bound)))
    made, away = _made(context, located, known)
    return Holdings(at, together(kinds), in_order(made), not_counted((*failed.values(), *away)))


def _bound(located: LocatedCopies, dataset: str, subject: Pseudonym) -> frozenset[str]:
    """The keys of the items that a legal hold keeps. Why by the end: what stays because others are in it has none."""
    if not any(kept.until is not None for kept in located.kept.get(dataset, {}).get(subject, ())):
        return _NO_ITEMS
    return frozenset(key for copy in located.kept_copies.get(dataset, ()) if copy.subject == subject for key in copy.keys)


# --- days -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Aged:
    """The days of the items of one dataset."""

    oldest: date | None = None
    goes: date | None = None
    undated: int = 0


class _Days:
    """Finds days, and remembers those of the datasets that others are found through."""

    def __init__(self, context: Context, located: LocatedCopies, subject: Pseudonym, at: datetime, own: Mapping[str, OwnPeriod]) -> None:
        self._context, self._located, self._subject = context, located, subject
        self._at = at.astimezone(UTC)
        self._own = own
        self._known: dict[str, _Aged] = {}

    def of(self, dataset: Dataset, items: int, bound: frozenset[str]) -> _Aged:
        """Return the days of a dataset after those that it is found through."""
        self._known[dataset.name] = found = self._look(dataset, items, bound)
        return found

    def _look(self, dataset: Dataset, items: int, bound: frozenset[str]) -> _Aged:
        if isinstance(dataset.subject, Inherited | ReferenceData):
            return _Aged()
        rule = rule_of(self._context.data_map, dataset)
        sources = dataset.subject.sources if isinstance(dataset.subject, Through) else ()
        before = [self._known[name] for name in sources if name in self._known]
        if rule.goes_with:
            # Why not asked: such items go when that through which they are found does, and are as old as it.
            return _Aged(
                earliest(*(each.oldest for each in before)), earliest(*(each.goes for each in before)), min(items, _undated(before))
            )
        try:
            oldest, expiring, dated = self._by_rule(dataset, rule, bound)
        except store_calls.TROUBLE:
            # The items were counted. Their own time cannot be read, so that no period of theirs ends.
            return _Aged(None, earliest(*(each.goes for each in before)), items)
        chosen = self._own.get(dataset.name)
        own = own_periods.ends_on(expiring, rule, chosen, self._at.date()) if expiring is not None else None
        return _Aged(oldest, earliest(own, *(each.goes for each in before)), max(0, items - dated))

    def _by_rule(self, dataset: Dataset, rule: RetentionRule, bound: frozenset[str]) -> tuple[date | None, date | None, int]:
        """The oldest day as people count it, the oldest from which a period runs, and how many items have the latter."""
        expiring, dated = self._oldest(dataset, rule.field, bound)
        collected = dataset.collected or rule.field
        if collected == rule.field and not bound:
            return expiring, expiring, dated
        oldest, _ = self._oldest(dataset, collected, _NO_ITEMS)
        return oldest, expiring, dated + len(bound)

    def _oldest(self, dataset: Dataset, field: str, aside: frozenset[str]) -> tuple[date | None, int]:
        """The day of the oldest item by a field, less some items, and how many have such a day."""
        selector = self._located.selectors.get(dataset.name, {}).get(self._subject)
        if selector is None:
            return None, 0
        store = self._context.open_store(dataset.store)

        def counted(windows: Sequence[Window]) -> list[int]:
            asked = [replace(selector, subject=Pseudonym(str(place)), where=window) for place, window in enumerate(windows)]
            found = dict.fromkeys(range(len(windows)), 0)
            for copy in store_calls.locate(store, dataset, asked):
                found[int(copy.subject)] += copy.without(aside).items
            return list(found.values())

        return _first_day(counted, field, self._at, _PARTS if _values(selector) <= _MANY else 2)


def _first_day(counted: _Counting, field: str, now: datetime, parts: int) -> tuple[date | None, int]:
    """Find the first day on which anything lies, and how many items have any time at all, by ever smaller windows."""
    end = datetime(now.year, now.month, now.day, tzinfo=UTC) + _DAY
    begin, first = end - _LATELY, end - _REACH
    old, late, ahead = counted([Window(field, until=begin), Window(field, begin, end), Window(field, since=end)])
    total = old + late + ahead
    if not old + late:
        # Everything lies ahead (a clock that goes ahead, a date that is planned), or says no time.
        return (end.date() if ahead else None), total
    if old:
        begin, end = first, begin
    while end - begin > _DAY:
        edges = _edges(begin, end, parts)
        # The first window has no beginning, so that what is older than all that is looked for counts as of the first day.
        windows = [Window(field, None if since == first else since, until) for since, until in pairwise(edges)]
        place = next((at for at, number in enumerate(counted(windows)) if number), None)
        if place is None:
            # What was there a moment ago has gone meanwhile.
            return None, total
        begin, end = edges[place], edges[place + 1]
    return begin.date(), total


def _edges(begin: datetime, end: datetime, parts: int) -> list[datetime]:
    days = (end - begin) // _DAY
    steps = min(parts, days)
    return [begin + _DAY * (days * step // steps) for step in range(steps + 1)]


def _values(selector: Selector) -> int:
    return sum(len(values) for values in selector.match.values())


def _undated(found: Sequence[_Aged]) -> int:
    return sum(each.undated for each in found)


# --- what was made from it ---------------------------------------------------------------------------------


def _made(context: Context, located: LocatedCopies, known: Origins) -> tuple[list[MadeFrom], list[NotCounted]]:
    """Return what was made from data of the person as a whole, and what of it could not be looked at."""
    datasets = context.data_map.datasets
    holding = {name for name in {*located.copies, *located.kept_copies} if located.held_in(name) and not remakes(datasets[name])}
    collected = [
        name for name, each in datasets.items() if not each.derived_from and kind_of(each) in (ArtefactKind.RAW, ArtefactKind.BACKUP)
    ]
    taint = known.graph.spread(sorted(holding), collected)
    made: list[MadeFrom] = []
    away: list[NotCounted] = []
    for name, dataset in datasets.items():
        kind = kind_held(context.data_map, name)
        if name in located.failed or not (remakes(dataset) or kind is DataKind.MODEL):
            continue
        try:
            there = known.artefacts.get(name) or (("",) if _is_there(context, located, dataset) else ())
        except store_calls.TROUBLE as error:
            away.append(NotCounted(kind, store_calls.as_unable(error).reason))
            continue
        parts = [f"{name}/{part}" if part else name for part in there]
        # What a sealed manifest clears had none of the person's data.
        learnt = max(0, sum(part in taint.hits for part in parts) - len(located.stayed.get(name, ())))
        made.append(MadeFrom(kind, learnt, sum(part in taint.unknown for part in parts)))
    made.append(MadeFrom(DataKind.MODEL, 0, sum(name.startswith(DARK) for name in taint.unknown)))
    away += [NotCounted(kind_held(context.data_map, name), unable.reason) for name, unable in known.failed.items() if name in datasets]
    return made, away


def _is_there(context: Context, located: LocatedCopies, dataset: Dataset) -> bool:
    """Return whether a thing that the map declares exists. Raises as a store that cannot be used."""
    if located.held_in(dataset.name) or located.stayed.get(dataset.name):
        return True
    everything = Selector(locating.EVERYBODY, {}, every=True)
    return bool(store_calls.locate(context.open_store(dataset.store), dataset, (everything,)))
