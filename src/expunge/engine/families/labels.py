"""First names of subjects, as pages call them: read from the field that the map names, and kept in memory for a while."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from expunge.core.datamap.datamap import Dataset, IdentitySpec
from expunge.core.values.copy import Copy, Selector
from expunge.engine.kernel import spelt_names, store_calls
from expunge.engine.kernel.context import Context
from expunge.engine.subjects.resolving import ResolvedName
from expunge.errors import ExpungeError

LONGEST = 40
"""Characters of a name that pages show."""
_KEPT_SECONDS = 300.0
_MOST = 20_000
_ROWS = "application/jsonl"
_MOST_LINE = 1 << 20


class FamilyLabels:
    """Reads names, and remembers each for five minutes. Safe between threads."""

    def __init__(self, context: Context, find: Callable[[str], ResolvedName | None], now: Callable[[], float] = time.monotonic) -> None:
        """Read nothing yet.

        Args:
            context: the composition.
            find: returns the person of a family's pseudonym.
            now: seconds of a clock that never goes back.
        """
        self._context, self._find, self._now = context, find, now
        self._guard = threading.Lock()
        self._known: dict[str, tuple[float, str]] = {}
        self._kinds = {kind for kind, identity in context.data_map.identities.items() if identity.label}

    def of(self, family: str) -> str:
        """Return the name of a family's subject; empty where the map names no field, or the field cannot be read now."""
        if not self._kinds:
            return ""
        with self._guard:
            found = self._known.get(family)
        if found is not None and found[0] > self._now():
            return found[1]
        try:
            label = self._read(family)
        except (ExpungeError, *store_calls.TROUBLE):
            # A page without a name is better than none. The next page asks again.
            return ""
        with self._guard:
            if len(self._known) >= _MOST:
                self._known.clear()
            self._known[family] = self._now() + _KEPT_SECONDS, label
        return label

    def _read(self, family: str) -> str:
        found = self._find(family)
        identity = self._context.data_map.identities.get(found.kind) if found is not None else None
        if found is None or identity is None or not identity.label:
            return ""
        dataset = self._context.data_map.datasets[identity.dataset]
        values = spelt_names.spelt(self._context.data_map, identity.kind, found.person.ids.get(identity.kind, frozenset()))
        own = Selector(found.person.subject, {identity.key: frozenset(values)})
        for copy in store_calls.locate(self._context.open_store(dataset.store), dataset, (own,)):
            for row in self._rows(dataset, copy):
                if (label := _shown(row, identity)) and self._is_own(row, identity, family):
                    return label
        return ""

    def _is_own(self, row: dict[str, Any], identity: IdentitySpec, family: str) -> bool:
        """Whether a row is that of the subject itself, rather than of a member of it."""
        key = self._context.keys.pseudonym_key()
        return spelt_names.name_of(self._context.data_map, key, identity.kind, str(row.get(identity.key, ""))) == family

    def _rows(self, dataset: Dataset, copy: Copy) -> Iterator[dict[str, Any]]:
        for item in store_calls.export(self._context.open_store(dataset.store), dataset, copy):
            if item.media_type != _ROWS:
                continue
            for line in b"".join(item.chunks)[:_MOST_LINE].splitlines():
                try:
                    row = json.loads(line)
                except ValueError:
                    continue
                if isinstance(row, dict):
                    yield row


def _shown(row: dict[str, Any], identity: IdentitySpec) -> str:
    """The name as a page shows it: one line without characters that do not show, which could turn the text around it."""
    value = row.get(identity.label)
    text = "".join(letter if letter.isprintable() else " " for letter in value) if isinstance(value, str) else ""
    return " ".join(text.split())[:LONGEST]
