"""The values that may be spellings of some others, in the names and records of one dataset."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from expunge.core.datamap.spelling import near
from expunge.stores.tree.folder_layout import FolderLayout
from expunge.stores.tree.interface import FoundName, Tree
from expunge.stores.tree.record_files import Unreadable
from expunge.stores.tree.search import TreeSearch
from expunge.stores.tree.template_walk import Bindings, CompiledTemplate

AT_ONCE = 4096
"""Values that are handed over together."""

_Identity = tuple[int, datetime | None]
"""Bytes of a file, and when it was last written."""


@dataclass
class RememberedSpellings:
    """What the files of records of one dataset hold near the texts of the last question, until a file is another."""

    asked: tuple[str, frozenset[str]] = field(default=("", frozenset()), repr=False)
    found: dict[str, tuple[_Identity, tuple[str, ...]]] = field(default_factory=dict, repr=False)

    def ask(self, name: str, wanted: frozenset[str]) -> None:
        """Forget what another question found."""
        if self.asked != (name, wanted):
            self.asked, self.found = (name, wanted), {}


class TreeSpellings:
    """The spellings in one dataset."""

    def __init__(self, tree: Tree, layout: FolderLayout, remembered: RememberedSpellings) -> None:
        self._tree = tree
        self._layout = layout
        self._search = TreeSearch(tree, layout)
        self._remembered = remembered

    def near(self, name: str, texts: Sequence[str] | None) -> Iterator[Sequence[str]]:
        """Yield values of a field, as :class:`expunge.ports.spelling_search.SpellingSearch` says. Raises CouldNotLook."""
        wanted = None if texts is None else frozenset(texts)
        if wanted is not None:
            self._remembered.ask(name, wanted)
        for template in self._layout.templates:
            if name in template.placeholders:
                yield sorted(text for text in self._names(template, name) if _may_be(text, wanted))
            elif recorded := self._layout.recorded(template, (name,)):
                for found in self._search.walk(template, lambda _: True, {}):
                    if not found.is_folder:
                        yield from self._inside(found, recorded, wanted)

    def _names(self, template: CompiledTemplate, name: str) -> set[str]:
        """The values in names. Nothing below a value is read: what a folder of another subject holds is of no matter here."""
        seen: set[str] = set()

        def onward(reading: Bindings) -> bool:
            if name in reading:
                seen.add(reading[name])
            return name not in reading

        for _ in self._search.walk(template, onward, {}):
            pass
        return seen

    def _inside(self, found: FoundName, recorded: Sequence[str], wanted: frozenset[str] | None) -> Iterator[Sequence[str]]:
        if found.is_link and self._tree.objection(found.key) is None:
            return
        if wanted is None:
            yield from self._texts(found, recorded, None)
            return
        try:
            identity = (found.size(), found.modified())
        except FileNotFoundError:
            return
        known = self._remembered.found.get(found.key)
        if known is None or known[0] != identity:
            fresh = frozenset(text for texts in self._texts(found, recorded, wanted) for text in texts)
            known = self._remembered.found[found.key] = (identity, tuple(sorted(fresh)))
        yield known[1]

    def _texts(self, found: FoundName, recorded: Sequence[str], wanted: frozenset[str] | None) -> Iterator[Sequence[str]]:
        texts: set[str] = set()
        try:
            for state in self._tree.states_of(found):
                for record in self._search.records(state, found.key, recorded):
                    for part in recorded:
                        texts.update(text for text in record.texts(part) if _may_be(text, wanted))
                    if len(texts) >= AT_ONCE:
                        yield sorted(texts)
                        texts.clear()
        except (FileNotFoundError, Unreadable, OSError):
            # A damaged file is an item of everybody who is asked for (:meth:`TreeSearch.locate`): no spelling of it is needed for that.
            pass
        yield sorted(texts)


def _may_be(text: str, wanted: frozenset[str] | None) -> bool:
    return wanted is None or not text.isascii() or near(text) in wanted
