"""Tell which words are identifiers of people who are there: a longer one than an erased person's is another person's."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from expunge.core.datamap.person import Person
from expunge.core.values.copy import Selector
from expunge.core.values.ids import Pseudonym
from expunge.engine.kernel import store_calls
from expunge.engine.kernel.context import OpenPlaces
from expunge.engine.subjects import spellings


class LivingIdentifiers:
    """The identifiers of people who stay, asked for word by word, in every spelling; each word once."""

    def __init__(self, context: OpenPlaces, erased: Iterable[Person]) -> None:
        """Leave out the identifiers of the erased people, whose rows may still be there."""
        self._context = context
        self._known: dict[str, bool] = {value: False for person in erased for _, value in person.in_unicode_forms().identifiers()}

    def any(self, words: Collection[str]) -> bool:
        """Return whether one of some words is an identifier of a person who stays. Raises as ``locate`` of the stores."""
        asked = [word for word in words if word not in self._known]
        if asked:
            living = self._among(asked)
            self._known.update((word, word in living) for word in asked)
        return any(self._known[word] for word in words)

    def _among(self, words: Collection[str]) -> frozenset[str]:
        found: set[str] = set()
        names = {Pseudonym(f"word-{number}"): word for number, word in enumerate(words)}
        for identity in self._context.data_map.identities.values():
            home = self._context.data_map.datasets[identity.dataset]
            for field in (identity.key, *identity.also):
                selectors = tuple(Selector(name, {field: frozenset({word})}) for name, word in names.items())
                wide = spellings.widened(self._context, home, selectors)
                copies = store_calls.locate(self._context.open_store(home.store), home, wide)
                found.update(names[copy.subject] for copy in copies if copy.items)
        return frozenset(found)
