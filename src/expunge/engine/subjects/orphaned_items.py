"""Find orphaned items: rows with no subject, or whose link to a subject no longer exists."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice

from expunge.core.datamap.datamap import AboutNobody, Dataset, EraseAct, Inherited, Through
from expunge.core.values.copy import Copy, Selector
from expunge.core.values.ids import Pseudonym
from expunge.engine.kernel import store_calls
from expunge.engine.kernel.context import OpenPlaces
from expunge.engine.subjects import spellings
from expunge.engine.subjects.living_keys import LivingKeys

FEW = 2_000
"""Copies up to which links are asked for by value rather than read from one end to the other."""
BATCH = 5_000
SHARE = 10
"""One item in so many that leads to nobody is a share of the dataset."""
FEW_SUBJECTS = 3
"""Names that may be placeholders for deleted people."""
MOST_SUBJECTS = 10_000
"""Subjects who are in no list that are told apart."""
MOST_PADDED = 200
PADDED = range(2, 11)
"""Subjects that are tried with other zeros in front, and the widths that are tried."""


def owned(
    context: OpenPlaces,
    dataset: Dataset,
    copies: Iterable[Copy],
    erased: Mapping[str, Sequence[Copy]],
    living: LivingKeys | None = None,
) -> Iterator[Copy]:
    """Yield the copies that lead to a subject. Streamed, except for ``through``, which needs all links.

    Args:
        context: the composition.
        dataset: the dataset of the copies.
        copies: live copies.
        erased: dataset -> copies of the erased people that are still live.
        living: where given, a subject is a person who is there, and what ``locate`` of the stores that list people raises is raised;
            otherwise any value that is not blank is a subject.
    """
    if not isinstance(dataset.subject, Through):
        yield from (each for each in copies if names_person(each)) if living is None else living.copies(dataset, copies)
        return
    pointers = pointers_by(context, dataset.subject, erased, living)
    yield from _pointed_to(context, dataset, dataset.subject, copies, pointers)


def a_few_owned(
    context: OpenPlaces,
    dataset: Dataset,
    copies: Iterable[Copy],
    erased: Mapping[str, Sequence[Copy]],
    living: LivingKeys | None = None,
) -> Iterator[Copy]:
    """Yield what :func:`owned` does. Links are asked for by value, as long as the copies are few and their store answers for each value."""
    rule = dataset.subject
    if not isinstance(rule, Through):
        yield from owned(context, dataset, copies, erased, living)
        return
    left = iter(copies)
    first = list(islice(left, FEW + 1))
    values = frozenset(value for copy in first for value in _values(copy, rule.via))
    exact = len(first) <= FEW and spellings.equality_of(context, dataset, rule.via).exact
    pointers = _leading_by(context, rule, values, erased, living) if exact else None
    if pointers is None:
        yield from owned(context, dataset, chain(first, left), erased, living)
    else:
        yield from _pointed_to(context, dataset, rule, first, pointers)


def _pointed_to(context: OpenPlaces, dataset: Dataset, rule: Through, copies: Iterable[Copy], pointers: frozenset[str]) -> Iterator[Copy]:
    equality = spellings.equality_of(context, dataset, rule.via)
    pointed_to = pointers if equality.exact else frozenset(map(equality.common, pointers))
    for copy in copies:
        values = _values(copy, rule.via)
        if not pointed_to.isdisjoint(values if equality.exact else map(equality.common, values)):
            yield copy


def _values(copy: Copy, field: str) -> frozenset[str]:
    return copy.selector.match.get(field, frozenset()) if copy.selector else frozenset()


def _leading(
    context: OpenPlaces, parent: Dataset, link: str, values: frozenset[str], erased: Mapping[str, Sequence[Copy]], living: LivingKeys | None
) -> frozenset[str] | None:
    """Return those of some values of ``link`` that lead to a bystander; None where the store does not say it of each."""
    if not values:
        return frozenset()
    if erased.get(parent.name):
        return None
    asked = {Pseudonym(f"control-{number}"): value for number, value in enumerate(sorted(values))}
    selectors = [Selector(subject, {link: frozenset({value})}) for subject, value in asked.items()]
    named: dict[str, dict[str, frozenset[str]]] = {}
    for copy in store_calls.locate(context.open_store(parent.store), parent, selectors):
        value = asked[copy.subject]
        if value not in copy.links.get(link, frozenset()):
            continue
        named[value] = {
            name: copy.others.get(name, frozenset()) | frozenset({value} if name == link else ()) for name in parent.subject_fields
        }
        if not any(named[value].values()):
            # A row that names nobody, or a store that does not say whom a row names.
            return None
    rule = parent.subject
    if not isinstance(rule, Through):
        return frozenset(named) if living is None else living.named_by(parent, named)
    if not spellings.equality_of(context, parent, rule.via).exact:
        return None
    together = {value: frozenset[str]().union(*names.values()) for value, names in named.items()}
    further = frozenset[str]().union(*together.values())
    above = _leading_by(context, rule, further, erased, living)
    return None if above is None else frozenset(value for value, names in together.items() if not above.isdisjoint(names))


def _leading_by(
    context: OpenPlaces, rule: Through, values: frozenset[str], erased: Mapping[str, Sequence[Copy]], living: LivingKeys | None
) -> frozenset[str] | None:
    """Return those of some values that lead to a bystander by any way; None where a store does not say it of each."""
    found = [_leading(context, context.data_map.datasets[name], link, values, erased, living) for name, link in rule.ways]
    told = [each for each in found if each is not None]
    return frozenset[str]().union(*told) if len(told) == len(found) else None


def pointers_by(
    context: OpenPlaces, rule: Through, erased: Mapping[str, Sequence[Copy]], living: LivingKeys | None = None
) -> frozenset[str]:
    """Return the values that lead to a bystander by any way."""
    return frozenset[str]().union(
        *(pointers_of(context, context.data_map.datasets[name], link, erased, living) for name, link in rule.ways)
    )


def pointers_of(
    context: OpenPlaces, parent: Dataset, link: str, erased: Mapping[str, Sequence[Copy]], living: LivingKeys | None = None
) -> frozenset[str]:
    """Return the values of the field ``link`` that lead to a bystander."""
    copies = store_calls.bystanders(context.open_store(parent.store), parent, erased.get(parent.name, ()), None)
    found: set[str] = set()
    for copy in owned(context, parent, copies, erased, living):
        found |= copy.links.get(link, frozenset())
    return frozenset(found)


@dataclass(frozen=True)
class OrphanedItems:
    """Items of a dataset that no order can reach."""

    dataset: str
    items: int
    why: str


def ownerless(context: OpenPlaces, dataset: Dataset) -> Iterator[OrphanedItems]:
    """Count the orphaned items of a dataset. An order cannot find them, so an operator has to. Raises as ``locate`` of the stores."""
    if isinstance(dataset.subject, AboutNobody | Inherited):
        return
    living = LivingKeys(context) if dataset.goes_with_the_last else None
    store = context.open_store(dataset.store)
    everything = sum(bystander.items for bystander in store_calls.bystanders(store, dataset, (), None))
    leading = sum(each.items for each in owned(context, dataset, store_calls.bystanders(store, dataset, (), None), {}, living))
    if everything > leading:
        why = f"lead to nothing in {', '.join(dataset.subject.sources)}" if isinstance(dataset.subject, Through) else "name nobody"
        yield OrphanedItems(dataset.name, everything - leading, why)


@dataclass(frozen=True)
class UnlistedItems:
    """Items of a dataset that name a subject who is in no list of people: of a placeholder for deleted people, or of one who is gone."""

    dataset: str
    items: int
    of: int
    """The items of the dataset that name any subject."""
    subjects: int
    """Different subjects that they name, as far as they were counted."""
    zeros: int
    """Those of the subjects that are in the list with more or fewer zeros in front."""
    lists: tuple[str, ...]
    """The datasets that list the people of these kinds."""

    @property
    def many(self) -> bool:
        """Whether they are more than placeholders and a few who are gone: a share of the dataset, and under many names."""
        return self.items * SHARE >= self.of and self.subjects > FEW_SUBJECTS


def unlisted(context: OpenPlaces, dataset: Dataset) -> Iterator[UnlistedItems]:
    """Count the items of a dataset that name nobody who is there. Raises as ``locate`` of the stores that list people."""
    living = LivingKeys(context)
    kinds = living.listed_kinds(dataset)
    if not kinds:
        return
    named = items = 0
    lost: set[tuple[str, str]] = set()
    copies = (copy for copy in store_calls.bystanders(context.open_store(dataset.store), dataset, (), None) if names_person(copy))
    while batch := list(islice(copies, BATCH)):
        leading = _leading_to_people(dataset, batch, living)
        named += sum(copy.items for copy in batch)
        for number, copy in enumerate(batch):
            if number not in leading and copy.selector is not None:
                items += copy.items
                if len(lost) < MOST_SUBJECTS:
                    lost |= {(name, value) for name, values in copy.selector.match.items() if name in kinds for value in values}
    if items:
        lists = sorted({context.data_map.identities[kind].dataset for kind in kinds.values()})
        yield UnlistedItems(dataset.name, items, named, len(lost), _zeros(dataset, lost, living), tuple(lists))


def _leading_to_people(dataset: Dataset, batch: Sequence[Copy], living: LivingKeys) -> frozenset[int]:
    return living.named_by(dataset, {number: copy.selector.match for number, copy in enumerate(batch) if copy.selector is not None})


def _zeros(dataset: Dataset, lost: Iterable[tuple[str, str]], living: LivingKeys) -> int:
    """Return how many of some subjects are people who are there when zeros in front are taken off, or put there."""
    numbers = list(islice(((name, value) for name, value in sorted(lost) if value.isdecimal()), MOST_PADDED))
    spelt = {(name, value): {value.lstrip("0") or "0", *(value.zfill(width) for width in PADDED)} - {value} for name, value in numbers}
    found = living.named_by(dataset, {(each, other): {each[0]: frozenset({other})} for each, others in spelt.items() for other in others})
    return len({each for each, _ in found})


def first_orphans(context: OpenPlaces, dataset: Dataset, mine: Sequence[Copy]) -> int:
    """Return how many of the first items of a dataset lead to nobody who is there: the erased people's own (``mine``) do not count.

    Nothing is said of datasets whose people no dataset lists, and of those that keep what they have of people who are gone. Of items found
    through others, those count that go with the last person. Raises as ``locate`` of the stores.
    """
    living = LivingKeys(context)
    if dataset.on_erase.act is EraseAct.KEEP or not (dataset.goes_with_the_last or living.listed_kinds(dataset)):
        return 0
    some = list(islice(store_calls.bystanders(context.open_store(dataset.store), dataset, mine, FEW), FEW))
    if dataset.goes_with_the_last:
        return sum(copy.items for copy in some) - sum(copy.items for copy in a_few_owned(context, dataset, some, {}, living))
    leading = _leading_to_people(dataset, some, living)
    return sum(copy.items for number, copy in enumerate(some) if number not in leading)


def names_person(copy: Copy) -> bool:
    """Return whether a field of a copy by which its dataset is found has a value, whoever that leads to."""
    # Why not blank ones: an empty cell is how many applications write that there is no owner.
    return copy.selector is not None and any(name.strip() for names in copy.selector.match.values() for name in names)
