"""Find every spelling under which a store holds an identifier, so that everything after can compare exactly."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from expunge.core.datamap.compared_fields import field_identity, field_spelling
from expunge.core.datamap.datamap import Dataset
from expunge.core.datamap.spelling import CaseRule, Spelling, canonical, near
from expunge.core.values.copy import Selector
from expunge.core.values.ids import Pseudonym
from expunge.engine.kernel import store_calls
from expunge.engine.kernel.context import OpenPlaces
from expunge.phones import e164
from expunge.ports.optional.spelling_search import SpellingSearch
from expunge.ports.optional.subject_listing import SubjectListing
from expunge.ports.store import Store


@dataclass(frozen=True)
class FieldEquality:
    """When two values of a field of a dataset name the same person: by the map's rule, and by the store's own."""

    spelling: Spelling | None
    """None where the values are no identifiers."""
    store_folds: bool

    @property
    def exact(self) -> bool:
        """True when equal texts alone are equal."""
        return self.spelling is None and not self.store_folds

    def common(self, value: str) -> str:
        """Return one text for all values that are equal; for a rule that only the store knows, its nearest relative."""
        if self.exact:
            return value
        rule = self.spelling or Spelling()
        return canonical(replace(rule, case=CaseRule.FOLD) if self.store_folds else rule, value, e164)


def equality_of(context: OpenPlaces, dataset: Dataset, name: str) -> FieldEquality:
    """Return how the values of a field compare."""
    store = context.open_store(dataset.store)
    folds = isinstance(store, SpellingSearch) and store_calls.equality(store, dataset, name).folds
    return FieldEquality(field_spelling(context.data_map, dataset, name), folds)


def widened(context: OpenPlaces, dataset: Dataset, selectors: Sequence[Selector]) -> tuple[Selector, ...]:
    """Return selectors that name every spelling of their values under which the dataset holds anything.

    One pass over each field with identifiers, for all selectors together. A field that only leads from one dataset to the next is asked for
    the store's own comparison, and not read.
    """
    names = sorted({name for selector in selectors for name in selector.match})
    store = context.open_store(dataset.store) if names else None
    more: dict[str, Mapping[str, frozenset[str]]] = {}
    for name in names:
        values = frozenset({value for selector in selectors for value in selector.match.get(name, frozenset())})
        assert store is not None
        found = _held(store, dataset, name, field_spelling(context.data_map, dataset, name), values)
        found = _less_other_people(context, dataset, name, found)
        if found:
            more[name] = found
    return tuple(_with(selector, more) for selector in selectors) if more else tuple(selectors)


def other_spellings(
    context: OpenPlaces, dataset: Dataset, name: str, spelling: Spelling, values: frozenset[str]
) -> Mapping[str, frozenset[str]]:
    """Return, for each value that a column holds in other spellings as well, all of them."""
    return _held(context.open_store(dataset.store), dataset, name, spelling, values) if values else {}


def _with(selector: Selector, more: Mapping[str, Mapping[str, frozenset[str]]]) -> Selector:
    match = {
        name: values.union(*(more[name].get(value, frozenset()) for value in values)) if name in more else values
        for name, values in selector.match.items()
    }
    return selector if match == selector.match else replace(selector, match=match)


def _held(store: Store, dataset: Dataset, name: str, spelling: Spelling | None, values: frozenset[str]) -> Mapping[str, frozenset[str]]:
    """For each value that the field holds in other spellings as well, these."""
    joined = _Groups(values)
    for value, held in _alike(store, dataset, name, values):
        joined.join(value, held)
    if spelling is not None:
        by_common: dict[str, str] = {}
        for value in joined.members():
            joined.join(by_common.setdefault(canonical(spelling, value, e164), value), value)
        for held in _candidates(store, dataset, name, spelling, by_common):
            first = by_common.get(canonical(spelling, held, e164))
            if first is not None:
                joined.join(first, held)
        # Why once more: what the map takes for one may be spelt in a way that the store takes for yet another.
        for value, held in _alike(store, dataset, name, joined.members() - values):
            joined.join(value, held)
    return joined.others()


def _less_other_people(
    context: OpenPlaces, dataset: Dataset, name: str, found: Mapping[str, frozenset[str]]
) -> Mapping[str, frozenset[str]]:
    """Leave out what the store alone takes for a person's, where it is, letter for letter, the key of another one who exists.

    ``check`` fails there: the store cannot tell two people apart whom the map tells apart. Until it can, each keeps their own rows.
    """
    known = field_identity(context.data_map, dataset, name)
    if known is None or known[1] != known[0].key:
        return found
    identity, key = known
    rule = identity.spelling()
    strange = {held for value, group in found.items() for held in group if canonical(rule, held, e164) != canonical(rule, value, e164)}
    if not strange or (identity.dataset, key) == (dataset.name, name):
        return found
    home = context.data_map.datasets[identity.dataset]
    selectors = tuple(Selector(Pseudonym(str(number)), {key: frozenset({held})}) for number, held in enumerate(sorted(strange)))
    copies = store_calls.locate(context.open_store(home.store), home, selectors)
    theirs = strange & frozenset[str]().union(*(copy.links.get(key, frozenset()) for copy in copies))
    return {value: frozenset(held for held in group if held not in theirs or held == value) for value, group in found.items()}


class _Groups:
    """Texts that name the same person, joined as they are found."""

    def __init__(self, values: Iterable[str]) -> None:
        self._asked = frozenset(values)
        self._group: dict[str, set[str]] = {value: {value} for value in self._asked}

    def join(self, first: str, second: str) -> None:
        """Enter that two texts name one person."""
        mine, other = self._group.setdefault(first, {first}), self._group.setdefault(second, {second})
        if mine is not other:
            mine |= other
            for text in other:
                self._group[text] = mine

    def members(self) -> frozenset[str]:
        """All texts so far."""
        return frozenset(self._group)

    def others(self) -> Mapping[str, frozenset[str]]:
        """For each text that was asked for and has other spellings, all of its group."""
        return {value: frozenset(self._group[value]) for value in self._asked if len(self._group[value]) > 1}


def _alike(store: Store, dataset: Dataset, name: str, values: frozenset[str]) -> Iterator[tuple[str, str]]:
    if values and isinstance(store, SpellingSearch):
        yield from store_calls.alike(store, dataset, name, sorted(values))


def _candidates(store: Store, dataset: Dataset, name: str, spelling: Spelling, wanted: Iterable[str]) -> Iterator[str]:
    """Values of a field that may be spellings of some canonical ones."""
    texts = {near(text) for text in wanted}
    if isinstance(store, SpellingSearch) and spelling.keeps_near:
        for values in store_calls.near(store, dataset, name, sorted(texts)):
            yield from values
    else:
        yield from values_of(store, dataset, name)


def values_of(store: Store, dataset: Dataset, name: str) -> Iterator[str]:
    """Yield every value that a field has in live data, by the quickest way that the store offers; a value may come again."""
    if isinstance(store, SubjectListing):
        for values in store_calls.named(store, dataset, name):
            yield from frozenset(values)
    elif isinstance(store, SpellingSearch):
        for values in store_calls.near(store, dataset, name, None):
            yield from values
    else:
        for copy in store_calls.bystanders(store, dataset, (), None):
            if copy.selector is not None:
                yield from copy.selector.match.get(name, frozenset())
            yield from copy.links.get(name, frozenset())
