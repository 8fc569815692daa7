"""Make the timeline of a child: recordings of every store, with what other datasets say of them. No byte of a recording is read."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime

from expunge.core.datamap.artefact import DataKind
from expunge.core.datamap.datamap import DataMap, Dataset, PathLayout, Through
from expunge.core.datamap.person import Person
from expunge.core.datamap.protected_kinds import kind_held
from expunge.core.families.selection import ChosenItems
from expunge.core.families.timeline import SHOWN, TimelineFilter, TimelineItem, in_order
from expunge.core.orders.plan import dependents_first
from expunge.core.values.copy import Copy
from expunge.core.values.hold import item_tag
from expunge.core.values.ids import Pseudonym
from expunge.core.values.scope import MODIFIED, Scope
from expunge.core.values.timestamps import latest
from expunge.engine.families.recordings import joined_rows
from expunge.engine.families.recordings.joined_rows import Beside, Join, SealedWords
from expunge.engine.kernel import store_calls
from expunge.engine.kernel.context import Context
from expunge.engine.subjects import locating
from expunge.errors import CouldNotLook, ItemGone
from expunge.ports.optional.item_listing import ItemListing, ListedItem

HandleOf = Callable[[str, str], str]
"""Returns the handle of an item, from its dataset and key."""
_NOTHING = Scope("a look", ("",))
"""The scope of no dataset: all that is found is something that stays, and nothing is set aside for others or for holds."""
_MEND = "go back to the timeline and choose anew"


@dataclass(frozen=True, slots=True)
class HeldItem:
    """One recording, as the stores know it. It never leaves the process."""

    dataset: str
    key: str = field(repr=False)
    recording: str
    """How the register of openings names it."""
    sealed: bool
    size: int
    """Bytes, as they were listed."""


@dataclass(frozen=True)
class Timeline:
    """The recordings of one person at a moment."""

    person: Person = field(repr=False)
    subjects: frozenset[Pseudonym]
    """Every pseudonym under which the register of openings may name the person."""
    items: tuple[TimelineItem, ...] = field(repr=False)
    """The newest first."""
    held: dict[str, HeldItem] = field(repr=False)
    """Handle -> item."""
    copies: dict[str, Copy] = field(repr=False)
    """Dataset -> the person's copy, which says how items are found."""
    could_not: tuple[str, ...]
    """The kinds of data of datasets that could not be read, as people are told."""
    at: datetime
    sealed_words: dict[str, HeldItem] = field(default_factory=dict, repr=False)
    """Handle of a recording -> its transcript, where that lies sealed."""

    def item(self, handle: str) -> HeldItem:
        """Return an item. Raises ItemGone for a handle that this timeline has not given."""
        found = self.held.get(handle)
        if found is None:
            raise ItemGone("there is no such recording", help=_MEND)
        return found

    def chosen(self, handles: Iterable[str]) -> ChosenItems:
        """Return the selection of some items. Raises ItemGone, and UsageError for none."""
        keys: dict[str, list[str]] = {}
        for each in dict.fromkeys(handles):
            item = self.item(each)
            keys.setdefault(item.dataset, []).append(item.key)
        return ChosenItems({name: tuple(held) for name, held in sorted(keys.items())})

    def all_of(self, wanted: TimelineFilter) -> ChosenItems:
        """Return the selection of every item that passes a filter. Raises UsageError where none does."""
        return self.chosen(each.handle for each in wanted.chosen(self.items))


def recordings_of(data_map: DataMap) -> tuple[Dataset, ...]:
    """Return the datasets that hold recordings, each item in a file or an object of its own."""
    return tuple(
        each
        for name, each in data_map.datasets.items()
        if isinstance(each.layout, PathLayout) and not each.format and kind_held(data_map, name) in SHOWN
    )


def find(context: Context, person: Person, names: Collection[str]) -> tuple[dict[str, Copy], set[str]]:
    """Return a person's copies in some datasets and in those that they are found through, and the names of datasets that failed."""
    data_map, wanted = context.data_map, set(names)
    for dataset in dependents_first(data_map):
        wanted |= set(dataset.subject.sources) if dataset.name in wanted and isinstance(dataset.subject, Through) else set()
    part = replace(context, data_map=replace(data_map, datasets={name: each for name, each in data_map.datasets.items() if name in wanted}))
    located = locating.locate(part, (person,), scope=_NOTHING)
    return {name: found[0] for name, found in located.kept_copies.items() if found}, set(located.failed)


def make(context: Context, person: Person, handle_of: HandleOf) -> Timeline:
    """Look through the stores once. Trouble with one of them never hides another."""
    data_map = context.data_map
    recordings = recordings_of(data_map)
    joins = {each.name: tuple(joined_rows.beside(data_map, each)) for each in recordings}
    names = {each.name for each in recordings} | {join.dataset.name for some in joins.values() for join in some}
    copies, failed = find(context, person, names)
    devices = joined_rows.device_fields(data_map)
    items: list[TimelineItem] = []
    held: dict[str, HeldItem] = {}
    sealed_words: dict[str, HeldItem] = {}
    tag_key = context.keys.pseudonym_key()
    for dataset in recordings:
        copy = copies.get(dataset.name)
        if copy is None:
            continue
        known = [(join, _rows(context, join, copies, devices, failed)) for join in joins[dataset.name]]
        try:
            for listed in _listed(context, dataset, copy):
                handle = handle_of(dataset.name, listed.key)
                name = listed.sealed_as or item_tag(tag_key, dataset.name, listed.key)
                held[handle] = HeldItem(dataset.name, listed.key, name, bool(listed.sealed_as), listed.size)
                item, words = _item(data_map, dataset, listed, handle, known, devices, shared=listed.key in copy.shared)
                items.append(item)
                if words is not None and not item.transcript:
                    sealed_words[handle] = HeldItem(words.dataset, words.item.key, words.item.sealed_as, sealed=True, size=words.item.size)
        except store_calls.TROUBLE:
            failed.add(dataset.name)
    subjects = frozenset({*locating.names_of(context, person), person.subject})
    could_not = _kinds(data_map, failed & names)
    return Timeline(person, subjects, in_order(items), held, copies, could_not, context.clock.now(), sealed_words)


def _listed(context: Context, dataset: Dataset, copy: Copy) -> Iterable[ListedItem]:
    store = context.open_store(dataset.store)
    if not isinstance(store, ItemListing):
        message = f"store {dataset.store}: its items cannot be listed one by one"
        raise CouldNotLook(message, help="keep recordings in folders, buckets or vaults")
    return store_calls.listed(store, dataset, copy)


def _rows(
    context: Context, join: Join, copies: dict[str, Copy], devices: frozenset[str], failed: set[str]
) -> dict[tuple[str, ...], Beside]:
    found: dict[tuple[str, ...], Beside] = {}
    copy = copies.get(join.dataset.name)
    if copy is not None:
        try:
            joined_rows.read(context, join, copy, devices, found)
        except (*store_calls.TROUBLE, ItemGone):
            failed.add(join.dataset.name)
    return found


def _item(
    data_map: DataMap,
    dataset: Dataset,
    listed: ListedItem,
    handle: str,
    known: Collection[tuple[Join, dict[tuple[str, ...], Beside]]],
    devices: frozenset[str],
    *,
    shared: bool,
) -> tuple[TimelineItem, SealedWords | None]:
    """Return a recording with what is known of it, and its transcript where that lies sealed."""
    found = Beside()
    start = dataset.collected or data_map.retention[dataset.retention].start
    times = [latest(listed.fields[start])] if start in listed.fields else [listed.modified] if start == MODIFIED else []
    for join, rows in known:
        key = join.of_recording(listed.fields)
        row = rows.get(key) if key is not None else None
        if row is not None:
            found.transcript, found.device = found.transcript or row.transcript, found.device or row.device
            found.sealed = found.sealed or row.sealed
            found.seconds = found.seconds if found.seconds is not None else row.seconds
            times += [row.times[start]] if start in row.times else []
    named = joined_rows.device_in({name: next(iter(each)) for name, each in listed.fields.items() if len(each) == 1}, devices)
    at = next((each for each in times if each is not None), listed.modified)
    kind, device = kind_held(data_map, dataset.name), named or found.device
    return TimelineItem(handle, kind, at, listed.size, found.transcript, device, found.seconds, shared), found.sealed


def _kinds(data_map: DataMap, failed: Iterable[str]) -> tuple[str, ...]:
    found = {kind_held(data_map, name) for name in failed}
    return tuple(each.value for each in DataKind if each in found)
