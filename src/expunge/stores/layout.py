"""What the names and records of one declared folder say about people: the reading half of the ``files`` store.

A dataset names its files by templates. A file is somebody's because its *name* says so (a subject field is a placeholder: the
whole file is theirs), or because *records* in it say so (the dataset has a ``format``: those records are theirs).
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, cast

from expunge.core.copy import Selector
from expunge.core.datamap import ByField, Dataset, Through
from expunge.stores.exclusive import open_regular
from expunge.stores.records import Record, records
from expunge.stores.templates import Bindings, Readings, Template


class Wanted:
    """Selectors of one call, by what they look for."""

    def __init__(self, selectors: Iterable[Selector]) -> None:
        self.selectors = tuple(selectors)
        self._by: dict[str, dict[str, list[int]]] = {}
        for number, selector in enumerate(self.selectors):
            for name, values in selector.match.items():
                for value in values:
                    self._by.setdefault(name, {}).setdefault(value, []).append(number)

    @property
    def fields(self) -> tuple[str, ...]:
        """All fields that any selector looks at."""
        return tuple(self._by)

    def values(self, name: str) -> Collection[str]:
        """The values of one field that mean somebody."""
        return self._by.get(name, {}).keys()

    def by(self, name: str, value: str) -> Sequence[int]:
        """Which selectors (by number) a value of a field means."""
        return self._by.get(name, {}).get(value, ())

    def in_name(self, readings: Readings) -> set[int]:
        """Which selectors a name means, by any of its readings."""
        return {number for reading in readings for name, value in reading.items() for number in self.by(name, value)}

    def in_record(self, record: Record, fields: Iterable[str]) -> set[int]:
        """Which selectors a record means, by the given fields."""
        return {number for name in fields for value in record.texts(name) for number in self.by(name, value)}

    def may_lead(self, names: Sequence[str], reading: Bindings) -> bool:
        """Whether a reading of the first parts of a path can still become one that means somebody."""
        return any(name not in reading or reading[name] in self._by.get(name, {}) for name in names)


@dataclass(frozen=True)
class Layout:
    """One dataset's way of naming files."""

    dataset: Dataset
    templates: tuple[Template, ...]

    @classmethod
    def of(cls, dataset: Dataset) -> Layout:
        """Read the templates of a dataset."""
        return cls(dataset, tuple(Template.of(path) for path in dataset.paths))

    @property
    def subject_fields(self) -> tuple[str, ...]:
        """The fields by which its people are found."""
        match self.dataset.subject:
            case ByField(fields):
                return tuple(fields.values())
            case Through(_, via):
                return (via,)
            case _:
                return ()

    def recorded(self, template: Template, fields: Iterable[str]) -> tuple[str, ...]:
        """Those of the fields that only the records of such a file can hold."""
        return tuple(name for name in fields if name not in template.placeholders) if self.dataset.format else ()

    def template_of(self, key: str) -> tuple[Template, Readings] | None:
        """The template that a relative path fits, with its readings; folders (ending with ``/``) on the way count too."""
        for template in self.templates:
            readings = template.folder_readings(key) if key.endswith("/") else template.readings(key)
            if readings:
                return template, readings
        return None

    def owners(self, key: str, wanted: Wanted) -> set[int]:
        """Which selectors the name ``key`` means: the whole file is theirs."""
        found = self.template_of(key)
        return wanted.in_name(found[1]) if found else set()

    def doubtful(self, key: str, wanted: Wanted) -> bool:
        """Whether the name means somebody wanted in one way of reading it, and nobody of them in another: it may be a stranger's."""
        found = self.template_of(key)
        meant = {bool(wanted.in_name((reading,))) for reading in found[1]} if found else set()
        return len(meant) > 1

    def read(self, file: BinaryIO, key: str, fields: Sequence[str]) -> Iterator[Record]:
        """The records of an open file of this dataset. Raises Unreadable."""
        return records(file, key, self.dataset.format, fields)


@dataclass
class Tally:
    """What was found of one subject, as it adds up."""

    keys: dict[str, None] = field(default_factory=dict)
    items: int = 0
    bytes: int = 0
    links: dict[str, set[str]] = field(default_factory=dict)
    shared: set[str] = field(default_factory=set)

    def add(self, key: str, size: int, links: Mapping[str, Iterable[str]]) -> None:
        """One more item."""
        self.keys[key] = None
        self.items += 1
        self.bytes += size
        for name, values in links.items():
            self.links.setdefault(name, set()).update(values)


def opened(path: Path) -> BinaryIO:
    """Open a regular file without following a link at its end; raises OSError, and Unreadable for what is no regular file."""
    return cast("BinaryIO", os.fdopen(open_regular(path), "rb"))
