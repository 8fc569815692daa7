"""Read the subjects of one declared folder from its names and records: the reading half of the ``files`` store.

A dataset names its files by templates. A file belongs to a subject because its *name* says so (a subject field is a placeholder: the whole
file is the subject's), or because *records* in it say so (the dataset has a ``format``: those records are the subject's).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Self, cast

from expunge.core.datamap.datamap import Dataset
from expunge.core.values.copy import Selector
from expunge.core.values.scope import MODIFIED, Window
from expunge.core.values.timestamps import latest
from expunge.stores.tree.record_files import FileRecord, records
from expunge.stores.tree.safe_replace import open_regular
from expunge.stores.tree.sound_files import DigestingReader, Needles, SoundFiles
from expunge.stores.tree.template_walk import Bindings, CompiledTemplate, Readings

Clock = Callable[[], datetime | None]
"""Tells when a file was last written."""


@dataclass(frozen=True)
class NameFacts:
    """The facts that a name, and its time of last change, give about some selectors (by number)."""

    whole: set[int]
    """All of it is theirs."""
    part: set[int] = field(default_factory=set)
    """Theirs by its name; its records say which of them are meant."""
    unsaid: set[int] | None = None
    """Those who may have records in it although the name does not mean them; None for all others."""
    bound: frozenset[str] = frozenset()
    """Fields that the name has answered for all that is in it."""


class WantedValues:
    """Selectors of one call, by the values they look for."""

    def __init__(self, selectors: Iterable[Selector]) -> None:
        self.selectors = tuple(selectors)
        self._by: dict[str, dict[str, list[int]]] = {}
        self.every = frozenset(number for number, each in enumerate(self.selectors) if each.every)
        """Selectors that mean every item."""
        self.narrowed = tuple(number for number, each in enumerate(self.selectors) if each.narrowed)
        """Selectors with more conditions than their values."""
        self._left: dict[tuple[int, frozenset[str]], Selector] = {}
        for number, selector in enumerate(self.selectors):
            for name, values in selector.match.items():
                for value in values:
                    self._by.setdefault(name, {}).setdefault(value, []).append(number)

    @property
    def fields(self) -> tuple[str, ...]:
        """All fields by which any selector finds a subject."""
        return tuple(self._by)

    @property
    def beside(self) -> tuple[str, ...]:
        """All fields that any selector looks at besides."""
        return tuple(sorted({name for number in self.narrowed for name in self.selectors[number].beside}))

    def values(self, name: str) -> Collection[str]:
        """Return the values of one field that mean a subject."""
        return self._by.get(name, {}).keys()

    def texts(self, names: Iterable[str]) -> frozenset[str]:
        """Return the values of some fields that mean a subject."""
        return frozenset().union(*(self.values(name) for name in names))

    def by(self, name: str, value: str) -> Sequence[int]:
        """Return the selectors (by number) that a value of a field means."""
        return self._by.get(name, {}).get(value, ())

    def in_name(self, readings: Readings) -> set[int]:
        """Return the selectors that a name means, by any of its readings, whatever else narrows them."""
        return {number for reading in readings for name, value in reading.items() for number in self.by(name, value)} | self.every

    def says(self, readings: Readings, modified: Clock | None, *, inside: bool) -> NameFacts:
        """Return the facts that a name gives about all selectors.

        Args:
            readings: of the name.
            modified: the time at which it was last written; None where the caller tests times separately.
            inside: True when it holds records with fields that are no placeholders.
        """
        named = self.in_name(readings)
        if not self.narrowed and not self.every:
            return NameFacts(named)
        bound = frozenset(name for reading in readings for name in reading)
        refused = {each for each in self.narrowed if not _admitted(self.selectors[each], readings, bound, modified, inside=inside)}
        # Where everything is meant, what is in a file goes and not the file: it may be one that its writers expect to be there.
        asking = {each for each in self.narrowed if not self.selectors[each].beside <= bound} | self.every if inside else set()
        part = asking & named - refused
        unsaid = set(range(len(self.selectors))) - named - refused
        return NameFacts(named - refused - part, part, unsaid, bound)

    def in_record(self, record: FileRecord, fields: Iterable[str], says: NameFacts) -> set[int]:
        """Return the selectors that a record means, by the given fields, in a file whose name says ``says``."""
        found: set[int] = set()
        for name in fields:
            by_value = self._by.get(name, {})
            for value in record.texts(name) if by_value else ():
                found.update(by_value.get(value, ()))
        if says.unsaid is None:
            return found
        found &= says.unsaid
        if record.value is not None:
            found |= says.part
        return {number for number in found if self._admits(number, record, says.bound)}

    def _admits(self, number: int, record: FileRecord, bound: frozenset[str]) -> bool:
        selector = self._left.get((number, bound))
        if selector is None:
            selector = self._left[number, bound] = without(self.selectors[number], bound)
        return not selector.narrowed or selector.admits(lambda name: latest(record.texts(name)), record.texts)

    def may_lead(self, names: Sequence[str], reading: Bindings) -> bool:
        """Return whether a reading of the first parts of a path can still become a reading that means a subject."""
        if self.every:
            return True
        for name in names:  # noqa: SIM110 - a generator takes twice as long, and this is asked for every name of a tree
            if name not in reading or reading[name] in self._by.get(name, ()):
                return True
        return False


def _admitted(selector: Selector, readings: Readings, bound: frozenset[str], modified: Clock | None, *, inside: bool) -> bool:
    """Whether a name, as far as it goes, lets a selector have what is in it."""
    by_time = MODIFIED not in bound and not inside

    def holds(window: Window) -> bool | None:
        if window.field in bound:
            return window.holds(latest({reading[window.field] for reading in readings if window.field in reading}))
        if window.field == MODIFIED and by_time:
            return None if modified is None else window.holds(modified())
        return None if inside else False

    if selector.where is not None and holds(selector.where) is False:
        return False
    if any(holds(each) for each in selector.outside):
        return False
    for name, values in selector.only.items():
        if not (any(reading.get(name) in values for reading in readings) if name in bound else inside):
            return False
    return not any(reading.get(name) in values for name, values in selector.spare.items() for reading in readings)


def without(selector: Selector, bound: frozenset[str]) -> Selector:
    """A selector less its conditions on fields that a name has answered."""
    return replace(
        selector,
        where=None if selector.where is None or selector.where.field in bound else selector.where,
        outside=tuple(each for each in selector.outside if each.field not in bound),
        spare={name: values for name, values in selector.spare.items() if name not in bound},
        only={name: values for name, values in selector.only.items() if name not in bound},
    )


@dataclass(frozen=True)
class FolderLayout:
    """One dataset's way of naming files."""

    dataset: Dataset
    templates: tuple[CompiledTemplate, ...]
    sound: SoundFiles | None = field(default=None, repr=False, compare=False)
    """The files that were parsed; None where reading a file once more costs more than parsing it."""

    @classmethod
    def of(cls, dataset: Dataset, sound: SoundFiles | None = None) -> Self:
        """Read the templates of a dataset."""
        return cls(dataset, tuple(CompiledTemplate.of(path) for path in dataset.paths), sound)

    def tops(self) -> frozenset[str]:
        """Return the deepest folders in which all of its files lie, relative to the store; empty for the store itself."""
        return frozenset(path.partition("{")[0].rpartition("/")[0] for path in self.dataset.paths)

    def recorded(self, template: CompiledTemplate, fields: Iterable[str]) -> tuple[str, ...]:
        """Return those of the fields that only the records of such a file can hold."""
        return tuple(name for name in fields if name not in template.placeholders) if self.dataset.format else ()

    def template_of(self, key: str) -> tuple[CompiledTemplate, Readings] | None:
        """The template that a relative path fits, with its readings; folders (ending with ``/``) on the way count too."""
        for template in self.templates:
            readings = template.folder_readings(key) if key.endswith("/") else template.readings(key)
            if readings:
                return template, readings
        return None

    def names_of(self, keys: Iterable[str]) -> dict[str, dict[str, str]]:
        """Return key -> placeholder -> text of files that are an item each, and whose names can be read in one way alone."""
        found: dict[str, dict[str, str]] = {}
        for key in keys if not self.inside else ():
            fits = self.template_of(key)
            if fits is not None and len(fits[1]) == 1:
                found[key] = dict(fits[1][0])
        return found

    @property
    def inside(self) -> bool:
        """True when the content of the files holds fields that are no placeholders."""
        return bool(self.dataset.format)

    def says(self, key: str, wanted: WantedValues) -> NameFacts:
        """Return the facts that the name ``key`` gives about selectors, whenever it was last written."""
        found = self.template_of(key)
        inside = self.inside and not key.endswith("/")
        return wanted.says(found[1], None, inside=inside) if found else NameFacts(set())

    def within(self, key: str, selectors: Sequence[Selector]) -> tuple[Window, ...]:
        """Return the time windows, in one of which a file was last written if it belongs to them. Any time will do where there is none."""
        found = self.template_of(key)
        if found is None or self.inside or MODIFIED in found[0].placeholders:
            return ()
        windows = [selector.where for selector in selectors]
        asked = [window for window in windows if window is not None and window.field == MODIFIED]
        return tuple(asked) if len(asked) == len(windows) else ()

    def beside(self, wanted: WantedValues) -> tuple[str, ...]:
        """Return the fields of records that are needed besides the subject's fields."""
        return (*wanted.beside, *(self.dataset.subject_fields if wanted.every else ()))

    def doubtful(self, key: str, wanted: WantedValues) -> bool:
        """Return whether one reading of the name means a wanted subject and another means none: the file may belong to a bystander."""
        found = self.template_of(key)
        meant = {bool(wanted.in_name((reading,))) for reading in found[1]} if found else set()
        return len(meant) > 1

    def read(self, file: BinaryIO, key: str, fields: Sequence[str], only: Container[int] | None = None) -> Iterator[FileRecord]:
        """The records of an open file of this dataset; with ``only``, as :func:`records` says of the others. Raises Unreadable."""
        dataset, sound = self.dataset, self._sound if only is None else None
        if sound is None:
            yield from records(file, key, dataset.format, fields, listed=dataset.records, encoding=dataset.encoding, only=only)
            return
        readers: list[DigestingReader] = []

        def told(plain: BinaryIO) -> BinaryIO:
            reader, same = DigestingReader.around(plain)
            readers.append(reader)
            return same

        codec = ""
        for record in records(file, key, dataset.format, fields, encoding=dataset.encoding, told=told):
            codec = record.codec
            yield record
        if codec == "utf-8":
            sound.note(key, readers[0].digest.digest())

    def note_copied(self, key: str, digest: bytes) -> None:
        """Record the digest of a file that was written from nothing but the raw bytes of records that :meth:`read` yielded."""
        if self._sound is not None:
            self._sound.note(key, digest)

    def holding(
        self, opening: Callable[[], BinaryIO], key: str, fields: Sequence[str], texts: Collection[str] | None, *, near: bool = False
    ) -> Iterator[FileRecord]:
        """Yield the records of a file that can hold some texts, and maybe others: all that :meth:`read` yields where it must read them.

        Args:
            opening: opens the file at its start.
            key: its name.
            fields: the fields that the caller will ask for.
            texts: the texts, of any field; None where others count as well.
            near: texts near them are meant as well.

        Raises:
            Unreadable, OSError: as opening and :meth:`read` do. Whatever is asked for, all of the file is sound where nothing is raised.
        """
        needles = None if texts is None or self._sound is None or not self._sound.knows(key) else Needles.of(texts, near=near)
        if needles is not None and self._sound is not None:
            with opening() as file:
                found = self._sound.holding(file, key, needles, fields)
            if found is not None:
                yield from found
                return
        with opening() as file:
            yield from self.read(file, key, fields)

    @property
    def _sound(self) -> SoundFiles | None:
        return self.sound if self.dataset.format == "jsonl" and self.dataset.encoding in {"", "utf-8"} else None

    @property
    def many_in_a_file(self) -> bool:
        """True when a file holds records of many subjects, so that its name names nobody's record."""
        return self.dataset.format in {"jsonl", "csv"} or bool(self.dataset.records)

    @property
    def rewritten(self) -> bool:
        """True when a file that a subject leaves may stay, and is written anew."""
        return self.many_in_a_file or (self.inside and self.dataset.members)


@dataclass
class SubjectTally:
    """The findings about one subject, as they add up."""

    keys: dict[str, None] = field(default_factory=dict)
    items: int = 0
    bytes: int = 0
    links: dict[str, set[str]] = field(default_factory=dict)
    shared: set[str] = field(default_factory=set)
    others: dict[str, set[str]] = field(default_factory=dict)

    def add(self, key: str, size: int, links: Mapping[str, Iterable[str]]) -> None:
        """One more item."""
        self.keys[key] = None
        self.items += 1
        self.bytes += size
        for name, values in links.items():
            self.links.setdefault(name, set()).update(values)

    def meet(self, name: str, values: Iterable[str]) -> None:
        """Note values of a subject field that mean other people."""
        others = [*values]
        if others:
            self.others.setdefault(name, set()).update(others)


def opened(path: Path) -> BinaryIO:
    """Open a regular file without following a link at its end. Raises OSError, and Unreadable for a file that is not regular."""
    return cast("BinaryIO", os.fdopen(open_regular(path), "rb"))
