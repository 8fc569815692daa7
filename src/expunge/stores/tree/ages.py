"""Compute the ages of files and records, and the first and last time of each subject."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice

from expunge.core.retention.age_histogram import Ages, AgeSpan, CountedItem, SpannedItem
from expunge.core.values.scope import MODIFIED
from expunge.core.values.timestamps import latest
from expunge.errors import CouldNotLook
from expunge.stores.tree.folder_layout import FolderLayout
from expunge.stores.tree.interface import FoundName, Tree
from expunge.stores.tree.record_files import Unreadable
from expunge.stores.tree.template_walk import CompiledTemplate


class TreeAging:
    """One pass over the files of one dataset."""

    def __init__(self, tree: Tree, layout: FolderLayout) -> None:
        self._tree = tree
        self._layout = layout

    def ages(self, field: str, edges: Sequence[datetime]) -> Ages:
        """Items between moments; a file that cannot be read is undated. Raises CouldNotLook."""
        counted = CountedItem(edges)
        for when, size, _ in self._items(field, ""):
            counted.add(when, size)
        return counted.ages()

    def spans(self, by: str, field: str) -> Iterator[AgeSpan]:
        """Yield the items of each value. Raises CouldNotLook, also where a file cannot be read: a subject's last item may be in it."""
        counted = SpannedItem()
        for when, _, values in self._items(field, by):
            for value in values:
                counted.add(value, when)
        yield from counted.spans()

    def _items(self, field: str, by: str) -> Iterator[tuple[datetime | None, int, Iterable[str]]]:
        """Time, bytes and the values of ``by`` (where that is asked for) of each item."""
        for template in self._layout.templates:
            try:
                for found in self._tree.walk(template, lambda _: True, {}):
                    if not found.is_folder:
                        yield from self._inside(found, field, by) if self._layout.inside else self._whole(found, template, field, by)
            except OSError as error:
                message = f"dataset {self._layout.dataset.name}: a folder cannot be listed"
                raise CouldNotLook(message, help="see `expunge check` for which one; give this user the right to read it") from error

    def _whole(
        self, found: FoundName, template: CompiledTemplate, field: str, by: str
    ) -> Iterator[tuple[datetime | None, int, Iterable[str]]]:
        try:
            size = found.size()
        except FileNotFoundError:
            return
        when = None
        if field in template.placeholders:
            when = latest({reading[field] for reading in found.readings})
        elif field == MODIFIED:
            when = found.modified()
        yield when, size, {reading[by] for reading in found.readings if by in reading}

    def _inside(self, found: FoundName, field: str, by: str) -> Iterator[tuple[datetime | None, int, Iterable[str]]]:
        if found.is_link and self._tree.objection(found.key) is None:
            return
        spoken = {name: {reading[name] for reading in found.readings if name in reading} for name in (field, by)}
        fields = (field, *([by] if by else ()), *self._layout.dataset.subject_fields)
        try:
            for state in islice(self._tree.states_of(found), 1):
                with state.open() as file:
                    for record in self._layout.read(file, found.key, fields):
                        if record.value is not None:
                            when = latest(spoken[field] or record.texts(field))
                            yield when, len(record.raw), spoken[by] or (record.texts(by) if by else ())
        except FileNotFoundError:
            return
        except (Unreadable, OSError) as error:
            if by:
                message = f"dataset {self._layout.dataset.name}: a file cannot be read"
                raise CouldNotLook(message, help="`expunge check` names it; run again once it can be read") from error
            yield None, 0, ()
