"""The tree of a vault: names, which lie sealed in labels, and the recordings under them.

A recording may belong to several people. Its name says one of them, and its label all. Each of them gives the name a further reading
(:class:`SealedLayout`), so that the rules for names find the recording by each of its people.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import BinaryIO

from expunge import permit
from expunge.core.datamap.datamap import ByField, Through
from expunge.core.values.copy import Copy, Selector
from expunge.core.values.ids import Pseudonym
from expunge.core.values.outcome import Reason, Unable
from expunge.ports.vault.sealed_library import SealedLibrary, SealedRecording, Subject
from expunge.stores.tree.folder_layout import FolderLayout, WantedValues
from expunge.stores.tree.interface import FileCut, FileState, FoundName, NameTrouble, Removal, RemovalResult, Shares
from expunge.stores.tree.template_walk import Bindings, CompiledTemplate, Readings

STAYING = "control-"
"""Prefix of the names of people who stay (:meth:`expunge.ports.store.Store.bystanders`)."""
_TOGETHER = 1_000
"""The most recordings whose keys are destroyed in one step."""
_WHOLE = Unable(Reason.UNSUPPORTED, "a sealed recording goes as a whole")


@dataclass(frozen=True)
class SealedLayout(FolderLayout):
    """A dataset's way of naming recordings; for the names that were met, with the people in their labels."""

    met: dict[str, tuple[CompiledTemplate, Readings]] = field(default_factory=dict, repr=False, compare=False)

    def template_of(self, key: str) -> tuple[CompiledTemplate, Readings] | None:
        """Return the template and all readings of a name, including those by its label."""
        return self.met.get(key) or super().template_of(key)

    def doubtful(self, key: str, wanted: WantedValues) -> bool:
        """Return whether the people of a name are unknown. They never are once its label was read."""
        return key not in self.met and super().doubtful(key, wanted)

    def readings_of(self, template: CompiledTemplate, recording: SealedRecording) -> Readings:
        """Return every reading of a recording's name: one for each of its people."""
        rule = self.dataset.subject
        fields = rule.fields if isinstance(rule, ByField) else {}
        found: list[Bindings] = []
        for base in template.readings(recording.name):
            found.append(base)
            found += ({**base, fields[kind]: value} for kind, value in recording.subjects if fields.get(kind) in base)
        return different(found)

    def shows(self, recording: SealedRecording) -> bool:
        """Return whether a recording's name fits a path, and a look finds it by each of its people, or by what it was made from."""
        rule = self.dataset.subject
        if isinstance(rule, Through):
            return self.links(recording, rule.via) != frozenset()
        fields = rule.fields if isinstance(rule, ByField) else {}
        readings = [way for template in self.templates for way in self.readings_of(template, recording)]
        return bool(readings) and all(any(way.get(fields.get(kind, "")) == value for way in readings) for kind, value in recording.subjects)

    def links(self, recording: SealedRecording, field_: str) -> frozenset[str]:
        """Return the values of a field in a recording's name."""
        return frozenset(way[field_] for template in self.templates for way in template.readings(recording.name) if field_ in way)

    def copy(self, recording: SealedRecording, number: int) -> Copy:
        """Return one recording as an item of people who stay."""
        readings = different(way for template in self.templates for way in self.readings_of(template, recording))

        def said(names: Iterable[str]) -> dict[str, frozenset[str]]:
            return {name: frozenset(way[name] for way in readings if name in way) for name in names}

        whose = Pseudonym(f"{STAYING}{number}")
        selector = Selector(whose, {name: values for name, values in said(self.dataset.subject_fields).items() if values})
        return Copy(self.dataset.name, whose, (recording.name,), 1, recording.size, links=said(self.dataset.follow), selector=selector)

    def subjects_of(self, wanted: Mapping[str, Collection[str]]) -> frozenset[Subject] | None:
        """Return the people whom values of some fields mean; None where a field does not name people."""
        rule = self.dataset.subject
        pairs = rule.pairs() if isinstance(rule, ByField) else ()
        if not wanted or set(wanted) - {name for _, name in pairs}:
            return None
        return frozenset((kind, value) for kind, name in pairs for value in wanted.get(name, ()))


def shown_by(layouts: Iterable[SealedLayout], library: SealedLibrary) -> Callable[[SealedRecording], bool]:
    """Return a function that tells whether an order finds a recording: see :meth:`SealedLayout.shows`.

    What is found through another dataset needs a living recording there that leads to it, with its people: all of them, or none but them.
    """
    by_name = {each.dataset.name: each for each in layouts}
    leading: dict[tuple[str, str], dict[str, set[frozenset[Subject]]]] = {}

    def leads(source: str, link: str) -> Mapping[str, set[frozenset[Subject]]]:
        if (source, link) not in leading:
            people = leading[source, link] = {}
            for each in library.recordings(source):
                for value in by_name[source].links(each, link):
                    people.setdefault(value, set()).add(frozenset(each.subjects))
        return leading[source, link]

    def shown(recording: SealedRecording) -> bool:
        layout = by_name.get(recording.dataset)
        if layout is None or not layout.shows(recording):
            return False
        rule = layout.dataset.subject
        if not isinstance(rule, Through) or any(source not in by_name for source in rule.sources):
            return True
        values = layout.links(recording, rule.via)
        found = [some for source, link in rule.ways for value in values for some in leads(source, link).get(value, ())]
        people = frozenset(recording.subjects)
        return people in found or (bool(found) and all(some <= people for some in found))

    return shown


def led_from_elsewhere(
    layouts: Iterable[SealedLayout],
    library: SealedLibrary,
    made: SealedLayout,
    recordings: Iterable[SealedRecording],
    going: Mapping[str, Collection[str]],
) -> frozenset[str]:
    """Return the names among ``recordings`` to which living recordings of the same people lead, and none of those that go."""
    by_name = {each.dataset.name: each for each in layouts}
    rule = made.dataset.subject
    if not isinstance(rule, Through) or any(source not in by_name for source in rule.sources):
        return frozenset()
    leaving: dict[str, set[frozenset[Subject]]] = {}
    staying: dict[str, set[frozenset[Subject]]] = {}
    for source, link in rule.ways:
        for each in library.recordings(source):
            leads = leaving if each.name in going.get(source, ()) else staying
            for value in by_name[source].links(each, link):
                leads.setdefault(value, set()).add(frozenset(each.subjects))
    found: set[str] = set()
    for each in recordings:
        people, values = frozenset(each.subjects), made.links(each, rule.via)
        if any(people in leaving.get(value, ()) for value in values):
            continue
        # Why more people too: the same recording, adopted with further people in it, keeps what was made from it before.
        if any(people <= others for value in values for others in staying.get(value, ())):
            found.add(each.name)
    return frozenset(found)


@dataclass(frozen=True)
class SealedName:
    """One name, and the recordings under it: several only where two ingests of one name were cut off from each other."""

    key: str = field(repr=False)
    readings: Readings = field(repr=False)
    recordings: tuple[SealedRecording, ...]
    is_link = False
    is_folder = False

    def size(self) -> int:
        """Bytes of the recordings, by their labels."""
        return sum(each.size for each in self.recordings)

    def modified(self) -> datetime | None:
        """Return when the newest recording came in."""
        return max(each.at for each in self.recordings)


@dataclass(frozen=True)
class SealedState:
    """One recording under a name."""

    library: SealedLibrary
    recording: SealedRecording
    older: int

    def open(self) -> BinaryIO:
        """See :class:`expunge.stores.tree.interface.FileState`."""
        return self.library.open(self.recording)

    def notes(self) -> Mapping[str, str]:
        """Return nothing: no notes lie beside the bytes."""
        return {}


class SealedTree:
    """One vault, for one call over the recordings of one dataset."""

    def __init__(self, library: SealedLibrary, layout: SealedLayout) -> None:
        self._library = library
        self._layout = layout
        self._names: dict[str, tuple[SealedRecording, ...]] = {}
        """The recordings under the names that were met."""

    # --- looking --------------------------------------------------------------------------------

    def walk(
        self, template: CompiledTemplate, wanted: Callable[[Bindings], bool], only: Mapping[str, Collection[str]]
    ) -> Iterator[SealedName]:
        """Yield names, from the labels of the people whom ``only`` names, or from all labels."""
        for found in self._met(template, self._layout.subjects_of(only)):
            # Why each is asked: a caller that collects values meets them here.
            if True in [wanted(reading) for reading in found.readings]:
                yield found

    def _met(self, template: CompiledTemplate, subjects: Collection[Subject] | None) -> Iterator[SealedName]:
        by_name: dict[str, list[SealedRecording]] = {}
        for recording in self._library.recordings(self._layout.dataset.name, subjects):
            by_name.setdefault(recording.name, []).append(recording)
        for name, several in sorted(by_name.items()):
            together = tuple(sorted(several, key=lambda each: (each.at, each.id), reverse=True))
            readings = different(way for each in together for way in self._layout.readings_of(template, each))
            if readings:
                self._names[name], self._layout.met[name] = together, (template, readings)
                yield SealedName(name, readings, together)

    def meet(self, copies: Sequence[Copy]) -> None:
        """Open the labels of the people whom copies are about, so that their names are known."""
        selectors = [copy.selector for copy in copies if copy.selector]
        asked = [None if selector.every else self._layout.subjects_of(selector.match) for selector in selectors]
        every = None in asked
        wanted: set[Subject] = set().union(*(each for each in asked if each is not None))
        for template in self._layout.templates if every or wanted else ():
            for _ in self._met(template, None if every else wanted):
                pass

    def recordings(self, keys: Iterable[str]) -> tuple[SealedRecording, ...]:
        """Return the recordings under some names that were met, newest first."""
        return tuple(each for key in dict.fromkeys(keys) for each in self._names.get(key, ()))

    def states_of(self, found: FoundName) -> Iterator[FileState]:
        """Yield the recordings under the name."""
        return self.states(found.key)

    def states(self, key: str) -> Iterator[FileState]:
        """Yield the recordings under a name that was met."""
        for number, each in enumerate(self._names.get(key, ())):
            yield SealedState(self._library, each, number)

    def objection(self, key: str) -> Unable | None:  # noqa: ARG002 - a recording has one name
        """Return None: a vault has no links."""
        return None

    def bare(self, found: FoundName) -> bool:  # noqa: ARG002
        """Return no: folders are parts of names here, and nothing in themselves."""
        return False

    def is_link(self, key: str) -> bool:  # noqa: ARG002
        """Return no."""
        return False

    def is_folder(self, key: str) -> bool:  # noqa: ARG002
        """Return no."""
        return False

    # --- changing -------------------------------------------------------------------------------

    def remove(self, removals: Iterable[Removal]) -> Iterator[RemovalResult]:
        """Destroy the keys of many recordings in one step, then remove their files."""
        waiting = iter(removals)
        while batch := list(islice(waiting, _TOGETHER)):
            yield from self._remove(batch)

    def _remove(self, batch: Sequence[Removal]) -> Iterator[RemovalResult]:
        going: dict[str, tuple[SealedRecording, ...]] = {}
        for removal in batch:
            here = self._names.get(removal.key, ())
            going[removal.key] = () if not here or removal.late(max(each.at for each in here)) else here
        try:
            permit.check()
            self._library.shred([each for some in going.values() for each in some])
        except OSError as error:
            yield from (RemovalResult(removal, there=False, error=error) for removal in batch)
            return
        stays = self._library.discard([each for some in going.values() for each in some])
        for removal in batch:
            gone = going[removal.key]
            found = next((stays[each.id] for each in gone if each.id in stays), None)
            if found is not None:
                yield RemovalResult(removal, there=False, error=found)
                continue
            yield RemovalResult(removal, bool(gone), sum(each.size for each in gone))

    def rewrite(self, key: str, cut: FileCut) -> None:  # noqa: ARG002 - no recording is cut
        """Raise NameTrouble: a recording goes whole, never in part."""
        raise NameTrouble(_WHOLE)

    def finish(self, keys: Mapping[str, Sequence[Pseudonym]], shares: Shares, named: Callable[[str], bool]) -> None:
        """Do nothing: each step was durable, and no folders are left behind."""


def different(readings: Iterable[Bindings]) -> Readings:
    """Return the readings, each once."""
    found = list(readings)
    return tuple(each for number, each in enumerate(found) if each not in found[:number])
