"""Compare declared names with the map, for any tree.

Findings are fields that a template lacks, names that can be read in two ways, and fields that records lack.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from fnmatch import fnmatchcase

from expunge.core.values.copy import Finding, FindingKind
from expunge.stores.tree.folder_layout import FolderLayout
from expunge.stores.tree.interface import FileState
from expunge.stores.tree.record_files import FORMATS, Unreadable
from expunge.stores.tree.template_walk import CompiledTemplate

DECLARE = "declare it with a `path:` of a dataset, or name it under `ignore:` with a reason"


class NamesCheck:
    """The findings about a map and about single names, wherever they lie."""

    def __init__(self, store: str, layouts: Sequence[FolderLayout], ignored: Sequence[str]) -> None:
        self._store = store
        self.layouts = layouts
        self._ignored = ignored

    def templates(self) -> Iterator[Finding]:
        """Faults of the map itself."""
        for layout in self.layouts:
            dataset = layout.dataset
            if not dataset.paths:
                yield self.finding(FindingKind.SUBJECT_PATH, dataset.name, "the dataset has no path", "write `path:`")
            if dataset.format and dataset.format not in FORMATS:
                mend = f"one of: {', '.join(sorted(FORMATS))}; nothing for whole files"
                yield self.finding(FindingKind.UNSUPPORTED, dataset.name, f"there is no format {dataset.format!r}", mend)
            if dataset.format or not layout.dataset.subject_fields:
                continue
            for template in layout.templates:
                lost = [name for name in (*layout.dataset.subject_fields, *dataset.follow) if name not in template.placeholders]
                if not set(layout.dataset.subject_fields) & template.placeholders or set(lost) & set(dataset.follow):
                    what = f"the path has no placeholder for {', '.join(lost)}"
                    mend = f"put {{{lost[0]}}} into the path, or say in which `format:` its records are"
                    yield self.finding(FindingKind.SUBJECT_PATH, dataset.name, what, mend)

    def declared(self, key: str, layout: FolderLayout, states: Callable[[], Iterator[FileState]]) -> Iterator[Finding]:
        """Faults of one name that a dataset declares, and of its records."""
        found = layout.template_of(key)
        if found is None:
            return
        template, readings = found
        fields = [name for name in layout.dataset.subject_fields if name in template.placeholders]
        if len(readings) > 1 and len({tuple(reading[name] for name in fields) for reading in readings}) > 1:
            what = "the name can be read in two ways, so it can be two people's: it is erased only with both of them"
            mend = "separate the placeholders by '/' or by a character that no identifier holds"
            yield self.finding(FindingKind.SUBJECT_PATH, key, what, mend)
        recorded = layout.recorded(template, layout.dataset.subject_fields)
        if recorded and layout.dataset.format in FORMATS and not key.endswith("/"):
            yield from self._records(key, layout, template, recorded, states)

    def _records(
        self, key: str, layout: FolderLayout, template: CompiledTemplate, recorded: Sequence[str], states: Callable[[], Iterator[FileState]]
    ) -> Iterator[Finding]:
        records = with_subject = 0
        try:
            for state in states():
                with state.open() as file:
                    for record in layout.read(file, key, recorded):
                        records += record.value is not None
                        with_subject += any(record.texts(name) for name in recorded)
        except FileNotFoundError:
            return
        except PermissionError:
            yield self.finding(FindingKind.PERMISSION, key, "the file cannot be read", "give this user the right to read it")
        except (Unreadable, OSError) as error:
            what = str(error) if isinstance(error, Unreadable) else "the file cannot be read"
            mend = "repair or restore it, or move it out of the store; until then nobody's order can be complete here"
            if isinstance(error, Unreadable) and error.encoding:
                mend = "write `encoding: latin-1`, `windows-1252` or `utf-16-le` in the dataset, or write the file anew in UTF-8"
            yield self.finding(FindingKind.UNREADABLE, key, what, mend)
        if records and not with_subject and not set(layout.dataset.subject_fields) & template.placeholders:
            what = f"none of its {records} records has a field {' or '.join(recorded)}"
            yield self.finding(FindingKind.SUBJECT_PATH, key, what, "correct `subject:`; dots lead into objects (user.profile_id)")

    def declaring(self, key: str) -> list[FolderLayout]:
        """The datasets that declare a name, or a folder on the way."""
        return [layout for layout in self.layouts if layout.template_of(key)]

    def is_ignored(self, key: str) -> bool:
        """Return whether the map declares that the name holds no personal data."""
        return any(fnmatchcase(key, pattern) or fnmatchcase(f"{key}/", pattern) for pattern in self._ignored)

    def finding(self, kind: FindingKind, where: str, what: str, mend: str) -> Finding:
        """One finding of this store."""
        return Finding(kind, self._store, where, what, mend)
