"""Tell which rows name a person who is there: a placeholder for deleted people, or a key that nobody has any more, names nobody."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping
from itertools import islice
from typing import TypeVar

from expunge.core.datamap.datamap import ByField, Dataset, IdentitySpec
from expunge.core.values.copy import Copy, Selector
from expunge.core.values.ids import Pseudonym
from expunge.engine.kernel import store_calls
from expunge.engine.kernel.context import OpenPlaces
from expunge.engine.subjects import spellings

_FIRST_BATCH = 50
_BATCH = 5_000
"""Copies whose keys are asked for together: few at first, because a look may end with the first of them."""
_Each = TypeVar("_Each", bound=Hashable)


class LivingKeys:
    """The keys that people have, asked of the datasets that list these people, each key once in the life of this object."""

    def __init__(self, context: OpenPlaces) -> None:
        self._context = context
        self._known: dict[tuple[str, str], bool] = {}
        """Identity kind, value -> whether it is a key of a person, in any spelling."""

    def named_by(self, dataset: Dataset, rows: Mapping[_Each, Mapping[str, frozenset[str]]]) -> frozenset[_Each]:
        """Return those of some rows that name a person who is there. Raises as ``locate`` of the stores that list people.

        A row of a dataset that itself lists people is that of a person. So is each row that names a subject of which no dataset has a list.

        Args:
            dataset: the dataset of the rows.
            rows: row -> subject field -> the values that it has there.
        """
        listing = self.listed_kinds(dataset)
        named = {
            row: [(listing.get(field), value) for field, values in match.items() for value in values if value.strip()]
            for row, match in rows.items()
        }
        wanted: dict[str, set[str]] = {}
        for identity, value in {each for names in named.values() for each in names}:
            if identity is not None and (identity, value) not in self._known:
                wanted.setdefault(identity, set()).add(value)
        for kind, values in wanted.items():
            found = self._keys(self._context.data_map.identities[kind], values)
            self._known.update(((kind, value), value in found) for value in values)
        return frozenset(row for row, names in named.items() if any(kind is None or self._known[kind, value] for kind, value in names))

    def listed_kinds(self, dataset: Dataset) -> Mapping[str, str]:
        """Return the subject fields of a dataset whose values can be looked up in another dataset, with the kind of identity."""
        identities = self._context.data_map.identities
        if not isinstance(dataset.subject, ByField) or any(each.dataset == dataset.name for each in identities.values()):
            return {}
        return {field: kind for kind, field in dataset.subject.pairs() if kind in identities}

    def copies(self, dataset: Dataset, copies: Iterable[Copy]) -> Iterator[Copy]:
        """Yield the copies that name a person who is there. Raises as :meth:`named_by`."""
        left, size = iter(copies), _FIRST_BATCH
        while batch := list(islice(left, size)):
            matches = {number: copy.selector.match for number, copy in enumerate(batch) if copy.selector is not None}
            named = self.named_by(dataset, matches)
            yield from (copy for number, copy in enumerate(batch) if number in named)
            size = _BATCH

    def _keys(self, identity: IdentitySpec, values: Iterable[str]) -> frozenset[str]:
        home = self._context.data_map.datasets[identity.dataset]
        asked = {Pseudonym(f"key-{number}"): value for number, value in enumerate(sorted(values))}
        selectors = tuple(Selector(subject, {identity.key: frozenset({value})}) for subject, value in asked.items())
        copies = store_calls.locate(self._context.open_store(home.store), home, spellings.widened(self._context, home, selectors))
        return frozenset(asked[copy.subject] for copy in copies if copy.items)
