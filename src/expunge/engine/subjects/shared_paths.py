"""Count the items that are found ``through`` another dataset by a value that leads to two or more people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from expunge.core.datamap.datamap import ByField, Dataset, Through
from expunge.core.values.copy import Copy
from expunge.engine.kernel import store_calls
from expunge.engine.kernel.context import OpenPlaces

_Person = frozenset[tuple[str, str]]
"""(kind, value) of every identifier by which items name one person."""


@dataclass(frozen=True)
class SharedPath:
    """A path along a column that is not unique."""

    dataset: str
    items: int
    """How many items of it two or more people share."""
    people: int
    """How many people one of these items is shared by at most, as far as was counted."""


def shared_paths(context: OpenPlaces, dataset: Dataset) -> Iterator[SharedPath]:
    """Yield the path of a dataset that is found by values which lead to several people, unless ``people:`` says so.

    Raises as ``locate`` of the stores.
    """
    rule = dataset.subject
    if not isinstance(rule, Through) or dataset.people or dataset.goes_with_the_last:
        return
    led = _led(context, context.data_map.datasets[rule.dataset], rule.link)
    items, people = 0, 0
    for copy in store_calls.bystanders(context.open_store(dataset.store), dataset, (), None) if led.several else ():
        values = copy.selector.match.get(rule.via, frozenset()) if copy.selector else frozenset()
        shared = [led.several[value] for value in values if value in led.several]
        if shared:
            items += copy.items
            people = max(people, *shared)
    if items or rule.many:
        yield SharedPath(dataset.name, items, people)


@dataclass
class _Led:
    """To whom the values of one field lead."""

    people: dict[str, _Person] = field(default_factory=dict, repr=False)
    """Value -> the person whom it leads to first."""
    several: dict[str, int] = field(default_factory=dict, repr=False)
    """Value -> how many people it leads to, where these are several."""

    def add(self, value: str, person: _Person, count: int) -> None:
        """Note that a value leads to a person, or to several at once."""
        known = self.people.setdefault(value, person)
        if count > 1:
            self.several[value] = max(count, self.several.get(value, 0))
        elif known is not person and known.isdisjoint(person):
            self.several[value] = self.several.get(value, 1) + 1
        elif known is not person and known != person:
            # One person, of whom different items say more or less.
            self.people[value] = known | person


def _led(context: OpenPlaces, parent: Dataset, via: str) -> _Led:
    led = _Led()
    above = parent.subject if isinstance(parent.subject, Through) else None
    further = _Led()
    for name, link in above.ways if above else ():
        one = _led(context, context.data_map.datasets[name], link)
        for value, person in one.people.items():
            further.add(value, person, one.several.get(value, 1))
    for copy in store_calls.bystanders(context.open_store(parent.store), parent, (), None):
        match = _match(copy)
        if above is None:
            named = _by_kind(parent, match)
            person = frozenset((kind, value) for kind, values in named.items() for value in values)
            count = max(map(len, named.values()), default=0)
        else:
            leading = match.get(above.via, frozenset())
            person = frozenset[tuple[str, str]]().union(*(further.people[value] for value in leading if value in further.people))
            count = max((further.several.get(value, 1) for value in leading if value in further.people), default=0)
        if person:
            for value in copy.links.get(via, frozenset()):
                led.add(value, person, count)
    return led


def _by_kind(parent: Dataset, match: Mapping[str, frozenset[str]]) -> Mapping[str, frozenset[str]]:
    """Identity kind -> the identifiers in an item: two columns of one kind (payer and payee) name two people, or one person twice."""
    if not isinstance(parent.subject, ByField):
        return match
    found: dict[str, frozenset[str]] = {}
    for kind, name in parent.subject.pairs():
        found[kind] = found.get(kind, frozenset()) | match.get(name, frozenset())
    return found


def _match(copy: Copy) -> Mapping[str, frozenset[str]]:
    return copy.selector.match if copy.selector else {}
