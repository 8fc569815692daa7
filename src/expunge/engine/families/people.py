"""The person behind a family's pseudonym: found through the identities of the map, without a table that connects the two."""

from __future__ import annotations

import threading
from collections.abc import Iterator

from expunge.core.datamap.datamap import IdentitySpec
from expunge.engine.kernel import spelt_names, store_calls
from expunge.engine.kernel.context import Context
from expunge.engine.subjects import resolving
from expunge.engine.subjects.resolving import ResolvedName
from expunge.ports.optional.subject_listing import SubjectListing

MOST_KNOWN = 10_000


class FamilyPeople:
    """Finds people by pseudonym. Safe between threads.

    A first look passes over the identities of the map; what it found is remembered in memory, and looked up again at each use.
    """

    def __init__(self, context: Context) -> None:
        """Look nothing up yet."""
        self._context = context
        self._guard = threading.Lock()
        self._known: dict[str, str] = {}
        """Pseudonym -> KIND:VALUE."""

    def find(self, family: str) -> ResolvedName | None:
        """Return the whole set of identities of a family's subject; None where no dataset of the map holds such a person.

        Raises StoreUnavailable, CouldNotLook, NotResolved as :func:`expunge.engine.subjects.resolving.resolve`.
        """
        with self._guard:
            name = self._known.get(family)
        if name is not None and (found := resolving.resolve(self._context, name)).known and found.person.subject == family:
            return found
        name = next((f"{kind}:{value}" for kind, value in self._identities() if self._is(kind, value, family)), None)
        with self._guard:
            self._known.pop(family, None)
            if name is not None:
                if len(self._known) >= MOST_KNOWN:
                    self._known.clear()
                self._known[family] = name
        return None if name is None else resolving.resolve(self._context, name)

    def _is(self, kind: str, value: str, family: str) -> bool:
        return spelt_names.name_of(self._context.data_map, self._context.keys.pseudonym_key(), kind, value) == family

    def _identities(self) -> Iterator[tuple[str, str]]:
        for kind, identity in self._context.data_map.identities.items():
            for value in self._values(identity):
                yield kind, value

    def _values(self, identity: IdentitySpec) -> Iterator[str]:
        home = self._context.data_map.datasets[identity.dataset]
        store = self._context.open_store(home.store)
        if isinstance(store, SubjectListing):
            for values in store_calls.named(store, home, identity.key):
                yield from values
            return
        for copy in store_calls.bystanders(store, home, (), None):
            yield from copy.links.get(identity.key, frozenset())
