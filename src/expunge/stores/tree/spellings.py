"""The values that may be spellings of some others, in the names and records of one dataset."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from expunge.core.datamap.spelling import near
from expunge.errors import CouldNotLook
from expunge.stores.tree.folder_layout import FolderLayout
from expunge.stores.tree.interface import FoundName, Tree
from expunge.stores.tree.record_files import Unreadable
from expunge.stores.tree.template_walk import Bindings, CompiledTemplate

AT_ONCE = 4096
"""Values that are handed over together."""

_Identity = tuple[int, datetime | None]
"""Bytes of a file, and when it was last written."""


@dataclass
class RememberedSpellings:
    """What the files of records of one dataset hold near the texts of the last question about a field, until a file is another."""

    asked: dict[str, frozenset[str]] = field(default_factory=dict, repr=False)
    """Field -> the texts of the last question."""
    found: dict[str, dict[str, tuple[_Identity, tuple[str, ...]]]] = field(default_factory=dict, repr=False)
    """Field -> file -> the file as it was, and the values in it."""

    def of(self, name: str, wanted: frozenset[str]) -> dict[str, tuple[_Identity, tuple[str, ...]]]:
        """Return what is known of each file for a question; nothing that another question found."""
        if self.asked.get(name) != wanted:
            self.asked[name], self.found[name] = wanted, {}
        return self.found[name]


class TreeSpellings:
    """The spellings in one dataset."""

    def __init__(self, tree: Tree, layout: FolderLayout, remembered: RememberedSpellings) -> None:
        self._tree = tree
        self._layout = layout
        self._remembered = remembered

    def near(self, name: str, texts: Sequence[str] | None) -> Iterator[Sequence[str]]:
        """Yield values of a field, as :class:`expunge.ports.optional.spelling_search.SpellingSearch` says. Raises CouldNotLook."""
        wanted = None if texts is None else frozenset(texts)
        for template in self._layout.templates:
            if name in template.placeholders:
                yield sorted(text for text in self._names(template, name) if _may_be(text, wanted))
            elif self._layout.recorded(template, (name,)):
                for found in self._walk(template, lambda _: True):
                    if not found.is_folder:
                        yield from self._inside(found, name, wanted)

    def _names(self, template: CompiledTemplate, name: str) -> set[str]:
        """The values in names. Nothing below a value is read: what a folder of another subject holds is of no matter here."""
        seen: set[str] = set()

        def onward(reading: Bindings) -> bool:
            if name in reading:
                seen.add(reading[name])
            return name not in reading

        for _ in self._walk(template, onward):
            pass
        return seen

    def _inside(self, found: FoundName, name: str, wanted: frozenset[str] | None) -> Iterator[Sequence[str]]:
        if found.is_link and self._tree.objection(found.key) is None:
            return
        if wanted is None:
            yield from self._texts(found, name, None)
            return
        try:
            identity = (found.size(), found.modified())
        except FileNotFoundError:
            return
        remembered = self._remembered.of(name, wanted)
        known = remembered.get(found.key)
        if known is None or known[0] != identity:
            fresh = frozenset(text for texts in self._texts(found, name, wanted) for text in texts)
            known = remembered[found.key] = (identity, tuple(sorted(fresh)))
        yield known[1]

    def _texts(self, found: FoundName, name: str, wanted: frozenset[str] | None) -> Iterator[Sequence[str]]:
        texts: set[str] = set()
        try:
            for state in self._tree.states_of(found):
                for record in self._layout.holding(state.open, found.key, (name,), wanted, near=True):
                    texts.update(text for text in record.texts(name) if _may_be(text, wanted))
                    if len(texts) >= AT_ONCE:
                        yield sorted(texts)
                        texts.clear()
        except (FileNotFoundError, Unreadable, OSError):
            # A damaged file is an item of everybody who is asked for (``locate``): no spelling of it is needed for that.
            pass
        yield sorted(texts)

    def _walk(self, template: CompiledTemplate, onward: Callable[[Bindings], bool]) -> Iterator[FoundName]:
        try:
            yield from self._tree.walk(template, onward, {})
        except OSError as error:
            message = f"dataset {self._layout.dataset.name}: a folder cannot be listed"
            raise CouldNotLook(message, help="see `expunge check` for which one; give this user the right to read it") from error


def _may_be(text: str, wanted: frozenset[str] | None) -> bool:
    return wanted is None or not text.isascii() or near(text) in wanted
