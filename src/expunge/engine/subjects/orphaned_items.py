"""Find orphaned items: rows with no subject, or whose link to a subject no longer exists."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from expunge.core.datamap.datamap import Aggregate, Dataset, Inherited, Through
from expunge.core.values.copy import Copy
from expunge.engine.kernel import store_calls
from expunge.engine.kernel.context import OpenPlaces
from expunge.engine.subjects import spellings


def owned(context: OpenPlaces, dataset: Dataset, copies: Iterable[Copy], erased: Mapping[str, Sequence[Copy]]) -> Iterator[Copy]:
    """Yield the copies that lead to a subject. Streamed, except for ``through``, which needs all links."""
    if not isinstance(dataset.subject, Through):
        yield from (each for each in copies if _names_somebody(each))
        return
    via = dataset.subject.via
    pointers = pointers_of(context, context.data_map.datasets[dataset.subject.dataset], dataset.subject.link, erased)
    equality = spellings.equality_of(context, dataset, via)
    pointed_to = pointers if equality.exact else frozenset(map(equality.common, pointers))
    for copy in copies:
        values = copy.selector.match.get(via, frozenset()) if copy.selector else frozenset()
        if not pointed_to.isdisjoint(values if equality.exact else map(equality.common, values)):
            yield copy


def pointers_of(context: OpenPlaces, parent: Dataset, link: str, erased: Mapping[str, Sequence[Copy]]) -> frozenset[str]:
    """Return the values of the field ``link`` that lead to a bystander."""
    copies = store_calls.bystanders(context.open_store(parent.store), parent, erased.get(parent.name, ()), None)
    found: set[str] = set()
    for copy in owned(context, parent, copies, erased):
        found |= copy.links.get(link, frozenset())
    return frozenset(found)


@dataclass(frozen=True)
class OrphanedItems:
    """Items of a dataset that no order can reach."""

    dataset: str
    items: int
    why: str


def ownerless(context: OpenPlaces) -> Iterator[OrphanedItems]:
    """Count the orphaned items of each dataset. An order cannot find them, so an operator has to."""
    for dataset in context.data_map.datasets.values():
        if isinstance(dataset.subject, Aggregate | Inherited):
            continue
        store = context.open_store(dataset.store)
        everything = sum(bystander.items for bystander in store_calls.bystanders(store, dataset, (), None))
        leading = sum(each.items for each in owned(context, dataset, store_calls.bystanders(store, dataset, (), None), {}))
        if everything > leading:
            why = f"lead to nothing in {dataset.subject.dataset}" if isinstance(dataset.subject, Through) else "name nobody"
            yield OrphanedItems(dataset.name, everything - leading, why)


def _names_somebody(copy: Copy) -> bool:
    # Why not blank ones: an empty cell is how many applications write that there is no owner.
    return copy.selector is not None and any(name.strip() for names in copy.selector.match.values() for name in names)
