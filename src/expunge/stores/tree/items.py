"""List whole items of a copy by their names, and hold a single name against the copy again before a part of it is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from expunge.core.values.copy import Copy
from expunge.errors import CouldNotLook, ItemGone
from expunge.ports.optional.item_listing import ListedItem
from expunge.stores.tree.folder_layout import FolderLayout, WantedValues
from expunge.stores.tree.interface import FoundName, Tree
from expunge.stores.tree.template_walk import Bindings, Readings

_NO_PARTS = frozenset({"", ".", ".."})


class TreeItems:
    """The items of one dataset's copies."""

    def __init__(self, tree: Tree, layout: FolderLayout, size: Callable[[FoundName], int | None] | None = None) -> None:
        """Take the tree.

        Args:
            tree: where the names lie.
            layout: the dataset's way of naming.
            size: returns the bytes of the present content, None where there is none; without, what the name itself says.
        """
        self._tree, self._layout = tree, layout
        self._size = size or _size

    def listed(self, copy: Copy, sealed_as: Callable[[str], str] = lambda _: "") -> Iterator[ListedItem]:
        """Yield the copy's whole items that are there, in one walk. Raises CouldNotLook where a folder cannot be listed.

        Args:
            copy: located before.
            sealed_as: returns the id under which a name lies sealed.
        """
        if copy.selector is None:
            return
        wanted, keys = WantedValues([copy.selector]), frozenset(copy.keys)
        met: set[str] = set()
        try:
            for template in self._layout.templates:
                named = [name for name in wanted.fields if name in template.placeholders]
                if not named and not wanted.every:
                    continue
                only = {} if wanted.every or len(named) != 1 else {named[0]: wanted.values(named[0])}
                for found in self._tree.walk(template, _leading(wanted, named), only):
                    if found.key not in keys or found.key in met or found.is_folder or found.is_link:
                        continue
                    if not wanted.says(found.readings, found.modified, inside=self._layout.inside).whole:
                        continue
                    met.add(found.key)
                    try:
                        size = self._size(found)
                    except FileNotFoundError:
                        continue
                    if size is not None:
                        yield ListedItem(found.key, size, found.modified(), _fields(found.readings), sealed_as(found.key))
        except OSError as error:
            message = f"dataset {self._layout.dataset.name}: a folder cannot be listed"
            raise CouldNotLook(message, help="see `expunge check` for which one; give this user the right to read it") from error

    def require_own(self, copy: Copy, key: str) -> None:
        """Raise ItemGone unless the name alone says that the whole item belongs to the copy's selector, and leads nowhere else."""
        sound = copy.selector is not None and "\0" not in key and _NO_PARTS.isdisjoint(key.split("/"))
        if not sound or copy.selector is None or not self._layout.says(key, WantedValues([copy.selector])).whole:
            raise gone()


def gone() -> ItemGone:
    """Return the error for an item that cannot be read as this person's."""
    return ItemGone("the item is not there any more, or was replaced", help="look at the list again")


def _leading(wanted: WantedValues, named: list[str]) -> Callable[[Bindings], bool]:
    return lambda reading: wanted.may_lead(named, reading)


def _size(found: FoundName) -> int | None:
    return found.size()


def _fields(readings: Readings) -> dict[str, frozenset[str]]:
    names = {name for reading in readings for name in reading}
    return {name: frozenset(reading[name] for reading in readings if name in reading) for name in names}
